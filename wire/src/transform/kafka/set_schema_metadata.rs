//! `SetSchemaMetadata`: gives the schema of a half another name, version or both.

use std::sync::Arc;

use crate::data::{DataRecord, Schema, Struct, Value};
use crate::transform::{Half, Options, Transform, TransformError};

use super::part::{self, Cache};

/// The transform.
#[derive(Debug)]
pub(crate) struct SetSchemaMetadata {
    half: Half,
    name: Option<Arc<str>>,
    version: Option<i32>,
    with_default: bool,
    schemas: Cache<Arc<Schema>>,
}

pub(crate) fn build(half: Half, options: &mut Options) -> SetSchemaMetadata {
    let name = options.raw("schema.name").map(|name| name.trim().into());
    let given = options.raw("schema.version").is_some();
    let version = given.then(|| version(options));
    if name.is_none() && version.is_none() {
        let text = "Neither schema name nor version configured";
        options.problem_at_start("schema.name", text);
    }
    SetSchemaMetadata {
        half,
        name,
        version,
        with_default: part::replace_null(options),
        schemas: Cache::default(),
    }
}

fn version(options: &mut Options) -> i32 {
    let text = options.text_or("schema.version", "");
    text.parse().unwrap_or_else(|_| {
        options.invalid("schema.version", &text, "Not a number of type INT");
        0
    })
}

impl Transform for SetSchemaMetadata {
    fn apply(&mut self, mut record: DataRecord) -> Result<Option<DataRecord>, TransformError> {
        let value = part::take(self.half, &mut record);
        let Some(schema) = part::schema(self.half, &record) else {
            if value.is_null() {
                return Ok(Some(record));
            }
            let text = "Schema required for [updating schema metadata]";
            return Err(TransformError::new(text));
        };
        if !schema.is_struct() {
            let text = "Cannot list fields on non-struct type";
            return Err(TransformError::new(text));
        }
        let updated = self.schemas.get(schema, |schema| {
            Ok(Arc::new(Schema {
                name: self.name.clone().or_else(|| schema.name.clone()),
                version: self.version.or(schema.version),
                ..schema.clone()
            }))
        })?;
        let value = match value {
            Value::Struct(from) => {
                let (_, values) = part::values(from, self.with_default)?;
                Value::Struct(Struct::of(Arc::clone(&updated), values))
            }
            other => other,
        };
        part::put(self.half, &mut record, Some(updated), value);
        Ok(Some(record))
    }
}
