//! The real engine: `walcast-cdc` behind the worker's trait.

use std::collections::BTreeMap;
use std::sync::Arc;

use async_trait::async_trait;
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use walcast_cdc::{
    ConfigProblem, ConnectorConfig, Output, Publication, Reason, Signal, SnapshotPhase, Task,
    TaskHandle, TaskState, TopicsUsed, WorkerSettings,
};

use crate::config::{Properties, WorkerConfig};
use crate::engine::{
    ConfigChange, Control, Engine, Ownership, Problem, Refused, RestartPolicy, RunningTask,
    SignalRequest, SnapshotReport, TableAdded, TableRequest, TaskEvent,
};

/// Events that may wait between the engine and the runner.
const EVENTS: usize = 16;

/// Starts connectors with `walcast-cdc`.
pub(crate) struct CdcEngine {
    settings: WorkerSettings,
    converters: BTreeMap<String, String>,
}

impl CdcEngine {
    pub(crate) fn new(config: &WorkerConfig) -> Self {
        let map = |props: &Properties| -> BTreeMap<String, String> {
            props.iter().map(|(k, v)| (k.clone(), v.clone())).collect()
        };
        let (key_converter, value_converter) =
            (map(&config.key_converter), map(&config.value_converter));
        let mut converters = key_converter.clone();
        converters.extend(value_converter.clone());
        converters.extend(map(&config.header_converter));
        let settings = WorkerSettings {
            bootstrap_servers: config.bootstrap_servers.clone(),
            kafka: map(&config.kafka),
            producer: map(&config.producer),
            offsets_topic: config.offset_topic.name.clone(),
            offsets_partitions: config.offset_topic.partitions,
            offsets_replication: config.offset_topic.replication,
            offsets_file: None,
            exactly_once: config.exactly_once,
            group_id: config.group_id.clone(),
            ownership: None,
            offset_flush_interval: config.offset_flush_interval,
            key_converter,
            value_converter,
        };
        Self {
            settings,
            converters,
        }
    }
}

#[async_trait]
impl Engine for CdcEngine {
    fn version(&self) -> &str {
        env!("CARGO_PKG_VERSION")
    }

    fn check(&self, props: &BTreeMap<String, String>) -> Vec<Problem> {
        let parsed = ConnectorConfig::parse(props, &self.converters);
        parsed
            .err()
            .unwrap_or_default()
            .into_iter()
            .map(Problem::from)
            .collect()
    }

    async fn validate(&self, props: &BTreeMap<String, String>) -> Vec<Problem> {
        let problems = walcast_cdc::validate(props, &self.converters).await;
        problems.into_iter().map(Problem::from).collect()
    }

    fn start(
        &self,
        name: &str,
        props: &BTreeMap<String, String>,
        ownership: Arc<dyn Ownership>,
        resumed: Option<String>,
        events: mpsc::Sender<TaskEvent>,
    ) -> Result<Box<dyn RunningTask>, Vec<Problem>> {
        let parsed = ConnectorConfig::parse(props, &self.converters);
        let mut config = parsed
            .map_err(|problems| problems.into_iter().map(Problem::from).collect::<Vec<_>>())?;
        name.clone_into(&mut config.name);
        let (sender, received) = mpsc::channel(EVENTS);
        let settings = WorkerSettings {
            ownership: Some(ownership),
            ..self.settings.clone()
        };
        let output = Output::Kafka(Arc::new(settings));
        let task = match resumed {
            Some(run) => Task::resume(config, output, sender, run),
            None => Task::start(config, output, sender),
        };
        let mut forwarding = JoinSet::new();
        forwarding.spawn(forward(received, task.topics_used(), events));
        Ok(Box::new(CdcTask { task, forwarding }))
    }
}

struct CdcTask {
    task: Task,
    forwarding: JoinSet<()>,
}

#[async_trait]
impl RunningTask for CdcTask {
    fn control(&self) -> Arc<dyn Control> {
        Arc::new(CdcControl(self.task.handle()))
    }

    fn run_id(&self) -> String {
        self.task.run_id()
    }

    fn restart_policy(&self) -> RestartPolicy {
        let policy = self.task.restart_policy();
        RestartPolicy {
            max_attempts: policy.max_attempts,
            delay_initial: policy.delay_initial,
            delay_max: policy.delay_max,
        }
    }

    async fn stop(mut self: Box<Self>) {
        self.task.stop().await;
        // The engine's events end with its task.
        while self.forwarding.join_next().await.is_some() {}
    }
}

struct CdcControl(TaskHandle);

#[async_trait]
impl Control for CdcControl {
    async fn signal(&self, signal: SignalRequest) -> Result<String, Refused> {
        let signal = Signal::new(signal.id, signal.kind, signal.data);
        let id = signal.id.clone();
        self.0.signal(signal).await?;
        Ok(id)
    }

    async fn add_table(&self, request: TableRequest) -> Result<TableAdded, Refused> {
        let request = walcast_cdc::TableRequest {
            table: request.table,
            backfill: request.backfill,
            condition: request.condition,
            wait: request.wait,
        };
        let added = self.0.add_table(&request).await?;
        Ok(TableAdded {
            table: added.table,
            publication: match added.publication {
                Publication::Added => "added",
                Publication::Present => "present",
                Publication::AllTables => "all-tables",
            },
            signal: added.signal,
            notes: added.notes,
        })
    }

    fn stall(&self) -> Option<String> {
        self.0.stall()
    }

    fn snapshot(&self) -> SnapshotReport {
        let status = self.0.snapshot();
        SnapshotReport {
            state: match status.phase {
                SnapshotPhase::None => "NONE",
                SnapshotPhase::Running => "RUNNING",
                SnapshotPhase::Completed => "COMPLETED",
                SnapshotPhase::Aborted => "ABORTED",
            },
            resumed: status.resumed,
            streams_reopened: status.reopened,
            tables: status.tables,
            tables_left: status.tables_left,
            rows: status.rows,
            percent: status.percent,
            seconds: status.elapsed.as_secs(),
        }
    }
}

impl From<walcast_cdc::Refused> for Refused {
    fn from(refused: walcast_cdc::Refused) -> Self {
        Self {
            status: match refused.reason {
                Reason::Unknown => 404,
                Reason::Conflict => 409,
                Reason::NotAllowed => 422,
                Reason::Unavailable => 503,
            },
            message: refused.message,
            sql: refused.sql,
            change: refused.change.map(|change| ConfigChange {
                property: change.property,
                add: change.add,
            }),
        }
    }
}

/// Passes the engine's events on in the worker's words, until the task has ended.
async fn forward(
    mut states: mpsc::Receiver<walcast_cdc::TaskEvent>,
    topics: TopicsUsed,
    events: mpsc::Sender<TaskEvent>,
) {
    let used = |topic: Arc<str>| TaskEvent::TopicUsed {
        topic: topic.to_string(),
    };
    loop {
        let told: Vec<TaskEvent> = tokio::select! {
            state = states.recv() => match state {
                // What was written to last comes before the word that nothing more is.
                Some(event) => {
                    let topics = topics.take().into_iter().map(used);
                    topics.chain([in_workers_words(event.state)]).collect()
                }
                None => return,
            },
            topics = topics.next() => topics.into_iter().map(used).collect(),
        };
        for event in told {
            if events.send(event).await.is_err() {
                return;
            }
        }
    }
}

fn in_workers_words(state: TaskState) -> TaskEvent {
    match state {
        TaskState::Running => TaskEvent::Running,
        TaskState::Failed { trace } => TaskEvent::Failed { trace },
        TaskState::Stopped => TaskEvent::Finished,
    }
}

impl From<ConfigProblem> for Problem {
    fn from(problem: ConfigProblem) -> Self {
        Self {
            property: problem.property,
            message: problem.message,
        }
    }
}
