//! Broker and database go away and come back; what is wrong for good is said with its cure.

use anyhow::Result;
use walcast_lab::wait_for;
use walcast_tests::SOON;
use walcast_tests::worker::{Worker, connector};

use super::{arrived, ensure_each_once, insert, lab};

#[test]
fn the_broker_is_killed_and_comes_back() -> Result<()> {
    let lab = lab("broker", 18)?;
    let worker = Worker::start(&lab, "worker", "broker", true)?;
    let required = [("exactly.once.support", "required")];
    worker.put("broker", &connector(&lab, "broker", "broker", &required))?;
    worker.wait_state("broker", "RUNNING")?;
    for round in 0..2 {
        let from = round * 300;
        insert(&lab, "broker", from..from + 100, 10)?;
        lab.kafka().kill9()?;
        insert(&lab, "broker", from + 100..from + 200, 10)?;
        lab.kafka().restart()?;
        insert(&lab, "broker", from + 200..from + 300, 10)?;
    }
    ensure_each_once(&lab, "broker", 0..600)
}

#[test]
fn the_database_is_restarted() -> Result<()> {
    let lab = lab("pgdown", 18)?;
    let worker = Worker::start(&lab, "worker", "pgdown", false)?;
    worker.put("pgdown", &connector(&lab, "pgdown", "pgdown", &[]))?;
    worker.wait_state("pgdown", "RUNNING")?;
    insert(&lab, "pgdown", 0..100, 10)?;
    lab.postgres().kill9()?;
    lab.postgres().restart()?;
    insert(&lab, "pgdown", 100..200, 10)?;
    arrived(&lab, "pgdown", 0..200).map(drop)
}

#[test]
fn what_is_wrong_for_good_fails_with_its_cure() -> Result<()> {
    let lab = lab("wrong", 18)?;
    let sql = "create role plain login password 'x'; grant select on t to plain; create publication wrongpub for table t";
    lab.postgres().query("wrong", sql)?;
    let worker = Worker::start(&lab, "worker", "wrong", false)?;
    let cases: [(_, &[_], _); 2] = [
        (
            "disabled",
            &[
                ("publication.autocreate.mode", "disabled"),
                ("publication.name", "missing"),
            ],
            "CREATE PUBLICATION",
        ),
        (
            "norole",
            &[
                ("database.user", "plain"),
                ("publication.name", "wrongpub"),
                ("publication.autocreate.mode", "disabled"),
            ],
            "REPLICATION",
        ),
    ];
    for (name, extra, cure) in cases {
        worker.put(name, &connector(&lab, "wrong", name, extra))?;
        let trace = worker.wait_state(name, "FAILED")?;
        assert!(trace.contains(cure), "{name}: {trace}");
    }
    Ok(())
}

#[test]
fn wal_level_is_said_when_it_is_wrong() -> Result<()> {
    let lab = lab("level", 18)?;
    lab.postgres()
        .query("level", "alter system set wal_level = replica")?;
    lab.postgres().restart()?;
    let worker = Worker::start(&lab, "worker", "level", false)?;
    worker.put("level", &connector(&lab, "level", "level", &[]))?;
    let trace = worker.wait_state("level", "FAILED")?;
    assert!(trace.contains("wal_level=logical"), "{trace}");
    lab.postgres()
        .query("level", "alter system set wal_level = logical")?;
    lab.postgres().restart()?;
    insert(&lab, "level", 0..3, 1)?;
    worker
        .rest("POST", "/connectors/level/tasks/0/restart", None)?
        .ok()?;
    wait_for("the restarted task to run", SOON, || {
        let status = worker.status("level")?;
        Ok((status["tasks"][0]["state"] == "RUNNING").then_some(()))
    })?;
    ensure_each_once(&lab, "level", 0..3)
}
