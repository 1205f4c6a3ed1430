//! Single message transforms: Kafka Connect's and Debezium's, by their class names.
//!
//! A record in the data model enters, the same, another or none leaves. [`build`] finds a transform
//! by its Java class and reads its options as Connect would.

mod kafka;
mod options;
mod predicate;

use std::fmt;

use crate::data::DataRecord;
pub use options::{OptionProblem, Options};

/// One link of the chain.
pub trait Transform: fmt::Debug + Send {
    /// Transforms a record; `None` drops it.
    ///
    /// # Errors
    /// A record that the transform cannot work on: the task fails, as in Connect.
    fn apply(&mut self, record: DataRecord) -> Result<Option<DataRecord>, TransformError>;
}

/// Why a record could not be transformed. The text says what is wrong with which part.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct TransformError(pub String);

impl TransformError {
    /// An error with a text.
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }
}

/// Which half of a record a transform works on: the `$Key` or `$Value` of its class name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Half {
    /// The key.
    Key,
    /// The value.
    Value,
}
