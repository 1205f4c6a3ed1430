//! Values of scripts, as Groovy sees those of records.

use std::borrow::Cow;
use std::cmp::Ordering;

use super::decimal::Decimal;
use crate::data::{DATE, DECIMAL, DataRecord, Kind, Schema, Struct, TIME, TIMESTAMP, Value};

/// A value.
#[derive(Debug, Clone)]
pub(in super::super) enum Val<'r> {
    Null,
    Bool(bool),
    Whole(i64, Width),
    Float(f64),
    Decimal(Decimal),
    Text(Cow<'r, str>),
    Bytes(&'r [u8]),
    /// A `java.util.Date`.
    Moment(i64),
    /// A list of the record.
    Array(&'r Schema, &'r [Value]),
    /// A list of the script.
    List(Vec<Val<'r>>),
    Map(&'r Schema, &'r [(Value, Value)]),
    Struct(&'r Struct),
    /// `header`
    Headers(&'r DataRecord),
    /// `header.x`: its schema and its value.
    Header(Option<&'r Schema>, &'r Value),
    Schema(&'r Schema),
    /// What `=~` makes, and whether it found something.
    Matcher(bool),
}

/// Which of Java's whole numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in super::super) enum Width {
    Byte,
    Short,
    Int,
    Long,
}

impl<'r> Val<'r> {
    /// A value of a record.
    pub(super) fn of(schema: &'r Schema, value: &'r Value) -> Self {
        match (value, schema.logical(), &schema.kind) {
            (Value::Null, ..) => Self::Null,
            (Value::Int32(number), DATE | TIME, _) => Self::Moment((*number).into()),
            (Value::Int64(number), TIMESTAMP, _) => Self::Moment(*number),
            (Value::Bytes(bytes), DECIMAL, _) => {
                let scale = schema
                    .parameter("scale")
                    .and_then(|scale| scale.parse().ok());
                let decimal = Decimal::unscaled(bytes, scale.unwrap_or(0));
                decimal.map_or(Self::Bytes(bytes), Self::Decimal)
            }
            (Value::Boolean(value), ..) => Self::Bool(*value),
            (Value::Int8(number), ..) => Self::Whole((*number).into(), Width::Byte),
            (Value::Int16(number), ..) => Self::Whole((*number).into(), Width::Short),
            (Value::Int32(number), ..) => Self::Whole((*number).into(), Width::Int),
            (Value::Int64(number), ..) => Self::Whole(*number, Width::Long),
            (Value::Float32(number), ..) => Self::Float((*number).into()),
            (Value::Float64(number), ..) => Self::Float(*number),
            (Value::String(text), ..) => Self::Text(text.as_str().into()),
            (Value::Bytes(bytes), ..) => Self::Bytes(bytes),
            (Value::Array(items), _, Kind::Array(item)) => Self::Array(item, items),
            (Value::Map(entries), _, Kind::Map(_, item)) => Self::Map(item, entries),
            (Value::Array(_) | Value::Map(_), ..) => Self::Null,
            (Value::Struct(inner), ..) => Self::Struct(inner),
        }
    }

    /// How many there are of something: an `Integer`.
    pub(super) fn count(count: usize) -> Self {
        Self::Whole(count.try_into().unwrap_or(i64::MAX), Width::Int)
    }

    /// A property: a field, a header, an entry.
    pub(super) fn property(self, name: &str) -> Result<Self, String> {
        Ok(match self {
            Self::Null => {
                return Err(format!(
                    "Cannot get property '{name}' on null object; write ?.{name} if it may be null"
                ));
            }
            Self::Struct(of) => {
                let field = of.schema().field(name).zip(of.get(name));
                let (schema, value) =
                    field.ok_or_else(|| format!("{name} is not a valid field name"))?;
                Self::of(schema, value)
            }
            Self::Headers(record) => match record.last_header(name) {
                Some(header) => Self::Header(header.schema.as_deref(), &header.value),
                None => Self::Null,
            },
            Self::Header(schema, value) => match (name, schema) {
                ("value", Some(schema)) => Self::of(schema, value),
                ("value", None) => match value {
                    Value::String(text) => Self::Text(text.as_str().into()),
                    _ => Self::Null,
                },
                ("schema", Some(schema)) => Self::Schema(schema),
                ("schema", None) => Self::Null,
                _ => {
                    return Err(format!(
                        "No such property: {name}; a header has value and schema"
                    ));
                }
            },
            Self::Map(item, entries) => {
                let found = entries.iter().find(|(key, _)| key.as_str() == Some(name));
                found.map_or(Self::Null, |(_, value)| Self::of(item, value))
            }
            Self::Schema(schema) if name == "name" => match &schema.name {
                Some(name) => Self::Text((&**name).into()),
                None => Self::Null,
            },
            other => return Err(format!("No such property: {name} of {}", other.kind())),
        })
    }

    /// Groovy's truth.
    pub(super) fn is_true(&self) -> bool {
        match self {
            Self::Null => false,
            Self::Bool(value) | Self::Matcher(value) => *value,
            Self::Whole(number, _) => *number != 0,
            Self::Float(number) => *number != 0.0,
            Self::Decimal(number) => !number.is_zero(),
            Self::Text(text) => !text.is_empty(),
            Self::Array(_, items) => !items.is_empty(),
            Self::List(items) => !items.is_empty(),
            Self::Map(_, entries) => !entries.is_empty(),
            Self::Headers(record) => !record.headers.is_empty(),
            Self::Bytes(_) | Self::Moment(_) | Self::Struct(_) => true,
            Self::Header(..) | Self::Schema(_) => true,
        }
    }

    /// Groovy's `==`: numbers of all kinds are compared by what they count.
    pub(super) fn is_equal(&self, other: &Self) -> bool {
        self.numbers(other).map_or_else(
            || self.equals(other),
            |order| order == Some(Ordering::Equal),
        )
    }

    /// Java's `equals`, which `in` and `contains` use: an `Integer` is never a `Long`.
    pub(super) fn equals(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Null, Self::Null) => true,
            (Self::Bool(left), Self::Bool(right)) => left == right,
            (Self::Whole(left, width), Self::Whole(right, other)) => {
                left == right && width == other
            }
            (Self::Float(left), Self::Float(right)) => left == right,
            (Self::Decimal(left), Self::Decimal(right)) => left.is_same(right),
            (Self::Text(left), Self::Text(right)) => left == right,
            (Self::Bytes(left), Self::Bytes(right)) => left == right,
            (Self::Moment(left), Self::Moment(right)) => left == right,
            (Self::Struct(left), Self::Struct(right)) => left == right,
            (Self::Schema(left), Self::Schema(right)) => left == right,
            (Self::Map(_, left), Self::Map(_, right)) => left == right,
            (left, right) => match (left.items(), right.items()) {
                (Some(left), Some(right)) => {
                    let pairs = || left.iter().zip(&right);
                    left.len() == right.len() && pairs().all(|(left, right)| left.is_equal(right))
                }
                _ => false,
            },
        }
    }

    /// Groovy's order; null is less than all.
    pub(super) fn compare(&self, other: &Self) -> Result<Option<Ordering>, String> {
        if let Some(order) = self.numbers(other) {
            return Ok(order);
        }
        Ok(Some(match (self, other) {
            (Self::Null, Self::Null) => Ordering::Equal,
            (Self::Null, _) => Ordering::Less,
            (_, Self::Null) => Ordering::Greater,
            (Self::Text(left), Self::Text(right)) => left.encode_utf16().cmp(right.encode_utf16()),
            (Self::Bool(left), Self::Bool(right)) => left.cmp(right),
            (Self::Moment(left), Self::Moment(right)) => left.cmp(right),
            (left, right) => {
                return Err(format!(
                    "Cannot compare {} with {}",
                    left.kind(),
                    right.kind()
                ));
            }
        }))
    }

    /// The order of two numbers; the inner `None` is that of a NaN. A number and a text of one
    /// character are compared by the character's code.
    fn numbers(&self, other: &Self) -> Option<Option<Ordering>> {
        let code = |text: &str| {
            let mut units = text.encode_utf16();
            let unit = units.next().filter(|_| units.next().is_none());
            unit.map(i64::from)
        };
        match (self, other) {
            (Self::Whole(left, _), Self::Whole(right, _)) => Some(Some(left.cmp(right))),
            (Self::Whole(left, _), Self::Text(text)) => Some(Some(left.cmp(&code(text)?))),
            (Self::Float(_), _) | (_, Self::Float(_)) => {
                let (left, right) = (self.to_f64()?, other.to_f64()?);
                Some(left.partial_cmp(&right))
            }
            (left, right) => {
                let (left, right) = (left.to_decimal()?, right.to_decimal()?);
                Some(Some(left.compare(&right)))
            }
        }
    }

    fn to_f64(&self) -> Option<f64> {
        match self {
            Self::Whole(number, _) => number.to_string().parse().ok(),
            Self::Float(number) => Some(*number),
            Self::Decimal(number) => Some(number.to_f64()),
            _ => None,
        }
    }

    fn to_decimal(&self) -> Option<Decimal> {
        match self {
            Self::Whole(number, _) => Decimal::parse(&number.to_string()),
            Self::Decimal(number) => Some(number.clone()),
            _ => None,
        }
    }

    /// The items, if it is a list.
    pub(super) fn items(&self) -> Option<Vec<Self>> {
        match self {
            Self::List(items) => Some(items.clone()),
            Self::Array(item, items) => {
                Some(items.iter().map(|value| Self::of(item, value)).collect())
            }
            _ => None,
        }
    }

    /// The text that `+` joins.
    pub(super) fn joined(&self) -> Result<String, String> {
        Ok(match self {
            Self::Null => "null".to_owned(),
            Self::Bool(value) => value.to_string(),
            Self::Whole(number, _) => number.to_string(),
            Self::Text(text) => text.to_string(),
            other => return Err(format!("{} cannot be made a text here", other.kind())),
        })
    }

    /// What it is, for texts.
    pub(in super::super) const fn kind(&self) -> &'static str {
        match self {
            Self::Null => "null",
            Self::Bool(_) => "a boolean",
            Self::Whole(..) | Self::Float(_) | Self::Decimal(_) => "a number",
            Self::Text(_) => "a text",
            Self::Bytes(_) => "bytes",
            Self::Moment(_) => "a date",
            Self::Array(..) | Self::List(_) => "a list",
            Self::Map(..) | Self::Headers(_) => "a map",
            Self::Struct(_) => "a struct",
            Self::Header(..) => "a header",
            Self::Schema(_) => "a schema",
            Self::Matcher(_) => "a matcher",
        }
    }
}
