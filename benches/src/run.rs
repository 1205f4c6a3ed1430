//! All runs, in order: each scenario, so many rounds, the engines in turn.

use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use clap::ValueEnum;

use crate::engine::Engine;
use crate::figures::{Figures, Metric};
use crate::measure::{self, Turn};
use crate::options::Options;
use crate::quiet::Before;
use crate::report::Report;
use crate::scenario::Scenario;
use crate::stage::Stage;

/// One run and what came of it.
pub(crate) struct Run {
    pub(crate) scenario: Scenario,
    pub(crate) engine: Engine,
    pub(crate) round: u32,
    pub(crate) before: Before,
    pub(crate) outcome: Result<Figures, String>,
}

/// Measures all that is asked for; says whether every run succeeded.
pub(crate) fn all(options: &Options) -> Result<bool> {
    let engines = or_all(&options.engines);
    let scenarios = or_all(&options.scenarios).into_iter();
    let cells: Vec<(Scenario, Vec<Engine>)> = scenarios
        .map(|scenario| (scenario, takers(scenario, &engines)))
        .filter(|(_, engines)| !engines.is_empty())
        .collect();
    ensure!(
        !cells.is_empty(),
        "no chosen engine runs in a chosen scenario"
    );
    println!("starting what is needed");
    let stage = Stage::start(&cells, &options.walcast)?;
    let mut report = Report::new(options, &stage);
    for (scenario, engines) in cells {
        measure_scenario(&stage, options, scenario, &engines, &mut report)?;
        report.write(&options.out)?;
    }
    println!("\n{}", report.markdown());
    println!("saved in {}", options.out.display());
    Ok(report.has_only_successes())
}

fn takers(scenario: Scenario, engines: &[Engine]) -> Vec<Engine> {
    let engines = engines.iter().copied();
    engines.filter(|engine| scenario.takes(*engine)).collect()
}

fn or_all<T: ValueEnum + Copy>(chosen: &[T]) -> Vec<T> {
    let chosen = if chosen.is_empty() {
        T::value_variants()
    } else {
        chosen
    };
    chosen.to_vec()
}

fn measure_scenario(
    stage: &Stage,
    options: &Options,
    scenario: Scenario,
    engines: &[Engine],
    report: &mut Report,
) -> Result<()> {
    let ground = measure::prepare(stage, options, scenario)
        .with_context(|| format!("prepare {}", scenario.name()))?;
    for round in 1..=options.rounds {
        for &engine in engines {
            let before = Before::wait(Duration::from_secs(options.quiet_seconds));
            if !before.is_quiet() {
                let busy = before.busy * 100.0;
                println!(
                    "the machine is not quiet: {busy:.0} % busy, load {:?}",
                    before.load
                );
            }
            let name = format!("bench {} {} {round}", scenario.name(), engine.name());
            let turn = Turn {
                stage,
                options,
                scenario,
                engine,
                name: name.replace([' ', '-'], "_"),
            };
            let begun = Instant::now();
            let outcome = measure::run(&turn, &ground).map_err(|error| format!("{error:#}"));
            tell(&turn, round, begun.elapsed(), &outcome);
            report.add(Run {
                scenario,
                engine,
                round,
                before,
                outcome,
            });
        }
    }
    Ok(())
}

/// The line that a run leaves on the terminal.
fn tell(turn: &Turn<'_>, round: u32, took: Duration, outcome: &Result<Figures, String>) {
    let what = format!(
        "{} {round}/{} {}",
        turn.scenario.name(),
        turn.options.rounds,
        turn.engine.name()
    );
    let figures = match outcome {
        Ok(figures) => figures,
        Err(error) => {
            println!("{what}: FAILED: {error}");
            return;
        }
    };
    let told = [
        Metric::RowsPerS,
        Metric::P50Ms,
        Metric::P99Ms,
        Metric::StartMs,
        Metric::WorkerStartMs,
        Metric::EngineUsPerRow,
        Metric::PeakMb,
    ];
    let told = told.iter().filter_map(|metric| {
        let value = figures.get(*metric)?;
        let digits = metric.digits();
        Some(format!("{} {value:.digits$}", metric.title()?))
    });
    let told: Vec<_> = told.collect();
    println!("{what}: {} ({:.1} s)", told.join("; "), took.as_secs_f64());
}
