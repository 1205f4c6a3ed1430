//! Before the first record: can ClickHouse keep the promise that a batch sent twice lands once?
//!
//! Enters: the system tables. Leaves: nothing, or why not and what to run. Every table that a row
//! of the landing table reaches through materialized views must remember the tokens of its last
//! blocks; a single one that does not would count a re-sent batch twice.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use clickhouse::{Client, Row};
use serde::Deserialize;

use crate::config::ClickHouse;
use crate::error_code::classify;
use crate::landing;

mod graph;

use graph::{Table, TableName};

/// Why the sink cannot start.
#[derive(Debug, thiserror::Error)]
pub(crate) enum CheckError {
    /// ClickHouse is away or busy; it may pass.
    #[error("{0}")]
    Unavailable(clickhouse::error::Error),
    /// It will not pass by itself; the text says what to do.
    #[error("{0}")]
    Wrong(String),
}

/// How long ClickHouse may take to tell about its tables.
const CHECK_MAX: Duration = Duration::from_secs(30);

/// Checks everything that the landing table's rows reach; returns for how many blocks, at least,
/// every table remembers their tokens.
pub(crate) async fn check(config: &ClickHouse) -> Result<u64, CheckError> {
    let answer = tokio::time::timeout(CHECK_MAX, check_tables(config)).await;
    answer.unwrap_or(Err(CheckError::Unavailable(
        clickhouse::error::Error::TimedOut,
    )))
}

async fn check_tables(config: &ClickHouse) -> Result<u64, CheckError> {
    let client = landing::client(config);
    let tables = read_tables(&client)
        .await
        .map_err(|error| refusal(config, error))?;
    let landing = TableName {
        database: config.database.clone(),
        name: landing::TABLE.into(),
    };
    if !tables.keys().any(|table| table.database == config.database) {
        require_database(&client, config).await?;
    }
    if !tables.contains_key(&landing) {
        return Err(CheckError::Wrong(format!(
            "ClickHouse has no table {landing}: run {}",
            config.migrate_command()
        )));
    }
    let defaults = read_defaults(&client)
        .await
        .map_err(|error| refusal(config, error))?;
    let mut reached = BTreeSet::new();
    let mut waiting = vec![landing];
    let mut window = u64::MAX;
    while let Some(name) = waiting.pop() {
        if !reached.insert(name.clone()) {
            continue;
        }
        let table = tables.get(&name).ok_or_else(|| {
            CheckError::Wrong(format!(
                "a materialized view writes to {name}, which is not there"
            ))
        })?;
        let own = table
            .check_window(&name, &defaults)
            .map_err(CheckError::Wrong)?;
        window = window.min(own.unwrap_or(u64::MAX));
        for view in table.dependents() {
            let Some(target) = tables
                .get(&view)
                .and_then(|view_table| view_table.target(&view))
            else {
                continue;
            };
            waiting.push(target);
        }
    }
    Ok(window)
}

fn refusal(config: &ClickHouse, error: clickhouse::error::Error) -> CheckError {
    if classify(&error).is_retryable() {
        return CheckError::Unavailable(error);
    }
    CheckError::Wrong(format!(
        "ClickHouse at {} refuses user {}: {error}. Check clickhouse_user and clickhouse_password, \
         and grant SELECT on system.tables and SELECT, INSERT on {}.*",
        config.url, config.user, config.database
    ))
}

async fn require_database(client: &Client, config: &ClickHouse) -> Result<(), CheckError> {
    let query = client
        .query("SELECT count() FROM system.databases WHERE name = ?")
        .bind(config.database.as_str());
    match query.fetch_one::<u64>().await {
        Ok(0) => Err(CheckError::Wrong(format!(
            "ClickHouse has no database {}: run {}",
            config.database,
            config.migrate_command()
        ))),
        Ok(_) => Ok(()),
        Err(error) => Err(refusal(config, error)),
    }
}

#[derive(Row, Deserialize)]
struct TableRow {
    database: String,
    name: String,
    uuid: String,
    engine: String,
    engine_full: String,
    create_table_query: String,
    dependencies_database: Vec<String>,
    dependencies_table: Vec<String>,
}

async fn read_tables(
    client: &Client,
) -> Result<BTreeMap<TableName, Table>, clickhouse::error::Error> {
    let rows = client
        .query(
            "SELECT database, name, toString(uuid) AS uuid, engine, engine_full, \
             create_table_query, dependencies_database, dependencies_table FROM system.tables \
             WHERE NOT is_temporary AND database NOT IN \
             ('system', 'information_schema', 'INFORMATION_SCHEMA')",
        )
        .fetch_all::<TableRow>()
        .await?;
    Ok(rows
        .into_iter()
        .map(|row| {
            let dependents = row
                .dependencies_database
                .into_iter()
                .zip(row.dependencies_table);
            let table = Table {
                uuid: row.uuid,
                engine: row.engine,
                engine_full: row.engine_full,
                create_query: row.create_table_query,
                dependents: dependents
                    .map(|(database, name)| TableName { database, name })
                    .collect(),
            };
            (
                TableName {
                    database: row.database,
                    name: row.name,
                },
                table,
            )
        })
        .collect())
}

/// The server's own values, for tables that set none.
async fn read_defaults(
    client: &Client,
) -> Result<BTreeMap<String, String>, clickhouse::error::Error> {
    let rows = client
        .query(
            "SELECT name, value FROM system.merge_tree_settings \
             WHERE name LIKE '%replicated_deduplication_window%'",
        )
        .fetch_all::<(String, String)>()
        .await?;
    Ok(rows.into_iter().collect())
}
