//! Connectors that the group takes away: it is told when nothing of them runs here any more.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::oneshot;
use tokio::task::JoinSet;

use crate::store::statuses::StatusStore;

/// How long the last statuses of what is given up may take to be written. The next owner's are
/// written after them then, and count.
const STATUS_WAIT: Duration = Duration::from_secs(5);

/// What the group waits for.
#[derive(Default)]
pub(super) struct Losses {
    waiting: Vec<Loss>,
    telling: JoinSet<()>,
}

struct Loss {
    /// Connectors whose runners have not ended.
    names: BTreeSet<String>,
    done: oneshot::Sender<()>,
}

impl Losses {
    /// Tells `done` when the runners of all `names` have ended and their statuses are written.
    pub(super) fn wait_for(
        &mut self,
        names: BTreeSet<String>,
        done: oneshot::Sender<()>,
        statuses: &Arc<StatusStore>,
    ) {
        self.waiting.push(Loss { names, done });
        self.tell(statuses);
    }

    /// The runner of a connector has ended.
    pub(super) fn ended(&mut self, name: &str, statuses: &Arc<StatusStore>) {
        for loss in &mut self.waiting {
            loss.names.remove(name);
        }
        self.tell(statuses);
    }

    fn tell(&mut self, statuses: &Arc<StatusStore>) {
        while self.telling.try_join_next().is_some() {}
        for loss in self.waiting.extract_if(.., |loss| loss.names.is_empty()) {
            let statuses = Arc::clone(statuses);
            self.telling.spawn(async move {
                let written = tokio::time::timeout(STATUS_WAIT, statuses.written());
                if written.await.is_err() {
                    tracing::warn!(
                        "connectors are given up before their statuses are written: Kafka is slow"
                    );
                }
                if loss.done.send(()).is_err() {
                    tracing::debug!("the membership has ended; the worker is stopping");
                }
            });
        }
    }
}
