//! What the elements of a literal's list or map have in common.

use std::sync::Arc;

use crate::data::{DATE, Kind, Schema, TIME, TIMESTAMP, Value};

use super::cast_value::{double_of, narrow16, narrow32, single, single_of};
use super::date_format::DAY;
use super::literal::{NoValue, Parsed};

/// Finds a schema for all elements.
#[derive(Debug, Default)]
pub(super) struct Merger {
    common: Option<Schema>,
    /// Two elements had nothing in common.
    apart: bool,
}

impl Merger {
    /// Takes note of an element; null fits all.
    pub(super) fn merge(&mut self, latest: &Parsed) {
        let Some(schema) = latest.schema.as_ref().filter(|_| !self.apart) else {
            return;
        };
        self.common = match self.common.take() {
            None => Some(schema.clone()),
            Some(previous) => wider(previous, schema),
        };
        self.apart = self.common.is_none();
    }
}

/// The wider of two numbers' schemas, the later of two alike.
fn wider(previous: Schema, latest: &Schema) -> Option<Schema> {
    let (before, after) = (previous.type_name(), latest.type_name());
    if before == after {
        return Some(latest.clone());
    }
    match (rank(&previous.kind)?, rank(&latest.kind)?) {
        (before, after) if before < after => Some(latest.clone()),
        _ => Some(previous),
    }
}

const fn rank(kind: &Kind) -> Option<u8> {
    match kind {
        Kind::Int8 => Some(0),
        Kind::Int16 => Some(1),
        Kind::Int32 => Some(2),
        Kind::Int64 => Some(3),
        Kind::Float32 => Some(4),
        Kind::Float64 => Some(5),
        _ => None,
    }
}

/// The schema of elements that have nothing in common. Connect has none; a list needs one.
fn unknown() -> Schema {
    Schema::new(Kind::String).optional()
}

/// A list of elements.
pub(super) fn list(merger: Merger, elements: Vec<Parsed>) -> Result<Parsed, NoValue> {
    let (schema, values) = aligned(merger.common, elements)?;
    let kind = Kind::Array(Arc::new(schema));
    Ok(Parsed::new(Schema::new(kind), Value::Array(values)))
}

/// A map of entries.
pub(super) fn map(
    keys: Merger,
    values: Merger,
    entries: Vec<(Parsed, Parsed)>,
) -> Result<Parsed, NoValue> {
    let (left, right) = entries.into_iter().unzip();
    let values = values.common.filter(|_| keys.common.is_some());
    let (key_schema, keys) = aligned(keys.common, left)?;
    let (value_schema, values) = aligned(values, right)?;
    let kind = Kind::Map(Arc::new(key_schema), Arc::new(value_schema));
    let entries = keys.into_iter().zip(values).collect();
    Ok(Parsed::new(Schema::new(kind), Value::Map(entries)))
}

fn aligned(common: Option<Schema>, parsed: Vec<Parsed>) -> Result<(Schema, Vec<Value>), NoValue> {
    let Some(schema) = common else {
        let values = parsed.into_iter().map(|parsed| parsed.value);
        return Ok((unknown(), values.collect()));
    };
    let values = parsed.into_iter().map(|parsed| convert(&schema, parsed));
    let values = values.collect::<Result<_, _>>()?;
    Ok((schema, values))
}

/// A value as one of a wider schema.
fn convert(to: &Schema, from: Parsed) -> Result<Value, NoValue> {
    let Some(schema) = from.schema else {
        return Err(NoValue);
    };
    if schema.kind == to.kind && schema.name == to.name {
        return Ok(from.value);
    }
    if let Some(millis) = millis(&schema, &from.value) {
        return match to.logical() {
            DATE => Ok(Value::Int32(narrow32(millis.div_euclid(DAY)))),
            TIME => Ok(Value::Int32(narrow32(millis))),
            TIMESTAMP => Ok(Value::Int64(millis)),
            _ => Err(NoValue),
        };
    }
    let whole = from.value.as_i64().unwrap_or_default();
    Ok(match (&to.kind, &from.value) {
        (Kind::Int16, _) => Value::Int16(narrow16(whole)),
        (Kind::Int32, _) => Value::Int32(narrow32(whole)),
        (Kind::Int64, _) => Value::Int64(whole),
        (Kind::Float32, Value::Float64(number)) => Value::Float32(single(*number)),
        (Kind::Float32, _) => Value::Float32(single_of(whole)),
        (Kind::Float64, Value::Float32(number)) => Value::Float64(f64::from(*number)),
        (Kind::Float64, _) => Value::Float64(double_of(whole)),
        _ => from.value,
    })
}

/// The time that a value of a logical type stands for.
fn millis(schema: &Schema, value: &Value) -> Option<i64> {
    let number = value.as_i64()?;
    match schema.logical() {
        DATE => Some(number * DAY),
        TIME | TIMESTAMP => Some(number),
        _ => None,
    }
}
