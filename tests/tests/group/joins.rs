//! Workers that die while they join keep nobody waiting.

use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use walcast_lab::{Lab, http, wait_for};
use walcast_tests::SOON;
use walcast_tests::worker::Worker;

/// The group finds the dead one after `session.timeout.ms`, 6 s; a busy machine takes its time too.
const LIMIT: Duration = Duration::from_secs(20);

/// How long after its start each worker in the row is killed: while it joins, since the one before is
/// still waited for.
const DELAYS_MS: [u64; 6] = [10, 100, 300, 1000, 30, 500];

/// Shards that the worker holds.
fn shards(worker: &Worker) -> Result<usize> {
    let text = http::get(&format!("{}/metrics", worker.url()))?.ok()?;
    let line = text
        .lines()
        .find_map(|line| line.strip_prefix("walcast_connect_shards "));
    line.map_or(Ok(0), |count| count.parse().context("a count of shards"))
}

/// Waits until the worker holds all that there is; how long that took.
fn joined(worker: &Worker) -> Result<Duration> {
    let begun = Instant::now();
    wait_for("the worker to hold all shards", SOON * 2, || {
        Ok((shards(worker)? == 25).then_some(()))
    })?;
    Ok(begun.elapsed())
}

#[test]
fn workers_that_die_while_they_join_keep_nobody_waiting() -> Result<()> {
    let lab = Lab::builder("joins").postgres(18).kafka().start()?;
    let worker = Worker::start(&lab, "worker", "joins", false)?;
    joined(&worker)?;
    for kills in 1..=DELAYS_MS.len() {
        for delay in &DELAYS_MS[..kills] {
            worker.kill9()?;
            worker.start()?;
            std::thread::sleep(Duration::from_millis(*delay));
        }
        let took = joined(&worker)?;
        ensure!(took < LIMIT, "after {kills} kills it joined in {took:?}");
    }
    worker.stop()
}
