//! `walcast check`: the lines on the signal table.

use anyhow::Context;

use super::{Report, Verdict};
use crate::config::{ConnectorConfig, TableName, Watermarks};
use crate::postgres::connect::Session;
use crate::postgres::quote::qualified;

/// Whether the login may do what incremental snapshots need on `signal.data.collection`: insert
/// watermarks, and delete them with `insert_delete`.
pub(super) async fn write(
    report: &mut Report,
    session: &Session,
    config: &ConnectorConfig,
) -> anyhow::Result<()> {
    let signal = &config.signal;
    let Some(TableName { schema, name }) = &signal.table else {
        return Ok(());
    };
    let table = qualified(schema, name);
    let sql = "select has_table_privilege(c.oid, 'INSERT'), has_table_privilege(c.oid, 'DELETE') \
           from pg_catalog.pg_class c join pg_catalog.pg_namespace n on n.oid = c.relnamespace \
          where n.nspname = $1 and c.relname = $2";
    let found = session.query_opt(sql, &[schema, name]).await;
    let found = found.context("reading the rights on the signal table")?;
    let Some(row) = found else {
        return report.line(
            Verdict::Warn,
            &format!("signal.data.collection {table} does not exist: nothing can be signalled through it; run CREATE TABLE {table} (id varchar(64) PRIMARY KEY, type varchar(32) NOT NULL, data text)"),
        );
    };
    if signal.read_only {
        return report.line(
            Verdict::Ok,
            &format!("signal table {table} exists; read.only=true writes nothing to it"),
        );
    }
    let (mut needed, mut may) = ("INSERT", row.get::<_, bool>(0));
    if signal.watermarks == Watermarks::InsertDelete {
        needed = "INSERT, DELETE";
        may = may && row.get(1);
    }
    // Without the right all but incremental snapshots works.
    let verdict = if may { Verdict::Ok } else { Verdict::Warn };
    let text = match may {
        true => format!("the login may write watermarks to {table}"),
        false => format!(
            "the login may not write watermarks to {table}, so incremental snapshots leave out every table: run GRANT {needed} ON {table} TO its role, or set read.only=true"
        ),
    };
    report.line(verdict, &text)
}
