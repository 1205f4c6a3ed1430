//! Whether the server has an output plugin.

use tokio_postgres::error::SqlState;

use super::connect::Session;
use super::fault;
use crate::error::{EngineError, Result};

/// How long the server may take: it loads the plugin at once, and waits for open transactions only
/// afterwards.
const LONGEST: &str = "2s";

/// Fails when the server has no output plugin `decoderbufs`.
///
/// Walcast reads pgoutput, also where `plugin.name=decoderbufs` is set. A server without that plugin
/// is not the one that the connector was written for, and Debezium fails on it. A temporary slot
/// tells: its making loads the plugin first, and what goes wrong after that says that it is there.
///
/// # Errors
/// Definite when the plugin is missing, with the cure.
pub(crate) async fn require_decoderbufs(session: &Session) -> Result<()> {
    let doing = "looking for the output plugin decoderbufs";
    let limited = format!("set statement_timeout = '{LONGEST}'");
    session
        .batch_execute(&limited)
        .await
        .map_err(|e| fault::sql(doing, e))?;
    let name = format!("walcast_probe_{}", uuid::Uuid::now_v7().simple());
    let made = session
        .query_one(
            "select lsn::text from pg_catalog.pg_create_logical_replication_slot($1, 'decoderbufs', true)",
            &[&name],
        )
        .await;
    if made.is_ok() {
        crate::postgres::slot::drop_slot(session, &name).await?;
    }
    session
        .batch_execute("reset statement_timeout")
        .await
        .map_err(|e| fault::sql(doing, e))?;
    match made {
        Err(error) if error.code() == Some(&SqlState::UNDEFINED_FILE) => {
            Err(EngineError::definite(
                "Creation of replication slot failed: the server has no output plugin decoderbufs. Set plugin.name=pgoutput, which every PostgreSQL has and which Walcast reads in any case; or connect to the server that has the plugin",
            )
            .because(error))
        }
        Ok(_) | Err(_) => Ok(()),
    }
}
