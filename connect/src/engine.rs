//! What the worker needs from an engine: to check properties, and to start and stop a task.
//!
//! The worker knows nothing of PostgreSQL. Properties go in with their secrets resolved; events come
//! out. The real engine is `walcast-cdc`; tests bring their own.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use serde::Serialize;
use tokio::sync::mpsc;

pub use walcast_cdc::Ownership;

/// One thing wrong with one property.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// The property's name.
    pub property: String,
    /// What is wrong and what to do.
    pub message: String,
}

impl Problem {
    /// All problems of a configuration, a line each.
    pub(crate) fn list(problems: &[Self]) -> String {
        let lines = problems
            .iter()
            .map(|p| format!("{}: {}", p.property, p.message));
        format!(
            "The connector's configuration is not valid:\n{}",
            lines.collect::<Vec<_>>().join("\n")
        )
    }
}

/// What a task tells its worker.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TaskEvent {
    /// It runs: configuration and connections are good, records flow when there are any.
    Running,
    /// It has done all there was to do, as a snapshot without streaming has. Nothing of it runs any
    /// more; it counts as running, as in Connect.
    Finished,
    /// It stands still until someone acts. Nothing of it runs any more.
    Failed {
        /// What happened, where, and the cure; the first line says it in short.
        trace: String,
    },
    /// It writes to this topic. Told again from time to time while it does.
    TopicUsed {
        /// The topic's name.
        topic: String,
    },
}

/// When a failed task is started again without anybody asking for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RestartPolicy {
    /// How often, one after the other; `None` is without end.
    pub max_attempts: Option<u32>,
    /// The pause before the first; it doubles.
    pub delay_initial: Duration,
    /// The longest pause.
    pub delay_max: Duration,
}

impl RestartPolicy {
    /// Never, as in Kafka Connect.
    pub const OFF: Self = Self {
        max_attempts: Some(0),
        delay_initial: Duration::ZERO,
        delay_max: Duration::ZERO,
    };
}

/// Starts the tasks of connectors.
#[async_trait]
pub trait Engine: Send + Sync + 'static {
    /// The engine's version, shown in statuses and plugin lists.
    fn version(&self) -> &str;

    /// Checks properties without a connection. Empty means good.
    fn check(&self, props: &BTreeMap<String, String>) -> Vec<Problem>;

    /// Checks properties and, when they are well-formed, that the source can be reached and logged
    /// in to. Empty means good.
    async fn validate(&self, props: &BTreeMap<String, String>) -> Vec<Problem>;

    /// Starts the one task of connector `name`. Returns at once; what becomes of the task is told
    /// in `events`. Before it shuts out an older task of the connector it asks `ownership`. `resumed`
    /// is the run that a paused connector goes on with.
    ///
    /// # Errors
    /// Everything that is wrong with the properties.
    fn start(
        &self,
        name: &str,
        props: &BTreeMap<String, String>,
        ownership: Arc<dyn Ownership>,
        resumed: Option<String>,
        events: mpsc::Sender<TaskEvent>,
    ) -> Result<Box<dyn RunningTask>, Vec<Problem>>;
}

/// A request to a running connector, as Debezium's signal table holds it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SignalRequest {
    /// Its id; without one it gets one.
    pub id: Option<String>,
    /// What is to be done.
    pub kind: String,
    /// What it needs to know, as JSON.
    pub data: Option<String>,
}

/// A table that a running connector is to capture.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TableRequest {
    /// `schema.name`.
    pub table: String,
    /// Whether the rows that are there already are read.
    pub backfill: bool,
    /// A condition on the rows that are read.
    pub condition: Option<String>,
    /// How long transactions that stand in the way are waited for.
    pub wait: Duration,
}

/// A table that was added.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TableAdded {
    /// `schema.name`.
    pub table: String,
    /// What was done for the publication: `added`, `present`, `all-tables`.
    pub publication: &'static str,
    /// The id of the signal that has the rows read.
    pub signal: Option<String>,
    /// What the caller should know.
    pub notes: Vec<String>,
}

/// Where the last snapshot of a task stands.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
pub struct SnapshotReport {
    /// `NONE` since the task began, `RUNNING`, `COMPLETED` or `ABORTED`.
    pub state: &'static str,
    /// Whether it went on with one that was interrupted: what had not been durable was read again as
    /// of a later moment.
    pub resumed: bool,
    /// How often a reading connection was lost and opened again on the same snapshot.
    pub streams_reopened: u64,
    /// Tables to be read.
    pub tables: usize,
    /// Tables that are not complete.
    pub tables_left: usize,
    /// Rows handed on, those before an interruption included.
    pub rows: u64,
    /// Percent of the tables' blocks that are read.
    pub percent: u64,
    /// How long it runs or ran.
    pub seconds: u64,
}

/// A change of a connector's configuration: something added to a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConfigChange {
    /// The property that holds the list.
    pub property: &'static str,
    /// What is added.
    pub add: String,
}

/// A request that a running task refuses.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Refused {
    /// The HTTP status that says so.
    pub status: u16,
    /// What is wrong, and the cure.
    pub message: String,
    /// Statements that cure it, when somebody else must run them in the database.
    pub sql: Option<String>,
    /// The change of the connector's configuration that cures it.
    pub change: Option<ConfigChange>,
}

/// What a running task can be asked for. It may be kept beyond the task, and refuses everything then.
#[async_trait]
pub trait Control: Send + Sync {
    /// Hands a signal to the connector; answers its id.
    ///
    /// # Errors
    /// The task cannot take it now.
    async fn signal(&self, signal: SignalRequest) -> Result<String, Refused>;

    /// Has the connector capture a further table.
    ///
    /// # Errors
    /// What is missing, and the cure; the same can be asked again then.
    async fn add_table(&self, request: TableRequest) -> Result<TableAdded, Refused>;

    /// Where the last snapshot of the task stands.
    fn snapshot(&self) -> SnapshotReport;

    /// Why the task stands still although it should not; `None` while it does what it should.
    fn stall(&self) -> Option<String> {
        None
    }
}

/// A task that was started. Dropping it stops it at once: nothing is written any more, and what is in
/// flight is sent again by whoever goes on from the checkpoint.
#[async_trait]
pub trait RunningTask: Send {
    /// What it can be asked for while it runs.
    fn control(&self) -> Arc<dyn Control>;

    /// The id of its run, which its records carry. Connect's pause does not end a run: the task that
    /// is started afterwards is given this id.
    fn run_id(&self) -> String;

    /// Whether it is started again by itself when it has failed.
    fn restart_policy(&self) -> RestartPolicy {
        RestartPolicy::OFF
    }

    /// Stops it cleanly: what Kafka has acknowledged is checkpointed. When it returns nothing of
    /// the task runs any more, so that another may start.
    async fn stop(self: Box<Self>);
}
