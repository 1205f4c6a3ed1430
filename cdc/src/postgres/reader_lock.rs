//! One reader of a slot: an advisory lock that its session holds as long as it lives.
//!
//! While a backlog is read by SQL the slot itself looks free to the server; the lock keeps a second
//! Walcast off it. It is held while streaming too, so that the two cannot meet.

use super::connect::Session;
use super::fault;
use crate::error::Result;

/// The server looks after a session whose client is gone without a word, so that the lock is not
/// held for the two hours that TCP would take.
const KEEPALIVES: &str = "set tcp_keepalives_idle = 10; set tcp_keepalives_interval = 5; \
    set tcp_keepalives_count = 3";

/// The lock of a slot. The server keeps advisory locks by database, and a slot's name is one within
/// the server, so that the name alone tells them apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct ReaderLock(u64);

impl ReaderLock {
    /// The lock of the slot `name`: FNV-1a of it, the same in every version of Walcast.
    pub(crate) fn of(name: &str) -> Self {
        const OFFSET: u64 = 0xcbf2_9ce4_8422_2325;
        const PRIME: u64 = 0x0000_0100_0000_01b3;
        let text = "walcast reader of slot ".bytes().chain(name.bytes());
        Self(text.fold(OFFSET, |hash, byte| {
            (hash ^ u64::from(byte)).wrapping_mul(PRIME)
        }))
    }

    /// What the names of the slot's copies begin with.
    pub(crate) fn copies(self) -> String {
        format!("walcast_{:016x}_", self.0)
    }

    /// Takes the lock for the rest of the session, unless another has it.
    pub(crate) async fn take(self, session: &Session) -> Result<bool> {
        let failed = |e| fault::sql("taking the lock of the slot's reader", e);
        session.batch_execute(KEEPALIVES).await.map_err(failed)?;
        let row = session
            .query_one("select pg_catalog.pg_try_advisory_lock($1)", &[&self.key()])
            .await
            .map_err(failed)?;
        Ok(row.get(0))
    }

    /// The session that has it.
    pub(crate) async fn holder(self, session: &Session) -> Result<Option<i32>> {
        let sql = "select l.pid from pg_catalog.pg_locks l \
            join pg_catalog.pg_database d on d.oid = l.database \
            where l.locktype = 'advisory' and l.objsubid = 1 and l.granted \
            and d.datname = current_database() \
            and ((l.classid::int8 << 32) | l.objid::int8) = $1";
        let row = session
            .query_opt(sql, &[&self.key()])
            .await
            .map_err(|e| fault::sql("reading pg_locks", e))?;
        Ok(row.map(|row| row.get(0)))
    }

    const fn key(self) -> i64 {
        self.0.cast_signed()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Two versions that run side by side must agree on it.
    #[test]
    fn a_slots_lock_never_changes() {
        let lock = ReaderLock::of("debezium");
        assert_eq!(lock.copies(), "walcast_eea1c54e7ad50d19_");
        assert_ne!(lock, ReaderLock::of("debezium2"));
        assert_ne!(ReaderLock::of(""), ReaderLock::of(" "));
    }
}
