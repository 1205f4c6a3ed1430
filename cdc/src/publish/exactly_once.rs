//! Exactly once: records and their checkpoint in one Kafka transaction (KIP-618's layout).
//!
//! While one transaction commits, batches queue up; the next one takes all that is there, so latency
//! follows the broker and the load sets the size. One that is large waits a moment for more, since a
//! commit costs as much for few records as for many. With `transaction.boundary=interval` it lasts as
//! long as its user says. A newer instance with the same transactional id
//! fences this one, whose next call then fails and stops it at once.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::{Instant, MissedTickBehavior};

use super::broker::{RecordProducer, Transactional};
use super::due::LastCheckpoint;
use super::offsets::OffsetRecord;
use super::topics::Topics;
use super::window::{HANDOVER_BYTES_MAX, Window};
use super::{Durable, Publisher, Wiring};
use crate::batch::{Batch, Mark, Urgency};
use crate::config::TransactionBoundary;
use crate::error::Result;
use crate::progress::Stage;
use crate::settings::WorkerSettings;

/// Bytes after which a transaction takes no further batch.
const TRANSACTION_BYTES_MAX: usize = 16 * 1024 * 1024;

/// Bytes from which on a transaction waits for more, how long for a batch, and how long in all.
const LARGE_BYTES: usize = HANDOVER_BYTES_MAX;
const MORE_WAIT: Duration = Duration::from_millis(5);
const LASTS_MAX: Duration = Duration::from_millis(150);

/// Publishes in transactions.
pub(crate) struct ExactlyOnce<T> {
    transactions: T,
    topics: Topics,
    offsets: OffsetRecord,
    settings: Arc<WorkerSettings>,
    /// How long a transaction lasts, unless it follows the load.
    interval: Option<Duration>,
    window: Window,
    /// A mark without records, to be written at the next transaction or flush.
    waiting: Option<(u64, Mark)>,
    last_seq: u64,
    last: LastCheckpoint,
}

impl<T: Transactional> ExactlyOnce<T> {
    pub(crate) fn new(
        transactions: T,
        topics: Topics,
        offsets: OffsetRecord,
        settings: Arc<WorkerSettings>,
        boundary: TransactionBoundary,
    ) -> Self {
        Self {
            transactions,
            topics,
            offsets,
            interval: boundary.interval(settings.offset_flush_interval),
            settings,
            window: Window::default(),
            waiting: None,
            last_seq: 0,
            last: LastCheckpoint::none(),
        }
    }

    async fn run_on(mut self, mut wiring: Wiring) -> Result<()> {
        let every = self.settings.offset_flush_interval;
        let mut flush = tokio::time::interval_at(Instant::now() + every, every);
        flush.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                biased;
                batch = wiring.input.recv() => match batch {
                    Some(batch) => self.take(batch, &mut wiring).await?,
                    None => break,
                },
                _ = flush.tick() => self.flush(&wiring).await?,
            }
        }
        self.flush(&wiring).await
    }

    /// One transaction of `first` and what else is there; a mark alone waits for company.
    async fn take(&mut self, first: Batch, wiring: &mut Wiring) -> Result<()> {
        self.last_seq = first.seq;
        if first.is_empty() {
            if let Some(mark) = first.mark {
                let behind = self.last.is_behind(&mark);
                self.waiting = Some((first.seq, mark));
                if behind {
                    self.flush(wiring).await?;
                }
            }
            return Ok(());
        }
        self.topics
            .ensure(self.transactions.producer(), &first)
            .await?;
        self.transactions.begin().await?;
        let begun = Instant::now();
        let mut commits = Vec::new();
        let (mut bytes, mut handed_over, mut records) = (0, 0, 0);
        let mut next = Some(first);
        while let Some(batch) = next {
            bytes += batch.bytes();
            records += batch.len();
            self.add(batch, wiring, &mut commits).await?;
            let waits = self.interval.is_some() && wiring.input.is_empty();
            if bytes - handed_over >= HANDOVER_BYTES_MAX || waits {
                self.window.handed_over(self.last_seq, records);
                (handed_over, records) = (bytes, 0);
                let producer = self.transactions.producer();
                producer.push();
                self.window
                    .room(producer.deliveries(), self.last_seq)
                    .await?;
            }
            next = match self.interval {
                Some(_) if self.ends_at_once() => None,
                Some(interval) => within(wiring, begun + interval).await,
                None if bytes >= TRANSACTION_BYTES_MAX || begun.elapsed() >= LASTS_MAX => None,
                None => more(wiring, bytes).await,
            };
        }
        self.commit(wiring).await?;
        commits
            .into_iter()
            .for_each(|commit_us| wiring.metrics.acked(commit_us));
        Ok(())
    }

    async fn add(
        &mut self,
        mut batch: Batch,
        wiring: &Wiring,
        commits: &mut Vec<i64>,
    ) -> Result<()> {
        self.topics
            .ensure(self.transactions.producer(), &batch)
            .await?;
        let (seq, mark) = (batch.seq, batch.mark.take());
        if batch.commit_us != 0 {
            commits.push(batch.commit_us);
        }
        let (records, bytes) = (batch.len(), batch.bytes());
        self.transactions.producer().send_batch(batch).await?;
        wiring.metrics.published(records, bytes);
        self.last_seq = seq;
        if let Some(mark) = mark {
            self.waiting = Some((seq, mark));
        }
        Ok(())
    }

    /// Whether a mark waits that is to be durable without delay.
    fn ends_at_once(&self) -> bool {
        let mark = self.waiting.as_ref().map(|(_, mark)| mark);
        mark.is_some_and(|mark| mark.urgency == Urgency::AtOnce)
    }

    /// A transaction that holds only a checkpoint, when one waits.
    async fn flush(&mut self, wiring: &Wiring) -> Result<()> {
        if self.waiting.is_none() {
            return Ok(());
        }
        self.transactions.begin().await?;
        self.commit(wiring).await
    }

    /// Adds the checkpoint, commits, and reports.
    async fn commit(&mut self, wiring: &Wiring) -> Result<()> {
        let producer = self.transactions.producer();
        match &self.waiting {
            Some((_, mark)) => {
                self.offsets
                    .write(&**producer, self.last_seq, &mark.offset)
                    .await?
            }
            None => {
                producer.push();
                producer.deliveries().settled(self.last_seq).await?;
            }
        }
        self.window.acked(self.last_seq);
        wiring.chain.advance(Stage::Published, self.last_seq)?;
        self.transactions.commit().await?;
        wiring.chain.advance(Stage::Acked, self.last_seq)?;
        if let Some((seq, mark)) = self.waiting.take() {
            wiring.chain.advance(Stage::Checkpointed, seq)?;
            self.last.written(mark.confirm);
            wiring.durable.send_replace(Durable {
                seq,
                confirm: mark.confirm,
            });
            wiring.metrics.checkpointed();
        }
        Ok(())
    }
}

/// The next batch, if it comes before then.
async fn within(wiring: &mut Wiring, end: Instant) -> Option<Batch> {
    if Instant::now() >= end {
        return None;
    }
    let next = tokio::time::timeout_at(end, wiring.input.recv()).await;
    next.ok().flatten()
}

/// The next batch for a transaction that holds so many bytes, if it comes soon enough.
async fn more(wiring: &mut Wiring, bytes: usize) -> Option<Batch> {
    if let Ok(batch) = wiring.input.try_recv() {
        return Some(batch);
    }
    if bytes < LARGE_BYTES {
        return None;
    }
    let next = tokio::time::timeout(MORE_WAIT, wiring.input.recv()).await;
    next.ok().flatten()
}

impl<T: Transactional> Publisher for ExactlyOnce<T> {
    fn run(
        self: Box<Self>,
        wiring: Wiring,
    ) -> std::pin::Pin<Box<dyn Future<Output = Result<()>> + Send>> {
        Box::pin(self.run_on(wiring))
    }
}
