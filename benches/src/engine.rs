//! The engines that are measured, and how each reads and is set.

use clap::ValueEnum;

/// What moves changes out of PostgreSQL.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Engine {
    /// Debezium on Kafka Connect, with its defaults
    Debezium,
    /// Debezium with larger batches and queues, lz4 and a linger of 5 ms
    DebeziumTuned,
    /// pg_recvlogical to /dev/null: what one walsender can send; no Kafka
    #[value(name = "pg_recvlogical")]
    PgRecvlogical,
    /// SQL batches from a temporary copy of the slot, to nowhere: what the server can decode; no Kafka
    Sql,
    /// Walcast, at least once, reading one walsender's stream
    Walcast,
    /// Walcast, exactly once: records and checkpoint in Kafka's transactions
    WalcastEos,
    /// Walcast, at least once, reading a backlog by SQL batches
    WalcastCatchup,
    /// Walcast, at least once, reading two walsenders' streams, each of half of the rows
    #[value(name = "walcast-2-slots")]
    Walcast2Slots,
    /// As walcast-2-slots, with three
    #[value(name = "walcast-3-slots")]
    Walcast3Slots,
    /// walcast sink, from a topic into ClickHouse
    WalcastSink,
    /// ClickHouse's own Kafka engine, from the same topic into the same tables
    ClickhouseKafka,
    /// walcast api: events by POST
    WalcastApi,
    /// What the API does for an event, by SQL alone: two inserts in one transaction
    Inserts,
}

/// Debezium as its users tune it.
const TUNED: [(&str, &str); 6] = [
    ("max.batch.size", "8192"),
    ("max.queue.size", "32768"),
    ("poll.interval.ms", "10"),
    ("producer.override.linger.ms", "5"),
    ("producer.override.batch.size", "524288"),
    ("producer.override.compression.type", "lz4"),
];

/// Which program runs an engine.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Runner {
    /// Kafka Connect with Debezium.
    KafkaConnect,
    /// `walcast connect`.
    Walcast,
    /// A reader that writes to nowhere.
    Reader,
    /// What brings a topic to ClickHouse.
    Sink,
    /// What writes events to PostgreSQL.
    Api,
}

impl Engine {
    /// Its name in options and results.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Debezium => "debezium",
            Self::DebeziumTuned => "debezium-tuned",
            Self::PgRecvlogical => "pg_recvlogical",
            Self::Sql => "sql",
            Self::Walcast => "walcast",
            Self::WalcastEos => "walcast-eos",
            Self::WalcastCatchup => "walcast-catchup",
            Self::Walcast2Slots => "walcast-2-slots",
            Self::Walcast3Slots => "walcast-3-slots",
            Self::WalcastSink => "walcast-sink",
            Self::ClickhouseKafka => "clickhouse-kafka",
            Self::WalcastApi => "walcast-api",
            Self::Inserts => "inserts",
        }
    }

    /// Which program runs it.
    pub(crate) fn runner(self) -> Runner {
        match self {
            Self::Debezium | Self::DebeziumTuned => Runner::KafkaConnect,
            Self::PgRecvlogical | Self::Sql => Runner::Reader,
            Self::Walcast
            | Self::WalcastEos
            | Self::WalcastCatchup
            | Self::Walcast2Slots
            | Self::Walcast3Slots => Runner::Walcast,
            Self::WalcastSink | Self::ClickhouseKafka => Runner::Sink,
            Self::WalcastApi | Self::Inserts => Runner::Api,
        }
    }

    /// Whether it writes in Kafka's transactions.
    pub(crate) fn is_exactly_once(self) -> bool {
        self == Self::WalcastEos
    }

    /// How many slots it reads.
    pub(crate) fn slots(self) -> u32 {
        match self {
            Self::Walcast2Slots => 2,
            Self::Walcast3Slots => 3,
            _ => 1,
        }
    }

    /// The connector's properties that make it this engine and no other.
    pub(crate) fn properties(self) -> &'static [(&'static str, &'static str)] {
        match self {
            Self::DebeziumTuned => &TUNED,
            Self::WalcastEos => &[("exactly.once.support", "required")],
            Self::Walcast2Slots => &[("walcast.slots.count", "2")],
            Self::Walcast3Slots => &[("walcast.slots.count", "3")],
            _ => &[],
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_engine_is_called_in_results_as_on_the_command_line() {
        for engine in Engine::value_variants() {
            let value = engine.to_possible_value().expect("none is hidden");
            assert_eq!(value.get_name(), engine.name());
        }
    }
}
