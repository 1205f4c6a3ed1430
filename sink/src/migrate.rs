//! `walcast migrate clickhouse`: the numbered SQL of `clickhouse/`, applied once and in order.
//!
//! Enters: the embedded files and the ledger in the database. Leaves: the tables, and a row in
//! the ledger for each file. Two runs at once are safe: every statement says `IF NOT EXISTS`, and
//! the ledger keeps one row for a version however often it is written. ClickHouse has no
//! transaction around DDL: a run that dies half way has applied some statements of its last file,
//! which the next run applies again without effect.

use clap::Args;
use clickhouse::{Client, Row};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use std::path::PathBuf;
use walcast_wire::usage::UsageError;

use crate::config::{self, ClickHouse};
use crate::landing;

/// Options of `walcast migrate clickhouse`.
#[derive(Debug, Args)]
pub struct MigrateClickhouseArgs {
    /// ClickHouse's HTTP interface, http://host:8123.
    #[arg(long, env = "WALCAST_SINK_CLICKHOUSE_URL", value_name = "URL")]
    pub clickhouse_url: String,
    /// Database to make the tables in; it is made when it is not there.
    #[arg(
        long,
        env = "WALCAST_SINK_CLICKHOUSE_DATABASE",
        default_value = "experiments"
    )]
    pub clickhouse_database: String,
    /// ClickHouse user.
    #[arg(long, env = "WALCAST_SINK_CLICKHOUSE_USER", default_value = "default")]
    pub clickhouse_user: String,
    /// ClickHouse password; better in a file.
    #[arg(long, env = "WALCAST_SINK_CLICKHOUSE_PASSWORD", hide_env_values = true)]
    pub clickhouse_password: Option<String>,
    /// File that holds the ClickHouse password.
    #[arg(
        long,
        env = "WALCAST_SINK_CLICKHOUSE_PASSWORD_FILE",
        value_name = "FILE"
    )]
    pub clickhouse_password_file: Option<PathBuf>,
}

struct Migration {
    version: u32,
    name: &'static str,
    sql: &'static str,
}

macro_rules! migration {
    ($version:literal, $name:literal) => {
        Migration {
            version: $version,
            name: $name,
            sql: include_str!(concat!("../../clickhouse/", $name, ".sql")),
        }
    };
}

/// All of them, in order. A file that was released is never changed: a new one follows it.
const MIGRATIONS: [Migration; 4] = [
    migration!(1, "0001_outbox_events"),
    migration!(2, "0002_events"),
    migration!(3, "0003_assignments"),
    migration!(4, "0004_rollups"),
];

/// The replacing engine keeps one row for a version, so that two runs at once leave one.
const LEDGER: &str = "CREATE TABLE IF NOT EXISTS walcast_migrations (\
     version UInt32, name String, checksum String, \
     applied_at DateTime64(3, 'UTC') DEFAULT now64(3)) \
     ENGINE = ReplacingMergeTree ORDER BY version";

#[derive(Debug, PartialEq, Row, Serialize, Deserialize)]
struct LedgerRow {
    version: u32,
    name: String,
    checksum: String,
}

/// Applies what is missing.
pub async fn run(args: MigrateClickhouseArgs) -> anyhow::Result<()> {
    let config = ClickHouse {
        password: config::password(args.clickhouse_password, args.clickhouse_password_file)?,
        url: args.clickhouse_url,
        database: args.clickhouse_database,
        user: args.clickhouse_user,
    };
    if !config.url.starts_with("http://") && !config.url.starts_with("https://") {
        return Err(UsageError::new(format!(
            "--clickhouse-url {}: write http://host:8123 or https://host:8443",
            config.url
        ))
        .into());
    }
    migrate(&config).await
}

async fn migrate(config: &ClickHouse) -> anyhow::Result<()> {
    let server = landing::client(config);
    let create = server.query("CREATE DATABASE IF NOT EXISTS ?");
    create.bind(clickhouse::sql::Identifier(&config.database)).execute().await.map_err(|error| {
        anyhow::anyhow!(
            "ClickHouse at {} does not make the database {}: {error}. Check the address, the user \
             and its rights",
            config.url,
            config.database
        )
    })?;
    let client = server.with_database(&config.database);
    client.query(LEDGER).execute().await?;
    let applied: Vec<LedgerRow> = client
        .query("SELECT version, name, checksum FROM walcast_migrations FINAL ORDER BY version")
        .fetch_all()
        .await?;
    refuse_newer(&applied)?;
    for migration in &MIGRATIONS {
        let row = migration.row();
        match applied
            .iter()
            .find(|known| known.version == migration.version)
        {
            Some(known) => refuse_changed(known, &row)?,
            None => apply(&client, migration, row).await?,
        }
    }
    tracing::info!(database = %config.database, "ClickHouse is up to date");
    Ok(())
}

async fn apply(client: &Client, migration: &Migration, row: LedgerRow) -> anyhow::Result<()> {
    for statement in statements(migration.sql) {
        client
            .query(&statement.replace('?', "??"))
            .execute()
            .await
            .map_err(|error| {
                anyhow::anyhow!(
                    "{}: {error}, in: {}",
                    migration.name,
                    first_line(&statement)
                )
            })?;
    }
    let mut insert = client.insert::<LedgerRow>("walcast_migrations").await?;
    insert.write(&row).await?;
    insert.end().await?;
    tracing::info!("applied {}", migration.name);
    Ok(())
}

impl Migration {
    fn row(&self) -> LedgerRow {
        LedgerRow {
            version: self.version,
            name: self.name.to_owned(),
            checksum: hex::encode(Sha256::digest(self.sql)),
        }
    }
}

fn refuse_newer(applied: &[LedgerRow]) -> anyhow::Result<()> {
    match applied
        .last()
        .filter(|last| last.version > MIGRATIONS.len() as u32)
    {
        Some(LedgerRow { version, name, .. }) => Err(anyhow::anyhow!(
            "the database has migration {version} ({name}), which this walcast does not know: use \
             the newer walcast that applied it"
        )),
        None => Ok(()),
    }
}

fn refuse_changed(known: &LedgerRow, own: &LedgerRow) -> anyhow::Result<()> {
    anyhow::ensure!(
        known.checksum == own.checksum,
        "migration {} was applied with other content (checksum {}, here {}): an applied file is \
         never changed; use the walcast that applied it, or a database of its own",
        own.name,
        known.checksum,
        own.checksum
    );
    Ok(())
}

/// The statements of a file, without its comment lines; each ends with `;` at the end of a line.
fn statements(sql: &str) -> impl Iterator<Item = String> {
    let code: Vec<&str> = sql
        .lines()
        .filter(|line| !line.trim_start().starts_with("--"))
        .collect();
    let code = code.join("\n");
    let statements: Vec<String> = code
        .split(";\n")
        .map(|statement| statement.trim().trim_end_matches(';').to_owned())
        .filter(|statement| !statement.is_empty())
        .collect();
    statements.into_iter()
}

fn first_line(statement: &str) -> &str {
    statement.lines().next().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_count_up_from_one_and_files_carry_them() {
        for (expected, migration) in (1..).zip(&MIGRATIONS) {
            assert_eq!(migration.version, expected);
            assert!(migration.name.starts_with(&format!("{expected:04}_")));
        }
    }

    #[test]
    fn every_statement_can_be_repeated() {
        let all: Vec<String> = MIGRATIONS.iter().flat_map(|m| statements(m.sql)).collect();
        assert!(all.len() > MIGRATIONS.len());
        for statement in all {
            assert!(statement.contains(" IF NOT EXISTS "), "{statement}");
        }
    }

    #[test]
    fn comments_and_blank_lines_are_no_statements() {
        let found: Vec<String> =
            statements("-- a; b\nSELECT ';'\n  -- c\nFROM t;\n\nSELECT 2;\n").collect();
        assert_eq!(found, ["SELECT ';'\nFROM t", "SELECT 2"]);
    }
}
