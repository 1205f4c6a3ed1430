//! `signal.*`, `incremental.snapshot.*` and `read.only`: requests to a running connector, and how
//! tables are read beside the stream.

use std::time::Duration;

use super::reader::Reader;

const TABLE: &str = "signal.data.collection";
const CHUNK: &str = "incremental.snapshot.chunk.size";

/// A table by name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TableName {
    /// Its schema.
    pub schema: String,
    /// Its name.
    pub name: String,
}

/// `incremental.snapshot.watermarking.strategy`: how a chunk's window is closed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Watermarks {
    /// By a second row in the signal table.
    #[default]
    InsertInsert,
    /// By deleting the row that opened it.
    InsertDelete,
}

/// Signals and incremental snapshots.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SignalConfig {
    /// `signal.data.collection`: the table whose new rows are signals.
    pub table: Option<TableName>,
    /// `signal.poll.interval.ms`: how often channels other than the table are read.
    pub poll_interval: Duration,
    /// `incremental.snapshot.chunk.size`, in rows.
    pub chunk_rows: u32,
    /// `incremental.snapshot.watermarking.strategy`.
    pub watermarks: Watermarks,
    /// `read.only`: nothing is written to the signal table.
    pub read_only: bool,
}

pub(super) fn read(r: &mut Reader<'_>) -> SignalConfig {
    let strategies = [
        ("insert_insert", Watermarks::InsertInsert),
        ("insert_delete", Watermarks::InsertDelete),
    ];
    let chunk_rows = r.parse_or(CHUNK, 1024);
    if chunk_rows == 0 {
        let message = format!("The '{CHUNK}' value is invalid: A positive number is expected");
        r.problem(CHUNK, message);
    }
    SignalConfig {
        table: read_table(r),
        poll_interval: r.millis_or("signal.poll.interval.ms", 5000),
        chunk_rows,
        watermarks: r.one_of(
            "incremental.snapshot.watermarking.strategy",
            &strategies,
            Watermarks::default(),
        ),
        read_only: r.bool_or("read.only", false),
    }
}

fn read_table(r: &mut Reader<'_>) -> Option<TableName> {
    let text = r.text(TABLE)?;
    let part = |text: &str| {
        let text = text.trim();
        let bare = text
            .strip_prefix('"')
            .and_then(|rest| rest.strip_suffix('"'));
        bare.map_or_else(|| text.to_owned(), |bare| bare.replace("\"\"", "\""))
    };
    let named = text.split_once('.').map(|(schema, name)| TableName {
        schema: part(schema),
        name: part(name),
    });
    let whole = |table: &TableName| !table.schema.is_empty() && !table.name.is_empty();
    if text.contains(',') || !named.as_ref().is_some_and(whole) {
        let message = format!(
            "The '{TABLE}' value is invalid: {text} is not the name of one table; write it <schema>.<table>"
        );
        r.problem(TABLE, message);
        return None;
    }
    named
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    fn table(text: &str) -> Result<(String, String), String> {
        let props = BTreeMap::from([(TABLE.to_owned(), text.to_owned())]);
        let mut reader = Reader::new(&props);
        let read = read(&mut reader).table;
        match (read, reader.into_problems().pop()) {
            (Some(table), None) => Ok((table.schema, table.name)),
            (_, Some(problem)) => Err(problem.message),
            (None, None) => Err(String::new()),
        }
    }

    #[test]
    fn the_table_is_named_with_its_schema() {
        let named = |schema: &str, name: &str| Ok((schema.to_owned(), name.to_owned()));
        assert_eq!(table("public.signals"), named("public", "signals"));
        assert_eq!(table(" \"My\".\"a\"\"b\" "), named("My", "a\"b"));
        assert_eq!(table("public.a.b"), named("public", "a.b"));
        for wrong in ["signals", "public.", ".a", "a.b,c.d"] {
            assert!(table(wrong).is_err(), "{wrong}");
        }
        assert_eq!(table(""), Err(String::new()));
    }

    #[test]
    fn a_chunk_has_rows() {
        let props = BTreeMap::from([(CHUNK.to_owned(), "0".to_owned())]);
        let mut reader = Reader::new(&props);
        assert_eq!(read(&mut reader).watermarks, Watermarks::InsertInsert);
        assert_eq!(reader.into_problems().len(), 1);
    }
}
