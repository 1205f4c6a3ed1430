//! `table.expand.json.payload`: JSON text into a schema and a value, as Debezium's
//! `JsonSchemaData` infers them.

use std::sync::Arc;

use crate::data::tree::{self, Json};
use crate::data::{Field, Kind, Schema, Struct, Value};
use crate::modes::NameAdjustment;
use crate::plan::names::{self, NameOf};

/// `table.json.payload.null.behavior`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum NullMember {
    Ignore,
    OptionalBytes,
}

/// `table.json.payload.empty.array.behavior`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum EmptyArray {
    Ignore,
    OptionalString,
}

/// Infers schemas and reads values.
#[derive(Debug)]
pub(super) struct Expander {
    pub(super) null: NullMember,
    pub(super) empty_array: EmptyArray,
    pub(super) names: NameAdjustment,
}

/// JSON whose schema cannot be inferred: the text stays as it is.
struct NoSchema;

/// A value that its inferred schema does not hold.
struct NoValue;

impl Expander {
    /// The payload expanded. Text that is no JSON object or array, or that mixes types in a list,
    /// stays. A value that does not fit its own schema (an integer of more than 64 bits, a list at
    /// the top) stays too, but under the inferred schema, as in Debezium; the converter then refuses
    /// it.
    pub(super) fn expand(
        &self,
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
        let Ok(json) = tree::parse(text) else {
            return (schema, payload);
        };
        let Ok(Some(inferred)) = self.schema(Some(field), &json) else {
            return (schema, payload);
        };
        let inferred = Arc::new(inferred);
        let value = match &json {
            Json::Object(_) => structure(&json, &inferred),
            _ => Err(NoValue),
        };
        match value {
            Ok(value) => (inferred, value),
            Err(NoValue) => (inferred, payload),
        }
    }

    /// `None` leaves the member out.
    fn schema(&self, key: Option<&str>, json: &Json<'_>) -> Result<Option<Schema>, NoSchema> {
        let kind = match json {
            Json::String(_) => Kind::String,
            Json::Bool(_) => Kind::Boolean,
            Json::Number(number) => number_kind(number),
            Json::Null if self.null == NullMember::OptionalBytes => Kind::Bytes,
            Json::Null => return Ok(None),
            Json::Array(elements) if elements.is_empty() => match self.empty_array {
                EmptyArray::Ignore => return Ok(None),
                EmptyArray::OptionalString => {
                    Kind::Array(Arc::new(Schema::new(Kind::String).optional()))
                }
            },
            Json::Array(elements) => Kind::Array(Arc::new(self.element(key, elements)?)),
            Json::Object(members) => return self.object(key, members).map(Some),
        };
        Ok(Some(Schema::new(kind).optional()))
    }

    fn object(
        &self,
        key: Option<&str>,
        members: &[(String, Json<'_>)],
    ) -> Result<Schema, NoSchema> {
        let mut fields: Vec<Field> = Vec::new();
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

    /// The schema of a list's elements, which must be of one type.
    fn element(&self, key: Option<&str>, elements: &[Json<'_>]) -> Result<Schema, NoSchema> {
        let sample = sample(elements)?;
        if !matches!(sample, Json::Object(_)) {
            return self.schema(None, sample)?.ok_or(NoSchema);
        }
        let mut merged: Option<Schema> = None;
        for element in elements {
            let Json::Object(members) = element else {
                continue;
            };
            let schema = self.object(key, members)?;
            merged = Some(match merged {
                None => schema,
                Some(merged) => merge(merged, schema),
            });
        }
        merged.ok_or(NoSchema)
    }
}

fn number_kind(number: &str) -> Kind {
    if number.parse::<i32>().is_ok() {
        Kind::Int32
    } else if number.parse::<i64>().is_ok() {
        Kind::Int64
    } else {
        Kind::Float64
    }
}

/// The first element that is not null; all others must be of its type.
fn sample<'j, 't>(elements: &'j [Json<'t>]) -> Result<&'j Json<'t>, NoSchema> {
    let mut present = elements.iter().filter(|json| **json != Json::Null);
    let Some(first) = present.next() else {
        return Ok(&Json::Null);
    };
    let same = |other: &Json<'t>| match (first, other) {
        (Json::Number(first), Json::Number(other)) => number_kind(first) == number_kind(other),
        _ => std::mem::discriminant(first) == std::mem::discriminant(other),
    };
    match present.all(same) {
        true => Ok(first),
        false => Err(NoSchema),
    }
}

/// The fields of both; a field that was only null so far takes the type it has elsewhere.
fn merge(left: Schema, right: Schema) -> Schema {
    let Kind::Struct(mut fields) = left.kind else {
        return left;
    };
    for field in right.fields() {
        match fields.iter_mut().find(|known| known.name == field.name) {
            None => fields.push(field.clone()),
            Some(known) if known.schema.kind == Kind::Bytes && field.schema.kind != Kind::Bytes => {
                *known = field.clone();
            }
            Some(_) => {}
        }
    }
    Schema {
        kind: Kind::Struct(fields),
        ..left
    }
}

fn structure(json: &Json<'_>, schema: &Arc<Schema>) -> Result<Value, NoValue> {
    let member = |field: &Field| match json.get(&field.name) {
        Some(json) => value(json, &field.schema),
        None => Ok(Value::Null),
    };
    let values = schema
        .fields()
        .iter()
        .map(member)
        .collect::<Result<_, _>>()?;
    Ok(Value::Struct(Struct::of(Arc::clone(schema), values)))
}

fn value(json: &Json<'_>, schema: &Arc<Schema>) -> Result<Value, NoValue> {
    match (json, &schema.kind) {
        (Json::Null, _) => Ok(Value::Null),
        (Json::String(text), Kind::String) => Ok(Value::String(text.clone())),
        (Json::Bool(flag), Kind::Boolean) => Ok(Value::Boolean(*flag)),
        (Json::Number(number), kind) => self::number(number, kind).ok_or(NoValue),
        (Json::Array(elements), Kind::Array(element)) => {
            let elements = elements.iter().map(|json| value(json, element));
            Ok(Value::Array(elements.collect::<Result<_, _>>()?))
        }
        (Json::Object(_), Kind::Struct(_)) => structure(json, schema),
        _ => Err(NoValue),
    }
}

/// Jackson's reading: an integer that no long holds is no double either.
fn number(text: &str, kind: &Kind) -> Option<Value> {
    match (number_kind(text), kind) {
        (Kind::Int32, Kind::Int32) => text.parse().ok().map(Value::Int32),
        (Kind::Int64, Kind::Int64) => text.parse().ok().map(Value::Int64),
        (Kind::Float64, Kind::Float64) if text.contains(['.', 'e', 'E']) => {
            text.parse().ok().map(Value::Float64)
        }
        _ => None,
    }
}
