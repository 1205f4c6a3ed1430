//! What the server says of a replication slot.

use walcast_wire::lsn::Lsn;

use super::connect::Session;
use super::{fault, quote};
use crate::error::{EngineError, Result};

/// A row of `pg_replication_slots`.
#[derive(Debug, Clone)]
pub(crate) struct SlotState {
    /// `plugin`.
    pub(crate) plugin: Option<String>,
    /// `database`.
    pub(crate) database: Option<String>,
    /// `active_pid`.
    pub(crate) active_pid: Option<i32>,
    /// `confirmed_flush_lsn`.
    pub(crate) confirmed_flush: Option<Lsn>,
    /// `wal_status`: reserved, extended, unreserved or lost.
    pub(crate) wal_status: Option<String>,
}

/// Reads the slot; `None` when it does not exist.
pub(crate) async fn state(session: &Session, name: &str) -> Result<Option<SlotState>> {
    let row = session
        .query_opt(
            "select plugin::text, database::text, active_pid, confirmed_flush_lsn::text, wal_status \
             from pg_catalog.pg_replication_slots where slot_name = $1",
            &[&name],
        )
        .await
        .map_err(|e| fault::sql("reading pg_replication_slots", e))?;
    let Some(row) = row else { return Ok(None) };
    let confirmed: Option<String> = row.get(3);
    Ok(Some(SlotState {
        plugin: row.get(0),
        database: row.get(1),
        active_pid: row.get(2),
        confirmed_flush: confirmed.and_then(|text| text.parse().ok()),
        wal_status: row.get(4),
    }))
}

impl SlotState {
    /// Refuses a slot that this connector cannot read.
    ///
    /// # Errors
    /// Definite, with the cure, for another plugin, another database or lost WAL.
    pub(crate) fn check_usable(&self, name: &str, database: &str) -> Result<()> {
        if self.plugin.as_deref() != Some("pgoutput") {
            return Err(EngineError::definite(format!(
                "Creation of replication slot failed: slot \"{name}\" exists with plugin {}, but Walcast reads pgoutput; choose another slot.name, or drop the slot: SELECT pg_drop_replication_slot({})",
                self.plugin.as_deref().unwrap_or("none (a physical slot)"),
                quote::literal(name)
            )));
        }
        if self.database.as_deref() != Some(database) {
            return Err(EngineError::definite(format!(
                "slot \"{name}\" belongs to database \"{}\", not to \"{database}\"; choose another slot.name",
                self.database.as_deref().unwrap_or("")
            )));
        }
        if self.wal_status.as_deref() == Some("lost") {
            return Err(EngineError::definite(format!(
                "slot \"{name}\" has lost WAL that this connector still needs (wal_status lost); the changes in it are no longer available on the server. Drop the slot and take a new snapshot (snapshot.mode=when_needed does both), and raise max_slot_wal_keep_size"
            )));
        }
        Ok(())
    }
}

/// Drops the slot if it exists; waits until a reader that is just leaving has gone.
pub(crate) async fn drop_slot(session: &Session, name: &str) -> Result<()> {
    session
        .execute(
            "select pg_catalog.pg_drop_replication_slot(slot_name) \
             from pg_catalog.pg_replication_slots where slot_name = $1",
            &[&name],
        )
        .await
        .map(|_| ())
        .map_err(|e| fault::sql(&format!("dropping slot \"{name}\""), e))
}
