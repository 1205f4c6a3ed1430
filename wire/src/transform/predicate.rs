//! Predicates: `org.apache.kafka.connect.transforms.predicates.*`.

use std::fmt;

use super::Options;
use crate::data::DataRecord;

/// Whether a transform is applied to a record.
pub(crate) trait Predicate: fmt::Debug + Send + Sync {
    /// Whether the record is meant.
    fn test(&self, record: &DataRecord) -> bool;
}

/// Makes a predicate of a Java class. `None` when there is no such class here.
pub(crate) fn build(_class: &str, _options: &mut Options) -> Option<Box<dyn Predicate>> {
    None
}
