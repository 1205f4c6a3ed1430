//! Which pieces a snapshot reads, and in which order.
//!
//! An ordinary table is cut into ranges of blocks (TID range scans, PostgreSQL 14 and later), each
//! read by a COPY of its own, so that what is done can be checkpointed and several streams can read
//! one table. What has no block numbers of its own (partitioned and inherited tables, a user's
//! SELECT) is read in one piece.

use std::collections::{HashMap, VecDeque};

use super::state::{Blocks, SnapshotState, TableState, missing};
use crate::config::SnapshotConfig;
use crate::error::Result;
use crate::postgres::catalog::CapturedTable;
use crate::postgres::connect::Session;
use crate::postgres::fault;

/// The first server version with TID range scans.
const TID_RANGES_SINCE: i32 = 140_000;

/// How a piece of a table is read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Read {
    /// Blocks from the first to before the second; without one, to the end of the table.
    Blocks(u32, Option<u32>),
    /// As blocks, but only rows that the interrupted snapshot may not have shown.
    Newer(Blocks, u32),
    /// The table by name.
    Whole,
    /// What the user's SELECT gives.
    Select(String),
}

/// A piece of a table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Piece {
    /// The table's place in the plan.
    pub(crate) table: usize,
    pub(crate) read: Read,
    /// Blocks that are done once the piece is.
    pub(crate) covers: Blocks,
}

/// A table of the plan.
#[derive(Debug, Clone)]
pub(crate) struct PlannedTable {
    pub(crate) table: CapturedTable,
    /// `pg_relation_filenode` and the number of blocks when the table was first planned.
    pub(crate) heap: (u32, u32),
    pub(crate) pieces: usize,
}

/// Tables in order, and their pieces in order.
#[derive(Debug, Default)]
pub(crate) struct Plan {
    pub(crate) tables: Vec<PlannedTable>,
    pub(crate) pieces: VecDeque<Piece>,
}

/// What the catalog says of a table's storage.
#[derive(Debug, Clone, Copy)]
struct Storage {
    ordinary: bool,
    keyed: bool,
    filenode: u32,
    blocks: u32,
    /// The server's estimate of rows; negative when it has none.
    estimate: i64,
}

const STORAGE: &str = "select c.oid, c.relkind = 'r' and not c.relhassubclass, \
    exists(select 1 from pg_catalog.pg_index i where i.indrelid = c.oid and i.indisunique \
      and i.indexprs is null and i.indisvalid), \
    coalesce(pg_catalog.pg_relation_filenode(c.oid), 0), \
    coalesce(pg_catalog.pg_relation_size(c.oid), 0) / current_setting('block_size')::bigint, \
    c.reltuples::bigint from pg_catalog.pg_class c where c.oid = any($1)";

/// Plans the reading of `tables`; what `state` says is done is left out.
pub(crate) async fn plan(
    session: &Session,
    tables: &[CapturedTable],
    config: &SnapshotConfig,
    resumed: Option<&mut SnapshotState>,
) -> Result<Plan> {
    let storage = storage(session, tables).await?;
    let failed = |e| fault::sql("reading server_version_num", e);
    let version = "select current_setting('server_version_num')::int";
    let version: i32 = session
        .query_one(version, &[])
        .await
        .map_err(failed)?
        .get(0);
    let mut tables = tables.to_vec();
    if config.threads > 1 {
        // Debezium's PostgreSQL connector, too, knows row counts only with several threads.
        let estimate = |t: &CapturedTable| storage.get(&t.oid).map_or(0, |s| s.estimate.max(0));
        config.order.sort(&mut tables, estimate);
    }
    let mut state = resumed;
    let mut plan = Plan::default();
    for table in tables {
        let Some(storage) = storage.get(&table.oid).copied() else {
            tracing::warn!(
                schema = table.schema,
                table = table.name,
                "the table was dropped before the snapshot reached it"
            );
            continue;
        };
        if state.as_ref().is_some_and(|s| s.is_complete(table.oid)) {
            continue;
        }
        let select = config
            .overrides
            .get(&(table.schema.clone(), table.name.clone()));
        let by_blocks = storage.ordinary && select.is_none() && version >= TID_RANGES_SINCE;
        let (heap, reads) = match select {
            Some(select) => (storage.heap(), vec![(Read::Select(select.clone()), 0..0)]),
            None if by_blocks => {
                by_ranges(&table, storage, config.chunk_blocks, state.as_deref_mut())
            }
            None => (storage.heap(), vec![(Read::Whole, 0..0)]),
        };
        plan.add(table, heap, reads);
    }
    Ok(plan)
}

impl Plan {
    fn add(&mut self, table: CapturedTable, heap: (u32, u32), reads: Vec<(Read, Blocks)>) {
        let index = self.tables.len();
        self.tables.push(PlannedTable {
            table,
            heap,
            pieces: reads.len(),
        });
        let pieces = reads.into_iter().map(|(read, covers)| Piece {
            table: index,
            read,
            covers,
        });
        self.pieces.extend(pieces);
    }

    /// Blocks that are to be read.
    pub(crate) fn blocks(&self) -> u64 {
        let blocks = self.pieces.iter().map(|piece| piece.covers.len() as u64);
        blocks.sum()
    }
}

impl Storage {
    fn heap(self) -> (u32, u32) {
        (self.filenode, self.blocks)
    }
}

async fn storage(session: &Session, tables: &[CapturedTable]) -> Result<HashMap<u32, Storage>> {
    let oids: Vec<u32> = tables.iter().map(|table| table.oid).collect();
    let rows = session
        .query(STORAGE, &[&oids])
        .await
        .map_err(|e| fault::sql("reading the tables' sizes", e))?;
    let storage = |row: &tokio_postgres::Row| Storage {
        ordinary: row.get(1),
        keyed: row.get(2),
        filenode: row.get(3),
        blocks: u32::try_from(row.get::<_, i64>(4)).unwrap_or(u32::MAX),
        estimate: row.get(5),
    };
    Ok(rows.iter().map(|row| (row.get(0), storage(row))).collect())
}

/// The pieces of an ordinary table, of which some may have been read by an interrupted snapshot.
fn by_ranges(
    table: &CapturedTable,
    storage: Storage,
    step: u32,
    state: Option<&mut SnapshotState>,
) -> ((u32, u32), Vec<(Read, Blocks)>) {
    let whole = || {
        let mut reads = cut(&(0..storage.blocks), step);
        to_the_end(&mut reads, storage.blocks);
        (storage.heap(), reads)
    };
    let Some(state) = state else { return whole() };
    let Some(before) = state.table(table.oid).cloned() else {
        return whole();
    };
    let reason = match () {
        () if !storage.keyed => "it has no key by which rows could be told apart",
        () if before.filenode != storage.filenode => "it was rewritten since",
        () => return go_on(&before, step, state.horizon),
    };
    tracing::warn!(
        schema = table.schema,
        table = table.name,
        reason,
        "the table is read from its start again"
    );
    state.restart(table.oid);
    whole()
}

/// The rest of a table: what is missing, what was appended, and what has changed in the part that
/// is done: a row may have moved there from the part that is not.
fn go_on(before: &TableState, step: u32, horizon: u32) -> ((u32, u32), Vec<(Read, Blocks)>) {
    let mut reads = Vec::new();
    for gap in missing(&before.done, before.blocks) {
        reads.extend(cut(&gap, step));
    }
    for done in &before.done {
        let newer = |(read, covers)| match read {
            Read::Blocks(..) => (Read::Newer(covers, horizon), 0..0),
            other => (other, covers),
        };
        reads.extend(cut(done, step).into_iter().map(newer));
    }
    reads.push((Read::Blocks(before.blocks, None), 0..0));
    ((before.filenode, before.blocks), reads)
}

fn cut(blocks: &Blocks, step: u32) -> Vec<(Read, Blocks)> {
    let starts = blocks.clone().step_by(step as usize);
    let pieces = starts.map(|from| {
        let to = blocks.end.min(from.saturating_add(step));
        (Read::Blocks(from, Some(to)), from..to)
    });
    pieces.collect()
}

/// Lets the last piece go on to the end of the table, or adds one for a table without blocks.
fn to_the_end(reads: &mut Vec<(Read, Blocks)>, blocks: u32) {
    match reads.last_mut() {
        Some((Read::Blocks(_, to), _)) => *to = None,
        _ => reads.push((Read::Blocks(0, None), 0..blocks)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table() -> CapturedTable {
        CapturedTable {
            oid: 7,
            schema: "public".into(),
            name: "t".into(),
            partitioned: false,
        }
    }

    fn storage(filenode: u32, blocks: u32, keyed: bool) -> Storage {
        Storage {
            ordinary: true,
            keyed,
            filenode,
            blocks,
            estimate: -1,
        }
    }

    #[test]
    fn a_table_is_cut_and_its_last_piece_is_open() {
        let (heap, reads) = by_ranges(&table(), storage(1, 5000, true), 2048, None);
        assert_eq!(heap, (1, 5000));
        let expected = [
            (Read::Blocks(0, Some(2048)), 0..2048),
            (Read::Blocks(2048, Some(4096)), 2048..4096),
            (Read::Blocks(4096, None), 4096..5000),
        ];
        assert_eq!(reads, expected);
        let (_, empty) = by_ranges(&table(), storage(1, 0, true), 2048, None);
        assert_eq!(empty, [(Read::Blocks(0, None), 0..0)]);
    }

    #[test]
    fn a_table_goes_on_where_it_was() {
        let mut state = SnapshotState::new(77);
        state.read(7, (1, 3000), &(0..2048));
        let (heap, reads) = by_ranges(&table(), storage(1, 4000, true), 2048, Some(&mut state));
        assert_eq!(heap, (1, 3000));
        let expected = [
            (Read::Blocks(2048, Some(3000)), 2048..3000),
            (Read::Newer(0..2048, 77), 0..0),
            (Read::Blocks(3000, None), 0..0),
        ];
        assert_eq!(reads, expected);
    }

    #[test]
    fn a_rewritten_or_keyless_table_begins_anew() {
        for storage in [storage(2, 100, true), storage(1, 100, false)] {
            let mut state = SnapshotState::new(77);
            state.read(7, (1, 3000), &(0..2048));
            let (_, reads) = by_ranges(&table(), storage, 2048, Some(&mut state));
            assert_eq!(reads, [(Read::Blocks(0, None), 0..100)]);
            assert_eq!(state.table(7), None);
        }
    }
}
