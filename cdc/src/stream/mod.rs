//! Streaming: replication events in, batches out.
//!
//! One loop with a closed list of events, by priority: stop, durable marks to confirm, changes. It
//! takes all that one read of the socket gave before it hands a batch on, so a lone change leaves at
//! once and a backlog leaves in full batches; and what need not be done for each change is done for
//! each read.

mod backlog;
pub(crate) mod blocking;
pub(crate) mod boundaries;
pub(crate) mod facts;
mod frames;
pub(crate) mod heartbeat;
pub(crate) mod position;
pub(crate) mod relations;
pub(crate) mod resume;
pub(crate) mod signals;
pub(crate) mod source;

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{mpsc, watch};
use tokio_util::sync::CancellationToken;
use walcast_wire::connect_offset::Offset;
use walcast_wire::encoder::{EncodeError, Outcome};
use walcast_wire::lsn::Lsn;
use walcast_wire::pgoutput::Message;

use crate::batch::{BATCH_BYTES_MAX, Batch};
use crate::clock::SharedClock;
use crate::error::{EngineError, Result};
use crate::guard::activity::{Activity, Phase};
use crate::metrics::{Changes, TaskMetrics};
use crate::progress::{Chain, Stage};
use crate::publish::Durable;
use heartbeat::Heartbeat;
use position::Cursor;
use relations::Relations;
use signals::Signals;
use source::{Given, Source};

/// Bytes of a batch that is handed on although more changes may follow at the same LSN: rows of one
/// log record whose values, stored out of line, are large.
const GROUP_BYTES_MAX: usize = 8 * BATCH_BYTES_MAX;

/// Reads one source of changes to its end.
pub(crate) struct Reader<'a> {
    pub(crate) source: Source,
    pub(crate) relations: &'a mut Relations,
    pub(crate) cursor: Cursor,
    pub(crate) output: mpsc::Sender<Batch>,
    pub(crate) durable: watch::Receiver<Durable>,
    pub(crate) chain: Arc<Chain>,
    pub(crate) metrics: Arc<TaskMetrics>,
    pub(crate) clock: SharedClock,
    pub(crate) batch: Batch,
    pub(crate) seq: u64,
    /// How long the definition of a table that is new is left to settle.
    pub(crate) settle_for: Duration,
    pub(crate) heartbeat: Option<Heartbeat>,
    /// Whether the current transaction's `BEGIN` waits for the LSN of what comes first in it.
    pub(crate) begin_waits: bool,
    /// Whether the batch holds a record of a change or message.
    pub(crate) streamed: bool,
    pub(crate) signals: Signals,
    /// When what was read last came in, in nanoseconds since the Unix epoch.
    pub(crate) now_ns: i64,
    /// Changes that the metrics have not counted yet.
    pub(crate) changes: Changes,
    /// What the watchdog looks at.
    pub(crate) activity: Activity,
}

/// Why a reader ended without an error.
pub(crate) struct Ended {
    /// What was read, to be told the last confirmed position and stopped.
    pub(crate) source: Source,
}

impl Reader<'_> {
    /// Reads until `stop` or an error. When the publisher has gone, ends quietly: its own error says
    /// why.
    pub(crate) async fn run(mut self, stop: &CancellationToken) -> Result<Ended> {
        self.signals.incremental.begin()?;
        loop {
            let waits = self.signals.incremental.is_full();
            let phase = if waits {
                Phase::Elsewhere
            } else {
                Phase::Reading
            };
            self.activity.enter(phase);
            tokio::select! {
                biased;
                () = stop.cancelled() => break,
                changed = self.durable.changed() => match changed {
                    Ok(()) => self.confirm()?,
                    Err(_) => return Ok(Ended { source: self.source }),
                },
                report = self.signals.incremental.report() => Box::pin(self.report(report)).await?,
                signal = Signals::next(&mut self.signals.waiting) => Box::pin(self.signal(&signal)).await?,
                given = self.source.next(), if !waits => {
                    if let Err(error) = self.take(given?).await {
                        // What came before is published, as Debezium does, and counts as done.
                        self.hand_on().await?;
                        return Err(error);
                    }
                }
                () = heartbeat::due(self.heartbeat.as_ref()) => {}
            }
            self.beat()?;
            if self.is_whole() && !self.hand_on().await? {
                return Ok(Ended {
                    source: self.source,
                });
            }
            if self.blocking_is_due() {
                self.activity.enter(Phase::Elsewhere);
                Box::pin(self.take_blocking(stop)).await?;
            }
        }
        Ok(Ended {
            source: self.source,
        })
    }

    /// Whether the batch can be handed on as it is. Inside of a transaction it is only before a change
    /// with another LSN (see [`Self::change`]), so that Debezium can go on from any checkpoint; one
    /// that is not handed on before a stop is read again.
    fn is_whole(&self) -> bool {
        !self.cursor.is_in_group() || self.batch.bytes() >= GROUP_BYTES_MAX
    }

    /// Whether something is to be done before the next event.
    fn takes_no_more(&self) -> bool {
        (self.batch.is_full() && self.is_whole())
            || self.signals.incremental.is_full()
            || self.blocking_is_due()
    }

    /// Handles what was given and what is ready behind it, until the batch is full or handed on.
    async fn take(&mut self, given: Given) -> Result<()> {
        self.now_ns = self.clock.now_ns();
        self.activity.step();
        let taken = match given {
            Given::Ready => self.take_frames().await,
            Given::Fed(fed) => self.take_fed(fed).await,
        };
        self.metrics.changes(std::mem::take(&mut self.changes));
        taken
    }

    /// Hands the batch to the publisher; `false` when the publisher has gone.
    async fn hand_on(&mut self) -> Result<bool> {
        let mut mark = self.cursor.take_mark();
        if self.batch.is_empty() && mark.is_none() {
            return Ok(true);
        }
        self.seq += 1;
        self.batch.seq = self.seq;
        if let Some(mark) = &mut mark {
            self.describe(&mut mark.offset);
        }
        self.batch.mark = mark;
        self.batch.commit_us = if std::mem::take(&mut self.streamed) {
            self.cursor.commit_us()
        } else {
            0
        };
        self.chain.advance(Stage::Received, self.seq)?;
        self.activity.enter(Phase::HandingOn);
        let next = self.batch.another();
        let batch = std::mem::replace(&mut self.batch, next);
        let sent = self.output.send(batch).await;
        self.activity.step();
        Ok(sent.is_ok())
    }

    /// Says in `offset` what it says beside the position.
    fn describe(&mut self, offset: &mut Offset) {
        boundaries::describe(self.relations.encoder(), offset);
        self.signals.incremental.describe(offset);
    }

    fn confirm(&mut self) -> Result<()> {
        let Durable { seq, confirm } = *self.durable.borrow_and_update();
        self.chain.advance(Stage::Confirmed, seq)?;
        self.source.confirm(confirm);
        self.metrics.confirmed(confirm);
        Ok(())
    }

    /// Lets `poll.interval.ms` pass since the current transaction's commit.
    ///
    /// Scripts make a table, fill it and go on altering it. Debezium, which looks for changes that
    /// often, reads the definition when such a script is over, and so the records show what it left.
    async fn settle(&self) {
        tokio::time::sleep(self.left_to_settle()).await;
    }

    /// What is left of `poll.interval.ms` since the current transaction's commit.
    fn left_to_settle(&self) -> Duration {
        let committed = self.cursor.commit_us();
        let passed_us = self.clock.now_ns() / 1000 - committed;
        let passed = Duration::from_micros(u64::try_from(passed_us).unwrap_or(0));
        self.settle_for.saturating_sub(passed)
    }

    async fn change(
        &mut self,
        lsn: Lsn,
        message: &Message<'_>,
        operation: &'static str,
    ) -> Result<()> {
        if self.relations.leaves_out(message) {
            self.changes.count(false);
            return Ok(());
        }
        let is_done = self.cursor.change(lsn);
        if self.batch.is_full() && self.cursor.begins_group() {
            // With the publisher gone the run ends by itself.
            self.hand_on().await?;
        }
        if is_done {
            return Ok(());
        }
        if let Some(signal) = self.signal_in(message) {
            Box::pin(self.signal(&signal)).await?;
        }
        self.touches(message);
        let mut outcome = self.encode(message);
        if let Err(EncodeError::StaleEnum { oid, .. }) = outcome {
            self.relations.refresh_enum(oid).await?;
            outcome = self.encode(message);
        }
        self.emitted(lsn, operation, outcome)
    }

    /// Notes what became of a change or message of the current transaction.
    fn emitted(
        &mut self,
        lsn: Lsn,
        operation: &'static str,
        outcome: Result<Outcome, EncodeError>,
    ) -> Result<()> {
        let outcome = outcome.map_err(|e| {
            EngineError::definite(format!("a change at {lsn} cannot be encoded: {e}")).because(e)
        })?;
        if outcome.records > 0 {
            self.cursor.emitted(operation);
            self.streamed = true;
        }
        self.changes.count(outcome.records > 0);
        Ok(())
    }

    fn encode(&mut self, message: &Message<'_>) -> Result<Outcome, EncodeError> {
        let context = self.cursor.context(self.now_ns);
        self.relations
            .encoder()
            .change(message, &context, &mut self.batch)
    }
}
