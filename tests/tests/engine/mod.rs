//! The engine behind a real worker: what reaches Kafka, and what a fault does to it.

mod exactly_once;
mod faults;
mod restart;
mod slot;
mod snapshot;

use std::collections::BTreeMap;
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

/// How often each id's `op` came.
fn counts(records: &[Record], op: &str) -> BTreeMap<i64, usize> {
    let mut counts = BTreeMap::new();
    for record in records.iter().filter(|record| record.value["op"] == op) {
        if let Some(id) = record.value["after"]["id"].as_i64() {
            *counts.entry(id).or_default() += 1;
        }
    }
    counts
}

/// Every id of `ids` came at least once.
fn ensure_none_lost(counts: &BTreeMap<i64, usize>, ids: std::ops::Range<i64>) -> Result<()> {
    let lost: Vec<i64> = ids.filter(|id| !counts.contains_key(id)).take(10).collect();
    ensure!(lost.is_empty(), "lost: {lost:?} …");
    Ok(())
}

/// Every id of `ids` came exactly once.
fn ensure_each_once(counts: &BTreeMap<i64, usize>, ids: std::ops::Range<i64>) -> Result<()> {
    ensure_none_lost(counts, ids)?;
    let doubled: Vec<_> = counts.iter().filter(|(_, n)| **n > 1).take(10).collect();
    ensure!(doubled.is_empty(), "doubled: {doubled:?} …");
    Ok(())
}
