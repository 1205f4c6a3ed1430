//! The scenarios: what is done to an engine while it is measured.

use clap::ValueEnum;

use crate::engine::{Engine, Runner};

/// What is measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Scenario {
    /// A backlog of outbox rows in the WAL, in transactions of 1000 rows
    Drain,
    /// 500 transactions a second of one row, at a fixed rate: latency
    #[value(name = "live-500")]
    Live500,
    /// 2000 transactions a second
    #[value(name = "live-2000")]
    Live2000,
    /// 5000 transactions a second
    #[value(name = "live-5000")]
    Live5000,
    /// The backlog in one transaction
    OneTransaction,
    /// A backlog of rows of 8 KB, a tenth as many
    Wide,
    /// The backlog with schemas.enable=true
    Schemas,
    /// A backlog of inserts, updates and deletes, with REPLICA IDENTITY FULL
    Mixed,
    /// An initial snapshot of the table
    Snapshot,
    /// From the start of the process to its first record, with an existing slot
    Start,
    /// Nothing happens: CPU and memory
    Idle,
    /// A topic of outbox events into ClickHouse
    Sink,
    /// Events written by 1 connection, each when the one before is answered
    #[value(name = "api-1")]
    Api1,
    /// By 8 connections
    #[value(name = "api-8")]
    Api8,
    /// By 32 connections
    #[value(name = "api-32")]
    Api32,
}

impl Scenario {
    /// Its name in options and results.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Drain => "drain",
            Self::Live500 => "live-500",
            Self::Live2000 => "live-2000",
            Self::Live5000 => "live-5000",
            Self::OneTransaction => "one-transaction",
            Self::Wide => "wide",
            Self::Schemas => "schemas",
            Self::Mixed => "mixed",
            Self::Snapshot => "snapshot",
            Self::Start => "start",
            Self::Idle => "idle",
            Self::Sink => "sink",
            Self::Api1 => "api-1",
            Self::Api8 => "api-8",
            Self::Api32 => "api-32",
        }
    }

    /// Whether `engine` can be measured in it.
    pub(crate) fn takes(self, engine: Engine) -> bool {
        match (self, engine.runner()) {
            (Self::Sink, runner) => runner == Runner::Sink,
            (Self::Api1 | Self::Api8 | Self::Api32, runner) => runner == Runner::Api,
            (_, Runner::Sink | Runner::Api) => false,
            // Readers without Kafka show a limit of the server, and the drain is where it counts.
            (scenario, Runner::Reader) => scenario == Self::Drain,
            (scenario, Runner::KafkaConnect | Runner::Walcast) => {
                let for_backlogs = engine == Engine::WalcastCatchup || engine.slots() > 1;
                !for_backlogs || scenario.has_backlog()
            }
        }
    }

    fn has_backlog(self) -> bool {
        matches!(
            self,
            Self::Drain | Self::OneTransaction | Self::Wide | Self::Schemas | Self::Mixed
        )
    }

    /// Connections that write to the API, if it is about that.
    pub(crate) fn connections(self) -> Option<u32> {
        match self {
            Self::Api1 => Some(1),
            Self::Api8 => Some(8),
            Self::Api32 => Some(32),
            _ => None,
        }
    }

    /// Transactions a second, if it is a live one.
    pub(crate) fn rate(self) -> Option<u32> {
        match self {
            Self::Live500 => Some(500),
            Self::Live2000 => Some(2000),
            Self::Live5000 => Some(5000),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_scenario_is_called_in_results_as_on_the_command_line() {
        for scenario in Scenario::value_variants() {
            let value = scenario.to_possible_value().expect("none is hidden");
            assert_eq!(value.get_name(), scenario.name());
        }
    }
}
