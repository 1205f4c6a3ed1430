//! Signals: requests to a running connector, as Debezium's signal channels bring them.

pub(crate) mod body;
pub(crate) mod doors;
mod file;
mod kafka;

/// Where a signal came from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Channel {
    /// The table of `signal.data.collection`.
    #[expect(dead_code, reason = "the reader of the source's table makes these")]
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
