//! Catch-up: a large backlog is read by SQL in batches, which is faster than a walsender, who pays
//! for a send with each row.
//!
//! A temporary copy of the slot is read with `pg_logical_slot_get_binary_changes`; the slot itself
//! follows what is durable. The messages are those that the stream would bring, in the same order.
//! When little is left, streaming goes on at the exact position that the copy has reached: all
//! transactions that were committed before it have been given, and none behind it.

mod chunk;
mod copy_binary;
mod fallback;
mod feeder;
mod look;
mod metrics;
mod room;
mod sizing;
mod slot_copy;

use std::sync::Arc;
use std::sync::atomic::AtomicU64;

use tokio::sync::{mpsc, watch};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;
use walcast_wire::lsn::Lsn;

use crate::clock::SharedClock;
use crate::config::ConnectorConfig;
use crate::error::{EngineError, Result};
use crate::guard::activity::Activity;
use crate::postgres::connect::Session;
use crate::postgres::replication::{self, ChangeStream};
use crate::postgres::slot;
pub(crate) use chunk::{Chunk, Fed};
pub(crate) use fallback::Why;
use feeder::Feeder;
use slot_copy::Original;

/// Whose backlog is read, and how.
pub(crate) struct Start<'a> {
    pub(crate) config: &'a ConnectorConfig,
    /// How the connector's sessions call themselves.
    pub(crate) reader: &'a str,
    /// Holds the slot's lock.
    pub(crate) control: &'a Arc<Session>,
    /// All before is done, when that is known.
    pub(crate) floor: Option<Lsn>,
    pub(crate) activity: Activity,
    pub(crate) clock: &'a SharedClock,
}

/// A backlog that is being read.
pub(crate) struct Backlog {
    config: ConnectorConfig,
    reader: String,
    clock: SharedClock,
    position: Lsn,
    input: mpsc::Receiver<Fed>,
    /// A chunk that was not taken to its end.
    held: Option<Chunk>,
    confirmed: watch::Sender<Lsn>,
    stop: CancellationToken,
    feeder: JoinSet<Result<()>>,
}

impl Start<'_> {
    /// Begins to read the backlog, if it is large enough and may be read by SQL.
    ///
    /// # Errors
    /// When the server cannot be reached.
    pub(crate) async fn begin(self) -> Result<Option<Backlog>> {
        let (config, catchup) = (self.config, self.config.catchup);
        slot_copy::end_leftovers(self.control, &config.slot.name).await?;
        if !catchup.enabled {
            return Ok(None);
        }
        let state = slot::state(self.control, &config.slot.name).await?;
        let confirmed = state.as_ref().and_then(|state| state.confirmed_flush);
        let (Some(state), Some(confirmed)) = (state, confirmed) else {
            return Ok(None);
        };
        let done = self.floor.map_or(0, Lsn::as_u64);
        let done = done.saturating_sub(confirmed.as_u64());
        if state.unconfirmed_bytes.saturating_sub(done) <= catchup.min_bytes {
            return Ok(None);
        }
        let original = Original {
            database: &config.database,
            control: self.control,
            slot: &config.slot.name,
            reader: self.reader,
            floor: self.floor,
        };
        let copy = match original.copy().await? {
            Ok(copy) => copy,
            Err(why) => {
                why.tell(&config.name);
                return Ok(None);
            }
        };
        let (output, input) = mpsc::channel(feeder::QUEUE);
        let (confirm, confirmations) = watch::channel(confirmed);
        let feeder = Feeder {
            config: catchup,
            slot: config.slot.name.clone(),
            publication: config.publication.name.clone(),
            control: Arc::clone(self.control),
            copy,
            advanced: confirmed,
            confirmed: confirmations,
            output,
            room: room::Room::new(),
            taken: AtomicU64::new(0),
            activity: self.activity,
            metrics: metrics::Metrics::new(&config.name),
        };
        let stop = CancellationToken::new();
        let mut running = JoinSet::new();
        running.spawn(feeder.run(stop.clone()));
        Ok(Some(Backlog {
            config: config.clone(),
            reader: self.reader.to_owned(),
            clock: self.clock.clone(),
            position: self.floor.map_or(confirmed, |floor| floor.max(confirmed)),
            input,
            held: None,
            confirmed: confirm,
            stop,
            feeder: running,
        }))
    }
}

impl Backlog {
    /// What comes next. Nothing is lost when the future is dropped.
    pub(crate) async fn next(&mut self) -> Result<Fed> {
        if let Some(chunk) = self.held.take() {
            return Ok(Fed::Rows(chunk));
        }
        let Some(fed) = self.input.recv().await else {
            self.ended().await?;
            return Err(EngineError::transient("the backlog's reader has ended"));
        };
        if let Fed::Reached { position, .. } = fed {
            self.position = position;
        }
        Ok(fed)
    }

    /// Gives back what is left of a chunk; it comes next.
    pub(crate) fn give_back(&mut self, chunk: Chunk) {
        self.held = Some(chunk);
    }

    /// Tells the slot, in its time, that all before `lsn` is durable elsewhere.
    pub(crate) fn confirm(&self, lsn: Lsn) {
        self.confirmed.send_if_modified(|confirmed| {
            let further = lsn > *confirmed;
            *confirmed = lsn.max(*confirmed);
            further
        });
    }

    /// Ends reading; the slot is free, and stands at what was confirmed, when this returns.
    pub(crate) async fn stop(mut self) -> Result<()> {
        self.end().await
    }

    /// Goes on as a stream from the position reached, up to which not all need be durable yet.
    pub(crate) async fn stream(&mut self) -> Result<ChangeStream> {
        self.end().await?;
        let session = replication::open(&self.config, &self.reader, Some(self.position)).await?;
        let session = session.durable_to(*self.confirmed.borrow());
        session.start(&self.config.slot.name, &self.clock).await
    }

    async fn end(&mut self) -> Result<()> {
        self.stop.cancel();
        self.input.close();
        self.ended().await
    }

    async fn ended(&mut self) -> Result<()> {
        match self.feeder.join_next().await {
            Some(Ok(ended)) => ended,
            Some(Err(panic)) => {
                let text = "the backlog's reader ended unexpectedly";
                Err(EngineError::transient(text).because(panic))
            }
            None => Ok(()),
        }
    }
}
