//! Sets replica identities, by `replica.identity.autoset.values`.
//!
//! As in Debezium what cannot be set is told and left as it is: it decides what old rows show, not
//! whether changes arrive.

use super::catalog::CapturedTable;
use super::connect::Session;
use super::fault;
use super::quote::{ident, qualified};
use crate::config::{AutoIdentity, IdentityRule};
use crate::error::{EngineError, Result};

/// The longest a table's readers and writers are held up by one that waits for them.
const LOCK_TIMEOUT: &str = "SET LOCAL lock_timeout = '10s'";

const CURRENT: &str = "select c.relreplident::text, \
      (select i.relname::text from pg_catalog.pg_index x join pg_catalog.pg_class i on i.oid = x.indexrelid \
       where x.indrelid = c.oid and x.indisreplident) \
    from pg_catalog.pg_class c where c.oid = $1";

/// Gives the captured tables the identities that `rules` name.
pub(crate) async fn set(session: &Session, rules: &[IdentityRule], captured: &[CapturedTable]) {
    if rules.is_empty() {
        return;
    }
    for table in captured {
        if let Err(error) = set_one(session, rules, table).await {
            let name = qualified(&table.schema, &table.name);
            tracing::error!(
                table = name,
                error = error.trace(),
                "the replica identity was not set"
            );
        }
    }
}

async fn set_one(session: &Session, rules: &[IdentityRule], table: &CapturedTable) -> Result<()> {
    let id = table.id();
    let mut matching = rules.iter().filter(|rule| rule.tables.matches(&id));
    let Some(rule) = matching.next() else {
        return Ok(());
    };
    if matching.next().is_some() {
        return Err(EngineError::definite(format!(
            "more than one expression of replica.identity.autoset.values matches table {id}"
        )));
    }
    let row = session
        .query_opt(CURRENT, &[&table.oid])
        .await
        .map_err(|e| fault::sql("reading a replica identity", e))?;
    let Some(row) = row else { return Ok(()) };
    let (letter, index): (&str, Option<&str>) = (row.get(0), row.get(1));
    if is_set(&rule.identity, letter, index) {
        return Ok(());
    }
    let sql = format!(
        "BEGIN; {LOCK_TIMEOUT}; ALTER TABLE {} REPLICA IDENTITY {}; COMMIT",
        qualified(&table.schema, &table.name),
        clause(&rule.identity)
    );
    tracing::info!(%sql, "setting the replica identity");
    let done = session.batch_execute(&sql).await;
    if done.is_err() {
        // The failed transaction is still open; that of an ended session is not.
        drop(session.batch_execute("ROLLBACK").await);
    }
    done.map_err(|e| fault::sql("setting a replica identity", e))
}

fn is_set(wanted: &AutoIdentity, letter: &str, index: Option<&str>) -> bool {
    match wanted {
        AutoIdentity::Default => letter == "d",
        AutoIdentity::Full => letter == "f",
        AutoIdentity::Nothing => letter == "n",
        AutoIdentity::Index(name) => letter == "i" && index == Some(name),
    }
}

fn clause(identity: &AutoIdentity) -> String {
    match identity {
        AutoIdentity::Default => "DEFAULT".to_owned(),
        AutoIdentity::Full => "FULL".to_owned(),
        AutoIdentity::Nothing => "NOTHING".to_owned(),
        AutoIdentity::Index(name) => format!("USING INDEX {}", ident(name)),
    }
}
