//! Deliveries of a producer, counted per batch; a batch is kept until its last record is delivered.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use rdkafka::ClientContext;
use rdkafka::error::KafkaError;
use rdkafka::message::{DeliveryResult, Message};
use rdkafka::producer::ProducerContext;
use tokio::sync::Notify;

use super::client::fault;
use crate::batch::Batch;
use crate::error::{EngineError, Result};

/// Counts outstanding deliveries per batch, in the order batches were begun.
///
/// Kafka's client reads a record's value where it lies in its batch. So a batch that was begun with
/// [`Self::begin`] lives until all its records are delivered, or the client is gone.
#[derive(Default)]
pub(crate) struct Deliveries {
    state: Mutex<State>,
    changed: Notify,
}

#[derive(Default)]
struct State {
    /// What is not wholly delivered, and what is but comes after such, oldest first.
    outstanding: VecDeque<Outstanding>,
    /// The first delivery that failed.
    failed: Option<KafkaError>,
    /// Whether the client has counted a record as delivered that no broker has given an offset.
    unproven: bool,
}

struct Outstanding {
    seq: u64,
    /// Records not yet delivered.
    left: usize,
    /// Let go with the last record's delivery.
    batch: Option<Arc<Batch>>,
}

/// What a record takes along and its delivery brings back: the number of its batch, and whether its
/// headers are to be used again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Tag {
    pub(super) seq: u64,
    pub(super) reuse_headers: bool,
}

impl Tag {
    /// The tag of a record with headers of its own.
    pub(super) fn of(seq: u64) -> Self {
        Self {
            seq,
            reuse_headers: false,
        }
    }

    pub(super) fn pack(self) -> Result<usize> {
        let packed = usize::try_from(self.seq)
            .ok()
            .and_then(|seq| seq.checked_mul(2));
        let seq = packed
            .ok_or_else(|| EngineError::definite("the batch number passed the address width"))?;
        Ok(seq | usize::from(self.reuse_headers))
    }

    pub(super) fn unpack(packed: usize) -> Self {
        Self {
            seq: (packed >> 1) as u64,
            reuse_headers: packed & 1 == 1,
        }
    }
}

/// How one record ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Outcome {
    Delivered,
    /// The client takes what it is about to send again for delivered as soon as a later record is. A
    /// partition that has just become its leader's takes the later one, however.
    Unproven,
    Failed(KafkaError),
}

impl Deliveries {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Expects the deliveries of all records of `batch`, and keeps it until then; call before sending
    /// them.
    pub(crate) fn begin(&self, batch: &Arc<Batch>) {
        self.state().outstanding.push_back(Outstanding {
            seq: batch.seq,
            left: batch.len(),
            batch: Some(Arc::clone(batch)),
        });
    }

    /// Expects one more delivery with batch `seq`, the last one begun; call before sending it.
    pub(crate) fn expect_one_more(&self, seq: u64) {
        let mut state = self.state();
        match state.outstanding.back_mut() {
            Some(last) if last.seq == seq => last.left += 1,
            _ => state.outstanding.push_back(Outstanding {
                seq,
                left: 1,
                batch: None,
            }),
        }
    }

    /// Waits until all up to batch `seq`, the last one begun, is delivered.
    ///
    /// The client's own flush would do, but it looks only every 100 ms.
    pub(crate) async fn settled(&self, seq: u64) -> Result<()> {
        while self.acked(seq)? < seq {
            self.changed().await;
        }
        Ok(())
    }

    /// The last batch of the contiguous prefix that is delivered, given the last one begun.
    pub(crate) fn acked(&self, begun: u64) -> Result<u64> {
        let mut state = self.state();
        if let Some(error) = state.failed.clone() {
            return Err(fault("delivering records to Kafka", error));
        }
        if state.unproven {
            return Err(EngineError::transient(
                "Kafka's client took a record for delivered because a later one was, but no broker has given it an offset; all is sent again from the checkpoint",
            ));
        }
        while state.outstanding.front().is_some_and(|b| b.left == 0) {
            state.outstanding.pop_front();
        }
        Ok(state.outstanding.front().map_or(begun, |b| b.seq - 1))
    }

    /// Waits until a delivery has come in since the last call.
    pub(crate) async fn changed(&self) {
        self.changed.notified().await;
    }

    /// Lets the next call of [`Self::changed`] return at once.
    pub(super) fn wake(&self) {
        self.changed.notify_one();
    }

    /// `records` of batch `seq` ended alike.
    pub(crate) fn note(&self, seq: u64, records: usize, outcome: Outcome) {
        let mut state = self.state();
        let mut done = None;
        match outcome {
            Outcome::Delivered => done = state.count(seq, records),
            Outcome::Unproven => state.unproven = true,
            Outcome::Failed(error) => {
                state.failed.get_or_insert(error);
            }
        }
        let broken = state.failed.is_some() || state.unproven;
        let wake = broken || state.outstanding.front().is_some_and(|b| b.left == 0);
        drop(state);
        drop(done);
        if wake {
            self.wake();
        }
    }
}

impl State {
    /// Counts deliveries; gives the batch when those were the last of it.
    fn count(&mut self, seq: u64, records: usize) -> Option<Arc<Batch>> {
        let found = self.outstanding.iter_mut().find(|b| b.seq == seq)?;
        found.left = found.left.saturating_sub(records);
        if found.left == 0 {
            found.batch.take()
        } else {
            None
        }
    }
}

impl ClientContext for Deliveries {}

impl ProducerContext for Deliveries {
    type DeliveryOpaque = usize;

    /// Deliveries come in by the event (see `native`); here only those that the client's own flush
    /// meets, when it ends or commits.
    fn delivery(&self, result: &DeliveryResult<'_>, packed: usize) {
        let outcome = match result {
            Ok(message) if message.offset() < 0 => Outcome::Unproven,
            Ok(_) => Outcome::Delivered,
            Err((error, _)) => Outcome::Failed(error.clone()),
        };
        self.note(Tag::unpack(packed).seq, 1, outcome);
    }
}

#[cfg(test)]
mod tests {
    use rdkafka::error::RDKafkaErrorCode;

    use super::*;

    fn batch(seq: u64, records: usize) -> Arc<Batch> {
        Arc::new(Batch::of_values(seq, &vec![&b"{}"[..]; records]))
    }

    #[test]
    fn a_batch_is_kept_until_its_last_delivery() {
        let deliveries = Deliveries::default();
        let (first, second) = (batch(1, 2), batch(2, 1));
        deliveries.begin(&first);
        deliveries.begin(&second);
        deliveries.note(2, 1, Outcome::Delivered);
        assert_eq!(Arc::strong_count(&second), 1, "delivered");
        assert_eq!(deliveries.acked(2).unwrap(), 0, "only a prefix counts");
        deliveries.note(1, 1, Outcome::Delivered);
        assert_eq!(Arc::strong_count(&first), 2, "one record is out");
        deliveries.note(1, 1, Outcome::Delivered);
        assert_eq!(Arc::strong_count(&first), 1);
        assert_eq!(deliveries.acked(2).unwrap(), 2);
    }

    #[test]
    fn a_record_that_failed_or_has_no_offset_ends_it_and_keeps_its_batch() {
        let gone = KafkaError::MessageProduction(RDKafkaErrorCode::MessageTimedOut);
        for outcome in [Outcome::Unproven, Outcome::Failed(gone)] {
            let deliveries = Deliveries::default();
            let kept = batch(1, 1);
            deliveries.begin(&kept);
            deliveries.note(1, 1, outcome);
            assert!(deliveries.acked(1).is_err());
            assert_eq!(Arc::strong_count(&kept), 2);
        }
    }

    #[test]
    fn a_checkpoint_belongs_to_the_batch_before_it() {
        let deliveries = Deliveries::default();
        deliveries.begin(&batch(3, 1));
        deliveries.expect_one_more(3);
        deliveries.note(3, 1, Outcome::Delivered);
        assert_eq!(deliveries.acked(3).unwrap(), 2);
        deliveries.note(3, 1, Outcome::Delivered);
        assert_eq!(deliveries.acked(3).unwrap(), 3);
    }

    #[test]
    fn a_tag_comes_back_as_it_was() {
        for (seq, reuse_headers) in [(0, false), (1, true), (u64::from(u32::MAX), false)] {
            let tag = Tag { seq, reuse_headers };
            assert_eq!(Tag::unpack(tag.pack().unwrap()), tag);
        }
        let too_far = Tag {
            seq: u64::MAX,
            reuse_headers: true,
        };
        assert!(too_far.pack().is_err());
    }
}
