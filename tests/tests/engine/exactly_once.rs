//! With exactly-once, a `read_committed` consumer sees each row once, whatever is killed.

use std::ops::Range;

use anyhow::{Result, ensure};
use walcast_lab::{Lab, wait_for};
use walcast_tests::SOON;
use walcast_tests::topic::Ends;
use walcast_tests::worker::{Worker, connector};

use super::{QUIET, arrived, ensure_each_once, insert, lab, topic};

const REQUIRED: (&str, &str) = ("exactly.once.support", "required");

#[test]
fn kills_of_the_worker_double_nothing() -> Result<()> {
    let lab = lab("eos", 18)?;
    let worker = Worker::start(&lab, "worker", "eos", true)?;
    worker.put("eos", &connector(&lab, "eos", "eos", &[REQUIRED]))?;
    worker.wait_state("eos", "RUNNING")?;
    for round in 0..4 {
        let from = round * 5000;
        // One transaction is cut anywhere in its middle; many rows of it share one LSN.
        insert(&lab, "eos", from..from + 4900, 4900)?;
        insert(&lab, "eos", from + 4900..from + 5000, 3)?;
        worker.kill9()?;
        worker.start()?;
    }
    worker.wait_state("eos", "RUNNING")?;
    ensure_each_once(&lab, "eos", 0..20_000)
}

#[test]
fn a_zombie_is_fenced() -> Result<()> {
    let lab = lab("zombie", 18)?;
    let first = Worker::start(&lab, "first", "zombie", true)?;
    first.put("zombie", &connector(&lab, "zombie", "zombie", &[REQUIRED]))?;
    first.wait_state("zombie", "RUNNING")?;
    insert(&lab, "zombie", 0..50, 5)?;
    first.pause()?;
    insert(&lab, "zombie", 50..100, 5)?;
    let second = Worker::start(&lab, "second", "zombie", true)?;
    // The frozen worker still holds the slot; the second ends that session when the group has given
    // it the connector.
    arrived(&lab, "zombie", 0..100)?;
    first.resume()?;
    insert(&lab, "zombie", 100..150, 5)?;
    ensure_each_once(&lab, "zombie", 0..150)?;
    second.stop()
}

#[test]
fn a_transaction_lasts_as_long_as_its_interval() -> Result<()> {
    let lab = lab("interval", 18)?;
    insert(&lab, "interval", 0..1, 1)?;
    let worker = Worker::start(&lab, "worker", "interval", true)?;
    let properties = [
        REQUIRED,
        ("transaction.boundary", "interval"),
        ("transaction.boundary.interval.ms", "600000"),
    ];
    let config = connector(&lab, "interval", "interval", &properties);
    worker.put("interval", &config)?;
    worker.wait_state("interval", "RUNNING")?;
    // The end of a snapshot does not wait.
    arrived(&lab, "interval", 0..1)?;
    ensure_open(&lab, 1..100, 1)?;
    // A stop ends the transaction with its checkpoint.
    worker.stop_connector("interval")?;
    worker
        .rest("PUT", "/connectors/interval/resume", None)?
        .ok()?;
    worker.wait_state("interval", "RUNNING")?;
    ensure_open(&lab, 100..200, 100)?;
    // A kill ends it without one.
    worker.kill9()?;
    worker.start()?;
    worker.put(
        "interval",
        &connector(&lab, "interval", "interval", &[REQUIRED]),
    )?;
    ensure_each_once(&lab, "interval", 0..200)
}

/// Inserts `rows`, which come in a transaction that stays open; so many records are committed.
fn ensure_open(lab: &Lab, rows: Range<i64>, committed: usize) -> Result<()> {
    let ends = Ends::of(&lab.kafka().bootstrap, "interval.public.t", 1)?;
    let all = ends.now()? + rows.end - rows.start;
    insert(lab, "interval", rows, 3)?;
    wait_for("the records of an open transaction", SOON, || {
        Ok((ends.now()? >= all).then_some(()))
    })?;
    let seen = topic(lab, "interval")?.read(committed, QUIET)?.len();
    ensure!(seen == committed, "{seen} records are committed");
    Ok(())
}

#[test]
fn required_without_a_worker_that_can_is_refused() -> Result<()> {
    let lab = lab("noeos", 18)?;
    let worker = Worker::start(&lab, "worker", "noeos", false)?;
    let config = connector(&lab, "noeos", "noeos", &[REQUIRED]);
    let answer = worker.rest("PUT", "/connectors/noeos/config", Some(&config))?;
    assert_eq!(answer.status, 400, "{}", answer.body);
    let words = "This worker does not have exactly-once source support enabled";
    assert!(answer.body.contains(words), "{}", answer.body);
    Ok(())
}
