//! Incremental snapshots: tables read in chunks while the stream goes on.

mod race;
mod standby;

use std::collections::BTreeSet;

use anyhow::{Result, ensure};
use serde_json::json;
use walcast_lab::Lab;
use walcast_tests::topic::Record;
use walcast_tests::worker::{Worker, connector};

use super::{QUIET, ensure_each_once, insert, lab, new_id, topic};

/// A lab whose table holds `0..rows`, with a table of signals, and a connector that reads no rows by
/// itself.
fn started(
    name: &str,
    rows: i64,
    exactly_once: bool,
    extra: &[(&str, &str)],
) -> Result<(Lab, Worker)> {
    let lab = lab(name, 18)?;
    let sql = "create table signals(id varchar(60) primary key, type varchar(32), data text)";
    lab.postgres().query(name, sql)?;
    insert(&lab, name, 0..rows, rows)?;
    let worker = Worker::start(&lab, "worker", name, exactly_once)?;
    let mut properties = vec![
        ("snapshot.mode", "no_data"),
        ("signal.data.collection", "public.signals"),
        // The signal table is captured although no list names it.
        ("table.include.list", "public.t"),
    ];
    properties.extend(extra);
    worker.put(name, &connector(&lab, name, name, &properties))?;
    worker.wait_state(name, "RUNNING")?;
    Ok((lab, worker))
}

fn signal(lab: &Lab, name: &str, id: &str, kind: &str, data: &serde_json::Value) -> Result<()> {
    let sql = format!("insert into signals values ('{id}', '{kind}', '{data}')");
    lab.postgres().query(name, &sql).map(drop)
}

fn execute(lab: &Lab, name: &str, id: &str) -> Result<()> {
    let data = json!({"data-collections": ["public.t"], "type": "incremental"});
    signal(lab, name, id, "execute-snapshot", &data)
}

/// The ids that were read by a query.
fn read_ids(records: &[Record]) -> BTreeSet<i64> {
    let read = records.iter().filter(|record| record.value["op"] == "r");
    read.filter_map(new_id).collect()
}

#[test]
fn a_killed_worker_goes_on_behind_the_last_chunk() -> Result<()> {
    let rows = 3000;
    let chunk = [("incremental.snapshot.chunk.size", "10")];
    let (lab, worker) = started("inckill", rows, true, &chunk)?;
    execute(&lab, "inckill", "kill")?;
    for times in 1..=2 {
        let mut records = topic(&lab, "inckill")?;
        let mut seen = 0;
        records.read_until(std::time::Duration::ZERO, |_| {
            seen += 1;
            seen >= 400 * times
        })?;
        worker.kill9()?;
        let before = topic(&lab, "inckill")?.read(400, QUIET)?.len();
        ensure!(before < 3000, "the snapshot was over before the kill");
        worker.start()?;
        worker.wait_state("inckill", "RUNNING")?;
    }
    // Rows and the checkpoint that tells of them are one transaction: none is read twice.
    ensure_each_once(&lab, "inckill", 0..rows)?;
    let watermarks = "select count(*) from signals where type = 'snapshot-window-open'";
    let watermarks = lab.postgres().query("inckill", watermarks)?;
    let opened: i64 = watermarks[0][0].as_deref().unwrap_or_default().parse()?;
    // The kills came after 40 and 80 of 300 chunks: begun anew each time, there would be 420 and more.
    ensure!((301..400).contains(&opened), "{opened} windows");
    Ok(())
}

#[test]
fn a_snapshot_pauses_resumes_and_stops() -> Result<()> {
    let rows = 4000;
    let chunk = [("incremental.snapshot.chunk.size", "10")];
    let (lab, worker) = started("incpause", rows, false, &chunk)?;
    execute(&lab, "incpause", "first")?;
    let mut records = topic(&lab, "incpause")?;
    records.read_until(std::time::Duration::ZERO, |_| true)?;
    signal(&lab, "incpause", "p", "pause-snapshot", &json!({}))?;
    let paused = read_ids(records.read(1, QUIET)?).len();
    ensure!(paused < 4000, "it was over before it could pause");
    signal(&lab, "incpause", "r", "resume-snapshot", &json!({}))?;
    let mut more = 0;
    records.read_until(std::time::Duration::ZERO, |_| {
        more += 1;
        more > 10
    })?;
    signal(&lab, "incpause", "s", "stop-snapshot", &json!({}))?;
    let stopped = read_ids(records.read(paused + 10, QUIET)?).len();
    ensure!((paused + 1..4000).contains(&stopped), "{paused} {stopped}");

    // The stream goes on, and so does another snapshot, of some rows only.
    insert(&lab, "incpause", rows..rows + 1, 1)?;
    let some = json!({
        "data-collections": ["public\\..$"],
        "additional-conditions": [{"data-collection": "public.t", "filter": "id >= 3990 or id = 7"}],
    });
    signal(&lab, "incpause", "some", "execute-snapshot", &some)?;
    let mut ids = BTreeSet::new();
    let all = records.read_until(QUIET, |record| {
        ids.extend(new_id(record));
        (3990..4001).all(|id| ids.contains(&id))
    })?;
    let last: Vec<_> = read_ids(&all[stopped..]).into_iter().collect();
    let mut expected = vec![7];
    expected.extend(3990..4001);
    assert_eq!(last, expected);
    worker.wait_state("incpause", "RUNNING").map(drop)
}

#[test]
fn a_table_that_changes_is_read_on() -> Result<()> {
    let rows = 3000;
    let chunk = [("incremental.snapshot.chunk.size", "20")];
    let (lab, worker) = started("incalter", rows, false, &chunk)?;
    execute(&lab, "incalter", "alter")?;
    let mut records = topic(&lab, "incalter")?;
    records.read_until(std::time::Duration::ZERO, |_| true)?;
    for change in ["add column w int default 5", "drop column v"] {
        let sql = format!("alter table t {change}; update t set id = id where id % 500 = 0");
        lab.postgres().query("incalter", &sql)?;
    }
    let mut missing: BTreeSet<i64> = (0..rows).collect();
    let all = records.read_until(QUIET, |record| {
        if let Some(id) = record.value["after"]["id"].as_i64() {
            missing.remove(&id);
        }
        missing.is_empty()
    })?;
    ensure!(!all.is_empty());
    let last = all.iter().rev().find(|record| record.value["op"] == "r");
    let last = last.map(|record| record.value["after"].clone());
    let lost: Vec<_> = missing.iter().take(10).collect();
    ensure!(lost.is_empty(), "lost: {lost:?} …");
    assert_eq!(last, Some(json!({"id": rows - 1, "w": 5})));
    worker.wait_state("incalter", "RUNNING").map(drop)
}
