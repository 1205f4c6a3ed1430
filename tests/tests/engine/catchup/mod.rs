//! A backlog that is read by SQL: the records of streaming, in its order, whatever is killed.

mod backlog;
mod handover;
mod refusals;
mod run;

use std::collections::{HashMap, HashSet};
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use walcast_lab::{Lab, wait_for};
use walcast_tests::SOON;
use walcast_tests::topic::{Record, Topic};
use walcast_tests::worker::{Worker, connector};

use super::{QUIET, counts};
use backlog::{Backlog, LAST};
use run::{Run, SMALL, Volatile, wait_text, without_sequences};

/// The log's words at the begin and the end of catch-up.
const BEGINS: &str = "a backlog is read by SQL";
const ENDS: &str = "streaming goes on from here";

/// A worker's connector that reads its backlog by SQL, exactly once.
const EXACTLY_ONCE: [(&str, &str); 5] = [
    SMALL[0],
    SMALL[1],
    ("exactly.once.support", "required"),
    ("publication.autocreate.mode", "disabled"),
    ("snapshot.mode", "no_data"),
];

/// What streaming gives of the whole backlog.
fn streamed(lab: &Lab, backlog: &Backlog<'_>, database: &str) -> Result<Vec<String>> {
    backlog.slot("streamed")?;
    let off = ("walcast.catchup.enabled", "false");
    let run = Run::new(lab, database, "streamed", &[off])?;
    run.service.start()?;
    run.wait_text(LAST)?;
    run.service.stop()?;
    ensure!(run.logged(BEGINS)? == 0, "it did not stream");
    run.records()
}

/// The ids up to 120,000 that did not come: the first, the last, and how many.
fn missing(read: &[Record]) -> (Option<u64>, Option<u64>, usize) {
    let id = |record: &Record| record.value["after"]["id"].as_u64();
    let came: HashSet<u64> = read.iter().filter_map(id).collect();
    let lost: Vec<u64> = (0..=120_000).filter(|id| !came.contains(id)).collect();
    (lost.first().copied(), lost.last().copied(), lost.len())
}

fn is_last(record: &Record) -> bool {
    record.value["after"]["v"] == LAST
}

/// Where two runs differ first.
fn ensure_same(streamed: &[String], read: &[String]) -> Result<()> {
    let differ = streamed.iter().zip(read).position(|(a, b)| a != b);
    if let Some(at) = differ {
        let (a, b) = (&streamed[at], &read[at]);
        anyhow::bail!("record {at} differs\nstreamed {a}\nby SQL   {b}");
    }
    ensure!(
        streamed.len() == read.len(),
        "{} records streamed, {} by SQL",
        streamed.len(),
        read.len()
    );
    Ok(())
}

/// At least once and in order: each record follows the one before it, or the run goes back, at most
/// `faults` times.
fn ensure_no_gap(streamed: &[String], read: &[String], faults: usize) -> Result<()> {
    let (streamed, read) = (without_sequences(streamed)?, without_sequences(read)?);
    let places: HashMap<&str, usize> = streamed
        .iter()
        .enumerate()
        .map(|(place, record)| (&**record, place))
        .collect();
    ensure!(places.len() == streamed.len(), "two records are the same");
    let (mut next, mut back) = (0, 0);
    for record in &read {
        let place = *places
            .get(&**record)
            .with_context(|| format!("streaming has no {record}"))?;
        ensure!(
            place <= next,
            "{} are missing before {record}",
            place - next
        );
        back += usize::from(place < next);
        next = place + 1;
    }
    ensure!(
        next == streamed.len(),
        "{} of {} came",
        next,
        streamed.len()
    );
    ensure!(
        back <= faults,
        "it went back {back} times in {faults} faults"
    );
    Ok(())
}

#[test]
fn a_backlog_read_by_sql_is_what_streaming_gives() -> Result<()> {
    let lab = Lab::builder("catchup").postgres(18).start()?;
    let backlog = Backlog::new(&lab, "cu")?;
    backlog.write(1, 60)?;
    backlog.rows(1, 100_000)?;
    backlog.write(2, 60)?;
    for name in ["read", "killed", "wide"] {
        backlog.slot(name)?;
    }
    let read = Run::new(&lab, "cu", "read", &SMALL)?;
    read.service.start()?;
    // It catches up and goes on streaming in the midst of it.
    backlog.write(3, 60)?;
    read.wait_text(ENDS)?;
    backlog.write(4, 10)?;
    backlog.end()?;
    read.wait_text(LAST)?;
    read.service.stop()?;
    let expected = streamed(&lab, &backlog, "cu")?;
    ensure!(read.logged(BEGINS)? == 1, "{}", read.log()?);
    ensure_same(&expected, &read.records()?)?;

    let wide = [SMALL[0], ("walcast.catchup.batch.bytes", "4000000")];
    let wide = Run::new(&lab, "cu", "wide", &wide)?;
    wide.service.start()?;
    wide.wait_text(LAST)?;
    wide.service.stop()?;
    wide.ensure_logged(ENDS)?;
    ensure_same(&expected, &wide.records()?)?;
    ensure_no_gap(&expected, &killed(&lab, &backlog)?.records()?, 5)
}

/// A run that is killed, stopped and cut off while it reads by SQL.
fn killed(lab: &Lab, backlog: &Backlog<'_>) -> Result<Run> {
    let run = Run::new(lab, "cu", "killed", &SMALL)?;
    run.service.launch()?;
    for fault in 0..5 {
        run.wait_written(run.written()? + 500_000)?;
        match fault {
            0 | 2 => {
                run.service.kill9()?;
                run.service.launch()?;
            }
            1 => run.service.restart()?,
            // The session that reads a batch, and the one that holds the lock.
            3 => backlog.sql(
                "select pg_terminate_backend(active_pid) from pg_replication_slots where temporary",
            )?,
            _ => backlog.sql(
                "select pg_terminate_backend(pid) from pg_locks where locktype = 'advisory'",
            )?,
        }
    }
    run.wait_text(LAST)?;
    run.service.stop()?;
    ensure!(run.logged(BEGINS)? >= 4, "{}", run.log()?);
    Ok(run)
}

#[test]
fn exactly_once_holds_when_the_worker_is_killed_in_a_backlog() -> Result<()> {
    let lab = Lab::builder("catchupeos").postgres(15).kafka().start()?;
    let backlog = Backlog::new(&lab, "cx")?;
    for part in 0..4 {
        backlog.rows(1 + part * 30_000, 29_000)?;
        backlog.write(part, 10)?;
        backlog.rows(1 + part * 30_000 + 29_000, 1000)?;
    }
    backlog.end()?;
    backlog.slot("cx")?;
    let worker = Worker::start(&lab, "worker", "cx", true)?;
    worker.put("cx", &connector(&lab, "cx", "cx", &EXACTLY_ONCE))?;
    let mut topic = Topic::open(&lab.kafka().bootstrap, "cx.public.t")?;
    for kill in 1..4 {
        topic.read_until(Duration::ZERO, |record| {
            record.value["after"]["id"].as_u64() >= Some(kill * 25_000)
        })?;
        worker.kill9()?;
        worker.start()?;
    }
    let read = topic.read_until(QUIET, is_last)?;
    let log = std::fs::read_to_string(worker.spec().log())?;
    ensure!(read.last().is_some_and(is_last), "it did not end:\n{log}");
    let begun = log.matches(BEGINS).count();
    ensure!(begun >= 2, "a backlog was read by SQL {begun} times");
    ensure!(!log.contains("past the checkpoint"), "{log}");
    let expected = streamed(&lab, &backlog, "cx")?;
    let is_of_t = |record: &&String| record.starts_with("{\"topic\":\"cx.public.t\"");
    let expected: Vec<_> = expected.iter().filter(is_of_t).cloned().collect();
    let volatile = Volatile::new()?;
    let expected = without_sequences(&expected)?;
    if read.len() != expected.len() {
        let again = Topic::open(&lab.kafka().bootstrap, "cx.public.t")?
            .read_until(QUIET, is_last)?
            .len();
        let missing = missing(read);
        anyhow::bail!(
            "{} of {} came, {again} to a second reader; missing {missing:?}:\n{log}",
            read.len(),
            expected.len()
        );
    }
    let values: Vec<_> = read
        .iter()
        .map(|record| volatile.strip(&record.value.to_string()))
        .collect();
    for (value, expected) in without_sequences(&values)?.iter().zip(&expected) {
        ensure!(expected.contains(value), "{value} is not in {expected}");
    }
    Ok(())
}

#[test]
fn a_frozen_worker_that_reads_a_backlog_gives_way() -> Result<()> {
    let lab = Lab::builder("catchupzombie").postgres(18).kafka().start()?;
    let backlog = Backlog::new(&lab, "cz")?;
    for part in 0..60 {
        backlog.rows(1 + part * 5000, 5000)?;
    }
    backlog.slot("cz")?;
    let first = Worker::start(&lab, "first", "cz", true)?;
    first.put("cz", &connector(&lab, "cz", "cz", &EXACTLY_ONCE))?;
    wait_text(&first, BEGINS)?;
    first.pause()?;
    backlog.end()?;
    let second = Worker::start(&lab, "second", "cz", true)?;
    let mut topic = Topic::open(&lab.kafka().bootstrap, "cz.public.t")?;
    topic.read_until(Duration::ZERO, is_last)?;
    first.resume()?;
    let counts = counts(topic.read_until(QUIET, |_| true)?);
    ensure!(counts.len() == 300_002, "{} rows came", counts.len());
    let doubled = counts.values().filter(|count| **count > 1).count();
    ensure!(doubled == 0, "{doubled} rows came twice");
    wait_text(&second, "that session was ended")?;
    let copies = "select count(*) from pg_replication_slots where temporary";
    ensure!(backlog.figure(copies)? == "0", "a copy was left behind");
    second.stop()
}

#[test]
fn wal_is_released_and_the_watchdog_keeps_still_meanwhile() -> Result<()> {
    let lab = Lab::builder("catchupwal").postgres(18).start()?;
    let backlog = Backlog::new(&lab, "cw")?;
    // The server takes longer to decode it than the watchdog waits.
    backlog.rows(1, 400_000)?;
    for part in 0..50 {
        backlog.rows(500_000 + part * 10_000, 10_000)?;
    }
    backlog.end()?;
    backlog.slot("cw")?;
    let behind = "select pg_current_wal_lsn() - confirmed_flush_lsn from pg_replication_slots where slot_name = 'cw'";
    let before: u64 = backlog.figure(behind)?.parse()?;
    let mut extra = SMALL.to_vec();
    extra.push(("walcast.watchdog.timeout.ms", "1000"));
    let run = Run::new(&lab, "cw", "cw", &extra)?;
    run.service.start()?;
    let seen = wait_for(
        "the slot to move on while the backlog is read",
        SOON,
        || {
            let now: u64 = backlog.figure(behind)?.parse()?;
            let by_sql = run.logged(BEGINS).unwrap_or(0) > 0 && run.logged(ENDS)? == 0;
            Ok((now < before * 9 / 10).then_some(by_sql))
        },
    )?;
    ensure!(seen, "the slot moved only when streaming went on");
    run.wait_text(LAST)?;
    run.service.stop()?;
    ensure!(run.logged("stands still")? == 0, "{}", run.log()?);
    Ok(())
}
