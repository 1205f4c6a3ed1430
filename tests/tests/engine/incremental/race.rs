//! Writers race with an incremental snapshot: whoever reads the topic must see the table.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use anyhow::{Result, ensure};
use walcast_lab::Lab;
use walcast_tests::topic::Record;

use super::super::{QUIET, topic};
use super::{execute, started};

pub(super) const ROWS: i64 = 4000;

pub(super) const CHUNK: (&str, &str) = ("incremental.snapshot.chunk.size", "40");

/// A row that is written last of all.
const LAST: i64 = 1_000_000;

#[test]
fn watermarks_inserted() -> Result<()> {
    race("incii", &[])
}

#[test]
fn watermarks_deleted() -> Result<()> {
    let strategy = "incremental.snapshot.watermarking.strategy";
    race("incid", &[(strategy, "insert_delete")])
}

#[test]
fn nothing_written() -> Result<()> {
    let name = "incro";
    race(name, &[("read.only", "true")])
}

fn race(name: &str, extra: &[(&str, &str)]) -> Result<()> {
    let mut properties = vec![CHUNK];
    properties.extend(extra);
    let (lab, worker) = started(name, ROWS, false, &properties)?;
    race_in(&lab, name)?;
    worker.wait_state(name, "RUNNING").map(drop)
}

/// Has writers and a snapshot race, and looks at what came of it.
pub(super) fn race_in(lab: &Lab, name: &str) -> Result<()> {
    lab.postgres().query(name, "create sequence version")?;
    let stop = AtomicBool::new(false);
    thread::scope(|scope| {
        let stop = &stop;
        let writers: Vec<_> = (0..3)
            .map(|writer| scope.spawn(move || write(lab, name, writer, stop)))
            .collect();
        let read = snapshot(lab, name);
        stop.store(true, Ordering::Relaxed);
        for writer in writers {
            match writer.join() {
                Ok(ended) => ended?,
                Err(panic) => std::panic::resume_unwind(panic),
            }
        }
        read
    })?;
    let sql = format!("insert into t values ({LAST}, nextval('version'))");
    lab.postgres().query(name, &sql)?;
    let mut records = topic(lab, name)?;
    let records = records.read_until(QUIET, |record| id(record) == Some(LAST))?;
    assert_eq!(state(records)?, table(lab, name)?);
    Ok(())
}

/// Asks for a snapshot and waits until every row was seen.
fn snapshot(lab: &Lab, name: &str) -> Result<()> {
    execute(lab, name, "race")?;
    let mut missing: BTreeSet<i64> = (0..ROWS).collect();
    let mut records = topic(lab, name)?;
    records.read_until(std::time::Duration::ZERO, |record| {
        if let Some(id) = id(record) {
            missing.remove(&id);
        }
        missing.is_empty()
    })?;
    let lost: Vec<_> = missing.iter().take(10).collect();
    ensure!(lost.is_empty(), "lost: {lost:?} …");
    Ok(())
}

/// Updates, deletes, creates and renames rows that no other writer touches, each with a greater
/// version than any before.
fn write(lab: &Lab, name: &str, writer: i64, stop: &AtomicBool) -> Result<()> {
    let sql = format!(
        "do $$ declare k bigint; begin for i in 1..60 loop \
           k := floor(random() * {ROWS} / 3) * 3 + {writer}; \
           case floor(random() * 4) \
             when 0 then delete from t where id = k; \
             when 1 then insert into t values (k, nextval('version')) \
               on conflict (id) do update set v = excluded.v; \
             when 2 then \
               delete from t where id = k + 30; \
               update t set id = k + 30, v = nextval('version') where id = k; \
             else update t set v = nextval('version') where id = k; \
           end case; commit; end loop; end $$"
    );
    while !stop.load(Ordering::Relaxed) {
        lab.postgres().query(name, &sql)?;
    }
    Ok(())
}

fn id(record: &Record) -> Option<i64> {
    record.key["id"].as_i64()
}

/// What a reader of the topic holds at its end. No row may fall back to an older version.
fn state(records: &[Record]) -> Result<BTreeMap<i64, i64>> {
    let (mut rows, mut newest) = (BTreeMap::new(), BTreeMap::new());
    for record in records {
        let Some(id) = id(record) else { continue };
        match record.value["after"]["v"].as_str() {
            Some(text) => {
                let version = version(text);
                let before = newest.insert(id, version).unwrap_or(0);
                ensure!(before <= version, "{id} falls from {before} to {version}");
                rows.insert(id, version);
            }
            None => drop(rows.remove(&id)),
        }
    }
    Ok(rows)
}

fn table(lab: &Lab, name: &str) -> Result<BTreeMap<i64, i64>> {
    let rows = lab.postgres().query(name, "select id, v from t")?;
    let text = |row: &[Option<String>], column: usize| row[column].clone().unwrap_or_default();
    let rows = rows
        .iter()
        .map(|row| Ok((text(row, 0).parse()?, version(&text(row, 1)))));
    rows.collect()
}

/// The version of a row; what the table began with is older than all.
fn version(text: &str) -> i64 {
    text.parse().unwrap_or(0)
}
