//! From the start of a process to its first record, with a slot that is there and rows that wait.

use std::fs;
use std::time::Instant;

use anyhow::{Context, Result, bail, ensure};
use walcast_lab::{Service, Spec};

use super::watch::STALL_LIMIT;
use super::{Turn, set_cost};
use crate::backlog::Backlog;
use crate::connector;
use crate::engine::Runner;
use crate::figures::{Figures, Metric};
use crate::topic::{Reader, Topic};

/// What waits in the WAL, and stays so in each run.
const ROWS: &str = "INSERT INTO outbox (aggregate_type, aggregate_id, event_type, payload) \
    SELECT 'experiment', g::text, 'page_view', '{}' FROM generate_series(1, 100) g";

/// So many.
const ROW_COUNT: u32 = 100;

pub(crate) fn run(turn: &Turn<'_>, backlog: &Backlog) -> Result<Figures> {
    let mut figures = of_worker(turn, backlog)?;
    let is_at_least_once = !turn.engine.is_exactly_once();
    if turn.engine.runner() == Runner::Walcast && is_at_least_once {
        let started = of_program(turn, backlog)?;
        figures.set(Metric::StartMs, started);
    }
    Ok(figures)
}

/// The worker is stopped with a connector in its topics, and started again.
fn of_worker(turn: &Turn<'_>, backlog: &Backlog) -> Result<Figures> {
    let stage = turn.stage;
    let bootstrap = &stage.lab.kafka().bootstrap;
    let topic = Topic::create(bootstrap, &connector::topic(&turn.name), false)?;
    let _slot = backlog.new_slot(&turn.name)?;
    let worker = stage.hire(turn.engine)?;
    let config = stage.connector(&backlog.database, &turn.name, turn.engine, turn.scenario);
    worker.put(&turn.name, &config)?;
    worker.wait_running(&turn.name)?;
    worker.stop()?;
    backlog.connection().run(ROWS)?;
    let reader = topic.reader(0)?;
    reader.wait_for_end()?;

    let sampler = stage.sampler(&backlog.database)?;
    let mut figures = Figures::default();
    let before = sampler.cpu();
    let ms = first_record_ms(&worker, &reader).with_context(|| worker.told(&turn.name))?;
    figures.set(Metric::WorkerStartMs, ms);
    sampler.engine_is(worker.pid().context("the worker has ended")?);
    let after = sampler.cpu();
    set_cost(&mut figures, &sampler, before, after, None);
    worker.wait_ready()?;
    worker.delete(&turn.name)?;
    Ok(figures)
}

/// `walcast cdc`, which runs one connector and needs no worker.
fn of_program(turn: &Turn<'_>, backlog: &Backlog) -> Result<f64> {
    let stage = turn.stage;
    let bootstrap = &stage.lab.kafka().bootstrap;
    let name = format!("{}_cdc", turn.name);
    let topic = Topic::create(bootstrap, &connector::topic(&name), false)?;
    let _slot = backlog.new_slot(&name)?;
    let config = stage.connector(&backlog.database, &name, turn.engine, turn.scenario);
    let file = stage.lab.dir().join(format!("{name}.json"));
    let text = serde_json::json!({ "name": name, "config": config }).to_string();
    fs::write(&file, text).with_context(|| format!("write {}", file.display()))?;
    backlog.connection().run(ROWS)?;
    let reader = topic.reader(0)?;
    reader.wait_for_end()?;

    let spec = Spec::new(&name, stage.walcast(), stage.lab.dir())
        .args(["cdc", "--bootstrap-servers", bootstrap])
        .args(["--offsets-topic", "bench-cdc-offsets"])
        .args(["--offsets-replication", "1", "--config"])
        .arg(&file);
    let program = Service::new(spec, Box::new(|_| Ok(true)));
    // The first start makes the topic of its offsets, and leaves a checkpoint.
    first_record_ms(&program, &reader)?;
    read(&reader, ROW_COUNT - 1)?;
    program.stop()?;
    backlog.connection().run(ROWS)?;
    first_record_ms(&program, &reader)
}

fn read(reader: &Reader, mut left: u32) -> Result<()> {
    let begun = Instant::now();
    while left > 0 {
        if reader.next()?.is_some() {
            left -= 1;
        }
        ensure!(begun.elapsed() < STALL_LIMIT, "{left} records do not come");
    }
    Ok(())
}

fn first_record_ms(program: &Service, reader: &Reader) -> Result<f64> {
    let begun = Instant::now();
    program.launch()?;
    while begun.elapsed() < STALL_LIMIT {
        if reader.next()?.is_some() {
            return Ok(begun.elapsed().as_secs_f64() * 1000.0);
        }
    }
    bail!("no record comes")
}
