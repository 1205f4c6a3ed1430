//! Every property of Debezium Server and Quarkus that is known beside the connector's own, and how it is
//! treated. Names are those of Debezium Server 3.7.

/// How a property is treated.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Treatment {
    /// Read and acted on.
    Honoured,
    /// Accepted; holds why it has no effect.
    NoEffect(&'static str),
    /// Refused; holds what to do instead.
    Refused(&'static str),
}

use Treatment::{Honoured, NoEffect, Refused};

const NO_QUARKUS: &str = "there is no Quarkus";
const NO_REGISTRY: &str = "Walcast has no schema registry; use the format json, and remove it";
const STORAGE: &str =
    "keep offsets in a file (FileOffsetBackingStore) or in Kafka (KafkaOffsetBackingStore)";

/// Names as they are, then families by a prefix that ends in a dot.
const KNOWN: &[(&str, Treatment)] = &[
    ("debezium.sink.type", Honoured),
    ("debezium.sink.kafka.producer.", Honoured),
    (
        "debezium.sink.kafka.wait.message.delivery.timeout.ms",
        NoEffect("debezium.sink.kafka.producer.delivery.timeout.ms bounds a delivery"),
    ),
    ("debezium.source.", Honoured),
    ("debezium.source.offset.storage.redis.", Refused(STORAGE)),
    ("debezium.source.offset.storage.jdbc.", Refused(STORAGE)),
    (
        "debezium.source.offset.storage.configmap.",
        Refused(STORAGE),
    ),
    (
        "debezium.source.datasource.",
        Refused("give database.hostname and the like"),
    ),
    ("debezium.transforms", Honoured),
    ("debezium.transforms.", Honoured),
    ("debezium.predicates", Honoured),
    ("debezium.predicates.", Honoured),
    ("debezium.format.", Honoured),
    ("debezium.format.schema.registry.url", Refused(NO_REGISTRY)),
    ("debezium.format.apicurio.registry.", Refused(NO_REGISTRY)),
    (
        "debezium.format.key.apicurio.registry.",
        Refused(NO_REGISTRY),
    ),
    (
        "debezium.format.value.apicurio.registry.",
        Refused(NO_REGISTRY),
    ),
    (
        "debezium.format.header.apicurio.registry.",
        Refused(NO_REGISTRY),
    ),
    ("debezium.api.enabled", Honoured),
    (
        "debezium.deployment.server",
        NoEffect("it tells Debezium where it runs"),
    ),
    ("debezium.engine.factory", NoEffect("there is one engine")),
    (
        "debezium.termination.wait",
        NoEffect("what was published is checkpointed before the program ends"),
    ),
    ("quarkus.http.port", Honoured),
    ("quarkus.http.host", Honoured),
    ("quarkus.http.host-enabled", Honoured),
    (
        "quarkus.http.ssl.",
        Refused("put a proxy in front for TLS, and remove it"),
    ),
    (
        "quarkus.http.auth.",
        Refused("put a proxy in front for authentication, and remove it"),
    ),
    ("quarkus.log.level", Honoured),
    ("quarkus.log.category.", Honoured),
    ("quarkus.log.console.json", Honoured),
    (
        "quarkus.log.",
        NoEffect("WALCAST_LOG and WALCAST_LOG_FORMAT say what is logged and how"),
    ),
    ("quarkus.debezium.", Honoured),
    (
        "quarkus.datasource.",
        Refused("give debezium.source.database.hostname and the like"),
    ),
    ("quarkus.", NoEffect(NO_QUARKUS)),
];

/// How `property` is treated: by its own name, else by the longest family it is in.
pub(super) fn treatment(property: &str) -> Option<Treatment> {
    let fits = |name: &str| name == property || (name.ends_with('.') && property.starts_with(name));
    KNOWN
        .iter()
        .filter(|(name, _)| fits(name))
        .max_by_key(|(name, _)| name.len())
        .map(|(_, treatment)| *treatment)
}

/// Properties of Debezium's engine, without `debezium.source.`: those that are no connector's.
pub(super) const ENGINE: &[(&str, Treatment)] = &[
    ("name", Honoured),
    ("offset.storage", Honoured),
    ("offset.storage.file.filename", Honoured),
    ("offset.storage.topic", Honoured),
    ("offset.storage.partitions", Honoured),
    ("offset.storage.replication.factor", Honoured),
    ("offset.flush.interval.ms", Honoured),
    (
        "offset.flush.timeout.ms",
        NoEffect("a checkpoint is retried until it is written"),
    ),
    ("offset.commit.policy", Honoured),
    ("bootstrap.servers", Honoured),
    (
        "errors.retry.delay.initial.ms",
        NoEffect("the first pause is 0.2 s"),
    ),
    ("errors.retry.delay.max.ms", Honoured),
    (
        "record.processing.threads",
        NoEffect("records are encoded as they come"),
    ),
    (
        "record.processing.order",
        NoEffect("records keep their order"),
    ),
    (
        "record.processing.with.serial.consumer",
        NoEffect("records keep their order"),
    ),
    (
        "record.processing.shutdown.timeout.ms",
        NoEffect("what was published is checkpointed before the program ends"),
    ),
    (
        "task.management.timeout.ms",
        NoEffect("there is one task in this process"),
    ),
    (
        "internal.key.converter",
        NoEffect("offsets are JSON, as always"),
    ),
    (
        "internal.value.converter",
        NoEffect("offsets are JSON, as always"),
    ),
];

/// Families of the engine's and of other connectors' properties, without `debezium.source.`.
pub(super) const ENGINE_FAMILIES: &[(&str, Treatment)] = &[
    (
        "schema.history.internal",
        NoEffect("this connector keeps no schema history"),
    ),
    ("security.protocol", Honoured),
    ("sasl.", Honoured),
    ("ssl.", Honoured),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_longest_name_counts() {
        assert_eq!(
            treatment("debezium.source.database.hostname"),
            Some(Honoured)
        );
        assert!(matches!(
            treatment("debezium.source.offset.storage.redis.address"),
            Some(Refused(_))
        ));
        assert_eq!(treatment("quarkus.log.level"), Some(Honoured));
        assert!(matches!(
            treatment("quarkus.log.file.path"),
            Some(NoEffect(_))
        ));
        assert!(matches!(
            treatment("quarkus.banner.enabled"),
            Some(NoEffect(_))
        ));
        assert_eq!(treatment("debezium.sink.kinesis.region"), None);
        assert_eq!(treatment("debezium.sorce.x"), None);
    }
}
