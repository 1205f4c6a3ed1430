//! A running connector: attempts, retries, and what the worker is told.

pub(crate) mod decide;
mod found;
mod handle;
mod lanes;
mod line;
mod lining;
mod opening;
pub(crate) mod pipe;
mod run_id;
mod session;
mod slot_wait;
mod snapshotting;

use std::io::IsTerminal;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{mpsc, watch};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;
use walcast_wire::config::EncoderConfig;
use walcast_wire::filter::NameFilter;

use crate::clock::{SharedClock, SystemClock};
use crate::config::{ConnectorConfig, RestartPolicy};
use crate::error::{EngineError, Kind, Result};
use crate::guard::Guard;
use crate::metrics::TaskMetrics;
use crate::notify::Notifier;
use crate::postgres::catalog::CapturedTable;
use crate::postgres::replication;
use crate::publish::used::TopicsUsed;
use crate::settings::WorkerSettings;
use crate::signal::Signal;
use crate::snapshot::metrics::SnapshotMetrics;
use lanes::Lanes;
use run_id::RunId;

pub use handle::{Reason, Refused, TaskHandle};

/// The pause before the first retry; it doubles up to `retriable.restart.connector.wait.ms`.
const PAUSE_MIN: Duration = Duration::from_millis(200);

/// An attempt that ran this long starts the count of retries anew.
const HEALTHY_AFTER: Duration = Duration::from_secs(60);

/// What a task has become.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TaskState {
    /// It snapshots or streams.
    Running,
    /// It failed for good; `trace` says what happened, why, and the cure.
    Failed {
        /// Message and causes, one per line.
        trace: String,
    },
    /// It was stopped.
    Stopped,
}

/// A change of a task's state.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TaskEvent {
    /// The connector's name.
    pub connector: String,
    /// Its new state.
    pub state: TaskState,
}

/// Where records and checkpoints go.
#[derive(Debug, Clone)]
pub enum Output {
    /// Kafka, with the worker's settings.
    Kafka(Arc<WorkerSettings>),
    /// JSON Lines on standard output; the checkpoint is kept in a file.
    Stdout {
        /// The checkpoint's file.
        offset_file: PathBuf,
    },
}

/// What one connector's attempts share.
pub(crate) struct TaskContext {
    pub(crate) config: ConnectorConfig,
    pub(crate) output: Output,
    pub(crate) metrics: Arc<TaskMetrics>,
    pub(crate) snapshots: Arc<SnapshotMetrics>,
    pub(crate) clock: SharedClock,
    /// Whether a snapshot draws a bar on standard error.
    pub(crate) bar: bool,
    pub(crate) guard: Guard,
    /// Where signals are handed in while the connector streams.
    pub(crate) doorway: watch::Sender<Option<mpsc::Sender<Signal>>>,
    /// Tells the records of one start from those of another; each attempt has its own.
    run_id: RunId,
    /// The topics records go to.
    topics_used: TopicsUsed,
    events: mpsc::Sender<TaskEvent>,
}

impl TaskContext {
    /// The encoder's configuration with this run's identity.
    fn encoder_config(&self) -> EncoderConfig {
        EncoderConfig {
            run_id: self.run_id.get(),
            ..(*self.config.encoder).clone()
        }
    }

    /// How this connector's replication sessions call themselves.
    fn reader_name(&self) -> String {
        let group = match &self.output {
            Output::Kafka(settings) => Some(&*settings.group_id),
            Output::Stdout { .. } => None,
        };
        replication::reader_name(&self.config.name, group)
    }

    /// Whether whoever else reads the slot under this connector's name is a leftover of a worker that
    /// has lost the connector.
    fn owns_the_connector(&self) -> bool {
        matches!(&self.output, Output::Kafka(settings) if settings.ownership.is_some())
    }

    /// Whether records and the checkpoint that tells of them become visible together.
    fn publishes_in_transactions(&self) -> bool {
        matches!(&self.output, Output::Kafka(settings) if settings.exactly_once)
    }

    pub(crate) fn notifier(&self) -> Notifier {
        Notifier::new(&self.config, Arc::clone(&self.clock))
    }

    /// The tables a snapshot reads.
    fn snapshot_tables(&self, captured: &[CapturedTable]) -> Result<Vec<CapturedTable>> {
        let list = self.config.snapshot.include.as_str();
        let filter = NameFilter::new((!list.is_empty()).then_some(list), None).map_err(|e| {
            EngineError::definite(format!("snapshot.include.collection.list: {e}")).because(e)
        })?;
        let wanted = |t: &&CapturedTable| filter.passes(&t.id());
        Ok(captured.iter().filter(wanted).cloned().collect())
    }

    /// Lane 0 speaks for the connector.
    async fn report(&self, state: TaskState) {
        if self.config.lane.is_some() {
            return;
        }
        let event = TaskEvent {
            connector: self.config.name.clone(),
            state,
        };
        // A listener that has gone has no interest in the state any more.
        drop(self.events.send(event).await);
    }

    async fn report_running(&self) {
        self.report(TaskState::Running).await;
    }
}

/// A running connector.
pub struct Task {
    handle: TaskHandle,
    run_id: RunId,
    topics_used: TopicsUsed,
    stop: CancellationToken,
    running: JoinSet<()>,
}

impl Task {
    /// Starts the connector. State changes go to `events`.
    pub fn start(config: ConnectorConfig, output: Output, events: mpsc::Sender<TaskEvent>) -> Self {
        Self::begin(config, output, events, false, None)
    }

    /// As [`Self::start`], for a connector that was paused: its records keep the id of the run that
    /// they belong to (see [`Self::run_id`]).
    pub fn resume(
        config: ConnectorConfig,
        output: Output,
        events: mpsc::Sender<TaskEvent>,
        run_id: String,
    ) -> Self {
        Self::begin(config, output, events, false, Some(run_id))
    }

    /// As [`Self::start`], for a person who watches: in a terminal a snapshot draws a bar.
    pub fn start_watched(
        config: ConnectorConfig,
        output: Output,
        events: mpsc::Sender<TaskEvent>,
    ) -> Self {
        let bar = std::io::stderr().is_terminal();
        Self::begin(config, output, events, bar, None)
    }

    fn begin(
        config: ConnectorConfig,
        output: Output,
        events: mpsc::Sender<TaskEvent>,
        bar: bool,
        resumed: Option<String>,
    ) -> Self {
        let clock: SharedClock = Arc::new(SystemClock);
        let metrics = TaskMetrics::new(&config.name, &config.topic_prefix, Arc::clone(&clock));
        let snapshots = Arc::new(SnapshotMetrics::new(&config.name, &config.topic_prefix));
        let doorway = watch::Sender::new(None);
        let (run_id, topics_used) = (RunId::new(resumed), TopicsUsed::default());
        let door = doorway.subscribe();
        let lanes = Lanes::beside(TaskContext {
            guard: Guard::start(&config),
            config: config.clone(),
            output,
            metrics: Arc::new(metrics),
            snapshots: Arc::clone(&snapshots),
            clock,
            bar,
            doorway,
            run_id: run_id.clone(),
            topics_used: topics_used.clone(),
            events,
        });
        let handle = TaskHandle::new(config, snapshots, door, lanes.stalls());
        let stop = CancellationToken::new();
        let mut running = JoinSet::new();
        running.spawn(supervise(lanes, stop.clone()));
        Self {
            handle,
            run_id,
            topics_used,
            stop,
            running,
        }
    }

    /// What the running connector can be asked for; it may be kept beyond the task.
    pub fn handle(&self) -> TaskHandle {
        self.handle.clone()
    }

    /// The id that records of the current run carry in their `runId` header.
    pub fn run_id(&self) -> String {
        self.run_id.get()
    }

    /// When the task is to be started again after it has failed.
    pub fn restart_policy(&self) -> RestartPolicy {
        self.handle.config.restart
    }

    /// The topics that records go to, as they come into use.
    pub fn topics_used(&self) -> TopicsUsed {
        self.topics_used.clone()
    }

    /// Hands a signal to the connector, as [`TaskHandle::signal`] does.
    ///
    /// # Errors
    /// When the connector does not stream, or has too many signals waiting.
    pub async fn signal(&self, signal: Signal) -> Result<(), Refused> {
        self.handle.signal(signal).await
    }

    /// Stops cleanly: what was published is checkpointed, and the slot is free afterwards.
    pub async fn stop(mut self) {
        self.stop.cancel();
        self.wait().await;
    }

    /// Waits until the task has ended by itself.
    pub async fn wait(&mut self) {
        while let Some(ended) = self.running.join_next().await {
            if let Err(error) = ended {
                tracing::error!(%error, "a task ended unexpectedly");
            }
        }
    }
}

/// Attempts until stopped, failed for good, or out of retries.
async fn supervise(lanes: Lanes, stop: CancellationToken) {
    let context = lanes.first();
    for warning in &context.config.warnings {
        tracing::warn!(connector = context.config.name, "property {warning}");
    }
    let mut retries = 0u32;
    loop {
        let begun = std::time::Instant::now();
        let ended = match validate_support(context) {
            Ok(()) => lanes.attempt(&stop).await,
            Err(error) => Err(error),
        };
        if stop.is_cancelled() {
            if let Err(error) = ended {
                tracing::warn!(
                    connector = context.config.name,
                    error = error.trace(),
                    "the task stopped with something in flight; it will be sent again from the checkpoint"
                );
            }
            return context.report(TaskState::Stopped).await;
        }
        let Err(error) = ended else {
            return context.report(TaskState::Stopped).await;
        };
        if begun.elapsed() > HEALTHY_AFTER {
            retries = 0;
        }
        let for_good = match error.kind() {
            Kind::Transient => out_of_retries(context, retries),
            Kind::Definite => true,
            Kind::Fenced => !context.owns_the_connector(),
        };
        if for_good {
            return fail(context, &error).await;
        }
        context.run_id.renew();
        let pause = pause(context, retries);
        retries = retries.saturating_add(1);
        tracing::warn!(
            connector = context.config.name,
            error = error.trace(),
            pause_ms = pause.as_millis(),
            retries,
            "the task will be started again"
        );
        metrics::counter!("walcast_cdc_restarts_total", "connector" => context.config.name.clone())
            .increment(1);
        tokio::select! {
            () = stop.cancelled() => return context.report(TaskState::Stopped).await,
            () = lanes.breached() => return fail(context, &lanes.act().await).await,
            () = tokio::time::sleep(pause) => {}
        }
    }
}

/// What configuration and worker must agree on.
fn validate_support(context: &TaskContext) -> Result<()> {
    let wrong = &context.config.at_start;
    if !wrong.is_empty() {
        let lines: Vec<_> = wrong.iter().map(ToString::to_string).collect();
        return Err(EngineError::definite(format!(
            "{}; correct the connector's configuration",
            lines.join("\n")
        )));
    }
    if !context.config.exactly_once_required {
        return Ok(());
    }
    match &context.output {
        Output::Kafka(settings) if settings.exactly_once => Ok(()),
        Output::Kafka(_) => Err(EngineError::definite(
            "exactly.once.support=required needs a worker with exactly.once.source.support=enabled; set that in the worker's properties, or remove exactly.once.support from the connector",
        )),
        Output::Stdout { .. } => Err(EngineError::definite(
            "exactly.once.support=required needs Kafka; standard output is written at least once",
        )),
    }
}

fn out_of_retries(context: &TaskContext, retries: u32) -> bool {
    context
        .config
        .retries
        .max_retries
        .is_some_and(|max| retries >= max)
}

/// Doubling pause, capped, with a jitter of a quarter so that many tasks do not come back at once.
fn pause(context: &TaskContext, retries: u32) -> Duration {
    let longest = context.config.retries.pause_max.max(PAUSE_MIN);
    let doubled = PAUSE_MIN
        .saturating_mul(1u32 << retries.min(16))
        .min(longest);
    let jitter = u32::try_from(context.clock.now_ns().rem_euclid(256)).unwrap_or(0);
    doubled - doubled / 4 * jitter / 256
}

async fn fail(context: &TaskContext, error: &EngineError) {
    let trace = error.trace();
    tracing::error!(
        connector = context.config.name,
        error = trace,
        "the task failed"
    );
    context.report(TaskState::Failed { trace }).await;
}
