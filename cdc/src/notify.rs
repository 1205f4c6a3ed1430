//! Notifications: what the connector tells of itself.

use walcast_wire::encoder::Encoder;

use crate::batch::Batch;
use crate::clock::SharedClock;
use crate::config::ConnectorConfig;
use crate::error::Result;

/// Something to tell, in Debezium's words.
#[derive(Debug, Clone)]
pub(crate) struct Notification {
    /// What it is about: `Incremental Snapshot`.
    pub(crate) aggregate: &'static str,
    /// What happened: `STARTED`, `IN_PROGRESS`, …
    pub(crate) kind: &'static str,
    /// `additional_data`, but for the connector's name.
    pub(crate) data: Vec<(&'static str, String)>,
}

/// Tells notifications: to the log, for who debugs.
#[derive(Clone)]
pub(crate) struct Notifier {
    logical_name: String,
}

impl Notifier {
    pub(crate) fn new(config: &ConnectorConfig, _clock: SharedClock) -> Self {
        Self {
            logical_name: config.topic_prefix.clone(),
        }
    }

    /// Tells it under an id of its own.
    pub(crate) fn send(
        &mut self,
        encoder: &mut Encoder,
        batch: &mut Batch,
        notification: &Notification,
    ) -> Result<()> {
        self.send_as("", encoder, batch, notification)
    }

    /// Tells it under `id`: a snapshot that a signal asked for is told under the signal's.
    pub(crate) fn send_as(
        &mut self,
        id: &str,
        _encoder: &mut Encoder,
        _batch: &mut Batch,
        notification: &Notification,
    ) -> Result<()> {
        let Notification {
            aggregate,
            kind,
            data,
        } = notification;
        let connector = &self.logical_name;
        tracing::debug!(connector, id, aggregate, kind, ?data, "notification");
        Ok(())
    }
}
