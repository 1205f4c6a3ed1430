//! Properties of the Kafka clients: what the sink's promises rest on, and what may be added.

use rdkafka::ClientConfig;
use walcast_wire::usage::UsageError;

use crate::config::{Config, Kafka};

/// Properties that the sink sets itself, each with why it may not be changed.
const OWNED: [(&str, &str); 14] = [
    ("bootstrap.servers", "set bootstrap_servers instead"),
    ("metadata.broker.list", "set bootstrap_servers instead"),
    ("group.id", "set group_id instead"),
    (
        "group.protocol",
        "the range protocol rests on the classic group's revocation",
    ),
    (
        "partition.assignment.strategy",
        "the range protocol rests on eager revocation",
    ),
    (
        "enable.auto.commit",
        "offsets are committed with the batch they stand for",
    ),
    (
        "enable.auto.offset.store",
        "offsets are committed with the batch they stand for",
    ),
    (
        "isolation.level",
        "only read_committed gives the same records in a range each time",
    ),
    (
        "auto.offset.reset",
        "records that Kafka has dropped must stop the partition, not be skipped",
    ),
    ("enable.partition.eof", "the lag is read from it"),
    ("statistics.interval.ms", "the lag is read from it"),
    ("enable.idempotence", "dead letters are written with it"),
    ("acks", "dead letters are written with all"),
    (
        "allow.auto.create.topics",
        "the topic is the connector's to make",
    ),
];

/// Namespaces that a consumer and a producer share: how to reach the brokers and who we are.
const SHARED: [&str; 7] = [
    "security.",
    "sasl.",
    "ssl.",
    "enable.ssl.",
    "socket.",
    "client.",
    "broker.",
];

/// Refuses a property that the sink sets itself.
pub(crate) fn check_property(name: &str) -> Result<(), UsageError> {
    match OWNED.iter().find(|(owned, _)| *owned == name) {
        Some((_, why)) => Err(UsageError::new(format!(
            "kafka.{name} cannot be set: {why}"
        ))),
        None => Ok(()),
    }
}

/// The consumer of the group. A partition's records wait in a queue of their own, bounded by
/// bytes; while it is full, nothing more of that partition is fetched.
pub(crate) fn consumer_config(config: &Config) -> ClientConfig {
    let mut client = base(&config.kafka);
    client
        .set("group.id", &config.kafka.group_id)
        .set("partition.assignment.strategy", "range")
        .set("session.timeout.ms", "6000")
        .set("heartbeat.interval.ms", "1500")
        .set("isolation.level", "read_committed")
        .set("enable.auto.commit", "false")
        .set("enable.auto.offset.store", "false")
        .set("auto.offset.reset", "error")
        .set("allow.auto.create.topics", "false")
        .set("enable.partition.eof", "true")
        .set("statistics.interval.ms", "1000")
        // A topic that is made after the sink has started is found within this time.
        .set("topic.metadata.refresh.interval.ms", "3000")
        .set("fetch.wait.max.ms", "100")
        .set("fetch.queue.backoff.ms", "20")
        .set(
            "queued.max.messages.kbytes",
            (config.limits.bytes_max / 1024).max(1024).to_string(),
        );
    for (name, value) in &config.kafka.properties.0 {
        client.set(name, value);
    }
    client
}

/// The producer of dead letters.
pub(crate) fn producer_config(kafka: &Kafka) -> ClientConfig {
    let mut client = base(kafka);
    client
        .set("enable.idempotence", "true")
        .set("message.timeout.ms", "30000");
    for (name, value) in shared_properties(kafka) {
        client.set(name, value);
    }
    client
}

/// The client that makes the dead-letter topic.
pub(crate) fn admin_config(kafka: &Kafka) -> ClientConfig {
    let mut client = base(kafka);
    for (name, value) in shared_properties(kafka) {
        client.set(name, value);
    }
    client
}

fn base(kafka: &Kafka) -> ClientConfig {
    let mut client = ClientConfig::new();
    client
        .set("bootstrap.servers", &kafka.bootstrap_servers)
        .set("client.id", "walcast-sink")
        .set("reconnect.backoff.max.ms", "2000");
    client
}

fn shared_properties(kafka: &Kafka) -> impl Iterator<Item = (&String, &String)> {
    let properties = &kafka.properties.0;
    properties
        .iter()
        .filter(|(name, _)| SHARED.iter().any(|prefix| name.starts_with(prefix)))
}
