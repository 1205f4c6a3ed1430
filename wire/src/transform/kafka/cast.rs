//! `Cast`: gives fields, or all of a half, another basic type.

use std::collections::HashMap;
use std::sync::Arc;

use crate::data::{DataRecord, Field, Schema, Struct, Value};
use crate::transform::{Half, Options, Transform, TransformError};

use super::cast_value::{Target, cast};
use super::part::{self, Cache};

/// The transform.
#[derive(Debug)]
pub(crate) struct Cast {
    half: Half,
    spec: Spec,
    with_default: bool,
    schemas: Cache<Arc<Schema>>,
}

/// What is cast.
#[derive(Debug)]
enum Spec {
    Whole(Target),
    Fields(HashMap<String, Target>),
}

pub(crate) fn build(half: Half, options: &mut Options) -> Cast {
    Cast {
        half,
        spec: spec(options),
        with_default: part::replace_null(options),
        schemas: Cache::default(),
    }
}

fn spec(options: &mut Options) -> Spec {
    let mut fields = HashMap::new();
    if options.raw("spec").is_none() {
        options.required("spec");
        return Spec::Fields(fields);
    }
    let mappings = options.list("spec");
    if mappings.is_empty() {
        options.problem("spec", "Must specify at least one field to cast.");
    }
    let mut whole = None;
    for mapping in &mappings {
        let parts: Vec<_> = mapping.trim_end_matches(':').split(':').collect();
        match parts[..] {
            [word] => whole = Some(target(options, word.trim())),
            [field, word] => {
                let target = target(options, word.trim());
                fields.insert(field.trim().to_owned(), target);
            }
            _ => {
                let all = mappings.join(", ");
                let message = format!(
                    "Invalid value [{all}] for configuration renames: Invalid rename mapping: \
                     {mapping}"
                );
                options.problem("spec", message);
            }
        }
    }
    if whole.is_some() && mappings.len() > 1 {
        let text = "Cast transformations that specify a type to cast the entire value to may only \
                    specify a single cast in their spec";
        options.problem("spec", text);
    }
    whole.map_or(Spec::Fields(fields), Spec::Whole)
}

fn target(options: &mut Options, word: &str) -> Target {
    let upper = word.to_uppercase();
    match upper.as_str() {
        "INT8" => return Target::Int8,
        "INT16" => return Target::Int16,
        "INT32" => return Target::Int32,
        "INT64" => return Target::Int64,
        "FLOAT32" => return Target::Float32,
        "FLOAT64" => return Target::Float64,
        "BOOLEAN" => return Target::Boolean,
        "STRING" => return Target::String,
        "BYTES" | "ARRAY" | "MAP" | "STRUCT" => {
            let message = format!(
                "Cast transformation does not support casting to {upper}; supported types are \
                 [INT8, INT16, INT32, INT64, FLOAT32, FLOAT64, BOOLEAN, STRING]"
            );
            options.problem("spec", message);
        }
        _ => {
            // Kafka's own words, its exception's arguments mixed up.
            let message = format!(
                "Invalid value java.lang.IllegalArgumentException: No enum constant \
                 org.apache.kafka.connect.data.Schema.Type.{upper} for configuration Invalid type \
                 found in casting spec: {word}"
            );
            options.problem("spec", message);
        }
    }
    Target::String
}

impl Transform for Cast {
    fn apply(&mut self, mut record: DataRecord) -> Result<Option<DataRecord>, TransformError> {
        if part::value(self.half, &record).is_null() {
            return Ok(Some(record));
        }
        let value = part::take(self.half, &mut record);
        let Some(schema) = part::schema(self.half, &record) else {
            return Err(part::schemaless(&value, "cast types"));
        };
        let updated = self
            .schemas
            .get(schema, |schema| updated(schema, &self.spec))?;
        let value = match &self.spec {
            Spec::Whole(target) => cast(schema, &value, *target)?,
            Spec::Fields(fields) => {
                let from = part::require_struct(Some(schema), value, "cast types")?;
                let (old, mut values) = part::values(from, self.with_default)?;
                for (field, value) in old.fields().iter().zip(&mut values) {
                    if let Some(target) = fields.get(&*field.name) {
                        *value = cast(&field.schema, value, *target)?;
                    }
                }
                Value::Struct(Struct::of(Arc::clone(&updated), values))
            }
        };
        part::put(self.half, &mut record, Some(updated), value);
        Ok(Some(record))
    }
}

fn updated(schema: &Schema, spec: &Spec) -> Result<Arc<Schema>, TransformError> {
    let (kind, default) = match spec {
        Spec::Whole(target) => {
            let default = schema.default.as_ref();
            let default = default.map(|default| cast(schema, default, *target));
            (target.kind(), default.transpose()?)
        }
        Spec::Fields(_) if !schema.is_struct() => {
            let text = "Cannot list fields on non-struct type";
            return Err(TransformError::new(text));
        }
        Spec::Fields(casts) => {
            let fields = schema.fields().iter().map(|field| {
                let Some(target) = casts.get(&*field.name) else {
                    return Ok(field.clone());
                };
                let default = field.schema.default.as_ref();
                let default = default.map(|default| cast(&field.schema, default, *target));
                let schema = Schema {
                    optional: field.schema.optional,
                    default: default.transpose()?,
                    ..Schema::new(target.kind())
                };
                Ok(Field::new(Arc::clone(&field.name), schema))
            });
            let fields = fields.collect::<Result<_, TransformError>>()?;
            (part::struct_kind(fields)?, None)
        }
    };
    Ok(Arc::new(Schema {
        optional: schema.optional,
        default,
        ..part::copy_basics(schema, kind)
    }))
}
