//! A chunk between its watermarks: rows that were read, less those that the stream brings meanwhile.
//!
//! A change that comes while a chunk is on its way is newer than the chunk's row or the same, and its
//! own record tells more: so the row is left out. What came before the chunk is in hand is kept until
//! then.

use std::collections::HashMap;

use bytes::Bytes;
use walcast_wire::catalog::Table;
use walcast_wire::lsn::Lsn;

use super::identity::{Identity, Touched};
use super::key::Key;
use super::query::Columns;
use super::visibility::Visibility;

/// Changes kept while a chunk is read; with more, the stream waits for the chunk.
const CHANGES_MAX: usize = 65_536;

/// Their bytes.
const CHANGE_BYTES_MAX: usize = 8 << 20;

/// The rows of a chunk.
#[derive(Debug)]
pub(crate) struct Rows {
    /// The table as it was when they were read.
    pub(crate) table: Table,
    /// The table's columns that order it and that tell its rows apart.
    pub(crate) columns: Columns,
    /// COPY's lines; none where the stream took a row's place.
    lines: Vec<Option<Bytes>>,
    places: HashMap<Identity, usize>,
    /// The last row's key.
    pub(crate) last: Key,
}

impl Rows {
    pub(crate) fn new(table: Table, columns: Columns) -> Self {
        Self {
            table,
            columns,
            lines: Vec::new(),
            places: HashMap::new(),
            last: Key::new(),
        }
    }

    /// How many were read.
    pub(crate) fn len(&self) -> usize {
        self.lines.len()
    }

    /// Adds a row.
    pub(crate) fn push(&mut self, identity: Identity, line: Bytes) {
        self.places.insert(identity, self.lines.len());
        self.lines.push(Some(line));
    }

    fn remove(&mut self, identity: &Identity) {
        let place = self.places.remove(identity);
        if let Some(line) = place.and_then(|place| self.lines.get_mut(place)) {
            *line = None;
        }
    }

    fn clear(&mut self) {
        self.lines.iter_mut().for_each(|line| *line = None);
        self.places.clear();
    }

    /// The rows that are left, in order.
    pub(crate) fn lines(&self) -> impl Iterator<Item = &Bytes> {
        self.lines.iter().flatten()
    }

    /// Whether `table` has other columns than when the rows were read.
    pub(crate) fn differ_from(&self, table: &Table) -> bool {
        let columns = |table: &Table| -> Vec<(String, u32, i32)> {
            let columns = table.columns.iter().filter(|column| !column.generated);
            let facts = columns.map(|column| (column.name.clone(), column.type_oid, column.typmod));
            facts.collect()
        };
        columns(&self.table) != columns(table)
    }
}

/// A change that came before the chunk.
#[derive(Debug)]
struct Early {
    relation: u32,
    xid: u32,
    opened: bool,
    touched: Touched,
}

/// A chunk that was asked for, from there to its closing watermark.
#[derive(Debug)]
pub(crate) struct Window {
    /// The chunk's id: watermarks are named after it.
    pub(crate) id: String,
    /// Whether the stream is between the watermarks.
    opened: bool,
    early: Vec<Early>,
    early_bytes: usize,
    /// Tables that the stream announced before the chunk was in hand.
    announced: Vec<Table>,
    /// The chunk, once it is read.
    read: Option<(Option<Rows>, Visibility)>,
    /// Where the stream must be to close it, without watermarks of its own.
    pub(crate) end: Option<Lsn>,
    /// Whether the chunk must be read again.
    pub(crate) spoiled: bool,
}

impl Window {
    pub(crate) fn new(id: String) -> Self {
        Self {
            id,
            opened: false,
            early: Vec::new(),
            early_bytes: 0,
            announced: Vec::new(),
            read: None,
            end: None,
            spoiled: false,
        }
    }

    /// The opening watermark was read.
    pub(crate) fn open(&mut self) {
        self.opened = true;
    }

    /// Whether the chunk is in hand.
    pub(crate) fn is_read(&self) -> bool {
        self.read.is_some()
    }

    /// Whether no more changes can be kept before the chunk comes.
    pub(crate) fn is_full(&self) -> bool {
        !self.is_read() && (self.early.len() >= CHANGES_MAX || self.early_bytes >= CHANGE_BYTES_MAX)
    }

    /// The stream brings a change of `xid`.
    pub(crate) fn changed(&mut self, relation: u32, xid: u32, touched: Touched) {
        let change = Early {
            relation,
            xid,
            opened: self.opened,
            touched,
        };
        if self.is_read() {
            self.apply(&change);
            return;
        }
        if let Touched::Rows(rows) = &change.touched {
            self.early_bytes += rows.iter().map(Vec::len).sum::<usize>();
        }
        self.early.push(change);
    }

    /// The chunk is in hand: `rows`, or none when no table had any.
    pub(crate) fn read(&mut self, rows: Option<Rows>, seen: Visibility) {
        self.read = Some((rows, seen));
        for change in std::mem::take(&mut self.early) {
            self.apply(&change);
        }
        for table in std::mem::take(&mut self.announced) {
            self.announced(&table);
        }
    }

    /// The stream announces a table: rows of it that have other columns must be read again.
    pub(crate) fn announced(&mut self, table: &Table) {
        let Some((rows, _)) = &self.read else {
            self.announced.retain(|known| known.oid != table.oid);
            self.announced.push(table.clone());
            return;
        };
        let differs = |rows: &Rows| rows.table.oid == table.oid && rows.differ_from(table);
        if rows.as_ref().is_some_and(differs) {
            tracing::info!(
                schema = table.schema,
                table = table.name,
                "the table has changed since its chunk was read: the chunk is read again"
            );
            self.spoiled = true;
        }
    }

    fn apply(&mut self, change: &Early) {
        let Some((Some(rows), seen)) = &mut self.read else {
            return;
        };
        // What the query saw before the window opened is in its rows.
        let is_known = !change.opened && seen.sees(change.xid);
        if rows.table.oid != change.relation || is_known {
            return;
        }
        match &change.touched {
            Touched::Rows(identities) => identities.iter().for_each(|one| rows.remove(one)),
            Touched::All => rows.clear(),
            Touched::Unknown => self.spoiled = true,
        }
    }

    /// The chunk's rows that are left, at its end.
    pub(crate) fn into_rows(self) -> Option<Rows> {
        self.read.and_then(|(rows, _)| rows)
    }
}

#[cfg(test)]
mod tests {
    use walcast_wire::pgoutput::Datum;

    use super::super::identity::identity;
    use super::*;

    const OID: u32 = 7;

    fn columns() -> Columns {
        Columns {
            order: vec![0],
            identity: vec![0],
        }
    }

    fn row(id: &str) -> Identity {
        let datums = vec![Datum::Text(id.as_bytes()), Datum::Null];
        identity(datums, None, &columns(), false).unwrap()
    }

    fn rows(ids: &[&str]) -> Rows {
        let table = Table {
            oid: OID,
            ..Table::default()
        };
        let mut rows = Rows::new(table, columns());
        for id in ids {
            rows.push(row(id), Bytes::copy_from_slice(id.as_bytes()));
        }
        rows
    }

    fn left(window: Window) -> Vec<String> {
        let rows = window.into_rows().unwrap();
        let lines = rows.lines().map(|line| String::from_utf8_lossy(line));
        lines.map(String::from).collect()
    }

    fn seen() -> Visibility {
        Visibility::parse("50:100:50", false).unwrap()
    }

    #[test]
    fn a_change_between_the_watermarks_takes_a_rows_place() {
        let mut window = Window::new("c".into());
        // Before the opening watermark, and seen by the query: the row is the same.
        window.changed(OID, 40, Touched::Rows(vec![row("1")]));
        // Before it, but not seen by the query.
        window.changed(OID, 50, Touched::Rows(vec![row("2")]));
        window.open();
        window.changed(OID, 41, Touched::Rows(vec![row("3"), row("9")]));
        window.changed(OID + 1, 42, Touched::Rows(vec![row("4")]));
        assert!(!window.is_read());
        window.read(Some(rows(&["1", "2", "3", "4", "5", "6"])), seen());
        window.changed(OID, 101, Touched::Rows(vec![row("5")]));
        assert_eq!(left(window), ["1", "4", "6"]);
    }

    #[test]
    fn a_truncate_takes_all_and_what_cannot_be_told_spoils() {
        let mut window = Window::new("c".into());
        window.open();
        window.read(Some(rows(&["1", "2"])), seen());
        window.changed(OID, 101, Touched::Unknown);
        assert!(window.spoiled);
        window.changed(OID, 101, Touched::All);
        assert!(left(window).is_empty());
    }

    #[test]
    fn a_table_that_changed_spoils_its_chunk() {
        let check = |announce_first: bool, oid, name: &str, expected| {
            let column = |name: &str| walcast_wire::catalog::Column {
                name: name.into(),
                ..Default::default()
            };
            let table = Table {
                oid,
                columns: vec![column(name)],
                ..Table::default()
            };
            let mut chunk = rows(&["1"]);
            chunk.table.columns = vec![column("id")];
            let mut window = Window::new("c".into());
            if announce_first {
                window.announced(&table);
            }
            window.read(Some(chunk), seen());
            if !announce_first {
                window.announced(&table);
            }
            assert_eq!(window.spoiled, expected, "{announce_first} {oid} {name}");
        };
        for first in [true, false] {
            check(first, OID, "id", false);
            check(first, OID, "id2", true);
            check(first, OID + 1, "id2", false);
        }
    }

    #[test]
    fn what_waits_for_a_chunk_is_bounded() {
        let mut window = Window::new("c".into());
        while !window.is_full() {
            window.changed(OID, 1, Touched::Rows(vec![vec![0; 1024]]));
        }
        assert_eq!(window.early.len(), CHANGE_BYTES_MAX / 1024);
        window.read(None, seen());
        assert!(!window.is_full());
    }
}
