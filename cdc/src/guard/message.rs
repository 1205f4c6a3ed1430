//! `walcast.heartbeat.message.interval.ms`: a message in the source's WAL that moves the slot.
//!
//! For servers whose keepalives do not suffice. Only writes; the stream knows the prefix and
//! publishes no such message.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::MissedTickBehavior;

use crate::config::DatabaseConfig;
use crate::error::Result;
use crate::postgres::connect::{self, Session};
use crate::postgres::fault;

/// The prefix of the messages.
pub(crate) const PREFIX: &str = "walcast.heartbeat";

/// Writes a message that often until it is dropped.
pub(super) async fn run(connector: String, database: Arc<DatabaseConfig>, interval: Duration) {
    let mut session = None;
    let mut failing = false;
    let mut due = tokio::time::interval(interval);
    due.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        due.tick().await;
        match emit(&mut session, &database, &connector).await {
            Ok(()) => failing = false,
            Err(error) => {
                session = None;
                let error = error.trace();
                if std::mem::replace(&mut failing, true) {
                    tracing::debug!(connector, error, "no heartbeat message could be written");
                } else {
                    tracing::warn!(
                        connector,
                        error,
                        "no heartbeat message could be written; a standby takes none: set walcast.heartbeat.message.interval.ms=0 there"
                    );
                }
            }
        }
    }
}

async fn emit(
    session: &mut Option<Session>,
    database: &DatabaseConfig,
    connector: &str,
) -> Result<()> {
    if session.as_ref().is_none_or(Session::is_gone) {
        *session = Some(connect::open(database, "walcast heartbeat message").await?);
    }
    let Some(session) = session else {
        return Ok(());
    };
    let sql = "select pg_catalog.pg_logical_emit_message(false, $1::text, $2::text)";
    let written = session.execute(sql, &[&PREFIX, &connector]).await;
    written
        .map(|_| ())
        .map_err(|e| fault::sql("writing a heartbeat message", e))
}
