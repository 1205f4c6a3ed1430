//! Which tasks run on this worker, and how they are asked for something.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;

use crate::config::Properties;
use crate::engine::Control;

/// A task that runs here.
#[derive(Clone)]
pub(crate) struct Live {
    /// The properties that it was started with, before secrets were resolved.
    pub(crate) props: Properties,
    /// What it can be asked for.
    pub(crate) control: Arc<dyn Control>,
}

/// The running tasks, by connector.
pub(crate) struct LiveTasks {
    tasks: watch::Sender<HashMap<String, Live>>,
}

impl Default for LiveTasks {
    fn default() -> Self {
        Self {
            tasks: watch::Sender::new(HashMap::new()),
        }
    }
}

impl LiveTasks {
    /// The running task of a connector.
    pub(crate) fn get(&self, name: &str) -> Option<Live> {
        self.tasks.borrow().get(name).cloned()
    }

    /// The tasks that stand still although they should not: connector and why.
    pub(crate) fn stalled(&self) -> BTreeMap<String, String> {
        let tasks = self.tasks.borrow();
        let stalled = tasks
            .iter()
            .filter_map(|(name, live)| Some((name.clone(), live.control.stall()?)));
        stalled.collect()
    }

    /// Waits until the connector's task runs with these properties; `None` when that takes longer.
    pub(crate) async fn wait(
        &self,
        name: &str,
        props: &Properties,
        longest: Duration,
    ) -> Option<Live> {
        let mut tasks = self.tasks.subscribe();
        let renewed = tasks.wait_for(|tasks| tasks.get(name).is_some_and(|l| l.props == *props));
        let renewed = tokio::time::timeout(longest, renewed).await.ok()?.ok()?;
        renewed.get(name).cloned()
    }

    pub(super) fn put(&self, name: &str, live: Live) {
        self.tasks.send_modify(|tasks| {
            tasks.insert(name.to_owned(), live);
        });
    }

    pub(super) fn remove(&self, name: &str) {
        self.tasks
            .send_if_modified(|tasks| tasks.remove(name).is_some());
    }
}
