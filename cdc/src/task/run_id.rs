//! The identity of a run, which tells the records of one start from those of another.
//!
//! Debezium makes one when its task starts and puts it into the context headers
//! (`__debezium.context.runId`). Kafka Connect's pause does not end a task, so a resumed one keeps
//! its id; each attempt after a fault has one of its own.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// A run's id, shared by the task and whoever may go on with it.
#[derive(Debug, Clone)]
pub(super) struct RunId(Arc<Mutex<String>>);

impl RunId {
    /// The id of a run that goes on, or a new one.
    pub(super) fn new(resumed: Option<String>) -> Self {
        Self(Arc::new(Mutex::new(resumed.unwrap_or_else(made))))
    }

    pub(super) fn get(&self) -> String {
        self.lock().clone()
    }

    /// A further attempt is a run of its own, as Debezium has it.
    pub(super) fn renew(&self) {
        *self.lock() = made();
    }

    fn lock(&self) -> MutexGuard<'_, String> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn made() -> String {
    uuid::Uuid::now_v7().to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_resumed_run_keeps_its_id_until_it_is_tried_again() {
        let first = RunId::new(None);
        let resumed = RunId::new(Some(first.get()));
        assert_eq!(resumed.get(), first.get());
        resumed.renew();
        assert_ne!(resumed.get(), first.get());
    }
}
