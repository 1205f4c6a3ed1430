//! `table.expand.json.payload`: the JSON text of a payload becomes a schema and a value.

use std::sync::Arc;

use super::super::json_schema::{Inference, object_value};
use crate::data::tree::{self, Json};
use crate::data::{Schema, Value};

/// The payload expanded. Text that is no JSON object or array, or that mixes types in a list, stays.
/// A value that does not fit its own schema (a whole number of more than 64 bits, a list at the top)
/// stays too, but under the inferred schema, as in Debezium; the converter then refuses it.
pub(super) fn expand(
    inference: Inference,
    field: &str,
    schema: Arc<Schema>,
    payload: Value,
) -> (Arc<Schema>, Value) {
    let Value::String(text) = &payload else {
        return (schema, payload);
    };
    if !text.starts_with(['{', '[']) {
        return (schema, payload);
    }
    let Ok(json) = tree::parse_first(text) else {
        return (schema, payload);
    };
    let Ok(Some(inferred)) = inference.schema(Some(field), &json) else {
        return (schema, payload);
    };
    let inferred = Arc::new(inferred);
    let value = match &json {
        Json::Object(_) => object_value(&json, &inferred).ok(),
        _ => None,
    };
    let value = value.map_or(payload, Value::Struct);
    (inferred, value)
}
