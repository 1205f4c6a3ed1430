//! `DropHeaders`: removes all headers of some names.

use crate::data::DataRecord;
use crate::transform::{Options, Transform, TransformError};

use super::part;

/// The transform.
#[derive(Debug)]
pub(crate) struct DropHeaders {
    headers: Vec<String>,
}

pub(crate) fn build(options: &mut Options) -> DropHeaders {
    DropHeaders {
        headers: part::non_empty_list(options, "headers"),
    }
}

impl Transform for DropHeaders {
    fn apply(&mut self, mut record: DataRecord) -> Result<Option<DataRecord>, TransformError> {
        let dropped = |name: &str| self.headers.iter().any(|header| header == name);
        record.headers.retain(|header| !dropped(&header.name));
        Ok(Some(record))
    }
}
