//! Single-row transactions at a fixed rate while the connector runs: how late records come.

use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, anyhow, ensure};

use super::latency::{self, Arrival};
use super::watch::{STALL_LIMIT, SlotWatch};
use super::writers::{Writers, schedule};
use super::{Turn, set_cost};
use crate::backlog::Backlog;
use crate::connector;
use crate::figures::{Figures, Metric};
use crate::topic::{Reader, Topic};

/// What is not timed at the beginning.
const WARM_UP: Duration = Duration::from_secs(5);

/// How long the last records are waited for.
const DRAIN_LIMIT: Duration = Duration::from_secs(15);

pub(crate) fn run(turn: &Turn<'_>, backlog: &Backlog, rate: u32) -> Result<Figures> {
    let stage = turn.stage;
    // Each run writes the same ids, and to a table of the same size.
    backlog.connection().run("TRUNCATE outbox")?;
    let bootstrap = &stage.lab.kafka().bootstrap;
    let topic = Topic::create(bootstrap, &connector::topic(&turn.name), true)?;
    let _slot = backlog.new_slot(&turn.name)?;
    let writers = Writers::connect(&stage.lab.postgres().url_of(&backlog.database))?;
    let worker = stage.hire(turn.engine)?;
    let config = stage.connector(&backlog.database, &turn.name, turn.engine, turn.scenario);
    let sampler = stage.sampler(&backlog.database)?;
    sampler.engine_is(worker.pid().context("the worker has ended")?);
    worker.put(&turn.name, &config)?;
    let reader = topic.reader(0)?;
    let ready = pass_one_row(turn, backlog, &reader).with_context(|| worker.told(&turn.name));

    let due = schedule(rate, WARM_UP + turn.options.live());
    let before = sampler.cpu();
    let written = ready.and_then(|()| write_and_read(writers, &due, &reader));
    let after = sampler.cpu();
    worker.delete(&turn.name)?;
    let (begun_us, arrivals) = written?;

    let mut figures = latency::figures(&arrivals, &due, begun_us, WARM_UP);
    let sent = u64::try_from(due.len())?;
    figures.set(Metric::Rows, sent as f64);
    set_cost(&mut figures, &sampler, before, after, Some(sent));
    Ok(figures)
}

/// Waits until the slot is read and a row has come through: what only the first row meets is not
/// what a live scenario is about.
fn pass_one_row(turn: &Turn<'_>, backlog: &Backlog, reader: &Reader) -> Result<()> {
    SlotWatch::new(turn, backlog)?.wait()?;
    reader.wait_for_end()?;
    backlog.connection().run(
        "INSERT INTO outbox (aggregate_type, aggregate_id, event_type, payload) \
         VALUES ('experiment', 'first', 'page_view', '{}')",
    )?;
    let begun = Instant::now();
    while reader.next()?.is_none() {
        ensure!(begun.elapsed() < STALL_LIMIT, "the first row does not come");
    }
    Ok(())
}

/// Writes the schedule, and reads until all has come or nothing more is to be hoped for. Gives when
/// writing began, and what came.
fn write_and_read(
    writers: Writers,
    due: &[Duration],
    reader: &Reader,
) -> Result<(i64, Vec<Arrival>)> {
    let begun_us = AtomicI64::new(0);
    let is_written = AtomicBool::new(false);
    thread::scope(|scope| {
        let writing = scope.spawn(|| {
            let written = writers.write(due, |now| begun_us.store(now, Ordering::SeqCst));
            is_written.store(true, Ordering::SeqCst);
            written
        });
        let arrivals = read(reader, due.len(), &is_written);
        let written = writing
            .join()
            .map_err(|_| anyhow!("the writers panicked"))?;
        written?;
        Ok((begun_us.load(Ordering::SeqCst), arrivals?))
    })
}

fn read(reader: &Reader, count: usize, is_written: &AtomicBool) -> Result<Vec<Arrival>> {
    let mut arrivals = Vec::with_capacity(count);
    let mut written: Option<Instant> = None;
    while arrivals.len() < count {
        if let Some(message) = reader.next()? {
            arrivals.extend(Arrival::read(&message));
        }
        if written.is_none() && is_written.load(Ordering::SeqCst) {
            written = Some(Instant::now());
        }
        if written.is_some_and(|at| at.elapsed() > DRAIN_LIMIT) {
            break;
        }
    }
    Ok(arrivals)
}
