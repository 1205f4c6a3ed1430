//! Three slots, three writers at random, and a worker that is killed in snapshot and stream.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use super::writers::{self, TABLES};
use super::*;

/// One writer for each slot, though their rows go to all slots.
const WRITERS: i64 = 3;

/// Small pieces, sent in small requests, so that the snapshot is killed in its middle.
const SLOWLY: [(&str, &str); 3] = [
    ("walcast.snapshot.chunk.blocks", "1"),
    ("producer.override.batch.size", "8000"),
    (
        "producer.override.max.in.flight.requests.per.connection",
        "1",
    ),
];

/// Kills the worker each time that so many further records are there.
fn kill_often(lab: &Lab, name: &str, worker: &Worker) -> Result<()> {
    for count in [300, 2000, 5000, 7500] {
        let mut seen = 0;
        topic(lab, name)?.read_until(Duration::ZERO, |_| {
            seen += 1;
            seen > count
        })?;
        ensure!(seen > count, "{seen} records");
        worker.kill9()?;
        worker.start()?;
    }
    worker.wait_state(name, "RUNNING").map(drop)
}

/// Kills the worker as soon as each step of the first start shows: a slot more, a checkpoint.
fn kill_at_each_step(lab: &Lab, name: &str, worker: &Worker) -> Result<()> {
    for count in 1..=3 {
        wait_for("a slot more", SOON, || {
            Ok((slots(lab, name)?.len() >= count).then_some(()))
        })?;
        worker.kill9()?;
        worker.start()?;
    }
    wait_for("a checkpoint", SOON, || {
        let answer = worker.rest("GET", &format!("/connectors/{name}/offsets"), None)?;
        Ok(answer.body.contains("lsn").then_some(()))
    })?;
    worker.kill9()?;
    worker.start()?;
    kill_often(lab, name, worker)
}

type Kill = fn(&Lab, &str, &Worker) -> Result<()>;

fn killed(name: &str, version: u8, exactly_once: bool, kill: Kill) -> Result<()> {
    let lab = lab(name, version)?;
    writers::prepare(&lab, name, WRITERS)?;
    let worker = Worker::start(&lab, "worker", name, exactly_once)?;
    let stop = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let (lab, stop) = (&lab, &stop);
        let started: Vec<_> = (0..WRITERS)
            .map(|number| scope.spawn(move || writers::write(lab, name, number, stop)))
            .collect();
        let extra = [&SLOWLY[..], &[THREE]].concat();
        let ran = worker
            .put(name, &connector(lab, name, name, &extra))
            .and_then(|()| kill(lab, name, &worker));
        stop.store(true, Ordering::Release);
        for writer in started {
            writer
                .join()
                .map_err(|_| anyhow::anyhow!("a writer panicked"))??;
        }
        ran
    })?;
    let mut counts = BTreeMap::new();
    for table in TABLES {
        let records = writers::all_records(&lab, name, table)?;
        writers::ensure_ends_as_the_table(&lab, name, table, &records)?;
        writers::ensure_in_order(&records, exactly_once)?;
        counts.insert(table, records.len());
    }
    for lane in [name.to_owned(), format!("{name}/1"), format!("{name}/2")] {
        ensure!(published(&worker, &lane)? > 0.0, "{lane} has nothing");
    }
    wait_until_confirmed(&lab, name, 3)?;
    ensure_a_stop_leaves_nothing(&lab, name, &worker, &counts)
}

/// After a clean stop and a start nothing comes again.
fn ensure_a_stop_leaves_nothing(
    lab: &Lab,
    name: &str,
    worker: &Worker,
    counts: &BTreeMap<&str, usize>,
) -> Result<()> {
    worker.stop()?;
    worker.start()?;
    worker.wait_state(name, "RUNNING")?;
    lab.postgres()
        .query(name, "insert into t values (-1000, 'after')")?;
    for (table, count) in counts {
        let mut records = Topic::open(&lab.kafka().bootstrap, &format!("{name}.public.{table}"))?;
        let expected = count + usize::from(*table == "t");
        let found = records.read(expected, QUIET)?.len();
        ensure!(
            found == expected,
            "{table}: {found} records, not {expected}"
        );
    }
    Ok(())
}

#[test]
fn three_slots_and_kills_end_as_the_tables_at_least_once() -> Result<()> {
    killed("lanes", 15, false, kill_often)
}

#[test]
fn three_slots_and_kills_double_nothing_exactly_once() -> Result<()> {
    killed("lanesonce", 18, true, kill_often)
}

#[test]
fn kills_between_the_steps_of_the_first_start_lose_and_double_nothing() -> Result<()> {
    killed("lanesteps", 18, true, kill_at_each_step)
}
