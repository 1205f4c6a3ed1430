//! A connector to which nothing happens.

use std::thread;
use std::time::Duration;

use anyhow::{Context, Result};

use super::watch::SlotWatch;
use super::{Turn, set_cost};
use crate::backlog::Backlog;
use crate::connector;
use crate::figures::{Figures, Metric};
use crate::process;
use crate::topic::Topic;

/// What the start may still take after the slot is read.
const SETTLE: Duration = Duration::from_secs(3);

pub(crate) fn run(turn: &Turn<'_>, backlog: &Backlog) -> Result<Figures> {
    let stage = turn.stage;
    let bootstrap = &stage.lab.kafka().bootstrap;
    let _topic = Topic::create(bootstrap, &connector::topic(&turn.name), false)?;
    let _slot = backlog.new_slot(&turn.name)?;
    let worker = stage.hire(turn.engine)?;
    let config = stage.connector(&backlog.database, &turn.name, turn.engine, turn.scenario);
    let engine = worker.pid().context("the worker has ended")?;
    let sampler = stage.sampler(&backlog.database)?;
    worker.put(&turn.name, &config)?;
    let reading = SlotWatch::new(turn, backlog)?.wait();
    reading.with_context(|| worker.told(&turn.name))?;
    thread::sleep(SETTLE);

    sampler.engine_is(engine);
    let before = sampler.cpu();
    thread::sleep(turn.options.idle());
    let after = sampler.cpu();
    let mut figures = Figures::default();
    figures.set(Metric::Seconds, turn.options.idle().as_secs_f64());
    figures.set_if(Metric::ResidentMb, process::resident_mb(engine));
    set_cost(&mut figures, &sampler, before, after, None);
    worker.delete(&turn.name)?;
    Ok(figures)
}
