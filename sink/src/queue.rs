//! One partition's records, as they come from the consumer.
//!
//! Enters: what librdkafka has fetched for the partition, bounded by `queued.max.messages.kbytes`;
//! not taking from here is what holds the fetching back. Leaves: records in offset order, the end
//! of the partition, or why reading cannot go on.

use std::sync::Arc;

use rdkafka::consumer::base_consumer::PartitionQueue;
use rdkafka::error::KafkaError;
use rdkafka::message::BorrowedMessage;
use tokio::sync::Notify;

use crate::group::GroupContext;

/// What comes next.
pub(crate) enum Next<'a> {
    Record(BorrowedMessage<'a>),
    /// Every committed record has been taken.
    End,
    Failed(KafkaError),
}

/// The records of one partition of one assignment.
pub(crate) struct RecordQueue {
    queue: PartitionQueue<GroupContext>,
    filled: Arc<Notify>,
}

impl RecordQueue {
    pub(crate) fn new(mut queue: PartitionQueue<GroupContext>) -> Self {
        let filled = Arc::new(Notify::new());
        let notify = Arc::clone(&filled);
        queue.set_nonempty_callback(move || notify.notify_one());
        Self { queue, filled }
    }

    /// What is there already, without waiting.
    pub(crate) fn take(&self) -> Option<Next<'_>> {
        match self.queue.poll(std::time::Duration::ZERO)? {
            Ok(record) => Some(Next::Record(record)),
            Err(KafkaError::PartitionEOF(_)) => Some(Next::End),
            Err(error) => Some(Next::Failed(error)),
        }
    }

    /// Waits until there may be something to take.
    pub(crate) async fn filled(&self) {
        self.filled.notified().await;
    }
}
