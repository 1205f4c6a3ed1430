//! The WAL guard: watches how much WAL the connector's slot holds back, and acts past a limit.
//!
//! It runs on a session of its own for a task's whole life: beside snapshots, and between attempts.
//! What it finds leaves as metrics, as warnings in the log, and, past
//! `walcast.wal.guard.max.bytes`, as an error that ends the task by `walcast.wal.guard.policy`. It
//! never touches the stream, and drops no slot that the task has not held.

pub(crate) mod activity;
mod alarm;
pub(crate) mod message;
mod meter;
pub(crate) mod watchdog;

use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;
use walcast_wire::lsn::Lsn;

use crate::config::{ConnectorConfig, DatabaseConfig, GuardConfig, GuardPolicy};
use crate::error::{EngineError, Result};
use crate::postgres::{connect, quote, slot};
use activity::{Activity, Phase};
use alarm::{Breach, size};
use watchdog::{Cause, Stall};

/// How long an attempt may take to finish what is in flight before the slot is dropped under it.
const STOP_TIMEOUT: Duration = Duration::from_secs(35);

/// Whose slot is watched, and how.
#[derive(Clone)]
struct Watched {
    connector: String,
    database: Arc<DatabaseConfig>,
    slot: String,
    config: GuardConfig,
    /// How to take a new snapshot once the slot is gone.
    new_snapshot: String,
}

/// The guard of one task; it ends with it.
pub(crate) struct Guard {
    watched: Watched,
    breach: watch::Receiver<Option<Breach>>,
    stall: watch::Receiver<Option<Stall>>,
    activity: Activity,
    /// Whether this task has made or read the slot.
    ours: AtomicBool,
    _running: JoinSet<()>,
}

impl Guard {
    /// Begins to watch.
    pub(crate) fn start(config: &ConnectorConfig) -> Self {
        let watched = Watched {
            connector: config.name.clone(),
            database: Arc::new(config.database.clone()),
            slot: config.slot.name.clone(),
            config: config.guard.clone(),
            new_snapshot: match config.slots.count {
                1 => "set snapshot.mode=when_needed and restart the task".to_owned(),
                _ => format!(
                    "stop the connector, DELETE /connectors/{}/offsets, and resume it",
                    config.connector()
                ),
            },
        };
        let (report, breach) = watch::channel(None);
        let mut running = JoinSet::new();
        let (activity, (told, stall)) = (Activity::default(), watch::channel(None));
        if let Some(timeout) = config.watchdog_timeout {
            let (name, database) = (config.name.clone(), Arc::clone(&watched.database));
            let watching = watchdog::run(name, database, activity.clone(), timeout, told);
            running.spawn(watching);
        }
        if let Some(interval) = config.guard.interval {
            running.spawn(meter::run(watched.clone(), interval, report));
        }
        if let Some(interval) = config.heartbeat.message_interval {
            let database = Arc::clone(&watched.database);
            running.spawn(message::run(config.name.clone(), database, interval));
        }
        Self {
            watched,
            breach,
            stall,
            activity,
            ours: AtomicBool::new(false),
            _running: running,
        }
    }

    /// The task has made or opened its slot, which the guard may drop from now on.
    pub(crate) fn slot_is_ours(&self) {
        self.ours.store(true, Ordering::Release);
    }

    /// What the stream tells the watchdog.
    pub(crate) fn activity(&self) -> Activity {
        self.activity.clone()
    }

    /// The stall of the stream while one lasts.
    pub(crate) fn stall(&self) -> watch::Receiver<Option<Stall>> {
        self.stall.clone()
    }

    /// Waits until the stream is found dead; for ever while it is not. What was found of an earlier
    /// attempt's stream does not count.
    async fn dead(&self) -> String {
        let mut stall = self.stall.clone();
        stall.mark_unchanged();
        while stall.changed().await.is_ok() {
            let found = stall.borrow_and_update().clone();
            if let Some(stall) = found.filter(|stall| stall.cause != Cause::Publisher) {
                return stall.to_string();
            }
        }
        std::future::pending().await
    }

    /// Runs `attempt`, which ends with `stop`, until it ends, its stream is dead, or the policy ends it.
    ///
    /// # Errors
    /// The attempt's, a transient one for a dead stream, or the definite one of the policy.
    pub(crate) async fn over(
        &self,
        stop: &CancellationToken,
        attempt: impl Future<Output = Result<()>>,
    ) -> Result<()> {
        let mut attempt = pin!(attempt);
        let dead = tokio::select! {
            biased;
            ended = &mut attempt => return ended,
            () = self.breached() => None,
            why = self.dead() => Some(why),
        };
        stop.cancel();
        let error = match tokio::time::timeout(STOP_TIMEOUT, attempt).await {
            Ok(Ok(())) => None,
            Ok(Err(error)) => Some(error.trace()),
            Err(_) => Some(format!(
                "it has not ended after {} s",
                STOP_TIMEOUT.as_secs()
            )),
        };
        self.activity.enter(Phase::Elsewhere);
        if let Some(error) = error {
            tracing::warn!(
                connector = self.watched.connector,
                error,
                "the guard stopped the task with something in flight; it is not in the checkpoint"
            );
        }
        match dead {
            Some(why) => Err(EngineError::transient(format!("the stream is dead: {why}"))),
            None => Err(self.act().await),
        }
    }

    /// Waits until the policy must act; for ever when there is none.
    pub(crate) async fn breached(&self) {
        let mut breach = self.breach.clone();
        if breach.wait_for(Option::is_some).await.is_err() {
            std::future::pending::<()>().await;
        }
    }

    /// Whether the policy must act.
    pub(crate) fn has_breached(&self) -> bool {
        self.breach.borrow().is_some()
    }

    /// Another slot of the connector was past the limit: what is lost with one of them leaves the
    /// others without use, and they hold WAL back as well.
    pub(crate) async fn follow(&self) {
        let Watched {
            connector,
            slot,
            config,
            ..
        } = &self.watched;
        if config.policy != GuardPolicy::DropSlot || !self.ours.load(Ordering::Acquire) {
            return;
        }
        match self.drop_slot().await {
            Ok(None) => {}
            Ok(Some(confirmed)) => {
                tracing::warn!(
                    connector,
                    slot,
                    confirmed,
                    "dropped with another slot of the connector"
                );
            }
            Err(error) => {
                let error = error.trace();
                tracing::error!(
                    connector,
                    slot,
                    error,
                    "not dropped with another slot of the connector; drop it yourself"
                );
            }
        }
    }

    /// Acts by the policy, once the task reads no more; says what was done, and the cure.
    pub(crate) async fn act(&self) -> EngineError {
        let Watched {
            slot,
            config,
            new_snapshot,
            ..
        } = &self.watched;
        let breach = self.breach.borrow().clone().unwrap_or_default();
        let Breach {
            retained_bytes,
            unconfirmed_bytes,
            limit_bytes,
        } = breach;
        let what = format!(
            "slot \"{slot}\" retains {retained_bytes} bytes of WAL ({}), {unconfirmed_bytes} of them not confirmed, past the limit of {limit_bytes} (walcast.wal.guard.max.bytes)",
            size(retained_bytes)
        );
        match config.policy {
            GuardPolicy::Keep | GuardPolicy::Fail => EngineError::definite(format!(
                "{what}. walcast.wal.guard.policy=fail stops the task; the slot still retains WAL. See whether Kafka is slow or a transaction is open for long, then restart the task, which may go a tenth past what it finds; raise the limit; or give the slot up: SELECT pg_drop_replication_slot({})",
                quote::literal(slot)
            )),
            GuardPolicy::DropSlot if !self.ours.load(Ordering::Acquire) => {
                EngineError::definite(format!(
                    "{what}. walcast.wal.guard.policy=drop.slot leaves it alone, because this task has not held it yet. Restart the task, or drop the slot yourself: SELECT pg_drop_replication_slot({})",
                    quote::literal(slot)
                ))
            }
            GuardPolicy::DropSlot => match self.drop_slot().await {
                Ok(confirmed) => EngineError::definite(format!(
                    "{what}. walcast.wal.guard.policy=drop.slot dropped it to save the server's disk: changes after {} are lost to it. Take a new snapshot: {new_snapshot}",
                    confirmed.as_deref().unwrap_or("its start")
                )),
                Err(error) => EngineError::definite(format!(
                    "{what}. walcast.wal.guard.policy=drop.slot could not drop it; drop it yourself: SELECT pg_drop_replication_slot({})",
                    quote::literal(slot)
                ))
                .because(error),
            },
        }
    }

    /// Drops the slot; tells up to where it was confirmed, if it was there.
    async fn drop_slot(&self) -> Result<Option<String>> {
        let Watched {
            slot: name,
            database,
            ..
        } = &self.watched;
        let session = connect::open(database, "walcast guard").await?;
        let state = slot::state(&session, name).await?;
        if let Some(state) = &state {
            state.check_ours(name, &database.dbname)?;
        }
        slot::drop_slot(&session, name).await?;
        let confirmed = state.map(|state| state.confirmed_flush.unwrap_or(Lsn::ZERO));
        Ok(confirmed.map(|lsn| lsn.to_string()))
    }
}
