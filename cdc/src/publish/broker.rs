//! What publishers need of a broker: a producer, and its transactions.
//!
//! Kafka's client is one; the simulation has another, in memory. Publishers are generic over them, so
//! the calls cost what a call costs.

use std::sync::Arc;

use super::deliveries::Deliveries;
use super::offsets::OffsetRecord;
use crate::batch::Batch;
use crate::error::Result;

/// Sends records and counts their deliveries per batch.
pub(crate) trait RecordProducer: Send + Sync + 'static {
    /// The count of deliveries.
    fn deliveries(&self) -> &Deliveries;

    /// Waits until the topic's partitions are known, so that no record for it waits apart.
    fn await_topic(self: &Arc<Self>, topic: &Arc<str>) -> impl Future<Output = Result<()>> + Send;

    /// Sends all records of a batch; waits for room when the client's queue is full.
    fn send_batch(&self, batch: Batch) -> impl Future<Output = Result<()>> + Send;

    /// Sends an offset, whose delivery is expected with batch `seq`.
    fn send_offset(&self, record: &OffsetRecord, seq: u64, value: &[u8]) -> Result<()>;

    /// Tells the client that nothing comes after what was sent, so that it lets nothing wait.
    fn push(&self);
}

/// A producer that has taken over its transactional id: an older one's next call fails.
pub(crate) trait Transactional: Send + 'static {
    /// What records are sent with.
    type Producer: RecordProducer;

    /// What records are sent with.
    fn producer(&self) -> &Arc<Self::Producer>;

    /// Begins a transaction.
    fn begin(&mut self) -> impl Future<Output = Result<()>> + Send;

    /// Commits; all records of the transaction have been delivered.
    fn commit(&mut self) -> impl Future<Output = Result<()>> + Send;
}
