//! Snapshots: all rows of the captured tables as of one moment.
//!
//! A [`keeper`] transaction holds that moment. The [`plan`] cuts tables into pieces, one or more
//! [`piece_reader`]s read them by COPY on the keeper's snapshot, and the [`collector`] puts the
//! pieces together, sets the marks on first and last rows and says what is durable ([`state`]).
//!
//! With `snapshot.max.threads=1` rows come in Debezium's order: tables by name, rows as they lie in
//! the table.
//!
//! # After an interruption
//! - A stream is lost, the keeper lives: the piece is read again on the same snapshot, and what was
//!   handed on of it is skipped. No row comes twice.
//! - The keeper is lost, or the process died: a new snapshot is taken, and only what is not durable is
//!   read of it: pieces that are missing, blocks that were appended, and of the blocks that are done
//!   the rows that have changed since (one may have moved there from a block that is not done). The
//!   slot still holds every change since the first snapshot, and all of them are streamed after the
//!   rows, so the last record of each key is what the table holds. Rows read the second time carry
//!   the first snapshot's LSN: changes that come after them have a greater one.

pub(crate) mod collector;
pub(crate) mod copy_text;
mod gate;
pub(crate) mod keeper;
pub(crate) mod metrics;
pub(crate) mod notes;
mod piece_reader;
mod plan;
mod progress;
mod rows;
pub(crate) mod state;

use std::sync::{Arc, Mutex};

use tokio::sync::mpsc;
use tokio::task::{JoinError, JoinSet};
use walcast_wire::config::EncoderConfig;
use walcast_wire::encoder::Encoder;

use crate::batch::{Batch, Mark};
use crate::clock::SharedClock;
use crate::config::{DatabaseConfig, SnapshotConfig};
use crate::error::{EngineError, Result};
use crate::notify::Notifier;
use crate::postgres::catalog::CapturedTable;
use crate::postgres::connect::Session;
use crate::progress::Chain;
use crate::stream::facts::Facts;
use crate::stream::relations::Relations;
use collector::{Checkpoints, Collector};
use gate::Gate;
use keeper::Keeper;
use metrics::SnapshotMetrics;
use notes::Notes;
use piece_reader::{PieceReader, Shared};
use progress::Progress;
use rows::RowEncoder;

pub(crate) use rows::Point;

/// Events of each stream that may wait for the collector: with the size of a batch, the bound of
/// what a snapshot holds in memory before the publisher.
const EVENTS_PER_STREAM: usize = 4;

/// A snapshot that is to be taken.
pub(crate) struct Snapshot<'a> {
    pub(crate) config: &'a SnapshotConfig,
    pub(crate) database: Arc<DatabaseConfig>,
    pub(crate) encoder: EncoderConfig,
    pub(crate) keeper: &'a Keeper,
    pub(crate) point: Point,
    pub(crate) relations: &'a mut Relations,
    pub(crate) output: &'a mpsc::Sender<Batch>,
    pub(crate) chain: Arc<Chain>,
    pub(crate) metrics: Arc<SnapshotMetrics>,
    pub(crate) clock: SharedClock,
    pub(crate) notifier: Notifier,
    /// Whether a bar is shown on standard error.
    pub(crate) bar: bool,
    /// The number of the last batch that was handed on.
    pub(crate) seq: u64,
}

impl Snapshot<'_> {
    /// Reads `tables`; with `checkpoints`, leaves out what they say is done and keeps them up. The
    /// last batch carries `done`. Returns its number.
    pub(crate) async fn run(
        self,
        tables: &[CapturedTable],
        mut checkpoints: Option<Checkpoints>,
        done: Mark,
    ) -> Result<u64> {
        if let Some(timeout) = self.config.lock_timeout {
            self.keeper.lock(tables, timeout).await?;
        }
        let before = checkpoints.as_ref().map_or(0, |c| c.state.rows);
        let state = checkpoints.as_mut().map(|c| &mut c.state);
        let plan = plan::plan(self.keeper.session(), tables, self.config, state).await?;
        let streams = self.config.threads.min(plan.pieces.len());
        tracing::info!(tables = plan.tables.len(), pieces = plan.pieces.len(), streams, lsn = %self.point.lsn, "snapshot begins");
        let metrics = Arc::clone(&self.metrics);
        let progress = Progress::new(&plan, before, metrics, self.bar);
        let shared = Arc::new(Shared {
            database: Arc::clone(&self.database),
            exported: self.keeper.exported(),
            gate: Gate::new(plan.tables.len()),
            metrics: Arc::clone(&self.metrics),
            tables: plan.tables,
            pieces: Mutex::new(plan.pieces),
        });
        let rows = || RowEncoder::new(self.point, Arc::clone(&self.clock));
        let (sender, mut events) = mpsc::channel(EVENTS_PER_STREAM * streams.max(1));
        let mut readers = JoinSet::new();
        for _ in 0..streams {
            let encoder = Encoder::new(self.encoder.clone());
            let relations = Relations::new(Facts::of(Arc::clone(&self.database)), encoder);
            let shared = Arc::clone(&shared);
            readers.spawn(PieceReader::new(shared, relations, rows(), sender.clone()).run());
        }
        drop(sender);
        let mut collector = Collector::new(
            shared,
            (self.relations, rows()),
            (self.output, self.chain),
            (progress, checkpoints, Notes::new(self.notifier)),
            self.seq,
        );
        collector.begin(tables).await?;
        // The sessions keep the tables from being dropped before their last rows are encoded.
        let _sessions = match drive(&mut readers, collector.run(&mut events)).await {
            Ok(sessions) => sessions,
            Err(error) => {
                collector.abort().await?;
                return Err(error);
            }
        };
        collector.finish(done).await
    }
}

/// Runs the streams and the collector to their ends. When a stream fails, the others end, and what
/// they had handed over is handed on before the error is returned.
async fn drive(
    readers: &mut JoinSet<Result<Option<Session>>>,
    collect: impl Future<Output = Result<()>>,
) -> Result<Vec<Option<Session>>> {
    let mut sessions = Vec::new();
    let mut failure = None;
    let mut collect = std::pin::pin!(collect);
    loop {
        tokio::select! {
            collected = &mut collect => {
                collected?;
                break;
            }
            Some(ended) = readers.join_next() => note(ended, &mut sessions, &mut failure, readers),
        }
    }
    while let Some(ended) = readers.join_next().await {
        note(ended, &mut sessions, &mut failure, readers);
    }
    match failure {
        Some(error) => Err(error),
        None => Ok(sessions),
    }
}

fn note(
    ended: Result<Result<Option<Session>>, JoinError>,
    sessions: &mut Vec<Option<Session>>,
    failure: &mut Option<EngineError>,
    readers: &mut JoinSet<Result<Option<Session>>>,
) {
    let error = match ended {
        Ok(Ok(session)) => {
            sessions.push(session);
            return;
        }
        Ok(Err(error)) => error,
        Err(cut) if cut.is_cancelled() => return,
        Err(panic) => {
            EngineError::transient("a stream of the snapshot ended unexpectedly").because(panic)
        }
    };
    failure.get_or_insert(error);
    readers.abort_all();
}
