//! What the worker needs from an engine: to check properties, and to start and stop a task.
//!
//! The worker knows nothing of PostgreSQL. Properties go in with their secrets resolved; events come
//! out. The real engine is `walcast-cdc`; tests bring their own.

use std::collections::BTreeMap;

use async_trait::async_trait;
use tokio::sync::mpsc;

/// One thing wrong with one property.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// The property's name.
    pub property: String,
    /// What is wrong and what to do.
    pub message: String,
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
    /// It has written to this topic for the first time.
    TopicUsed {
        /// The topic's name.
        topic: String,
    },
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
    /// in `events`.
    ///
    /// # Errors
    /// Everything that is wrong with the properties.
    fn start(
        &self,
        name: &str,
        props: &BTreeMap<String, String>,
        events: mpsc::Sender<TaskEvent>,
    ) -> Result<Box<dyn RunningTask>, Vec<Problem>>;
}

/// A task that was started.
#[async_trait]
pub trait RunningTask: Send {
    /// Stops it cleanly: what Kafka has acknowledged is checkpointed. When it returns nothing of
    /// the task runs any more, so that another may start.
    async fn stop(self: Box<Self>);
}
