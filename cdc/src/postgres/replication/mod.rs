//! The replication session, on `postgres-protocol`'s messages.
//!
//! Two steps: a gated session runs what must come first (`CREATE_REPLICATION_SLOT …
//! EXPORT_SNAPSHOT`), then START_REPLICATION opens the stream on it.

mod changes;
mod coalesce;
mod error;
mod feedback;
mod frames;
mod session;
mod socket;

use std::os::fd::OwnedFd;
use std::time::Duration;

use walcast_wire::lsn::Lsn;

pub(crate) use self::changes::{ChangeStream, reading};
use self::coalesce::Coalescer;
pub(crate) use self::error::SessionError;
use self::feedback::Pace;
pub(crate) use self::frames::{Frame, Frames};
use self::session::Session;
use self::socket::Socket;
use super::connect::initial_sql;
use super::{SESSION_OPTIONS, fault};
use crate::clock::SharedClock;
use crate::config::{ConnectorConfig, DatabaseConfig};
use crate::error::{EngineError, Result};

/// Bytes that the server keeps of an `application_name` (`NAMEDATALEN` - 1).
const APPLICATION_NAME_MAX: usize = 63;

/// The longest a waiting status update may be delayed.
const STATUS_INTERVAL_MAX: Duration = Duration::from_secs(10);

const OPENING: &str = "opening a replication session";

/// What cures a login that may not replicate.
const GIVE_REPLICATION: &str = "give the login the REPLICATION attribute: ALTER ROLE … REPLICATION";

/// A slot that was just made.
#[derive(Debug, Clone)]
pub(crate) struct CreatedSlot {
    /// Changes committed from here on come through the slot.
    pub(crate) consistent_point: Lsn,
    /// The exported snapshot that shows the database as of that point.
    pub(crate) snapshot: String,
}

/// A slot to be made.
#[derive(Debug, Clone, Copy)]
pub(crate) struct NewSlot<'a> {
    pub(crate) name: &'a str,
    /// Whether it ends with its session.
    pub(crate) temporary: bool,
    /// Whether a standby is to have it too, on PostgreSQL 17 and later.
    pub(crate) failover: bool,
}

/// A replication session before START_REPLICATION.
pub(crate) struct GatedSession {
    session: Session,
    coalescer: Coalescer,
    major_version: u32,
    /// Where the stream starts.
    start: Lsn,
    /// All before this is checkpointed, so that the server may be told.
    durable: Lsn,
    /// START_REPLICATION's options.
    options: String,
    pace: Pace,
}

/// Opens a session that will stream from `start`, all before which is checkpointed unless
/// [`GatedSession::durable_to`] says less; without it the stream starts at the slot's own position.
pub(crate) async fn open(
    connector: &ConnectorConfig,
    reader: &str,
    start: Option<Lsn>,
) -> Result<GatedSession> {
    let database = &connector.database;
    let connected = socket::connect(database, &describe(database, OPENING)).await?;
    log_in(connected, connector, reader, start).await
}

/// As [`open`], on a pipe in memory.
#[cfg(test)]
pub(crate) async fn open_in_memory(
    pipe: tokio::io::DuplexStream,
    connector: &ConnectorConfig,
    start: Option<Lsn>,
) -> Result<GatedSession> {
    log_in(
        (Socket::Memory(pipe), None),
        connector,
        "walcast sim",
        start,
    )
    .await
}

/// Logs in on a socket that is connected.
async fn log_in(
    (socket, handle): (Socket, Option<OwnedFd>),
    connector: &ConnectorConfig,
    reader: &str,
    start: Option<Lsn>,
) -> Result<GatedSession> {
    let database = &connector.database;
    let doing = describe(database, OPENING);
    let failed = |e: SessionError| {
        if e.to_string()
            .contains("permission denied to start WAL sender")
        {
            let text = format!("{e}; {GIVE_REPLICATION}");
            return EngineError::definite(text).because(e);
        }
        fault::replication(&doing, e)
    };
    let mut session = Session::new(socket);
    session
        .log_in(database, reader, SESSION_OPTIONS)
        .await
        .map_err(failed)?;
    let rows = session
        .query("SHOW server_version_num")
        .await
        .map_err(failed)?;
    let version = text(&rows, 0).and_then(|text| text.parse::<u32>().ok());
    for sql in initial_sql(database) {
        session.query(&sql).await.map_err(failed)?;
    }
    let interval = connector.slot.status_interval.min(STATUS_INTERVAL_MAX);
    let publication = connector.publication.name.replace('\'', "''");
    Ok(GatedSession {
        session,
        coalescer: Coalescer::new(handle),
        major_version: version.unwrap_or(0) / 10_000,
        start: start.unwrap_or(Lsn::ZERO),
        durable: start.unwrap_or(Lsn::ZERO),
        options: format!("proto_version '1', publication_names '{publication}', messages 'true'"),
        pace: Pace {
            pending: interval / 10,
            idle: interval,
        },
    })
}

/// A column of the first row of an answer.
fn text(rows: &[session::Row], column: usize) -> Option<&str> {
    rows.first()?.get(column)?.as_deref()
}

fn describe(database: &DatabaseConfig, doing: &str) -> String {
    format!("{doing} at {}:{}", database.host, database.port)
}

/// How a connector's replication sessions call themselves (`application_name`): the same in all its
/// lives on all workers of one group. As the server keeps it: 63 bytes of printable ASCII.
pub(crate) fn reader_name(connector: &str, group: Option<&str>) -> String {
    let name = match group {
        Some(group) => format!("walcast {connector} of {group}"),
        None => format!("walcast {connector}"),
    };
    let kept = |c: char| if matches!(c, ' '..='~') { c } else { '?' };
    name.chars().map(kept).take(APPLICATION_NAME_MAX).collect()
}

impl GatedSession {
    /// What was read before the stream's start is checkpointed only up to `durable`: the server is told
    /// no more than that.
    pub(crate) fn durable_to(self, durable: Lsn) -> Self {
        Self { durable, ..self }
    }

    /// Makes the slot and exports the snapshot of its consistent point. The export lasts until the
    /// next command on this session.
    ///
    /// # Errors
    /// Definite when wal_level, a right or the number of slots forbids it.
    pub(crate) async fn create_slot(&mut self, slot: NewSlot<'_>) -> Result<CreatedSlot> {
        let failover = self.makes_failover(slot).await?;
        let options = match (self.major_version >= 15, failover) {
            (true, true) => "(SNAPSHOT 'export', FAILOVER true)",
            (true, false) => "(SNAPSHOT 'export')",
            (false, _) => "EXPORT_SNAPSHOT",
        };
        let temporary = if slot.temporary { "TEMPORARY " } else { "" };
        let command = format!(
            "CREATE_REPLICATION_SLOT {} {temporary}LOGICAL pgoutput {options}",
            slot.name
        );
        tracing::info!(
            slot = slot.name,
            "creating the slot; it waits for transactions that are open now"
        );
        let rows = self.session.query(&command).await;
        let rows = rows.map_err(|e| refused(slot, e))?;
        let point = text(&rows, 1).and_then(|text| text.parse().ok());
        match (point, text(&rows, 2)) {
            (Some(consistent_point), Some(snapshot)) => Ok(CreatedSlot {
                consistent_point,
                snapshot: snapshot.to_owned(),
            }),
            _ => Err(EngineError::transient(
                "CREATE_REPLICATION_SLOT gave an answer Walcast cannot read",
            )),
        }
    }

    /// Whether the slot is made as a failover slot: where it is asked for and the server can, which is
    /// a primary of PostgreSQL 17 or later. Elsewhere an ordinary one is made, as Debezium does.
    async fn makes_failover(&mut self, slot: NewSlot<'_>) -> Result<bool> {
        if !slot.failover {
            return Ok(false);
        }
        if self.major_version < 17 {
            tracing::warn!(
                slot = slot.name,
                "slot.failover=true needs PostgreSQL 17 or later; the slot is made without, and no standby will have it"
            );
            return Ok(false);
        }
        let asked = self.session.query("SELECT pg_catalog.pg_is_in_recovery()");
        let rows = asked
            .await
            .map_err(|e| fault::replication("asking for the server's role", e))?;
        let standby = text(&rows, 0) == Some("t");
        if standby {
            tracing::warn!(
                slot = slot.name,
                "slot.failover=true needs a primary, and this server is a standby; the slot is made without"
            );
        }
        Ok(!standby)
    }

    /// Starts the stream; returns once the server has accepted it and the slot is ours.
    pub(crate) async fn start(mut self, slot: &str, clock: &SharedClock) -> Result<ChangeStream> {
        let failed = |e: SessionError| {
            let text = e.to_string();
            if text.contains("publication") && text.contains("does not exist") {
                return EngineError::definite(format!("while starting replication: {e}; create the publication, or let publication.autocreate.mode do it")).because(e);
            }
            if text.contains("is active for PID") {
                return EngineError::transient(format!(
                    "while starting replication: {e}; choose another slot.name, or stop that reader"
                ))
                .because(e);
            }
            fault::replication(&format!("starting replication from slot \"{slot}\""), e)
        };
        let command = format!(
            "START_REPLICATION SLOT {slot} LOGICAL {} ({})",
            self.start, self.options
        );
        self.session.start(&command).await.map_err(failed)?;
        Ok(ChangeStream::new(
            self.session,
            self.coalescer,
            self.durable,
            self.pace,
            SharedClock::clone(clock),
        ))
    }
}

fn refused(slot: NewSlot<'_>, error: SessionError) -> EngineError {
    let text = error.to_string();
    let cure = if text.contains("wal_level") {
        "set wal_level=logical in postgresql.conf and restart PostgreSQL"
    } else if text.contains("permission denied") || text.contains("REPLICATION") {
        GIVE_REPLICATION
    } else if text.contains("max_replication_slots") || text.contains("all replication slots") {
        "raise max_replication_slots, or drop a slot that is no longer used"
    } else {
        return fault::replication(
            &format!(
                "creating slot \"{}\": Creation of replication slot failed",
                slot.name
            ),
            error,
        );
    };
    EngineError::definite(format!(
        "Creation of replication slot failed: {text}; {cure}"
    ))
    .because(error)
}
