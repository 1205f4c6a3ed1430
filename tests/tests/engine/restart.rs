//! A connector goes on where it was, after any end.

use anyhow::Result;
use walcast_tests::worker::{Worker, connector};

use super::{arrived, ensure_each_once, insert, lab};

#[test]
fn a_clean_stop_loses_and_doubles_nothing() -> Result<()> {
    let lab = lab("clean", 18)?;
    let worker = Worker::start(&lab, "worker", "clean", false)?;
    worker.put("clean", &connector(&lab, "clean", "clean", &[]))?;
    worker.wait_state("clean", "RUNNING")?;
    for round in 0..3 {
        let from = round * 200;
        insert(&lab, "clean", from..from + 100, 7)?;
        worker.stop()?;
        insert(&lab, "clean", from + 100..from + 200, 30)?;
        worker.start()?;
        worker.wait_state("clean", "RUNNING")?;
    }
    ensure_each_once(&lab, "clean", 0..600)
}

#[test]
fn a_kill_loses_nothing_at_least_once() -> Result<()> {
    let lab = lab("kill", 15)?;
    let worker = Worker::start(&lab, "worker", "kill", false)?;
    worker.put("kill", &connector(&lab, "kill", "kill", &[]))?;
    worker.wait_state("kill", "RUNNING")?;
    for round in 0..3 {
        let from = round * 3000;
        insert(&lab, "kill", from..from + 3000, 1500)?;
        worker.kill9()?;
        worker.start()?;
    }
    worker.wait_state("kill", "RUNNING")?;
    arrived(&lab, "kill", 0..9000).map(drop)
}
