//! Exactly once: records and their checkpoint in one Kafka transaction (KIP-618's layout).
//!
//! While one transaction commits, batches queue up; the next one takes all that is there, so latency
//! follows the broker and the load sets the size. Between two transactions there is a short rest. A newer instance with the same transactional id
//! fences this one, whose next call then fails and stops it at once.

use std::sync::Arc;
use std::time::Duration;

use rdkafka::producer::Producer;
use tokio::time::{Instant, MissedTickBehavior};

use super::client::fault;
use super::due::LastCheckpoint;
use super::offsets::OffsetRecord;
use super::producer::{self, KafkaProducer};
use super::topics::Topics;
use super::{Durable, Publisher, Wiring};
use crate::batch::{Batch, Mark};
use crate::error::{EngineError, Result};
use crate::progress::Stage;
use crate::settings::WorkerSettings;

/// Bytes after which a transaction takes no further batch.
const TRANSACTION_BYTES_MAX: usize = 4 * 1024 * 1024;

/// How long one call on the coordinator may take before it is tried again.
const CALL_TIMEOUT: Duration = Duration::from_secs(10);

/// The rest after a commit, as a multiple of the time that the commit took.
///
/// The coordinator answers a commit when it has decided, and writes the markers afterwards. A new
/// transaction before they are written is answered CONCURRENT_TRANSACTIONS, and Kafka's client waits
/// at least 20 ms then, which costs more than the rest. The markers take about as long as the answer.
const REST_FACTOR: u32 = 2;

/// The shortest and the longest rest.
const REST_LIMITS: (Duration, Duration) = (Duration::from_millis(3), Duration::from_millis(20));

/// How often, and how many times, the client's count of outstanding messages is looked at.
const FLUSHED_LOOK_EVERY: Duration = Duration::from_millis(1);
const FLUSHED_LOOKS_MAX: usize = 50;

/// How often a call that timed out is tried again.
const CALL_ATTEMPTS: usize = 6;

/// Publishes in transactions.
pub(crate) struct ExactlyOnce {
    producer: Arc<KafkaProducer>,
    topics: Topics,
    offsets: OffsetRecord,
    settings: Arc<WorkerSettings>,
    /// A mark without records, to be written at the next transaction or flush.
    waiting: Option<(u64, Mark)>,
    last_seq: u64,
    /// When the next transaction may begin.
    rested: Instant,
    last: LastCheckpoint,
}

/// The transactional id of a connector's only task, as Connect's `Worker` names it.
pub(crate) fn transactional_id(group_id: &str, connector: &str) -> String {
    format!("{group_id}-{connector}-0")
}

/// Takes over the transactional id: waits for or aborts what an older instance left open, and fences
/// it. Offsets are read only after this.
pub(crate) async fn take_over(producer: &Arc<KafkaProducer>) -> Result<()> {
    call(
        producer,
        "taking over the connector's transactional id",
        |p| p.init_transactions(CALL_TIMEOUT),
    )
    .await
}

/// Runs a blocking transaction call off the runtime; tries again when it only timed out.
async fn call(
    producer: &Arc<KafkaProducer>,
    doing: &'static str,
    run: impl Fn(&KafkaProducer) -> rdkafka::error::KafkaResult<()> + Send + Clone + 'static,
) -> Result<()> {
    let mut last = None;
    for _ in 0..CALL_ATTEMPTS {
        let (producer, run) = (Arc::clone(producer), run.clone());
        let ended = tokio::task::spawn_blocking(move || run(&producer)).await;
        match ended.map_err(|e| EngineError::transient(format!("while {doing}: {e}")))? {
            Ok(()) => return Ok(()),
            Err(rdkafka::error::KafkaError::Transaction(e)) if e.is_retriable() => {
                tracing::warn!(error = %e, "{doing} takes long; trying again");
                last = Some(rdkafka::error::KafkaError::Transaction(e));
            }
            Err(error) => return Err(fault(doing, error)),
        }
    }
    match last {
        Some(error) => Err(fault(doing, error)),
        None => Err(EngineError::transient(format!(
            "while {doing}: no attempt was made"
        ))),
    }
}

impl ExactlyOnce {
    /// `producer` has taken over its transactional id.
    pub(crate) fn new(
        producer: Arc<KafkaProducer>,
        topics: Topics,
        offsets: OffsetRecord,
        settings: Arc<WorkerSettings>,
    ) -> Self {
        Self {
            producer,
            topics,
            offsets,
            settings,
            waiting: None,
            last_seq: 0,
            rested: Instant::now(),
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
        self.topics.ensure(&self.producer, &first).await?;
        self.begin().await?;
        let mut commits = Vec::new();
        let mut bytes = 0;
        let mut next = Some(first);
        while let Some(batch) = next {
            bytes += batch.bytes();
            self.add(batch, wiring, &mut commits).await?;
            next = if bytes < TRANSACTION_BYTES_MAX {
                wiring.input.try_recv().ok()
            } else {
                None
            };
        }
        self.commit(wiring).await?;
        commits
            .into_iter()
            .for_each(|commit_us| wiring.metrics.acked(commit_us));
        Ok(())
    }

    async fn add(&mut self, batch: Batch, wiring: &Wiring, commits: &mut Vec<i64>) -> Result<()> {
        self.topics.ensure(&self.producer, &batch).await?;
        producer::send_batch(&self.producer, &batch).await?;
        wiring.metrics.published(batch.len(), batch.bytes());
        self.last_seq = batch.seq;
        if batch.commit_us != 0 {
            commits.push(batch.commit_us);
        }
        if let Some(mark) = batch.mark {
            self.waiting = Some((batch.seq, mark));
        }
        Ok(())
    }

    /// A transaction that holds only a checkpoint, when one waits.
    async fn flush(&mut self, wiring: &Wiring) -> Result<()> {
        if self.waiting.is_none() {
            return Ok(());
        }
        self.begin().await?;
        self.commit(wiring).await
    }

    /// Waits until the client, too, counts no message as outstanding, which it does a moment after it
    /// told of the delivery. A commit in that moment would wait in the client's own flush, which looks
    /// only every 100 ms; past the limit that is what happens.
    async fn wait_until_flushed(&self) {
        for _ in 0..FLUSHED_LOOKS_MAX {
            if self.producer.in_flight_count() == 0 {
                return;
            }
            tokio::time::sleep(FLUSHED_LOOK_EVERY).await;
        }
    }

    async fn begin(&self) -> Result<()> {
        tokio::time::sleep_until(self.rested).await;
        self.producer
            .begin_transaction()
            .map_err(|e| fault("beginning a Kafka transaction", e))
    }

    /// Adds the checkpoint, commits, and reports.
    async fn commit(&mut self, wiring: &Wiring) -> Result<()> {
        match &self.waiting {
            Some((_, mark)) => {
                self.offsets
                    .write(&self.producer, self.last_seq, &mark.offset)
                    .await?
            }
            None => self.producer.context().settled(self.last_seq).await?,
        }
        wiring.chain.advance(Stage::Published, self.last_seq)?;
        self.wait_until_flushed().await;
        let begun = Instant::now();
        call(&self.producer, "committing a Kafka transaction", |p| {
            p.commit_transaction(CALL_TIMEOUT)
        })
        .await?;
        let (shortest, longest) = REST_LIMITS;
        let rest = begun.elapsed().saturating_mul(REST_FACTOR);
        self.rested = Instant::now() + rest.clamp(shortest, longest);
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

impl Publisher for ExactlyOnce {
    fn run(
        self: Box<Self>,
        wiring: Wiring,
    ) -> std::pin::Pin<Box<dyn Future<Output = Result<()>> + Send>> {
        Box::pin(self.run_on(wiring))
    }
}
