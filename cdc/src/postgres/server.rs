//! Which server this is: system identifier, timeline, and how far its WAL goes.

use std::fmt;
use std::str::FromStr;

use tokio_postgres::error::SqlState;
use walcast_wire::lsn::Lsn;

use super::connect::Session;
use super::fault;
use crate::error::Result;

/// A database system and the timeline it writes, as `IDENTIFY_SYSTEM` tells them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct System {
    /// The identifier that `initdb` gave it; physical standbys share it.
    pub(crate) id: u64,
    /// Grows by one with each promotion.
    pub(crate) timeline: u32,
}

/// A server at one moment.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Server {
    /// `None` where the login may not read it.
    pub(crate) system: Option<System>,
    /// The end of its WAL: written, or on a standby received.
    pub(crate) end: Option<Lsn>,
    /// Whether it is a standby.
    pub(crate) standby: bool,
}

impl fmt::Display for System {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.id, self.timeline)
    }
}

/// The text is not `<system id>/<timeline>`.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is no system identifier and timeline")]
pub(crate) struct ParseSystemError(String);

impl FromStr for System {
    type Err = ParseSystemError;

    fn from_str(text: &str) -> Result<Self, ParseSystemError> {
        let wrong = || ParseSystemError(text.to_owned());
        let (id, timeline) = text.split_once('/').ok_or_else(wrong)?;
        match (id.parse(), timeline.parse()) {
            (Ok(id), Ok(timeline)) => Ok(Self { id, timeline }),
            _ => Err(wrong()),
        }
    }
}

/// The end of the WAL, as an SQL expression that a standby can tell too.
pub(super) const WAL_END: &str = "(case when pg_catalog.pg_is_in_recovery() \
    then greatest(pg_catalog.pg_last_wal_receive_lsn(), pg_catalog.pg_last_wal_replay_lsn()) \
    else pg_catalog.pg_current_wal_lsn() end)";

/// The name of a WAL file begins with its timeline in eight hexadecimal digits. A standby has only
/// what its last restart point says.
const TIMELINE: &str = "case when pg_catalog.pg_is_in_recovery() \
    then (select timeline_id::text from pg_catalog.pg_control_checkpoint()) \
    else ('x' || left(pg_catalog.pg_walfile_name(pg_catalog.pg_current_wal_lsn()), 8))::bit(32)::int::text end";

/// Asks the server.
pub(crate) async fn read(session: &Session) -> Result<Server> {
    let row = session
        .query_one(
            &format!("select {WAL_END}::text, pg_catalog.pg_is_in_recovery()"),
            &[],
        )
        .await
        .map_err(|e| fault::sql("reading the end of the server's WAL", e))?;
    let end: Option<String> = row.get(0);
    Ok(Server {
        system: system(session).await?,
        end: end.and_then(|text| text.parse().ok()),
        standby: row.get(1),
    })
}

/// Its system and timeline; `None` where the login may not read them.
pub(crate) async fn system(session: &Session) -> Result<Option<System>> {
    let sql =
        format!("select system_identifier::text, {TIMELINE} from pg_catalog.pg_control_system()");
    let row = match session.query_one(&sql, &[]).await {
        Ok(row) => row,
        // Some services keep these functions to themselves.
        Err(error) if error.code() == Some(&SqlState::INSUFFICIENT_PRIVILEGE) => {
            tracing::debug!(%error, "the server's identity is unknown; a fail-over is told by LSNs only");
            return Ok(None);
        }
        Err(error) => return Err(fault::sql("reading the server's identity", error)),
    };
    let (id, timeline): (Option<String>, Option<String>) = (row.get(0), row.get(1));
    // The identifier is an unsigned number that SQL shows as a signed one.
    let id = id.and_then(|text| text.parse::<i64>().ok());
    let timeline = timeline.and_then(|text| text.parse().ok());
    Ok(id.zip(timeline).map(|(id, timeline)| System {
        id: id.cast_unsigned(),
        timeline,
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_system_is_read_as_it_is_written() {
        let system = System {
            id: 7_412_345_678_901_234_567,
            timeline: 3,
        };
        assert_eq!(system.to_string().parse(), Ok(system));
        for text in ["", "7", "x/1", "1/", "1/-1"] {
            assert!(text.parse::<System>().is_err(), "{text}");
        }
    }
}
