//! The worker as a whole: started, listening, stopped.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use metrics_exporter_prometheus::PrometheusHandle;
use tokio::sync::{mpsc, watch};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use crate::config::WorkerConfig;
use crate::engine::Engine;
use crate::group::{GroupEvent, Member, Places, Shards};
use crate::herder::{Herder, Owner, Shared};
use crate::kafka::{self, Clients, TopicLog};
use crate::logging::Loggers;
use crate::rest::{self, Api, Bound};
use crate::store::config_record::ConfigRecord;
use crate::store::configs::ConfigStore;
use crate::store::status_writer;
use crate::store::statuses::StatusStore;

/// What a stop may take beyond `task.shutdown.graceful.timeout.ms`.
const STOP_MARGIN: Duration = Duration::from_secs(5);

/// Changes of the group that may wait for the herder.
const GROUP_EVENTS: usize = 16;

/// What the worker is given besides its configuration.
pub struct Surroundings {
    /// Starts connectors' tasks.
    pub engine: Arc<dyn Engine>,
    /// The loggers of the process.
    pub loggers: Arc<Loggers>,
    /// The metrics of the process.
    pub metrics: PrometheusHandle,
    /// Milliseconds since the Unix epoch.
    pub now_ms: fn() -> i64,
}

/// A running worker. Stop it with [`Worker::stop`]; dropping it aborts everything.
pub struct Worker {
    addresses: Vec<SocketAddr>,
    admin_addresses: Vec<SocketAddr>,
    stages: Vec<Stage>,
    stop_timeout: Duration,
}

/// Parts of the worker that are stopped together.
#[derive(Default)]
struct Stage {
    stop: CancellationToken,
    parts: JoinSet<&'static str>,
}

impl Drop for Stage {
    /// What runs on a thread of its own is not aborted with its set.
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

impl Worker {
    /// Waits for Kafka, reads the state back, starts the connectors and listens.
    ///
    /// # Errors
    /// Kafka does not answer, the topics cannot be used, or the port is taken: one sentence each,
    /// with the cure.
    pub async fn start(config: WorkerConfig, given: Surroundings) -> anyhow::Result<Self> {
        let config = Arc::new(config);
        let clients = Clients::new(Arc::clone(&config))?;
        let bound = Bound::bind(&config.rest).await?;
        let addresses = bound.addresses();
        let addresses = addresses.context("asking for the listeners' addresses")?;
        let admin_addresses = bound.admin_addresses();
        let admin_addresses = admin_addresses.context("asking for the listeners' addresses")?;
        let port = addresses.first().map_or(0, SocketAddr::port);
        let advertised = config.advertised_url(port);
        let cluster_id = reach_kafka(&clients, &config).await?;
        let mut stages = Stages::default();
        let state = State::read_back(&config, &clients, &mut stages).await?;
        let worker_id = advertised.worker_id();
        tracing::info!(
            worker_id,
            connectors = state.configs.names().len(),
            "state read back"
        );
        let (places, group) = stages
            .join(&clients, &config, &advertised.to_string())
            .await?;
        let shared = Shared {
            engine: given.engine,
            clients,
            configs: state.configs,
            statuses: state.statuses,
            config_log: Arc::new(state.config_log),
            live: Arc::default(),
            places: Arc::new(places),
            worker_id: worker_id.into(),
            now_ms: given.now_ms,
            config: Arc::clone(&config),
        };
        let (herder, queue) = Herder::new();
        let front = &mut stages.front;
        let owner = Owner::new(shared.clone(), queue, group, front.stop.clone());
        front.parts.spawn(async move {
            owner.run().await;
            "the herder"
        });
        let api = Api {
            shared,
            herder,
            loggers: given.loggers,
            cluster_id: cluster_id.into(),
            metrics: given.metrics,
            others: rest::others(&config.rest)?,
        };
        let served = bound.serve(api, front.stop.clone());
        front.parts.spawn(async move {
            if let Err(error) = served.await {
                tracing::error!(%error, "the REST listener failed");
            }
            "the REST listener"
        });
        tracing::info!(?addresses, ?admin_addresses, %advertised, "listening");
        Ok(Self {
            addresses,
            admin_addresses,
            stages: stages.in_order(),
            stop_timeout: config.stop_timeout,
        })
    }

    /// Where the REST API listens: first the listener that is advertised, then the others of
    /// `listeners` in their order.
    #[must_use]
    pub fn addresses(&self) -> &[SocketAddr] {
        &self.addresses
    }

    /// Where the listeners of `admin.listeners` are.
    #[must_use]
    pub fn admin_addresses(&self) -> &[SocketAddr] {
        &self.admin_addresses
    }

    /// Runs until a part of the worker fails.
    ///
    /// # Errors
    /// Always: which part ended.
    pub async fn run(&mut self) -> anyhow::Result<()> {
        let ends = self
            .stages
            .iter_mut()
            .map(|stage| Box::pin(stage.parts.join_next()));
        let (ended, ..) = futures_util::future::select_all(ends).await;
        match ended {
            Some(Ok(part)) => anyhow::bail!("{part} ended; the worker cannot go on"),
            Some(Err(error)) => Err(error).context("a part of the worker broke"),
            None => anyhow::bail!("the worker is stopped"),
        }
    }

    /// Stops cleanly: requests are answered, tasks stopped and checkpointed, statuses written.
    ///
    /// # Errors
    /// When that takes longer than it may; the rest is aborted then.
    pub async fn stop(mut self) -> anyhow::Result<()> {
        let limit = self.stop_timeout + STOP_MARGIN;
        let stopping = async {
            for stage in &mut self.stages {
                stage.stop.cancel();
                while let Some(ended) = stage.parts.join_next().await {
                    ended.context("a part of the worker broke while stopping")?;
                }
            }
            Ok(())
        };
        tokio::time::timeout(limit, stopping).await.unwrap_or_else(|_| {
            anyhow::bail!(
                "the connectors did not stop within {} s; raise task.shutdown.graceful.timeout.ms",
                limit.as_secs()
            )
        })
    }
}

/// Waits for Kafka and sees to the internal topics. Returns the cluster's id.
async fn reach_kafka(clients: &Clients, config: &WorkerConfig) -> anyhow::Result<String> {
    let cluster_id = kafka::connect(clients).await?;
    tracing::debug!(cluster_id, "Kafka answers");
    let topics = [
        ("config", &config.config_topic),
        ("offset", &config.offset_topic),
        ("status", &config.status_topic),
    ];
    kafka::ensure(clients, &topics).await?;
    Ok(cluster_id)
}

/// The worker's parts, in the order in which they are stopped.
#[derive(Default)]
struct Stages {
    /// Takes requests and runs connectors.
    front: Stage,
    /// Writes what was said of them.
    statuses: Stage,
    /// Holds this worker's place in the group, as long as anything of it runs.
    group: Stage,
    /// Reads the topics.
    readers: Stage,
}

impl Stages {
    fn in_order(self) -> Vec<Stage> {
        vec![self.front, self.statuses, self.group, self.readers]
    }

    /// Joins the group of workers, as one that others reach at `url`.
    async fn join(
        &mut self,
        clients: &Clients,
        config: &WorkerConfig,
        url: &str,
    ) -> anyhow::Result<(Places, mpsc::Receiver<GroupEvent>)> {
        let topic = &config.offset_topic.name;
        let shards = Shards::new(clients.partitions(topic).await?.len());
        let held = watch::Sender::default();
        let places = Places::new(
            clients.clone(),
            topic,
            url.to_owned(),
            shards,
            held.subscribe(),
        );
        let (events, group) = mpsc::channel(GROUP_EVENTS);
        let member = Member::new(clients, url, shards, held, events)?;
        let stop = self.group.stop.clone();
        self.group.parts.spawn_blocking(move || {
            member.run(&stop);
            "the membership of the group"
        });
        Ok((places, group))
    }
}

/// What the topics say.
struct State {
    configs: Arc<ConfigStore>,
    statuses: Arc<StatusStore>,
    config_log: TopicLog,
}

impl State {
    /// Follows the config and status topics; returns when both were read to their ends.
    async fn read_back(
        config: &WorkerConfig,
        clients: &Clients,
        stages: &mut Stages,
    ) -> anyhow::Result<Self> {
        let readers = &mut stages.readers;
        let configs = Arc::new(ConfigStore::default());
        let (config_log, follower) = TopicLog::open(clients, &config.config_topic.name).await?;
        let (store, stop) = (Arc::clone(&configs), readers.stop.clone());
        readers.parts.spawn(async move {
            let apply = |record| store.apply(ConfigRecord::decode(&record));
            follower.run(stop, apply).await;
            "the reader of the config topic"
        });
        let statuses = Arc::new(StatusStore::default());
        let (status_log, follower) = TopicLog::open(clients, &config.status_topic.name).await?;
        let (store, stop) = (Arc::clone(&statuses), readers.stop.clone());
        readers.parts.spawn(async move {
            follower.run(stop, |record| store.apply(&record)).await;
            "the reader of the status topic"
        });
        config_log.read_to_end().await?;
        status_log.read_to_end().await?;
        let writer = &mut stages.statuses;
        let (store, stop) = (Arc::clone(&statuses), writer.stop.clone());
        writer.parts.spawn(async move {
            status_writer::run(store, Arc::new(status_log), stop).await;
            "the writer of statuses"
        });
        Ok(Self {
            configs,
            statuses,
            config_log,
        })
    }
}
