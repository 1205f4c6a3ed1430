//! `ExtractField`: puts one field in the place of all of a half.

use std::sync::Arc;

use crate::data::{DataRecord, Value};
use crate::transform::{Half, Options, Transform, TransformError};

use super::field_path::FieldPath;
use super::part;

/// The transform.
#[derive(Debug)]
pub(crate) struct ExtractField {
    half: Half,
    path: FieldPath,
    /// The path as configured.
    text: String,
    with_default: bool,
}

pub(crate) fn build(half: Half, options: &mut Options) -> ExtractField {
    let text = options.required("field");
    let name = FieldPath::name(text.clone());
    let path = if nested(options) {
        FieldPath::nested(&text).unwrap_or_else(|message| {
            options.problem_at_start("field", message);
            name
        })
    } else {
        name
    };
    ExtractField {
        half,
        path,
        text,
        with_default: part::replace_null(options),
    }
}

/// Whether `field.syntax.version` is `V2`.
fn nested(options: &mut Options) -> bool {
    let text = options.text_or("field.syntax.version", "V1");
    if !["V1", "V2"]
        .iter()
        .any(|word| text.eq_ignore_ascii_case(word))
    {
        let why = "String must be one of (case insensitive): V1, V2";
        options.invalid("field.syntax.version", &text, why);
    }
    text.eq_ignore_ascii_case("V2")
}

impl Transform for ExtractField {
    fn apply(&mut self, mut record: DataRecord) -> Result<Option<DataRecord>, TransformError> {
        let purpose = "field extraction";
        let value = part::take(self.half, &mut record);
        let Some(schema) = part::schema(self.half, &record) else {
            if value.is_null() {
                return Ok(Some(record));
            }
            return Err(part::schemaless(&value, purpose));
        };
        let from = match value {
            Value::Null => None,
            value => Some(part::require_struct(Some(schema), value, purpose)?),
        };
        let Some(field) = self.path.field(schema)? else {
            return Err(TransformError::new(format!("Unknown field: {}", self.text)));
        };
        let schema = Arc::clone(&field.schema);
        let value = match from {
            Some(from) => self.path.value(from, self.with_default)?,
            None => Value::Null,
        };
        part::put(self.half, &mut record, Some(schema), value);
        Ok(Some(record))
    }
}
