//! The connection pool and the one way in which statements run.
//!
//! In come SQL texts with parameters. Out come rows, or a problem ready to be answered. Each text is
//! prepared once per connection. Statements here are key look-ups with stable best plans, so plans
//! are made once (`plan_cache_mode=force_generic_plan`) instead of with every call.

use std::str::FromStr;

use deadpool_postgres::{
    Manager, ManagerConfig, Pool, PoolError, RecyclingMethod, Runtime, Timeouts,
};
use tokio_postgres::config::Host;
use tokio_postgres::types::ToSql;
use tokio_postgres::{Config, Row, SimpleQueryMessage};
use tokio_postgres_rustls::MakeRustlsConnect;
use walcast_wire::usage::UsageError;

use crate::config::PostgresConfig;
use crate::problem::Problem;

mod tls;
mod url;

/// Statement parameters.
pub(crate) type Params<'a> = &'a [&'a (dyn ToSql + Sync)];

/// A pool of connections to the database.
#[derive(Clone)]
pub(crate) struct Postgres {
    pool: Pool,
}

impl Postgres {
    /// A pool that connects when first used.
    pub(crate) fn new(config: &PostgresConfig) -> Result<Self, UsageError> {
        let (mut postgres, connector) = target(config.url.expose())?;
        let timeout_ms = config.timeout.as_millis();
        let options = format!(
            "{} -c statement_timeout={timeout_ms} -c idle_in_transaction_session_timeout={timeout_ms} \
             -c plan_cache_mode=force_generic_plan -c jit=off",
            postgres.get_options().unwrap_or_default(),
        );
        postgres.options(options).application_name("walcast-api");
        let recycling = ManagerConfig {
            recycling_method: RecyclingMethod::Fast,
        };
        let pool = Pool::builder(Manager::from_config(postgres, connector, recycling))
            .max_size(config.connections_max)
            .timeouts(Timeouts {
                wait: Some(config.timeout),
                create: Some(config.timeout),
                recycle: Some(config.timeout),
            })
            .runtime(Runtime::Tokio1)
            .build()
            .map_err(|e| UsageError::new(format!("postgres_url: {e}")))?;
        Ok(Self { pool })
    }

    /// Opens every connection and prepares `statements` on it, so that no request waits for that.
    pub(crate) async fn warm(&self, statements: &[&str]) -> Result<(), PoolError> {
        let opened = (0..self.pool.status().max_size).map(|_| self.pool.get());
        for client in futures_util::future::try_join_all(opened).await? {
            for statement in statements {
                client.prepare_cached(statement).await?;
            }
        }
        Ok(())
    }

    /// The rows of one statement, which is its own transaction.
    pub(crate) async fn query(&self, sql: &str, params: Params<'_>) -> Result<Vec<Row>, PoolError> {
        let client = self.pool.get().await?;
        let statement = client.prepare_cached(sql).await?;
        Ok(client.query(&statement, params).await?)
    }

    /// The only row of one statement, if there is one.
    pub(crate) async fn query_opt(
        &self,
        sql: &str,
        params: Params<'_>,
    ) -> Result<Option<Row>, Problem> {
        Ok(self.query(sql, params).await?.into_iter().next())
    }

    /// How many connections are open, idle, and waited for.
    pub(crate) fn load(&self) -> Load {
        let status = self.pool.status();
        Load {
            open: status.size,
            idle: status.available,
            waiting: status.waiting,
        }
    }

    /// Whether the database answers and its schema is `version` or newer.
    pub(crate) async fn check(&self, version: i64) -> anyhow::Result<()> {
        let client = self.pool.get().await.map_err(|error| match error {
            PoolError::Backend(error) => anyhow::Error::from(error).context(UNREACHABLE),
            other => anyhow::Error::from(other).context(UNREACHABLE),
        })?;
        let found = match client
            .simple_query("SELECT max(version) FROM refinery_schema_history")
            .await
        {
            Ok(messages) => messages.iter().find_map(|message| match message {
                SimpleQueryMessage::Row(row) => row.get(0)?.parse::<i64>().ok(),
                _ => None,
            }),
            Err(error)
                if error.code() == Some(&tokio_postgres::error::SqlState::UNDEFINED_TABLE) =>
            {
                None
            }
            Err(error) => return Err(error.into()),
        };
        anyhow::ensure!(
            found >= Some(version),
            "the database's schema is at version {}, {version} is needed: run `walcast migrate postgres`",
            found.unwrap_or(0),
        );
        Ok(())
    }
}

/// The pool's state at one moment.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Load {
    pub(crate) open: usize,
    pub(crate) idle: usize,
    pub(crate) waiting: usize,
}

/// One connection outside any pool, with the task that drives it; for commands.
pub(crate) async fn connect(
    url: &str,
) -> anyhow::Result<(
    tokio_postgres::Client,
    impl Future<Output = ()> + Send + 'static,
)> {
    let (config, connector) = target(url)?;
    let (client, connection) = config.connect(connector).await.map_err(|error| {
        anyhow::Error::from(error)
            .context(UNREACHABLE)
            .context(place_of(&config))
    })?;
    let drive = async move {
        if let Err(error) = connection.await {
            tracing::warn!("the PostgreSQL connection ended: {error}");
        }
    };
    Ok((client, drive))
}

const UNREACHABLE: &str = "it cannot be used: check postgres_url and that the server runs";

/// Which database `url` names, for messages; names no secret.
pub(crate) fn place(url: &str) -> String {
    target(url).map_or_else(|error| error.to_string(), |(config, _)| place_of(&config))
}

fn place_of(config: &Config) -> String {
    let ports = config.get_ports();
    let port = |at: usize| ports.get(at).or(ports.first()).copied().unwrap_or(5432);
    let hosts = config
        .get_hosts()
        .iter()
        .enumerate()
        .map(|(at, host)| match host {
            Host::Tcp(name) => format!("{name}:{}", port(at)),
            Host::Unix(path) => format!("{}:{}", path.display(), port(at)),
        });
    let hosts: Vec<String> = hosts.collect();
    let (database, user) = (config.get_dbname(), config.get_user());
    format!(
        "PostgreSQL at {}, database {}, user {}",
        hosts.join(","),
        database.or(user).unwrap_or("of the user's name"),
        user.unwrap_or("of the system"),
    )
}

fn target(url: &str) -> Result<(Config, MakeRustlsConnect), UsageError> {
    let url = url::split(url)?;
    let mut config = Config::from_str(&url.rest).map_err(|e| {
        let cause = std::error::Error::source(&e)
            .map(|s| format!(": {s}"))
            .unwrap_or_default();
        UsageError::new(format!("postgres_url cannot be used: {e}{cause}"))
    })?;
    if let Some(mode) = url.ssl_mode {
        config.ssl_mode(mode);
    }
    let tls = tls::client_config(url.verify, url.root_file.as_deref())?;
    Ok((config, MakeRustlsConnect::new(tls)))
}
