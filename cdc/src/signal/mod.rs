//! Signals: requests to a running connector.
//!
//! A signal is a row of Debezium's signal table, or the same from another channel. Enters a
//! [`Signal`], leaves the [`request::Request`] that it makes, or why it makes none: a signal that
//! cannot be understood never stops a stream.

pub(crate) mod request;
pub(crate) mod row;

use tokio::sync::mpsc;

/// Signals that may wait for the stream.
const WAITING_MAX: usize = 64;

/// Where a signal came from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(dead_code, reason = "the other channels come with their readers")]
pub(crate) enum Channel {
    /// The signal table.
    Source,
    /// `signal.kafka.topic`.
    Kafka,
    /// `signal.file`.
    File,
    /// The worker's REST interface.
    Rest,
}

/// A request to a running connector, as a row of Debezium's signal table holds it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Signal {
    /// Tells it from others; records of the snapshot it asks for name it.
    pub(crate) id: String,
    /// What is asked for: `execute-snapshot` and so on.
    pub(crate) kind: String,
    /// A JSON object with more of it.
    pub(crate) data: Option<String>,
    pub(crate) channel: Channel,
}

/// Where other channels than the signal table hand in their signals.
#[derive(Debug, Clone)]
pub(crate) struct Inbox {
    _sender: mpsc::Sender<Signal>,
}

impl Inbox {
    /// The inbox, and where the stream takes signals from.
    pub(crate) fn new() -> (Self, mpsc::Receiver<Signal>) {
        let (sender, signals) = mpsc::channel(WAITING_MAX);
        (Self { _sender: sender }, signals)
    }
}
