//! What of an answer differs from run to run is replaced, as in [`super::super::normalise`].

use std::sync::LazyLock;

use regex::Regex;
use serde_json::{Map, Value};

use crate::conformance::patterns::constant;
use crate::conformance::python::dumps_sorted;
use crate::conformance::target::Target;

/// Offsets and positions: only that they are whole numbers is kept.
const POSITIONS: [&str; 6] = ["lsn", "lsn_proc", "lsn_commit", "txId", "ts_usec", "ts_us"];

/// What is volatile in any text, and what stands for it; in this order.
static IN_TEXT: LazyLock<[(Regex, &str); 6]> = LazyLock::new(|| {
    let patterns = [
        (
            "(?s)available connectors are: .*",
            "available connectors are: <list>",
        ),
        (r"PID \d+", "PID <n>"),
        (r"\d{4}-\d\d-\d\dT[\d:.]+Z", "<instant>"),
        (r"txId=\d+", "txId=<n>"),
        (r"\b[0-9A-F]{1,8}/[0-9A-F]{6,8}\b|LSN\{[^}]*\}", "<LSN>"),
        (r"@[0-9a-f]{5,8}\b", "@<hash>"),
    ];
    patterns.map(|(pattern, name)| (constant(pattern), name))
});

static WORKER: LazyLock<Regex> = LazyLock::new(|| constant(r"^[^:]+:\d+$"));

/// Replaces what is volatile in an answer's body.
pub(in super::super) fn body(target: &Target, value: &Value) -> Value {
    match value {
        Value::Object(fields) => object(target, fields),
        Value::Array(elements) => elements.iter().map(|value| body(target, value)).collect(),
        Value::String(text) => self::text(target, text).into(),
        scalar => scalar.clone(),
    }
}

fn object(target: &Target, fields: &Map<String, Value>) -> Value {
    let masked = fields.iter().map(|(name, value)| {
        let mut masked = field(target, name, value);
        // Kafka Connect keeps no order of these.
        if let ("offsets" | "topics", Value::Array(elements)) = (name.as_str(), &mut masked) {
            elements.sort_by_cached_key(dumps_sorted);
        }
        (name.clone(), masked)
    });
    Value::Object(masked.collect())
}

fn field(target: &Target, name: &str, value: &Value) -> Value {
    match (name, value) {
        ("worker_id", Value::String(id)) => {
            let is_address = WORKER.is_match(id);
            if is_address {
                "<worker_id>".into()
            } else {
                value.clone()
            }
        }
        ("worker_id", _) => value.clone(),
        ("trace", Value::String(trace)) => first_line(target, trace).into(),
        ("kafka_cluster_id" | "commit", value) => type_name(value).into(),
        ("transaction_id", value) if !value.is_null() => type_name(value).into(),
        (name, value) if POSITIONS.contains(&name) && (value.is_i64() || value.is_u64()) => {
            "<int>".into()
        }
        (_, value) => body(target, value),
    }
}

/// The first line of a trace.
pub(in super::super) fn first_line(target: &Target, trace: &str) -> String {
    text(target, trace.split('\n').next().unwrap_or_default())
}

fn text(target: &Target, text: &str) -> String {
    let (host, port) = (&target.postgres.host, target.postgres.port.to_string());
    if text == host {
        return "${DB_HOST}".into();
    }
    if text == port {
        return "${DB_PORT}".into();
    }
    let text = text
        .replace(&target.connect, "${CONNECT}")
        .replace(target.connect_address(), "${CONNECT_HOSTPORT}")
        .replace(&format!("{host}:{port}"), "${DB_HOST}:${DB_PORT}")
        .replace(&format!("\"{port}\""), "\"${DB_PORT}\"");
    let masks = IN_TEXT.iter();
    masks.fold(text, |text, (pattern, name)| {
        pattern.replace_all(&text, *name).into_owned()
    })
}

/// The name that the recordings have for a value's type.
fn type_name(value: &Value) -> &'static str {
    match value {
        Value::Null => "<NoneType>",
        Value::Bool(_) => "<bool>",
        Value::Number(number) if number.is_f64() => "<float>",
        Value::Number(_) => "<int>",
        Value::String(_) => "<str>",
        Value::Array(_) => "<list>",
        Value::Object(_) => "<dict>",
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn places_positions_and_traces_are_replaced_and_the_rest_stays() -> anyhow::Result<()> {
        let target = Target::example()?;
        let answer = json!({
            "worker_id": "10.0.0.1:8083",
            "trace": "No slot at 0/1A2B3C4, PID 77 @1a2b3c\n\tat x",
            "topics": ["b", "a"],
            "offset": {"lsn": 7, "snapshot": true, "transaction_id": null, "host": "db.example"},
            "message": "db.example:5433 and connect.example:8083/x",
        });
        let expected = json!({
            "worker_id": "<worker_id>",
            "trace": "No slot at <LSN>, PID <n> @<hash>",
            "topics": ["a", "b"],
            "offset": {"lsn": "<int>", "snapshot": true, "transaction_id": null, "host": "${DB_HOST}"},
            "message": "${DB_HOST}:${DB_PORT} and ${CONNECT_HOSTPORT}/x",
        });
        assert_eq!(body(&target, &answer), expected);
        Ok(())
    }
}
