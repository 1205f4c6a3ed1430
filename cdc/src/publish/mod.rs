//! Publishing: batches in, durable marks out.
//!
//! A publisher takes batches in order from a bounded queue and reports each one only when its records
//! and the checkpoint that covers them are durable. It never re-sends a record by itself: a failed
//! delivery ends the publisher, and the task starts again from the checkpoint, so order is kept.

pub(crate) mod at_least_once;
pub(crate) mod broker;
pub(crate) mod client;
pub(crate) mod deliveries;
mod due;
pub(crate) mod exactly_once;
pub(crate) mod fenced;
mod native;
pub(crate) mod offset_file;
pub(crate) mod offsets;
pub(crate) mod producer;
pub(crate) mod properties;
mod serialized_map;
pub(crate) mod stdout;
pub(crate) mod topics;
pub(crate) mod transactions;
pub(crate) mod used;
mod window;

use std::sync::Arc;

use tokio::sync::{mpsc, watch};
use walcast_wire::lsn::Lsn;

use crate::batch::Batch;
use crate::error::Result;
use crate::metrics::TaskMetrics;
use crate::progress::Chain;

/// Batches that wait between the stream and the publisher; with the size of a batch, the bound of
/// what is in flight before the publisher.
pub(crate) const QUEUE_BATCHES: usize = 32;

/// The newest batch whose checkpoint is durable.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Durable {
    /// The batch's number.
    pub(crate) seq: u64,
    /// What the slot may be told.
    pub(crate) confirm: Lsn,
}

/// What a publisher works with.
pub(crate) struct Wiring {
    /// Batches, in order. When it closes, what was taken is finished and checkpointed.
    pub(crate) input: mpsc::Receiver<Batch>,
    /// Where durable marks are reported.
    pub(crate) durable: watch::Sender<Durable>,
    /// The session's chain of progress.
    pub(crate) chain: Arc<Chain>,
    /// The task's metrics.
    pub(crate) metrics: Arc<TaskMetrics>,
}

/// Takes batches and makes them durable.
pub(crate) trait Publisher: Send {
    /// Runs until the input closes (`Ok`) or something fails.
    fn run(
        self: Box<Self>,
        wiring: Wiring,
    ) -> std::pin::Pin<Box<dyn Future<Output = Result<()>> + Send>>;
}
