//! Publishing a table, and waiting until all that is written to it is decoded as published.

use std::time::Duration;

use tokio::time::{Instant, MissedTickBehavior};
use tokio_postgres::error::SqlState;

use super::Publication;
use super::facts::Facts;
use crate::config::ConnectorConfig;
use crate::postgres::connect::Session;
use crate::postgres::fault;
use crate::postgres::quote::{ident, qualified};
use crate::task::{Reason, Refused};

/// The longest a table's writers are held up by a publication that waits for one of them.
const LOCK_TIMEOUT: &str = "SET lock_timeout = '5s'";

/// How often it is looked whether writers have ended.
const LOOK_EVERY: Duration = Duration::from_millis(100);

const PUBLICATION: &str = "select puballtables, pubupdate or pubdelete, \
      exists (select from pg_catalog.pg_publication_rel r where r.prpubid = p.oid and r.prrelid = $2) \
      or exists (select from pg_catalog.pg_publication_tables t \
        where t.pubname = p.pubname and t.schemaname = $3 and t.tablename = $4) \
    from pg_catalog.pg_publication p where p.pubname = $1";

/// Has the connector's publication hold the table.
///
/// # Errors
/// Not allowed, with the statements for an owner, where the login lacks a right.
pub(super) async fn ensure(
    session: &Session,
    config: &ConnectorConfig,
    table: &Facts,
    backfill: bool,
) -> Result<Publication, Refused> {
    let name = &config.publication.name;
    let row = session
        .query_opt(PUBLICATION, &[name, &table.oid, &table.schema, &table.name])
        .await
        .map_err(|e| fault::sql("reading the publication", e))?;
    let Some(row) = row else {
        return Err(Refused::new(
            Reason::Conflict,
            format!(
                "publication {name} is gone; restart the connector, which makes it or says who must"
            ),
        ));
    };
    let (all, changes_rows, present): (bool, bool, bool) = (row.get(0), row.get(1), row.get(2));
    let quoted = qualified(&table.schema, &table.name);
    let mut cures = Vec::new();
    if backfill {
        cures.extend(missing_grants(table, &quoted));
    }
    if !all && !present && changes_rows && !table.identified {
        cures.push((
            "has no replica identity, so that PostgreSQL would refuse every UPDATE and DELETE of it once it is published",
            format!("ALTER TABLE {quoted} REPLICA IDENTITY FULL;"),
        ));
    }
    let add = format!("ALTER PUBLICATION {} ADD TABLE {quoted};", ident(name));
    if !cures.is_empty() {
        if !all && !present {
            cures.push(("is not published yet", add));
        }
        return Err(not_allowed(table, &cures));
    }
    if all {
        return Ok(Publication::AllTables);
    }
    if present {
        return Ok(Publication::Present);
    }
    alter(session, table, &add).await
}

/// Alters the publication, unless somebody else did so a moment ago.
async fn alter(session: &Session, table: &Facts, add: &str) -> Result<Publication, Refused> {
    let failed = |e| fault::sql("setting lock_timeout", e);
    session.batch_execute(LOCK_TIMEOUT).await.map_err(failed)?;
    let Err(error) = session.batch_execute(add).await else {
        tracing::info!(sql = add, "the publication was altered");
        return Ok(Publication::Added);
    };
    match error.code() {
        Some(code) if *code == SqlState::DUPLICATE_OBJECT => Ok(Publication::Present),
        Some(code) if *code == SqlState::INSUFFICIENT_PRIVILEGE => Err(not_allowed(
            table,
            &[(
                "cannot be added to the publication by this login, which owns not both of them",
                add.to_owned(),
            )],
        )),
        Some(code) if *code == SqlState::LOCK_NOT_AVAILABLE => Err(Refused::new(
            Reason::Conflict,
            format!(
                "{} is locked by another session, so that the publication could not be altered within 5 s; try again when that has ended",
                table.id()
            ),
        )),
        _ => Err(fault::sql(&format!("running {add}"), error).into()),
    }
}

fn missing_grants(table: &Facts, quoted: &str) -> Vec<(&'static str, String)> {
    let login = ident(&table.login);
    let mut missing = Vec::new();
    if !table.usable {
        let schema = ident(&table.schema);
        let sql = format!("GRANT USAGE ON SCHEMA {schema} TO {login};");
        missing.push(("is in a schema that this login may not use", sql));
    }
    if !table.readable {
        let sql = format!("GRANT SELECT ON {quoted} TO {login};");
        missing.push(("may not be read by this login", sql));
    }
    missing
}

/// Names what is missing, with the statements that cure it.
fn not_allowed(table: &Facts, cures: &[(&'static str, String)]) -> Refused {
    let reasons: Vec<_> = cures.iter().map(|(reason, _)| *reason).collect();
    let sql: Vec<_> = cures.iter().map(|(_, sql)| sql.as_str()).collect();
    let sql = sql.join(" ");
    let message = format!(
        "{} {}. Let an owner run, and then repeat this request: {sql}",
        table.id(),
        reasons.join(", and ")
    );
    Refused {
        sql: Some(sql),
        ..Refused::new(Reason::NotAllowed, message)
    }
}

/// Transactions that have written to the table, or to partitions of it: they hold their locks to the
/// end. One that is prepared has no process.
const WRITERS: &str = "select l.virtualtransaction, l.pid from pg_catalog.pg_locks l \
    where l.locktype = 'relation' and l.granted \
      and l.database = (select oid from pg_catalog.pg_database where datname = current_database()) \
      and (l.relation = $1 or l.relation in (select relid from pg_catalog.pg_partition_tree($1::oid::regclass))) \
      and l.mode in ('RowExclusiveLock', 'ShareRowExclusiveLock', 'ExclusiveLock', 'AccessExclusiveLock') \
      and l.pid is distinct from pg_catalog.pg_backend_pid()";

/// A transaction, and the process that it is in.
type Writer = (String, Option<i32>);

/// Waits until the transactions that wrote to the table before now have ended.
///
/// What they wrote before the table was published is not decoded, and shows to nobody until they
/// end: rows read before that would lack it.
pub(super) async fn wait_for_writers(
    session: &Session,
    config: &ConnectorConfig,
    table: &Facts,
    wait: Duration,
) -> Result<(), Refused> {
    let before = writers(session, table).await?;
    if before.is_empty() {
        return Ok(());
    }
    let deadline = Instant::now() + wait;
    let mut look = tokio::time::interval(LOOK_EVERY);
    look.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        look.tick().await;
        let now = writers(session, table).await?;
        let left: Vec<_> = before
            .iter()
            .filter(|writer| now.contains(writer))
            .collect();
        if left.is_empty() {
            refresh(session, config).await;
            return Ok(());
        }
        if Instant::now() >= deadline {
            return Err(Refused::new(Reason::Conflict, waits_for(table, &left)));
        }
    }
}

fn waits_for(table: &Facts, left: &[&Writer]) -> String {
    let name = |(transaction, pid): &&Writer| match pid {
        Some(pid) => format!("pid {pid}"),
        None => format!("prepared transaction {transaction} (see pg_prepared_xacts)"),
    };
    let names: Vec<_> = left.iter().map(name).collect();
    format!(
        "{} is published, but transactions that wrote to it before have not ended: {}. Let them end, or end them, and repeat this request",
        table.id(),
        names.join(", ")
    )
}

async fn writers(session: &Session, table: &Facts) -> Result<Vec<Writer>, Refused> {
    let rows = session
        .query(WRITERS, &[&table.oid])
        .await
        .map_err(|e| fault::sql("reading pg_locks", e))?;
    Ok(rows.iter().map(|row| (row.get(0), row.get(1))).collect())
}

/// Has the server forget which tables it took for published.
///
/// PostgreSQL before 13.21, 14.18, 15.13, 16.9 and 17.5 keeps what it found while it decoded a
/// transaction that is older than the publication's change, and passes over later ones' changes.
async fn refresh(session: &Session, config: &ConnectorConfig) {
    let name = &config.publication.name;
    if let Err(error) = set_again(session, name).await {
        tracing::info!(
            publication = name,
            %error,
            "the publication is not refreshed, as its owner is another; PostgreSQL from 13.21, 14.18, 15.13, 16.9 and 17.5 on does not need it"
        );
    }
}

/// Sets one of the publication's options to what it is.
async fn set_again(session: &Session, name: &str) -> Result<(), tokio_postgres::Error> {
    let sql = "select pubviaroot from pg_catalog.pg_publication where pubname = $1";
    let Some(row) = session.query_opt(sql, &[&name]).await? else {
        return Ok(());
    };
    let via_root: bool = row.get(0);
    let name = ident(name);
    let sql = format!("ALTER PUBLICATION {name} SET (publish_via_partition_root = {via_root})");
    session.batch_execute(&sql).await
}
