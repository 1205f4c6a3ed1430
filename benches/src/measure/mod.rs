//! The measurements, one scenario kind a file. Enters: a stage, an engine, what lies in the WAL.
//! Leaves: the figures of one run.

mod api;
mod closed_loop;
mod drain;
mod http;
mod idle;
mod latency;
mod live;
mod reader;
mod sink;
mod start;
mod watch;
mod writers;

use anyhow::Result;

use crate::backlog::Backlog;
use crate::engine::{Engine, Runner};
use crate::figures::{Figures, Metric};
use crate::options::Options;
use crate::sampler::{Cpu, Sampler};
use crate::scenario::Scenario;
use crate::stage::Stage;

/// One run: who is measured in what, and under which name.
pub(crate) struct Turn<'a> {
    pub(crate) stage: &'a Stage,
    pub(crate) options: &'a Options,
    pub(crate) scenario: Scenario,
    pub(crate) engine: Engine,
    /// Of the connector, the slot and the topic prefix.
    pub(crate) name: String,
}

/// What the runs of a scenario stand on. It goes with this value.
pub(crate) enum Ground {
    /// A database, with or without a backlog.
    Wal(Box<Backlog>),
    /// A topic for sinks.
    Topic(Box<sink::Filled>),
    /// A running API.
    Api(Box<api::Running>),
}

/// Makes what the runs of `scenario` stand on.
pub(crate) fn prepare(stage: &Stage, options: &Options, scenario: Scenario) -> Result<Ground> {
    let postgres = stage.lab.postgres();
    let wal = |backlog| Ground::Wal(Box::new(backlog));
    match scenario {
        Scenario::Sink => {
            sink::fill(stage, options.rows).map(|filled| Ground::Topic(Box::new(filled)))
        }
        Scenario::Api1 | Scenario::Api8 | Scenario::Api32 => {
            api::start(stage, scenario).map(|running| Ground::Api(Box::new(running)))
        }
        Scenario::Live500
        | Scenario::Live2000
        | Scenario::Live5000
        | Scenario::Idle
        | Scenario::Start => Backlog::empty(postgres, scenario.name()).map(wal),
        _ => Backlog::load(postgres, scenario, options.rows).map(wal),
    }
}

/// Measures once.
pub(crate) fn run(turn: &Turn<'_>, ground: &Ground) -> Result<Figures> {
    // Written out now, so that the server does not do so during the run.
    turn.stage.control.run("CHECKPOINT")?;
    match ground {
        Ground::Topic(filled) => sink::run(turn, filled),
        Ground::Api(running) => {
            let connections = turn.scenario.connections();
            api::run(turn, running, connections.unwrap_or(1))
        }
        Ground::Wal(backlog) => match (turn.scenario, turn.scenario.rate()) {
            (_, Some(rate)) => live::run(turn, backlog, rate),
            (Scenario::Start, _) => start::run(turn, backlog),
            (Scenario::Idle, _) => idle::run(turn, backlog),
            _ if turn.engine == Engine::PgRecvlogical => reader::pg_recvlogical(turn, backlog),
            _ if turn.engine.runner() == Runner::Reader => reader::sql(turn, backlog),
            _ => drain::run(turn, backlog),
        },
    }
}

/// What was used between two looks, in all and per row.
fn set_cost(figures: &mut Figures, sampler: &Sampler, from: Cpu, to: Cpu, rows: Option<u64>) {
    // What had not begun then had used nothing.
    let engine = to.engine_s.map(|to| to - from.engine_s.unwrap_or_default());
    let server = to.server_s - from.server_s;
    let broker = to.broker_s - from.broker_s;
    figures.set_if(Metric::EngineCpuS, engine);
    figures.set(Metric::ServerCpuS, server);
    figures.set(Metric::BrokerCpuS, broker);
    if let Some(rows) = rows.filter(|rows| *rows > 0) {
        let per_row = |seconds: f64| seconds * 1e6 / rows as f64;
        figures.set_if(Metric::EngineUsPerRow, engine.map(per_row));
        figures.set(Metric::ServerUsPerRow, per_row(server));
        figures.set(Metric::BrokerUsPerRow, per_row(broker));
    }
    let busy = to.machine.busy_s - from.machine.busy_s;
    let named = engine.unwrap_or_default() + server + broker;
    figures.set(Metric::OtherCpuS, busy - named);
    figures.set(Metric::StealS, to.machine.steal_s - from.machine.steal_s);
    figures.set_if(Metric::PeakMb, sampler.peak_mb());
}
