//! The replication session, carried by `pgwire-replication`.
//!
//! Two steps: a gated session runs what must come first (`IDENTIFY_SYSTEM`,
//! `CREATE_REPLICATION_SLOT … EXPORT_SNAPSHOT`), then START_REPLICATION opens the stream on it.

use std::time::Duration;

use pgwire_replication::{
    Lsn as WireLsn, PgWireError, ReplicationClient, ReplicationConfig, ReplicationEvent,
    SslMode as WireSslMode, TlsConfig,
};
use walcast_wire::lsn::Lsn;

use super::connect::initial_sql;
use super::{SESSION_OPTIONS, fault};
use crate::config::{ConnectorConfig, DatabaseConfig, SslMode};
use crate::error::{EngineError, Result};

/// Bytes that the server keeps of an `application_name` (`NAMEDATALEN` - 1).
const APPLICATION_NAME_MAX: usize = 63;

/// Events the driver may hold ready for the stream.
const EVENTS_READY: usize = 512;

/// The longest a waiting status update may be delayed.
const STATUS_INTERVAL_MAX: Duration = Duration::from_secs(10);

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
    client: ReplicationClient,
    major_version: u32,
}

/// An open stream of changes.
pub(crate) struct ChangeStream {
    client: ReplicationClient,
}

/// Opens a session that will stream from `start`, all before which is checkpointed; without it the
/// stream starts at the slot's own position.
pub(crate) async fn open(
    connector: &ConnectorConfig,
    reader: &str,
    start: Option<Lsn>,
) -> Result<GatedSession> {
    let config = settings(connector, reader, start);
    let failed = |e: PgWireError| {
        if e.to_string()
            .contains("permission denied to start WAL sender")
        {
            let text = format!("{e}; {GIVE_REPLICATION}");
            return EngineError::definite(text).because(e);
        }
        fault::replication(
            &describe(&connector.database, "opening a replication session"),
            e,
        )
    };
    let mut client = ReplicationClient::connect_gated(config)
        .await
        .map_err(failed)?;
    let rows = client
        .simple_query("SHOW server_version_num")
        .await
        .map_err(failed)?;
    let text = rows
        .first()
        .and_then(|row| row.first()?.as_ref().map(|b| b.to_vec()));
    let version = text
        .and_then(|b| String::from_utf8(b).ok()?.parse::<u32>().ok())
        .unwrap_or(0);
    for sql in initial_sql(&connector.database) {
        client.simple_query(&sql).await.map_err(failed)?;
    }
    Ok(GatedSession {
        client,
        major_version: version / 10_000,
    })
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

fn settings(connector: &ConnectorConfig, reader: &str, start: Option<Lsn>) -> ReplicationConfig {
    let ConnectorConfig {
        database,
        slot,
        publication,
        ..
    } = connector;
    let mut config = ReplicationConfig::new(
        &database.host,
        &database.user,
        &database.password,
        &database.dbname,
        &slot.name,
        publication.name.as_str(),
    );
    config.port = database.port;
    config.tls = tls(database);
    config.start_lsn = WireLsn(start.map_or(0, Lsn::as_u64));
    config.status_interval = slot.status_interval.min(STATUS_INTERVAL_MAX) / 10;
    config.idle_wakeup_interval = slot.status_interval.min(STATUS_INTERVAL_MAX);
    config.buffer_events = EVENTS_READY;
    config.options = Some(SESSION_OPTIONS.to_owned());
    config.application_name = Some(reader.to_owned());
    config
}

fn tls(database: &DatabaseConfig) -> TlsConfig {
    TlsConfig {
        mode: match database.sslmode {
            SslMode::Disable => WireSslMode::Disable,
            SslMode::Prefer => WireSslMode::Prefer,
            SslMode::Require => WireSslMode::Require,
            SslMode::VerifyCa => WireSslMode::VerifyCa,
            SslMode::VerifyFull => WireSslMode::VerifyFull,
        },
        ca_pem_path: database.sslrootcert.clone(),
        sni_hostname: None,
        client_cert_pem_path: database.sslcert.clone(),
        client_key_pem_path: database.sslkey.clone(),
    }
}

impl GatedSession {
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
        let rows = self
            .client
            .simple_query(&command)
            .await
            .map_err(|e| refused(slot, e))?;
        let text = |index: usize| {
            let value = rows.first()?.get(index)?.as_ref()?;
            String::from_utf8(value.to_vec()).ok()
        };
        let point = text(1).and_then(|t| t.parse().ok());
        match (point, text(2)) {
            (Some(consistent_point), Some(snapshot)) => Ok(CreatedSlot {
                consistent_point,
                snapshot,
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
        let asked = self
            .client
            .simple_query("SELECT pg_catalog.pg_is_in_recovery()");
        let rows = asked
            .await
            .map_err(|e| fault::replication("asking for the server's role", e))?;
        let told = rows.first().and_then(|row| row.first()?.as_ref());
        let standby = told.is_some_and(|text| text.as_ref() == b"t");
        if standby {
            tracing::warn!(
                slot = slot.name,
                "slot.failover=true needs a primary, and this server is a standby; the slot is made without"
            );
        }
        Ok(!standby)
    }

    /// Starts the stream; returns once the server has accepted it and the slot is ours.
    pub(crate) async fn start(mut self, slot: &str) -> Result<ChangeStream> {
        let failed = |e: PgWireError| {
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
        self.client.start().await.map_err(failed)?;
        self.client.wait_started().await.map_err(failed)?;
        Ok(ChangeStream {
            client: self.client,
        })
    }
}

fn refused(slot: NewSlot<'_>, error: PgWireError) -> EngineError {
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

impl ChangeStream {
    /// The next event; `None` when the stream ended because it was asked to.
    pub(crate) async fn next(&mut self) -> Result<Option<ReplicationEvent>> {
        self.client.recv().await.map_err(|e| {
            let text = e.to_string();
            if text.contains("publication") && text.contains("does not exist") {
                return EngineError::definite(format!(
                    "while reading changes: {e}; create the publication, then restart the task"
                ))
                .because(e);
            }
            fault::replication("reading changes", e)
        })
    }

    /// Tells the slot that all before `lsn` is durable elsewhere.
    pub(crate) fn confirm(&self, lsn: Lsn) {
        self.client.update_applied_lsn(WireLsn(lsn.as_u64()));
    }

    /// Ends the stream; the slot is free when this returns.
    pub(crate) async fn stop(mut self) -> Result<()> {
        self.client
            .shutdown()
            .await
            .map_err(|e| fault::replication("ending the stream", e))
    }
}
