//! `HoistField`: wraps all of a half into a struct with one field.

use std::sync::Arc;

use crate::data::{DataRecord, Field, Schema, Struct, Value};
use crate::transform::{Half, Options, Transform, TransformError};

use super::part::{self, Cache};

/// The transform.
#[derive(Debug)]
pub(crate) struct HoistField {
    half: Half,
    field: String,
    schemas: Cache<Arc<Schema>>,
}

pub(crate) fn build(half: Half, options: &mut Options) -> HoistField {
    HoistField {
        half,
        field: options.required("field"),
        schemas: Cache::default(),
    }
}

impl Transform for HoistField {
    fn apply(&mut self, mut record: DataRecord) -> Result<Option<DataRecord>, TransformError> {
        let value = part::take(self.half, &mut record);
        let Some(schema) = part::schema(self.half, &record) else {
            let entry = (Value::from(self.field.as_str()), value);
            part::put(self.half, &mut record, None, Value::Map(vec![entry]));
            return Ok(Some(record));
        };
        let field = Field::new(self.field.as_str(), Arc::clone(schema));
        let value = part::checked(&field, value)?;
        let updated = self.schemas.get(schema, |_| {
            let kind = part::struct_kind(vec![field])?;
            Ok(Arc::new(Schema::new(kind)))
        })?;
        let value = Value::Struct(Struct::of(Arc::clone(&updated), vec![value]));
        part::put(self.half, &mut record, Some(updated), value);
        Ok(Some(record))
    }
}
