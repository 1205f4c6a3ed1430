//! Several slots for one connector: what reaches Kafka by all of them, and what is refused.

mod kills;
mod writers;

use std::collections::BTreeMap;

use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};
use walcast_lab::{Lab, http, wait_for};
use walcast_tests::SOON;
use walcast_tests::topic::{Record, Topic};
use walcast_tests::worker::{Worker, connector};

use super::{QUIET, ensure_each_once, insert, lab, topic};

const TWO: (&str, &str) = ("walcast.slots.count", "2");
const THREE: (&str, &str) = ("walcast.slots.count", "3");

/// Rows that tell that a slot is read: so many that each of a few slots has some.
const MARKERS: i64 = 40;

/// The slots of a connector that is named as its slot.
fn slots(lab: &Lab, name: &str) -> Result<Vec<String>> {
    let sql = format!(
        "select slot_name::text from pg_replication_slots where slot_name ~ '^{name}(_[0-9]+)?$' \
         and not temporary order by 1"
    );
    let rows = lab.postgres().query(name, &sql)?;
    Ok(rows.into_iter().flatten().flatten().collect())
}

/// Waits until every slot has confirmed what is in the WAL now.
fn wait_until_confirmed(lab: &Lab, name: &str, count: usize) -> Result<()> {
    let end = lab
        .postgres()
        .query(name, "select pg_current_wal_lsn()::text")?;
    let end = (end.into_iter().flatten().flatten().next()).context("the end of the WAL")?;
    let sql = format!(
        "select slot_name::text from pg_replication_slots where slot_name ~ '^{name}(_[0-9]+)?$' \
         and confirmed_flush_lsn >= '{end}'"
    );
    wait_for("all slots to advance", SOON, || {
        let done = lab.postgres().query(name, &sql)?.len();
        Ok((done == count).then_some(()))
    })
}

/// Waits until the task fails for a reason that has these words; the whole reason.
fn failure(worker: &Worker, name: &str, words: &str) -> Result<String> {
    let mut last = String::new();
    let waited = wait_for(&format!("{name} to fail"), SOON, || {
        let Ok(status) = worker.status(name) else {
            return Ok(None);
        };
        let task = &status["tasks"][0];
        task["trace"]
            .as_str()
            .unwrap_or_default()
            .clone_into(&mut last);
        let failed = task["state"] == "FAILED" && last.contains(words);
        Ok(failed.then(|| last.clone()))
    });
    waited.with_context(|| format!("for: {words}; it says: {last}"))
}

/// Waits until the task runs, also when it had failed before.
fn wait_running(worker: &Worker, name: &str) -> Result<()> {
    wait_for(&format!("{name} to run"), SOON, || {
        let status = worker.status(name).unwrap_or_default();
        let runs = status["tasks"][0]["state"] == "RUNNING";
        Ok(runs.then_some(()))
    })
}

/// Records that a lane has published, by its name in the metrics.
fn published(worker: &Worker, lane: &str) -> Result<f64> {
    let text = http::get(&format!("{}/metrics", worker.url()))?.ok()?;
    let head = format!("walcast_cdc_records_published_total{{connector=\"{lane}\"}} ");
    let line = text.lines().find_map(|line| line.strip_prefix(&head));
    line.context("no such metric")?.parse().context("a metric")
}

#[test]
fn tables_are_spread_over_slots() -> Result<()> {
    let lab = lab("spread", 15)?;
    lab.postgres().query(
        "spread",
        "create table u(id bigint primary key, v text); create table w(id bigint primary key, v text)",
    )?;
    let worker = Worker::start(&lab, "worker", "spread", true)?;
    let by_tables = [TWO, ("walcast.slots.split", "tables")];
    insert(&lab, "spread", 0..50, 50)?;
    worker.put("spread", &connector(&lab, "spread", "spread", &by_tables))?;
    wait_running(&worker, "spread")?;
    insert(&lab, "spread", 50..100, 5)?;
    lab.postgres().query(
        "spread",
        "insert into u select i, 'u' from generate_series(1, 20) i",
    )?;
    ensure_each_once(&lab, "spread", 0..100)?;
    let mut u = Topic::open(&lab.kafka().bootstrap, "spread.public.u")?;
    ensure!(u.read(20, QUIET)?.len() == 20, "u came more than once");
    let tables =
        "select p.pubname::text, count(*)::text from pg_publication_tables p group by 1 order by 1";
    let tables = lab.postgres().query("spread", tables)?;
    let two_and_one = [["spread", "2"], ["spread_1", "1"]];
    ensure!(
        tables == two_and_one.map(|row| row.map(|cell| Some(cell.to_owned())).to_vec()),
        "{tables:?}"
    );
    ensure!(slots(&lab, "spread")? == ["spread", "spread_1"]);
    wait_until_confirmed(&lab, "spread", 2)
}

#[test]
fn another_number_of_slots_is_refused_until_the_offsets_are_reset() -> Result<()> {
    let lab = lab("recount", 18)?;
    let worker = Worker::start(&lab, "worker", "recount", true)?;
    let with = |extra: &[(&str, &str)]| connector(&lab, "recount", "recount", extra);
    worker.put("recount", &with(&[]))?;
    insert(&lab, "recount", 0..20, 5)?;
    super::arrived(&lab, "recount", 0..20)?;
    wait_until_confirmed(&lab, "recount", 1)?;

    worker.put("recount", &with(&[TWO]))?;
    failure(&worker, "recount", "has a checkpoint of one slot")?;
    worker.stop_connector("recount")?;
    worker
        .rest("DELETE", "/connectors/recount/offsets", None)?
        .ok()?;
    worker
        .rest("PUT", "/connectors/recount/resume", None)?
        .ok()?;
    wait_running(&worker, "recount")?;
    insert(&lab, "recount", 20..60, 5)?;
    super::arrived(&lab, "recount", 20..60)?;
    wait_until_confirmed(&lab, "recount", 2)?;

    for (extra, count) in [(&[][..], 1), (&[THREE], 3)] {
        worker.put("recount", &with(extra))?;
        let words = format!("was split over 2 slots, and walcast.slots.count={count}");
        failure(&worker, "recount", &words)?;
    }
    worker.put("recount", &with(&[TWO]))?;
    wait_running(&worker, "recount")?;
    insert(&lab, "recount", 60..80, 5)?;
    super::arrived(&lab, "recount", 60..80)?;

    // Back to one slot: all rows come by it, though the publication was split.
    worker.stop_connector("recount")?;
    worker
        .rest("DELETE", "/connectors/recount/offsets", None)?
        .ok()?;
    worker.put("recount", &with(&[]))?;
    worker
        .rest("PUT", "/connectors/recount/resume", None)?
        .ok()?;
    wait_running(&worker, "recount")?;
    insert(&lab, "recount", 80..120, 5)?;
    super::arrived(&lab, "recount", 80..120).map(drop)
}

#[test]
fn a_new_table_is_published_at_a_restart_and_one_that_was_split_otherwise_is_refused() -> Result<()>
{
    let lab = lab("other", 15)?;
    let worker = Worker::start(&lab, "worker", "other", false)?;
    let config = connector(&lab, "other", "other", &[TWO]);
    worker.put("other", &config)?;
    insert(&lab, "other", 0..20, 5)?;
    super::arrived(&lab, "other", 0..20)?;
    wait_until_confirmed(&lab, "other", 2)?;
    lab.postgres()
        .query("other", "create table late(id uuid primary key)")?;
    let restart = "/connectors/other/restart?includeTasks=true";
    worker.rest("POST", restart, None)?.ok()?;
    let late = "select count(*)::text from pg_publication_tables where tablename = 'late'";
    wait_for("the new table to be published", SOON, || {
        let count = lab.postgres().query("other", late)?;
        Ok((count == [[Some("2".to_owned())]]).then_some(()))
    })?;
    wait_running(&worker, "other")?;
    lab.postgres().query(
        "other",
        "alter publication other_1 set table only t, only late",
    )?;
    worker.rest("POST", restart, None)?.ok()?;
    failure(&worker, "other", "is published otherwise").map(drop)
}

#[test]
fn what_has_a_place_in_one_stream_only_is_refused_and_slots_are_dropped_on_stop() -> Result<()> {
    let lab = lab("refuse", 18)?;
    let worker = Worker::start(&lab, "worker", "refuse", false)?;
    let all = [TWO, ("publication.autocreate.mode", "all_tables")];
    let path = "/connectors/refuse/config";
    let config = connector(&lab, "refuse", "refuse", &all);
    let answer = worker.rest("PUT", path, Some(&config))?;
    ensure!(answer.status == 400, "{} {}", answer.status, answer.body);
    ensure!(
        answer.body.contains("must be filtered or disabled"),
        "{}",
        answer.body
    );

    let dropped = [THREE, ("slot.drop.on.stop", "true")];
    worker.put("refuse", &connector(&lab, "refuse", "refuse", &dropped))?;
    wait_running(&worker, "refuse")?;
    insert(&lab, "refuse", 0..20, 5)?;
    super::arrived(&lab, "refuse", 0..20)?;
    ensure!(slots(&lab, "refuse")?.len() == 3);
    let signal = json!({"type": "log", "data": {"message": "x"}});
    let table = json!({"table": "public.t"});
    for (path, body) in [("signals", signal), ("tables", table)] {
        let path = format!("/connectors/refuse/{path}");
        let answer = worker.rest("POST", &path, Some(&body))?;
        ensure!(
            answer.status == 409,
            "{path}: {} {}",
            answer.status,
            answer.body
        );
        ensure!(answer.body.contains("3 slots"), "{}", answer.body);
    }
    worker.stop_connector("refuse")?;
    ensure!(slots(&lab, "refuse")?.is_empty(), "slots are left");
    Ok(())
}

/// Publications that an administrator has made are taken as they are, or the statements are told.
#[test]
fn publications_of_an_administrator_are_held_to_the_split() -> Result<()> {
    let lab = lab("admin", 18)?;
    let worker = Worker::start(&lab, "worker", "admin", false)?;
    let extra = [TWO, ("publication.autocreate.mode", "disabled")];
    worker.put("admin", &connector(&lab, "admin", "admin", &extra))?;
    let trace = failure(&worker, "admin", "and run: ")?;
    let (_, told) = trace.split_once("and run: ").context("no statements")?;
    let told = told.lines().next().unwrap_or_default();
    lab.postgres().query("admin", told)?;
    worker
        .rest("POST", "/connectors/admin/restart?includeTasks=true", None)?
        .ok()?;
    wait_running(&worker, "admin")?;
    insert(&lab, "admin", 0..40, 5)?;
    ensure_each_once(&lab, "admin", 0..40)?;
    for lane in ["admin", "admin/1"] {
        ensure!(published(&worker, lane)? > 0.0, "{lane} has nothing");
    }
    Ok(())
}
