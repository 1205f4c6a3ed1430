//! Making a slot, which waits for every transaction that is open at that moment.

use std::time::Duration;

use tokio_util::sync::CancellationToken;

use crate::error::{EngineError, Result};
use crate::postgres::connect::Session;
use crate::postgres::fault;
use crate::postgres::replication::{CreatedSlot, GatedSession, NewSlot};

/// How often the log says what the slot waits for.
const TELL_EVERY: Duration = Duration::from_secs(5);

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
