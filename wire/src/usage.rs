//! The error of a command line, environment or configuration file that cannot be used.
//!
//! Every role returns it for bad usage, so that the program's entry can answer with exit code 2
//! instead of 1. It holds one message for the operator: what is wrong, where, and the cure.

/// Bad usage or configuration; the program exits with code 2.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct UsageError {
    message: String,
}

impl UsageError {
    /// `message` says what is wrong, where, and what to do.
    pub fn new(message: impl Into<String>) -> Self {
        Self {
            message: message.into(),
        }
    }
}
