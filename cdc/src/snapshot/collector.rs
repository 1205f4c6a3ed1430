//! Brings the streams of a snapshot together: markers of last rows, order, and what is durable.

use std::sync::Arc;

use tokio::sync::{mpsc, watch};
use walcast_wire::connect_offset::Offset;
use walcast_wire::context::SnapshotMarker;
use walcast_wire::lsn::Lsn;

use super::notes::{Notes, Out};
use super::piece_reader::{Event, Held, Shared};
use super::plan::Piece;
use super::progress::Progress;
use super::rows::RowEncoder;
use super::state::SnapshotState;
use crate::batch::{Batch, Mark, Urgency};
use crate::error::{EngineError, Result};
use crate::postgres::catalog::CapturedTable;
use crate::progress::{Chain, Stage};
use crate::publish::Durable;
use crate::stream::relations::Relations;

/// Where a table stands.
#[derive(Debug, Default)]
struct Standing {
    /// Pieces that are still to be read.
    left: usize,
    /// Whether something of it has come.
    begun: bool,
    /// The last row seen of a piece, and that piece, which is done when the row is handed on.
    held: Option<(Held, Piece)>,
}

/// What a checkpoint in the middle of the snapshot says.
pub(crate) struct Checkpoints {
    /// The offset of a snapshot that is not complete.
    pub(crate) offset: Offset,
    pub(crate) state: SnapshotState,
    pub(crate) confirm: Lsn,
    /// Whether the state says more than the last mark did.
    pub(crate) moved: bool,
    /// What has become durable, where a row may be out before the checkpoint that comes with it: the
    /// first one is waited for then. `None` exactly once.
    pub(crate) durable: Option<watch::Receiver<Durable>>,
}

/// Takes what the streams read and hands batches on.
pub(crate) struct Collector<'a> {
    shared: Arc<Shared>,
    relations: &'a mut Relations,
    rows: RowEncoder,
    output: &'a mpsc::Sender<Batch>,
    chain: Arc<Chain>,
    progress: Progress,
    /// `None` for a snapshot that does not go on after an interruption.
    checkpoints: Option<Checkpoints>,
    notes: Notes,
    tables: Vec<Standing>,
    /// The last row of a table that is complete, while no row of another has come.
    final_row: Option<(usize, Held, Piece)>,
    /// The number of the last batch handed on.
    seq: u64,
}

impl<'a> Collector<'a> {
    pub(crate) fn new(
        shared: Arc<Shared>,
        (relations, rows): (&'a mut Relations, RowEncoder),
        (output, chain): (&'a mpsc::Sender<Batch>, Arc<Chain>),
        (progress, checkpoints, notes): (Progress, Option<Checkpoints>, Notes),
        seq: u64,
    ) -> Self {
        let standing = |left| Standing {
            left,
            ..Standing::default()
        };
        let tables = shared.tables.iter().map(|t| standing(t.pieces)).collect();
        Self {
            shared,
            relations,
            rows,
            output,
            chain,
            progress,
            checkpoints,
            notes,
            tables,
            final_row: None,
            seq,
        }
    }

    /// Makes it durable that the snapshot has begun, and where, and tells that it does.
    ///
    /// A snapshot of which rows are out already must be gone on with, under its LSN: one that began
    /// anew would neither read a row that was deleted since, nor take its deletion from the slot.
    pub(crate) async fn begin(&mut self, tables: &[CapturedTable]) -> Result<()> {
        let checkpoints = self.checkpoints.as_ref();
        if let Some(durable) = checkpoints.and_then(|c| c.durable.clone()) {
            self.hand_on(Batch::default()).await?;
            self.until_durable(durable).await?;
        }
        self.tell(|notes, out| notes.started(out, tables)).await
    }

    /// Waits until the last batch that was handed on is durable.
    async fn until_durable(&self, mut durable: watch::Receiver<Durable>) -> Result<()> {
        let seen = durable.wait_for(|durable| durable.seq >= self.seq).await;
        seen.map(drop).map_err(|_| publisher_gone())
    }

    /// Tells that the snapshot failed.
    pub(crate) async fn abort(&mut self) -> Result<()> {
        self.tell(|notes, out| notes.aborted(out)).await
    }

    /// Handles what the streams tell until they have ended. Returns the last batch's number.
    pub(crate) async fn run(&mut self, events: &mut mpsc::Receiver<Event>) -> Result<()> {
        while let Some(event) = self.progress.next(events).await {
            match event {
                Event::Rows { table, batch } => {
                    self.comes(table).await?;
                    self.before_rows_of(table).await?;
                    self.progress.rows(table, batch.len() as u64);
                    self.hand_on(*batch).await?;
                    self.shared.gate.open(table);
                }
                Event::Read { piece, last } => {
                    self.comes(piece.table).await?;
                    self.read(piece, last).await?;
                }
                Event::Refused { table } => {
                    self.tell_of(table, |notes, out, table| notes.table_failed(out, table))
                        .await?;
                }
            }
        }
        Ok(())
    }

    /// Hands on the last row of all, and `done`, which says that the snapshot is complete.
    pub(crate) async fn finish(mut self, done: Mark) -> Result<u64> {
        let mut batch = Batch::default();
        if let Some((table, held, _)) = self.final_row.take() {
            self.encode(table, &held, SnapshotMarker::Last, &mut batch)
                .await?;
        }
        self.notes
            .completed((self.relations.encoder(), &mut batch))?;
        batch.mark = Some(done);
        self.send(batch).await?;
        self.progress.end();
        Ok(self.seq)
    }

    /// A piece is read to its end.
    async fn read(&mut self, piece: Piece, last: Option<Held>) -> Result<()> {
        let table = piece.table;
        self.progress.read(piece.covers.len() as u64);
        match last {
            Some(last) => {
                self.before_rows_of(table).await?;
                if let Some(standing) = self.tables.get_mut(table) {
                    standing.held = Some((last, piece));
                }
                self.shared.gate.open(table);
            }
            None => self.done(&piece),
        }
        let Some(standing) = self.tables.get_mut(table) else {
            return Ok(());
        };
        standing.left -= 1;
        if standing.left == 0 {
            let held = standing.held.take();
            self.complete(table, held).await?;
        }
        Ok(())
    }

    /// All pieces of a table are read; `held` is its last row.
    async fn complete(&mut self, table: usize, held: Option<(Held, Piece)>) -> Result<()> {
        self.shared.gate.open(table);
        let held_rows = u64::from(held.is_some());
        let rows = self.progress.complete(table, held_rows);
        self.tell_of(table, |notes, out, table| {
            notes.table_done(out, table, rows)
        })
        .await?;
        match held {
            Some((held, piece)) => {
                self.release_final(table).await?;
                self.final_row = Some((table, held, piece));
            }
            None => self.finished(table),
        }
        Ok(())
    }

    /// Something of `table` comes.
    async fn comes(&mut self, table: usize) -> Result<()> {
        let standing = self.tables.get_mut(table);
        if standing.is_none_or(|s| std::mem::replace(&mut s.begun, true)) {
            return Ok(());
        }
        self.tell_of(table, |notes, out, table| notes.table_begun(out, table))
            .await
    }

    /// Hands on a notification about a table, if there is a topic for it.
    async fn tell_of(
        &mut self,
        table: usize,
        tell: impl FnOnce(&mut Notes, Out<'_>, &CapturedTable) -> Result<()>,
    ) -> Result<()> {
        let shared = Arc::clone(&self.shared);
        match shared.tables.get(table) {
            Some(planned) => {
                self.tell(|notes, out| tell(notes, out, &planned.table))
                    .await
            }
            None => Ok(()),
        }
    }

    /// Hands on a notification, if there is a topic for it.
    async fn tell(&mut self, tell: impl FnOnce(&mut Notes, Out<'_>) -> Result<()>) -> Result<()> {
        let mut batch = Batch::default();
        tell(&mut self.notes, (self.relations.encoder(), &mut batch))?;
        if batch.is_empty() {
            return Ok(());
        }
        self.hand_on(batch).await
    }

    /// Hands on what is held and must come before rows of `table`.
    async fn before_rows_of(&mut self, table: usize) -> Result<()> {
        self.release_final(table).await?;
        let held = self.tables.get_mut(table).and_then(|s| s.held.take());
        if let Some((held, piece)) = held {
            let marker = first_or(&held, table, SnapshotMarker::True);
            self.hand_on_row(table, &held, marker).await?;
            self.done(&piece);
        }
        Ok(())
    }

    /// Rows of `table` come: the last row of a table that is complete was not the last of all.
    async fn release_final(&mut self, table: usize) -> Result<()> {
        if self
            .final_row
            .as_ref()
            .is_none_or(|(other, ..)| *other == table)
        {
            return Ok(());
        }
        if let Some((other, held, piece)) = self.final_row.take() {
            let marker = match (held.first, other) {
                (true, 0) => SnapshotMarker::First,
                _ => SnapshotMarker::LastInDataCollection,
            };
            self.hand_on_row(other, &held, marker).await?;
            self.done(&piece);
            self.finished(other);
        }
        Ok(())
    }

    fn done(&mut self, piece: &Piece) {
        let planned = self.shared.tables.get(piece.table);
        if let (Some(checkpoints), Some(planned)) = (&mut self.checkpoints, planned) {
            checkpoints
                .state
                .read(planned.table.oid, planned.heap, &piece.covers);
            checkpoints.moved = true;
        }
    }

    fn finished(&mut self, table: usize) {
        let planned = self.shared.tables.get(table);
        if let (Some(checkpoints), Some(planned)) = (&mut self.checkpoints, planned) {
            checkpoints.state.finish(planned.table.oid);
            checkpoints.moved = true;
        }
    }

    async fn hand_on_row(
        &mut self,
        table: usize,
        held: &Held,
        marker: SnapshotMarker,
    ) -> Result<()> {
        let mut batch = Batch::default();
        self.encode(table, held, marker, &mut batch).await?;
        self.hand_on(batch).await
    }

    async fn encode(
        &mut self,
        table: usize,
        held: &Held,
        marker: SnapshotMarker,
        batch: &mut Batch,
    ) -> Result<()> {
        let Some(planned) = self.shared.tables.get(table) else {
            return Ok(());
        };
        let oid = planned.table.oid;
        self.relations.need_table(oid).await?;
        self.progress.rows(table, 1);
        let encoder = self.relations.encoder();
        self.rows.encode(encoder, oid, &held.line, marker, batch)
    }

    /// Hands on a batch; it carries what is done by the batches before it.
    async fn hand_on(&mut self, mut batch: Batch) -> Result<()> {
        if let Some(checkpoints) = self.checkpoints.as_mut().filter(|c| c.moved) {
            checkpoints.moved = false;
            checkpoints.state.rows = self.progress.row_count();
            let mut offset = checkpoints.offset.clone();
            checkpoints.state.store(&mut offset);
            batch.mark = Some(Mark {
                offset,
                confirm: checkpoints.confirm,
                urgency: Urgency::Soon,
            });
        }
        self.send(batch).await
    }

    async fn send(&mut self, mut batch: Batch) -> Result<()> {
        self.seq += 1;
        batch.seq = self.seq;
        self.chain.advance(Stage::Received, self.seq)?;
        self.output.send(batch).await.map_err(|_| publisher_gone())
    }
}

fn publisher_gone() -> EngineError {
    EngineError::transient("the publisher ended during the snapshot")
}

/// The marker of a row that is the last of a piece, and maybe the first of its table.
fn first_or(held: &Held, table: usize, other: SnapshotMarker) -> SnapshotMarker {
    match (held.first, table) {
        (true, 0) => SnapshotMarker::First,
        (true, _) => SnapshotMarker::FirstInDataCollection,
        (false, _) => other,
    }
}
