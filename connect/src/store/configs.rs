//! What the config topic says now: connectors, their target states and their tasks.

use std::collections::BTreeMap;
use std::sync::{PoisonError, RwLock, RwLockReadGuard};

use tokio::sync::watch;

use super::config_record::{ConfigRecord, TargetState};
use crate::config::Properties;

/// One connector, as the topic has it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Connector {
    /// Its properties, as they were given.
    pub(crate) props: Properties,
    /// What it is to do.
    pub(crate) target: TargetState,
    /// Properties of the tasks that count.
    pub(crate) tasks: Vec<Properties>,
}

#[derive(Debug, Default)]
struct Contents {
    props: BTreeMap<String, Properties>,
    targets: BTreeMap<String, TargetState>,
    tasks: BTreeMap<String, Vec<Properties>>,
    /// Task configurations not committed yet.
    uncommitted: BTreeMap<String, BTreeMap<u32, Properties>>,
}

/// The config topic in memory. Filled by its reader, read by everyone.
#[derive(Debug)]
pub(crate) struct ConfigStore {
    contents: RwLock<Contents>,
    changed: watch::Sender<u64>,
}

impl Default for ConfigStore {
    fn default() -> Self {
        Self {
            contents: RwLock::default(),
            changed: watch::Sender::new(0),
        }
    }
}

impl ConfigStore {
    /// Takes in one record, in the topic's order.
    pub(crate) fn apply(&self, record: ConfigRecord) {
        let mut contents = self
            .contents
            .write()
            .unwrap_or_else(PoisonError::into_inner);
        contents.apply(record);
        drop(contents);
        self.changed.send_modify(|version| *version += 1);
    }

    /// Tells of changes; the number only grows.
    pub(crate) fn watch(&self) -> watch::Receiver<u64> {
        self.changed.subscribe()
    }

    /// The names of all connectors, sorted.
    pub(crate) fn names(&self) -> Vec<String> {
        self.read().props.keys().cloned().collect()
    }

    /// One connector.
    pub(crate) fn get(&self, name: &str) -> Option<Connector> {
        let contents = self.read();
        let props = contents.props.get(name)?.clone();
        Some(Connector {
            props,
            target: contents.targets.get(name).copied().unwrap_or_default(),
            tasks: contents.tasks.get(name).cloned().unwrap_or_default(),
        })
    }

    fn read(&self) -> RwLockReadGuard<'_, Contents> {
        self.contents.read().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Contents {
    fn apply(&mut self, record: ConfigRecord) {
        match record {
            ConfigRecord::Connector {
                name,
                props: Some(props),
            } => {
                self.props.insert(name, props);
            }
            ConfigRecord::Connector { name, props: None } => {
                self.props.remove(&name);
                self.targets.remove(&name);
                self.tasks.remove(&name);
                self.uncommitted.remove(&name);
            }
            ConfigRecord::Target {
                name,
                state: Some(state),
            } => {
                self.targets.insert(name, state);
            }
            ConfigRecord::Target { name, state: None } => {
                self.targets.remove(&name);
            }
            ConfigRecord::Task { name, index, props } => {
                self.uncommitted
                    .entry(name)
                    .or_default()
                    .insert(index, props);
            }
            ConfigRecord::Commit { name, tasks } => self.commit(name, tasks),
            ConfigRecord::Restart { .. } | ConfigRecord::Logger { .. } | ConfigRecord::Other => {}
        }
    }

    /// Uncommitted task configurations take the place of the former ones. A commit whose tasks are
    /// not all there (compaction ran in between) leaves what there was, as Connect does.
    fn commit(&mut self, name: String, count: u32) {
        let new = self.uncommitted.remove(&name).unwrap_or_default();
        let old = self.tasks.get(&name).cloned().unwrap_or_default();
        let task = |index: u32| new.get(&index).or_else(|| old.get(index as usize)).cloned();
        let tasks: Option<Vec<_>> = (0..count).map(task).collect();
        if let Some(tasks) = tasks {
            self.tasks.insert(name, tasks);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn props(value: &str) -> Properties {
        Properties::from([("v".to_owned(), value.to_owned())])
    }

    fn name() -> String {
        "c".into()
    }

    #[test]
    fn tasks_count_only_when_committed() {
        let store = ConfigStore::default();
        store.apply(ConfigRecord::Connector {
            name: name(),
            props: Some(props("1")),
        });
        store.apply(ConfigRecord::Task {
            name: name(),
            index: 0,
            props: props("t"),
        });
        assert!(store.get("c").unwrap().tasks.is_empty());
        store.apply(ConfigRecord::Commit {
            name: name(),
            tasks: 1,
        });
        assert_eq!(store.get("c").unwrap().tasks, [props("t")]);
        store.apply(ConfigRecord::Commit {
            name: name(),
            tasks: 0,
        });
        assert!(store.get("c").unwrap().tasks.is_empty());
        store.apply(ConfigRecord::Commit {
            name: name(),
            tasks: 2,
        });
        assert!(store.get("c").unwrap().tasks.is_empty());
    }

    #[test]
    fn a_deleted_connector_comes_back_without_its_past() {
        let store = ConfigStore::default();
        store.apply(ConfigRecord::Target {
            name: name(),
            state: Some(TargetState::Stopped),
        });
        store.apply(ConfigRecord::Connector {
            name: name(),
            props: Some(props("1")),
        });
        assert_eq!(store.get("c").unwrap().target, TargetState::Stopped);
        store.apply(ConfigRecord::Connector {
            name: name(),
            props: None,
        });
        assert_eq!(store.get("c"), None);
        store.apply(ConfigRecord::Connector {
            name: name(),
            props: Some(props("2")),
        });
        assert_eq!(store.get("c").unwrap().target, TargetState::Started);
        assert_eq!(store.names(), ["c"]);
    }
}
