//! `walcast migrate postgres`: brings the database's schema to this program's version.

use anyhow::Context;
use tokio::task::JoinSet;
use walcast_wire::usage::UsageError;

use crate::config::Secret;
use crate::postgres;

mod embedded {
    #![allow(unreachable_pub, reason = "the macro's own code")]
    refinery::embed_migrations!("../migrations");
}

/// Where the database is, for commands.
#[derive(clap::Args)]
pub struct DatabaseArgs {
    /// PostgreSQL, such as postgres://user:password@host:5432/experiments
    #[arg(long, env = "WALCAST_API_POSTGRES_URL", hide_env_values = true)]
    postgres_url: Option<Secret>,
    /// File that holds the PostgreSQL URL
    #[arg(long, env = "WALCAST_API_POSTGRES_URL_FILE")]
    postgres_url_file: Option<std::path::PathBuf>,
}

/// `walcast migrate postgres`.
#[derive(clap::Args)]
pub struct MigratePostgresArgs {
    #[command(flatten)]
    database: DatabaseArgs,
}

impl DatabaseArgs {
    /// Gives the database's URL.
    ///
    /// # Errors
    /// There is no URL, or two.
    pub(crate) fn url(self) -> Result<Secret, UsageError> {
        let file = self.postgres_url_file.as_deref();
        let url = crate::config::pick("postgres_url", self.postgres_url, file)?;
        url.ok_or_else(|| {
            UsageError::new("give the database as --postgres-url or WALCAST_API_POSTGRES_URL")
        })
    }
}

/// Applies the migrations that are not applied yet; two at once wait for each other.
///
/// # Errors
/// The database cannot be reached or refuses a statement; what was applied before stays.
pub async fn run(args: MigratePostgresArgs) -> anyhow::Result<()> {
    let applied = migrate(args.database.url()?.expose()).await?;
    tracing::info!(
        applied,
        version = latest_version(),
        "the PostgreSQL schema is up to date"
    );
    Ok(())
}

/// As [`run`], for a URL; gives how many migrations were applied.
///
/// # Errors
/// As [`run`].
pub async fn migrate(url: &str) -> anyhow::Result<usize> {
    // Any constant will do, as long as nothing else in this database takes the same lock.
    const LOCK: i64 = 0x5741_4c43_4153_5401;
    let (mut client, drive) = postgres::connect(url).await?;
    let mut tasks = JoinSet::new();
    tasks.spawn(drive);
    client
        .execute("SELECT pg_advisory_lock($1)", &[&LOCK])
        .await?;
    let report = embedded::migrations::runner()
        .run_async(&mut client)
        .await
        .context("a migration failed: the cause below comes from PostgreSQL")?;
    Ok(report.applied_migrations().len())
}

/// The schema version that this program needs.
#[must_use]
pub(crate) fn latest_version() -> i64 {
    let runner = embedded::migrations::runner();
    let versions = runner
        .get_migrations()
        .iter()
        .map(|migration| i64::from(migration.version()));
    versions.max().unwrap_or(0)
}
