//! A runner: keeps one connector to what is wanted of it, and says its status.
//!
//! What is wanted comes in through a watch, newest only; statuses go out. One task runs at a time:
//! the next is started only when nothing of the former runs any more.

use std::sync::Arc;

use tokio::sync::{mpsc, watch};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::lease::{Lease, Loss};
use super::restarts::Restarts;
use super::{Live, Shared};
use crate::config::Properties;
use crate::engine::{Ownership, Problem, RestartPolicy, RunningTask, TaskEvent};
use crate::group::Places;
use crate::plugins;
use crate::store::config_record::TargetState;
use crate::store::configs::Connector;
use crate::store::status_record::{State, Status, StatusKey, StatusValue};

/// Events of a task that may wait for its runner.
const EVENTS: usize = 64;

/// Every connector has one task: a slot has one reader.
const TASK: u32 = 0;

/// Counters of the restarts asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Epochs {
    pub(super) connector: u64,
    pub(super) task: u64,
}

/// What is wanted of a connector.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Desired {
    props: Properties,
    target: TargetState,
    pub(super) epochs: Epochs,
}

impl Desired {
    pub(super) fn new(connector: Connector, epochs: Epochs) -> Self {
        Self {
            props: connector.props,
            target: connector.target,
            epochs,
        }
    }
}

/// How the task stands.
enum Task {
    None,
    /// It goes on with the run of this id, where one ran.
    Paused(Option<String>),
    Running(Box<dyn RunningTask>, mpsc::Receiver<TaskEvent>),
    Finished,
    Failed,
}

/// Runs one connector.
pub(super) struct Runner {
    shared: Shared,
    name: String,
    lease: Lease,
    /// The generation of its statuses: one more than what was found, so that the later owner's count.
    generation: i32,
    task: Task,
    now: Option<Desired>,
    restarts: Restarts,
}

impl Runner {
    pub(super) fn new(shared: Shared, name: String) -> Self {
        let generation = shared.statuses.generation(&name).saturating_add(1);
        let lease = Lease::new(&shared.places, &name);
        Self {
            shared,
            name,
            lease,
            generation,
            task: Task::None,
            now: None,
            restarts: Restarts::default(),
        }
    }

    /// Runs until the connector is gone or another worker's, or until `stop`; its task is stopped
    /// then.
    pub(super) async fn run(
        mut self,
        mut desired: watch::Receiver<Option<Desired>>,
        stop: CancellationToken,
    ) {
        loop {
            let wanted = desired.borrow_and_update().clone();
            let Some(wanted) = wanted else {
                self.remove().await;
                return;
            };
            self.follow(wanted).await;
            loop {
                tokio::select! {
                    biased;
                    loss = self.lease.lost() => return self.release(loss).await,
                    () = stop.cancelled() => return self.hand_back().await,
                    changed = desired.changed() => match changed {
                        Ok(()) => break,
                        Err(_) => return self.hand_back().await,
                    },
                    event = next_event(&mut self.task) => self.on_event(event).await,
                    () = self.restarts.due(), if self.is_to_run() => self.restart().await,
                }
            }
        }
    }

    /// Does what is wanted.
    async fn follow(&mut self, wanted: Desired) {
        let former = self.now.replace(wanted.clone());
        let changed = former.as_ref().is_none_or(|f| f.props != wanted.props);
        let restarts = former.as_ref().map_or(Epochs::default(), |f| f.epochs);
        let restart_task = restarts.task != wanted.epochs.task;
        if former.is_some() && restarts.connector != wanted.epochs.connector {
            self.say_connector(State::Restarting, None);
        }
        if former.is_some() && restart_task && wanted.target != TargetState::Stopped {
            self.say_task(State::Restarting, None);
        }
        let renew = changed || restart_task;
        if renew {
            self.restarts.reset();
        }
        match wanted.target {
            TargetState::Stopped => {
                self.stop_task().await;
                self.task = Task::None;
                self.clear_tasks();
                self.say_connector(State::Stopped, None);
            }
            TargetState::Paused => self.pause(renew).await,
            TargetState::Started => self.start(&wanted, renew).await,
        }
    }

    /// A failed task stays failed until it is restarted or changed.
    async fn pause(&mut self, renew: bool) {
        self.say_connector(State::Paused, None);
        if matches!(self.task, Task::Failed) && !renew {
            return;
        }
        let connector = self.shared.configs.get(&self.name);
        if connector.is_some_and(|connector| connector.tasks.is_empty()) {
            // It has never run, or was stopped: it gets its task when it is resumed.
            self.stop_task().await;
            return;
        }
        let run = match &self.task {
            Task::Running(task, _) if !renew => Some(task.run_id()),
            Task::Paused(run) if !renew => run.clone(),
            _ => None,
        };
        self.stop_task().await;
        self.task = Task::Paused(run);
        self.say_task(State::Paused, None);
    }

    async fn start(&mut self, wanted: &Desired, renew: bool) {
        if matches!(self.task, Task::Running(..) | Task::Finished | Task::Failed) && !renew {
            self.say_connector(State::Running, None);
            return;
        }
        let resumed = match &mut self.task {
            Task::Paused(run) if !renew => run.take(),
            _ => None,
        };
        self.stop_task().await;
        self.task = Task::None;
        let providers = &self.shared.config.providers;
        let resolved = match plugins::for_engine(&wanted.props, providers) {
            Ok(resolved) => resolved,
            Err(error) => return self.fail_connector(&error.to_string()),
        };
        let (events, received) = mpsc::channel(EVENTS);
        let places: Arc<Places> = Arc::clone(&self.shared.places);
        let engine = &self.shared.engine;
        match engine.start(&self.name, &resolved, places, resumed, events) {
            Ok(task) => {
                let props = wanted.props.clone();
                let control = task.control();
                self.shared.live.put(&self.name, Live { props, control });
                self.task = Task::Running(task, received);
                self.say_connector(State::Running, None);
            }
            Err(problems) => self.fail_connector(&Problem::list(&problems)),
        }
    }

    fn fail_connector(&mut self, trace: &str) {
        tracing::error!(connector = self.name, trace, "the connector cannot start");
        self.clear_tasks();
        self.say_connector(State::Failed, Some(trace.to_owned()));
    }

    async fn on_event(&mut self, event: Option<TaskEvent>) {
        match event {
            Some(TaskEvent::Running) => {
                self.restarts.running(Instant::now());
                self.say_task(State::Running, None);
            }
            Some(TaskEvent::TopicUsed { topic }) => self.say_topic(topic),
            Some(TaskEvent::Finished) => {
                self.stop_task().await;
                self.task = Task::Finished;
            }
            Some(TaskEvent::Failed { trace }) => self.fail_task(trace).await,
            None => {
                self.fail_task("The task ended without a word; restart it".into())
                    .await
            }
        }
    }

    /// A worker that was frozen may fail because another has gone on with its connector. What it says
    /// then would cover the other's status, so that it says nothing; it hears of the loss soon.
    async fn fail_task(&mut self, mut trace: String) {
        let policy = match &self.task {
            Task::Running(task, _) => task.restart_policy(),
            _ => RestartPolicy::OFF,
        };
        self.stop_task().await;
        if let Ok(false) = self.shared.places.holds(&self.name).await {
            tracing::warn!(
                connector = self.name,
                trace,
                "a task failed that another worker runs by now"
            );
            return;
        }
        self.task = Task::Failed;
        if let Some(pause) = self.restarts.failed(policy, Instant::now()) {
            trace.push_str(&self.restarts.announcement(policy, pause));
        }
        self.say_task(State::Failed, Some(trace));
    }

    /// Whether the connector is to run, so that a failed task may be started again.
    fn is_to_run(&self) -> bool {
        let target = self.now.as_ref().map(|now| now.target);
        target == Some(TargetState::Started) && matches!(self.task, Task::Failed)
    }

    /// Starts a failed task again, as its policy says.
    async fn restart(&mut self) {
        self.restarts.started();
        let Some(wanted) = self.now.clone() else {
            return;
        };
        tracing::info!(
            connector = self.name,
            restart = self.restarts.count(),
            "starting the failed task again (walcast.task.restart.max.attempts)"
        );
        metrics::counter!("walcast_connect_task_restarts_total", "connector" => self.name.clone())
            .increment(1);
        self.say_task(State::Restarting, None);
        self.start(&wanted, true).await;
    }

    /// The connector is gone: nothing of it stays but its offsets.
    async fn remove(&mut self) {
        self.stop_task().await;
        self.task = Task::None;
        self.clear_tasks();
        for topic in self.shared.statuses.topics(&self.name) {
            let connector = self.name.clone();
            self.shared
                .statuses
                .say(StatusKey::Topic { topic, connector }, None);
        }
        self.shared
            .statuses
            .say(StatusKey::Connector(self.name.clone()), None);
    }

    /// Another worker is to run the connector, or runs it already: nothing more of it is written then.
    async fn release(&mut self, loss: Loss) {
        match loss {
            Loss::Asked => self.hand_back().await,
            Loss::Abrupt => {
                self.shared.live.remove(&self.name);
                self.task = Task::None;
            }
        }
    }

    /// Nobody runs the connector until a worker takes it again.
    async fn hand_back(&mut self) {
        let ran = !matches!(self.task, Task::None | Task::Failed);
        self.stop_task().await;
        if ran {
            self.say_unassigned(StatusKey::Task(self.name.clone(), TASK));
        }
        self.say_unassigned(StatusKey::Connector(self.name.clone()));
    }

    /// Stops the task if one runs. Its events are still taken, so that it never waits for us; it is
    /// dropped when the connector turns out to be another worker's.
    async fn stop_task(&mut self) {
        self.shared.live.remove(&self.name);
        let Task::Running(task, mut events) = std::mem::replace(&mut self.task, Task::None) else {
            return;
        };
        let mut stopping = task.stop();
        loop {
            tokio::select! {
                () = self.lease.lost_abruptly() => return,
                () = &mut stopping => return,
                Some(event) = events.recv() => {
                    if let TaskEvent::TopicUsed { topic } = event {
                        self.say_topic(topic);
                    }
                }
            }
        }
    }

    fn clear_tasks(&self) {
        for (index, _) in self.shared.statuses.tasks(&self.name) {
            self.shared
                .statuses
                .say(StatusKey::Task(self.name.clone(), index), None);
        }
    }

    fn say_connector(&self, state: State, trace: Option<String>) {
        self.say(StatusKey::Connector(self.name.clone()), state, trace);
    }

    fn say_task(&self, state: State, trace: Option<String>) {
        self.say(StatusKey::Task(self.name.clone(), TASK), state, trace);
    }

    fn say_unassigned(&self, key: StatusKey) {
        self.say(key, State::Unassigned, None);
    }

    fn say(&self, key: StatusKey, state: State, trace: Option<String>) {
        let runs = !matches!(state, State::Unassigned | State::Restarting);
        let restarts = match key {
            StatusKey::Task(..) => self.restarts.count(),
            _ => None,
        };
        let status = Status {
            state,
            restarts,
            trace,
            worker_id: self.shared.worker_id.to_string(),
            generation: self.generation,
            version: runs.then(|| self.shared.engine.version().to_owned()),
        };
        self.shared
            .statuses
            .say(key, Some(StatusValue::Status(status)));
    }

    fn say_topic(&self, topic: String) {
        let known = || self.shared.statuses.has_topic(&self.name, &topic);
        if self.shared.config.topic_tracking && !known() {
            let key = StatusKey::Topic {
                topic,
                connector: self.name.clone(),
            };
            let at_ms = (self.shared.now_ms)();
            self.shared
                .statuses
                .say(key, Some(StatusValue::TopicSeen { task: TASK, at_ms }));
        }
    }
}

/// The next event of a running task; never comes when none runs.
async fn next_event(task: &mut Task) -> Option<TaskEvent> {
    match task {
        Task::Running(_, events) => events.recv().await,
        _ => std::future::pending().await,
    }
}
