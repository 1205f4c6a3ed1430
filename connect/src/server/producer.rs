//! `debezium.sink.kafka.producer.*`: the Kafka cluster that records go to, and how.

use std::collections::BTreeMap;

use walcast_cdc::WorkerSettings;
use walcast_wire::usage::UsageError;

use crate::config::Properties;

const PREFIX: &str = "debezium.sink.kafka.producer.";

/// Serializers that write what the format has made as it is.
const SERIALIZERS: [&str; 2] = ["StringSerializer", "ByteArraySerializer"];

/// Properties that every client of the cluster needs, not only the producer.
fn is_connection(name: &str) -> bool {
    name == "security.protocol" || name.starts_with("sasl.") || name.starts_with("ssl.")
}

/// The settings that the sink's properties say.
///
/// # Errors
/// A [`UsageError`] that names what is missing or cannot be honoured.
pub(super) fn settings(props: &Properties) -> Result<WorkerSettings, UsageError> {
    let given = props
        .iter()
        .filter_map(|(k, v)| Some((k.strip_prefix(PREFIX)?, v.trim())));
    let mut settings = WorkerSettings::new("");
    for (name, value) in given {
        match name {
            "bootstrap.servers" => value.clone_into(&mut settings.bootstrap_servers),
            "key.serializer" | "value.serializer" => check_serializer(name, value)?,
            "transactional.id" => {
                return Err(UsageError::new(format!(
                    "{PREFIX}{name} is not supported: Debezium Server begins no transaction; run the connector with walcast connect for exactly-once"
                )));
            }
            name if is_connection(name) => {
                settings.kafka.insert(name.to_owned(), value.to_owned());
            }
            name => drop(settings.producer.insert(name.to_owned(), value.to_owned())),
        }
    }
    if settings.bootstrap_servers.is_empty() {
        return Err(UsageError::new(format!(
            "{PREFIX}bootstrap.servers is missing; give Kafka's host:port, with commas between several"
        )));
    }
    Ok(settings)
}

fn check_serializer(name: &str, value: &str) -> Result<(), UsageError> {
    let class = value.rsplit('.').next().unwrap_or_default();
    if SERIALIZERS.contains(&class) {
        return Ok(());
    }
    Err(UsageError::new(format!(
        "{PREFIX}{name}={value}: debezium.format.* makes the bytes; give org.apache.kafka.common.serialization.StringSerializer or ByteArraySerializer"
    )))
}

/// Offsets in Kafka are on the cluster that the records are on.
///
/// # Errors
/// A [`UsageError`] for a property of the source that names another cluster or login.
pub(super) fn same_cluster(
    engine: &BTreeMap<String, String>,
    worker: &WorkerSettings,
) -> Result<(), UsageError> {
    if worker.offsets_file.is_some() {
        return Ok(());
    }
    let ours = |name: &str| match name {
        "bootstrap.servers" => Some(worker.bootstrap_servers.as_str()),
        name => worker.kafka.get(name).map(String::as_str),
    };
    let asked = engine
        .iter()
        .filter(|(name, _)| *name == "bootstrap.servers" || is_connection(name));
    for (name, value) in asked {
        if ours(name) != Some(value.trim()) {
            // The values may be secrets.
            return Err(UsageError::new(format!(
                "debezium.source.{name} is another than {PREFIX}{name}: Walcast keeps offsets on the cluster that records go to; make them the same, or keep offsets in a file"
            )));
        }
    }
    Ok(())
}
