//! What a running connector can be asked for from outside.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{mpsc, watch};

use crate::config::ConnectorConfig;
use crate::error::EngineError;
use crate::guard::watchdog::Stall;
use crate::signal::Signal;
use crate::snapshot::metrics::{SnapshotMetrics, SnapshotStatus};
use crate::tables::ConfigChange;

/// How long a connector that does not stream yet is waited for.
const STREAM_WAIT: Duration = Duration::from_secs(5);

/// Why something that was asked for is not done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reason {
    /// What it is about does not exist.
    Unknown,
    /// The connector or its database is not in the state for it.
    Conflict,
    /// The login may not do it; somebody else can.
    NotAllowed,
    /// The database does not answer as it should.
    Unavailable,
}

/// A request that is refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refused {
    /// Why, in short.
    pub reason: Reason,
    /// What is wrong, and the cure.
    pub message: String,
    /// Statements that cure it when an owner runs them.
    pub sql: Option<String>,
    /// A change of the connector's configuration that cures it.
    pub change: Option<ConfigChange>,
}

impl Refused {
    pub(crate) fn new(reason: Reason, message: impl Into<String>) -> Self {
        Self {
            reason,
            message: message.into(),
            sql: None,
            change: None,
        }
    }
}

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for Refused {}

impl From<EngineError> for Refused {
    fn from(error: EngineError) -> Self {
        Self::new(Reason::Unavailable, error.trace())
    }
}

/// The way to a running connector; it may outlive the task, which then refuses everything.
#[derive(Clone)]
pub struct TaskHandle {
    pub(crate) config: Arc<ConnectorConfig>,
    snapshots: Arc<SnapshotMetrics>,
    doorway: watch::Receiver<Option<mpsc::Sender<Signal>>>,
    stalls: Vec<watch::Receiver<Option<Stall>>>,
    /// How long a connector that does not stream yet is waited for.
    wait: Duration,
}

impl TaskHandle {
    pub(crate) fn new(
        config: ConnectorConfig,
        snapshots: Arc<SnapshotMetrics>,
        doorway: watch::Receiver<Option<mpsc::Sender<Signal>>>,
        stalls: Vec<watch::Receiver<Option<Stall>>>,
    ) -> Self {
        Self {
            config: Arc::new(config),
            snapshots,
            doorway,
            stalls,
            wait: STREAM_WAIT,
        }
    }

    /// Hands a signal to the connector; when it returns, the signal waits for its turn.
    ///
    /// # Errors
    /// [`Reason::Conflict`] when the connector has several slots, does not stream within a few seconds,
    /// or has too many signals waiting.
    pub async fn signal(&self, signal: Signal) -> Result<(), Refused> {
        self.needs_one_slot("signals cannot be sent to it")?;
        let door = self.streaming().await?;
        door.try_send(signal).map_err(|error| match error {
            mpsc::error::TrySendError::Full(_) => Refused::new(
                Reason::Conflict,
                format!(
                    "{} signals wait already for connector {}; send this one again when they are done with",
                    door.max_capacity(),
                    self.config.name
                ),
            ),
            mpsc::error::TrySendError::Closed(_) => self.does_not_stream(),
        })
    }

    /// Where the last snapshot of the task stands.
    pub fn snapshot(&self) -> SnapshotStatus {
        self.snapshots.status()
    }

    /// Why a stream stands still although it should not, while it does.
    pub fn stall(&self) -> Option<String> {
        let mut stalls = self.stalls.iter();
        stalls.find_map(|stall| stall.borrow().as_ref().map(ToString::to_string))
    }

    /// Refuses what has a place in one stream only.
    pub(crate) fn needs_one_slot(&self, instead: &str) -> Result<(), Refused> {
        let count = self.config.slots.count;
        if count == 1 {
            return Ok(());
        }
        Err(Refused::new(
            Reason::Conflict,
            format!(
                "Connector {} streams from {count} slots (walcast.slots.count), and this has a place in one stream only: {instead}",
                self.config.name
            ),
        ))
    }

    /// Waits until the connector streams.
    pub(crate) async fn streaming(&self) -> Result<mpsc::Sender<Signal>, Refused> {
        let mut doorway = self.doorway.clone();
        let open = tokio::time::timeout(self.wait, doorway.wait_for(Option::is_some)).await;
        let door = open.ok().and_then(Result::ok);
        let door = door.and_then(|door| door.clone());
        door.ok_or_else(|| self.does_not_stream())
    }

    fn does_not_stream(&self) -> Refused {
        Refused::new(
            Reason::Conflict,
            format!(
                "Connector {} does not stream: it takes its snapshot, or is starting again after a fault; try again when it streams",
                self.config.name
            ),
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::tests::parse;

    fn config() -> ConnectorConfig {
        parse(&[]).unwrap()
    }

    #[tokio::test]
    async fn a_signal_waits_for_the_stream_and_is_refused_where_none_comes() {
        let doorway = watch::Sender::new(None);
        let snapshots = Arc::new(SnapshotMetrics::new("c", "p"));
        let stall = watch::Sender::new(None);
        let (door, stalls) = (doorway.subscribe(), vec![stall.subscribe()]);
        let mut handle = TaskHandle::new(config(), snapshots, door, stalls);
        handle.wait = Duration::from_millis(20);
        let signal = || Signal::new(Some("1".into()), "log", None);
        let refused = handle.signal(signal()).await.unwrap_err();
        assert_eq!(refused.reason, Reason::Conflict);
        assert!(refused.message.contains("does not stream"), "{refused}");

        handle.wait = Duration::from_secs(60);
        let (door, mut received) = mpsc::channel(1);
        let opening = async { doorway.send_replace(Some(door)) };
        let (sent, _) = tokio::join!(handle.signal(signal()), opening);
        assert_eq!(sent, Ok(()));
        let refused = handle.signal(signal()).await.unwrap_err();
        assert!(refused.message.contains("1 signals wait"), "{refused}");
        assert_eq!(received.recv().await, Some(signal()));

        drop(received);
        assert!(handle.signal(signal()).await.is_err());
        drop(doorway);
        assert!(handle.signal(signal()).await.is_err());
    }
}
