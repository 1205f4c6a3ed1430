//! The keeper: a transaction that stays open for the snapshot's whole life, so that every stream that
//! reads, and one that is opened again after a fault, sees the same rows.

use std::sync::Arc;
use std::time::Duration;

use crate::clock::SharedClock;
use crate::config::DatabaseConfig;
use crate::error::Result;
use crate::postgres::catalog::CapturedTable;
use crate::postgres::connect::{self, Session};
use crate::postgres::fault;
use crate::postgres::quote::{literal, qualified};

/// The open transaction, and the name under which others join it.
pub(crate) struct Keeper {
    session: Session,
    /// What `pg_export_snapshot` gave.
    exported: Arc<str>,
    /// The oldest transaction that its snapshot may not show.
    pub(crate) horizon: u32,
    /// A transaction that ended before it: the `txId` of the rows.
    pub(crate) txid: u32,
    /// When it began, in microseconds since the Unix epoch.
    pub(crate) taken_us: i64,
}

const EXPORT: &str = "select pg_catalog.pg_export_snapshot(), \
    (pg_catalog.txid_snapshot_xmin(pg_catalog.txid_current_snapshot()) & 4294967295)::text";

impl Keeper {
    /// Opens the transaction: at the snapshot that the making of a slot exported, or at this moment.
    pub(crate) async fn open(
        database: &DatabaseConfig,
        slots: Option<&str>,
        clock: &SharedClock,
    ) -> Result<Self> {
        let failed = |e| fault::sql("beginning the snapshot's transaction", e);
        let session = connect::open(database, "walcast snapshot").await?;
        // Of a transaction of its own: one that held an id would keep others from making a slot.
        let txid = session
            .query_one("select (txid_current() & 4294967295)::text", &[])
            .await
            .map_err(failed)?;
        let import = slots.map(|name| format!("; SET TRANSACTION SNAPSHOT {}", literal(name)));
        let begin = format!("{BEGIN}{}", import.unwrap_or_default());
        session.batch_execute(&begin).await.map_err(failed)?;
        let row = session.query_one(EXPORT, &[]).await.map_err(failed)?;
        Ok(Self {
            exported: row.get::<_, &str>(0).into(),
            horizon: row.get::<_, &str>(1).parse().unwrap_or(0),
            txid: txid.get::<_, &str>(0).parse().unwrap_or(0),
            taken_us: clock.now_ns() / 1000,
            session,
        })
    }

    /// Its session, for questions that are to be answered within it.
    pub(crate) fn session(&self) -> &Session {
        &self.session
    }

    pub(crate) fn exported(&self) -> Arc<str> {
        Arc::clone(&self.exported)
    }

    /// Holds off changes of the tables' definitions: `snapshot.locking.mode=shared`.
    pub(crate) async fn lock(&self, tables: &[CapturedTable], timeout: Duration) -> Result<()> {
        if tables.is_empty() {
            return Ok(());
        }
        let names: Vec<_> = tables
            .iter()
            .map(|table| qualified(&table.schema, &table.name))
            .collect();
        let sql = format!(
            "SET LOCAL lock_timeout = {}; LOCK TABLE {} IN ACCESS SHARE MODE",
            timeout.as_millis(),
            names.join(", ")
        );
        self.session
            .batch_execute(&sql)
            .await
            .map_err(|e| fault::sql("locking the tables (snapshot.locking.mode=shared)", e))
    }
}

const BEGIN: &str = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY";

/// Opens a session that sees what the keeper sees.
pub(crate) async fn join(database: &DatabaseConfig, exported: &str) -> Result<Session> {
    let session = connect::open(database, "walcast snapshot reader").await?;
    let sql = format!("{BEGIN}; SET TRANSACTION SNAPSHOT {}", literal(exported));
    session
        .batch_execute(&sql)
        .await
        .map_err(|e| fault::sql("joining the snapshot's transaction", e))?;
    Ok(session)
}
