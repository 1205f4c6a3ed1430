//! What happens to a connector, told to whoever listens.

use walcast_wire::encoder::Encoder;

use crate::batch::Batch;
use crate::error::Result;

/// One thing that happened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Notification {
    /// What it has in common with others of its kind: the signal's id for a snapshot.
    pub(crate) id: Option<String>,
    /// What it happened to: `Incremental Snapshot`.
    pub(crate) aggregate: &'static str,
    /// What happened: `STARTED`, `COMPLETED` and so on.
    pub(crate) kind: &'static str,
    /// More of it, by name.
    pub(crate) data: Vec<(&'static str, String)>,
}

/// Tells what happens.
#[derive(Debug, Default)]
pub(crate) struct Notifier;

impl Notifier {
    /// Tells of `notification`.
    pub(crate) fn send(
        &mut self,
        _encoder: &mut Encoder,
        _batch: &mut Batch,
        notification: &Notification,
    ) -> Result<()> {
        let Notification {
            id,
            aggregate,
            kind,
            data,
        } = notification;
        tracing::debug!(id, aggregate, kind, ?data, "notification");
        Ok(())
    }
}
