//! `ValueToKey`: makes a key of fields of the value.

use std::sync::Arc;

use crate::data::{DataRecord, Field, Schema, Struct, Value};
use crate::transform::{Half, Options, Transform, TransformError};

use super::part::{self, Cache};

/// The transform.
#[derive(Debug)]
pub(crate) struct ValueToKey {
    fields: Vec<String>,
    with_default: bool,
    schemas: Cache<Arc<Schema>>,
}

pub(crate) fn build(options: &mut Options) -> ValueToKey {
    ValueToKey {
        fields: part::non_empty_list(options, "fields"),
        with_default: part::replace_null(options),
        schemas: Cache::default(),
    }
}

impl Transform for ValueToKey {
    fn apply(&mut self, mut record: DataRecord) -> Result<Option<DataRecord>, TransformError> {
        let purpose = "copying fields from value to key";
        let from = part::take_struct(Half::Value, &mut record, purpose)?;
        let names = &self.fields;
        let schema = self
            .schemas
            .get(from.schema(), |schema| keys(schema, names))?;
        let mut values = Vec::with_capacity(names.len());
        for field in schema.fields() {
            let value = if self.with_default {
                from.get(&field.name)
            } else {
                from.get_without_default(&field.name)
            };
            values.push(part::checked(field, value.cloned().unwrap_or_default())?);
        }
        record.value_schema = Some(Arc::clone(from.schema()));
        record.value = Value::Struct(from);
        record.key = Value::Struct(Struct::of(Arc::clone(&schema), values));
        record.key_schema = Some(schema);
        Ok(Some(record))
    }
}

fn keys(schema: &Schema, names: &[String]) -> Result<Arc<Schema>, TransformError> {
    let fields = names.iter().map(|name| {
        let missing = || TransformError::new(format!("Field does not exist: {name}"));
        let schema = schema.field(name).ok_or_else(missing)?;
        Ok(Field::new(name.as_str(), Arc::clone(schema)))
    });
    let fields = fields.collect::<Result<_, TransformError>>()?;
    Ok(Arc::new(Schema::new(part::struct_kind(fields)?)))
}
