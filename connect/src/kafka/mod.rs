//! Kafka as the worker uses it: compacted topics that are written, read to their end and followed.

mod client;
mod log;
mod scan;
mod topics;
mod writer;

pub(crate) use client::{Clients, GroupMember, connect};
pub(crate) use log::{Record, TopicLog};
pub(crate) use scan::scan;
pub(crate) use topics::ensure;
pub(crate) use writer::TopicWriter;

/// An error of Kafka, in a sentence that says what was being done and what to check.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub(crate) struct KafkaFault(String);

impl KafkaFault {
    /// `doing` completes the sentence "while …".
    pub(crate) fn new(doing: &str, error: impl std::fmt::Display) -> Self {
        Self(format!("while {doing}: {error}"))
    }

    /// A whole sentence of our own.
    pub(crate) fn sentence(text: impl Into<String>) -> Self {
        Self(text.into())
    }
}
