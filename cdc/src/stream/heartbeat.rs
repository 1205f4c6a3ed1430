//! When heartbeats are due, and the statement that is run with each.
//!
//! Only tells the time: the record itself is the encoder's.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinSet;
use tokio::time::Instant;

use crate::config::{DatabaseConfig, HeartbeatConfig};
use crate::error::Result;
use crate::postgres::connect::{self, Session};
use crate::postgres::fault;

/// How long the statement of the heartbeat that ends a snapshot may hold up the stream.
const BEFORE_STREAM: Duration = Duration::from_secs(10);

/// Heartbeats of one stream.
pub(crate) struct Heartbeat {
    interval: Duration,
    due: Instant,
    action: Option<Action>,
    /// Whether the statement of the next heartbeat was run ahead.
    acted: bool,
}

/// Runs `heartbeat.action.query` beside the stream, so that a lock it waits for holds up nothing.
struct Action {
    trigger: mpsc::Sender<Run>,
    _task: JoinSet<()>,
}

/// One run of the statement; dropped when it has ended, which its receiver sees.
struct Run {
    _ended: oneshot::Sender<()>,
}

impl Heartbeat {
    /// The first is due at once after a snapshot, else after an interval; `None` without heartbeats.
    pub(crate) fn new(
        config: &HeartbeatConfig,
        database: &Arc<DatabaseConfig>,
        at_once: bool,
    ) -> Option<Self> {
        let interval = config.interval?;
        let wait = if at_once { Duration::ZERO } else { interval };
        let action = config.action.as_deref();
        Some(Self {
            interval,
            due: Instant::now() + wait,
            action: action.map(|sql| Action::new(sql, Arc::clone(database))),
            acted: false,
        })
    }

    /// Runs the statement of the heartbeat that ends a snapshot, before the stream begins.
    ///
    /// Debezium's `RelationalSnapshotChangeEventSource` does so: what the statement writes comes
    /// before what others write once the connector streams. A lock that it waits for holds up the
    /// stream no longer than [`BEFORE_STREAM`].
    pub(crate) async fn act_before_stream(&mut self) {
        let Some(action) = &self.action else { return };
        self.acted = true;
        let ended = action.run();
        if tokio::time::timeout(BEFORE_STREAM, ended).await.is_err() {
            tracing::warn!(
                "heartbeat.action.query has not ended after {} s; streaming begins without it",
                BEFORE_STREAM.as_secs()
            );
        }
    }

    /// Whether one is due; the next is then due an interval from now, and the statement is run.
    pub(crate) fn take_due(&mut self) -> bool {
        let now = Instant::now();
        if now < self.due {
            return false;
        }
        self.due = now + self.interval;
        if let (Some(action), false) = (&self.action, std::mem::take(&mut self.acted)) {
            drop(action.run());
        }
        true
    }
}

/// Waits until a heartbeat is due; without heartbeats, for ever.
pub(crate) async fn due(heartbeat: Option<&Heartbeat>) {
    match heartbeat {
        Some(heartbeat) => tokio::time::sleep_until(heartbeat.due).await,
        None => std::future::pending().await,
    }
}

impl Action {
    /// Runs the statement; while an earlier run has not ended, at most one more waits. The answer
    /// resolves when the run has ended or was left out.
    fn run(&self) -> oneshot::Receiver<()> {
        let (run, ended) = oneshot::channel();
        if self.trigger.try_send(Run { _ended: run }).is_err() {
            tracing::warn!(
                "heartbeat.action.query takes longer than the interval; one was left out"
            );
        }
        ended
    }

    fn new(sql: &str, database: Arc<DatabaseConfig>) -> Self {
        let (trigger, triggered) = mpsc::channel(1);
        let mut task = JoinSet::new();
        task.spawn(run_all(sql.to_owned(), database, triggered));
        Self {
            trigger,
            _task: task,
        }
    }
}

async fn run_all(sql: String, database: Arc<DatabaseConfig>, mut triggered: mpsc::Receiver<Run>) {
    let mut session = None;
    while let Some(_running) = triggered.recv().await {
        if let Err(error) = run(&mut session, &sql, &database).await {
            tracing::error!(error = error.trace(), "heartbeat.action.query failed");
        }
    }
}

async fn run(slot: &mut Option<Session>, sql: &str, database: &DatabaseConfig) -> Result<()> {
    if slot.as_ref().is_none_or(Session::is_gone) {
        *slot = Some(connect::open(database, "walcast heartbeat").await?);
    }
    match slot {
        Some(session) => session
            .batch_execute(sql)
            .await
            .map_err(|e| fault::sql("running heartbeat.action.query", e)),
        None => Ok(()),
    }
}
