//! `Filter`: drops each record that it is applied to; a predicate chooses which.

use crate::data::DataRecord;
use crate::transform::{Transform, TransformError};

/// The transform.
#[derive(Debug)]
pub(crate) struct Filter;

impl Transform for Filter {
    fn apply(&mut self, _record: DataRecord) -> Result<Option<DataRecord>, TransformError> {
        Ok(None)
    }
}
