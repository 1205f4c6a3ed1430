//! At least once: records first, a checkpoint of the acknowledged prefix at every flush interval.

use std::collections::VecDeque;
use std::sync::Arc;

use tokio::time::{Instant, MissedTickBehavior};

use super::broker::{RecordProducer, Transactional};
use super::due::LastCheckpoint;
use super::fenced::FencedOffsets;
use super::offset_file::OffsetFile;
use super::topics::Topics;
use super::window::{Distance, HANDOVER_BYTES_MAX, Window};
use super::{Durable, Publisher, Wiring};
use crate::batch::{Batch, Mark};
use crate::error::Result;
use crate::progress::Stage;
use crate::settings::WorkerSettings;

/// Where checkpoints are kept.
pub(crate) enum Checkpoints<T: Transactional> {
    /// In the offsets topic.
    Topic(Box<FencedOffsets<T>>),
    /// In a file.
    File(OffsetFile),
}

/// Publishes without transactions.
pub(crate) struct AtLeastOnce<T: Transactional> {
    producer: Arc<T::Producer>,
    topics: Topics,
    offsets: Checkpoints<T>,
    settings: Arc<WorkerSettings>,
    window: Window,
    distance: Distance,
    /// Batches begun and not yet covered by a checkpoint, oldest first.
    begun: VecDeque<(u64, Option<Mark>, i64)>,
    /// Batches whose commit-to-acknowledgement time was already measured.
    measured: u64,
    last_seq: u64,
    checkpoint: Option<Durable>,
    last: LastCheckpoint,
}

impl<T: Transactional> AtLeastOnce<T> {
    pub(crate) fn new(
        producer: Arc<T::Producer>,
        topics: Topics,
        offsets: Checkpoints<T>,
        settings: Arc<WorkerSettings>,
    ) -> Self {
        Self {
            producer,
            topics,
            offsets,
            settings,
            window: Window::default(),
            distance: Distance::default(),
            begun: VecDeque::new(),
            measured: 0,
            last_seq: 0,
            checkpoint: None,
            last: LastCheckpoint::none(),
        }
    }

    async fn run_on(mut self, mut wiring: Wiring) -> Result<()> {
        let every = self.settings.offset_flush_interval;
        let mut flush = tokio::time::interval_at(Instant::now() + every, every);
        flush.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let producer = Arc::clone(&self.producer);
        loop {
            let due = self.due(&wiring);
            tokio::select! {
                biased;
                () = producer.deliveries().changed() => {
                    self.note_acks(&wiring)?;
                    self.write_soon(&wiring).await?;
                }
                _ = flush.tick() => self.write_checkpoint(&wiring).await?,
                () = until(due), if due.is_some() => self.write_checkpoint(&wiring).await?,
                batch = next(&mut self.distance, &mut wiring), if self.window.has_room() => match batch {
                    Some(batch) => {
                        self.take(batch, &mut wiring).await?;
                        self.write_soon(&wiring).await?;
                    }
                    None => break,
                },
            }
        }
        self.finish(&wiring).await
    }

    /// Hands over `first` and what else is there.
    async fn take(&mut self, first: Batch, wiring: &mut Wiring) -> Result<()> {
        let (mut bytes, mut records) = (0, 0);
        let mut next = Some(first);
        while let Some(batch) = next {
            bytes += batch.bytes();
            records += batch.len();
            self.send(batch, wiring).await?;
            next = if bytes < HANDOVER_BYTES_MAX {
                wiring.input.try_recv().ok()
            } else {
                None
            };
        }
        self.producer.push();
        self.window.handed_over(self.last_seq, records);
        self.distance.handed_over(bytes);
        self.note_acks(wiring)
    }

    async fn send(&mut self, mut batch: Batch, wiring: &Wiring) -> Result<()> {
        self.topics.ensure(&self.producer, &batch).await?;
        let (seq, commit_us, mark) = (batch.seq, batch.commit_us, batch.mark.take());
        let (records, bytes) = (batch.len(), batch.bytes());
        self.producer.send_batch(batch).await?;
        wiring.chain.advance(Stage::Published, seq)?;
        wiring.metrics.published(records, bytes);
        self.last_seq = seq;
        self.begun.push_back((seq, mark, commit_us));
        Ok(())
    }

    fn note_acks(&mut self, wiring: &Wiring) -> Result<()> {
        let acked = self.producer.deliveries().acked(self.last_seq)?;
        self.window.acked(acked);
        if acked > wiring.chain.at(Stage::Acked) {
            wiring.chain.advance(Stage::Acked, acked)?;
        }
        for (seq, _, commit_us) in &self.begun {
            if *seq > self.measured && *seq <= acked {
                wiring.metrics.acked(*commit_us);
                self.measured = *seq;
            }
        }
        self.forget_acked(acked);
        Ok(())
    }

    /// Forgets what is acknowledged, but for the newest mark among it, which the next checkpoint
    /// writes.
    fn forget_acked(&mut self, acked: u64) {
        let is_acked = |(seq, ..): &&(u64, Option<Mark>, i64)| *seq <= acked;
        let count = self.begun.iter().take_while(is_acked).count();
        let newest = self
            .begun
            .drain(..count)
            .rfind(|(_, mark, _)| mark.is_some());
        if let Some(newest) = newest {
            self.begun.push_front(newest);
        }
    }

    /// When the newest acknowledged mark should be written, if that is before the interval is over.
    fn due(&self, wiring: &Wiring) -> Option<Instant> {
        let Some((seq, Some(mark), _)) = self.begun.front() else {
            return None;
        };
        let is_acked = *seq <= wiring.chain.at(Stage::Acked);
        let is_written = self.checkpoint.is_some_and(|done| done.seq >= *seq);
        let due = self.last.due(mark);
        due.filter(|_| is_acked && !is_written)
    }

    /// Writes a mark that should not wait for the interval.
    async fn write_soon(&mut self, wiring: &Wiring) -> Result<()> {
        let front = self.begun.front().and_then(|(_, mark, _)| mark.as_ref());
        if front.is_some_and(|mark| self.last.is_behind(mark)) {
            self.write_checkpoint(wiring).await?;
        }
        Ok(())
    }

    /// Writes the newest acknowledged mark, waits for it, and reports it.
    async fn write_checkpoint(&mut self, wiring: &Wiring) -> Result<()> {
        self.note_acks(wiring)?;
        let acked = wiring.chain.at(Stage::Acked);
        let Some((seq, Some(mark), _)) = self.begun.front() else {
            return Ok(());
        };
        let (seq, confirm) = (*seq, mark.confirm);
        if seq > acked || self.checkpoint.is_some_and(|done| done.seq >= seq) {
            return Ok(());
        }
        match &mut self.offsets {
            Checkpoints::Topic(offsets) => offsets.write(&mark.offset).await?,
            Checkpoints::File(file) => file.write(&mark.offset)?,
        }
        wiring.chain.advance(Stage::Checkpointed, seq)?;
        let durable = Durable { seq, confirm };
        self.checkpoint = Some(durable);
        self.last.written(confirm);
        wiring.durable.send_replace(durable);
        wiring.metrics.checkpointed();
        Ok(())
    }

    /// Waits for every delivery and writes the last checkpoint.
    async fn finish(mut self, wiring: &Wiring) -> Result<()> {
        let producer = Arc::clone(&self.producer);
        producer.deliveries().settled(self.last_seq).await?;
        self.write_checkpoint(wiring).await
    }
}

async fn until(due: Option<Instant>) {
    if let Some(due) = due {
        tokio::time::sleep_until(due).await;
    }
}

/// The next batch, once a distance from the last hand-over was kept.
async fn next(distance: &mut Distance, wiring: &mut Wiring) -> Option<Batch> {
    distance.kept().await;
    wiring.input.recv().await
}

impl<T: Transactional> Publisher for AtLeastOnce<T> {
    fn run(
        self: Box<Self>,
        wiring: Wiring,
    ) -> std::pin::Pin<Box<dyn Future<Output = Result<()>> + Send>> {
        Box::pin(self.run_on(wiring))
    }
}
