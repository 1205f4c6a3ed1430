//! The initial snapshot: all rows of the captured tables as of one exported snapshot.
//!
//! Tables are read by name, one after another, by COPY. A row is held until the next one is known,
//! because the last row of a table and of the snapshot carry marks of their own. Nothing is
//! checkpointed before the end: a snapshot that was interrupted is taken again from the start.

mod copy_text;
pub(crate) mod notes;

use std::pin::pin;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::{Bytes, BytesMut};
use futures_util::StreamExt;
use tokio::sync::mpsc;
use walcast_wire::context::{ChangeContext, SnapshotMarker};
use walcast_wire::lsn::Lsn;

use crate::batch::{Batch, Mark};
use crate::clock::SharedClock;
use crate::error::{EngineError, Result};
use crate::metrics::TaskMetrics;
use crate::notify::Notifier;
use crate::postgres::catalog::CapturedTable;
use crate::postgres::connect::Session;
use crate::postgres::fault;
use crate::postgres::quote::{ident, literal, qualified};
use crate::postgres::replication::CreatedSlot;
use crate::progress::{Chain, Stage};
use crate::stream::relations::Relations;
use copy_text::Row;
use notes::Notes;

/// How often progress is logged.
const REPORT_EVERY: Duration = Duration::from_secs(10);

/// What a snapshot is taken of.
pub(crate) struct Point {
    /// The LSN that all its rows carry; streaming goes on from here.
    pub(crate) lsn: Lsn,
    /// The transaction that read it.
    pub(crate) txid: u32,
    /// When it was taken, in microseconds since the Unix epoch.
    pub(crate) taken_us: i64,
}

/// Begins the reading transaction at the snapshot that the making of a slot exported.
pub(crate) async fn begin(
    session: &Session,
    created: &CreatedSlot,
    clock: &SharedClock,
) -> Result<Point> {
    let failed = |e| fault::sql("beginning the snapshot's transaction", e);
    let sql = format!(
        "BEGIN ISOLATION LEVEL REPEATABLE READ; SET TRANSACTION SNAPSHOT {}",
        literal(&created.snapshot)
    );
    session.batch_execute(&sql).await.map_err(failed)?;
    let row = session
        .query_one("select (txid_current() & 4294967295)::text", &[])
        .await
        .map_err(failed)?;
    Ok(Point {
        lsn: created.consistent_point,
        txid: row.get::<_, &str>(0).parse().unwrap_or(0),
        taken_us: clock.now_ns() / 1000,
    })
}

/// Reads tables and hands batches on.
pub(crate) struct Snapshotter<'a> {
    pub(crate) session: &'a Session,
    pub(crate) relations: &'a mut Relations,
    pub(crate) point: &'a Point,
    pub(crate) output: &'a mpsc::Sender<Batch>,
    pub(crate) chain: Arc<Chain>,
    pub(crate) metrics: Arc<TaskMetrics>,
    pub(crate) clock: SharedClock,
    /// The number of the last batch handed on.
    pub(crate) seq: u64,
    batch: Batch,
    row: Row,
    held: Option<Held>,
    rows: u64,
    reported: Instant,
    notes: Notes,
}

/// A row whose mark is not known yet.
struct Held {
    oid: u32,
    line: Bytes,
    first_of_table: bool,
    table_index: usize,
}

impl<'a> Snapshotter<'a> {
    pub(crate) fn new(
        session: &'a Session,
        relations: &'a mut Relations,
        point: &'a Point,
        output: &'a mpsc::Sender<Batch>,
        (chain, metrics, clock): (Arc<Chain>, Arc<TaskMetrics>, SharedClock),
        notifier: Notifier,
    ) -> Self {
        Self {
            session,
            relations,
            point,
            output,
            chain,
            metrics,
            clock,
            seq: 0,
            batch: Batch::default(),
            row: Row::default(),
            held: None,
            rows: 0,
            reported: Instant::now(),
            notes: Notes::new(notifier),
        }
    }

    /// Reads `tables` in order; the last batch carries `done`. Returns the last batch's number.
    pub(crate) async fn run(mut self, tables: &[CapturedTable], done: Mark) -> Result<u64> {
        tracing::info!(tables = tables.len(), lsn = %self.point.lsn, "snapshot begins");
        let out = (self.relations.encoder(), &mut self.batch);
        self.notes.started(out, tables)?;
        if let Err(error) = self.tables(tables).await {
            let out = (self.relations.encoder(), &mut self.batch);
            self.notes.aborted(out)?;
            // What came before is published, as Debezium does.
            self.hand_on().await?;
            return Err(error);
        }
        let out = (self.relations.encoder(), &mut self.batch);
        self.notes.completed(out)?;
        self.batch.mark = Some(done);
        self.hand_on().await?;
        tracing::info!(rows = self.rows, "snapshot ends");
        Ok(self.seq)
    }

    async fn tables(&mut self, tables: &[CapturedTable]) -> Result<()> {
        for (index, table) in tables.iter().enumerate() {
            let out = (self.relations.encoder(), &mut self.batch);
            self.notes.table_begun(out, table)?;
            let before = self.rows;
            let read = self.table(index, table).await;
            let out = (self.relations.encoder(), &mut self.batch);
            match &read {
                Ok(()) => self.notes.table_done(out, table, self.rows - before)?,
                Err(error) => self.notes.table_failed(out, table, error)?,
            }
            read?;
        }
        if let Some(held) = self.held.take() {
            self.emit(&held, true, true)?;
        }
        Ok(())
    }

    async fn table(&mut self, index: usize, table: &CapturedTable) -> Result<()> {
        let name = qualified(&table.schema, &table.name);
        let Some(definition) = self.relations.learn_table(table.oid).await? else {
            tracing::warn!(
                table = name,
                "the table was dropped before the snapshot reached it"
            );
            return Ok(());
        };
        let columns: Vec<_> = definition.columns.iter().map(|c| ident(&c.name)).collect();
        let width = columns.len();
        let sql = format!("COPY (SELECT {} FROM {name}) TO STDOUT", columns.join(", "));
        let doing = format!("reading table {name}");
        let copy = self
            .session
            .copy_out(&sql)
            .await
            .map_err(|e| fault::sql(&doing, e))?;
        let mut copy = pin!(copy);
        let mut pending = BytesMut::new();
        let mut first = true;
        while let Some(chunk) = copy.next().await {
            let chunk = chunk.map_err(|e| fault::sql(&doing, e))?;
            pending.extend_from_slice(&chunk);
            while let Some(end) = pending.iter().position(|byte| *byte == b'\n') {
                let line = pending.split_to(end + 1).freeze().slice(..end);
                let held = Held {
                    oid: table.oid,
                    line,
                    first_of_table: first,
                    table_index: index,
                };
                first = false;
                self.push(held, width).await?;
            }
        }
        Ok(())
    }

    /// Emits the row held so far, and holds `next`.
    async fn push(&mut self, next: Held, width: usize) -> Result<()> {
        if let Some(held) = self.held.replace(next) {
            let last_of_table = self.held.as_ref().is_none_or(|next| next.oid != held.oid);
            self.emit(&held, last_of_table, false)?;
            if self.batch.is_full() {
                self.hand_on().await?;
            }
        }
        self.rows += 1;
        self.metrics.snapshot_row();
        if self.reported.elapsed() > REPORT_EVERY {
            self.reported = Instant::now();
            tracing::info!(rows = self.rows, columns = width, "snapshot goes on");
        }
        Ok(())
    }

    fn emit(&mut self, held: &Held, last_of_table: bool, last: bool) -> Result<()> {
        self.row.parse(&held.line);
        let now_ns = self.clock.now_ns();
        let context = ChangeContext {
            lsn: self.point.lsn,
            last_commit: None,
            txid: Some(self.point.txid),
            source_ts_us: self.point.taken_us,
            now_ns,
            snapshot: marker(held, last_of_table, last),
            xmin: None,
            origin: None,
            origin_lsn: None,
        };
        let encoder = self.relations.encoder();
        let done = encoder.snapshot_row(held.oid, self.row.data(), &context, &mut self.batch);
        done.map(|_| ()).map_err(|e| {
            let columns = self.row.len();
            EngineError::definite(format!("a row of {columns} columns cannot be encoded: {e}"))
                .because(e)
        })
    }

    async fn hand_on(&mut self) -> Result<()> {
        self.seq += 1;
        self.batch.seq = self.seq;
        self.chain.advance(Stage::Received, self.seq)?;
        let batch = std::mem::take(&mut self.batch);
        let gone = || EngineError::transient("the publisher ended during the snapshot");
        self.output.send(batch).await.map_err(|_| gone())
    }
}

/// The `source.snapshot` of a row, as Debezium's `RelationalSnapshotChangeEventSource` sets it.
fn marker(held: &Held, last_of_table: bool, last: bool) -> SnapshotMarker {
    if last {
        SnapshotMarker::Last
    } else if held.first_of_table && held.table_index == 0 {
        SnapshotMarker::First
    } else if last_of_table {
        SnapshotMarker::LastInDataCollection
    } else if held.first_of_table {
        SnapshotMarker::FirstInDataCollection
    } else {
        SnapshotMarker::True
    }
}
