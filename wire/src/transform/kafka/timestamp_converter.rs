//! `TimestampConverter`: turns times into text, numbers or Connect's logical types.

use std::sync::Arc;

use crate::data::{DATE, DataRecord, Field, Kind, Schema, Struct, TIME, TIMESTAMP, Value};
use crate::transform::{Half, Options, Transform, TransformError};

use super::date_format::{DAY, DateFormat};
use super::part::{self, Cache};

/// The transform.
#[derive(Debug)]
pub(crate) struct TimestampConverter {
    half: Half,
    /// Empty for all of the half.
    field: String,
    conversion: Conversion,
    with_default: bool,
    schemas: Cache<Arc<Schema>>,
}

/// From any form of a time to one.
#[derive(Debug)]
struct Conversion {
    target: Form,
    format: Option<DateFormat>,
    precision: Precision,
}

/// How a time is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Form {
    String,
    Unix,
    Date,
    Time,
    Timestamp,
}

/// What a Unix time counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Precision {
    Seconds,
    Millis,
    Micros,
    Nanos,
}

pub(crate) fn build(half: Half, options: &mut Options) -> TimestampConverter {
    let forms = [
        ("string", Form::String),
        ("unix", Form::Unix),
        ("Date", Form::Date),
        ("Time", Form::Time),
        ("Timestamp", Form::Timestamp),
    ];
    let precisions = [
        ("nanoseconds", Precision::Nanos),
        ("microseconds", Precision::Micros),
        ("milliseconds", Precision::Millis),
        ("seconds", Precision::Seconds),
    ];
    let target = part::word(options, "target.type", &forms, None);
    let default = Some(Precision::Millis);
    let precision = part::word(options, "unix.precision", &precisions, default);
    TimestampConverter {
        half,
        field: options.text_or("field", ""),
        conversion: Conversion {
            target: target.unwrap_or(Form::Timestamp),
            format: format(options, target),
            precision: precision.unwrap_or(Precision::Millis),
        },
        with_default: part::replace_null(options),
        schemas: Cache::default(),
    }
}

fn format(options: &mut Options, target: Option<Form>) -> Option<DateFormat> {
    let Some(pattern) = options.text("format") else {
        if target == Some(Form::String) {
            let text = "TimestampConverter requires format option to be specified when using \
                        string timestamps";
            options.problem_at_start("format", text);
        }
        return None;
    };
    let format = DateFormat::new(&pattern);
    if let Err(why) = &format {
        // Kafka's own words, its exception's arguments mixed up.
        let message = format!(
            "Invalid value java.lang.IllegalArgumentException: {why} for configuration \
             TimestampConverter requires a SimpleDateFormat-compatible pattern for string \
             timestamps: {pattern}"
        );
        options.problem_at_start("format", message);
    }
    format.ok()
}

impl Transform for TimestampConverter {
    fn apply(&mut self, mut record: DataRecord) -> Result<Option<DataRecord>, TransformError> {
        let value = part::take(self.half, &mut record);
        let Some(schema) = part::schema(self.half, &record) else {
            if value.is_null() {
                return Ok(Some(record));
            }
            return Err(part::schemaless(&value, "converting timestamp formats"));
        };
        let (schema, value) = if self.field.is_empty() {
            let updated = self.schemas.get(schema, |schema| {
                Ok(Arc::new(self.conversion.schema(schema.optional)))
            })?;
            (updated, self.conversion.convert(schema, &value)?)
        } else {
            let schema = Arc::clone(schema);
            self.convert_field(&schema, value)?
        };
        part::put(self.half, &mut record, Some(schema), value);
        Ok(Some(record))
    }
}

impl TimestampConverter {
    fn convert_field(
        &mut self,
        schema: &Arc<Schema>,
        value: Value,
    ) -> Result<(Arc<Schema>, Value), TransformError> {
        let (name, conversion) = (&self.field, &self.conversion);
        let with_default = self.with_default;
        let updated = self.schemas.get(schema, |schema| {
            let default = match &schema.default {
                Some(Value::Struct(inner)) => {
                    Some(converted(inner.clone(), name, conversion, with_default)?)
                }
                _ => None,
            };
            let made = conversion.updated(schema, name)?;
            let of = |values| Value::Struct(Struct::of(Arc::new(made.clone()), values));
            let default = default.map(of);
            Ok(Arc::new(Schema { default, ..made }))
        })?;
        if value.is_null() {
            return Ok((updated, Value::Null));
        }
        let from = part::require_struct(Some(schema), value, "converting timestamp formats")?;
        let values = converted(from, name, conversion, with_default)?;
        let value = Value::Struct(Struct::of(Arc::clone(&updated), values));
        Ok((updated, value))
    }
}

/// A struct's values, that of one field converted.
fn converted(
    from: Struct,
    name: &str,
    conversion: &Conversion,
    with_default: bool,
) -> Result<Vec<Value>, TransformError> {
    let (schema, mut values) = part::values(from, with_default)?;
    for (field, value) in schema.fields().iter().zip(&mut values) {
        if &*field.name == name {
            *value = conversion.convert(&field.schema, value)?;
        }
    }
    Ok(values)
}

impl Conversion {
    /// The schema of a struct one of whose fields is converted.
    fn updated(&self, schema: &Schema, name: &str) -> Result<Schema, TransformError> {
        let fields = schema.fields().iter().map(|field| {
            if &*field.name != name {
                return field.clone();
            }
            let schema = self.schema(field.schema.optional);
            Field::new(Arc::clone(&field.name), schema)
        });
        let kind = part::struct_kind(fields.collect())?;
        Ok(Schema {
            optional: schema.optional,
            ..part::copy_basics(schema, kind)
        })
    }

    fn schema(&self, optional: bool) -> Schema {
        let schema = match self.target {
            Form::String => Schema::new(Kind::String),
            Form::Unix => Schema::new(Kind::Int64),
            Form::Date => Schema::new(Kind::Int32).named(DATE).versioned(1),
            Form::Time => Schema::new(Kind::Int32).named(TIME).versioned(1),
            Form::Timestamp => Schema::new(Kind::Int64).named(TIMESTAMP).versioned(1),
        };
        Schema { optional, ..schema }
    }

    fn convert(&self, schema: &Schema, value: &Value) -> Result<Value, TransformError> {
        let Some(source) = form(schema) else {
            let name = schema.name.as_ref().map(|name| format!("{name}:"));
            return Err(TransformError::new(format!(
                "Schema Schema{{{}{}}} does not correspond to a known timestamp type format",
                name.unwrap_or_default(),
                schema.type_name()
            )));
        };
        if value.is_null() {
            return Ok(Value::Null);
        }
        let millis = self.millis(source, value)?;
        let int = |number| Value::Int32(super::cast_value::narrow32(number));
        Ok(match self.target {
            Form::String => {
                let format = self.format.as_ref();
                Value::String(
                    format
                        .map(|format| format.format(millis))
                        .unwrap_or_default(),
                )
            }
            Form::Unix => Value::Int64(self.precision.of(millis)),
            Form::Date => int(millis.div_euclid(DAY)),
            Form::Time => int(millis.rem_euclid(DAY)),
            Form::Timestamp => Value::Int64(millis),
        })
    }

    /// Milliseconds since 1970-01-01 UTC.
    fn millis(&self, source: Form, value: &Value) -> Result<i64, TransformError> {
        match (source, value) {
            (Form::Unix, Value::Int64(number)) => Ok(self.precision.millis(*number)),
            (Form::Date, value) => Ok(value.as_i64().unwrap_or_default() * DAY),
            (Form::String, Value::String(text)) => self.read(text),
            (_, value) => Ok(value.as_i64().unwrap_or_default()),
        }
    }

    fn read(&self, text: &str) -> Result<i64, TransformError> {
        let Some(format) = &self.format else {
            return Err(TransformError::new(format!(
                "Could not parse timestamp: value ({text}) needs the option format"
            )));
        };
        format.parse(text).ok_or_else(|| {
            TransformError::new(format!(
                "Could not parse timestamp: value ({text}) does not match pattern ({})",
                format.pattern
            ))
        })
    }
}

fn form(schema: &Schema) -> Option<Form> {
    match (schema.logical(), &schema.kind) {
        (TIMESTAMP, _) => Some(Form::Timestamp),
        (DATE, _) => Some(Form::Date),
        (TIME, _) => Some(Form::Time),
        (_, Kind::String) => Some(Form::String),
        (_, Kind::Int64) => Some(Form::Unix),
        _ => None,
    }
}

impl Precision {
    /// Down to whole milliseconds, towards zero.
    const fn millis(self, number: i64) -> i64 {
        match self {
            Self::Seconds => number.saturating_mul(1_000),
            Self::Millis => number,
            Self::Micros => number / 1_000,
            Self::Nanos => number / 1_000_000,
        }
    }

    const fn of(self, millis: i64) -> i64 {
        match self {
            Self::Seconds => millis / 1_000,
            Self::Millis => millis,
            Self::Micros => millis.saturating_mul(1_000),
            Self::Nanos => millis.saturating_mul(1_000_000),
        }
    }
}
