//! Answers questions about tables and types from the catalog, on a session of its own.

use std::sync::Arc;

use walcast_wire::catalog::{Table, Types};

use crate::config::DatabaseConfig;
use crate::error::{EngineError, Result};
use crate::postgres::catalog::{self, CapturedTable};
use crate::postgres::connect::{self, Session};

/// Where facts about tables and types come from.
pub(crate) enum Facts {
    /// The database's catalog; the session is opened when it is needed.
    Catalog {
        database: Arc<DatabaseConfig>,
        session: Option<Session>,
    },
    /// A simulation's tables, all of built-in types.
    #[cfg(test)]
    Given(Vec<Table>),
}

impl Facts {
    pub(crate) fn of(database: Arc<DatabaseConfig>) -> Self {
        Self::Catalog {
            database,
            session: None,
        }
    }

    /// One relation; `None` when it no longer exists.
    pub(super) async fn table(&mut self, oid: u32) -> Result<Option<Table>> {
        #[cfg(test)]
        if let Self::Given(tables) = self {
            return Ok(tables.iter().find(|table| table.oid == oid).cloned());
        }
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
        #[cfg(test)]
        if matches!(self, Self::Given(_)) {
            return Ok(());
        }
        catalog::add_types(self.session().await?, types, oids).await
    }

    /// Reads one type again, in place of what is known of it.
    pub(super) async fn refresh_type(&mut self, types: &mut Types, oid: u32) -> Result<()> {
        catalog::refresh_type(self.session().await?, types, oid).await
    }

    /// The open session, or a new one when it is gone.
    async fn session(&mut self) -> Result<&Session> {
        match self {
            Self::Catalog { database, session } => {
                if session.as_ref().is_none_or(Session::is_gone) {
                    *session = Some(connect::open(database, "walcast catalog").await?);
                }
                session
                    .as_ref()
                    .ok_or_else(|| EngineError::transient("no catalog session"))
            }
            #[cfg(test)]
            Self::Given(_) => Err(EngineError::definite("a simulation has no catalog")),
        }
    }
}
