//! Signals: requests to a running connector, as Debezium's signal channels bring them.
//!
//! A signal is a row of Debezium's signal table, or the same from another channel. Enters a
//! [`Signal`], leaves the [`request::Request`] that it makes, or why it makes none: a signal that
//! cannot be understood never stops a stream.

pub(crate) mod body;
pub(crate) mod doors;
mod file;
mod kafka;
pub(crate) mod request;
pub(crate) mod row;

/// Where a signal came from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Channel {
    /// The table of `signal.data.collection`.
    Source,
    /// The topic of `signal.kafka.topic`.
    Kafka,
    /// The file of `signal.file`.
    File,
    /// The worker's REST interface.
    Rest,
}

/// A request to a running connector, as a row of Debezium's signal table holds it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Signal {
    /// Its id, which what comes of it carries.
    pub id: String,
    /// What is to be done: `execute-snapshot`, `log`, …
    pub kind: String,
    /// What it needs to know, as JSON.
    pub data: Option<String>,
    pub(crate) channel: Channel,
}
