//! One connection to PostgreSQL, used from a thread that waits for each answer.

use std::future::Future;

use anyhow::{Context, Result};
use tokio::runtime::{Builder, Runtime};
use tokio::task::JoinHandle;
use tokio_postgres::types::ToSql;
use tokio_postgres::{Client, Error, NoTls, Row, Statement};

/// A connection and what drives it while it is waited for.
pub(crate) struct Database {
    runtime: Runtime,
    client: Client,
    connection: JoinHandle<Result<(), Error>>,
}

impl Database {
    /// Connects to `url`.
    pub(crate) fn connect(url: &str) -> Result<Self> {
        let runtime = Builder::new_current_thread()
            .enable_all()
            .build()
            .context("make a runtime")?;
        let (client, connection) = runtime
            .block_on(tokio_postgres::connect(url, NoTls))
            .with_context(|| format!("connect to {url}"))?;
        let connection = runtime.spawn(connection);
        Ok(Self {
            runtime,
            client,
            connection,
        })
    }

    /// Runs statements that take no parameters and give no rows.
    pub(crate) fn run(&self, sql: &str) -> Result<()> {
        self.wait(self.client.batch_execute(sql))
            .with_context(|| format!("run {sql}"))
    }

    /// The only row of a query.
    pub(crate) fn row(&self, sql: &str, parameters: &[&(dyn ToSql + Sync)]) -> Result<Row> {
        self.wait(self.client.query_one(sql, parameters))
            .with_context(|| format!("run {sql}"))
    }

    /// The first row of a query, if there is one.
    pub(crate) fn first_row(
        &self,
        statement: &Statement,
        parameters: &[&(dyn ToSql + Sync)],
    ) -> Result<Option<Row>> {
        let rows = self.wait(self.client.query(statement, parameters));
        Ok(rows.context("run a prepared query")?.into_iter().next())
    }

    /// A statement to be run many times.
    pub(crate) fn prepare(&self, sql: &str) -> Result<Statement> {
        self.wait(self.client.prepare(sql))
            .with_context(|| format!("prepare {sql}"))
    }

    /// Runs a prepared statement.
    pub(crate) fn execute(
        &self,
        statement: &Statement,
        parameters: &[&(dyn ToSql + Sync)],
    ) -> Result<u64> {
        self.wait(self.client.execute(statement, parameters))
            .context("run a prepared statement")
    }

    /// The client itself, for what needs a future of its own; see [`Database::wait`].
    pub(crate) fn client(&self) -> &Client {
        &self.client
    }

    /// Waits for a future that uses this connection.
    pub(crate) fn wait<T>(&self, future: impl Future<Output = T>) -> T {
        self.runtime.block_on(future)
    }
}

impl Drop for Database {
    fn drop(&mut self) {
        // Every use has told its own error; what ends here is idle.
        self.connection.abort();
    }
}
