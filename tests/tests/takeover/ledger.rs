//! What was committed, and whether the topics say it: every change once, each key's in order, on one
//! partition.
//!
//! Every row has a version that grows by one with each change of it, a delete included, and goes on
//! when the row comes back. So a gap is a loss, and a version that comes again is a double.

use std::collections::BTreeMap;

use anyhow::{Result, bail};
use serde_json::Value;
use walcast_tests::topic::Record;

/// What became of one row.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Fate {
    /// How many changes were committed.
    pub(super) version: i64,
    /// How many of them were deletes.
    pub(super) deletes: i64,
    /// Whether it is there.
    pub(super) alive: bool,
}

/// The rows of one table, or the events of one outbox topic, by key.
pub(super) type Fates = BTreeMap<String, Fate>;

/// What one session or all of them committed, by topic.
#[derive(Debug, Clone, Default)]
pub(super) struct Ledger {
    topics: BTreeMap<&'static str, Fates>,
}

impl Ledger {
    pub(super) fn fate(&mut self, topic: &'static str, key: &str) -> &mut Fate {
        let fates = self.topics.entry(topic).or_default();
        fates.entry(key.to_owned()).or_default()
    }

    /// Adds what another session committed: other rows, or more events of the same.
    pub(super) fn add(&mut self, other: Self) {
        for (topic, fates) in other.topics {
            for (key, fate) in fates {
                let all = self.fate(topic, &key);
                all.version += fate.version;
                all.deletes += fate.deletes;
                all.alive |= fate.alive;
            }
        }
    }

    pub(super) fn topics(&self) -> impl Iterator<Item = (&'static str, &Fates)> {
        self.topics.iter().map(|(topic, fates)| (*topic, fates))
    }

    pub(super) fn changes(&self) -> i64 {
        let fates = self.topics.values().flat_map(BTreeMap::values);
        fates.map(|fate| fate.version).sum()
    }
}

/// How many records the changes of `fates` give; a delete gives a tombstone as well.
pub(super) fn records_of(fates: &Fates) -> usize {
    let all: i64 = fates.values().map(|fate| fate.version + fate.deletes).sum();
    usize::try_from(all).unwrap_or(0)
}

/// What stands on a topic.
#[derive(Debug, Default)]
pub(super) struct Counts {
    by_op: BTreeMap<String, usize>,
}

/// One row while its records are read.
#[derive(Debug, Default)]
struct Seen {
    fate: Fate,
    partition: Option<i32>,
    awaits_tombstone: bool,
}

/// Whether `records` say what `fates` say. Rows whose keys are in `read` were read by the first
/// snapshot; no others may be.
pub(super) fn compare(
    topic: &str,
    records: &[Record],
    fates: &Fates,
    read: impl Fn(&str) -> bool,
) -> Result<Counts> {
    let mut seen: BTreeMap<String, Seen> = BTreeMap::new();
    let mut counts = Counts::default();
    let mut wrong = Vec::new();
    for record in records {
        let key = key_of(record);
        let op = op_of(record);
        *counts.by_op.entry(op.to_owned()).or_default() += 1;
        let row = seen.entry(key.clone()).or_default();
        if let Err(what) = row.take(op, record, read(&key)) {
            wrong.push(format!("key {key}, {what}: {}", brief(record)));
        }
    }
    for (key, fate) in fates {
        let told = seen.get(key).map(|row| row.fate).unwrap_or_default();
        if told != *fate {
            wrong.push(format!("key {key} ends with {told:?}, committed: {fate:?}"));
        }
    }
    let unknown = seen.keys().filter(|key| !fates.contains_key(*key));
    wrong.extend(unknown.map(|key| format!("key {key} was never committed")));
    if wrong.is_empty() {
        return Ok(counts);
    }
    let shown: Vec<_> = wrong.iter().take(12).map(String::as_str).collect();
    bail!(
        "{topic}: {} things are wrong, {counts:?}:\n{}",
        wrong.len(),
        shown.join("\n")
    )
}

impl Seen {
    fn take(&mut self, op: &str, record: &Record, may_be_read: bool) -> Result<(), String> {
        let partition = *self.partition.get_or_insert(record.partition);
        if partition != record.partition {
            return Err(format!("moved from partition {partition}"));
        }
        let awaited = std::mem::take(&mut self.awaits_tombstone);
        if op == "tombstone" {
            return match awaited {
                true => Ok(()),
                false => Err("a tombstone without a delete".into()),
            };
        }
        if awaited {
            return Err("no tombstone after a delete".into());
        }
        let version = match op {
            "d" => self.fate.version + 1,
            _ => version_of(record),
        };
        let expected = self.fate.version + 1;
        let fits = match op {
            "r" => may_be_read && expected == 1,
            "c" => !self.fate.alive,
            "u" => self.fate.alive,
            "d" => self.fate.alive,
            _ => op == "event",
        };
        self.fate.alive = op != "d";
        self.fate.deletes += i64::from(op == "d");
        self.awaits_tombstone = op == "d";
        self.fate.version = version;
        match version - expected {
            0 if fits => Ok(()),
            0 => Err(format!("op {op} out of place")),
            1.. => Err(format!("lost: version {version} after {}", expected - 1)),
            _ => Err(format!("doubled: version {version} after {}", expected - 1)),
        }
    }
}

fn key_of(record: &Record) -> String {
    match &record.key {
        Value::String(text) => text.clone(),
        key => key["id"].to_string(),
    }
}

/// `r`, `c`, `u`, `d`; `event` for what an outbox gives.
fn op_of(record: &Record) -> &str {
    match &record.value {
        Value::Null => "tombstone",
        value => value["op"].as_str().unwrap_or("event"),
    }
}

fn version_of(record: &Record) -> i64 {
    let value = &record.value;
    let version = value
        .get("after")
        .map_or(&value["n"], |after| &after["ver"]);
    version.as_i64().unwrap_or(-1)
}

/// A record's coordinates.
fn brief(record: &Record) -> String {
    let value = &record.value;
    let source = &value["source"];
    format!(
        "partition {}, ts_ms {}, source ts_ms {}, lsn {}, txId {}, sequence {}",
        record.partition,
        value["ts_ms"],
        source["ts_ms"],
        source["lsn"],
        source["txId"],
        source["sequence"]
    )
}
