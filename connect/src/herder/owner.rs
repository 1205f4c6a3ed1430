//! The owner: takes commands one by one, writes the config topic, keeps runners to what it says.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::time::Duration;

use tokio::sync::{mpsc, watch};
use tokio::task::{Id, JoinSet};
use tokio_util::sync::CancellationToken;

use super::command::{Existing, answer};
use super::losses::Losses;
use super::runner::{Desired, Epochs, Runner};
use super::{Command, Put, Restart, Shared};
use crate::config::Properties;
use crate::group::GroupEvent;
use crate::java_map;
use crate::kafka::{KafkaFault, Record};
use crate::plugins;
use crate::refusal::Refusal;
use crate::store::config_record::{ConfigRecord, TargetState};
use crate::store::configs::Connector;
use crate::store::status_record::{State, StatusKey};
use crate::views::{self, ConnectorStatus};

/// Pause after Kafka refused a write that nobody waits for.
const RETRY_PAUSE: Duration = Duration::from_secs(5);

/// The owner of all connectors of this worker.
pub(crate) struct Owner {
    pub(super) shared: Shared,
    commands: mpsc::Receiver<Command>,
    runners: BTreeMap<String, Handle>,
    running: JoinSet<()>,
    names: HashMap<Id, String>,
    stop: CancellationToken,
    group: mpsc::Receiver<GroupEvent>,
    pub(super) losses: Losses,
    /// Something could not be written and is to be tried again.
    unwritten: bool,
}

/// The owner's end of a runner.
struct Handle {
    desired: watch::Sender<Option<Desired>>,
    epochs: Epochs,
}

impl Owner {
    pub(crate) fn new(
        shared: Shared,
        commands: mpsc::Receiver<Command>,
        group: mpsc::Receiver<GroupEvent>,
        stop: CancellationToken,
    ) -> Self {
        Self {
            shared,
            commands,
            runners: BTreeMap::new(),
            running: JoinSet::new(),
            names: HashMap::new(),
            stop,
            group,
            losses: Losses::default(),
            unwritten: false,
        }
    }

    /// Runs until `stop`, then returns when all runners have stopped their tasks.
    pub(crate) async fn run(mut self) {
        let mut changes = self.shared.configs.watch();
        let stop = self.stop.clone();
        self.reconcile().await;
        loop {
            tokio::select! {
                biased;
                () = stop.cancelled() => break,
                Some(ended) = self.running.join_next_with_id() => self.on_runner_end(ended).await,
                Some(event) = self.group.recv() => self.on_group(event).await,
                Some(command) = self.commands.recv() => self.handle(command).await,
                Ok(()) = changes.changed() => self.reconcile().await,
                () = tokio::time::sleep(RETRY_PAUSE), if self.unwritten => self.reconcile().await,
            }
        }
        self.commands.close();
        while self.running.join_next().await.is_some() {}
    }

    async fn handle(&mut self, command: Command) {
        let elsewhere = |name: &&str| !self.shared.places.is_here(name);
        if let Some(name) = command.connector().filter(elsewhere) {
            let refusal = Refusal::moving(name);
            return command.refuse(refusal);
        }
        match command {
            Command::Put(put, reply) => answer(reply, self.put(put).await),
            Command::Delete(name, reply) => answer(reply, self.delete(name).await),
            Command::SetTarget(name, target, reply) => {
                answer(reply, self.set_target(name, target).await);
            }
            Command::Restart(restart, reply) => answer(reply, self.restart(restart).await),
            Command::RestartTask(name, index, reply) => {
                answer(reply, self.restart_task(&name, index));
            }
            Command::ResetTopics(name, reply) => {
                for topic in self.shared.statuses.topics(&name) {
                    let connector = name.clone();
                    self.shared
                        .statuses
                        .say(StatusKey::Topic { topic, connector }, None);
                }
                answer(reply, Ok(()));
            }
            Command::AlterOffsets(name, changes, reply) => {
                answer(reply, self.alter_offsets(&name, changes).await);
            }
            Command::ResetOffsets(name, reply) => answer(reply, self.reset_offsets(&name).await),
            Command::Ping(reply) => answer(reply, Ok(())),
        }
    }

    async fn put(&mut self, put: Put) -> Result<(bool, Connector), Refusal> {
        let Put {
            name,
            props,
            initial_state,
            existing,
        } = put;
        let present = self.shared.configs.get(&name);
        match (&present, existing) {
            (Some(_), Existing::Refuse) => {
                return Err(Refusal::conflict(format!(
                    "Connector {name} already exists"
                )));
            }
            (None, Existing::ReplaceIf(_)) => return Err(Refusal::no_connector(&name)),
            (Some(now), Existing::ReplaceIf(expected)) if now.props != expected => {
                return Err(Refusal::conflict(format!(
                    "Connector {name} was changed by another request at the same time; try again"
                )));
            }
            _ => {}
        }
        let created = present.is_none();
        let mut records = Vec::new();
        if let Some(state) = initial_state.filter(|_| created) {
            records.push(ConfigRecord::Target {
                name: name.clone(),
                state: Some(state),
            });
        }
        records.push(ConfigRecord::Connector {
            name: name.clone(),
            props: Some(props.clone()),
        });
        self.write(&records).await?;
        tracing::info!(connector = name, created, "connector configured");
        // The answer shows the properties as given and the tasks as they were.
        let present = present.unwrap_or_default();
        Ok((created, Connector { props, ..present }))
    }

    async fn delete(&mut self, name: String) -> Result<(), Refusal> {
        if self.shared.configs.get(&name).is_none() {
            return Err(Refusal::no_connector(&name));
        }
        tracing::info!(connector = name, "connector deleted");
        self.write(&[
            ConfigRecord::Connector {
                name: name.clone(),
                props: None,
            },
            ConfigRecord::Target { name, state: None },
        ])
        .await
    }

    async fn set_target(&mut self, name: String, target: TargetState) -> Result<(), Refusal> {
        let Some(connector) = self.shared.configs.get(&name) else {
            return Err(Refusal::not_found(format!("Unknown connector {name}")));
        };
        if connector.target == target {
            return Ok(());
        }
        let mut records = Vec::new();
        if target == TargetState::Stopped {
            records.push(ConfigRecord::Commit {
                name: name.clone(),
                tasks: 0,
            });
        }
        tracing::info!(
            connector = name,
            target = target.as_str(),
            "target state changed"
        );
        records.push(ConfigRecord::Target {
            name,
            state: Some(target),
        });
        self.write(&records).await
    }

    async fn restart(&mut self, restart: Restart) -> Result<ConnectorStatus, Refusal> {
        let Restart {
            name,
            include_tasks,
            only_failed,
        } = restart;
        if self.shared.configs.get(&name).is_none() {
            return Err(Refusal::not_found(format!("Unknown connector: {name}")));
        }
        if include_tasks || only_failed {
            let record = ConfigRecord::Restart {
                name: name.clone(),
                include_tasks,
                only_failed,
            };
            self.write(&[record]).await?;
        }
        let statuses = &self.shared.statuses;
        let concerned = |state: Option<State>| !only_failed || state == Some(State::Failed);
        let connector = concerned(statuses.connector(&name).map(|s| s.state));
        let task = include_tasks && concerned(statuses.task(&name, 0).map(|s| s.state));
        let status = views::status(&self.shared, &name)?.with_restarts(connector, task);
        tracing::info!(connector = name, itself = connector, task, "restarting");
        self.bump(&name, |epochs| {
            epochs.connector += u64::from(connector);
            epochs.task += u64::from(task);
        });
        Ok(status)
    }

    fn restart_task(&mut self, name: &str, index: u32) -> Result<(), Refusal> {
        let Some(connector) = self.shared.configs.get(name) else {
            return Err(Refusal::not_found(format!("Unknown connector: {name}")));
        };
        if index > 0 {
            return Err(Refusal::not_found(format!("Unknown task: {name}-{index}")));
        }
        if connector.target == TargetState::Stopped {
            return Err(Refusal::conflict(format!(
                "Connector {name} is stopped and has no tasks; resume it first"
            )));
        }
        self.bump(name, |epochs| epochs.task += 1);
        Ok(())
    }

    fn bump(&mut self, name: &str, change: impl FnOnce(&mut Epochs)) {
        let Some(handle) = self.runners.get_mut(name) else {
            return;
        };
        change(&mut handle.epochs);
        let epochs = handle.epochs;
        handle.desired.send_modify(|desired| {
            if let Some(desired) = desired {
                desired.epochs = epochs;
            }
        });
    }

    /// Writes records and returns when they are read back.
    async fn write(&self, records: &[ConfigRecord]) -> Result<(), Refusal> {
        let records: Vec<Record> = records.iter().filter_map(ConfigRecord::encode).collect();
        Ok(self.shared.config_log.write(&records).await?)
    }

    /// Makes what runs equal to what the topic says.
    async fn reconcile(&mut self) {
        self.unwritten = false;
        let names: BTreeSet<String> = self
            .shared
            .configs
            .names()
            .into_iter()
            .chain(self.runners.keys().cloned())
            .collect();
        for name in names {
            if !self.shared.places.is_here(&name) {
                continue;
            }
            let connector = self.shared.configs.get(&name);
            if let Some(connector) = &connector
                && let Err(error) = self.commit_task(&name, connector).await
            {
                tracing::warn!(connector = name, %error, "cannot write the task's configuration; trying again");
                self.unwritten = true;
            }
            self.want(&name, connector);
        }
    }

    /// Writes the configuration of the connector's one task when the topic has another. As in Connect,
    /// a connector that is not to run is not asked for its tasks.
    async fn commit_task(&self, name: &str, connector: &Connector) -> Result<(), KafkaFault> {
        let props = task_props(&connector.props);
        if connector.target != TargetState::Started || connector.tasks == [props.clone()] {
            return Ok(());
        }
        let name = || name.to_owned();
        let records = [
            ConfigRecord::Task {
                name: name(),
                index: 0,
                props,
            },
            ConfigRecord::Commit {
                name: name(),
                tasks: 1,
            },
        ];
        let records: Vec<Record> = records.iter().filter_map(ConfigRecord::encode).collect();
        self.shared.config_log.write(&records).await
    }

    fn want(&mut self, name: &str, connector: Option<Connector>) {
        match (self.runners.get(name), connector) {
            (None, None) => {}
            (None, Some(connector)) => {
                let epochs = Epochs::default();
                self.spawn(name, Desired::new(connector, epochs));
            }
            (Some(handle), connector) => {
                let desired = connector.map(|c| Desired::new(c, handle.epochs));
                handle.desired.send_if_modified(|now| {
                    let differs = *now != desired;
                    *now = desired;
                    differs
                });
            }
        }
    }

    fn spawn(&mut self, name: &str, desired: Desired) {
        let epochs = desired.epochs;
        let (sender, receiver) = watch::channel(Some(desired));
        let runner = Runner::new(self.shared.clone(), name.to_owned());
        let task = self.running.spawn(runner.run(receiver, self.stop.clone()));
        self.names.insert(task.id(), name.to_owned());
        self.runners.insert(
            name.to_owned(),
            Handle {
                desired: sender,
                epochs,
            },
        );
    }

    /// A runner ends when its connector is gone, or by a fault of ours.
    async fn on_runner_end(&mut self, ended: Result<(Id, ()), tokio::task::JoinError>) {
        let (id, fault) = match ended {
            Ok((id, ())) => (id, None),
            Err(error) => (error.id(), Some(error)),
        };
        let Some(name) = self.names.remove(&id) else {
            return;
        };
        self.runners.remove(&name);
        self.losses.ended(&name, &self.shared.statuses);
        if let Some(error) = fault {
            tracing::error!(connector = name, %error, "the connector's runner broke; it is started again");
        }
        if self.shared.places.is_here(&name) {
            let connector = self.shared.configs.get(&name);
            self.want(&name, connector);
        }
    }

    async fn on_group(&mut self, event: GroupEvent) {
        match event {
            GroupEvent::Gained => self.reconcile().await,
            GroupEvent::Lost { shards, done } => {
                let lost = |name: &&String| shards.contains(&self.shared.places.shard(name));
                let names = self.runners.keys().filter(lost).cloned().collect();
                self.losses.wait_for(names, done, &self.shared.statuses);
            }
        }
    }
}

/// The properties of a connector's one task, as Debezium makes them.
fn task_props(connector: &Properties) -> Properties {
    let mut props = connector.clone();
    props.insert("task.class".into(), plugins::TASK_CLASS.into());
    java_map::as_grown(&props)
}
