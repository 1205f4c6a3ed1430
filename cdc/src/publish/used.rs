//! Which topics records go to: noted by a publisher, told to whoever keeps track of a connector's
//! topics.
//!
//! Kafka Connect shows the topics that a connector has written to since it was made, or since they
//! were reset (KIP-558). A topic in use is noted again from time to time, so that it comes back after
//! a reset; nothing is counted and nothing is kept once it was told.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::Notify;
use tokio::time::Instant;

/// How soon a topic that goes on being written to is noted again.
const AGAIN_AFTER: Duration = Duration::from_secs(1);

/// Topics written to and not yet told. Cheap to clone.
#[derive(Debug, Clone, Default)]
pub struct TopicsUsed(Arc<Shared>);

#[derive(Debug, Default)]
struct Shared {
    untold: Mutex<HashSet<Arc<str>>>,
    noted: Notify,
}

impl TopicsUsed {
    /// Waits until topics were written to; answers each once.
    pub async fn next(&self) -> Vec<Arc<str>> {
        loop {
            let told = self.take();
            if !told.is_empty() {
                return told;
            }
            self.0.noted.notified().await;
        }
    }

    /// What was written to and not yet told, without waiting.
    pub fn take(&self) -> Vec<Arc<str>> {
        self.untold().drain().collect()
    }

    fn note(&self, topic: &Arc<str>) {
        self.untold().insert(Arc::clone(topic));
        self.0.noted.notify_one();
    }

    fn untold(&self) -> MutexGuard<'_, HashSet<Arc<str>>> {
        self.0.untold.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A publisher's end: notes topics, each at most once a second.
#[derive(Debug)]
pub(crate) struct Notes {
    used: TopicsUsed,
    last: HashMap<Arc<str>, Instant>,
}

impl Notes {
    pub(crate) fn new(used: TopicsUsed) -> Self {
        Self {
            used,
            last: HashMap::new(),
        }
    }

    /// Notes that a record goes to `topic`.
    pub(crate) fn note(&mut self, topic: &Arc<str>) {
        let now = Instant::now();
        let last = self.last.get(topic);
        if last.is_some_and(|last| now.duration_since(*last) < AGAIN_AFTER) {
            return;
        }
        self.last.insert(Arc::clone(topic), now);
        self.used.note(topic);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_topic_is_told_once_and_again_after_a_while() {
        let used = TopicsUsed::default();
        let mut notes = Notes::new(used.clone());
        let (a, b): (Arc<str>, Arc<str>) = ("a".into(), "b".into());
        notes.note(&a);
        notes.note(&b);
        notes.note(&a);
        let mut told = used.next().await;
        told.sort();
        assert_eq!(told, [a.clone(), b]);
        notes.note(&a);
        assert!(used.take().is_empty());
        tokio::time::advance(AGAIN_AFTER).await;
        notes.note(&a);
        assert_eq!(used.next().await, [a]);
    }
}
