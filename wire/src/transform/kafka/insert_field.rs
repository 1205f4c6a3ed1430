//! `InsertField`: adds fields with the record's topic, partition or time, or a fixed text.

use std::sync::Arc;

use crate::data::{DataRecord, Field, Kind, Schema, Struct, TIMESTAMP, Value};
use crate::transform::{Half, Options, Transform, TransformError};

use super::part::{self, Cache};

const PURPOSE: &str = "field insertion";

/// The transform.
#[derive(Debug)]
pub(crate) struct InsertField {
    half: Half,
    /// In the order in which they are added.
    inserted: Vec<(Insertion, Source)>,
    with_default: bool,
    schemas: Cache<Arc<Schema>>,
}

/// A new field.
#[derive(Debug)]
struct Insertion {
    name: Arc<str>,
    optional: bool,
}

/// What a new field holds.
#[derive(Debug)]
enum Source {
    Topic,
    Partition,
    Offset,
    Timestamp,
    Static(String),
}

impl Insertion {
    /// `name`, `name?` or `name!`.
    fn parse(spec: &str) -> Self {
        let required = spec.strip_suffix('!');
        let name = required.or_else(|| spec.strip_suffix('?')).unwrap_or(spec);
        Self {
            name: name.into(),
            optional: required.is_none(),
        }
    }
}

pub(crate) fn build(half: Half, options: &mut Options) -> InsertField {
    let static_value = options.raw("static.value");
    let mut inserted = Vec::new();
    let mut add = |options: &mut Options, option, source| {
        if let Some(spec) = options.raw(option) {
            inserted.push((Insertion::parse(spec.trim()), source));
        }
    };
    add(options, "topic.field", Source::Topic);
    add(options, "partition.field", Source::Partition);
    add(options, "offset.field", Source::Offset);
    add(options, "timestamp.field", Source::Timestamp);
    let text = static_value.as_deref().unwrap_or_default().trim();
    add(options, "static.field", Source::Static(text.to_owned()));
    if inserted.is_empty() {
        options.problem_at_start("topic.field", "No field insertion configured");
    }
    if let (Some(field), None) = (options.raw("static.field"), static_value) {
        let why = format!("No value specified for static field: {field}");
        options.invalid_at_start("static.value", "null", why);
    }
    InsertField {
        half,
        inserted,
        with_default: part::replace_null(options),
        schemas: Cache::default(),
    }
}

impl Transform for InsertField {
    fn apply(&mut self, mut record: DataRecord) -> Result<Option<DataRecord>, TransformError> {
        if part::value(self.half, &record).is_null() {
            return Ok(Some(record));
        }
        let from = part::take_struct(self.half, &mut record, PURPOSE)?;
        let inserted = &self.inserted;
        let widen = |schema: &Schema| widened(schema, inserted);
        let updated = self.schemas.get(from.schema(), widen)?;
        let (_, mut values) = part::values(from, self.with_default)?;
        for (_, source) in inserted {
            values.push(inserted_value(source, &record)?);
        }
        let value = Value::Struct(Struct::of(Arc::clone(&updated), values));
        part::put(self.half, &mut record, Some(updated), value);
        Ok(Some(record))
    }
}

fn inserted_value(source: &Source, record: &DataRecord) -> Result<Value, TransformError> {
    Ok(match source {
        Source::Topic => Value::from(&*record.topic),
        Source::Partition => record.partition.map_or(Value::Null, Value::Int32),
        Source::Offset => {
            return Err(TransformError::new(format!(
                "Only SinkRecord supported for [{PURPOSE}], found: \
                 org.apache.kafka.connect.source.SourceRecord"
            )));
        }
        Source::Timestamp => record.timestamp.map_or(Value::Null, Value::Int64),
        Source::Static(text) => Value::from(text.as_str()),
    })
}

fn widened(
    schema: &Schema,
    inserted: &[(Insertion, Source)],
) -> Result<Arc<Schema>, TransformError> {
    let mut fields = schema.fields().to_vec();
    fields.extend(inserted.iter().map(|(insertion, source)| {
        let schema = match source {
            Source::Topic | Source::Static(_) => Schema::new(Kind::String),
            Source::Partition => Schema::new(Kind::Int32),
            Source::Offset => Schema::new(Kind::Int64),
            Source::Timestamp => Schema::new(Kind::Int64).named(TIMESTAMP).versioned(1),
        };
        let optional = insertion.optional;
        Field::new(Arc::clone(&insertion.name), Schema { optional, ..schema })
    }));
    let kind = part::struct_kind(fields)?;
    Ok(Arc::new(part::copy_basics(schema, kind)))
}
