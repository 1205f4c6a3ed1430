//! A look at the slot and its copy between two batches.

use tokio_postgres::types::PgLsn;
use walcast_wire::lsn::Lsn;

use super::sizing::Standing;
use super::slot_copy::SlotCopy;
use crate::error::{EngineError, Result};
use crate::postgres::connect::Session;
use crate::postgres::{fault, slot};

const LOOK: &str = "select s.active_pid, s.confirmed_flush_lsn, c.confirmed_flush_lsn, c.restart_lsn, \
    pg_catalog.pg_current_wal_flush_lsn(), \
    (select temp_bytes from pg_catalog.pg_stat_database where datname = current_database()) \
    from pg_catalog.pg_replication_slots s left join pg_catalog.pg_replication_slots c \
    on c.slot_name = $2 and c.active_pid = $3 where s.slot_name = $1";

/// What is seen.
pub(super) struct Look {
    pub(super) standing: Standing,
    /// Bytes of temporary files that the database's sessions have written, ours among them.
    pub(super) temporary: u64,
}

/// Looks.
///
/// # Errors
/// Transient, when the slot is not as we left it: `advanced` is where.
pub(super) async fn at(
    control: &Session,
    name: &str,
    copy: &SlotCopy,
    advanced: Lsn,
) -> Result<Look> {
    let row = control
        .query_opt(LOOK, &[&name, &copy.name, &copy.pid])
        .await
        .map_err(|e| fault::sql("reading pg_replication_slots", e))?;
    let row = row.ok_or_else(|| changed(name, "it is gone"))?;
    let lsn = |index: usize| {
        let lsn: Option<PgLsn> = row.get(index);
        lsn.map(|lsn| Lsn::new(lsn.into()))
    };
    ensure_left(control, name, (row.get(0), lsn(1)), advanced).await?;
    let (Some(position), Some(restart), Some(end)) = (lsn(2), lsn(3), lsn(4)) else {
        return Err(EngineError::transient(format!(
            "the copy of slot \"{name}\" is gone"
        )));
    };
    let temporary: Option<i64> = row.get(5);
    Ok(Look {
        standing: Standing {
            position,
            restart,
            end,
        },
        temporary: u64::try_from(temporary.unwrap_or(0)).unwrap_or(0),
    })
}

/// Tells of another reader, when the slot is not as we left it.
///
/// # Errors
/// Transient, as [`at`].
pub(super) async fn at_slot(control: &Session, name: &str, advanced: Lsn) -> Result<()> {
    let state = slot::state(control, name).await?;
    let state = state.ok_or_else(|| changed(name, "it is gone"))?;
    let seen = (state.active_pid, state.confirmed_flush);
    ensure_left(control, name, seen, advanced).await
}

/// Nobody reads the slot, and it stands where we left it.
async fn ensure_left(
    control: &Session,
    name: &str,
    (active, confirmed): (Option<i32>, Option<Lsn>),
    advanced: Lsn,
) -> Result<()> {
    if let Some(pid) = active {
        let reader = slot::reader(control, pid).await?;
        return Err(changed(name, &format!("{reader} reads it")));
    }
    let confirmed = confirmed.unwrap_or(Lsn::ZERO);
    if confirmed != advanced {
        let text = format!("it was moved from {advanced} to {confirmed}");
        return Err(changed(name, &text));
    }
    Ok(())
}

fn changed(name: &str, what: &str) -> EngineError {
    EngineError::transient(format!(
        "another reader has come to slot \"{name}\" while its backlog was read by SQL: {what}; choose another slot.name for one of the two, or stop that reader"
    ))
}
