//! Workers of one group, and connectors that they share: one table, slot and topic each.

use std::collections::BTreeMap;

use anyhow::{Result, ensure};
use serde_json::Value;
use walcast_lab::{Lab, wait_for};
use walcast_tests::SOON;
use walcast_tests::proxy::Proxy;
use walcast_tests::topic::Topic;
use walcast_tests::worker::{Setup, WORKERS_DATABASE_PORT, Worker, connector};

/// For requests to all workers: the one that is left out.
pub(super) const NOBODY: usize = usize::MAX;

/// The worker whose network can be cut.
pub(super) const REMOTE: usize = 1;

/// What happens to the workers, and what they run.
pub(super) struct Cluster {
    pub(super) lab: Lab,
    pub(super) workers: Vec<Worker>,
    name: String,
    connectors: Vec<String>,
    cables: Vec<Proxy>,
}

impl Cluster {
    /// Starts so many workers, and has connectors run that are created on all of them in turn.
    pub(super) fn start(name: &str, workers: usize, connectors: usize) -> Result<Self> {
        let lab = Lab::builder(name).postgres(18).kafka().start()?;
        lab.postgres()
            .query("postgres", &format!("create database {name}"))?;
        let detour = lab.kafka().detour();
        let kafka = Proxy::start(detour.told, detour.listens)?;
        let database = Proxy::start(0, lab.postgres().port)?;
        // Each worker gets one, and some connectors of each name hash to it.
        let shards = workers;
        let remote = Setup {
            bootstrap: format!("127.0.0.1:{}", kafka.port()),
            database_port: database.port(),
            shards,
        };
        let direct = Setup {
            shards,
            ..Setup::direct(&lab)
        };
        let workers: Result<Vec<_>> = (0..workers)
            .map(|i| {
                let setup = if i == REMOTE { &remote } else { &direct };
                Worker::start_on(setup, &lab, &format!("worker{i}"), name, false)
            })
            .collect();
        let connectors = (0..connectors).map(|i| format!("{name}{i}")).collect();
        let cluster = Self {
            lab,
            workers: workers?,
            name: name.to_owned(),
            connectors,
            cables: vec![kafka, database],
        };
        for (i, name) in cluster.connectors.iter().enumerate() {
            let table = format!("create table t{i}(id bigint primary key)");
            cluster.query(&table)?;
            let worker = &cluster.workers[i % cluster.workers.len()];
            let config = cluster.config(i);
            let path = format!("/connectors/{name}/config");
            // While a worker joins, a connector may have no owner; clients of Connect ask again too.
            wait_for("the connector to be taken", SOON, || {
                let answer = worker.rest("PUT", &path, Some(&config))?;
                match answer.status {
                    409 => Ok(None),
                    _ => answer.ok().map(Some),
                }
            })?;
        }
        cluster.wait_running(NOBODY)?;
        Ok(cluster)
    }

    pub(super) fn connectors(&self) -> &[String] {
        &self.connectors
    }

    /// The configuration of a connector.
    pub(super) fn config(&self, index: usize) -> Value {
        let table = format!("public.t{index}");
        let extra = [
            ("table.include.list", &*table),
            ("database.port", WORKERS_DATABASE_PORT),
        ];
        connector(&self.lab, &self.name, &self.connectors[index], &extra)
    }

    /// Cuts [`REMOTE`] off from Kafka and the database; others still reach its REST interface.
    pub(super) fn cut(&self) {
        self.cables.iter().for_each(Proxy::cut);
    }

    /// Mends what was cut.
    pub(super) fn mend(&self) {
        self.cables.iter().for_each(Proxy::mend);
    }

    pub(super) fn query(&self, sql: &str) -> Result<walcast_lab::Rows> {
        self.lab.postgres().query(&self.name, sql)
    }

    /// `host:port` of a worker, as statuses name it.
    pub(super) fn id(&self, worker: usize) -> Option<&str> {
        let url = self.workers.get(worker)?.url();
        Some(url.trim_start_matches("http://"))
    }

    /// The status of a connector, told by any worker but `without`.
    fn status(&self, name: &str, without: usize) -> Option<Value> {
        let others = self
            .workers
            .iter()
            .enumerate()
            .filter(|(i, _)| *i != without);
        others
            .map(|(_, worker)| worker)
            .find_map(|w| w.status(name).ok())
    }

    /// Who runs a connector, if its task is RUNNING.
    pub(super) fn owner(&self, name: &str, without: usize) -> Option<String> {
        let status = self.status(name, without)?;
        let task = &status["tasks"][0];
        let runs = task["state"] == "RUNNING" && status["connector"]["state"] == "RUNNING";
        let same = task["worker_id"] == status["connector"]["worker_id"];
        (runs && same).then(|| task["worker_id"].as_str().map(str::to_owned))?
    }

    /// Who runs each connector, told by any worker but `without`.
    pub(super) fn owners(&self, without: usize) -> Result<BTreeMap<String, String>> {
        let all = self.connectors.iter();
        let owners: BTreeMap<_, _> = all
            .filter_map(|name| Some((name.clone(), self.owner(name, without)?)))
            .collect();
        ensure!(
            owners.len() == self.connectors.len(),
            "not all run: {owners:?}"
        );
        Ok(owners)
    }

    /// Waits until every connector is run by another worker than `without`, and reads its slot.
    pub(super) fn wait_running(&self, without: usize) -> Result<()> {
        for name in &self.connectors {
            wait_for(&format!("{name} to run"), SOON, || {
                let owner = self.owner(name, without);
                Ok(owner.filter(|owner| Some(&**owner) != self.id(without)))
            })?;
        }
        wait_for("all slots to be read", SOON, || {
            let sql = "select count(*) from pg_replication_slots where active";
            let rows = self.query(sql)?;
            let active = rows.first().and_then(|row| row.first()?.clone());
            Ok((active == Some(self.connectors.len().to_string())).then_some(()))
        })
    }

    /// Reads a connector's topic until all ids up to `last` are there; how many came twice.
    pub(super) fn read_all(&self, index: usize, last: i64) -> Result<usize> {
        let topic = format!("{}.public.t{index}", self.connectors[index]);
        let mut topic = Topic::open(&self.lab.kafka().bootstrap, &topic)?;
        let mut missing: std::collections::BTreeSet<i64> = (1..=last).collect();
        let mut again = 0;
        topic.read_until(std::time::Duration::ZERO, |record| {
            if let Some(id) = record.value["after"]["id"].as_i64()
                && !missing.remove(&id)
            {
                again += 1;
            }
            missing.is_empty()
        })?;
        let lost: Vec<_> = missing.iter().take(10).collect();
        ensure!(
            lost.is_empty(),
            "{}: lost {lost:?} …",
            self.connectors[index]
        );
        Ok(again)
    }
}
