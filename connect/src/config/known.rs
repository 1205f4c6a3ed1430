//! Every worker property Walcast knows, and how it is treated.
//!
//! Names are Kafka Connect 4.1's (`DistributedConfig`, `WorkerConfig`, `RestServerConfig`) and its
//! clients'. Nothing is silently ignored: a property is honoured, accepted with a warning where it
//! has no effect here; a value that cannot be honoured is refused where it is read.

/// How a worker property is treated.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Treatment {
    /// Read and acted on.
    Honoured,
    /// Accepted; holds why it has no effect.
    NoEffect(&'static str),
}

use Treatment::{Honoured, NoEffect};

const JVM: &str = "there is no JVM";
const GROUP: &str = "workers share connectors through a Kafka consumer group";
const LIBRDKAFKA: &str = "the Kafka client library has its own way";

/// Properties by exact name, then families by a prefix that ends in a dot.
const KNOWN: &[(&str, Treatment)] = &[
    ("bootstrap.servers", Honoured),
    ("group.id", Honoured),
    ("client.id", Honoured),
    ("config.storage.topic", Honoured),
    ("config.storage.replication.factor", Honoured),
    ("offset.storage.topic", Honoured),
    ("offset.storage.partitions", Honoured),
    ("offset.storage.replication.factor", Honoured),
    ("status.storage.topic", Honoured),
    ("status.storage.partitions", Honoured),
    ("status.storage.replication.factor", Honoured),
    ("key.converter", Honoured),
    ("value.converter", Honoured),
    ("header.converter", Honoured),
    ("listeners", Honoured),
    ("rest.advertised.host.name", Honoured),
    ("rest.advertised.port", Honoured),
    ("rest.advertised.listener", Honoured),
    ("exactly.once.source.support", Honoured),
    ("offset.flush.interval.ms", Honoured),
    (
        "offset.flush.timeout.ms",
        NoEffect("a checkpoint is retried until it is written"),
    ),
    ("task.shutdown.graceful.timeout.ms", Honoured),
    ("topic.tracking.enable", Honoured),
    ("topic.tracking.allow.reset", Honoured),
    ("topic.creation.enable", Honoured),
    ("config.providers", Honoured),
    ("connector.client.config.override.policy", Honoured),
    ("security.protocol", Honoured),
    ("client.dns.lookup", NoEffect(LIBRDKAFKA)),
    ("walcast.kafka.start.timeout.ms", Honoured),
    ("plugin.path", NoEffect("connectors are built in")),
    ("plugin.discovery", NoEffect("connectors are built in")),
    ("response.http.headers.config", Honoured),
    ("access.control.allow.origin", Honoured),
    ("access.control.allow.methods", Honoured),
    ("admin.listeners", Honoured),
    ("rest.extension.classes", Honoured),
    ("walcast.rest.basic.auth.file", Honoured),
    ("scheduled.rebalance.max.delay.ms", NoEffect(GROUP)),
    ("worker.sync.timeout.ms", NoEffect(GROUP)),
    ("worker.unsync.backoff.ms", NoEffect(GROUP)),
    ("connect.protocol", NoEffect(GROUP)),
    ("session.timeout.ms", Honoured),
    ("heartbeat.interval.ms", Honoured),
    ("rebalance.timeout.ms", Honoured),
    (
        "group.instance.id",
        NoEffect("a worker that stops leaves the group at once"),
    ),
    ("inter.worker.key.generation.algorithm", NoEffect(GROUP)),
    ("inter.worker.key.size", NoEffect(GROUP)),
    ("inter.worker.key.ttl.ms", NoEffect(GROUP)),
    ("inter.worker.signature.algorithm", NoEffect(GROUP)),
    ("inter.worker.verification.algorithms", NoEffect(GROUP)),
    ("auto.include.jmx.reporter", NoEffect(JVM)),
    ("metric.reporters", NoEffect("metrics are at /metrics")),
    ("metrics.num.samples", NoEffect("metrics are at /metrics")),
    (
        "metrics.recording.level",
        NoEffect("metrics are at /metrics"),
    ),
    (
        "metrics.sample.window.ms",
        NoEffect("metrics are at /metrics"),
    ),
    ("connections.max.idle.ms", NoEffect(LIBRDKAFKA)),
    ("receive.buffer.bytes", NoEffect(LIBRDKAFKA)),
    ("send.buffer.bytes", NoEffect(LIBRDKAFKA)),
    ("reconnect.backoff.ms", NoEffect(LIBRDKAFKA)),
    ("reconnect.backoff.max.ms", NoEffect(LIBRDKAFKA)),
    ("retry.backoff.ms", NoEffect(LIBRDKAFKA)),
    ("retry.backoff.max.ms", NoEffect(LIBRDKAFKA)),
    ("request.timeout.ms", NoEffect(LIBRDKAFKA)),
    ("metadata.max.age.ms", NoEffect(LIBRDKAFKA)),
    ("metadata.recovery.strategy", NoEffect(LIBRDKAFKA)),
    (
        "metadata.recovery.rebootstrap.trigger.ms",
        NoEffect(LIBRDKAFKA),
    ),
    ("socket.connection.setup.timeout.ms", NoEffect(LIBRDKAFKA)),
    (
        "socket.connection.setup.timeout.max.ms",
        NoEffect(LIBRDKAFKA),
    ),
    ("admin.listeners.https.", Honoured),
    ("listeners.https.", Honoured),
    ("ssl.", Honoured),
    ("sasl.", Honoured),
    ("producer.", Honoured),
    ("consumer.", NoEffect("there are no sink connectors")),
    (
        "admin.",
        NoEffect("topics are created with the worker's own client properties"),
    ),
    ("key.converter.", Honoured),
    ("value.converter.", Honoured),
    ("header.converter.", Honoured),
    ("config.providers.", Honoured),
    ("config.storage.", Honoured),
    ("offset.storage.", Honoured),
    ("status.storage.", Honoured),
];

/// How `property` is treated; `None` when the name is not known.
pub(super) fn treatment(property: &str) -> Option<Treatment> {
    let exact = KNOWN.iter().find(|(name, _)| *name == property);
    let family = || {
        KNOWN
            .iter()
            .find(|(name, _)| name.ends_with('.') && property.starts_with(name))
    };
    exact.or_else(family).map(|(_, treatment)| *treatment)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_name_is_listed_twice_and_exact_names_count_more_than_families() {
        let mut names: Vec<_> = KNOWN.iter().map(|(n, _)| *n).collect();
        names.sort_unstable();
        assert!(names.windows(2).all(|w| w[0] != w[1]), "{names:?}");
        assert_eq!(treatment("listeners"), Some(Honoured));
        assert_eq!(
            treatment("listeners.https.ssl.keystore.location"),
            Some(Honoured)
        );
        assert_eq!(
            treatment("admin.listeners.https.ssl.client.auth"),
            Some(Honoured)
        );
        assert!(matches!(treatment("admin.retries"), Some(NoEffect(_))));
        assert_eq!(treatment("listeners.bogus"), None);
        assert_eq!(treatment("no.such"), None);
    }
}
