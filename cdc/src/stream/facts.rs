//! Answers questions about tables and types from the catalog, on a session of its own.

use std::sync::Arc;

use walcast_wire::catalog::{Table, Types};

use crate::config::DatabaseConfig;
use crate::error::{EngineError, Result};
use crate::postgres::catalog::{self, CapturedTable};
use crate::postgres::connect::{self, Session};

/// Where facts about tables and types come from.
pub(crate) struct Facts {
    database: Arc<DatabaseConfig>,
    /// Opened when it is needed.
    session: Option<Session>,
}

impl Facts {
    pub(crate) fn of(database: Arc<DatabaseConfig>) -> Self {
        Self {
            database,
            session: None,
        }
    }

    /// One relation; `None` when it no longer exists.
    pub(super) async fn table(&mut self, oid: u32) -> Result<Option<Table>> {
        catalog::table(self.session().await?, oid).await
    }

    /// All tables that `wanted` lets through, by schema and name.
    pub(super) async fn tables(
        &mut self,
        wanted: impl Fn(&str, &str) -> bool,
    ) -> Result<Vec<CapturedTable>> {
        catalog::tables(self.session().await?, wanted).await
    }

    /// Adds the types of `oids`, and what they are made of, to `types`.
    pub(super) async fn add_types(&mut self, types: &mut Types, oids: &[u32]) -> Result<()> {
        catalog::add_types(self.session().await?, types, oids).await
    }

    /// Reads one type again, in place of what is known of it.
    pub(super) async fn refresh_type(&mut self, types: &mut Types, oid: u32) -> Result<()> {
        catalog::refresh_type(self.session().await?, types, oid).await
    }

    /// The open session, or a new one when it is gone.
    async fn session(&mut self) -> Result<&Session> {
        if self.session.as_ref().is_none_or(Session::is_gone) {
            self.session = Some(connect::open(&self.database, "walcast catalog").await?);
        }
        self.session
            .as_ref()
            .ok_or_else(|| EngineError::transient("no catalog session"))
    }
}
