//! Waiting for a slot: for the transactions that are open when it is made, for a reader to leave it.

use std::time::Duration;

use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::config::SlotConfig;
use crate::error::{EngineError, Result};
use crate::postgres::connect::Session;
use crate::postgres::fault;
use crate::postgres::reader_lock::ReaderLock;
use crate::postgres::replication::{CreatedSlot, GatedSession, NewSlot};
use crate::postgres::slot;

/// How often the log says what the slot waits for.
const TELL_EVERY: Duration = Duration::from_secs(5);

/// How often a slot that another session reads is looked at.
const LOOK_EVERY: Duration = Duration::from_millis(200);

const OPEN_TRANSACTIONS: &str = "select pid, usename::text, \
    extract(epoch from now() - xact_start)::bigint from pg_catalog.pg_stat_activity \
    where backend_xid is not null and pid <> pg_backend_pid() order by xact_start limit 5";

/// Makes the slot; tells every 5 s which transactions it waits for; a stop cancels it.
pub(super) async fn create(
    session: &mut GatedSession,
    sql: &Session,
    slot: NewSlot<'_>,
    stop: &CancellationToken,
) -> Result<CreatedSlot> {
    let mut creating = std::pin::pin!(session.create_slot(slot));
    let mut tell = tokio::time::interval(TELL_EVERY);
    tell.tick().await;
    loop {
        tokio::select! {
            biased;
            created = &mut creating => return created,
            () = stop.cancelled() => {
                return Err(EngineError::transient("stopped while the slot was being made"));
            }
            _ = tell.tick() => tell_waiting(sql, slot.name).await?,
        }
    }
}

async fn tell_waiting(sql: &Session, slot: &str) -> Result<()> {
    let rows = sql
        .query(OPEN_TRANSACTIONS, &[])
        .await
        .map_err(|e| fault::sql("reading pg_stat_activity", e))?;
    let waits: Vec<String> = rows
        .iter()
        .map(|row| {
            let (pid, user, age): (i32, Option<String>, Option<i64>) =
                (row.get(0), row.get(1), row.get(2));
            format!(
                "pid {pid} ({}, {} s)",
                user.unwrap_or_default(),
                age.unwrap_or(0)
            )
        })
        .collect();
    tracing::warn!(
        slot,
        waiting_for = waits.join(", "),
        "creating the slot waits for open transactions to end"
    );
    Ok(())
}

/// Takes the lock of the slot's reader, and waits until no other session reads it, `slot.max.retries` times `slot.retry.delay.ms` at the
/// longest; a stop ends the wait.
///
/// Debezium tries to start the stream that often with that pause between. A slot that comes free is
/// taken sooner here: the walsender of a worker that was killed goes in its own time. A reader that
/// calls itself `leftover` is ended: its worker has lost the connector, and may be frozen or cut off.
///
/// # Errors
/// Transient, naming the reader, when it stays.
pub(super) async fn until_ours(
    sql: &Session,
    config: &SlotConfig,
    leftover: Option<&str>,
    stop: &CancellationToken,
) -> Result<()> {
    let deadline = Instant::now() + config.retry_delay.saturating_mul(config.max_retries);
    let mut tell_at = Instant::now();
    let mut locked = false;
    loop {
        let Some(pid) = other(sql, &config.name, &mut locked).await? else {
            if locked {
                return Ok(());
            }
            continue;
        };
        if let Some(name) = leftover
            && slot::end_reader(sql, pid, name).await?
        {
            tracing::warn!(
                slot = config.name,
                pid,
                "the slot was still read by a worker that has lost this connector; that session was ended"
            );
        } else if Instant::now() >= deadline {
            return Err(in_use(sql, config, pid).await);
        }
        if Instant::now() >= tell_at {
            tell_at = Instant::now() + config.retry_delay.max(LOOK_EVERY);
            let reader = slot::reader(sql, pid).await?;
            tracing::warn!(
                slot = config.name,
                reader,
                "the slot is being read; waiting until it is free"
            );
        }
        tokio::select! {
            () = stop.cancelled() => return Err(EngineError::transient("stopped while waiting for the slot")),
            () = tokio::time::sleep(LOOK_EVERY) => {}
        }
    }
}

/// The session that has the lock or reads the slot; `locked` says whether the lock is ours.
async fn other(sql: &Session, name: &str, locked: &mut bool) -> Result<Option<i32>> {
    let lock = ReaderLock::of(name);
    if !*locked {
        *locked = lock.take(sql).await?;
    }
    if *locked {
        let state = slot::state(sql, name).await?;
        return Ok(state.and_then(|state| state.active_pid));
    }
    lock.holder(sql).await
}

async fn in_use(sql: &Session, config: &SlotConfig, pid: i32) -> EngineError {
    let reader = slot::reader(sql, pid).await;
    let reader = reader.unwrap_or_else(|_| format!("pid {pid}"));
    EngineError::transient(format!(
        "Failed to start replication stream: replication slot \"{}\" is active for {reader}; when setting up multiple connectors for the same database host, please make sure to use a distinct replication slot name for each: choose another slot.name, or stop that reader. slot.max.retries and slot.retry.delay.ms say how long to wait for it",
        config.name
    ))
}
