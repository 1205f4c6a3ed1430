//! Heartbeat records.

use super::frame::Frame;
use super::{EncodeError, Encoder, Outcome, send};
use crate::config::EncoderConfig;
use crate::json;
use crate::record::{Record, RecordSink};

const KEY_SCHEMA: &str = r#"{"type":"struct","fields":[{"type":"string","optional":false,"field":"serverName"}],"optional":false,"name":"io.debezium.connector.common.ServerNameKey","version":1}"#;
const VALUE_SCHEMA: &str = r#"{"type":"struct","fields":[{"type":"int64","optional":false,"field":"ts_ms"}],"optional":false,"name":"io.debezium.connector.common.Heartbeat","version":1}"#;
/// Schemas of key and value.
pub(super) const SCHEMAS: (&str, &str) = (KEY_SCHEMA, VALUE_SCHEMA);

pub(super) fn frame(config: &EncoderConfig) -> Frame {
    Frame::new(config, &config.heartbeat_topic, SCHEMAS)
}

impl Encoder {
    /// Emits a heartbeat: it says that the connector lives, and carries a position where no change
    /// does. `now_ns` is in nanoseconds since 1970-01-01 UTC.
    ///
    /// # Errors
    /// A transform or converter refuses it.
    pub fn heartbeat(
        &mut self,
        now_ns: i64,
        sink: &mut impl RecordSink,
    ) -> Result<Outcome, EncodeError> {
        let (key, value) = (&mut self.work.key, &mut self.work.value);
        let server = &self.config.logical_name;
        let key_payload = |out: &mut Vec<u8>| {
            out.extend_from_slice(b"{\"serverName\":");
            json::string(server.as_bytes(), out);
            out.push(b'}');
        };
        self.heartbeat.key(key_payload, key);
        let value_payload = |out: &mut Vec<u8>| {
            out.extend_from_slice(b"{\"ts_ms\":");
            json::int(now_ns.div_euclid(1_000_000), out);
            out.push(b'}');
        };
        self.heartbeat.value(value_payload, value);
        let record = Record {
            topic: &self.heartbeat.topic,
            // Debezium names it; so heartbeats stand together, whatever the key.
            partition: Some(0),
            timestamp: None,
            key: Some(key),
            value: Some(value),
            headers: &self.bare_headers,
        };
        send(&mut self.pipeline, record, &self.heartbeat.schemas, sink)?;
        Ok(Outcome { records: 1 })
    }
}
