//! Events as callers write and read them.

use serde::{Deserialize, Deserializer, Serialize, de::Error};
use serde_json::value::RawValue;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;
use utoipa::ToSchema;

use crate::ids::{EventId, EventType, SessionId, UserId};
use crate::properties::Properties;

/// An event to be recorded.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct NewEvent {
    /// Makes a retry safe; a UUIDv7 is made when it is left out.
    pub(crate) id: Option<EventId>,
    pub(crate) experiment_id: i64,
    pub(crate) user_id: UserId,
    pub(crate) event_type: EventType,
    /// `page`, `value`, `score`, `currency` and `duration` are extracted for analytics.
    #[serde(default)]
    pub(crate) properties: Properties,
    pub(crate) session_id: Option<SessionId>,
    /// RFC 3339 with its offset, kept to the microsecond; the server's time when left out.
    #[serde(default, deserialize_with = "occurred_at")]
    #[schema(value_type = Option<String>, format = DateTime)]
    pub(crate) occurred_at: Option<OffsetDateTime>,
}

/// Events to be recorded.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = NewEvents)]
pub(crate) struct RawBatch {
    /// Each is read by itself, so that one that cannot be read does not sink the others.
    #[schema(value_type = Vec<NewEvent>, min_items = 1, max_items = 1000)]
    pub(crate) events: Vec<Box<RawValue>>,
}

/// An event.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Event {
    pub(crate) id: String,
    pub(crate) experiment_id: i64,
    pub(crate) user_id: String,
    pub(crate) variant_id: i64,
    pub(crate) variant_key: String,
    pub(crate) event_type: String,
    pub(crate) properties: Properties,
    pub(crate) session_id: Option<String>,
    /// RFC 3339, UTC, microseconds.
    pub(crate) occurred_at: String,
}

/// What became of each event, in the order of the request.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct BatchResults {
    pub(crate) results: Vec<BatchResult>,
}

/// What became of one event.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct BatchResult {
    /// The event's id, the made one if it came without; `null` if it could not be read.
    pub(crate) id: Option<String>,
    /// As for one event: 201 recorded, 200 known, else why not.
    pub(crate) status: u16,
    /// Problem details, if there is a problem.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Object>)]
    pub(crate) error: Option<serde_json::Value>,
}

/// RFC 3339 within the years that every store on the way can hold.
fn occurred_at<'de, D: Deserializer<'de>>(d: D) -> Result<Option<OffsetDateTime>, D::Error> {
    let Some(text) = Option::<String>::deserialize(d)? else {
        return Ok(None);
    };
    let at = OffsetDateTime::parse(&text, &Rfc3339).map_err(|_| {
        D::Error::custom("must be an RFC 3339 time such as 2026-01-31T09:30:00.123456Z")
    })?;
    let at = at.to_offset(time::UtcOffset::UTC);
    if !(1970..=2261).contains(&at.year()) {
        return Err(D::Error::custom("must be from 1970 to 2261"));
    }
    // PostgreSQL keeps microseconds; a retry must compare equal to what was kept.
    let at = at
        .replace_nanosecond(at.nanosecond() / 1_000 * 1_000)
        .map_err(D::Error::custom)?;
    Ok(Some(at))
}

#[cfg(test)]
mod tests {
    use crate::extract::read_json;

    use super::NewEvent;

    fn read(addition: &str) -> Result<NewEvent, String> {
        let json =
            format!("{{\"experiment_id\":1,\"user_id\":\"u\",\"event_type\":\"click\"{addition}}}");
        read_json(json.as_bytes(), "").map_err(|problem| problem.detail)
    }

    #[test]
    fn times_are_kept_to_the_microsecond_in_utc() {
        let event = read(r#","occurred_at":"2026-01-31T09:30:00.1234567+02:00""#).expect("a time");
        let at = event.occurred_at.expect("given");
        assert_eq!(at, time::macros::datetime!(2026-01-31 07:30:00.123456 UTC));
    }

    #[test]
    fn what_may_be_left_out() {
        let event = read("").expect("minimal");
        assert!(event.id.is_none() && event.occurred_at.is_none() && event.session_id.is_none());
        assert_eq!(event.properties.as_str(), "{}");
        let event = read(r#","id":null,"occurred_at":null,"session_id":null"#).expect("nulls");
        assert!(event.id.is_none() && event.occurred_at.is_none());
    }

    #[test]
    fn bad_fields_are_named() {
        for (addition, expected) in [
            (
                r#","occurred_at":"yesterday""#,
                "occurred_at: must be an RFC 3339 time",
            ),
            (
                r#","occurred_at":"1969-12-31T00:00:00Z""#,
                "occurred_at: must be from 1970",
            ),
            (r#","occurred_at":5"#, "occurred_at: invalid type: integer"),
            (r#","properties":[]"#, "properties: must be a JSON object"),
            (
                r#","properties":{"a":{"b":"\u0000"}}"#,
                "properties: holds the character U+0000",
            ),
            (r#","id":"""#, "id: must have 1 to 128 characters"),
            (r#","session_id":7"#, "session_id: invalid type"),
            (r#","colour":"red""#, "colour: unknown field"),
        ] {
            let error = read(addition).expect_err(addition);
            assert!(error.starts_with(expected), "{addition}: {error}");
        }
    }
}
