//! Records of `pg_logical_emit_message`.

use std::sync::Arc;

use super::source::SourceHead;
use super::transaction::{self, Order};
use crate::config::EncoderConfig;
use crate::context::ChangeContext;
use crate::json;
use crate::modes::BinaryMode;
use crate::pgoutput::LogicalMessage;
use crate::pipeline::Schemas;
use crate::schema::{SOURCE, TRANSACTION, wrapping};
use crate::value::{ByteForm, write_bytes};

/// What all message records of a connector have in common.
#[derive(Debug)]
pub(super) struct MessagePlan {
    pub(super) topic: Arc<str>,
    key_head: Vec<u8>,
    value_head: Vec<u8>,
    key_wrapped: bool,
    value_wrapped: bool,
    content: ByteForm,
    /// For a pipeline.
    pub(super) schemas: Schemas,
}

impl MessagePlan {
    pub(super) fn new(config: &EncoderConfig) -> Self {
        // No strategy and no delimiter has a say in it.
        let topic = format!("{}.message", config.logical_name);
        Self {
            topic: crate::route::topic(&config.routers, &topic).into(),
            key_head: match config.key_schemas_enable {
                true => wrapping(KEY_SCHEMA),
                false => Vec::new(),
            },
            value_head: match config.value_schemas_enable {
                true => wrapping(&value_schema(config.binary)),
                false => Vec::new(),
            },
            // These schemas are ours, so they can be read; a test reads them.
            schemas: Schemas::read(Some(KEY_SCHEMA), &value_schema(config.binary))
                .unwrap_or_default(),
            key_wrapped: config.key_schemas_enable,
            value_wrapped: config.value_schemas_enable,
            content: config.binary.into(),
        }
    }

    /// Writes the key, `{"prefix":…}`, in place of what was there.
    pub(super) fn key(&self, message: &LogicalMessage<'_>, out: &mut Vec<u8>) {
        out.clear();
        out.extend_from_slice(&self.key_head);
        out.extend_from_slice(b"{\"prefix\":");
        json::string(message.prefix.as_bytes(), out);
        out.push(b'}');
        if self.key_wrapped {
            out.push(b'}');
        }
    }

    /// Writes the value in place of what was there.
    pub(super) fn value(
        &self,
        message: &LogicalMessage<'_>,
        source: &mut SourceHead,
        context: &ChangeContext<'_>,
        order: Option<Order>,
        out: &mut Vec<u8>,
    ) {
        out.clear();
        out.extend_from_slice(&self.value_head);
        out.extend_from_slice(b"{\"op\":\"m\",\"ts_ms\":");
        json::int(context.now_ns.div_euclid(1_000_000), out);
        out.extend_from_slice(b",\"source\":");
        source.write(b",\"schema\":\"\",\"table\":\"\",", context, out);
        out.extend_from_slice(b",\"transaction\":");
        transaction::block(order, context, out);
        out.extend_from_slice(b",\"message\":{\"prefix\":");
        json::string(message.prefix.as_bytes(), out);
        out.extend_from_slice(b",\"content\":");
        write_bytes(message.content, self.content, out);
        out.extend_from_slice(b"}}");
        if self.value_wrapped {
            out.push(b'}');
        }
    }
}

const KEY_SCHEMA: &str = r#"{"type":"struct","fields":[{"type":"string","optional":true,"field":"prefix"}],"optional":false,"name":"io.debezium.connector.postgresql.MessageKey","version":1}"#;

fn value_schema(mode: BinaryMode) -> String {
    let content = if mode == BinaryMode::Bytes {
        "bytes"
    } else {
        "string"
    };
    format!(
        "{{\"type\":\"struct\",\"fields\":[\
         {{\"type\":\"string\",\"optional\":false,\"field\":\"op\"}},\
         {{\"type\":\"int64\",\"optional\":true,\"field\":\"ts_ms\"}},{SOURCE},{TRANSACTION},\
         {{\"type\":\"struct\",\"fields\":[\
         {{\"type\":\"string\",\"optional\":true,\"field\":\"prefix\"}},\
         {{\"type\":\"{content}\",\"optional\":true,\"field\":\"content\"}}],\"optional\":false,\
         \"name\":\"io.debezium.connector.postgresql.Message\",\"version\":1,\
         \"field\":\"message\"}}],\"optional\":false,\
         \"name\":\"io.debezium.connector.postgresql.MessageValue\",\"version\":1}}"
    )
}
