//! Makes or checks the publication, by `publication.autocreate.mode`.

use tokio_postgres::Row;

use super::catalog::CapturedTable;
use super::connect::Session;
use super::fault;
use super::quote::{ident, literal, qualified};
use crate::config::{PublicationConfig, PublicationMode};
use crate::error::{EngineError, Result};
use crate::lanes::is_lane_filter;

/// Leaves a publication that holds what the connector captures, or says what to do.
///
/// # Errors
/// Definite when it is missing and may not be made, or when a right is missing.
pub(crate) async fn ensure(
    session: &Session,
    config: &PublicationConfig,
    captured: &[CapturedTable],
) -> Result<()> {
    let name = &config.name;
    let row = session
        .query_opt(
            "select puballtables from pg_catalog.pg_publication where pubname = $1",
            &[name],
        )
        .await
        .map_err(|e| fault::sql("reading pg_publication", e))?;
    match (row, config.mode) {
        (Some(row), PublicationMode::Filtered) if row.get::<_, bool>(0) => {
            Err(EngineError::definite(format!(
                "A logical publication for all tables named '{name}' is already active on the server and can not be altered. Drop it, so that it is made anew for the captured tables, or set publication.autocreate.mode=all_tables"
            )))
        }
        (Some(_), PublicationMode::Filtered) => align(session, name, captured).await,
        (Some(_), _) => Ok(()),
        (None, PublicationMode::Disabled) => Err(EngineError::definite(format!(
            "Publication autocreation is disabled, please create one and restart the connector: CREATE PUBLICATION {} FOR TABLE …",
            ident(name)
        ))),
        (None, mode) => create(session, config, mode, captured).await,
    }
}

async fn create(
    session: &Session,
    config: &PublicationConfig,
    mode: PublicationMode,
    captured: &[CapturedTable],
) -> Result<()> {
    let name = ident(&config.name);
    let target = match mode {
        PublicationMode::AllTables => " FOR ALL TABLES".to_owned(),
        PublicationMode::Filtered if captured.is_empty() => {
            return Err(EngineError::definite(format!(
                "No table filters found for filtered publication {}: check table.include.list and schema.include.list against the database",
                config.name
            )));
        }
        PublicationMode::Filtered => format!(" FOR TABLE {}", list(captured)),
        PublicationMode::NoTables | PublicationMode::Disabled => String::new(),
    };
    let sql = format!("CREATE PUBLICATION {name}{target}{}", options(config));
    tracing::info!(%sql, "creating the publication");
    run(session, &sql).await
}

pub(crate) fn options(config: &PublicationConfig) -> String {
    let root = config
        .via_partition_root
        .then(|| "publish_via_partition_root = true".to_owned());
    let publish = config.publish.as_deref();
    let publish = publish.map(|words| format!("publish = {}", literal(words)));
    let options: Vec<_> = root.into_iter().chain(publish).collect();
    if options.is_empty() {
        return String::new();
    }
    format!(" WITH ({})", options.join(", "))
}

/// Adds and removes tables so that the publication holds exactly `captured`, and all of each: row
/// filters that split tables over several slots are left by a connector that had them.
async fn align(session: &Session, name: &str, captured: &[CapturedTable]) -> Result<()> {
    let rows = session
        .query(
            "select n.nspname, c.relname, to_jsonb(v) ->> 'rowfilter' from pg_catalog.pg_publication p \
             join pg_catalog.pg_publication_rel r on r.prpubid = p.oid \
             join pg_catalog.pg_class c on c.oid = r.prrelid \
             join pg_catalog.pg_namespace n on n.oid = c.relnamespace \
             left join pg_catalog.pg_publication_tables v on v.pubname = p.pubname \
               and v.schemaname = n.nspname and v.tablename = c.relname \
             where p.pubname = $1",
            &[&name],
        )
        .await
        .map_err(|e| fault::sql("reading the publication's tables", e))?;
    let mut present: Vec<(String, String)> = rows.iter().map(|r| (r.get(0), r.get(1))).collect();
    let mut wanted: Vec<(String, String)> = captured
        .iter()
        .map(|t| (t.schema.clone(), t.name.clone()))
        .collect();
    present.sort_unstable();
    wanted.sort_unstable();
    let filter = |row: &Row| row.get::<_, Option<&str>>(2).is_some_and(is_lane_filter);
    let split = rows.iter().any(filter);
    if present == wanted && !split || wanted.is_empty() {
        return Ok(());
    }
    let sql = format!(
        "ALTER PUBLICATION {} SET TABLE {}",
        ident(name),
        list(captured)
    );
    tracing::info!(%sql, "the captured tables changed: altering the publication");
    run(session, &sql).await
}

fn list(captured: &[CapturedTable]) -> String {
    let names: Vec<_> = captured
        .iter()
        .map(|t| qualified(&t.schema, &t.name))
        .collect();
    names.join(", ")
}

pub(crate) async fn run(session: &Session, sql: &str) -> Result<()> {
    session.batch_execute(sql).await.map_err(|e| {
        let refused = e.code() == Some(&tokio_postgres::error::SqlState::INSUFFICIENT_PRIVILEGE);
        if refused {
            return EngineError::definite(format!(
                "Unable to create filtered publication or alter it: the login may not. Let an owner run: {sql}; then set publication.autocreate.mode=disabled"
            ))
            .because(e);
        }
        fault::sql(&format!("running {sql}"), e)
    })
}
