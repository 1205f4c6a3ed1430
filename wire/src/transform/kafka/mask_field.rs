//! `MaskField`: puts zero, an empty value or a given one in the place of fields.

use std::sync::Arc;

use crate::data::{DATE, DECIMAL, DataRecord, Schema, Struct, TIME, TIMESTAMP, Value};
use crate::transform::{Half, Options, Transform, TransformError};

use super::big::{self, Big};
use super::cast_value::{narrow8, narrow16, narrow32};
use super::part;

/// The transform.
#[derive(Debug)]
pub(crate) struct MaskField {
    half: Half,
    fields: Vec<String>,
    replacement: Option<String>,
    with_default: bool,
}

pub(crate) fn build(half: Half, options: &mut Options) -> MaskField {
    let replacement = options.raw("replacement");
    let replacement = replacement.map(|text| text.trim().to_owned());
    if replacement.as_deref() == Some("") {
        options.invalid("replacement", "", "String must be non-empty");
    }
    MaskField {
        half,
        fields: part::non_empty_list(options, "fields"),
        replacement,
        with_default: part::replace_null(options),
    }
}

impl Transform for MaskField {
    fn apply(&mut self, mut record: DataRecord) -> Result<Option<DataRecord>, TransformError> {
        let from = part::take_struct(self.half, &mut record, "mask fields")?;
        let (schema, mut values) = part::values(from, self.with_default)?;
        for (field, value) in schema.fields().iter().zip(&mut values) {
            let is_masked = self.fields.iter().any(|name| **name == *field.name);
            if is_masked && !value.is_null() {
                *value = match &self.replacement {
                    Some(text) => replaced(&field.schema, value, text)?,
                    None => zero(&field.schema, value)?,
                };
            }
        }
        // The record keeps its own schema, as in Kafka.
        let kept = part::schema(self.half, &record).map(Arc::clone);
        part::put(
            self.half,
            &mut record,
            kept,
            Value::Struct(Struct::of(schema, values)),
        );
        Ok(Some(record))
    }
}

fn zero(schema: &Schema, value: &Value) -> Result<Value, TransformError> {
    Ok(match value {
        Value::Boolean(_) => Value::Boolean(false),
        Value::Int8(_) => Value::Int8(0),
        Value::Int16(_) => Value::Int16(0),
        Value::Int32(_) => Value::Int32(0),
        Value::Int64(_) => Value::Int64(0),
        Value::Float32(_) => Value::Float32(0.0),
        Value::Float64(_) => Value::Float64(0.0),
        Value::String(_) => Value::from(""),
        Value::Bytes(_) if schema.logical() == DECIMAL => decimal(schema, "0")?,
        Value::Array(_) => Value::Array(Vec::new()),
        Value::Map(_) => Value::Map(Vec::new()),
        Value::Null | Value::Bytes(_) | Value::Struct(_) => {
            let class = part::class(Some(schema), value);
            return Err(TransformError::new(format!(
                "Cannot mask value of type: class {class}"
            )));
        }
    })
}

fn replaced(schema: &Schema, value: &Value, text: &str) -> Result<Value, TransformError> {
    let number = || {
        Big::parse(text).ok_or_else(|| {
            TransformError::new(format!(
                "Unable to convert {text} (class java.lang.String) to a number"
            ))
        })
    };
    Ok(match (value, schema.logical()) {
        (Value::Bytes(_), DECIMAL) => decimal(schema, text)?,
        (Value::Int32(_), DATE | TIME) | (Value::Int64(_), TIMESTAMP) => {
            return Err(unmaskable(schema, value));
        }
        (Value::Int8(_), _) => Value::Int8(narrow8(number()?.low_bits())),
        (Value::Int16(_), _) => Value::Int16(narrow16(number()?.low_bits())),
        (Value::Int32(_), _) => Value::Int32(narrow32(number()?.low_bits())),
        (Value::Int64(_), _) => Value::Int64(number()?.low_bits()),
        (Value::Float32(_), _) => Value::Float32(super::cast_value::single(number()?.binary())),
        (Value::Float64(_), _) => Value::Float64(number()?.binary()),
        (Value::String(_), _) => Value::from(text),
        _ => return Err(unmaskable(schema, value)),
    })
}

fn unmaskable(schema: &Schema, value: &Value) -> TransformError {
    let class = part::class(Some(schema), value);
    TransformError::new(format!(
        "Cannot mask value of type class {class} with custom replacement."
    ))
}

/// A Decimal. Kafka's converters refuse one of another scale than its schema's; so does this.
fn decimal(schema: &Schema, text: &str) -> Result<Value, TransformError> {
    let Some(big) = Big::parse(text) else {
        return Err(TransformError::new(format!(
            "Unable to convert {text} (class java.lang.String) to number"
        )));
    };
    let scale = big::schema_scale(schema);
    if big.scale != scale {
        return Err(TransformError::new(format!(
            "Decimal value has mismatching scale for given Decimal schema. Schema has scale \
             {scale}, value has scale {}.",
            big.scale
        )));
    }
    Ok(Value::Bytes(big.bytes()))
}
