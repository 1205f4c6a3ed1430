//! `InsertHeader`: adds a header with a fixed value, whose type its text shows.

use std::sync::Arc;

use crate::data::{DataRecord, Header};
use crate::transform::{Options, Transform, TransformError};

use super::literal;

/// The transform.
#[derive(Debug)]
pub(crate) struct InsertHeader {
    header: Header,
}

pub(crate) fn build(options: &mut Options) -> InsertHeader {
    let name = options.required("header");
    let text = options.required("value.literal");
    let parsed = literal::parse(&text);
    InsertHeader {
        header: Header {
            name: name.into(),
            schema: parsed.schema.map(Arc::new),
            value: parsed.value,
        },
    }
}

impl Transform for InsertHeader {
    fn apply(&mut self, mut record: DataRecord) -> Result<Option<DataRecord>, TransformError> {
        record.headers.push(self.header.clone());
        Ok(Some(record))
    }
}
