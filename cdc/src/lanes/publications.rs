//! Makes or checks the lanes' publications.
//!
//! All of them change in one transaction, so that at every position of the WAL a row is in one lane.
//! A table that is published stays as it is split while there is a checkpoint: another split would
//! let a key's newer records overtake its older ones in another lane.

use super::placement::{self, Published, TableId};
use super::split;
use crate::config::{ConnectorConfig, PublicationMode, lane_name};
use crate::error::{EngineError, Result};
use crate::postgres::catalog::CapturedTable;
use crate::postgres::connect::Session;
use crate::postgres::fault;
use crate::postgres::publication::{options, run};
use crate::postgres::quote::{ident, qualified};

/// A publication as it is.
struct Found {
    all_tables: bool,
    old_rows: bool,
    tables: Published,
}

/// What one publication lacks or has too much.
#[derive(Debug, Default, PartialEq, Eq)]
struct Difference {
    drop: Vec<TableId>,
    add: Vec<(TableId, Option<String>)>,
}

/// Leaves publications that split what the connector captures. `fresh` is whether nothing was
/// streamed yet, so that tables may be split anew.
///
/// # Errors
/// Definite, with what to do, when they are missing and may not be made, or split otherwise.
pub(crate) async fn ensure(
    session: &Session,
    config: &ConnectorConfig,
    captured: &[CapturedTable],
    fresh: bool,
) -> Result<()> {
    let version = version(session).await?;
    if let Some(why) = placement::unsupported(config.slots, version) {
        return Err(EngineError::definite(why));
    }
    let names: Vec<_> = (0..config.slots.count)
        .map(|number| lane_name(&config.publication.name, number))
        .collect();
    let mut found = Vec::with_capacity(names.len());
    for name in &names {
        found.push(find(session, name, version).await?);
    }
    let all = names
        .iter()
        .zip(&found)
        .find(|(_, found)| found.as_ref().is_some_and(|f| f.all_tables));
    if let Some((name, _)) = all {
        return Err(EngineError::definite(format!(
            "publication {name} is for all tables, but with walcast.slots.count above 1 each publication has its part of them. Drop it while the connector is stopped, and it is made anew: DROP PUBLICATION {}",
            ident(name)
        )));
    }
    let old_rows = found.iter().flatten().any(|found| found.old_rows) || publishes_old(config);
    let missing = found.iter().any(Option::is_none);
    let present: Vec<_> = found.into_iter().map(|f| f.map(|f| f.tables)).collect();
    let wanted = placement::place(session, config, captured, &present, old_rows).await?;
    let differences: Vec<_> = wanted
        .iter()
        .zip(&present)
        .map(|(wanted, present)| difference(wanted, present.as_ref()))
        .collect();
    if config.publication.mode == PublicationMode::Disabled {
        return check(config, &names, &present, &differences);
    }
    if captured.is_empty() && missing {
        return Err(EngineError::definite(format!(
            "No table filters found for filtered publication {}: check table.include.list and schema.include.list against the database",
            config.publication.name
        )));
    }
    if !fresh && let Some(moved) = moved(&present, &differences) {
        return Err(split_otherwise(config, moved));
    }
    alter(session, config, &names, (&present, &differences)).await
}

/// Whether a publication that is made here publishes updates or deletes.
fn publishes_old(config: &ConnectorConfig) -> bool {
    let skipped = config.encoder.skipped;
    config.publication.publish.is_none() || !(skipped.update && skipped.delete)
}

async fn version(session: &Session) -> Result<i32> {
    let sql = "select current_setting('server_version_num')::int / 10000";
    let row = session.query_one(sql, &[]).await;
    Ok(row
        .map_err(|e| fault::sql("reading the server's version", e))?
        .get(0))
}

async fn find(session: &Session, name: &str, version: i32) -> Result<Option<Found>> {
    let failed = |e| fault::sql("reading the publications", e);
    let sql = "select puballtables, pubupdate or pubdelete from pg_catalog.pg_publication where pubname = $1";
    let Some(row) = session.query_opt(sql, &[&name]).await.map_err(failed)? else {
        return Ok(None);
    };
    let filter = match placement::has_row_filters(version) {
        true => "pg_catalog.pg_get_expr(r.prqual, r.prrelid)",
        false => "null::text",
    };
    let sql = format!(
        "select n.nspname::text, c.relname::text, {filter} from pg_catalog.pg_publication p \
         join pg_catalog.pg_publication_rel r on r.prpubid = p.oid \
         join pg_catalog.pg_class c on c.oid = r.prrelid \
         join pg_catalog.pg_namespace n on n.oid = c.relnamespace where p.pubname = $1"
    );
    let rows = session.query(&sql, &[&name]).await.map_err(failed)?;
    let tables = rows
        .iter()
        .map(|row| ((row.get(0), row.get(1)), row.get(2)));
    Ok(Some(Found {
        all_tables: row.get(0),
        old_rows: row.get(1),
        tables: tables.collect(),
    }))
}

fn difference(wanted: &Published, present: Option<&Published>) -> Difference {
    let mut difference = Difference::default();
    for (table, filter) in present.into_iter().flatten() {
        let kept = wanted.get(table);
        if kept.is_none_or(|kept| !split::same(kept.as_deref(), filter.as_deref())) {
            difference.drop.push(table.clone());
        }
    }
    for (table, filter) in wanted {
        let there = present.is_some_and(|present| present.contains_key(table));
        if !there || difference.drop.contains(table) {
            difference.add.push((table.clone(), filter.clone()));
        }
    }
    difference
}

/// A table that is published and that the connector would split otherwise.
fn moved<'d>(present: &[Option<Published>], differences: &'d [Difference]) -> Option<&'d TableId> {
    let published = |table: &TableId| present.iter().flatten().any(|p| p.contains_key(table));
    let added = differences.iter().flat_map(|difference| &difference.add);
    let mut added = added.map(|(table, _)| table);
    added.find(|table| published(table))
}

fn split_otherwise(config: &ConnectorConfig, (schema, table): &TableId) -> EngineError {
    let connector = config.connector();
    EngineError::definite(format!(
        "{schema}.{table} is published otherwise than walcast.slots.split and its key ask for: its key or message.key.columns changed, or somebody altered a publication. Going on would bring a key's records out of order. Undo that change; or take a new snapshot, which splits anew: stop connector {connector}, DELETE /connectors/{connector}/offsets, and resume it"
    ))
}

/// `publication.autocreate.mode=disabled`: each publication must be there, and what it has of the
/// captured tables must be its part. Tables that none has are not published.
fn check(
    config: &ConnectorConfig,
    names: &[String],
    present: &[Option<Published>],
    differences: &[Difference],
) -> Result<()> {
    let published = |table: &TableId| present.iter().flatten().any(|p| p.contains_key(table));
    let mut statements = Vec::new();
    for ((name, present), difference) in names.iter().zip(present).zip(differences) {
        let asked = Difference {
            drop: Vec::new(),
            add: (difference.add.iter())
                .filter(|(table, _)| present.is_none() || published(table))
                .cloned()
                .collect(),
        };
        statements.extend(statements_of(config, name, present.is_some(), &asked));
    }
    if statements.is_empty() {
        return Ok(());
    }
    Err(EngineError::definite(format!(
        "Publication autocreation is disabled, and the publications do not split the captured tables as walcast.slots.count={} asks for. While the connector is stopped, let an owner drop what stands in the way and run: {}",
        config.slots.count,
        statements.join("; ")
    )))
}

async fn alter(
    session: &Session,
    config: &ConnectorConfig,
    names: &[String],
    (present, differences): (&[Option<Published>], &[Difference]),
) -> Result<()> {
    let all = names.iter().zip(present).zip(differences);
    let statements: Vec<_> = all
        .flat_map(|((name, present), difference)| {
            statements_of(config, name, present.is_some(), difference)
        })
        .collect();
    if statements.is_empty() {
        return Ok(());
    }
    let sql = format!("BEGIN; {}; COMMIT", statements.join("; "));
    tracing::info!(%sql, "the captured tables are split over publications");
    let done = run(session, &sql).await;
    if done.is_err() {
        // The failed transaction is still open; that of an ended session is not.
        drop(session.batch_execute("ROLLBACK").await);
    }
    done
}

/// What makes the publication `name` what it should be. `ONLY` keeps tables that inherit out, which
/// have their own entries.
fn statements_of(
    config: &ConnectorConfig,
    name: &str,
    exists: bool,
    difference: &Difference,
) -> Vec<String> {
    let publication = ident(name);
    let entry = |((schema, table), filter): &(TableId, Option<String>)| {
        let condition = filter.as_ref().map(|f| format!(" WHERE {f}"));
        format!(
            "ONLY {}{}",
            qualified(schema, table),
            condition.unwrap_or_default()
        )
    };
    let added: Vec<_> = difference.add.iter().map(entry).collect();
    let dropped: Vec<_> = (difference.drop.iter())
        .map(|(schema, table)| format!("ONLY {}", qualified(schema, table)))
        .collect();
    let mut statements = Vec::new();
    if !exists {
        let target = match added.is_empty() {
            true => String::new(),
            false => format!(" FOR TABLE {}", added.join(", ")),
        };
        let options = options(&config.publication);
        statements.push(format!("CREATE PUBLICATION {publication}{target}{options}"));
        return statements;
    }
    if !dropped.is_empty() {
        statements.push(format!(
            "ALTER PUBLICATION {publication} DROP TABLE {}",
            dropped.join(", ")
        ));
    }
    if !added.is_empty() {
        statements.push(format!(
            "ALTER PUBLICATION {publication} ADD TABLE {}",
            added.join(", ")
        ));
    }
    statements
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::tests::parse;

    fn tables(of: &[(&str, Option<&str>)]) -> Published {
        let table = |(name, filter): &(&str, Option<&str>)| {
            (
                ("s".to_owned(), (*name).to_owned()),
                filter.map(str::to_owned),
            )
        };
        of.iter().map(table).collect()
    }

    fn statements(wanted: &Published, present: Option<&Published>) -> Vec<String> {
        let config = parse(&[]).unwrap();
        let difference = difference(wanted, present);
        statements_of(&config, "p", present.is_some(), &difference)
    }

    #[test]
    fn a_publication_is_made_and_kept_in_line() {
        let wanted = tables(&[("a", Some("(h(\"id\") = 1)")), ("b", None)]);
        assert_eq!(
            statements(&wanted, None),
            [r#"CREATE PUBLICATION "p" FOR TABLE ONLY "s"."a" WHERE (h("id") = 1), ONLY "s"."b""#]
        );
        assert_eq!(
            statements(&tables(&[]), None),
            [r#"CREATE PUBLICATION "p""#]
        );
        let shown = tables(&[("a", Some("(h(id) = 1)")), ("b", None)]);
        assert!(statements(&wanted, Some(&shown)).is_empty());
        let other = tables(&[("a", Some("(h(id) = 0)")), ("c", None)]);
        assert_eq!(
            statements(&wanted, Some(&other)),
            [
                r#"ALTER PUBLICATION "p" DROP TABLE ONLY "s"."a", ONLY "s"."c""#,
                r#"ALTER PUBLICATION "p" ADD TABLE ONLY "s"."a" WHERE (h("id") = 1), ONLY "s"."b""#
            ]
        );
    }

    #[test]
    fn a_new_table_is_added_and_one_that_is_split_otherwise_is_noticed() {
        let wanted = [
            tables(&[("a", Some("h = 0")), ("new", None)]),
            tables(&[("a", Some("h = 1"))]),
        ];
        let moved_of = |present: [Option<Published>; 2]| {
            let pairs = wanted.iter().zip(&present);
            let differences: Vec<_> = pairs.map(|(w, p)| difference(w, p.as_ref())).collect();
            moved(&present, &differences).cloned()
        };
        let same = [
            tables(&[("a", Some("h = 0"))]),
            tables(&[("a", Some("h = 1"))]),
        ];
        assert_eq!(moved_of(same.map(Some)), None);
        let whole = [tables(&[("a", None)]), tables(&[])];
        let a = ("s".to_owned(), "a".to_owned());
        assert_eq!(moved_of(whole.map(Some)), Some(a));
    }

    #[test]
    fn publications_that_others_make_are_held_to_the_split() {
        let config = parse(&[]).unwrap();
        let names = ["p".to_owned(), "p_1".to_owned()];
        let wanted = [
            tables(&[("a", Some("h = 0"))]),
            tables(&[("a", Some("h = 1"))]),
        ];
        let checked = |present: [Option<Published>; 2]| {
            let pairs = wanted.iter().zip(&present);
            let differences: Vec<_> = pairs.map(|(w, p)| difference(w, p.as_ref())).collect();
            check(&config, &names, &present, &differences).map_err(|e| e.to_string())
        };
        assert_eq!(checked(wanted.clone().map(Some)), Ok(()));
        assert_eq!(
            checked([Some(tables(&[])), Some(tables(&[]))]),
            Ok(()),
            "not published"
        );
        let refused = checked([Some(wanted[0].clone()), None]).expect_err("one is missing");
        assert!(refused.contains("CREATE PUBLICATION \"p_1\""), "{refused}");
        let refused = checked([Some(wanted[0].clone()), Some(tables(&[]))]).expect_err("half");
        assert!(
            refused.contains("ALTER PUBLICATION \"p_1\" ADD TABLE"),
            "{refused}"
        );
    }
}
