//! One partition of one assignment, from the first record to the last commit.
//!
//! Enters: the position that the group holds, and the partition's records. Leaves: landed batches,
//! dead letters, offset commits. Never: an insert whose range is not committed as pending before,
//! or a position committed whose records have not landed.
//!
//! ```text
//!  guard ─► recover ─► collect ─► commit pending ─► dead letters ─► insert ─► commit past it ─┐
//!                         ▲                                                                   │
//!                         └───────────────────────────────────────────────────────────────────┘
//! ```
//! The commit past a batch is left to the next batch's pending commit when that one is there at
//! once: both say that everything below is done.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use rdkafka::Message;
use rdkafka::error::KafkaError;
use rdkafka::types::RDKafkaErrorCode;
use tokio::time::{Instant, sleep_until};
use tokio_util::sync::CancellationToken;

use crate::batch::{Batch, Limits};
use crate::dead_letter::DeadLetters;
use crate::envelope::{Origin, OutboxTable};
use crate::hook::{Step, StepHook};
use crate::landing::Landing;
use crate::metrics::PartitionMetrics;
use crate::offsets::Offsets;
use crate::queue::{Next, RecordQueue};
use crate::range::Range;
use crate::status::{State, Status};

mod guard;
mod land;

/// A partition whose records are all ready gives up its thread after this many of them.
const RECORDS_PER_TURN: u32 = 512;

/// What workers share.
pub(crate) struct Shared {
    pub(crate) landing: Landing,
    /// For how many blocks every table remembers their tokens.
    pub(crate) token_window: u64,
    pub(crate) dead_letters: DeadLetters,
    pub(crate) limits: Limits,
    pub(crate) batch_age_max: Duration,
    pub(crate) outbox: OutboxTable,
    pub(crate) kafka: crate::config::Kafka,
    pub(crate) status: Arc<Status>,
    pub(crate) hook: Arc<dyn StepHook>,
}

/// What the group's last commit says about where to start.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Start {
    /// Everything below the offset is done; 0 where nothing was ever committed.
    At { offset: i64, pending: Option<Range> },
    /// The commit's metadata was not written by this version of the sink.
    Unreadable(String),
}

/// Why a worker ended.
#[derive(Debug)]
pub(crate) enum Halt {
    /// It was asked to let go, and has.
    Released,
    /// The group has passed the partition on; whoever has it now goes on from the last commit.
    Fenced,
    /// A human is needed; the text says why and what to do.
    Stopped(String),
    /// A test's hook said so.
    Crashed(Step),
}

/// The worker of one partition.
pub(crate) struct Worker {
    pub(crate) shared: Arc<Shared>,
    pub(crate) origin: Origin,
    pub(crate) start: Start,
    pub(crate) queue: RecordQueue,
    pub(crate) offsets: Offsets,
    pub(crate) metrics: PartitionMetrics,
    /// Ask to let go: finish what is under way, start nothing new.
    pub(crate) release: CancellationToken,
    /// Position that is done but not committed yet.
    pub(crate) unsettled: Option<i64>,
    /// When the last batch was closed.
    pub(crate) collected: Instant,
}

impl Worker {
    /// Runs until the partition is taken away or cannot go on.
    pub(crate) async fn run(mut self) -> Halt {
        let Err(halt) = self.stream().await;
        let Origin { topic, partition } = &self.origin;
        match &halt {
            Halt::Released => tracing::info!(%topic, partition, "partition released"),
            Halt::Fenced => tracing::warn!(
                %topic, partition,
                "the group has passed the partition on; the batch is dropped before its insert, \
                 or lands once under its token"
            ),
            Halt::Stopped(cause) => {
                tracing::error!(%topic, partition, "partition stopped: {cause}");
                self.set_state(State::Stopped, Some(cause.clone()));
                self.release.cancelled().await;
            }
            Halt::Crashed(step) => tracing::warn!(%topic, partition, %step, "crashed by a test"),
        }
        halt
    }

    async fn stream(&mut self) -> Result<Infallible, Halt> {
        let (offset, pending) = match &self.start {
            Start::At { offset, pending } => (*offset, *pending),
            Start::Unreadable(why) => return Err(Halt::Stopped(guard::unreadable(why))),
        };
        self.guard(offset, pending).await?;
        self.shared
            .status
            .update(&self.origin, |status| status.advance(offset));
        if let Some(range) = pending {
            self.recover(range).await?;
        }
        self.set_state(State::Streaming, None);
        loop {
            let batch = match self.collect().await {
                Err(Halt::Released) => return Err(self.let_go().await),
                collected => collected?,
            };
            if self.release.is_cancelled() {
                return Err(self.let_go().await);
            }
            self.reached(Step::Collected)?;
            self.land(batch).await?;
        }
    }

    /// Commits what is done; what is only collected is read again by the next owner.
    async fn let_go(&mut self) -> Halt {
        self.settle().await.err().unwrap_or(Halt::Released)
    }

    /// Reads exactly `range` again and sends it as its first owner did.
    async fn recover(&mut self, range: Range) -> Result<(), Halt> {
        let Origin { topic, partition } = &self.origin;
        tracing::info!(%topic, partition, %range, "sending a pending range again");
        self.set_state(State::Recovering, None);
        let batch = self.reread(range).await?;
        self.metrics.resent();
        self.land(batch).await
    }

    async fn reread(&self, range: Range) -> Result<Batch, Halt> {
        let mut batch = Batch::default();
        loop {
            match self.queue.take() {
                Some(Next::Record(record)) => {
                    let offset = record.offset();
                    let expected = batch.range().is_some() || offset == range.first;
                    if !expected || offset > range.last {
                        return Err(Halt::Stopped(self.range_gone(range, offset)));
                    }
                    batch.push(&record, &self.shared.outbox, &self.origin);
                    if offset == range.last {
                        return Ok(batch);
                    }
                }
                Some(Next::End) => return Err(Halt::Stopped(self.range_ends_early(range))),
                Some(Next::Failed(error)) => self.failed(error)?,
                None => tokio::select! {
                    biased;
                    () = self.release.cancelled() => return Err(Halt::Released),
                    () = self.queue.filled() => {}
                },
            }
        }
    }

    /// Takes records until the batch is full, or its first one is old enough.
    async fn collect(&mut self) -> Result<Batch, Halt> {
        let mut batch = Batch::default();
        // What is in the queue has come since the last batch was closed, while that one landed.
        let mut oldest = self.collected;
        let mut deadline = None;
        let mut began = None;
        let mut turn = 0;
        while !batch.is_full(&self.shared.limits) {
            match self.queue.take() {
                Some(Next::Record(record)) => {
                    if batch.range().is_none() {
                        deadline = Some(oldest + self.shared.batch_age_max);
                        began = Some(Instant::now());
                        self.set_at_end(false);
                    }
                    batch.push(&record, &self.shared.outbox, &self.origin);
                }
                Some(Next::End) => self.set_at_end(true),
                Some(Next::Failed(error)) => self.failed(error)?,
                None => match deadline {
                    None => {
                        self.wait_for_first().await?;
                        oldest = Instant::now();
                    }
                    Some(deadline) => tokio::select! {
                        biased;
                        () = self.release.cancelled() => return Err(Halt::Released),
                        () = sleep_until(deadline) => break,
                        () = self.queue.filled() => {}
                    },
                },
            }
            turn += 1;
            if turn % RECORDS_PER_TURN == 0 {
                tokio::task::yield_now().await;
                // A backlog gives no pause; what is taken in the same time is a batch.
                if began.is_some_and(|began| began.elapsed() > self.shared.batch_age_max) {
                    break;
                }
            }
        }
        self.collected = Instant::now();
        Ok(batch)
    }

    /// Nothing is there: commit what is done, then wait.
    async fn wait_for_first(&mut self) -> Result<(), Halt> {
        self.settle().await?;
        tokio::select! {
            biased;
            () = self.release.cancelled() => Err(Halt::Released),
            () = self.queue.filled() => Ok(()),
        }
    }

    /// An error in place of a record: most pass by themselves, lost records do not.
    fn failed(&self, error: KafkaError) -> Result<(), Halt> {
        let Origin { topic, partition } = &self.origin;
        if error.rdkafka_error_code() == Some(RDKafkaErrorCode::AutoOffsetReset) {
            return Err(Halt::Stopped(self.records_gone(&error)));
        }
        tracing::warn!(%topic, partition, "Kafka: {error}");
        Ok(())
    }

    fn set_at_end(&self, at_end: bool) {
        self.shared
            .status
            .update(&self.origin, |status| status.set_at_end(at_end));
    }

    fn set_state(&self, state: State, detail: Option<String>) {
        self.shared
            .status
            .update(&self.origin, |status| status.set(state, detail));
    }

    fn reached(&self, step: Step) -> Result<(), Halt> {
        use crate::hook::Verdict;
        match self
            .shared
            .hook
            .reached(step, &self.origin.topic, self.origin.partition)
        {
            Verdict::Continue => Ok(()),
            Verdict::Crash => Err(Halt::Crashed(step)),
        }
    }
}
