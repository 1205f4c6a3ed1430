//! `Flatten`: lifts the fields of inner structs, their names joined.

use std::sync::Arc;

use crate::data::{DataRecord, Field, Kind, Schema, Struct, Value};
use crate::transform::{Half, Options, Transform, TransformError};

use super::part::{self, Cache};

/// The transform.
#[derive(Debug)]
pub(crate) struct Flatten {
    half: Half,
    delimiter: String,
    schemas: Cache<Arc<Schema>>,
}

pub(crate) fn build(half: Half, options: &mut Options) -> Flatten {
    let delimiter = options.raw("delimiter");
    Flatten {
        half,
        delimiter: delimiter.map_or_else(|| ".".to_owned(), |text| text.trim().to_owned()),
        schemas: Cache::default(),
    }
}

impl Transform for Flatten {
    fn apply(&mut self, mut record: DataRecord) -> Result<Option<DataRecord>, TransformError> {
        if part::value(self.half, &record).is_null() {
            return Ok(Some(record));
        }
        let from = part::take_struct(self.half, &mut record, "flattening")?;
        let delimiter = &self.delimiter;
        let schema = self.schemas.get(from.schema(), |schema| {
            let mut fields = Vec::new();
            let above = Above {
                prefix: "",
                optional: schema.optional,
                default: schema.default.as_ref().and_then(Value::as_struct),
            };
            flat_fields(schema, &above, delimiter, &mut fields)?;
            let kind = part::struct_kind(fields)?;
            Ok(Arc::new(part::copy_basics(schema, kind)))
        })?;
        let mut values = Vec::with_capacity(schema.fields().len());
        flat_values(from, &mut values);
        for (field, value) in schema.fields().iter().zip(&mut values) {
            *value = match std::mem::take(value) {
                Flat::Missing => Flat::Missing,
                Flat::Given(value) => Flat::Given(part::checked(field, value)?),
            };
        }
        let values = values.into_iter().map(|value| match value {
            Flat::Missing => Value::Null,
            Flat::Given(value) => value,
        });
        let value = Value::Struct(Struct::of(Arc::clone(&schema), values.collect()));
        part::put(self.half, &mut record, Some(schema), value);
        Ok(Some(record))
    }
}

/// A lifted value.
#[derive(Default)]
enum Flat {
    /// Its struct is null.
    #[default]
    Missing,
    Given(Value),
}

/// What the structs around a field say about it.
struct Above<'a> {
    prefix: &'a str,
    optional: bool,
    default: Option<&'a Struct>,
}

fn flat_fields(
    schema: &Schema,
    above: &Above<'_>,
    delimiter: &str,
    out: &mut Vec<Field>,
) -> Result<(), TransformError> {
    for field in schema.fields() {
        let name = if above.prefix.is_empty() {
            field.name.to_string()
        } else {
            format!("{}{delimiter}{}", above.prefix, field.name)
        };
        let optional = above.optional || field.schema.optional;
        let from_above = above.default.and_then(|default| default.get(&field.name));
        let default = field.schema.default.as_ref().or(from_above);
        let default = default.filter(|default| !default.is_null());
        match &field.schema.kind {
            Kind::Struct(_) => {
                let above = Above {
                    prefix: &name,
                    optional,
                    default: default.and_then(Value::as_struct),
                };
                flat_fields(&field.schema, &above, delimiter, out)?;
            }
            Kind::Map(..) => {
                return Err(TransformError::new(format!(
                    "Flatten transformation does not support MAP for record with schemas (for \
                     field {name})."
                )));
            }
            kind => out.push(Field::new(
                name,
                Schema {
                    optional,
                    default: default.cloned(),
                    ..part::copy_basics(&field.schema, kind.clone())
                },
            )),
        }
    }
    Ok(())
}

fn flat_values(from: Struct, out: &mut Vec<Flat>) {
    let schema = Arc::clone(from.schema());
    for (field, value) in schema.fields().iter().zip(from.into_values()) {
        match value {
            Value::Struct(inner) => flat_values(inner, out),
            _ if field.schema.is_struct() => missing(&field.schema, out),
            value => out.push(Flat::Given(part::or_default(&field.schema, value, true))),
        }
    }
}

/// The fields of a struct that is null; what its default has is in the schema.
fn missing(schema: &Schema, out: &mut Vec<Flat>) {
    for field in schema.fields() {
        if field.schema.is_struct() {
            missing(&field.schema, out);
        } else {
            out.push(Flat::Missing);
        }
    }
}
