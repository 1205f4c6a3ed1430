//! `org.apache.kafka.connect.converters.ByteArrayConverter`.

use std::sync::Arc;

use super::ConvertError;
use crate::data::{Kind, Schema, Value};

/// Appends bytes as they are; `false` is null.
pub(super) fn convert(
    schema: Option<&Arc<Schema>>,
    value: &Value,
    out: &mut Vec<u8>,
) -> Result<bool, ConvertError> {
    if let Some(schema) = schema.filter(|schema| schema.kind != Kind::Bytes) {
        return Err(ConvertError::new(format!(
            "Invalid schema type for ByteArrayConverter: {}; write a transform that leaves bytes, or use JsonConverter or StringConverter",
            schema.type_name()
        )));
    }
    match value {
        Value::Null => Ok(false),
        Value::Bytes(bytes) => {
            out.extend_from_slice(bytes);
            Ok(true)
        }
        _ => Err(ConvertError::new(
            "ByteArrayConverter is not compatible with objects that are not bytes",
        )),
    }
}
