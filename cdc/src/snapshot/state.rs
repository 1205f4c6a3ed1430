//! How far a snapshot has come, as its checkpoints keep it.
//!
//! Stands in the stored offset beside Debezium's fields, under [`FIELD`]; Debezium and Kafka Connect
//! leave it alone. It is there only while a snapshot runs.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};
use walcast_wire::connect_offset::Offset;

/// The offset's field; its value is text, since Kafka Connect takes no nested values there.
pub(crate) const FIELD: &str = "walcast_snapshot";

/// Blocks of a table, the end not included.
pub(crate) type Blocks = std::ops::Range<u32>;

/// What of a snapshot is durable.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct SnapshotState {
    /// The oldest transaction that was still running at the snapshot: what it and later ones wrote
    /// may not show in it. 32 bits, as `xmin` of a row.
    pub(crate) horizon: u32,
    /// Tables that are read to their end, by OID.
    complete: BTreeSet<u32>,
    /// Tables that were begun, by OID.
    begun: BTreeMap<u32, TableState>,
    /// Rows handed on so far.
    pub(crate) rows: u64,
}

/// What of a table is durable.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct TableState {
    /// `pg_relation_filenode`: another one means that rows have moved.
    pub(crate) filenode: u32,
    /// How many blocks the table had at the snapshot.
    pub(crate) blocks: u32,
    /// Blocks that are read: ordered, apart from each other.
    pub(crate) done: Vec<Blocks>,
}

impl SnapshotState {
    /// The state of a snapshot that begins.
    pub(crate) fn new(horizon: u32) -> Self {
        Self {
            horizon,
            ..Self::default()
        }
    }

    /// The state that an offset keeps, if there is one that can be read.
    pub(crate) fn of(offset: &Offset) -> Option<Self> {
        let text = offset.extra.get(FIELD)?.as_str()?;
        match serde_json::from_str(text) {
            Ok(state) => Some(state),
            Err(error) => {
                tracing::warn!(%error, "the snapshot's stored progress cannot be read; it begins anew");
                None
            }
        }
    }

    /// Puts it into `offset`.
    pub(crate) fn store(&self, offset: &mut Offset) {
        // A map with numbers for keys and nothing else that could fail.
        if let Ok(text) = serde_json::to_string(self) {
            offset.extra.insert(FIELD.to_owned(), text.into());
        }
    }

    pub(crate) fn is_complete(&self, table: u32) -> bool {
        self.complete.contains(&table)
    }

    pub(crate) fn table(&self, table: u32) -> Option<&TableState> {
        self.begun.get(&table)
    }

    /// Forgets what was read of `table`.
    pub(crate) fn restart(&mut self, table: u32) {
        self.begun.remove(&table);
    }

    /// `blocks` of `table` are read; `filenode` and `count` are as they were when it was planned.
    pub(crate) fn read(&mut self, table: u32, (filenode, count): (u32, u32), blocks: &Blocks) {
        let state = self.begun.entry(table).or_insert_with(|| TableState {
            filenode,
            blocks: count,
            done: Vec::new(),
        });
        insert(&mut state.done, blocks);
    }

    /// All of `table` is read.
    pub(crate) fn finish(&mut self, table: u32) {
        self.begun.remove(&table);
        self.complete.insert(table);
    }
}

/// Adds `new` to ordered ranges, joining those that touch.
fn insert(ranges: &mut Vec<Blocks>, new: &Blocks) {
    if new.is_empty() {
        return;
    }
    let mut all: Vec<Blocks> = ranges.drain(..).chain([new.clone()]).collect();
    all.sort_by_key(|range| range.start);
    for range in all {
        match ranges.last_mut() {
            Some(last) if range.start <= last.end => last.end = last.end.max(range.end),
            _ => ranges.push(range),
        }
    }
}

/// What of `0..count` is not in the ordered ranges `done`.
pub(crate) fn missing(done: &[Blocks], count: u32) -> Vec<Blocks> {
    let mut from = 0;
    let mut gaps = Vec::new();
    for range in done {
        if range.start > from {
            gaps.push(from..range.start.min(count));
        }
        from = from.max(range.end);
    }
    if from < count {
        gaps.push(from..count);
    }
    gaps
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_join_and_leave_gaps() {
        let mut done = Vec::new();
        for range in [4..8, 12..16, 0..4, 20..20, 6..10] {
            insert(&mut done, &range);
        }
        assert_eq!(done, [0..10, 12..16]);
        assert_eq!(missing(&done, 20), [10..12, 16..20]);
        assert!(missing(&done, 14).into_iter().eq(std::iter::once(10..12)));
        assert!(missing(&[], 3).into_iter().eq(std::iter::once(0..3)));
        assert_eq!(missing(&[], 0), Vec::<Blocks>::new());
    }

    #[test]
    fn the_state_survives_the_offset() {
        let mut state = SnapshotState::new(700);
        state.read(16_384, (99, 50), &(0..10));
        state.read(16_384, (99, 50), &(20..30));
        state.finish(5);
        state.rows = 3;
        let mut offset = Offset::default();
        state.store(&mut offset);
        let read = Offset::parse(&offset.to_json()).expect("an offset");
        assert_eq!(SnapshotState::of(&read), Some(state.clone()));
        assert!(state.is_complete(5) && !state.is_complete(16_384));
        state.restart(16_384);
        assert_eq!(state.table(16_384), None);
        offset.extra.insert(FIELD.to_owned(), "{".into());
        assert_eq!(SnapshotState::of(&offset), None);
    }
}
