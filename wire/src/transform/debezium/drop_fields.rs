//! Dropping fields that a header lists, as part of `ExtractNewRecordState`.

use std::mem;
use std::sync::Arc;

use super::super::{Options, TransformError};
use super::support::{SchemaCache, basics, filled, values_with_defaults};
use crate::data::{DataRecord, Kind, Schema, Value};

/// The options `drop.fields.*`.
#[derive(Debug)]
pub(super) struct DropFields {
    header: Option<String>,
    from_key: bool,
    keep_compatible: bool,
    schemas: SchemaCache<Vec<String>>,
}

impl DropFields {
    pub(super) fn build(options: &mut Options) -> Self {
        Self {
            header: options
                .raw("drop.fields.header.name")
                .filter(|name| !name.trim().is_empty()),
            from_key: options.bool_or("drop.fields.from.key", false),
            keep_compatible: options.bool_or("drop.fields.keep.schema.compatible", true),
            schemas: SchemaCache::default(),
        }
    }

    /// Drops what the record's header lists from the value, and from the key if so configured.
    pub(super) fn apply(&mut self, record: &mut DataRecord) -> Result<(), TransformError> {
        let Some(name) = &self.header else {
            return Ok(());
        };
        let mut headers = record.headers.iter();
        let listed = match headers.find(|header| *header.name == **name) {
            None => return Ok(()),
            Some(header) => match &header.value {
                Value::Null => return Ok(()),
                Value::Array(listed) => listed,
                _ => {
                    return Err(TransformError(format!(
                        "Header `{name}` must hold an array of field names for \
                         drop.fields.header.name"
                    )));
                }
            },
        };
        let names = listed.iter().filter_map(Value::as_str);
        let names: Vec<_> = names.map(str::to_owned).collect();
        if names.is_empty() {
            return Ok(());
        }
        if self.from_key && !record.key.is_null() {
            self.drop(&mut record.key_schema, &mut record.key, &names)?;
        }
        self.drop(&mut record.value_schema, &mut record.value, &names)
    }

    fn drop(
        &mut self,
        schema: &mut Option<Arc<Schema>>,
        value: &mut Value,
        names: &[String],
    ) -> Result<(), TransformError> {
        let Some(old) = schema.clone() else {
            return Err(TransformError::new(
                "Fields cannot be dropped from a record without a schema: do not combine \
                 drop.fields.header.name with delete.tombstone.handling.mode=delete-to-tombstone",
            ));
        };
        let dropped = self.dropped(&old, names);
        if dropped.is_empty() || value.is_null() {
            return Ok(());
        }
        let Value::Struct(row) = mem::take(value) else {
            return Err(TransformError::new(
                "Only Struct objects supported for [field replacement]",
            ));
        };
        let values = values_with_defaults(row).into_iter().zip(old.fields());
        let kept = values.filter(|(_, field)| !dropped.iter().any(|name| **name == *field.name));
        let values = kept.map(|(value, _)| value).collect();
        let new = self.schemas.get_or_make(&old, dropped.clone(), |schema| {
            Ok(without(schema, &dropped))
        })?;
        *value = Value::Struct(filled(Arc::clone(&new), values)?);
        *schema = Some(new);
        Ok(())
    }

    /// The listed fields that may go: with compatible schemas only those that may be null.
    fn dropped(&self, schema: &Schema, names: &[String]) -> Vec<String> {
        if !self.keep_compatible {
            return names.to_vec();
        }
        let fields = schema.fields().iter().filter(|field| {
            field.schema.optional && names.iter().any(|name| **name == *field.name)
        });
        fields.map(|field| field.name.to_string()).collect()
    }
}

fn without(schema: &Schema, dropped: &[String]) -> Schema {
    let kept = schema.fields().iter();
    let kept = kept.filter(|field| !dropped.iter().any(|name| **name == *field.name));
    basics(schema, Kind::Struct(kept.cloned().collect()))
}
