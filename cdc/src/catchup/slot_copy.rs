//! A temporary copy of the slot, and the session that has it and reads its batches.
//!
//! The copy goes with its session, and after any error in it.

use std::time::Duration;

use tokio::time::Instant;
use tokio_postgres::error::SqlState;
use tokio_postgres::types::PgLsn;
use walcast_wire::lsn::Lsn;

use super::fallback::Why;
use crate::config::DatabaseConfig;
use crate::error::{EngineError, Result};
use crate::postgres::connect::{self, Session};
use crate::postgres::fault;
use crate::postgres::reader_lock::ReaderLock;

/// What the server may keep of a batch in memory before it writes temporary files, and how soon a
/// backend that decodes for a worker that is gone finds out.
const SETTINGS: &str = "set work_mem = '128MB'; set client_connection_check_interval = '1s'";

/// How long the session of an earlier attempt may take to end.
const LEAVING: Duration = Duration::from_secs(5);

/// How often it is looked at.
const LOOK_EVERY: Duration = Duration::from_millis(100);

/// What may forbid a copy, in the order in which it is told.
const FACTS: &str = "select current_setting('server_version_num')::int / 10000, \
    pg_catalog.pg_is_in_recovery(), coalesce((to_jsonb(s) ->> 'two_phase')::bool, false), \
    coalesce((to_jsonb(s) ->> 'failover')::bool, false) \
        and coalesce(current_setting('synchronized_standby_slots', true), '') <> '' \
    from pg_catalog.pg_replication_slots s where s.slot_name = $1";

/// A copy of the slot.
pub(super) struct SlotCopy {
    pub(super) session: Session,
    /// The session's.
    pub(super) pid: i32,
    pub(super) name: String,
}

/// What a copy is made of.
pub(super) struct Original<'a> {
    pub(super) database: &'a DatabaseConfig,
    /// Knows the slot, and holds its lock.
    pub(super) control: &'a Session,
    pub(super) slot: &'a str,
    /// How the copy's session calls itself.
    pub(super) reader: &'a str,
    /// All before is done, when that is known.
    pub(super) floor: Option<Lsn>,
}

/// Why there is no copy.
enum Failed {
    /// The backlog is streamed.
    Cannot(Why),
    Broken(EngineError),
}

impl From<EngineError> for Failed {
    fn from(error: EngineError) -> Self {
        Self::Broken(error)
    }
}

impl Original<'_> {
    /// Makes the copy, or says why that cannot be.
    ///
    /// # Errors
    /// When the server cannot be reached.
    pub(super) async fn copy(&self) -> Result<Result<SlotCopy, Why>> {
        match self.try_copy().await {
            Ok(copy) => Ok(Ok(copy)),
            Err(Failed::Cannot(why)) => Ok(Err(why)),
            Err(Failed::Broken(error)) => Err(error),
        }
    }

    async fn try_copy(&self) -> Result<SlotCopy, Failed> {
        if let Some(why) = self.forbidden().await? {
            return Err(Failed::Cannot(why));
        }
        let session = connect::open(self.database, self.reader).await?;
        session.batch_execute(SETTINGS).await.map_err(failed)?;
        let row = session
            .query_one("select pg_catalog.pg_backend_pid()", &[])
            .await
            .map_err(failed)?;
        let pid: i32 = row.get(0);
        let name = format!("{}{pid}", ReaderLock::of(self.slot).copies());
        let copy = "select lsn from pg_catalog.pg_copy_logical_replication_slot($1, $2, true)";
        let row = session
            .query_one(copy, &[&self.slot, &name])
            .await
            .map_err(failed)?;
        let begin: PgLsn = row.get(0);
        let behind = |floor: &Lsn| floor.as_u64() > u64::from(begin);
        if let Some(floor) = self.floor.filter(behind) {
            advance(&session, &name, floor).await.map_err(failed)?;
        }
        Ok(SlotCopy { session, pid, name })
    }

    async fn forbidden(&self) -> Result<Option<Why>, Failed> {
        let row = self
            .control
            .query_opt(FACTS, &[&self.slot])
            .await
            .map_err(failed)?;
        let row =
            row.ok_or_else(|| EngineError::transient(format!("slot \"{}\" is gone", self.slot)))?;
        let (version, standby): (i32, bool) = (row.get(0), row.get(1));
        let (two_phase, waits): (bool, bool) = (row.get(2), row.get(3));
        Ok(Why::of_server(version, standby).or(match () {
            () if two_phase => Some(Why::TwoPhase),
            () if waits => Some(Why::Failover),
            () => None,
        }))
    }
}

/// Ends the copies that an earlier attempt has left: whoever holds the slot's lock is its only
/// reader. They would hold WAL back, and a slot that a new copy may need.
pub(super) async fn end_leftovers(control: &Session, slot: &str) -> Result<()> {
    let copies = ReaderLock::of(slot).copies();
    let sql = "select pg_catalog.pg_terminate_backend(active_pid) \
        from pg_catalog.pg_replication_slots \
        where temporary and active_pid is not null and starts_with(slot_name::text, $1)";
    let begun = Instant::now();
    loop {
        let left = control
            .query(sql, &[&copies])
            .await
            .map_err(|e| fault::sql("ending a session that read the backlog before", e))?;
        if left.is_empty() {
            return Ok(());
        }
        if begun.elapsed() > LEAVING {
            return Err(EngineError::transient(
                "a session that read the backlog before does not end",
            ));
        }
        tokio::time::sleep(LOOK_EVERY).await;
    }
}

/// Tells the slot `name` that all before `to` is done; where it stands then.
pub(super) async fn advance(
    session: &Session,
    name: &str,
    to: Lsn,
) -> Result<Lsn, tokio_postgres::Error> {
    let sql = "select end_lsn from pg_catalog.pg_replication_slot_advance($1, $2)";
    let row = session
        .query_one(sql, &[&name, &PgLsn::from(to.as_u64())])
        .await?;
    let end: PgLsn = row.get(0);
    Ok(Lsn::new(end.into()))
}

/// Sorts what the server refuses from what is broken.
fn failed(error: tokio_postgres::Error) -> Failed {
    let Some(told) = error.as_db_error() else {
        return Failed::Broken(fault::sql("copying the slot", error));
    };
    let text = told.message().to_owned();
    let code = told.code();
    // What passes by itself, as a server that is restarted.
    if code.code().starts_with("57") || code.code().starts_with("08") {
        return Failed::Broken(fault::sql("copying the slot", error));
    }
    Failed::Cannot(if *code == SqlState::CONFIGURATION_LIMIT_EXCEEDED {
        Why::NoSpareSlot
    } else if *code == SqlState::INSUFFICIENT_PRIVILEGE {
        Why::Privilege(text)
    } else {
        Why::Refused(text)
    })
}
