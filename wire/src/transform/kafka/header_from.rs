//! `HeaderFrom`: copies or moves fields to headers.

use std::collections::HashSet;
use std::sync::Arc;

use crate::data::{DataRecord, Header, Schema, Struct, Value};
use crate::transform::{Half, Options, Transform, TransformError};

use super::part::{self, Cache};

/// The transform.
#[derive(Debug)]
pub(crate) struct HeaderFrom {
    half: Half,
    fields: Vec<String>,
    headers: Vec<Arc<str>>,
    moves: bool,
    with_default: bool,
    schemas: Cache<Arc<Schema>>,
}

pub(crate) fn build(half: Half, options: &mut Options) -> HeaderFrom {
    let fields = part::non_empty_list(options, "fields");
    let headers = part::non_empty_list(options, "headers");
    if fields.len() != headers.len() {
        let text = "'fields' config must have the same number of elements as 'headers' config.";
        options.problem_at_start("fields", text);
    }
    let words = [("move", true), ("copy", false)];
    HeaderFrom {
        half,
        fields,
        headers: headers.into_iter().map(Arc::from).collect(),
        moves: part::word(options, "operation", &words, None).unwrap_or(false),
        with_default: part::replace_null(options),
        schemas: Cache::default(),
    }
}

impl Transform for HeaderFrom {
    fn apply(&mut self, mut record: DataRecord) -> Result<Option<DataRecord>, TransformError> {
        let purpose = if self.moves {
            "header move"
        } else {
            "header copy"
        };
        let from = part::take_struct(self.half, &mut record, purpose)?;
        for (name, header) in self.fields.iter().zip(&self.headers) {
            let Some(schema) = from.schema().field(name) else {
                return Err(TransformError::new(format!(
                    "Cannot make a header of the field {name}: there is no such field"
                )));
            };
            let value = from.get_without_default(name).cloned().unwrap_or_default();
            record.headers.push(Header {
                name: Arc::clone(header),
                schema: Some(Arc::clone(schema)),
                value: part::or_default(schema, value, self.with_default),
            });
        }
        let (schema, value) = if self.moves {
            self.narrowed(from)?
        } else {
            (Arc::clone(from.schema()), from)
        };
        part::put(self.half, &mut record, Some(schema), Value::Struct(value));
        Ok(Some(record))
    }
}

impl HeaderFrom {
    /// The struct without the moved fields.
    fn narrowed(&mut self, from: Struct) -> Result<(Arc<Schema>, Struct), TransformError> {
        let moved: HashSet<&str> = self.fields.iter().map(String::as_str).collect();
        let schema = self.schemas.get(from.schema(), |schema| {
            let fields = schema.fields().iter();
            let kept = fields.filter(|field| !moved.contains(&*field.name));
            let kind = part::struct_kind(kept.cloned().collect())?;
            Ok(Arc::new(part::copy_basics(schema, kind)))
        })?;
        let old = Arc::clone(from.schema());
        let mut values = Vec::with_capacity(schema.fields().len());
        for (field, value) in old.fields().iter().zip(from.into_values()) {
            if !moved.contains(&*field.name) {
                let value = part::or_default(&field.schema, value, self.with_default);
                values.push(part::checked(field, value)?);
            }
        }
        Ok((Arc::clone(&schema), Struct::of(schema, values)))
    }
}
