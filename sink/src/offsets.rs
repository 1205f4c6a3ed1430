//! Offset commits of one assignment: fenced by the group, and counted while under way.
//!
//! Enters: a position and a pending range. Leaves: the broker's answer. Never: a commit on behalf
//! of an assignment that has ended. librdkafka stamps a commit with the generation it holds when
//! the request is sent, not when it was asked for; so the [`Gate`] of an assignment is closed, and
//! every commit under way awaited, before the consumer may join the next generation.

use std::sync::{Arc, Condvar, Mutex, PoisonError, Weak};
use std::time::Duration;

use rdkafka::consumer::{CommitMode, Consumer};
use rdkafka::error::KafkaError;
use rdkafka::types::RDKafkaErrorCode;
use rdkafka::{Offset, TopicPartitionList};

use crate::group::GroupConsumer;
use crate::range::{Range, encode_metadata};

/// Why a commit did not take place.
#[derive(Debug, thiserror::Error)]
pub(crate) enum CommitError {
    /// The group has given the partition to another member, or is about to.
    #[error("the group no longer counts this member as the partition's owner")]
    Fenced,
    /// The coordinator is away or busy.
    #[error("{0}")]
    Retryable(KafkaError),
    /// The same commit will be refused again.
    #[error("{0}")]
    Refused(KafkaError),
}

/// Lets commits through until it is closed, and knows how many are under way.
#[derive(Debug, Default)]
pub(crate) struct Gate {
    state: Mutex<GateState>,
    idle: Condvar,
}

#[derive(Debug, Default)]
struct GateState {
    closed: bool,
    under_way: usize,
}

/// One commit under way.
struct Ticket(Arc<Gate>);

impl Gate {
    fn enter(self: &Arc<Self>) -> Option<Ticket> {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        if state.closed {
            return None;
        }
        state.under_way += 1;
        Some(Ticket(Arc::clone(self)))
    }

    /// Lets nothing through any more.
    pub(crate) fn close(&self) {
        self.state
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .closed = true;
    }

    /// Blocks until no commit is under way; false when `limit` has passed before.
    pub(crate) fn wait_idle(&self, limit: Duration) -> bool {
        let state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let waited = self
            .idle
            .wait_timeout_while(state, limit, |state| state.under_way > 0);
        !waited.unwrap_or_else(PoisonError::into_inner).1.timed_out()
    }
}

impl Drop for Ticket {
    fn drop(&mut self) {
        let mut state = self.0.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.under_way -= 1;
        self.0.idle.notify_all();
    }
}

/// Commits for one partition of one assignment.
pub(crate) struct Offsets {
    consumer: Weak<GroupConsumer>,
    gate: Arc<Gate>,
    topic: Arc<str>,
    partition: i32,
}

impl Offsets {
    pub(crate) fn new(
        consumer: Weak<GroupConsumer>,
        gate: Arc<Gate>,
        topic: Arc<str>,
        partition: i32,
    ) -> Self {
        Self {
            consumer,
            gate,
            topic,
            partition,
        }
    }

    /// Commits `position`, with `pending` in its metadata, and waits for the broker's answer.
    pub(crate) async fn commit(
        &self,
        position: i64,
        pending: Option<Range>,
    ) -> Result<(), CommitError> {
        let ticket = self.gate.enter().ok_or(CommitError::Fenced)?;
        let consumer = self.consumer.upgrade().ok_or(CommitError::Fenced)?;
        let (topic, partition) = (Arc::clone(&self.topic), self.partition);
        let committed = tokio::task::spawn_blocking(move || {
            let answer = commit_blocking(&consumer, &topic, partition, position, pending);
            drop(ticket);
            answer
        });
        committed.await.map_err(|_| CommitError::Fenced)?
    }

    /// Whether the group has taken the assignment away without asking.
    pub(crate) fn is_lost(&self) -> bool {
        self.consumer
            .upgrade()
            .is_none_or(|consumer| consumer.assignment_lost())
    }
}

fn commit_blocking(
    consumer: &GroupConsumer,
    topic: &str,
    partition: i32,
    position: i64,
    pending: Option<Range>,
) -> Result<(), CommitError> {
    let mut list = TopicPartitionList::new();
    {
        let mut element = list.add_partition(topic, partition);
        element
            .set_offset(Offset::Offset(position))
            .map_err(CommitError::Refused)?;
        element.set_metadata(encode_metadata(pending));
    }
    if consumer.assignment_lost() {
        return Err(CommitError::Fenced);
    }
    consumer.commit(&list, CommitMode::Sync).map_err(classify)
}

fn classify(error: KafkaError) -> CommitError {
    use RDKafkaErrorCode as Code;
    match error.rdkafka_error_code() {
        Some(
            Code::IllegalGeneration
            | Code::UnknownMemberId
            | Code::FencedInstanceId
            | Code::FencedMemberEpoch
            | Code::StaleMemberEpoch
            | Code::AssignmentLost
            | Code::Fatal
            | Code::Fenced,
        ) => CommitError::Fenced,
        Some(
            Code::GroupAuthorizationFailed
            | Code::TopicAuthorizationFailed
            | Code::OffsetMetadataTooLarge
            | Code::InvalidGroupId
            | Code::InvalidArgument,
        ) => CommitError::Refused(error),
        _ => CommitError::Retryable(error),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_closed_gate_lets_nothing_through_and_waits_for_what_is_under_way() {
        let gate = Arc::new(Gate::default());
        let ticket = gate.enter().unwrap();
        gate.close();
        assert!(gate.enter().is_none());
        assert!(!gate.wait_idle(Duration::ZERO));
        drop(ticket);
        assert!(gate.wait_idle(Duration::ZERO));
    }
}
