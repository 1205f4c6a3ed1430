//! Runs scripts on PostgreSQL as `psql -f` does: one statement after the other, each by itself.
//!
//! Enters: SQL. Leaves: the rows of all statements as psql's `-At` prints them. It does not know
//! psql's own commands, nor COPY.

mod split;

use anyhow::{Context, Result, anyhow};
use tokio::task::JoinSet;
use tokio_postgres::error::DbError;
use tokio_postgres::{Client, Config, Error, NoTls, SimpleQueryMessage, SimpleQueryRow};

use super::target::Target;

/// The session's settings: the same in every run, whatever the machine's are.
const OPTIONS: &str = "-c timezone=UTC -c client_min_messages=warning";

/// A session on one database.
pub(super) struct Session {
    client: Client,
    // Drives the connection; ends with the session.
    _connection: JoinSet<()>,
}

impl Session {
    /// Connects to `database`.
    ///
    /// # Errors
    /// When the server cannot be reached or refuses.
    pub(super) async fn open(target: &Target, database: &str) -> Result<Self> {
        let server = &target.postgres;
        let (client, connection) = Config::new()
            .host(&server.host)
            .port(server.port)
            .user(&target.user)
            .dbname(database)
            .application_name("walcast-conformance")
            .options(OPTIONS)
            .connect(NoTls)
            .await
            .map_err(readable)
            .with_context(|| {
                let (host, port) = (&server.host, server.port);
                format!("connect to the database {database} of PostgreSQL at {host}:{port}")
            })?;
        let mut task = JoinSet::new();
        // An error of the connection shows in the statement that it breaks.
        task.spawn(async move { drop(connection.await) });
        Ok(Self {
            client,
            _connection: task,
        })
    }

    /// Runs the statements of `script` and gives their rows: `|` between columns, a line each.
    ///
    /// # Errors
    /// The first statement that fails, with the server's message.
    pub(super) async fn run(&self, script: &str) -> Result<String> {
        let mut lines = Vec::new();
        for statement in split::statements(script)? {
            let answer = self.client.simple_query(statement).await;
            let answer = answer
                .map_err(readable)
                .with_context(|| format!("run {}", super::compare::short(statement, 200)))?;
            for message in answer {
                if let SimpleQueryMessage::Row(row) = message {
                    lines.push(line(&row));
                }
            }
        }
        Ok(lines.join("\n").trim().to_owned())
    }
}

/// Runs `script` in a session of its own.
///
/// # Errors
/// As [`Session::open`] and [`Session::run`].
pub(super) async fn run(target: &Target, database: &str, script: &str) -> Result<String> {
    Session::open(target, database).await?.run(script).await
}

fn line(row: &SimpleQueryRow) -> String {
    let columns = (0..row.len()).map(|column| row.get(column).unwrap_or_default());
    columns.collect::<Vec<_>>().join("|")
}

/// The server's message, which [`Error`] hides in its source.
fn readable(error: Error) -> anyhow::Error {
    match error.as_db_error() {
        Some(server) => anyhow!(described(server)),
        None => error.into(),
    }
}

fn described(error: &DbError) -> String {
    let detail = error.detail().map(|detail| format!(": {detail}"));
    format!(
        "{}{} (SQLSTATE {})",
        error.message(),
        detail.unwrap_or_default(),
        error.code().code()
    )
}
