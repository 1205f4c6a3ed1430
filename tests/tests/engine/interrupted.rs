//! Snapshots that are interrupted while others write: in the end the topic says what the table holds.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use walcast_lab::{Lab, http, wait_for};
use walcast_tests::SOON;
use walcast_tests::topic::Record;
use walcast_tests::worker::{Worker, connector};

use super::{QUIET, lab, topic};

/// Rows of the table when the snapshot begins.
const ROWS: i64 = 20_000;

/// What a column that was not sent holds.
const UNAVAILABLE: &str = "__debezium_unavailable_value";

/// A table whose rows move when they are updated, with a column that is stored out of line.
const TABLE: &str = "alter table t add big text; alter table t alter big set storage external";

/// Small pieces, so that there are many, sent in small requests, so that it takes a while.
const SLOWLY: [(&str, &str); 3] = [
    ("walcast.snapshot.chunk.blocks", "4"),
    ("producer.override.batch.size", "8000"),
    (
        "producer.override.max.in.flight.requests.per.connection",
        "1",
    ),
];

fn prepare(name: &str, version: u8) -> Result<Lab> {
    let lab = lab(name, version)?;
    let fill = format!(
        "{TABLE}; insert into t select i, 'v' || i, case when i % 5 = 0 then repeat(md5(i::text), 100) end \
         from generate_series(1, {ROWS}) i"
    );
    lab.postgres().query(name, &fill)?;
    Ok(lab)
}

/// Changes random rows until told to stop.
fn write(lab: &Lab, name: &str, stop: &AtomicBool) -> Result<()> {
    let any = format!("(random() * {ROWS})::bigint");
    while !stop.load(Ordering::Acquire) {
        let sql = format!(
            "update t set v = v || 'u' where id in (select {any} from generate_series(1, 40)); \
             delete from t where id in (select {any} from generate_series(1, 3)); \
             insert into t select {any}, 'again', repeat('x', 3000) on conflict do nothing"
        );
        lab.postgres().query(name, &sql)?;
    }
    Ok(())
}

/// Waits until more than `count` records are on the topic.
fn wait_for_records(lab: &Lab, name: &str, count: usize) -> Result<()> {
    let begun = Instant::now();
    let mut seen = 0;
    topic(lab, name)?.read_until(Duration::ZERO, |_| {
        seen += 1;
        seen > count
    })?;
    ensure!(seen > count, "{seen} records after {:?}", begun.elapsed());
    Ok(())
}

/// What a consumer that keeps the newest row of each key holds in the end.
fn fold(records: &[Record]) -> BTreeMap<i64, (String, Option<String>)> {
    let mut rows: BTreeMap<i64, (String, Option<String>)> = BTreeMap::new();
    for record in records {
        let Some(id) = record.key["id"].as_i64() else {
            continue;
        };
        let after = &record.value["after"];
        if after.is_null() {
            rows.remove(&id);
            continue;
        }
        let text = |field: &str| after[field].as_str().map(str::to_owned);
        let big = match text("big") {
            Some(big) if big == UNAVAILABLE => rows.get(&id).and_then(|(_, big)| big.clone()),
            big => big,
        };
        rows.insert(id, (text("v").unwrap_or_default(), big));
    }
    rows
}

/// Reads the topic until a marker row has come; compares it with the table.
fn ensure_equal(lab: &Lab, name: &str) -> Result<()> {
    lab.postgres()
        .query(name, "insert into t values (-1, 'marker')")?;
    let mut records = topic(lab, name)?;
    let records = records.read_until(QUIET, |record| record.key["id"] == -1)?;
    let table = lab
        .postgres()
        .query(name, "select id::text, v, big from t")?;
    let mut expected = BTreeMap::new();
    for row in table {
        let [Some(id), v, big] = &row[..] else {
            continue;
        };
        expected.insert(id.parse()?, (v.clone().unwrap_or_default(), big.clone()));
    }
    let got = fold(records);
    let wrong: Vec<_> = expected
        .iter()
        .filter(|(id, row)| got.get(id) != Some(row))
        .map(|(id, (v, _))| {
            (
                id,
                v,
                got.get(id)
                    .map(|(v, big)| (v, big.as_ref().map(String::len))),
            )
        })
        .take(5)
        .collect();
    ensure!(wrong.is_empty(), "rows differ: {wrong:?}");
    let extra: Vec<_> = got
        .keys()
        .filter(|id| !expected.contains_key(id))
        .take(5)
        .collect();
    ensure!(
        extra.is_empty(),
        "rows that the table does not have: {extra:?}"
    );
    Ok(())
}

/// The value of a metric that has no other label than the connector's.
fn metric(worker: &Worker, name: &str) -> Result<Option<f64>> {
    let text = http::get(&format!("{}/metrics", worker.url()))?.ok()?;
    let line = text
        .lines()
        .find(|line| line.starts_with(&format!("{name}{{")));
    let value = line.and_then(|line| line.rsplit(' ').next());
    value
        .map(|value| value.parse().context("a metric's value"))
        .transpose()
}

/// Kills the worker in the middle of the snapshot, runs `meanwhile`, and lets it end.
fn interrupted(
    name: &str,
    version: u8,
    exactly_once: bool,
    extra: &[(&str, &str)],
    meanwhile: impl Fn(&Lab) -> Result<()>,
) -> Result<()> {
    let lab = prepare(name, version)?;
    let worker = Worker::start(&lab, "worker", name, exactly_once)?;
    let stop = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let writer = scope.spawn(|| write(&lab, name, &stop));
        let run = || -> Result<()> {
            worker.put(name, &connector(&lab, name, name, extra))?;
            wait_for_records(&lab, name, 4000)?;
            worker.kill9()?;
            meanwhile(&lab)?;
            worker.start()?;
            worker.wait_state(name, "RUNNING")?;
            wait_for("the snapshot to be complete", SOON, || {
                let complete = metric(&worker, "debezium_metrics_SnapshotCompleted")?;
                Ok((complete == Some(1.0)).then_some(()))
            })
        };
        let ran = run();
        stop.store(true, Ordering::Release);
        let wrote = writer.join();
        ran?;
        wrote.map_err(|_| anyhow::anyhow!("the writer panicked"))?
    })?;
    let resumed = metric(&worker, "walcast_cdc_snapshot_resumed")?;
    ensure!(resumed == Some(1.0), "it began anew: {resumed:?}");
    ensure_equal(&lab, name)
}

#[test]
fn a_killed_snapshot_goes_on_and_ends_as_the_table() -> Result<()> {
    interrupted("resume", 18, false, &SLOWLY, |_| Ok(()))
}

#[test]
fn several_streams_exactly_once_go_on_too() -> Result<()> {
    let extra = [&SLOWLY[..], &[("snapshot.max.threads", "3")]].concat();
    interrupted("resumemany", 18, true, &extra, |_| Ok(()))
}

/// A row is out, the worker is killed, and the row is deleted before the snapshot goes on: what tells
/// of its deletion is only the slot, if the snapshot stays the one that read it.
#[test]
fn a_row_that_is_deleted_after_the_first_was_out_does_not_stay() -> Result<()> {
    let lab = prepare("early", 18)?;
    let worker = Worker::start(&lab, "worker", "early", false)?;
    worker.put("early", &connector(&lab, "early", "early", &SLOWLY))?;
    let mut records = topic(&lab, "early")?;
    let first = records.read_until(Duration::ZERO, |_| true)?;
    worker.kill9()?;
    let key = first.first().context("no record came")?.key["id"].clone();
    let change = format!("delete from t where id = {key}; insert into t values (-1, 'marker')");
    lab.postgres().query("early", &change)?;
    worker.start()?;
    let is_streamed_marker = |r: &Record| r.key["id"] == -1 && r.value["op"] == "c";
    let all = records.read_until(QUIET, is_streamed_marker)?;
    let last = all.iter().rfind(|record| record.key["id"] == key);
    ensure!(
        last.is_some_and(|record| record.value.is_null()),
        "the table has no {key}, the topic {last:?}"
    );
    Ok(())
}

#[test]
fn a_table_that_was_rewritten_meanwhile_is_read_anew() -> Result<()> {
    let rewrite = |lab: &Lab| lab.postgres().query("rewrite", "vacuum full t").map(drop);
    interrupted("rewrite", 15, false, &SLOWLY, rewrite)
}

#[test]
fn several_streams_mark_first_and_last_rows() -> Result<()> {
    let lab = prepare("marks", 18)?;
    let worker = Worker::start(&lab, "worker", "marks", false)?;
    let extra = [SLOWLY[0], ("snapshot.max.threads", "4")];
    worker.put("marks", &connector(&lab, "marks", "marks", &extra))?;
    let mut records = topic(&lab, "marks")?;
    let count = usize::try_from(ROWS)?;
    let records = records.read(count, QUIET)?;
    ensure!(records.len() == count, "{} records", records.len());
    let marks: Vec<_> = records
        .iter()
        .map(|r| r.value["source"]["snapshot"].as_str().unwrap_or_default())
        .collect();
    ensure!(marks.first() == Some(&"first") && marks.last() == Some(&"last"));
    ensure!(marks[1..count - 1].iter().all(|mark| *mark == "true"));
    Ok(())
}
