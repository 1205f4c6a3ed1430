//! Java's casts of one value: numbers narrowed as Java does, texts read and printed.

use crate::data::{DATE, DECIMAL, Kind, Schema, TIME, TIMESTAMP, Value};
use crate::transform::TransformError;
use crate::value::{write_f32, write_f64};

use super::big::Big;
use super::date_format::{DAY, DateFormat};
use super::part;

/// What can be cast to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Target {
    Int8,
    Int16,
    Int32,
    Int64,
    Float32,
    Float64,
    Boolean,
    String,
}

impl Target {
    /// The kind of its schema.
    pub(super) const fn kind(self) -> Kind {
        match self {
            Self::Int8 => Kind::Int8,
            Self::Int16 => Kind::Int16,
            Self::Int32 => Kind::Int32,
            Self::Int64 => Kind::Int64,
            Self::Float32 => Kind::Float32,
            Self::Float64 => Kind::Float64,
            Self::Boolean => Kind::Boolean,
            Self::String => Kind::String,
        }
    }
}

/// A value on its way to another type.
enum Given<'v> {
    Whole(i64),
    Float(f64),
    Big(Big),
    Boolean(bool),
    Text(&'v str),
}

/// Casts a value of a schema; null stays null.
pub(super) fn cast(
    schema: &Schema,
    value: &Value,
    target: Target,
) -> Result<Value, TransformError> {
    let given = match value {
        Value::Null => return Ok(Value::Null),
        Value::Array(_) | Value::Map(_) | Value::Struct(_) => {
            return Err(TransformError::new(format!(
                "Cast transformation does not support casting from {}; supported types are \
                 [INT8, INT16, INT32, INT64, FLOAT32, FLOAT64, BOOLEAN, STRING, BYTES]",
                schema.type_name()
            )));
        }
        _ if target == Target::String => return Ok(Value::String(text(schema, value))),
        Value::Boolean(truth) => Given::Boolean(*truth),
        Value::Float32(number) => Given::Float(f64::from(*number)),
        Value::Float64(number) => Given::Float(*number),
        Value::String(text) => Given::Text(text),
        Value::Bytes(bytes) if schema.logical() == DECIMAL => Given::Big(Big::of(bytes, schema)),
        Value::Bytes(_) => {
            let class = part::class(Some(schema), value);
            return Err(TransformError::new(format!(
                "Unexpected type in Cast transformation: class {class}"
            )));
        }
        whole => Given::Whole(whole.as_i64().unwrap_or_default()),
    };
    given.cast(target).ok_or_else(|| {
        let text = text(schema, value);
        TransformError::new(format!(
            "Value ({text}) was out of range for requested data type"
        ))
    })
}

impl Given<'_> {
    fn cast(&self, target: Target) -> Option<Value> {
        Some(match (target, self) {
            (Target::Int8, Self::Text(text)) => Value::Int8(text.parse().ok()?),
            (Target::Int16, Self::Text(text)) => Value::Int16(text.parse().ok()?),
            (Target::Int32, Self::Text(text)) => Value::Int32(text.parse().ok()?),
            (Target::Int64, Self::Text(text)) => Value::Int64(text.parse().ok()?),
            (Target::Float32, Self::Text(text)) => Value::Float32(float(text)?),
            (Target::Float64, Self::Text(text)) => Value::Float64(float(text)?),
            (Target::Boolean, Self::Text(text)) => {
                Value::Boolean(text.eq_ignore_ascii_case("true"))
            }
            (Target::Int8, _) => Value::Int8(narrow8(self.int())),
            (Target::Int16, _) => Value::Int16(narrow16(self.int())),
            (Target::Int32, _) => Value::Int32(narrow32(self.int())),
            (Target::Int64, _) => Value::Int64(self.long()),
            (Target::Float32, Self::Float(number)) => Value::Float32(single(*number)),
            (Target::Float32, Self::Big(big)) => Value::Float32(big.binary()),
            (Target::Float32, _) => Value::Float32(single_of(self.long())),
            (Target::Float64, Self::Float(number)) => Value::Float64(*number),
            (Target::Float64, Self::Big(big)) => Value::Float64(big.binary()),
            (Target::Float64, _) => Value::Float64(double_of(self.long())),
            (Target::Boolean, _) => Value::Boolean(self.long() != 0),
            (Target::String, _) => return None,
        })
    }

    /// What Java narrows on to fewer bits: floats stop at the limits of 32 bits first.
    fn int(&self) -> i64 {
        match self {
            Self::Float(number) => i64::from(saturated32(*number)),
            other => other.long(),
        }
    }

    /// `longValue`.
    fn long(&self) -> i64 {
        match self {
            Self::Whole(number) => *number,
            Self::Float(number) => saturated64(*number),
            Self::Big(big) => big.low_bits(),
            Self::Boolean(truth) => i64::from(*truth),
            Self::Text(_) => 0,
        }
    }
}

/// Java's `toString`, bytes as base64, dates as ISO 8601.
fn text(schema: &Schema, value: &Value) -> String {
    let mut out = Vec::new();
    match (value, schema.logical()) {
        (Value::Int32(days), DATE) => return iso(i64::from(*days) * DAY),
        (Value::Int32(millis), TIME) => return iso(i64::from(*millis)),
        (Value::Int64(millis), TIMESTAMP) => return iso(*millis),
        (Value::Bytes(bytes), DECIMAL) => return Big::of(bytes, schema).text(),
        (Value::Bytes(bytes), _) => {
            use base64::Engine as _;
            return base64::engine::general_purpose::STANDARD.encode(bytes);
        }
        (Value::String(text), _) => return text.clone(),
        (Value::Boolean(truth), _) => return truth.to_string(),
        (Value::Float32(number), _) => write_f32(*number, &mut out),
        (Value::Float64(number), _) => write_f64(*number, &mut out),
        _ => return value.as_i64().unwrap_or_default().to_string(),
    }
    let text = String::from_utf8_lossy(&out);
    text.trim_matches('"').to_owned()
}

/// A time of day before 1970-01-02, a date at midnight, else both.
fn iso(millis: i64) -> String {
    let pattern = if millis < DAY {
        "HH:mm:ss.SSS'Z'"
    } else if millis % DAY == 0 {
        "yyyy-MM-dd"
    } else {
        "yyyy-MM-dd'T'HH:mm:ss.SSS'Z'"
    };
    let format = DateFormat::new(pattern);
    format
        .map(|format| format.format(millis))
        .unwrap_or_default()
}

/// As Java's `parseDouble` and `parseFloat` read decimal texts; hexadecimal ones are refused.
fn float<F: std::str::FromStr>(text: &str) -> Option<F> {
    let text = text.trim_matches(|character| character <= ' ');
    let unsigned = text.strip_prefix(['+', '-']).unwrap_or(text);
    if matches!(unsigned, "NaN" | "Infinity") {
        return text.parse().ok();
    }
    let number = text.strip_suffix(['d', 'D', 'f', 'F']).unwrap_or(text);
    let is_part = |byte: u8| byte.is_ascii_digit() || b"+-.eE".contains(&byte);
    let plain = number.bytes().all(is_part);
    number.parse().ok().filter(|_| plain)
}

#[expect(clippy::as_conversions, reason = "keeps the low bits, as Java does")]
pub(super) const fn narrow8(number: i64) -> i8 {
    number as i8
}

#[expect(clippy::as_conversions, reason = "keeps the low bits, as Java does")]
pub(super) const fn narrow16(number: i64) -> i16 {
    number as i16
}

#[expect(clippy::as_conversions, reason = "keeps the low bits, as Java does")]
pub(super) const fn narrow32(number: i64) -> i32 {
    number as i32
}

#[expect(clippy::as_conversions, reason = "rounds to the nearest, as Java does")]
pub(super) const fn single(number: f64) -> f32 {
    number as f32
}

#[expect(clippy::as_conversions, reason = "rounds to the nearest, as Java does")]
pub(super) const fn single_of(number: i64) -> f32 {
    number as f32
}

#[expect(clippy::as_conversions, reason = "rounds to the nearest, as Java does")]
pub(super) const fn double_of(number: i64) -> f64 {
    number as f64
}

#[expect(clippy::as_conversions, reason = "stops at the limits, as Java does")]
const fn saturated32(number: f64) -> i32 {
    number as i32
}

#[expect(clippy::as_conversions, reason = "stops at the limits, as Java does")]
const fn saturated64(number: f64) -> i64 {
    number as i64
}
