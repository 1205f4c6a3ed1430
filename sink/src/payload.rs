//! Whether an outbox payload can become a row of the tables behind the landing table.
//!
//! Enters: the aggregate's type, the event's type, the payload's JSON text. Leaves: nothing, or
//! why not. The views of `clickhouse/` use functions that never throw, so whatever passes here is
//! stored as it is meant, and ClickHouse has no reason left to refuse a batch for its data.

use std::borrow::Cow;
use std::fmt;

use serde::de::{IgnoredAny, MapAccess, Visitor};
use serde::{Deserialize, Deserializer};

use crate::timestamp::parse_micros;

/// Checks the payloads that a view reads; any other kind only has to be JSON.
pub(crate) fn check(aggregate_type: &str, event_type: &str, payload: &str) -> Result<(), String> {
    match (aggregate_type, event_type) {
        ("event", "EVENT_CREATED") => check_event(payload),
        ("assignment", "ASSIGNMENT_CREATED") => check_assignment(payload),
        _ => parse::<IgnoredAny>(payload).map(drop),
    }
}

/// The payload of an event; further fields are welcome.
#[derive(Deserialize)]
struct Event<'a> {
    #[serde(rename = "id", borrow)]
    _id: Cow<'a, str>,
    #[serde(rename = "experiment_id")]
    _experiment_id: i64,
    #[serde(rename = "user_id", borrow)]
    _user_id: Cow<'a, str>,
    #[serde(rename = "variant_id")]
    _variant_id: i64,
    #[serde(rename = "variant_key", borrow)]
    _variant_key: Cow<'a, str>,
    #[serde(rename = "event_type", borrow)]
    _event_type: Cow<'a, str>,
    #[serde(borrow)]
    properties: Option<Cow<'a, str>>,
    #[serde(rename = "session_id", borrow)]
    _session_id: Option<Cow<'a, str>>,
    #[serde(borrow)]
    occurred_at: Cow<'a, str>,
}

fn check_event(payload: &str) -> Result<(), String> {
    let event: Event<'_> = parse(payload)?;
    if let Some(properties) = &event.properties {
        serde_json::from_str::<Object>(properties).map_err(|error| {
            format!("payload: properties is not the text of an object: {error}")
        })?;
    }
    parse_micros(&event.occurred_at).map_err(|error| format!("payload: occurred_at: {error}"))?;
    Ok(())
}

/// An object, whatever is in it.
struct Object;

impl<'de> Deserialize<'de> for Object {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(Self)
    }
}

impl<'de> Visitor<'de> for Object {
    type Value = Self;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a map")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self, A::Error> {
        while map.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
        Ok(self)
    }
}

/// The payload of an assignment; further fields are welcome.
#[derive(Deserialize)]
struct Assignment<'a> {
    #[serde(rename = "id")]
    _id: AssignmentId,
    #[serde(rename = "experiment_id")]
    _experiment_id: i64,
    #[serde(rename = "user_id", borrow)]
    _user_id: Cow<'a, str>,
    #[serde(rename = "variant_id")]
    _variant_id: i64,
    #[serde(rename = "variant_key", borrow)]
    _variant_key: Cow<'a, str>,
    #[serde(borrow)]
    assigned_at: Cow<'a, str>,
}

/// PostgreSQL's int64; text is accepted from producers that keep to JavaScript's numbers.
#[derive(Deserialize)]
#[serde(untagged)]
enum AssignmentId {
    Number(#[allow(dead_code, reason = "only its type is checked")] i64),
    Text(#[allow(dead_code, reason = "only its type is checked")] String),
}

fn check_assignment(payload: &str) -> Result<(), String> {
    let assignment: Assignment<'_> = parse(payload)?;
    parse_micros(&assignment.assigned_at)
        .map_err(|error| format!("payload: assigned_at: {error}"))?;
    Ok(())
}

fn parse<'a, T: Deserialize<'a>>(payload: &'a str) -> Result<T, String> {
    serde_json::from_str(payload).map_err(|error| format!("payload: {error}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    const EVENT: &str = r#"{"id": "e-1", "user_id": "u\n1", "properties": "{\"value\": 39.99}", "session_id": null,
        "variant_id": 2, "event_type": "click", "occurred_at": "2026-01-01T00:00:00.000001Z",
        "variant_key": "control", "experiment_id": 1, "more": [1]}"#;
    const ASSIGNMENT: &str = r#"{"id": 9, "user_id": "u", "variant_id": 2, "assigned_at": "2026-01-01T00:00:00Z",
        "variant_key": "control", "experiment_id": 1}"#;

    #[test]
    fn what_the_api_writes_passes() {
        check("event", "EVENT_CREATED", EVENT).unwrap();
        check("assignment", "ASSIGNMENT_CREATED", ASSIGNMENT).unwrap();
        check("invoice", "INVOICE_SENT", "[1, 2]").unwrap();
    }

    #[test]
    fn what_a_view_could_not_store_is_refused_with_the_field() {
        for (was, is, says) in [
            (
                r#""experiment_id": 1"#,
                r#""experiment_id": "1""#,
                "invalid type",
            ),
            (
                r#""experiment_id": 1"#,
                r#""experiment": 1"#,
                "experiment_id",
            ),
            (
                r#""experiment_id": 1"#,
                r#""experiment_id": 9223372036854775808"#,
                "invalid value",
            ),
            (r#""id": "e-1""#, r#""id": null"#, "invalid type"),
            ("2026-01-01T", "2026-13-01T", "occurred_at"),
            ("2026-01-01T", "3026-01-01T", "occurred_at"),
            (r#"{\"value\": 39.99}"#, "39.99", "properties"),
            (r#"{\"value\": 39.99}"#, r#"{\"value\":"#, "properties"),
        ] {
            let payload = EVENT.replace(was, is);
            assert_ne!(payload, EVENT, "{was} is not there");
            let error = check("event", "EVENT_CREATED", &payload).unwrap_err();
            assert!(error.contains(says), "{is}: {error}");
        }
        assert!(check("assignment", "ASSIGNMENT_CREATED", EVENT).is_err());
        assert!(check("invoice", "INVOICE_SENT", "{").is_err());
    }
}
