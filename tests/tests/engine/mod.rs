//! The engine behind a real worker: what reaches Kafka, and what a fault does to it.

mod add_table;
mod bounds;
mod catchup;
mod chance;
mod check;
mod exactly_once;
mod faults;
mod guard;
mod incremental;
mod interrupted;
mod isolation;
mod restart;
mod seeds;
mod server;
mod several_slots;
mod signals;
mod slot;
mod snapshot;

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use anyhow::{Result, ensure};
use walcast_lab::Lab;
use walcast_tests::topic::{Record, Topic};

/// How long a topic must stay silent before it is taken to hold nothing more.
const QUIET: Duration = Duration::from_millis(1500);

/// A lab with one database `name` that holds `public.t(id, v)`.
fn lab(name: &str, version: u8) -> Result<Lab> {
    let lab = Lab::builder(name).postgres(version).kafka().start()?;
    lab.postgres()
        .query("postgres", &format!("create database {name}"))?;
    lab.postgres()
        .query(name, "create table t(id bigint primary key, v text)")?;
    Ok(lab)
}

/// Inserts `ids`, in transactions of `rows` rows.
fn insert(lab: &Lab, name: &str, ids: std::ops::Range<i64>, rows: i64) -> Result<()> {
    let mut from = ids.start;
    while from < ids.end {
        let to = (from + rows).min(ids.end) - 1;
        let sql = format!("insert into t select i, 'v' || i from generate_series({from}, {to}) i");
        lab.postgres().query(name, &sql)?;
        from = to + 1;
    }
    Ok(())
}

fn topic(lab: &Lab, name: &str) -> Result<Topic> {
    Topic::open(&lab.kafka().bootstrap, &format!("{name}.public.t"))
}

/// How often each id came as a new row: read by a snapshot or created in the stream. A task that is
/// killed before its snapshot has a checkpoint reads in a new one what it would have streamed.
fn counts(records: &[Record]) -> BTreeMap<i64, usize> {
    let mut counts = BTreeMap::new();
    records
        .iter()
        .filter_map(new_id)
        .for_each(|id| *counts.entry(id).or_default() += 1);
    counts
}

/// The id of a row that a record brings.
fn new_id(record: &Record) -> Option<i64> {
    let is_new = matches!(record.value["op"].as_str(), Some("c" | "r"));
    is_new.then(|| record.value["after"]["id"].as_i64())?
}

/// Reads the table's topic until every one of `ids` has come and nothing follows; counts them.
fn arrived(lab: &Lab, name: &str, ids: std::ops::Range<i64>) -> Result<BTreeMap<i64, usize>> {
    let mut missing: BTreeSet<i64> = ids.collect();
    let mut records = topic(lab, name)?;
    let all = records.read_until(QUIET, |record| {
        new_id(record).inspect(|id| _ = missing.remove(id));
        missing.is_empty()
    });
    let counted = counts(all?);
    let lost: Vec<_> = missing.iter().take(10).collect();
    ensure!(lost.is_empty(), "lost: {lost:?} …");
    Ok(counted)
}

/// Every id of `ids` comes exactly once.
fn ensure_each_once(lab: &Lab, name: &str, ids: std::ops::Range<i64>) -> Result<()> {
    let counts = arrived(lab, name, ids)?;
    let doubled: Vec<_> = counts.iter().filter(|(_, n)| **n > 1).take(10).collect();
    ensure!(doubled.is_empty(), "doubled: {doubled:?} …");
    Ok(())
}
