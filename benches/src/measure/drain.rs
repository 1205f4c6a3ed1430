//! A backlog, or a table to take a snapshot of: from the PUT of the connector to the last record.

use std::thread;
use std::time::Instant;

use anyhow::{Context, Result, anyhow};

use super::watch::{Course, SlotWatch, until_drained};
use super::{Turn, set_cost};
use crate::backlog::Backlog;
use crate::connector;
use crate::figures::{Figures, Metric};
use crate::scenario::Scenario;
use crate::topic::Topic;

pub(crate) fn run(turn: &Turn<'_>, backlog: &Backlog) -> Result<Figures> {
    let stage = turn.stage;
    let bootstrap = &stage.lab.kafka().bootstrap;
    let topic = Topic::create(bootstrap, &connector::topic(&turn.name), false)?;
    let slots = turn.engine.slots();
    let _slots = match turn.scenario {
        Scenario::Snapshot => vec![backlog.slot_to_come(&turn.name)?],
        _ => backlog.slots(&turn.name, slots)?,
    };
    let worker = stage.hire(turn.engine)?;
    let config = stage.connector(&backlog.database, &turn.name, turn.engine, turn.scenario);
    let watch = SlotWatch::new(turn, backlog)?;
    let sampler = stage.sampler(&backlog.database)?;
    sampler.engine_is(worker.pid().context("the worker has ended")?);

    let begun = Instant::now();
    let course = thread::scope(|scope| {
        // The task may be at work before the PUT is answered.
        let put = scope.spawn(|| worker.put(&turn.name, &config));
        let course = until_drained(turn, &watch, &topic, &sampler, backlog.records);
        let put = put.join().map_err(|_| anyhow!("the PUT panicked"))?;
        put.and(course)
    });
    let told = course.is_err().then(|| worker.told(&turn.name));
    worker.delete(&turn.name)?;
    let course = course.with_context(|| told.unwrap_or_default())?;
    let mut figures = figures(turn, backlog, begun, &course);
    set_cost(
        &mut figures,
        &sampler,
        course.cpu_before,
        course.cpu_after,
        Some(backlog.changes),
    );
    Ok(figures)
}

fn figures(turn: &Turn<'_>, backlog: &Backlog, begun: Instant, course: &Course) -> Figures {
    let mut figures = Figures::default();
    let rows = backlog.changes as f64;
    let from_first = course.last - course.first;
    // A snapshot begins with a table that is read; when the slot is made says little.
    let seconds = match (turn.scenario, course.reading) {
        (Scenario::Snapshot, _) | (_, None) => from_first,
        (_, Some(reading)) => course.last - reading,
    };
    figures.set(Metric::Rows, rows);
    figures.set(Metric::RowsPerS, rows / seconds.as_secs_f64());
    figures.set(Metric::Seconds, seconds.as_secs_f64());
    let from_put = (course.last - begun).as_secs_f64();
    figures.set(Metric::SecondsFromPut, from_put);
    figures.set(Metric::SecondsFromFirst, from_first.as_secs_f64());
    let first = (course.first - begun).as_secs_f64();
    figures.set(Metric::FirstRecordS, first);
    let startup = course.reading.map(|reading| reading - begun);
    figures.set_if(Metric::StartupS, startup.map(|time| time.as_secs_f64()));
    figures
}
