//! What runs during all measurements: PostgreSQL, Kafka, and Kafka Connect where Debezium is measured.

use std::ops::Deref;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use serde_json::{Value, json};
use walcast_lab::Lab;

use crate::connector;
use crate::database::Database;
use crate::engine::{Engine, Runner};
use crate::sampler::{Sampler, Watched};
use crate::scenario::Scenario;
use crate::topic;
use crate::worker::Worker;

/// What says whether Walcast reads a backlog by SQL.
const CATCHUP: &str = "walcast.catchup.enabled";

/// The running components.
pub(crate) struct Stage {
    // It stands before the lab, so that it ends first.
    debezium: Option<Worker>,
    /// The components.
    pub(crate) lab: Lab,
    /// A connection to the database `postgres`.
    pub(crate) control: Database,
    /// The programs' versions.
    pub(crate) versions: Value,
    walcast: PathBuf,
}

/// A worker for one run: one that stays, or one that goes with this value.
pub(crate) enum Hired<'a> {
    Kept(&'a Worker),
    Own(Box<Worker>),
}

impl Deref for Hired<'_> {
    type Target = Worker;

    fn deref(&self) -> &Worker {
        match self {
            Self::Kept(worker) => worker,
            Self::Own(worker) => worker,
        }
    }
}

impl Drop for Hired<'_> {
    fn drop(&mut self) {
        if let Self::Own(worker) = self
            && let Err(error) = worker.stop()
        {
            // Killed, it would leave a membership and transactions for the next one to wait for.
            eprintln!("the worker does not stop: {error:#}");
        }
    }
}

impl Stage {
    /// Starts what these engines need in these scenarios.
    pub(crate) fn start(cells: &[(Scenario, Vec<Engine>)], walcast: &Path) -> Result<Self> {
        let walcast = walcast
            .canonicalize()
            .with_context(|| format!("find {}", walcast.display()))?;
        let engines = || cells.iter().flat_map(|(_, engines)| engines);
        let needs = |runner| engines().any(|engine| engine.runner() == runner);
        let mut builder = Lab::builder("bench").postgres(18).kafka();
        if needs(Runner::KafkaConnect) {
            builder.clone().debezium().bring()?;
        }
        if needs(Runner::Sink) || needs(Runner::Api) {
            builder = builder.clickhouse();
        }
        if needs(Runner::Api) {
            builder = builder.redis();
        }
        let lab = builder.start()?;
        topic::warm_up(&lab.kafka().bootstrap)?;
        let control = Database::connect(&lab.postgres().url)?;
        let version = control.row("SHOW server_version", &[])?;
        let mut versions = json!({ "postgresql": version.get::<_, String>(0) });
        let debezium = needs(Runner::KafkaConnect)
            .then(|| Worker::start(&lab, &walcast, Engine::Debezium))
            .transpose()?;
        if let Some(worker) = &debezium {
            versions["kafka_connect"] = worker.versions()?;
        }
        let worker = Worker::start(&lab, &walcast, Engine::Walcast)?;
        versions["walcast"] = worker.versions()?;
        worker.stop()?;
        if needs(Runner::Sink) {
            let version = lab.clickhouse().query("SELECT version()")?;
            versions["clickhouse"] = json!(version.trim());
        }
        Ok(Self {
            debezium,
            lab,
            control,
            versions,
            walcast,
        })
    }

    /// A worker for one run. Kafka Connect stays, so that its Java is warm after the first round;
    /// Walcast's begins anew.
    pub(crate) fn hire(&self, engine: Engine) -> Result<Hired<'_>> {
        match (engine.runner(), &self.debezium) {
            (Runner::KafkaConnect, Some(worker)) => Ok(Hired::Kept(worker)),
            _ => {
                let worker = Worker::start(&self.lab, &self.walcast, engine)?;
                Ok(Hired::Own(Box::new(worker)))
            }
        }
    }

    /// The program.
    pub(crate) fn walcast(&self) -> &Path {
        &self.walcast
    }

    /// Watches the server's and the broker's processes that have to do with this database.
    pub(crate) fn sampler(&self, database: &str) -> Result<Sampler> {
        let pid = |pid: Option<u32>| pid.context("a component does not run");
        Sampler::start(Watched {
            server: pid(self.lab.postgres().pid())?,
            database: database.to_owned(),
            broker: pid(self.lab.kafka().pid())?,
        })
    }

    /// The connector `name` on `database`.
    pub(crate) fn connector(
        &self,
        database: &str,
        name: &str,
        engine: Engine,
        scenario: Scenario,
    ) -> Value {
        let postgres = self.lab.postgres();
        let mut config = connector::config(postgres, database, name, engine, scenario);
        if engine.runner() == Runner::Walcast {
            config[CATCHUP] = json!((engine == Engine::WalcastCatchup).to_string());
        }
        config
    }
}
