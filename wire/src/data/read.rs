//! The engine's own JSON back into the data model.
//!
//! Enters what the encoder rendered, with the schema that it rendered too, leaves schemas and
//! values. It reads what JsonConverter writes, nothing else.

use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::tree::{self, Json};
use super::{Field, Kind, Schema, Struct, Value};

/// JSON that is not what its schema says: what, and where.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub(crate) struct Unreadable(String);

/// A schema from its JSON.
pub(crate) fn schema(text: &str) -> Result<Schema, Unreadable> {
    let json = tree::parse(text).map_err(|error| Unreadable(error.to_string()))?;
    schema_of(&json)
}

/// A value from its JSON.
pub(crate) fn value(text: &[u8], schema: &Arc<Schema>) -> Result<Value, Unreadable> {
    let text = std::str::from_utf8(text).map_err(|error| Unreadable(error.to_string()))?;
    let json = tree::parse(text).map_err(|error| Unreadable(error.to_string()))?;
    value_of(&json, schema)
}

fn schema_of(json: &Json<'_>) -> Result<Schema, Unreadable> {
    let kind = kind(json)?;
    let plain = Schema::new(kind);
    let default = match json.get("default") {
        Some(default) => Some(value_of(default, &Arc::new(plain.clone()))?),
        None => None,
    };
    let parameters = match json.get("parameters") {
        Some(Json::Object(members)) => members
            .iter()
            .filter_map(|(name, value)| match value {
                Json::String(value) => Some((name.clone(), value.clone())),
                _ => None,
            })
            .collect(),
        _ => Vec::new(),
    };
    Ok(Schema {
        optional: matches!(json.get("optional"), Some(Json::Bool(true))),
        name: text(json, "name").map(Into::into),
        version: match json.get("version") {
            Some(Json::Number(version)) => version.parse().ok(),
            _ => None,
        },
        doc: text(json, "doc").map(Into::into),
        parameters,
        default,
        ..plain
    })
}

fn text<'j>(json: &'j Json<'_>, name: &str) -> Option<&'j str> {
    match json.get(name) {
        Some(Json::String(text)) => Some(text),
        _ => None,
    }
}

fn kind(json: &Json<'_>) -> Result<Kind, Unreadable> {
    let part = |name: &str| {
        let part = json.get(name);
        let part = part.ok_or_else(|| Unreadable(format!("a schema without {name}")))?;
        schema_of(part).map(Arc::new)
    };
    Ok(match text(json, "type").unwrap_or_default() {
        "int8" => Kind::Int8,
        "int16" => Kind::Int16,
        "int32" => Kind::Int32,
        "int64" => Kind::Int64,
        "float" => Kind::Float32,
        "double" => Kind::Float64,
        "boolean" => Kind::Boolean,
        "string" => Kind::String,
        "bytes" => Kind::Bytes,
        "array" => Kind::Array(part("items")?),
        "map" => Kind::Map(part("keys")?, part("values")?),
        "struct" => {
            let Some(Json::Array(fields)) = json.get("fields") else {
                return Err(Unreadable("a struct without fields".to_owned()));
            };
            let field = |json: &Json<'_>| {
                let name = text(json, "field").unwrap_or_default();
                Ok(Field::new(name, schema_of(json)?))
            };
            Kind::Struct(
                fields
                    .iter()
                    .map(field)
                    .collect::<Result<_, Unreadable>>()?,
            )
        }
        other => return Err(Unreadable(format!("a schema of type `{other}`"))),
    })
}

fn value_of(json: &Json<'_>, schema: &Arc<Schema>) -> Result<Value, Unreadable> {
    let value = match (json, &schema.kind) {
        (Json::Null, _) => Some(Value::Null),
        (Json::Bool(value), Kind::Boolean) => Some(Value::Boolean(*value)),
        (Json::Number(number), kind) => number_of(number, kind),
        (Json::String(text), Kind::String) => Some(Value::String(text.clone())),
        (Json::String(text), Kind::Bytes) => STANDARD.decode(text).ok().map(Value::Bytes),
        // What has no number in JSON is written as text: NaN and the infinities.
        (Json::String(text), kind) => number_of(text, kind),
        (Json::Array(elements), Kind::Array(element)) => {
            let elements = elements.iter().map(|json| value_of(json, element));
            Some(Value::Array(elements.collect::<Result<_, _>>()?))
        }
        (json, Kind::Map(key, value)) => Some(Value::Map(map_of(json, key, value)?)),
        (Json::Object(_), Kind::Struct(fields)) => {
            let field = |field: &Field| match json.get(&field.name) {
                Some(json) => value_of(json, &field.schema),
                None => Ok(Value::Null),
            };
            let values = fields.iter().map(field).collect::<Result<_, _>>()?;
            Some(Value::Struct(Struct::of(Arc::clone(schema), values)))
        }
        _ => None,
    };
    value.ok_or_else(|| Unreadable(format!("{json:?} is no {}", schema.type_name())))
}

fn number_of(text: &str, kind: &Kind) -> Option<Value> {
    match kind {
        Kind::Int8 => text.parse().ok().map(Value::Int8),
        Kind::Int16 => text.parse().ok().map(Value::Int16),
        Kind::Int32 => text.parse().ok().map(Value::Int32),
        Kind::Int64 => text.parse().ok().map(Value::Int64),
        Kind::Float32 => text.parse().ok().map(Value::Float32),
        Kind::Float64 => text.parse().ok().map(Value::Float64),
        _ => None,
    }
}

/// A map is an object when its keys are text, else a list of pairs.
fn map_of(
    json: &Json<'_>,
    key: &Arc<Schema>,
    value: &Arc<Schema>,
) -> Result<Vec<(Value, Value)>, Unreadable> {
    let pair = |json: &Json<'_>| match json {
        Json::Array(pair) => match &**pair {
            [first, second] => Ok((value_of(first, key)?, value_of(second, value)?)),
            _ => Err(Unreadable("a map's entry that is no pair".to_owned())),
        },
        _ => Err(Unreadable("a map's entry that is no pair".to_owned())),
    };
    match json {
        Json::Object(members) => members
            .iter()
            .map(|(name, json)| Ok((Value::String(name.clone()), value_of(json, value)?)))
            .collect(),
        Json::Array(pairs) => pairs.iter().map(pair).collect(),
        _ => Err(Unreadable(
            "a map that is neither object nor list".to_owned(),
        )),
    }
}
