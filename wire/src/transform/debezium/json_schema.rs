//! JSON into a schema and a value, as Debezium's `JsonSchemaData` infers them.

use std::sync::Arc;

use serde_json::{Map, Value as Json};

use super::super::TransformError;
use super::support::basics;
use crate::data::{Field, Kind, Schema, Struct, Value};

/// What becomes of members that are null.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Nulls {
    /// They are left out.
    Ignore,
    /// They are fields of optional bytes.
    OptionalBytes,
}

/// The schema of an object; lists without elements are left out.
pub(super) fn object_schema(
    key: Option<&str>,
    members: &Map<String, Json>,
    nulls: Nulls,
) -> Result<Schema, TransformError> {
    let mut fields = Vec::with_capacity(members.len());
    for (name, json) in members {
        let key = match key.filter(|key| !key.trim().is_empty()) {
            Some(key) => format!("{key}.{name}"),
            None => name.clone(),
        };
        if let Some(schema) = schema(Some(&key), json, nulls)? {
            fields.push(Field::new(name.as_str(), schema));
        }
    }
    let mut schema = Schema::new(Kind::Struct(fields)).optional();
    schema.name = key.map(Into::into);
    Ok(schema)
}

/// The value of an object under its schema.
pub(super) fn object_value(
    members: &Map<String, Json>,
    schema: &Arc<Schema>,
) -> Result<Struct, TransformError> {
    let fields = schema.fields().iter();
    let values = fields.map(|field| match members.get(&*field.name) {
        None => Ok(Value::Null),
        Some(json) => value(json, &field.schema, &format!("field: \"{}\"", field.name)),
    });
    let values = values.collect::<Result<_, _>>()?;
    Ok(Struct::of(Arc::clone(schema), values))
}

fn schema(key: Option<&str>, json: &Json, nulls: Nulls) -> Result<Option<Schema>, TransformError> {
    let kind = match json {
        Json::Null if nulls == Nulls::Ignore => return Ok(None),
        Json::Null => Kind::Bytes,
        Json::Bool(_) => Kind::Boolean,
        Json::Number(number) => number_kind(number),
        Json::String(_) => Kind::String,
        Json::Array(items) if items.is_empty() => return Ok(None),
        Json::Array(items) => Kind::Array(Arc::new(item_schema(key, items, nulls)?)),
        Json::Object(members) => return object_schema(key, members, nulls).map(Some),
    };
    Ok(Some(Schema::new(kind).optional()))
}

fn number_kind(number: &serde_json::Number) -> Kind {
    match number.as_i64() {
        Some(whole) if i32::try_from(whole).is_ok() => Kind::Int32,
        Some(_) => Kind::Int64,
        None => Kind::Float64,
    }
}

/// The schema of a list's elements, which must be of one type.
fn item_schema(key: Option<&str>, items: &[Json], nulls: Nulls) -> Result<Schema, TransformError> {
    let sample = sample(items)?;
    if !sample.is_object() {
        return schema(None, sample, nulls)?
            .ok_or_else(|| TransformError::new("Array '' has unrecognized member schema."));
    }
    let mut schemas: Vec<Schema> = Vec::new();
    for members in items.iter().filter_map(Json::as_object) {
        let schema = object_schema(key, members, nulls)?;
        if !schemas.contains(&schema) {
            schemas.push(schema);
        }
    }
    let merged = schemas
        .into_iter()
        .reduce(|left, right| merged(&left, &right));
    merged.ok_or_else(|| TransformError::new("Array '' has unrecognized member schema."))
}

/// The first element that is not null, after a look at the others.
fn sample(items: &[Json]) -> Result<&Json, TransformError> {
    let mut present = items.iter().filter(|json| !json.is_null());
    let Some(first) = present.next() else {
        return Ok(&Json::Null);
    };
    for other in present {
        if node_type(first) != node_type(other) {
            return Err(TransformError(format!(
                "Field is not a homogenous array ({} x {}).",
                node_text(first),
                node_type(other)
            )));
        }
        if let (Json::Number(left), Json::Number(right)) = (first, other)
            && number_kind(left) != number_kind(right)
        {
            let kind = |number| Schema::new(number_kind(number)).type_name();
            return Err(TransformError(format!(
                "Field is not a homogenous array ({left} x {right}), different number types \
                 (Schema{{{}}} x Schema{{{}}})",
                kind(left),
                kind(right)
            )));
        }
    }
    Ok(first)
}

/// Jackson's name for what a node is.
const fn node_type(json: &Json) -> &'static str {
    match json {
        Json::Null => "NULL",
        Json::Bool(_) => "BOOLEAN",
        Json::Number(_) => "NUMBER",
        Json::String(_) => "STRING",
        Json::Array(_) => "ARRAY",
        Json::Object(_) => "OBJECT",
    }
}

/// Jackson's text of a node; lists and objects have none.
fn node_text(json: &Json) -> String {
    match json {
        Json::String(text) => text.clone(),
        Json::Array(_) | Json::Object(_) => String::new(),
        other => other.to_string(),
    }
}

/// The fields of both. One that was only null so far takes the type it has elsewhere.
fn merged(left: &Schema, right: &Schema) -> Schema {
    let mut fields = left.fields().to_vec();
    for field in right.fields() {
        match fields.iter_mut().find(|known| known.name == field.name) {
            None => fields.push(field.clone()),
            Some(known) if known.schema.kind == Kind::Bytes && field.schema.kind != Kind::Bytes => {
                *known = field.clone();
            }
            Some(_) => {}
        }
    }
    basics(left, Kind::Struct(fields))
}

fn value(json: &Json, schema: &Arc<Schema>, place: &str) -> Result<Value, TransformError> {
    Ok(match (json, &schema.kind) {
        (Json::Null, _) if schema.optional => Value::Null,
        (Json::Null, _) => {
            return Err(TransformError(format!(
                "Invalid value: null used for required {place}, schema type: {}",
                schema.type_name()
            )));
        }
        (Json::Bool(flag), Kind::Boolean) => Value::Boolean(*flag),
        (Json::String(text), Kind::String) => Value::String(text.clone()),
        (Json::Number(number), kind) if number_kind(number) == *kind => match number.as_i64() {
            Some(whole) => match i32::try_from(whole) {
                Ok(whole) => Value::Int32(whole),
                Err(_) => Value::Int64(whole),
            },
            None => Value::Float64(number.as_f64().unwrap_or_default()),
        },
        (Json::Array(items), Kind::Array(item)) => {
            let place = format!("element of array {place}");
            let items = items.iter().map(|json| value(json, item, &place));
            Value::Array(items.collect::<Result<_, _>>()?)
        }
        (Json::Object(members), Kind::Struct(_)) => Value::Struct(object_value(members, schema)?),
        (json, _) => return Err(mismatch(json, schema, place)),
    })
}

fn mismatch(json: &Json, schema: &Schema, place: &str) -> TransformError {
    let name = schema.name.as_ref().map(|name| format!(" \"{name}\""));
    let class = match json {
        Json::Null | Json::Bool(_) => "java.lang.Boolean",
        Json::String(_) => "java.lang.String",
        Json::Array(_) => "java.util.ArrayList",
        Json::Object(_) => "org.apache.kafka.connect.data.Struct",
        Json::Number(number) => match number_kind(number) {
            Kind::Int32 => "java.lang.Integer",
            Kind::Int64 => "java.lang.Long",
            _ => "java.lang.Double",
        },
    };
    TransformError(format!(
        "Invalid Java object for schema{} with type {}: class {class} for {place}",
        name.unwrap_or_default(),
        schema.type_name()
    ))
}
