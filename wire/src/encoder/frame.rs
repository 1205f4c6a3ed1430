//! What records that belong to no table have in common: a topic, and schemas around their payloads.

use std::sync::Arc;

use crate::config::EncoderConfig;
use crate::pipeline::Schemas;
use crate::route;
use crate::schema::wrapping;

/// The fixed parts of one kind of record.
#[derive(Debug)]
pub(super) struct Frame {
    pub(super) topic: Arc<str>,
    /// For a pipeline.
    pub(super) schemas: Schemas,
    key: Wrapping,
    value: Wrapping,
}

/// What stands around a payload: its schema, or nothing.
#[derive(Debug)]
struct Wrapping {
    head: Vec<u8>,
    tail: &'static [u8],
}

impl Wrapping {
    fn new(schema: &str, enabled: bool) -> Self {
        Self {
            head: if enabled {
                wrapping(schema)
            } else {
                Vec::new()
            },
            tail: if enabled { b"}" } else { b"" },
        }
    }

    fn write(&self, payload: impl FnOnce(&mut Vec<u8>), out: &mut Vec<u8>) {
        out.clear();
        out.extend_from_slice(&self.head);
        payload(out);
        out.extend_from_slice(self.tail);
    }
}

impl Frame {
    /// For records of `topic`, sent through the routers; schemas are those of key and value.
    pub(super) fn new(config: &EncoderConfig, topic: &str, schemas: (&str, &str)) -> Self {
        Self {
            topic: route::topic(&config.routers, topic).into(),
            // These schemas are ours, so they can be read; a test reads them.
            schemas: Schemas::read(Some(schemas.0), schemas.1).unwrap_or_default(),
            key: Wrapping::new(schemas.0, config.key_schemas_enable),
            value: Wrapping::new(schemas.1, config.value_schemas_enable),
        }
    }

    /// Writes a key around its payload, in place of what was there.
    pub(super) fn key(&self, payload: impl FnOnce(&mut Vec<u8>), out: &mut Vec<u8>) {
        self.key.write(payload, out);
    }

    /// Writes a value around its payload, in place of what was there.
    pub(super) fn value(&self, payload: impl FnOnce(&mut Vec<u8>), out: &mut Vec<u8>) {
        self.value.write(payload, out);
    }
}

#[cfg(test)]
mod tests {
    use super::super::{heartbeat, notification, transaction};
    use super::*;

    #[test]
    fn a_pipeline_can_read_the_schemas() {
        for (key, value) in [
            heartbeat::SCHEMAS,
            notification::SCHEMAS,
            transaction::SCHEMAS,
        ] {
            let read = Schemas::read(Some(key), value).expect(value);
            assert!(read.key.is_some() && read.value.is_some());
        }
    }
}
