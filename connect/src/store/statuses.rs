//! What the status topic says now, and what this worker has said but not yet read back.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Mutex, MutexGuard, PoisonError};

use tokio::sync::{Notify, watch};

use super::status_record::{Status, StatusKey, StatusValue};
use crate::kafka::Record;

/// A status of ours that is not yet known to be in the topic. `None` clears.
#[derive(Debug, Clone)]
struct Said {
    value: Option<StatusValue>,
    /// Tells one saying from the next, so that an older read-back settles only itself.
    number: u64,
}

#[derive(Debug, Default)]
struct Contents {
    topic: BTreeMap<StatusKey, StatusValue>,
    said: BTreeMap<StatusKey, Said>,
    unwritten: BTreeSet<StatusKey>,
    number: u64,
}

/// Statuses in memory. Its own sayings count at once and are written by the status writer; nothing
/// waits for Kafka, and the memory is bounded by the number of connectors and topics.
#[derive(Debug, Default)]
pub(crate) struct StatusStore {
    contents: Mutex<Contents>,
    said_something: Notify,
    settled: watch::Sender<()>,
}

/// What the writer takes: the newest value of a key, and the number to settle it with.
#[derive(Debug)]
pub(super) struct Unwritten {
    pub(super) key: StatusKey,
    pub(super) value: Option<StatusValue>,
    pub(super) number: u64,
}

impl StatusStore {
    /// Takes in one record of the topic.
    pub(crate) fn apply(&self, record: &Record) {
        let Some((key, value)) = StatusKey::decode(record) else {
            return;
        };
        let mut contents = self.lock();
        match value {
            Some(value) => contents.topic.insert(key, value),
            None => contents.topic.remove(&key),
        };
    }

    /// Sets a status of this worker's.
    pub(crate) fn say(&self, key: StatusKey, value: Option<StatusValue>) {
        let mut contents = self.lock();
        contents.number += 1;
        let number = contents.number;
        contents.unwritten.insert(key.clone());
        contents.said.insert(key, Said { value, number });
        drop(contents);
        self.said_something.notify_one();
    }

    /// The status of a connector.
    pub(crate) fn connector(&self, name: &str) -> Option<Status> {
        self.status(&StatusKey::Connector(name.into()))
    }

    /// The status of one task.
    pub(crate) fn task(&self, name: &str, index: u32) -> Option<Status> {
        self.status(&StatusKey::Task(name.into(), index))
    }

    /// All task statuses of a connector, by index.
    pub(crate) fn tasks(&self, name: &str) -> Vec<(u32, Status)> {
        let contents = self.lock();
        let (first, last) = (
            StatusKey::Task(name.into(), 0),
            StatusKey::Task(name.into(), u32::MAX),
        );
        let topic = contents.topic.range(&first..=&last).map(|(k, _)| k);
        let said = contents.said.range(&first..=&last).map(|(k, _)| k);
        let keys: BTreeSet<_> = topic.chain(said).collect();
        let status = |key: &StatusKey| match (key, contents.get(key)) {
            (StatusKey::Task(_, index), Some(StatusValue::Status(status))) => {
                Some((*index, status.clone()))
            }
            _ => None,
        };
        keys.into_iter().filter_map(status).collect()
    }

    /// The highest generation that a status of the connector carries; 0 without any.
    pub(crate) fn generation(&self, name: &str) -> i32 {
        let tasks = self.tasks(name).into_iter().map(|(_, status)| status);
        let all = tasks.chain(self.connector(name));
        all.map(|status| status.generation).max().unwrap_or(0)
    }

    /// Waits until all that was said is in the topic.
    pub(crate) async fn written(&self) {
        let mut settled = self.settled.subscribe();
        // Its sender is this store, which is borrowed here.
        drop(settled.wait_for(|()| self.lock().said.is_empty()).await);
    }

    /// The topics a connector has written to, sorted.
    pub(crate) fn topics(&self, name: &str) -> Vec<String> {
        let contents = self.lock();
        let keys: BTreeSet<_> = contents.topic.keys().chain(contents.said.keys()).collect();
        let topic = |key: &StatusKey| match key {
            StatusKey::Topic { topic, connector }
                if connector == name && contents.get(key).is_some() =>
            {
                Some(topic.clone())
            }
            _ => None,
        };
        keys.into_iter().filter_map(topic).collect()
    }

    /// Whether a connector is known to have written to a topic.
    pub(crate) fn has_topic(&self, name: &str, topic: &str) -> bool {
        let key = StatusKey::Topic {
            topic: topic.to_owned(),
            connector: name.to_owned(),
        };
        self.lock().get(&key).is_some()
    }

    /// Waits until there is something to write.
    pub(super) async fn wait_for_unwritten(&self) {
        while self.lock().unwritten.is_empty() {
            self.said_something.notified().await;
        }
    }

    /// Takes everything that is to be written, newest values only.
    pub(super) fn take_unwritten(&self) -> Vec<Unwritten> {
        let mut contents = self.lock();
        let keys = std::mem::take(&mut contents.unwritten);
        let newest = |key: StatusKey| {
            let said = contents.said.get(&key)?.clone();
            Some(Unwritten {
                key,
                value: said.value,
                number: said.number,
            })
        };
        keys.into_iter().filter_map(newest).collect()
    }

    /// What was taken is in the topic and was read back; from now on the topic speaks.
    pub(super) fn settle(&self, written: &[Unwritten]) {
        let mut contents = self.lock();
        for entry in written {
            if contents
                .said
                .get(&entry.key)
                .is_some_and(|said| said.number == entry.number)
            {
                contents.said.remove(&entry.key);
            }
        }
        drop(contents);
        self.settled.send_replace(());
    }

    /// What was taken could not be written; it is to be written again.
    pub(super) fn put_back(&self, unwritten: Vec<Unwritten>) {
        let mut contents = self.lock();
        contents
            .unwritten
            .extend(unwritten.into_iter().map(|entry| entry.key));
    }

    fn status(&self, key: &StatusKey) -> Option<Status> {
        match self.lock().get(key) {
            Some(StatusValue::Status(status)) => Some(status.clone()),
            _ => None,
        }
    }

    fn lock(&self) -> MutexGuard<'_, Contents> {
        self.contents.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Contents {
    fn get(&self, key: &StatusKey) -> Option<&StatusValue> {
        match self.said.get(key) {
            Some(said) => said.value.as_ref(),
            None => self.topic.get(key),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::status_record::State;

    fn status(state: State) -> StatusValue {
        let worker_id = "w:1".to_owned();
        StatusValue::Status(Status {
            state,
            trace: None,
            worker_id,
            generation: 1,
            version: None,
            restarts: None,
        })
    }

    fn key() -> StatusKey {
        StatusKey::Connector("c".into())
    }

    fn state(store: &StatusStore) -> Option<State> {
        store.connector("c").map(|s| s.state)
    }

    #[test]
    fn a_saying_counts_before_it_is_written_and_over_older_read_backs() {
        let store = StatusStore::default();
        store.say(key(), Some(status(State::Running)));
        let first = store.take_unwritten();
        store.say(key(), Some(status(State::Paused)));
        store.apply(&key().encode(Some(&status(State::Running))));
        store.settle(&first);
        assert_eq!(state(&store), Some(State::Paused));
        let second = store.take_unwritten();
        store.apply(&key().encode(Some(&status(State::Paused))));
        store.settle(&second);
        assert_eq!(state(&store), Some(State::Paused));
        store.apply(&key().encode(None));
        assert_eq!(state(&store), None);
    }

    #[test]
    fn what_could_not_be_written_is_taken_again_with_its_newest_value() {
        let store = StatusStore::default();
        store.say(key(), Some(status(State::Running)));
        let taken = store.take_unwritten();
        store.say(key(), None);
        store.put_back(taken);
        let again = store.take_unwritten();
        assert_eq!(again.len(), 1);
        assert_eq!(again[0].value, None);
        assert_eq!(state(&store), None);
    }

    #[test]
    fn tasks_and_topics_are_those_of_the_connector_alone() {
        let store = StatusStore::default();
        for (name, index) in [("c", 0), ("c", 1), ("c-0", 0), ("d", 0)] {
            store.say(
                StatusKey::Task(name.into(), index),
                Some(status(State::Running)),
            );
        }
        let indexes: Vec<_> = store.tasks("c").into_iter().map(|(i, _)| i).collect();
        assert_eq!(indexes, [0, 1]);
        for connector in ["c", "d"] {
            let key = StatusKey::Topic {
                topic: "t".into(),
                connector: connector.into(),
            };
            store.say(key, Some(StatusValue::TopicSeen { task: 0, at_ms: 1 }));
        }
        assert_eq!(store.topics("c"), ["t"]);
        store.say(
            StatusKey::Topic {
                topic: "t".into(),
                connector: "c".into(),
            },
            None,
        );
        assert!(store.topics("c").is_empty());
    }
}
