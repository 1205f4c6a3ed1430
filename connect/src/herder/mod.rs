//! The herder: every change to connectors goes through one task, in order.
//!
//! Requests enter as [`Command`]s through a bounded queue; records of the config topic leave. What
//! the topic then says is what runs: the owner compares it with the runners and tells each of them
//! what is wanted. Only the connectors that the group of workers has given to this worker are run; a
//! runner ends by itself when its connector is another's. Runners work side by side, so that a slow stop of one connector delays no other.

mod command;
mod lease;
mod live;
mod losses;
mod offsets;
mod owner;
mod restarts;
mod runner;

use std::sync::Arc;

use tokio::sync::{mpsc, oneshot};

use crate::config::WorkerConfig;
use crate::engine::Engine;
use crate::group::Places;
use crate::kafka::{Clients, TopicLog};
use crate::refusal::Refusal;
use crate::store::configs::ConfigStore;
use crate::store::statuses::StatusStore;

pub(crate) use command::{Command, Existing, Put, Restart};
pub(crate) use live::{Live, LiveTasks};
pub(crate) use owner::Owner;

/// Commands that may wait; more make the caller wait.
const QUEUE: usize = 64;

/// What owner, runners and requests share. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Shared {
    pub(crate) config: Arc<WorkerConfig>,
    pub(crate) engine: Arc<dyn Engine>,
    pub(crate) clients: Clients,
    pub(crate) configs: Arc<ConfigStore>,
    pub(crate) statuses: Arc<StatusStore>,
    pub(crate) config_log: Arc<TopicLog>,
    pub(crate) live: Arc<LiveTasks>,
    pub(crate) places: Arc<Places>,
    /// `host:port`, as statuses name this worker.
    pub(crate) worker_id: Arc<str>,
    /// The time, so that tests can set it.
    pub(crate) now_ms: fn() -> i64,
}

/// The way to the owner. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Herder {
    commands: mpsc::Sender<Command>,
}

impl Herder {
    /// The handle and the queue it fills.
    pub(crate) fn new() -> (Self, mpsc::Receiver<Command>) {
        let (commands, queue) = mpsc::channel(QUEUE);
        (Self { commands }, queue)
    }

    /// Has the owner do something and waits for the answer.
    ///
    /// # Errors
    /// What the owner answers, or that the worker is stopping.
    pub(crate) async fn ask<T>(
        &self,
        command: impl FnOnce(oneshot::Sender<Result<T, Refusal>>) -> Command,
    ) -> Result<T, Refusal> {
        let (reply, answer) = oneshot::channel();
        self.commands
            .send(command(reply))
            .await
            .map_err(|_| Refusal::stopping())?;
        answer.await.map_err(|_| Refusal::stopping())?
    }
}
