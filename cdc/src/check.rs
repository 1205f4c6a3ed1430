//! `walcast check`: looks at everything a connector needs, before it runs.
//!
//! Each line is ok, warn or fail, with the cure. Nothing is changed.

mod catchup_lines;
mod lane_lines;
mod signal_lines;
mod slot_lines;

use std::io::Write;
use std::path::PathBuf;
use std::time::Duration;

use anyhow::Context;
use clap::Args;
use rdkafka::consumer::{BaseConsumer, Consumer};

use crate::config::{ConnectorConfig, PublicationMode};
use crate::postgres::catalog;
use crate::postgres::connect::{self, Session};
use crate::publish::client;
use crate::settings::WorkerSettings;
use slot_lines::Room;

/// Look at everything a connector needs.
#[derive(Debug, Args)]
pub struct CheckArgs {
    /// Connector configuration, as for `walcast cdc`
    #[arg(long, value_name = "FILE")]
    config: PathBuf,
    /// Kafka's bootstrap servers; left out, Kafka is not checked
    #[arg(long, value_name = "LIST")]
    bootstrap_servers: Option<String>,
}

/// What a line says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Verdict {
    Ok,
    Warn,
    Fail,
}

/// The lines printed so far.
#[derive(Default)]
struct Report {
    failed: usize,
}

impl Report {
    fn line(&mut self, verdict: Verdict, text: &str) -> anyhow::Result<()> {
        let word = match verdict {
            Verdict::Ok => "ok  ",
            Verdict::Warn => "warn",
            Verdict::Fail => "fail",
        };
        self.failed += usize::from(verdict == Verdict::Fail);
        writeln!(std::io::stdout().lock(), "{word}  {text}").context("writing the report")
    }

    fn expect(&mut self, good: bool, text: &str, cure: &str) -> anyhow::Result<()> {
        match good {
            true => self.line(Verdict::Ok, text),
            false => self.line(Verdict::Fail, &format!("{text}: {cure}")),
        }
    }
}

/// Runs all checks.
///
/// # Errors
/// When the configuration cannot be read, or a check failed.
pub async fn run(args: CheckArgs) -> anyhow::Result<()> {
    let config = crate::cli::read_config(&args.config)?;
    let mut report = Report::default();
    for warning in &config.warnings {
        report.line(Verdict::Warn, &warning.to_string())?;
    }
    for wrong in &config.at_start {
        report.line(Verdict::Fail, &wrong.to_string())?;
    }
    match connect::open(&config.database, "walcast check").await {
        Ok(session) => {
            report.line(
                Verdict::Ok,
                &format!("PostgreSQL answers: {:?}", config.database),
            )?;
            postgres(&mut report, &session, &config).await?;
        }
        Err(error) => report.line(Verdict::Fail, &error.trace())?,
    }
    if let Some(servers) = &args.bootstrap_servers {
        kafka(&mut report, servers).await?;
    }
    match report.failed {
        0 => Ok(()),
        failed => anyhow::bail!("{failed} checks failed"),
    }
}

async fn postgres(
    report: &mut Report,
    session: &Session,
    config: &ConnectorConfig,
) -> anyhow::Result<()> {
    let row = session
        .query_one(
            "select current_setting('wal_level'), \
               (select rolreplication or rolsuper from pg_roles where rolname = current_user), \
               current_setting('max_replication_slots')::int - (select count(*) from pg_replication_slots), \
               current_setting('max_slot_wal_keep_size'), has_database_privilege(current_database(), 'CREATE'), \
               case when current_setting('max_slot_wal_keep_size') <> '-1' \
                 then pg_size_bytes(current_setting('max_slot_wal_keep_size')) end, \
               current_setting('server_version_num')::int / 10000, pg_is_in_recovery()",
            &[],
        )
        .await
        .context("reading the server's settings")?;
    let (level, replication, free): (&str, bool, i64) = (row.get(0), row.get(1), row.get(2));
    report.expect(
        level == "logical",
        &format!("wal_level is {level}"),
        "set wal_level=logical and restart PostgreSQL",
    )?;
    report.expect(
        replication,
        "the login may replicate",
        "run ALTER ROLE … REPLICATION",
    )?;
    let room = Room {
        free,
        keep: row.get(3),
        keep_bytes: row.get(5),
        version: row.get(6),
        standby: row.get(7),
    };
    slot_lines::write(report, session, config, &room).await?;
    tables(report, session, config, row.get(4)).await?;
    signal_lines::write(report, session, config).await
}

async fn tables(
    report: &mut Report,
    session: &Session,
    config: &ConnectorConfig,
    may_create: bool,
) -> anyhow::Result<()> {
    let filters = &config.encoder.filters;
    let captured = catalog::tables(session, |s, t| filters.captures(s, t))
        .await
        .map_err(anyhow::Error::new)?;
    report.expect(
        !captured.is_empty(),
        &format!("{} tables are captured", captured.len()),
        "check table.include.list and schema.include.list",
    )?;
    for table in &captured {
        let Some(facts) = catalog::table(session, table.oid)
            .await
            .map_err(anyhow::Error::new)?
        else {
            continue;
        };
        if facts.key.is_empty() {
            report.line(
                Verdict::Warn,
                &format!(
                    "{}.{} has no primary key: its records have a null key",
                    table.schema, table.name
                ),
            )?;
        }
    }
    let name = &config.publication.name;
    let exists = session
        .query_opt("select 1 from pg_publication where pubname = $1", &[name])
        .await
        .context("reading pg_publication")?
        .is_some();
    if exists {
        return report.line(Verdict::Ok, &format!("publication {name} exists"));
    }
    let disabled = config.publication.mode == PublicationMode::Disabled;
    report.expect(
        !disabled && may_create,
        &format!("publication {name} is missing and will be made"),
        "let an owner run CREATE PUBLICATION, or grant CREATE on the database",
    )
}

async fn kafka(report: &mut Report, servers: &str) -> anyhow::Result<()> {
    let settings = WorkerSettings::new(servers);
    let config = client::base(&settings, "walcast-check").map_err(anyhow::Error::new)?;
    let asked = tokio::task::spawn_blocking(move || {
        let consumer: BaseConsumer = config.create()?;
        consumer
            .fetch_metadata(None, Duration::from_secs(10))
            .map(|m| m.brokers().len())
    });
    match asked.await.context("asking Kafka")? {
        Ok(brokers) => report.line(
            Verdict::Ok,
            &format!("Kafka answers at {servers}: {brokers} brokers"),
        ),
        Err(error) => report.line(
            Verdict::Fail,
            &format!("Kafka at {servers}: {error}; check the address and that the brokers run"),
        ),
    }
}
