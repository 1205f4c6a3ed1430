//! Single message transforms: Kafka Connect's and Debezium's, by their class names.
//!
//! A record in the data model enters, the same, another or none leaves. A transform is
//! found by its Java class and reads its options as Connect would.

mod chain;
mod debezium;
pub(crate) mod envelope;
mod json_schema;
mod kafka;
mod logical_table;
mod options;
mod outbox;
mod predicate;
mod routing;

use std::fmt;

use crate::data::DataRecord;
pub(crate) use chain::Chain;
pub use chain::{ChainProblem, Grade, Link, PredicateUse};
pub use options::{Found, OptionProblem, Options};
pub use routing::routers;

/// One link of the chain.
pub trait Transform: fmt::Debug + Send + Sync {
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

/// Makes a transform of a Java class from its options; problems go to `options`. `None` when there is
/// no such class here.
pub(crate) fn build(class: &str, options: &mut Options) -> Option<Box<dyn Transform>> {
    if let Some(name) = class.strip_prefix(kafka::PACKAGE) {
        let (name, half) = match name.split_once('$') {
            None => (name, None),
            Some((name, "Key")) => (name, Some(Half::Key)),
            Some((name, "Value")) => (name, Some(Half::Value)),
            Some(_) => return None,
        };
        return kafka::build(name, half, options);
    }
    match class {
        "io.debezium.transforms.outbox.EventRouter" => {
            Some(Box::new(outbox::EventRouter::build(options)))
        }
        "io.debezium.transforms.ByLogicalTableRouter" => {
            Some(Box::new(logical_table::LogicalTable::build(options)))
        }
        other => debezium::build(other, options),
    }
}
