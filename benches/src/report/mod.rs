//! The results: every run and the settings as JSON, medians as a table, plots as SVG.

mod machine;
mod plots;
mod svg;
mod table;

use std::fs;
use std::path::Path;

use anyhow::{Context, Result};
use serde_json::{Map, Value, json};

use crate::engine::Engine;
use crate::figures::Figures;
use crate::options::Options;
use crate::run::Run;
use crate::scenario::Scenario;
use crate::stage::Stage;

/// Results so far.
pub(crate) struct Report {
    runs: Vec<Run>,
    settings: Value,
    machine: Value,
    versions: Value,
}

/// The medians of one scenario: the engines that have any, in the order in which they ran.
pub(crate) struct Medians {
    pub(crate) scenario: Scenario,
    pub(crate) engines: Vec<(Engine, Figures)>,
}

impl Report {
    pub(crate) fn new(options: &Options, stage: &Stage) -> Self {
        Self {
            runs: Vec::new(),
            settings: json!({
                "rows": options.rows,
                "rounds": options.rounds,
                "seconds": options.seconds,
                "quiet_seconds": options.quiet_seconds,
            }),
            machine: machine::describe(),
            versions: stage.versions.clone(),
        }
    }

    pub(crate) fn add(&mut self, run: Run) {
        self.runs.push(run);
    }

    pub(crate) fn has_only_successes(&self) -> bool {
        self.runs.iter().all(|run| run.outcome.is_ok())
    }

    /// Writes all files to `folder`.
    pub(crate) fn write(&self, folder: &Path) -> Result<()> {
        fs::create_dir_all(folder).with_context(|| format!("create {}", folder.display()))?;
        let mut files = vec![
            ("bench.json".to_owned(), format!("{:#}\n", self.json())),
            ("bench.md".to_owned(), self.markdown()),
        ];
        files.extend(plots::all(&self.medians()));
        for (name, text) in files {
            let file = folder.join(name);
            fs::write(&file, text).with_context(|| format!("write {}", file.display()))?;
        }
        Ok(())
    }

    /// The medians as text.
    pub(crate) fn markdown(&self) -> String {
        let unquiet = self
            .runs
            .iter()
            .filter(|run| !run.before.is_quiet())
            .count();
        let heading = table::Heading {
            settings: &self.settings,
            machine: &self.machine,
            versions: &self.versions,
            runs: self.runs.len(),
            unquiet,
        };
        table::markdown(&heading, &self.medians())
    }

    fn medians(&self) -> Vec<Medians> {
        let mut scenarios: Vec<Medians> = Vec::new();
        for run in &self.runs {
            if scenarios.iter().all(|known| known.scenario != run.scenario) {
                let engines = self.medians_of(run.scenario);
                let scenario = run.scenario;
                scenarios.push(Medians { scenario, engines });
            }
        }
        scenarios
    }

    fn medians_of(&self, scenario: Scenario) -> Vec<(Engine, Figures)> {
        let runs: Vec<&Run> = self
            .runs
            .iter()
            .filter(|run| run.scenario == scenario)
            .collect();
        let mut engines: Vec<Engine> = Vec::new();
        for run in &runs {
            if !engines.contains(&run.engine) {
                engines.push(run.engine);
            }
        }
        let of = |engine| {
            let own = runs.iter().filter(|run| run.engine == engine);
            Figures::medians(own.filter_map(|run| run.outcome.as_ref().ok()))
        };
        engines
            .into_iter()
            .map(|engine| (engine, of(engine)))
            .collect()
    }

    fn json(&self) -> Value {
        let medians = self.medians().into_iter().map(|medians| {
            let engines = medians.engines.iter();
            let engines = engines.map(|(engine, figures)| (engine.name().into(), json_of(figures)));
            let engines: Map<String, Value> = engines.collect();
            (medians.scenario.name().to_owned(), engines.into())
        });
        json!({
            "settings": self.settings,
            "machine": self.machine,
            "versions": self.versions,
            "medians": Map::from_iter(medians),
            "runs": self.runs.iter().map(json_of_run).collect::<Vec<_>>(),
        })
    }
}

fn json_of_run(run: &Run) -> Value {
    let mut value = json!({
        "scenario": run.scenario.name(),
        "engine": run.engine.name(),
        "round": run.round,
        "before": run.before.json(),
    });
    match &run.outcome {
        Ok(figures) => value["figures"] = json_of(figures),
        Err(error) => value["error"] = json!(error),
    }
    value
}

fn json_of(figures: &Figures) -> Value {
    let figures = figures.all();
    let rounded = figures.map(|(metric, value)| {
        let value = (value * 1000.0).round() / 1000.0;
        (metric.key().to_owned(), json!(value))
    });
    Value::Object(rounded.collect())
}
