//! `debezium.format.*`: which converters make keys, values and headers.
//!
//! As Debezium's `ConverterBuilder` has it: options under `debezium.format.` are for all three, those
//! under `debezium.format.key.` and so on count more, `class` names another converter.

use std::collections::BTreeMap;

use walcast_wire::usage::UsageError;

use crate::config::Properties;

const PREFIX: &str = "debezium.format.";
const JSON: &str = "org.apache.kafka.connect.json.JsonConverter";

/// Converter properties of a connector, under Connect's names.
///
/// # Errors
/// A [`UsageError`] for a format that Walcast does not have.
pub(super) fn converters(props: &Properties) -> Result<BTreeMap<String, String>, UsageError> {
    let mut out = BTreeMap::new();
    for part in ["key", "value", "header"] {
        let target = format!("{part}.converter");
        let name = format!("{PREFIX}{part}");
        let format = props.get(&name).map_or("json", |format| format.trim());
        let options = options(props, part);
        let class = match options.get("class") {
            Some(class) => class.clone(),
            None => class(&name, part, format)?.to_owned(),
        };
        out.insert(target.clone(), class);
        let options = options.into_iter().filter(|(option, _)| option != "class");
        out.extend(options.map(|(option, value)| (format!("{target}.{option}"), value)));
    }
    Ok(out)
}

/// The options of one part: those for all, then its own over them.
fn options(props: &Properties, part: &str) -> BTreeMap<String, String> {
    let parts = ["key", "value", "header"];
    let below = |prefix: &str| -> Vec<(String, String)> {
        let option = |(name, value): (&String, &String)| {
            Some((name.strip_prefix(prefix)?.to_owned(), value.clone()))
        };
        props.iter().filter_map(option).collect()
    };
    let common = below(PREFIX).into_iter().filter(|(option, _)| {
        let first = option.split('.').next().unwrap_or_default();
        !parts.contains(&first)
    });
    common.chain(below(&format!("{PREFIX}{part}."))).collect()
}

fn class(name: &str, part: &str, format: &str) -> Result<&'static str, UsageError> {
    let wrong = |why: &str| Err(UsageError::new(format!("{name}={format}: {why}")));
    match format {
        "json" | "jsonbytearray" => Ok(JSON),
        _ if part == "header" => wrong("headers are json or jsonbytearray"),
        "cloudevents" => Ok("io.debezium.converters.CloudEventsConverter"),
        "simplestring" => Ok("org.apache.kafka.connect.storage.StringConverter"),
        "binary" => Ok("io.debezium.converters.BinaryDataConverter"),
        "clientprovided" => wrong("name the converter with class below it"),
        "avro" | "protobuf" => wrong("Walcast has no schema registry; use json"),
        "connect" => wrong("Java objects cannot be published to Kafka; use json"),
        _ => wrong("give json, jsonbytearray, cloudevents, simplestring or binary"),
    }
}
