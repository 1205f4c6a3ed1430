//! Notifications: records that tell what the connector itself does.

use std::fmt;

use super::frame::Frame;
use super::{EncodeError, Encoder, Outcome, send};
use crate::config::EncoderConfig;
use crate::java::{copied_bucket_count, hash_spread};
use crate::json;
use crate::record::{Record, RecordSink};

const KEY_SCHEMA: &str = r#"{"type":"struct","fields":[{"type":"string","optional":false,"field":"id"}],"optional":false,"name":"io.debezium.connector.common.NotificationKey","version":1}"#;
const VALUE_SCHEMA: &str = r#"{"type":"struct","fields":[{"type":"string","optional":false,"field":"id"},{"type":"string","optional":false,"field":"type"},{"type":"string","optional":false,"field":"aggregate_type"},{"type":"map","keys":{"type":"string","optional":false},"values":{"type":"string","optional":false},"optional":true,"field":"additional_data"},{"type":"int64","optional":false,"field":"timestamp"}],"optional":false,"name":"io.debezium.connector.common.Notification","version":1}"#;
/// Schemas of key and value.
pub(super) const SCHEMAS: (&str, &str) = (KEY_SCHEMA, VALUE_SCHEMA);

/// Records' fixed parts; nothing without a topic for them.
pub(super) fn frame(config: &EncoderConfig) -> Option<Frame> {
    let topic = config.notification_topic.as_deref()?;
    Some(Frame::new(config, topic, SCHEMAS))
}

/// Something that the connector tells of itself. Printed, it is the text that Debezium logs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Notification<'a> {
    id: &'a str,
    aggregate: &'static str,
    kind: &'static str,
    /// In the order in which Java's map gives them.
    data: Vec<(&'static str, &'a str)>,
    timestamp_ms: i64,
}

impl<'a> Notification<'a> {
    /// `data` is completed with `connector`, the connector's logical name; `timestamp_ms` is in
    /// milliseconds since 1970-01-01 UTC.
    pub fn new(
        id: &'a str,
        (aggregate, kind): (&'static str, &'static str),
        data: &'a [(&'static str, String)],
        connector: &'a str,
        timestamp_ms: i64,
    ) -> Self {
        let given = data.iter().map(|(name, value)| (*name, value.as_str()));
        let mut all: Vec<_> = given.chain([("connector_name", connector)]).collect();
        // Debezium copies what was given into a map, and then puts the name in.
        let buckets = copied_bucket_count(data.len(), all.len());
        all.sort_by_key(|(name, _)| hash_spread(name) & (buckets - 1));
        Self {
            id,
            aggregate,
            kind,
            data: all,
            timestamp_ms,
        }
    }

    fn write(&self, out: &mut Vec<u8>) {
        let texts = [
            (&b"{\"id\":"[..], self.id),
            (b",\"type\":", self.kind),
            (b",\"aggregate_type\":", self.aggregate),
        ];
        for (name, text) in texts {
            out.extend_from_slice(name);
            json::string(text.as_bytes(), out);
        }
        out.extend_from_slice(b",\"additional_data\":{");
        for (place, (name, value)) in self.data.iter().enumerate() {
            if place > 0 {
                out.push(b',');
            }
            json::string(name.as_bytes(), out);
            out.push(b':');
            json::string(value.as_bytes(), out);
        }
        out.extend_from_slice(b"},\"timestamp\":");
        json::int(self.timestamp_ms, out);
        out.push(b'}');
    }
}

impl fmt::Display for Notification<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{{id='{}', aggregateType='{}', type='{}', additionalData={{",
            self.id, self.aggregate, self.kind
        )?;
        for (place, (name, value)) in self.data.iter().enumerate() {
            let separator = if place > 0 { ", " } else { "" };
            write!(f, "{separator}{name}={value}")?;
        }
        write!(f, "}}, timestamp={}}}", self.timestamp_ms)
    }
}

impl Encoder {
    /// Emits a notification, when there is a topic for them.
    ///
    /// # Errors
    /// A transform or converter refuses it.
    pub fn notification(
        &mut self,
        notification: &Notification<'_>,
        sink: &mut impl RecordSink,
    ) -> Result<Outcome, EncodeError> {
        let Some(frame) = &self.notification else {
            return Ok(Outcome::NONE);
        };
        let (key, value) = (&mut self.work.key, &mut self.work.value);
        let key_payload = |out: &mut Vec<u8>| {
            out.extend_from_slice(b"{\"id\":");
            json::string(notification.id.as_bytes(), out);
            out.push(b'}');
        };
        frame.key(key_payload, key);
        frame.value(|out| notification.write(out), value);
        let record = Record {
            topic: &frame.topic,
            partition: None,
            timestamp: None,
            key: Some(key),
            value: Some(value),
            headers: &self.bare_headers,
        };
        send(&mut self.pipeline, record, &frame.schemas, sink)?;
        Ok(Outcome { records: 1 })
    }
}
