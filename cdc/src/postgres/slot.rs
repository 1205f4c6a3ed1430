//! What the server says of a replication slot.

use std::time::Duration;

use tokio_postgres::Row;
use tokio_postgres::error::SqlState;
use walcast_wire::lsn::Lsn;

use super::connect::Session;
use super::server::WAL_END;
use super::{fault, quote};
use crate::error::{EngineError, Result};

/// How long a reader that is just leaving may hold up the dropping of its slot.
const LEAVING: Duration = Duration::from_secs(5);

/// How often a slot that is still read is looked at again.
const LOOK_EVERY: Duration = Duration::from_millis(100);

/// A row of `pg_replication_slots`.
#[derive(Debug, Clone)]
pub(crate) struct SlotState {
    /// `plugin`.
    pub(crate) plugin: Option<String>,
    /// `database`.
    pub(crate) database: Option<String>,
    /// `active_pid`.
    pub(crate) active_pid: Option<i32>,
    /// `restart_lsn`: WAL is kept from here on.
    pub(crate) restart: Option<Lsn>,
    /// `confirmed_flush_lsn`.
    pub(crate) confirmed_flush: Option<Lsn>,
    /// `wal_status`: reserved, extended, unreserved or lost.
    pub(crate) wal_status: Option<String>,
    /// `safe_wal_size`: bytes that can be written before the slot may be lost; `None` without limit.
    pub(crate) safe_bytes: Option<i64>,
    /// Bytes of WAL kept for the slot.
    pub(crate) retained_bytes: u64,
    /// Bytes of WAL not confirmed to the slot.
    pub(crate) unconfirmed_bytes: u64,
    /// `invalidation_reason` (17 and later) or `conflicting` (16).
    invalidated: Option<String>,
    /// `failover` (17 and later).
    pub(crate) failover: Option<bool>,
}

/// Columns that older servers lack are read through JSON.
const COLUMNS: &str = "s.plugin::text, s.database::text, s.active_pid, s.restart_lsn::text, \
    s.confirmed_flush_lsn::text, s.wal_status, s.safe_wal_size, \
    (w.at - s.restart_lsn)::int8, (w.at - s.confirmed_flush_lsn)::int8, \
    coalesce(to_jsonb(s) ->> 'invalidation_reason', \
        case when to_jsonb(s) ->> 'conflicting' = 'true' then 'conflicting' end), \
    (to_jsonb(s) ->> 'failover')::bool";

/// Reads the slot; `None` when it does not exist.
pub(crate) async fn state(session: &Session, name: &str) -> Result<Option<SlotState>> {
    let sql = format!(
        "select {COLUMNS} from pg_catalog.pg_replication_slots s, (select {WAL_END} as at) w \
         where s.slot_name = $1"
    );
    let row = session
        .query_opt(&sql, &[&name])
        .await
        .map_err(|e| fault::sql("reading pg_replication_slots", e))?;
    Ok(row.map(|row| from_row(&row)))
}

fn from_row(row: &Row) -> SlotState {
    let lsn = |index| {
        let text: Option<String> = row.get(index);
        text.and_then(|text| text.parse().ok())
    };
    let bytes = |index| {
        let bytes: Option<i64> = row.get(index);
        u64::try_from(bytes.unwrap_or(0)).unwrap_or(0)
    };
    SlotState {
        plugin: row.get(0),
        database: row.get(1),
        active_pid: row.get(2),
        restart: lsn(3),
        confirmed_flush: lsn(4),
        wal_status: row.get(5),
        safe_bytes: row.get(6),
        retained_bytes: bytes(7),
        unconfirmed_bytes: bytes(8),
        invalidated: row.get(9),
        failover: row.get(10),
    }
}

impl SlotState {
    /// Refuses a slot that is not this connector's to read.
    ///
    /// # Errors
    /// Definite, with the cure, for another plugin or another database.
    pub(crate) fn check_ours(&self, name: &str, database: &str) -> Result<()> {
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
        Ok(())
    }

    /// Why nothing can be read from the slot any more, if that is so.
    pub(crate) fn dead(&self) -> Option<String> {
        match (self.invalidated.as_deref(), self.wal_status.as_deref()) {
            (Some("wal_removed"), _) | (None, Some("lost")) => {
                Some("it has lost WAL that was still needed: more was retained than max_slot_wal_keep_size allows".to_owned())
            }
            (Some("idle_timeout"), _) => {
                Some("the server invalidated it (idle_timeout): it was not read for longer than idle_replication_slot_timeout".to_owned())
            }
            (Some("wal_level_insufficient"), _) => {
                Some("the server invalidated it (wal_level_insufficient): wal_level of the primary was lowered".to_owned())
            }
            (Some(reason), _) => Some(format!(
                "the server invalidated it ({reason}): it conflicted with recovery on this standby"
            )),
            (None, _) => None,
        }
    }
}

/// Who reads the slot: its pid, `application_name` and address, as a person looks for them.
pub(crate) async fn reader(session: &Session, pid: i32) -> Result<String> {
    let row = session
        .query_opt(
            "select coalesce(application_name, ''), coalesce(client_addr::text, 'local') \
             from pg_catalog.pg_stat_activity where pid = $1",
            &[&pid],
        )
        .await
        .map_err(|e| fault::sql("reading pg_stat_activity", e))?;
    Ok(row.map_or_else(
        || format!("pid {pid}"),
        |row| {
            let (name, address): (&str, &str) = (row.get(0), row.get(1));
            format!("pid {pid} (application_name \"{name}\", from {address})")
        },
    ))
}

/// Ends the session `pid` if it calls itself `name`; whether it does.
pub(crate) async fn end_reader(session: &Session, pid: i32, name: &str) -> Result<bool> {
    let row = session
        .query_opt(
            "select pg_catalog.pg_terminate_backend(pid) from pg_catalog.pg_stat_activity \
             where pid = $1 and application_name = $2",
            &[&pid, &name],
        )
        .await
        .map_err(|e| {
            fault::sql(
                "ending the session of a worker that has lost the connector",
                e,
            )
        })?;
    Ok(row.is_some())
}

/// Drops the slot if it exists; waits a while for a reader that is just leaving.
pub(crate) async fn drop_slot(session: &Session, name: &str) -> Result<()> {
    let begun = tokio::time::Instant::now();
    loop {
        let dropped = session
            .execute(
                "select pg_catalog.pg_drop_replication_slot(slot_name) \
                 from pg_catalog.pg_replication_slots where slot_name = $1",
                &[&name],
            )
            .await;
        match dropped {
            Ok(_) => return Ok(()),
            Err(error)
                if error.code() == Some(&SqlState::OBJECT_IN_USE) && begun.elapsed() < LEAVING =>
            {
                tokio::time::sleep(LOOK_EVERY).await;
            }
            Err(error) => return Err(fault::sql(&format!("dropping slot \"{name}\""), error)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn slot(wal_status: &str, invalidated: Option<&str>) -> SlotState {
        SlotState {
            plugin: Some("pgoutput".into()),
            database: Some("d".into()),
            active_pid: None,
            restart: None,
            confirmed_flush: None,
            wal_status: Some(wal_status.into()),
            safe_bytes: None,
            retained_bytes: 0,
            unconfirmed_bytes: 0,
            invalidated: invalidated.map(str::to_owned),
            failover: None,
        }
    }

    #[test]
    fn a_dead_slot_says_what_killed_it() {
        for (wal_status, invalidated, words) in [
            ("reserved", None, None),
            ("unreserved", None, None),
            ("lost", None, Some("max_slot_wal_keep_size")),
            ("lost", Some("wal_removed"), Some("max_slot_wal_keep_size")),
            ("lost", Some("rows_removed"), Some("recovery")),
            ("lost", Some("conflicting"), Some("recovery")),
            ("lost", Some("wal_level_insufficient"), Some("wal_level")),
            (
                "lost",
                Some("idle_timeout"),
                Some("idle_replication_slot_timeout"),
            ),
        ] {
            let dead = slot(wal_status, invalidated).dead();
            let named = dead.as_deref().zip(words).map(|(d, w)| d.contains(w));
            assert_eq!(dead.is_some(), words.is_some(), "{invalidated:?}");
            assert_ne!(named, Some(false), "{dead:?}");
        }
    }

    #[test]
    fn a_slot_of_another_is_refused_with_the_cure() {
        let ours = slot("reserved", None);
        assert!(ours.check_ours("s", "d").is_ok());
        let text = ours.check_ours("s", "e").unwrap_err().to_string();
        assert!(text.contains("another slot.name"), "{text}");
        let mut other = ours;
        other.plugin = None;
        let text = other.check_ours("s", "d").unwrap_err().to_string();
        assert!(text.contains("a physical slot"), "{text}");
    }
}
