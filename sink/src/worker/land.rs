//! One batch through its steps, each tried until it works, is refused, or the partition is gone.

use std::time::Instant;

use super::{Halt, Worker};
use crate::backoff::Backoff;
use crate::batch::{Batch, DeadLetter};
use crate::clock::unix_micros;
use crate::dead_letter;
use crate::error_code::{Class, classify};
use crate::hook::Step;
use crate::offsets::CommitError;
use crate::range::Range;
use crate::rows::Rows;
use crate::status::State;

impl Worker {
    /// Lands `batch`; what it could not settle itself is left in `unsettled`.
    pub(super) async fn land(&mut self, batch: Batch) -> Result<(), Halt> {
        let Some(range) = batch.range() else {
            return Ok(());
        };
        if !batch.rows.is_empty() {
            self.commit(range.first, Some(range)).await?;
            self.unsettled = None;
            self.reached(Step::PendingCommitted)?;
        }
        self.send_dead_letters(&batch.dead_letters).await?;
        self.reached(Step::DeadLettersAcked)?;
        if !batch.rows.is_empty() {
            self.insert(range, &batch.rows, batch.bytes()).await?;
            self.reached(Step::Inserted)?;
        }
        self.count(&batch, range);
        self.unsettled = Some(range.last + 1);
        Ok(())
    }

    /// Commits the position that is done, if it is not committed yet.
    pub(super) async fn settle(&mut self) -> Result<(), Halt> {
        if let Some(position) = self.unsettled {
            self.commit(position, None).await?;
            self.unsettled = None;
            self.reached(Step::Settled)?;
        }
        Ok(())
    }

    /// Waits before the next try; ends the worker when it is to let go.
    pub(super) async fn pause(&self, backoff: &mut Backoff) -> Result<(), Halt> {
        tokio::select! {
            biased;
            () = self.release.cancelled() => Err(Halt::Released),
            () = tokio::time::sleep(backoff.next()) => Ok(()),
        }
    }

    async fn commit(&self, position: i64, pending: Option<Range>) -> Result<(), Halt> {
        let mut backoff = Backoff::new();
        loop {
            match self.offsets.commit(position, pending).await {
                Ok(()) => return Ok(()),
                Err(CommitError::Fenced) => return Err(Halt::Fenced),
                Err(CommitError::Refused(error)) => {
                    return Err(Halt::Stopped(format!(
                        "Kafka refuses to commit offset {position}: {error}. Grant the group READ \
                         on the group and on the topic"
                    )));
                }
                Err(CommitError::Retryable(error)) => {
                    self.retrying("commit".into(), format!("offset commit: {error}"));
                    self.pause(&mut backoff).await?;
                }
            }
        }
    }

    async fn send_dead_letters(&self, letters: &[DeadLetter]) -> Result<(), Halt> {
        if letters.is_empty() {
            return Ok(());
        }
        let mut backoff = Backoff::new();
        loop {
            let Err(error) = self.shared.dead_letters.send(letters).await else {
                break;
            };
            let topic = self.shared.dead_letters.topic();
            if dead_letter::is_refused(&error) {
                return Err(Halt::Stopped(format!(
                    "the dead-letter topic {topic} refuses a record: {error}. Raise its \
                     max.message.bytes or grant WRITE on it, then start again"
                )));
            }
            self.retrying(
                "dead-letter".into(),
                format!("dead letters to {topic}: {error}"),
            );
            if let Err(error) = dead_letter::ensure_topic(&self.shared.kafka).await {
                tracing::warn!(%topic, "the dead-letter topic cannot be made: {error}");
            }
            self.pause(&mut backoff).await?;
        }
        for DeadLetter { record, poison } in letters {
            use rdkafka::Message;
            tracing::warn!(
                topic = %self.origin.topic,
                partition = self.origin.partition,
                offset = record.offset(),
                "record sent to {}: {}",
                self.shared.dead_letters.topic(),
                poison.reason
            );
            self.metrics.dead_letter(poison.kind);
        }
        Ok(())
    }

    /// Inserts until ClickHouse has taken the rows; every try has the same rows and token.
    async fn insert(&self, range: Range, rows: &Rows, bytes: usize) -> Result<(), Halt> {
        let token = range.token(&self.origin.topic, self.origin.partition);
        let mut backoff = Backoff::new();
        let mut tries = 0_u32;
        loop {
            if self.offsets.is_lost() {
                return Err(Halt::Fenced);
            }
            let began = Instant::now();
            let Err(error) = self.shared.landing.insert(&token, rows).await else {
                self.metrics
                    .landed(rows.len(), bytes, began.elapsed().as_secs_f64());
                if tries > 0 {
                    tracing::info!(%token, tries, "landed after all");
                    self.set_state(State::Streaming, None);
                }
                return Ok(());
            };
            let cause = match classify(&error) {
                Class::Unreachable => "unreachable".to_owned(),
                Class::Busy(code) => code.to_string(),
                Class::Refused(_) => return Err(Halt::Stopped(refused(&token, &error))),
            };
            tries += 1;
            self.retrying(cause, format!("insert of {token}: {error}"));
            self.pause(&mut backoff).await?;
        }
    }

    fn retrying(&self, cause: String, detail: String) {
        let (topic, partition) = (&self.origin.topic, self.origin.partition);
        tracing::warn!(%topic, partition, "trying again: {detail}");
        self.metrics.retried(cause);
        self.set_state(State::Retrying, Some(detail));
    }

    fn count(&self, batch: &Batch, range: Range) {
        let now = unix_micros();
        for committed in batch.rows.committed() {
            self.metrics.queryable(*committed, now);
        }
        for (kind, records) in &batch.ignored {
            self.metrics.ignored(kind.name(), *records);
        }
        self.shared.status.update(&self.origin, |status| {
            status.advance(range.last + 1);
            status.rows += batch.rows.len() as u64;
            status.dead_letters += batch.dead_letters.len() as u64;
            if status.state == State::Retrying {
                status.set(State::Streaming, None);
            }
        });
    }
}

fn refused(token: &str, error: &clickhouse::error::Error) -> String {
    format!(
        "ClickHouse refuses the batch {token}: {error}. Its rows fit the landing table, so the \
         cause is a view, a changed table or a missing right: mend it and start the sink again, \
         which sends the same batch"
    )
}
