//! One stream of a snapshot: takes pieces from the plan, reads each by COPY, encodes its rows.
//!
//! The last row of a piece is handed on as it was read: whether it is the last of its table, or of
//! the snapshot, only the collector knows.

use std::collections::{HashMap, VecDeque};
use std::pin::pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use futures_util::StreamExt;
use tokio::sync::mpsc;
use walcast_wire::catalog::Table;
use walcast_wire::context::SnapshotMarker;

use super::gate::Gate;
use super::keeper;
use super::metrics::SnapshotMetrics;
use super::plan::{Piece, PlannedTable, Read};
use super::rows::{self, RowEncoder};
use crate::batch::Batch;
use crate::config::DatabaseConfig;
use crate::error::{EngineError, Kind, Result};
use crate::postgres::connect::Session;
use crate::postgres::fault;
use crate::postgres::quote::{ident, qualified};
use crate::stream::relations::Relations;

/// How often one piece is begun again after a lost connection.
const TRIES: u32 = 5;

/// The pause before the first of them; it doubles.
const PAUSE: Duration = Duration::from_millis(250);

/// A row whose marker is not known yet.
#[derive(Debug)]
pub(crate) struct Held {
    pub(crate) line: Bytes,
    /// Whether it is the first of its table.
    pub(crate) first: bool,
}

/// What a stream tells the collector.
#[derive(Debug)]
pub(crate) enum Event {
    /// Rows of a table, encoded.
    Rows { table: usize, batch: Box<Batch> },
    /// A piece is read; with its last row, when it has rows.
    Read { piece: Piece, last: Option<Held> },
    /// The database would not read a table.
    Refused { table: usize },
}

/// What all streams of a snapshot share.
pub(crate) struct Shared {
    pub(crate) database: Arc<DatabaseConfig>,
    pub(crate) exported: Arc<str>,
    pub(crate) tables: Vec<PlannedTable>,
    pub(crate) pieces: Mutex<VecDeque<Piece>>,
    pub(crate) gate: Gate,
    pub(crate) metrics: Arc<SnapshotMetrics>,
}

impl Shared {
    fn next_piece(&self) -> Option<Piece> {
        let mut pieces = self.pieces.lock().unwrap_or_else(PoisonError::into_inner);
        pieces.pop_front()
    }
}

/// A stream.
pub(crate) struct PieceReader {
    shared: Arc<Shared>,
    relations: Relations,
    rows: RowEncoder,
    events: mpsc::Sender<Event>,
    session: Option<Session>,
    /// Definitions of the tables met so far; `None` for one that was dropped.
    known: HashMap<usize, Option<Table>>,
    batch: Batch,
}

/// Where a piece stands.
struct Position {
    table: usize,
    oid: u32,
    /// Rows of the piece that were seen.
    seen: u64,
    last: Option<Held>,
    /// Whether the batch holds the table's first row.
    first_in_batch: bool,
}

impl PieceReader {
    pub(crate) fn new(
        shared: Arc<Shared>,
        relations: Relations,
        rows: RowEncoder,
        events: mpsc::Sender<Event>,
    ) -> Self {
        Self {
            shared,
            relations,
            rows,
            events,
            session: None,
            known: HashMap::new(),
            batch: Batch::default(),
        }
    }

    /// Reads pieces until there are none left. Returns the session, which still locks the tables.
    pub(crate) async fn run(mut self) -> Result<Option<Session>> {
        while let Some(piece) = self.shared.next_piece() {
            self.piece(piece).await?;
        }
        Ok(self.session)
    }

    async fn piece(&mut self, piece: Piece) -> Result<()> {
        let planned = self.shared.tables.get(piece.table).cloned();
        let Some(planned) = planned else {
            return Ok(());
        };
        let mut position = Position {
            table: piece.table,
            oid: planned.table.oid,
            seen: 0,
            last: None,
            first_in_batch: false,
        };
        if let Some(definition) = self.definition(piece.table, planned.table.oid).await? {
            let mut tries = 0;
            while let Err(error) = self
                .read(&piece, &planned, &definition, &mut position)
                .await
            {
                // What came before the fault is published, as Debezium does.
                self.hand_on(&mut position).await?;
                tries += 1;
                let again = error.kind() == Kind::Transient && repeatable(&piece.read);
                if !again || tries >= TRIES {
                    if is_of_database(&error) {
                        self.tell(Event::Refused { table: piece.table }).await?;
                    }
                    return Err(named(&planned, error));
                }
                tracing::warn!(
                    error = error.trace(),
                    rows = position.seen,
                    "a stream of the snapshot was lost; it is opened again on the same snapshot"
                );
                self.shared.metrics.reopened();
                self.session = None;
                tokio::time::sleep(PAUSE * 2u32.pow(tries - 1)).await;
            }
        }
        self.hand_on(&mut position).await?;
        let last = position.last.take();
        self.tell(Event::Read { piece, last }).await
    }

    async fn definition(&mut self, table: usize, oid: u32) -> Result<Option<Table>> {
        if let Some(known) = self.known.get(&table) {
            return Ok(known.clone());
        }
        let learned = self.relations.learn_table(oid).await?;
        self.known.insert(table, learned.clone());
        Ok(learned)
    }

    async fn read(
        &mut self,
        piece: &Piece,
        planned: &PlannedTable,
        definition: &Table,
        position: &mut Position,
    ) -> Result<()> {
        if self.session.as_ref().is_none_or(Session::is_gone) {
            let shared = &self.shared;
            self.session = Some(keeper::join(&shared.database, &shared.exported).await?);
        }
        let Some(session) = &self.session else {
            return Ok(());
        };
        let name = qualified(&planned.table.schema, &planned.table.name);
        let failed = |e| fault::sql(&format!("reading table {name}"), e);
        let sql = match &piece.read {
            Read::Select(select) => selected(session, select, definition, planned).await?,
            read => by_name(read, definition, &name),
        };
        let copy = session.copy_out(&sql).await.map_err(failed)?;
        let mut copy = pin!(copy);
        let mut skip = position.seen;
        while let Some(message) = copy.next().await {
            let line = message.map_err(failed)?;
            if skip > 0 {
                skip -= 1;
                continue;
            }
            position.seen += 1;
            let first = position.last.is_none() && position.seen == 1;
            let next = Held {
                line: rows::line(line),
                first: first && self.shared.gate.take_first(position.table),
            };
            if let Some(held) = position.last.replace(next) {
                self.encode(&held, position).await?;
            }
        }
        Ok(())
    }

    async fn encode(&mut self, held: &Held, position: &mut Position) -> Result<()> {
        let marker = match (held.first, position.table) {
            (true, 0) => SnapshotMarker::First,
            (true, _) => SnapshotMarker::FirstInDataCollection,
            (false, _) => SnapshotMarker::True,
        };
        position.first_in_batch |= held.first;
        let encoder = self.relations.encoder();
        self.rows
            .encode(encoder, position.oid, &held.line, marker, &mut self.batch)?;
        if self.batch.is_full() {
            self.hand_on(position).await?;
        }
        Ok(())
    }

    async fn hand_on(&mut self, position: &mut Position) -> Result<()> {
        if self.batch.is_empty() {
            return Ok(());
        }
        let first = std::mem::take(&mut position.first_in_batch);
        self.shared.gate.pass(position.table, first).await;
        let batch = Box::new(std::mem::take(&mut self.batch));
        let table = position.table;
        self.tell(Event::Rows { table, batch }).await
    }

    async fn tell(&self, event: Event) -> Result<()> {
        let gone = || EngineError::transient("the snapshot was ended");
        self.events.send(event).await.map_err(|_| gone())
    }
}

/// Whether reading the piece again on the same snapshot gives the same rows in the same order.
fn repeatable(read: &Read) -> bool {
    matches!(read, Read::Blocks(..) | Read::Newer(..))
}

/// Whether the error is one that the database answered with, or that cut it off.
fn is_of_database(error: &EngineError) -> bool {
    let cause = std::error::Error::source(error);
    cause.is_some_and(|cause| cause.is::<tokio_postgres::Error>())
}

fn named(planned: &PlannedTable, error: EngineError) -> EngineError {
    let text = format!(
        "Snapshotting of table {} failed: {error}",
        planned.table.id()
    );
    match error.kind() {
        Kind::Transient => EngineError::transient(text),
        Kind::Definite => EngineError::definite(text),
        Kind::Fenced => EngineError::fenced(text),
    }
    .because(error)
}

fn columns(definition: &Table) -> String {
    let names: Vec<_> = definition.columns.iter().map(|c| ident(&c.name)).collect();
    names.join(", ")
}

fn by_name(read: &Read, definition: &Table, name: &str) -> String {
    let condition = match read {
        Read::Blocks(0, None) | Read::Whole | Read::Select(_) => String::new(),
        Read::Blocks(from, None) => format!(" WHERE ctid >= '({from},0)'::tid"),
        Read::Blocks(from, Some(to)) => between(*from, *to),
        Read::Newer(blocks, horizon) => format!(
            "{} AND pg_catalog.age(xmin) <= pg_catalog.age('{horizon}'::xid)",
            between(blocks.start, blocks.end)
        ),
    };
    format!(
        "COPY (SELECT {} FROM {name}{condition}) TO STDOUT",
        columns(definition)
    )
}

fn between(from: u32, to: u32) -> String {
    format!(" WHERE ctid >= '({from},0)'::tid AND ctid < '({to},0)'::tid")
}

/// A user's SELECT in the table's column order. A column that it leaves out is null; one that the
/// table does not have is refused, both as Debezium does.
async fn selected(
    session: &Session,
    select: &str,
    definition: &Table,
    planned: &PlannedTable,
) -> Result<String> {
    let failed = |e| {
        fault::sql(
            "preparing the statement of snapshot.select.statement.overrides",
            e,
        )
    };
    let statement = session.prepare(select).await.map_err(failed)?;
    let given: Vec<&str> = statement.columns().iter().map(|c| c.name()).collect();
    let has = |name: &str| definition.columns.iter().any(|c| c.name == name);
    if let Some(unknown) = given.iter().find(|name| !has(name)) {
        return Err(EngineError::definite(format!(
            "Column '{unknown}' not found in result set '{}' for table '{}': the statement of snapshot.select.statement.overrides may only give the table's own columns",
            given.join(", "),
            planned.table.id()
        )));
    }
    let columns = definition.columns.iter().map(|c| {
        let there = given.contains(&c.name.as_str());
        if there {
            ident(&c.name)
        } else {
            "NULL".to_owned()
        }
    });
    let columns: Vec<_> = columns.collect();
    Ok(format!(
        "COPY (SELECT {} FROM ({select}) walcast) TO STDOUT",
        columns.join(", ")
    ))
}

#[cfg(test)]
mod tests {
    use walcast_wire::catalog::Column;

    use super::*;

    #[test]
    fn pieces_are_read_by_block_ranges() {
        let definition = Table {
            columns: vec![Column {
                name: "a".into(),
                ..Column::default()
            }],
            ..Table::default()
        };
        let sql = |read: Read| by_name(&read, &definition, "t");
        assert_eq!(
            sql(Read::Blocks(0, None)),
            "COPY (SELECT \"a\" FROM t) TO STDOUT"
        );
        assert_eq!(
            sql(Read::Blocks(8, Some(16))),
            "COPY (SELECT \"a\" FROM t WHERE ctid >= '(8,0)'::tid AND ctid < '(16,0)'::tid) TO STDOUT"
        );
        assert_eq!(
            sql(Read::Blocks(16, None)),
            "COPY (SELECT \"a\" FROM t WHERE ctid >= '(16,0)'::tid) TO STDOUT"
        );
        assert_eq!(
            sql(Read::Newer(0..8, 700)),
            "COPY (SELECT \"a\" FROM t WHERE ctid >= '(0,0)'::tid AND ctid < '(8,0)'::tid AND pg_catalog.age(xmin) <= pg_catalog.age('700'::xid)) TO STDOUT"
        );
    }
}
