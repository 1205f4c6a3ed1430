//! How topics are named: `topic.naming.strategy` and the properties the strategies read.

use walcast_wire::config::EncoderConfig;
use walcast_wire::route::{ByLogicalTableRouter, RegexRouter, TopicNaming};

use super::reader::Reader;

const STRATEGY: &str = "topic.naming.strategy";

/// Puts names of topics into `encoder`, whose logical name is set.
pub(super) fn read(r: &mut Reader<'_>, encoder: &mut EncoderConfig) {
    let delimiter = part(r, "topic.delimiter", ".");
    let prefix = part(r, "topic.heartbeat.prefix", "__debezium-heartbeat");
    let transaction = part(r, "topic.transaction", "transaction");
    encoder.heartbeat_topic = match part(r, "topic.heartbeat.name", "") {
        whole if whole.is_empty() => [&*prefix, &*encoder.logical_name].join(&delimiter),
        whole => whole,
    };
    let provided = r.bool_or("provide.transaction.metadata", false);
    let topic = [&*encoder.logical_name, &*transaction].join(&delimiter);
    encoder.transaction_topic = provided.then_some(topic);
    encoder.topic_naming = strategy(r);
    encoder.topic_delimiter = delimiter;
}

/// A part of a topic's name, which may only hold what Kafka allows there.
fn part(r: &mut Reader<'_>, property: &str, default: &str) -> String {
    let text = r.text_or(property, default);
    let allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.');
    if !text.chars().all(allowed) {
        let message = format!(
            "The '{property}' value is invalid: {text} has invalid format (only the underscore, hyphen, dot and alphanumeric characters are allowed)"
        );
        r.problem(property, message);
    }
    text
}

fn strategy(r: &mut Reader<'_>) -> TopicNaming {
    let class = r
        .text(STRATEGY)
        .unwrap_or("io.debezium.schema.SchemaTopicNamingStrategy");
    let name = class
        .strip_prefix("io.debezium.schema.")
        .and_then(|name| name.strip_suffix("TopicNamingStrategy"));
    let (without_schema, unicode, by_regex) = match name {
        Some("Schema") => (false, false, false),
        Some("Default") => (true, false, false),
        Some("SchemaUnicode") => (false, true, false),
        Some("DefaultUnicode") => (true, true, false),
        Some("SchemaRegex") => (false, false, true),
        Some("DefaultRegex") => (true, false, true),
        _ => {
            let message = format!(
                "Invalid value {class} for configuration {STRATEGY}: Walcast has io.debezium.schema.(Schema|Default|SchemaRegex|DefaultRegex|SchemaUnicode|DefaultUnicode)TopicNamingStrategy; use one of them"
            );
            r.problem(STRATEGY, message);
            return TopicNaming::default();
        }
    };
    TopicNaming {
        without_schema,
        unicode,
        regex: if by_regex { regex(r) } else { None },
    }
}

/// What the `…Regex…` strategies read.
fn regex(r: &mut Reader<'_>) -> Option<ByLogicalTableRouter> {
    let topic = router(r, "topic.regex", "topic.replacement");
    let key_field = match r.text("topic.key.field.regex") {
        Some(_) => Some(router(
            r,
            "topic.key.field.regex",
            "topic.key.field.replacement",
        )?),
        None => None,
    };
    Some(ByLogicalTableRouter {
        topic: topic?,
        key_enforce_uniqueness: r.bool_or("topic.key.enforce.uniqueness", true),
        key_field_name: r.text_or("topic.key.field.name", "__dbz__physicalTableIdentifier"),
        key_field,
    })
}

fn router(r: &mut Reader<'_>, regex: &str, replacement: &str) -> Option<RegexRouter> {
    let pattern = r.required(regex);
    let Some(new) = r.raw(replacement).filter(|new| !new.trim().is_empty()) else {
        let message = format!(
            "The '{replacement}' value is invalid: {replacement} must be non-empty if {regex} is set."
        );
        r.problem(replacement, message);
        return None;
    };
    RegexRouter::new(&pattern, new)
        .map_err(|error| {
            r.problem(regex, format!("The '{regex}' value is invalid: {error}"));
        })
        .ok()
}
