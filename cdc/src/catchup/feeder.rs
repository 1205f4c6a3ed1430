//! Reads the backlog batch by batch, in a task of its own: while the stream encodes one batch, the
//! server decodes the next.
//!
//! Before each batch it looks whether the slot is still as it left it. Beside a batch it tells the
//! slot what is durable by now, so that the server can let go of WAL.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use futures_util::TryStreamExt;
use tokio::sync::{mpsc, watch};
use tokio::time::MissedTickBehavior;
use tokio_util::sync::CancellationToken;
use walcast_wire::lsn::Lsn;

use super::chunk::Fed;
use super::copy_binary::{CopyBinary, CopyError};
use super::fallback::Why;
use super::look::{self, Look};
use super::metrics::Metrics;
use super::room::{CHUNK_BYTES, Room};
use super::sizing::{Limits, Standing};
use super::slot_copy::{self, SlotCopy};
use crate::config::CatchupConfig;
use crate::error::{EngineError, Result};
use crate::guard::activity::Activity;
use crate::postgres::connect::Session;
use crate::postgres::{fault, quote};

/// Entries that may wait for the stream; its chunks' bytes are what bounds it.
pub(super) const QUEUE: usize = 1024;

/// How often a batch that brings nothing is looked after.
const PULSE: Duration = Duration::from_millis(500);

/// How long the server may take to let go of the copy and to advance the slot.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(20);

/// Whether the backend works; one that waits to send while we wait to read is cut off.
const WORKS: &str = "select coalesce(state = 'active' and wait_event_type is distinct from 'Client', false) \
    from pg_catalog.pg_stat_activity where pid = $1";

/// Reads one backlog.
pub(super) struct Feeder {
    pub(super) config: CatchupConfig,
    pub(super) slot: String,
    pub(super) publication: String,
    /// Holds the slot's lock; looks and advances.
    pub(super) control: Arc<Session>,
    pub(super) copy: SlotCopy,
    /// Up to where we have advanced the slot.
    pub(super) advanced: Lsn,
    /// What is durable.
    pub(super) confirmed: watch::Receiver<Lsn>,
    pub(super) output: mpsc::Sender<Fed>,
    pub(super) room: Arc<Room>,
    /// Bytes of the batch at hand.
    pub(super) taken: AtomicU64,
    pub(super) activity: Activity,
    pub(super) metrics: Metrics,
}

impl Feeder {
    /// Reads until streaming is to go on, or `stop`; then leaves the slot where what is durable ends.
    pub(super) async fn run(mut self, stop: CancellationToken) -> Result<()> {
        tokio::select! {
            biased;
            () = stop.cancelled() => {}
            ended = self.feed() => ended?,
        }
        tokio::time::timeout(CLOSE_TIMEOUT, self.close())
            .await
            .unwrap_or_else(|_| {
                Err(EngineError::transient(
                    "the server does not answer; the slot was not told the last of what is durable",
                ))
            })
    }

    async fn feed(&mut self) -> Result<()> {
        let first = self.look().await?;
        let (mut standing, mut temporary) = (first.standing, first.temporary);
        self.metrics.begun(&standing);
        let mut done: u32 = 0;
        let why = loop {
            self.metrics.stands(&standing);
            let limits = match standing.next(&self.config, done) {
                Ok(limits) => limits,
                Err(why) => break why,
            };
            self.batch(limits, &standing).await?;
            done = done.saturating_add(1);
            let look = self.look().await?;
            self.metrics
                .temporary(look.temporary.saturating_sub(temporary));
            temporary = look.temporary;
            let before = std::mem::replace(&mut standing, look.standing);
            let Standing { position, end, .. } = standing;
            self.send(Fed::Reached { position, end }).await?;
            if position <= before.position {
                break Why::StoodStill;
            }
        };
        self.metrics.ended(&standing, &why);
        if why != Why::CaughtUp {
            why.tell(self.metrics.connector());
        }
        self.send(Fed::End).await
    }

    /// Ends the copy's session, whatever it does, and tells the slot what is durable.
    async fn close(&mut self) -> Result<()> {
        let ended = "select pg_catalog.pg_terminate_backend($1)";
        self.control
            .execute(ended, &[&self.copy.pid])
            .await
            .map_err(|e| fault::sql("ending the session that read the backlog", e))?;
        let confirmed = *self.confirmed.borrow();
        if confirmed > self.advanced {
            self.advance(confirmed).await?;
        }
        Ok(())
    }

    async fn look(&self) -> Result<Look> {
        look::at(&self.control, &self.slot, &self.copy, self.advanced).await
    }

    /// Reads a batch; beside it the slot is told what is durable.
    async fn batch(&mut self, limits: Limits, standing: &Standing) -> Result<()> {
        self.taken.store(0, Ordering::Relaxed);
        let (messages, advanced) = tokio::select! {
            done = async { tokio::try_join!(self.read(limits), self.follow()) } => done?,
            error = self.pulse(standing) => return Err(error),
        };
        self.advanced = advanced;
        self.metrics.batch(messages);
        Ok(())
    }

    async fn read(&self, limits: Limits) -> Result<u64> {
        let failed = |e| fault::sql("reading a backlog by SQL", e);
        let garbled = |e: CopyError| {
            EngineError::definite(format!("the server's COPY cannot be read: {e}")).because(e)
        };
        let sql = self.statement(limits);
        let copy = self.copy.session.copy_out(&sql).await.map_err(failed)?;
        let mut copy = std::pin::pin!(copy);
        let (mut parser, mut chunk) = (CopyBinary::default(), self.room.buffer());
        while let Some(piece) = copy.try_next().await.map_err(failed)? {
            self.taken.fetch_add(piece.len() as u64, Ordering::Relaxed);
            parser.push(&piece, &mut chunk).map_err(garbled)?;
            if chunk.len() >= CHUNK_BYTES {
                self.give(std::mem::replace(&mut chunk, self.room.buffer()))
                    .await?;
            }
        }
        if !chunk.is_empty() {
            self.give(chunk).await?;
        }
        parser.finish().map_err(garbled)
    }

    /// COPY takes no parameters.
    fn statement(&self, limits: Limits) -> String {
        format!(
            "COPY (SELECT lsn, data FROM pg_catalog.pg_logical_slot_get_binary_changes({}, '{}', {}, \
             'proto_version', '1', 'publication_names', {}, 'messages', 'true')) TO STDOUT (FORMAT binary)",
            quote::literal(&self.copy.name),
            limits.upto,
            limits.changes,
            quote::literal(&self.publication),
        )
    }

    /// Hands on a chunk once there is room for it.
    async fn give(&self, bytes: Vec<u8>) -> Result<()> {
        let chunk = self.room.admit(bytes).await.ok_or_else(gone)?;
        self.send(Fed::Rows(chunk)).await
    }

    async fn send(&self, fed: Fed) -> Result<()> {
        self.output.send(fed).await.map_err(|_| gone())
    }

    /// Advances the slot when enough has become durable; where it stands.
    async fn follow(&self) -> Result<Lsn> {
        let confirmed = *self.confirmed.borrow();
        let ahead = confirmed.as_u64().saturating_sub(self.advanced.as_u64());
        if ahead < self.config.batch_bytes {
            return Ok(self.advanced);
        }
        self.advance(confirmed).await
    }

    async fn advance(&self, to: Lsn) -> Result<Lsn> {
        match slot_copy::advance(&self.control, &self.slot, to).await {
            Ok(at) => Ok(at),
            Err(error) => {
                // The server refuses too when another reader has come; that is what to tell then.
                look::at_slot(&self.control, &self.slot, self.advanced).await?;
                let doing = format!("advancing slot \"{}\" to {to}", self.slot);
                Err(fault::sql(&doing, error))
            }
        }
    }

    /// Looks after the batch until it is dropped: the watchdog sees a step while its backend works.
    async fn pulse(&self, standing: &Standing) -> EngineError {
        let mut ticks = tokio::time::interval(PULSE);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut seen = 0;
        loop {
            ticks.tick().await;
            self.metrics.tell(standing);
            let taken = self.taken.load(Ordering::Relaxed);
            if std::mem::replace(&mut seen, taken) != taken {
                continue;
            }
            match self.works().await {
                Ok(true) => self.activity.step(),
                Ok(false) => {}
                Err(error) => return error,
            }
        }
    }

    async fn works(&self) -> Result<bool> {
        let row = self
            .control
            .query_opt(WORKS, &[&self.copy.pid])
            .await
            .map_err(|e| fault::sql("looking after the session that reads the backlog", e))?;
        match row {
            Some(row) => Ok(row.get(0)),
            None => Err(EngineError::transient(
                "the session that read the backlog was ended",
            )),
        }
    }
}

fn gone() -> EngineError {
    EngineError::transient("the stream that took the backlog is gone")
}
