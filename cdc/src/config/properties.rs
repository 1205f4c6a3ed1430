//! Every connector property Walcast knows, and how it is treated.
//!
//! Nothing is silently ignored: a property is honoured, or accepted with a warning where leaving it
//! out cannot change a record, or refused by name with what to do instead. Names and defaults are
//! Debezium's (`PostgresConnectorConfig`, `RelationalDatabaseConnectorConfig`,
//! `CommonConnectorConfig`) and Kafka Connect's (`ConnectorConfig`, `SourceConnectorConfig`).

/// How a property is treated.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Treatment {
    /// Read and acted on.
    Honoured,
    /// Accepted; it cannot change a record here. Holds why.
    NoEffect(&'static str),
    /// Accepted only with this value, which is Debezium's default; anything else is refused.
    /// Holds the value and what to do instead.
    Only(&'static str, &'static str),
}

use Treatment::{Honoured, NoEffect, Only};

const LATER: &str = "this version of Walcast does not support it; remove it";
const CUSTOM: &str = "Walcast loads no Java class; remove it";
const WATERMARK_RETRY: &str =
    "a watermark that cannot be written is tried again until it can, with its chunk";
const NOTHING_PASSES: &str = "no transform or converter here fails in a way that passes by itself";
const QUEUE: &str = "Walcast bounds its queues by bytes";

/// Properties by exact name.
pub const PROPERTIES: &[(&str, Treatment)] = &[
    ("name", Honoured),
    ("connector.class", Honoured),
    ("tasks.max", Honoured),
    ("tasks.max.enforce", NoEffect("there is always one task")),
    (
        "connector.plugin.version",
        NoEffect("there is one version of the connector"),
    ),
    ("plugin.name", Honoured),
    ("slot.name", Honoured),
    ("slot.drop.on.stop", Honoured),
    ("slot.failover", Honoured),
    ("slot.max.retries", Honoured),
    ("slot.retry.delay.ms", Honoured),
    ("walcast.slots.count", Honoured),
    ("walcast.slots.split", Honoured),
    ("slot.stream.params", Only("", LATER)),
    ("publication.name", Honoured),
    ("publication.autocreate.mode", Honoured),
    ("publish.via.partition.root", Honoured),
    ("replica.identity.autoset.values", Honoured),
    ("database.hostname", Honoured),
    ("database.port", Honoured),
    ("database.user", Honoured),
    ("database.password", Honoured),
    ("database.dbname", Honoured),
    ("database.sslmode", Honoured),
    ("database.sslrootcert", Honoured),
    ("database.sslcert", Honoured),
    ("database.sslkey", Honoured),
    (
        "database.sslpassword",
        Only(
            "",
            "store the client key unencrypted, readable by Walcast only",
        ),
    ),
    ("database.sslfactory", Only("", LATER)),
    (
        "database.tcpKeepAlive",
        NoEffect("TCP keepalive is always on"),
    ),
    ("database.initial.statements", Honoured),
    (
        "database.query.timeout.ms",
        NoEffect("queries are bounded by the server's statement_timeout"),
    ),
    ("database.connection.factory.class", Only("", LATER)),
    (
        "connection.validation.timeout.ms",
        NoEffect("validation is bounded by 10 s"),
    ),
    ("topic.prefix", Honoured),
    ("topic.delimiter", Honoured),
    ("topic.naming.strategy", Honoured),
    ("topic.regex", Honoured),
    ("topic.replacement", Honoured),
    ("topic.key.enforce.uniqueness", Honoured),
    ("topic.key.field.name", Honoured),
    ("topic.key.field.regex", Honoured),
    ("topic.key.field.replacement", Honoured),
    (
        "topic.cache.size",
        NoEffect("topic names are kept per relation"),
    ),
    ("topic.heartbeat.prefix", Honoured),
    ("topic.heartbeat.name", Honoured),
    ("topic.transaction", Honoured),
    ("schema.include.list", Honoured),
    ("schema.exclude.list", Honoured),
    ("table.include.list", Honoured),
    ("table.exclude.list", Honoured),
    (
        "table.ignore.builtin",
        Only("true", "system tables are never captured"),
    ),
    ("column.include.list", Honoured),
    ("column.exclude.list", Honoured),
    ("snapshot.mode", Honoured),
    ("snapshot.include.collection.list", Honoured),
    ("snapshot.fetch.size", NoEffect("rows are streamed by COPY")),
    (
        "snapshot.isolation.mode",
        NoEffect("the snapshot reads one exported snapshot"),
    ),
    ("snapshot.locking.mode", Honoured),
    ("snapshot.lock.timeout.ms", Honoured),
    ("snapshot.query.mode", Only("select_all", LATER)),
    ("snapshot.mode.custom.name", Only("", CUSTOM)),
    ("snapshot.query.mode.custom.name", Only("", CUSTOM)),
    ("snapshot.locking.mode.custom.name", Only("", CUSTOM)),
    ("snapshot.max.threads", Honoured),
    (
        "snapshot.max.threads.multiplier",
        NoEffect("tables are cut into pieces of 16 MB"),
    ),
    (
        "legacy.snapshot.max.threads",
        NoEffect("several streams read one table"),
    ),
    ("snapshot.delay.ms", Honoured),
    ("streaming.delay.ms", Honoured),
    ("snapshot.tables.order.by.row.count", Honoured),
    ("snapshot.select.statement.overrides", Honoured),
    ("decimal.handling.mode", Honoured),
    ("time.precision.mode", Honoured),
    ("interval.handling.mode", Honoured),
    ("hstore.handling.mode", Honoured),
    ("binary.handling.mode", Honoured),
    ("money.fraction.digits", Honoured),
    ("include.unknown.datatypes", Honoured),
    ("unavailable.value.placeholder", Honoured),
    ("schema.name.adjustment.mode", Honoured),
    ("field.name.adjustment.mode", Honoured),
    ("schema.refresh.mode", Honoured),
    ("tombstones.on.delete", Honoured),
    ("skipped.operations", Honoured),
    ("message.key.columns", Honoured),
    ("skip.messages.without.change", Honoured),
    ("message.prefix.include.list", Honoured),
    ("message.prefix.exclude.list", Honoured),
    ("provide.transaction.metadata", Honoured),
    ("heartbeat.interval.ms", Honoured),
    ("heartbeat.action.query", Honoured),
    ("walcast.heartbeat.message.interval.ms", Honoured),
    ("status.update.interval.ms", Honoured),
    ("max.batch.size", NoEffect(QUEUE)),
    ("max.queue.size", NoEffect(QUEUE)),
    ("max.queue.size.in.bytes", NoEffect(QUEUE)),
    ("queue.provider.type", NoEffect(QUEUE)),
    ("poll.interval.ms", Honoured),
    (
        "poll.dispatch.interval.ms",
        NoEffect("Walcast does not poll"),
    ),
    ("query.fetch.size", NoEffect("rows are streamed")),
    ("errors.max.retries", Honoured),
    ("retriable.restart.connector.wait.ms", Honoured),
    ("errors.tolerance", Honoured),
    ("errors.log.enable", Honoured),
    ("errors.log.include.messages", Honoured),
    ("errors.retry.timeout", NoEffect(NOTHING_PASSES)),
    ("errors.retry.delay.max.ms", NoEffect(NOTHING_PASSES)),
    (
        "errors.retry.delay.initial.ms",
        NoEffect("it is Debezium Engine's; retriable.restart.connector.wait.ms bounds the pause"),
    ),
    (
        "event.processing.failure.handling.mode",
        Only("fail", "a failing event stops the task"),
    ),
    (
        "event.converting.failure.handling.mode",
        NoEffect("a value that cannot be read stops the task"),
    ),
    ("lsn.flush.mode", Only("connector", LATER)),
    ("flush.lsn.source", Only("true", LATER)),
    (
        "lsn.flush.timeout.ms",
        NoEffect("confirming to the slot never blocks"),
    ),
    (
        "lsn.flush.timeout.action",
        NoEffect("confirming to the slot never blocks"),
    ),
    ("offset.mismatch.strategy", Honoured),
    ("walcast.strict.offset", Honoured),
    ("walcast.snapshot.chunk.blocks", Honoured),
    ("walcast.accept.system.id", Honoured),
    ("walcast.wal.guard.interval.ms", Honoured),
    ("walcast.wal.guard.warn.bytes", Honoured),
    ("walcast.wal.guard.max.bytes", Honoured),
    ("walcast.wal.guard.policy", Honoured),
    ("walcast.task.restart.max.attempts", Honoured),
    ("walcast.task.restart.delay.initial.ms", Honoured),
    ("walcast.task.restart.delay.max.ms", Honoured),
    ("walcast.watchdog.timeout.ms", Honoured),
    ("walcast.catchup.enabled", Honoured),
    ("walcast.catchup.min.bytes", Honoured),
    ("walcast.catchup.batch.bytes", Honoured),
    ("walcast.catchup.distance.max.bytes", Honoured),
    ("walcast.source.version", Honoured),
    (
        "slot.seek.to.known.offset.on.start",
        NoEffect("streaming always starts at the checkpoint"),
    ),
    ("key.converter", Honoured),
    ("value.converter", Honoured),
    ("header.converter", Honoured),
    ("transforms", Honoured),
    ("predicates", Honoured),
    ("exactly.once.support", Honoured),
    ("transaction.boundary", Honoured),
    ("transaction.boundary.interval.ms", Honoured),
    ("offsets.storage.topic", Only("", LATER)),
    (
        "config.action.reload",
        NoEffect("secrets are read when the connector starts"),
    ),
    ("extended.headers.enabled", Honoured),
    ("signal.data.collection", Honoured),
    ("signal.enabled.channels", Honoured),
    ("signal.poll.interval.ms", Honoured),
    ("signal.kafka.topic", Honoured),
    ("signal.kafka.groupId", Honoured),
    ("signal.kafka.bootstrap.servers", Honoured),
    (
        "signal.kafka.poll.timeout.ms",
        NoEffect("signals are taken as soon as they arrive"),
    ),
    ("signal.file", Honoured),
    ("signal.emit.failure.max.retries", NoEffect(WATERMARK_RETRY)),
    ("signal.emit.failure.backoff.ms", NoEffect(WATERMARK_RETRY)),
    ("notification.enabled.channels", Honoured),
    ("notification.sink.topic.name", Honoured),
    ("incremental.snapshot.chunk.size", Honoured),
    ("incremental.snapshot.watermarking.strategy", Honoured),
    (
        "incremental.snapshot.allow.schema.changes",
        NoEffect("each chunk is read with the definition its table has then"),
    ),
    ("read.only", Honoured),
    ("xmin.fetch.interval.ms", Only("0", LATER)),
    ("converters", Only("", LATER)),
    ("post.processors", Only("", LATER)),
    ("sourceinfo.struct.maker", Only("", LATER)),
    (
        "transaction.metadata.factory",
        Only(
            "io.debezium.pipeline.txmetadata.DefaultTransactionMetadataFactory",
            LATER,
        ),
    ),
    (
        "custom.sanitize.pattern",
        NoEffect("Walcast writes no property's value to its log"),
    ),
    (
        "custom.metric.tags",
        NoEffect("metrics carry the connector's name"),
    ),
    (
        "statistics.metrics.enabled",
        NoEffect("latency histograms are always on"),
    ),
    ("advanced.metrics.enable", NoEffect("metrics are always on")),
    ("guardrail.collections.max", Only("0", LATER)),
    (
        "guardrail.collections.limit.action",
        NoEffect("it applies to guardrail.collections.max only"),
    ),
    (
        "executor.shutdown.timeout.ms",
        NoEffect("a stop waits for what is in flight"),
    ),
    (
        "include.schema.changes",
        NoEffect("PostgreSQL has no schema-change topic"),
    ),
    (
        "include.schema.comments",
        NoEffect("PostgreSQL has no schema-change topic"),
    ),
    ("openlineage.integration.enabled", Only("false", LATER)),
];

/// Properties by prefix, for the families whose names hold a part of the user's choosing.
pub const PREFIXES: &[(&str, Treatment)] = &[
    ("key.converter.", Honoured),
    ("value.converter.", Honoured),
    ("header.converter.", Honoured),
    ("transforms.", Honoured),
    ("predicates.", Honoured),
    ("producer.override.", Honoured),
    ("topic.creation.", Honoured),
    ("column.mask.", Honoured),
    ("column.truncate.", Honoured),
    ("column.propagate.", Honoured),
    ("datatype.propagate.", Honoured),
    ("snapshot.select.statement.overrides.", Honoured),
    ("snapshot.mode.configuration.based.", Honoured),
    (
        "errors.deadletterqueue.",
        NoEffect("Kafka Connect uses it for sinks only"),
    ),
    ("signal.consumer.", Honoured),
    (
        "notification.http.",
        NoEffect("there is no HTTP channel; notification.enabled.channels refuses it"),
    ),
    ("signal.", NoEffect("signals need signal.data.collection")),
    ("openlineage.", NoEffect("it applies to OpenLineage only")),
    ("driver.", NoEffect("there is no JDBC driver")),
    (
        "admin.override.",
        NoEffect("topics are made over the worker's own connection"),
    ),
    (
        "consumer.override.",
        NoEffect("offsets are read over the worker's own connection"),
    ),
    (
        "internal.",
        NoEffect("Debezium's internal switches; none changes a record here"),
    ),
];

/// How `property` is treated; `None` when Walcast does not know the name.
pub fn treatment(property: &str) -> Option<Treatment> {
    let exact = PROPERTIES.iter().find(|(name, _)| *name == property);
    exact
        .or_else(|| {
            PREFIXES
                .iter()
                .find(|(prefix, _)| property.starts_with(prefix))
        })
        .map(|(_, treatment)| *treatment)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_property_is_listed_twice() {
        let mut names: Vec<_> = PROPERTIES.iter().map(|(n, _)| *n).collect();
        names.sort_unstable();
        assert!(names.windows(2).all(|w| w[0] != w[1]), "{names:?}");
    }

    #[test]
    fn a_longer_prefix_stands_before_a_shorter_one() {
        assert_eq!(
            treatment("topic.creation.default.partitions"),
            Some(Honoured)
        );
        let longer = |a: &str, b: &str| b.len() > a.len() && b.starts_with(a);
        for (place, (prefix, _)) in PREFIXES.iter().enumerate() {
            let mut after = PREFIXES.iter().skip(place);
            assert!(!after.any(|(other, _)| longer(prefix, other)), "{prefix}");
        }
        assert_eq!(treatment("no.such.property"), None);
    }
}
