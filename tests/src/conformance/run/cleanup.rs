//! Puts away what a run made: connectors, slots, database, roles, topics.

use std::time::Duration;

use anyhow::{Context, Result};
use serde_json::Value;
use tokio::time::timeout;

use super::{Outcome, Run};
use crate::conformance::kafka::admin;
use crate::conformance::poll::until;
use crate::conformance::rest::Ask;

/// How long one part of it may take.
const LIMIT: Duration = Duration::from_secs(60);

/// How long the reader of a slot may take to leave it by itself.
const LEAVE_LIMIT: Duration = Duration::from_secs(12);

impl Run<'_> {
    /// Puts all away and gives what came of the run. What cannot be put away is told, not hidden.
    pub(super) async fn end(self, error: Option<String>, last: Value, window: [i64; 2]) -> Outcome {
        let mut left_over = Vec::new();
        let mut note = |what: &str, result: Result<()>| {
            if let Err(error) = result {
                left_over.push(format!("cleanup of {what}: {error:#}"));
            }
        };
        note("the connectors", limited(self.delete_connectors()).await);
        note("the database", limited(self.drop_database()).await);
        let (target, names, topics) = (self.target, self.names, self.topics);
        let collected = match self.collector.finish().await {
            Ok(collected) => collected,
            Err(error) => {
                note("the reader", Err(error));
                super::Collected::default()
            }
        };
        let deleted = admin::delete(target, names.prefix(), &topics);
        note("the topics", limited(deleted).await);
        Outcome {
            error,
            collected,
            recordings: self.recordings,
            last,
            window,
            left_over,
        }
    }

    async fn delete_connectors(&self) -> Result<()> {
        for name in &self.connectors {
            let path = format!("/connectors/{name}");
            self.rest.send(&Ask::json("DELETE", &path, None)).await?;
        }
        Ok(())
    }

    async fn drop_database(&self) -> Result<()> {
        let database = self.names.database();
        if self.unread(LEAVE_LIMIT).await.is_err() {
            let end = format!(
                "select pg_terminate_backend(active_pid) from pg_replication_slots \
                 where active and database = '{database}'"
            );
            self.server.run(&end).await?;
            self.unread(LEAVE_LIMIT).await?;
        }
        let slots = format!(
            "select pg_drop_replication_slot(slot_name) from pg_replication_slots \
             where database = '{database}'"
        );
        self.server.run(&slots).await?;
        let drop = format!("drop database if exists {database} with (force)");
        self.server.run(&drop).await?;
        for role in &self.case.options.roles {
            let drop = format!("drop role if exists {}", self.names.fill(role));
            self.server.run(&drop).await?;
        }
        Ok(())
    }

    /// Waits until nobody reads the slots of the case's database.
    async fn unread(&self, limit: Duration) -> Result<()> {
        let query = format!(
            "select count(*) from pg_replication_slots where active and database = '{}'",
            self.names.database()
        );
        until("the end of the slot's reader", limit, async || {
            let active = self.server.run(&query).await?;
            Ok((active == "0").then_some(()))
        })
        .await
    }
}

async fn limited(work: impl Future<Output = Result<()>>) -> Result<()> {
    timeout(LIMIT, work)
        .await
        .context("it takes more than a minute")?
}
