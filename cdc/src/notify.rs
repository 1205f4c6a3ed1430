//! Notifications: what the connector tells of itself, to a topic and to the log.

use uuid::Uuid;
use walcast_wire::encoder::{self, Encoder};

use crate::batch::Batch;
use crate::clock::SharedClock;
use crate::config::ConnectorConfig;
use crate::error::{EngineError, Result};

/// Something to tell, in Debezium's words.
#[derive(Debug, Clone)]
pub(crate) struct Notification {
    /// What it is about: `Initial Snapshot`, `Incremental Snapshot`.
    pub(crate) aggregate: &'static str,
    /// What happened: `STARTED`, `IN_PROGRESS`, …
    pub(crate) kind: &'static str,
    /// `additional_data`, but for the connector's name.
    pub(crate) data: Vec<(&'static str, String)>,
}

/// Tells notifications to the channels of `notification.enabled.channels`.
#[derive(Clone)]
pub(crate) struct Notifier {
    to_topic: bool,
    to_log: bool,
    logical_name: String,
    clock: SharedClock,
}

impl Notifier {
    pub(crate) fn new(config: &ConnectorConfig, clock: SharedClock) -> Self {
        Self {
            to_topic: config.notifications.topic.is_some(),
            to_log: config.notifications.log,
            logical_name: config.topic_prefix.clone(),
            clock,
        }
    }

    /// Tells it under an id of its own; a record is added to `batch`.
    ///
    /// # Errors
    /// Definite when a transform or converter refuses the record.
    pub(crate) fn send(
        &mut self,
        encoder: &mut Encoder,
        batch: &mut Batch,
        notification: &Notification,
    ) -> Result<()> {
        let id = Uuid::new_v4().to_string();
        self.send_as(&id, encoder, batch, notification)
    }

    /// Tells it under `id`: a snapshot that a signal asked for is told under the signal's.
    ///
    /// # Errors
    /// Definite when a transform or converter refuses the record.
    pub(crate) fn send_as(
        &mut self,
        id: &str,
        encoder: &mut Encoder,
        batch: &mut Batch,
        notification: &Notification,
    ) -> Result<()> {
        if !self.to_topic && !self.to_log {
            return Ok(());
        }
        let told = encoder::Notification::new(
            id,
            (notification.aggregate, notification.kind),
            &notification.data,
            &self.logical_name,
            self.clock.now_ns().div_euclid(1_000_000),
        );
        if self.to_log {
            tracing::info!("[Notification Service]  {told}");
        }
        let done = encoder.notification(&told, batch);
        done.map(|_| ()).map_err(|e| {
            let kind = notification.kind;
            EngineError::definite(format!("the notification {kind} cannot be encoded: {e}"))
                .because(e)
        })
    }
}
