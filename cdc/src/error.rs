//! Errors of the engine, sorted by what must happen next.
//!
//! An error is [`Kind::Transient`] (the task is started again after a back-off) or [`Kind::Definite`]
//! (the task is FAILED and a person must act); [`Kind::Fenced`] is one or the other, as the group of
//! workers has it. A caller branches on the kind, a person reads the message, which says what
//! happened, where, and the cure.

use std::error::Error as StdError;
use std::fmt;

/// What must happen after an error.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Trying again can help: a network fault, a server restarting.
    Transient,
    /// Trying again cannot help until someone changes something.
    Definite,
    /// Another instance of the connector has taken over. For good where nobody decides which of the
    /// two may run.
    Fenced,
}

/// An error of the engine: kind, message and cause.
#[derive(Debug)]
pub struct EngineError {
    kind: Kind,
    message: String,
    source: Option<Box<dyn StdError + Send + Sync>>,
}

/// Result with [`EngineError`].
pub type Result<T, E = EngineError> = std::result::Result<T, E>;

impl EngineError {
    /// An error that trying again can cure.
    pub fn transient(message: impl Into<String>) -> Self {
        Self {
            kind: Kind::Transient,
            message: message.into(),
            source: None,
        }
    }

    /// An error that needs a person.
    pub fn definite(message: impl Into<String>) -> Self {
        Self {
            kind: Kind::Definite,
            message: message.into(),
            source: None,
        }
    }

    /// Another instance of the connector has taken over.
    pub fn fenced(message: impl Into<String>) -> Self {
        Self {
            kind: Kind::Fenced,
            message: message.into(),
            source: None,
        }
    }

    /// Keeps `source` as the cause, shown after the message.
    #[must_use]
    pub fn because(mut self, source: impl StdError + Send + Sync + 'static) -> Self {
        self.source = Some(Box::new(source));
        self
    }

    /// What must happen next.
    pub fn kind(&self) -> Kind {
        self.kind
    }

    /// The message followed by the chain of causes, each on a line of its own: what a status shows
    /// as the task's trace.
    pub fn trace(&self) -> String {
        let mut out = self.message.clone();
        let mut cause = self.source();
        while let Some(error) = cause {
            out.push_str("\nCaused by: ");
            out.push_str(&error.to_string());
            cause = error.source();
        }
        out
    }
}

impl fmt::Display for EngineError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl StdError for EngineError {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        self.source
            .as_deref()
            .map(|e| e as &(dyn StdError + 'static))
    }
}
