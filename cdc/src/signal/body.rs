//! A signal as JSON: `{"id","type","data"}`, as it stands in a topic, a file or a request.

use serde::Deserialize;
use serde_json::value::RawValue;
use uuid::Uuid;

use super::{Channel, Signal};

#[derive(Deserialize)]
struct Body {
    id: Option<String>,
    #[serde(rename = "type")]
    kind: String,
    data: Option<Box<RawValue>>,
}

impl Signal {
    /// A signal from outside of the engine; without an id it gets one.
    pub fn new(id: Option<String>, kind: impl Into<String>, data: Option<String>) -> Self {
        Self {
            id: id.unwrap_or_else(|| Uuid::new_v4().to_string()),
            kind: kind.into(),
            data,
            channel: Channel::Rest,
        }
    }

    /// Reads a signal; what it does not know in it is passed over, as Debezium does. One without an
    /// id has none: what comes of it names no signal.
    pub(crate) fn read(json: &[u8], channel: Channel) -> serde_json::Result<Self> {
        let body: Body = serde_json::from_slice(json)?;
        let data = body.data.map(|raw| data_text(&raw)).transpose()?.flatten();
        Ok(Self {
            id: body.id.unwrap_or_default(),
            kind: body.kind,
            data,
            channel,
        })
    }
}

/// Data is an object, or the text of one, as a table holds it.
fn data_text(raw: &RawValue) -> serde_json::Result<Option<String>> {
    let json = raw.get();
    if json.starts_with('"') {
        return serde_json::from_str(json);
    }
    Ok((json != "null").then(|| json.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(json: &str) -> Option<(String, String, Option<String>)> {
        let signal = Signal::read(json.as_bytes(), Channel::File).ok()?;
        assert_eq!(signal.channel, Channel::File);
        Some((signal.id, signal.kind, signal.data))
    }

    #[test]
    fn data_is_an_object_or_the_text_of_one() {
        for (json, data) in [
            (
                r#"{"id":"1","type":"t","data":{"a": [1]}}"#,
                Some(r#"{"a": [1]}"#),
            ),
            (
                r#"{"id":"1","type":"t","data":"{\"a\":1}"}"#,
                Some(r#"{"a":1}"#),
            ),
            (r#"{"id":"1","type":"t","data":null}"#, None),
            (r#"{"id":"1","type":"t","more":2}"#, None),
        ] {
            let expected = ("1".to_owned(), "t".to_owned(), data.map(str::to_owned));
            assert_eq!(read(json), Some(expected), "{json}");
        }
    }

    #[test]
    fn an_id_may_be_missing_and_a_type_must_not() {
        let (id, ..) = read(r#"{"type":"t"}"#).unwrap();
        assert_eq!(id, "");
        for json in ["", "x", "[]", r#"{"id":"1"}"#, r#"{"type":3}"#] {
            assert_eq!(read(json), None, "{json}");
        }
    }
}
