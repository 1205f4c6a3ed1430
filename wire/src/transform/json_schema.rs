//! JSON into a schema and a value, as Debezium's `JsonSchemaData` infers them.

use std::sync::Arc;

use super::TransformError;
use super::debezium::support::basics;
use crate::data::tree::Json;
use crate::data::{Field, Kind, Schema, Struct, Value};
use crate::modes::NameAdjustment;
use crate::plan::names::{self, NameOf};

/// Members of an object, in order.
type Members<'a> = [(String, Json<'a>)];

/// What becomes of members that are null.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Nulls {
    /// They are left out.
    Ignore,
    /// They are fields of optional bytes.
    OptionalBytes,
}

/// What becomes of lists without elements.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum EmptyLists {
    /// They are left out.
    Ignore,
    /// They are lists of optional text.
    OptionalString,
}

/// How schemas are inferred.
#[derive(Debug, Clone, Copy)]
pub(super) struct Inference {
    pub(super) nulls: Nulls,
    pub(super) empty_lists: EmptyLists,
    /// How the names of fields are adjusted.
    pub(super) names: NameAdjustment,
}

impl Inference {
    /// The schema of an object.
    pub(super) fn object(
        self,
        key: Option<&str>,
        members: &Members<'_>,
    ) -> Result<Schema, TransformError> {
        let mut fields: Vec<Field> = Vec::with_capacity(members.len());
        for (name, json) in members {
            let name = names::adjust(name, NameOf::Field, self.names);
            let key = match key.filter(|key| !key.trim().is_empty()) {
                Some(key) => format!("{key}.{name}"),
                None => name.clone(),
            };
            let schema = self.schema(Some(&key), json)?;
            let is_new = fields.iter().all(|field| *field.name != *name);
            if let (Some(schema), true) = (schema, is_new) {
                fields.push(Field::new(name, schema));
            }
        }
        let mut schema = Schema::new(Kind::Struct(fields)).optional();
        schema.name = key.map(Into::into);
        Ok(schema)
    }

    /// The schema of any value; `None` leaves the member out.
    pub(super) fn schema(
        self,
        key: Option<&str>,
        json: &Json<'_>,
    ) -> Result<Option<Schema>, TransformError> {
        let kind = match json {
            Json::Null if self.nulls == Nulls::Ignore => return Ok(None),
            Json::Null => Kind::Bytes,
            Json::Bool(_) => Kind::Boolean,
            Json::Number(number) => number_kind(number),
            Json::String(_) => Kind::String,
            Json::Array(items) if items.is_empty() => match self.empty_lists {
                EmptyLists::Ignore => return Ok(None),
                EmptyLists::OptionalString => {
                    Kind::Array(Arc::new(Schema::new(Kind::String).optional()))
                }
            },
            Json::Array(items) => Kind::Array(Arc::new(self.item(key, items)?)),
            Json::Object(members) => return self.object(key, members).map(Some),
        };
        Ok(Some(Schema::new(kind).optional()))
    }

    /// The schema of a list's elements, which must be of one type.
    fn item(self, key: Option<&str>, items: &[Json<'_>]) -> Result<Schema, TransformError> {
        let unrecognized = || TransformError::new("Array '' has unrecognized member schema.");
        let sample = sample(items)?;
        if !matches!(sample, Json::Object(_)) {
            return self.schema(None, sample)?.ok_or_else(unrecognized);
        }
        let mut schemas: Vec<Schema> = Vec::new();
        for item in items {
            let Json::Object(members) = item else {
                continue;
            };
            let schema = self.object(key, members)?;
            if !schemas.contains(&schema) {
                schemas.push(schema);
            }
        }
        let merged = schemas
            .into_iter()
            .reduce(|left, right| merged(&left, &right));
        merged.ok_or_else(unrecognized)
    }
}

/// The value of an object under its schema.
pub(super) fn object_value(
    object: &Json<'_>,
    schema: &Arc<Schema>,
) -> Result<Struct, TransformError> {
    let fields = schema.fields().iter();
    let values = fields.map(|field| match object.get(&field.name) {
        None => Ok(Value::Null),
        Some(json) => value(json, &field.schema, &format!("field: \"{}\"", field.name)),
    });
    let values = values.collect::<Result<_, _>>()?;
    Ok(Struct::of(Arc::clone(schema), values))
}

/// Jackson's kinds of numbers; a whole one of more than 64 bits has the schema of a double, which
/// then does not hold it.
fn number_kind(number: &str) -> Kind {
    match number.parse::<i64>() {
        Ok(whole) if i32::try_from(whole).is_ok() => Kind::Int32,
        Ok(_) => Kind::Int64,
        Err(_) => Kind::Float64,
    }
}

fn is_whole(number: &str) -> bool {
    !number.contains(['.', 'e', 'E'])
}

/// The first element that is not null, after a look at the others.
fn sample<'j, 't>(items: &'j [Json<'t>]) -> Result<&'j Json<'t>, TransformError> {
    let mut present = items.iter().filter(|json| **json != Json::Null);
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
const fn node_type(json: &Json<'_>) -> &'static str {
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
fn node_text(json: &Json<'_>) -> String {
    match json {
        Json::String(text) => text.clone(),
        Json::Number(number) => (*number).to_owned(),
        Json::Bool(flag) => flag.to_string(),
        Json::Null => "null".to_owned(),
        Json::Array(_) | Json::Object(_) => String::new(),
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

fn value(json: &Json<'_>, schema: &Arc<Schema>, place: &str) -> Result<Value, TransformError> {
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
        (Json::Number(number), kind) => match (number_kind(number), kind) {
            (Kind::Int32, Kind::Int32) => Value::Int32(number.parse().unwrap_or_default()),
            (Kind::Int64, Kind::Int64) => Value::Int64(number.parse().unwrap_or_default()),
            (Kind::Float64, Kind::Float64) if !is_whole(number) => {
                Value::Float64(number.parse().unwrap_or_default())
            }
            _ => return Err(mismatch(json, schema, place)),
        },
        (Json::Array(items), Kind::Array(item)) => {
            let place = format!("element of array {place}");
            let items = items.iter().map(|json| value(json, item, &place));
            Value::Array(items.collect::<Result<_, _>>()?)
        }
        (Json::Object(_), Kind::Struct(_)) => Value::Struct(object_value(json, schema)?),
        (json, _) => return Err(mismatch(json, schema, place)),
    })
}

fn mismatch(json: &Json<'_>, schema: &Schema, place: &str) -> TransformError {
    let name = schema.name.as_ref().map(|name| format!(" \"{name}\""));
    let class = match json {
        Json::Null | Json::Bool(_) => "java.lang.Boolean",
        Json::String(_) => "java.lang.String",
        Json::Array(_) => "java.util.ArrayList",
        Json::Object(_) => "org.apache.kafka.connect.data.Struct",
        Json::Number(number) => match number_kind(number) {
            Kind::Int32 => "java.lang.Integer",
            Kind::Int64 => "java.lang.Long",
            _ if is_whole(number) => "java.math.BigDecimal",
            _ => "java.lang.Double",
        },
    };
    TransformError(format!(
        "Invalid Java object for schema{} with type {}: class {class} for {place}",
        name.unwrap_or_default(),
        schema.type_name()
    ))
}
