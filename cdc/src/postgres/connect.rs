//! Opens ordinary SQL sessions with the connector's settings.

use std::ops::Deref;
use std::time::Duration;

use tokio::task::JoinSet;
use tokio_postgres::{Client, Config, NoTls};
use tokio_postgres_rustls::MakeRustlsConnect;

use super::{PINNED, SESSION_OPTIONS, fault, tls};
use crate::config::{DatabaseConfig, SslMode};
use crate::error::{EngineError, Result};

/// How long connecting may take.
pub(super) const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// An open SQL session. Dropping it ends the session.
pub(crate) struct Session {
    client: Client,
    /// Drives the socket; aborted with the session.
    _driver: JoinSet<()>,
}

impl Deref for Session {
    type Target = Client;

    fn deref(&self) -> &Client {
        &self.client
    }
}

impl std::ops::DerefMut for Session {
    fn deref_mut(&mut self) -> &mut Client {
        &mut self.client
    }
}

impl Session {
    /// Whether the session has ended.
    pub(crate) fn is_gone(&self) -> bool {
        self.client.is_closed()
    }
}

/// Opens a session; `purpose` is shown as the `application_name`.
///
/// # Errors
/// Transient for network faults, definite for a refused login, database or certificate.
pub(crate) async fn open(config: &DatabaseConfig, purpose: &str) -> Result<Session> {
    let settings = settings(config, purpose);
    let mut driver = JoinSet::new();
    let doing = format!(
        "connecting to PostgreSQL at {}:{}",
        config.host, config.port
    );
    let failed = |e| fault::sql(&doing, e);
    // There is no TLS on a Unix socket; a mode that needs it is refused there.
    let client = if config.sslmode == SslMode::Disable || config.host.starts_with('/') {
        let (client, connection) = settings.connect(NoTls).await.map_err(failed)?;
        driver.spawn(async move { log_end(connection.await) });
        client
    } else {
        let connector = MakeRustlsConnect::new(tls::client_config(config)?);
        let (client, connection) = settings.connect(connector).await.map_err(failed)?;
        driver.spawn(async move { log_end(connection.await) });
        client
    };
    let session = Session {
        client,
        _driver: driver,
    };
    if !config.initial_statements.is_empty() {
        let sql: Vec<_> = initial_sql(config).collect();
        let failed = |e| fault::sql("running database.initial.statements", e);
        session
            .batch_execute(&sql.join("; "))
            .await
            .map_err(failed)?;
    }
    Ok(session)
}

/// The initial statements, and then the settings on which the form of values rests: a reset brings
/// back what the session began with.
pub(crate) fn initial_sql(config: &DatabaseConfig) -> impl Iterator<Item = String> {
    let statements = config.initial_statements.iter().cloned();
    let resets = PINNED.iter().map(|name| format!("RESET {name}"));
    statements.chain(resets.filter(|_| !config.initial_statements.is_empty()))
}

fn settings(config: &DatabaseConfig, purpose: &str) -> Config {
    use tokio_postgres::config::SslMode as Tls;
    let mut settings = Config::new();
    settings
        .host(&config.host)
        .port(config.port)
        .user(&config.user)
        .password(&config.password)
        .dbname(&config.dbname)
        .application_name(purpose)
        .options(SESSION_OPTIONS)
        .connect_timeout(CONNECT_TIMEOUT)
        .ssl_mode(match config.sslmode {
            SslMode::Disable => Tls::Disable,
            SslMode::Prefer => Tls::Prefer,
            SslMode::Require | SslMode::VerifyCa | SslMode::VerifyFull => Tls::Require,
        });
    settings
}

fn log_end(ended: std::result::Result<(), tokio_postgres::Error>) {
    if let Err(error) = ended {
        tracing::debug!(%error, "an SQL session ended");
    }
}

/// One connection attempt, as Debezium's validation makes it: the message Connect answers with, or
/// nothing when it worked.
pub(crate) async fn test(config: &DatabaseConfig) -> Option<String> {
    let error = open(config, "walcast validate").await.err()?;
    Some(format!(
        "Error while validating connector config: {}",
        reason(config, &error)
    ))
}

fn reason(config: &DatabaseConfig, error: &EngineError) -> String {
    let cause = std::error::Error::source(error);
    let driver = cause.and_then(|e| e.downcast_ref::<tokio_postgres::Error>());
    if let Some(db) = driver.and_then(tokio_postgres::Error::as_db_error) {
        return format!("{}: {}", db.severity(), db.message());
    }
    let io = driver.and_then(|e| std::error::Error::source(e));
    let io = io.and_then(|e| e.downcast_ref::<std::io::Error>());
    match io.map(std::io::Error::kind) {
        Some(std::io::ErrorKind::ConnectionRefused) => format!(
            "Connection to {}:{} refused. Check that the hostname and port are correct and that the postmaster is accepting TCP/IP connections.",
            config.host, config.port
        ),
        _ => "The connection attempt failed.".to_owned(),
    }
}
