//! Messages of pgoutput as a server writes them, and the tables they are of.

use walcast_wire::catalog::{Column, ReplicaIdentity, Table};

/// Microseconds between the Unix epoch and PostgreSQL's.
const EPOCH_US: i64 = 946_684_800_000_000;

const INT4: u32 = 23;
const INT8: u32 = 20;
const TEXT: u32 = 25;

/// The prefix of messages outside of transactions.
pub(super) const PREFIX: &str = "sim";

/// A row: its key, its value, which no other row has or had, and something to fill a batch.
#[derive(Debug, Clone)]
pub(super) struct Row {
    pub(super) id: i64,
    pub(super) value: i64,
    pub(super) body: usize,
}

/// The tables: one with the default replica identity, one with the whole row, and one that the
/// connector leaves out.
pub(super) const NAMES: [&str; 3] = ["plain", "full", "hidden"];

pub(super) fn oid(table: usize) -> u32 {
    16_384 + table as u32
}

fn is_full(table: usize) -> bool {
    table == 1
}

/// The tables as the catalog describes them.
pub(super) fn tables() -> Vec<Table> {
    let column = |name: &str, type_oid, not_null| Column {
        name: name.to_owned(),
        type_oid,
        typmod: -1,
        not_null,
        default: None,
        generated: false,
    };
    let table = |(index, name): (usize, &&str)| Table {
        oid: oid(index),
        schema: "public".to_owned(),
        name: (*name).to_owned(),
        replica_identity: match is_full(index) {
            true => ReplicaIdentity::Full,
            false => ReplicaIdentity::Default,
        },
        columns: vec![
            column("id", INT4, true),
            column("v", INT8, false),
            column("body", TEXT, false),
        ],
        key: vec!["id".to_owned()],
    };
    NAMES.iter().enumerate().map(table).collect()
}

pub(super) fn begin(commit: u64, commit_us: i64, xid: u32) -> Vec<u8> {
    let time = commit_us - EPOCH_US;
    [
        &b"B"[..],
        &commit.to_be_bytes(),
        &time.to_be_bytes(),
        &xid.to_be_bytes(),
    ]
    .concat()
}

pub(super) fn commit(commit: u64, end: u64, commit_us: i64) -> Vec<u8> {
    let time = commit_us - EPOCH_US;
    [
        &b"C\0"[..],
        &commit.to_be_bytes(),
        &end.to_be_bytes(),
        &time.to_be_bytes(),
    ]
    .concat()
}

pub(super) fn relation(table: usize) -> Vec<u8> {
    let identity = if is_full(table) { b"f" } else { b"d" };
    let mut out = [&b"R"[..], &oid(table).to_be_bytes(), b"public\0"].concat();
    out.extend(NAMES[table].as_bytes());
    out.extend([0, identity[0], 0, 3]);
    for (name, type_oid) in [("id", INT4), ("v", INT8), ("body", TEXT)] {
        out.push(u8::from(name == "id" || is_full(table)));
        out.extend(name.as_bytes());
        out.push(0);
        out.extend(type_oid.to_be_bytes());
        out.extend((-1_i32).to_be_bytes());
    }
    out
}

pub(super) fn insert(table: usize, new: &Row) -> Vec<u8> {
    [&head(b'I', table)[..], b"N", &whole(new)].concat()
}

pub(super) fn update(table: usize, old: &Row, new: &Row) -> Vec<u8> {
    let mut out = head(b'U', table);
    if is_full(table) || old.id != new.id {
        out.extend(identity(table, old));
    }
    [&out[..], b"N", &whole(new)].concat()
}

pub(super) fn delete(table: usize, old: &Row) -> Vec<u8> {
    [head(b'D', table), identity(table, old)].concat()
}

/// A message outside of transactions.
pub(super) fn message(lsn: u64) -> Vec<u8> {
    let prefix = format!("{PREFIX}\0");
    [
        &b"M\0"[..],
        &lsn.to_be_bytes(),
        prefix.as_bytes(),
        b"\0\0\0\x02hi",
    ]
    .concat()
}

fn head(tag: u8, table: usize) -> Vec<u8> {
    [&[tag][..], &oid(table).to_be_bytes()].concat()
}

/// What the log has of an old row.
fn identity(table: usize, old: &Row) -> Vec<u8> {
    if is_full(table) {
        return [b"O", &whole(old)[..]].concat();
    }
    let mut out = b"K\0\x03".to_vec();
    text(&mut out, &old.id.to_string());
    out.extend(b"nn");
    out
}

fn whole(row: &Row) -> Vec<u8> {
    let mut out = b"\0\x03".to_vec();
    text(&mut out, &row.id.to_string());
    text(&mut out, &row.value.to_string());
    text(&mut out, &"x".repeat(row.body));
    out
}

fn text(out: &mut Vec<u8>, value: &str) {
    out.push(b't');
    out.extend((value.len() as u32).to_be_bytes());
    out.extend(value.as_bytes());
}
