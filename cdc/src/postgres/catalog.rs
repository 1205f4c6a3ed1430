//! Facts from `pg_catalog`: which tables are captured, their columns, keys and types.
//!
//! The codec is pure and asks nobody; this is where it gets its facts from.

use std::collections::BTreeSet;

use tokio_postgres::Row;
use walcast_wire::catalog::{Column, ReplicaIdentity, Table, TypeInfo, TypeKind, Types};

use super::connect::Session;
use super::fault;
use crate::error::{EngineError, Result};

/// A table the connector captures.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct CapturedTable {
    pub(crate) oid: u32,
    pub(crate) schema: String,
    pub(crate) name: String,
    /// Whether it is a partitioned table, whose rows are in its partitions.
    pub(crate) partitioned: bool,
}

impl CapturedTable {
    /// `schema.name`, as lists and notifications have it.
    pub(crate) fn id(&self) -> String {
        format!("{}.{}", self.schema, self.name)
    }
}

const TABLES: &str = "select c.oid, n.nspname::text, c.relname::text, c.relkind = 'p' \
    from pg_catalog.pg_class c join pg_catalog.pg_namespace n on n.oid = c.relnamespace \
    where c.relkind in ('r', 'p') and n.nspname not in ('pg_catalog', 'information_schema', 'pg_toast') \
    and n.nspname !~ '^pg_(temp|toast_temp)_' order by 2, 3";

/// All ordinary and partitioned tables that `wanted` lets through, by schema and name.
pub(crate) async fn tables(
    session: &Session,
    wanted: impl Fn(&str, &str) -> bool,
) -> Result<Vec<CapturedTable>> {
    let rows = session
        .query(TABLES, &[])
        .await
        .map_err(|e| fault::sql("listing tables", e))?;
    let all = rows.iter().map(|row| CapturedTable {
        oid: row.get(0),
        schema: row.get(1),
        name: row.get(2),
        partitioned: row.get(3),
    });
    let mut tables: Vec<_> = all.filter(|t| wanted(&t.schema, &t.name)).collect();
    tables.sort_by(|a, b| (&a.schema, &a.name).cmp(&(&b.schema, &b.name)));
    Ok(tables)
}

const RELATION: &str = "select n.nspname::text, c.relname::text, c.relreplident::text \
    from pg_catalog.pg_class c join pg_catalog.pg_namespace n on n.oid = c.relnamespace where c.oid = $1";

const COLUMNS: &str = "select a.attname::text, a.atttypid, a.atttypmod, \
    a.attnotnull or (t.typtype = 'd' and t.typnotnull), \
    pg_catalog.pg_get_expr(d.adbin, d.adrelid), a.attgenerated <> '' \
    from pg_catalog.pg_attribute a join pg_catalog.pg_type t on t.oid = a.atttypid \
    left join pg_catalog.pg_attrdef d on d.adrelid = a.attrelid and d.adnum = a.attnum \
    where a.attrelid = $1 and a.attnum > 0 and not a.attisdropped order by a.attnum";

/// The primary key's columns, or those of the first unique index by name without an expression,
/// which Debezium takes in its place: its columns may be nullable, it may be partial, and columns
/// that it only includes count.
const KEY: &str = "select array(select a.attname::text from unnest(i.indkey::int2[]) with ordinality k(num, ord) \
      join pg_catalog.pg_attribute a on a.attrelid = i.indrelid and a.attnum = k.num \
      where k.ord <= i.indnkeyatts or not i.indisprimary order by k.ord) \
    from pg_catalog.pg_index i join pg_catalog.pg_class c on c.oid = i.indexrelid \
    where i.indrelid = $1 and i.indisunique and i.indexprs is null and i.indisvalid \
    order by i.indisprimary desc, c.relname limit 1";

/// The facts of one relation; `None` when it no longer exists.
pub(crate) async fn table(session: &Session, oid: u32) -> Result<Option<Table>> {
    let failed = |e| fault::sql("reading a table's definition", e);
    let Some(head) = session.query_opt(RELATION, &[&oid]).await.map_err(failed)? else {
        return Ok(None);
    };
    let columns = session.query(COLUMNS, &[&oid]).await.map_err(failed)?;
    let key = session.query_opt(KEY, &[&oid]).await.map_err(failed)?;
    Ok(Some(Table {
        oid,
        schema: head.get(0),
        name: head.get(1),
        replica_identity: replica_identity(head.get::<_, &str>(2)),
        columns: columns.iter().map(column).collect(),
        key: key.map(|row| row.get(0)).unwrap_or_default(),
    }))
}

fn column(row: &Row) -> Column {
    Column {
        name: row.get(0),
        type_oid: row.get(1),
        typmod: row.get(2),
        not_null: row.get(3),
        default: row.get(4),
        generated: row.get(5),
    }
}

fn replica_identity(letter: &str) -> ReplicaIdentity {
    match letter {
        "n" => ReplicaIdentity::Nothing,
        "f" => ReplicaIdentity::Full,
        "i" => ReplicaIdentity::Index,
        _ => ReplicaIdentity::Default,
    }
}

const TYPES: &str = "select t.oid, n.nspname::text, t.typname::text, t.typtype::text, t.typcategory::text, \
    t.typelem, t.typbasetype, t.typtypmod, \
    array(select e.enumlabel::text from pg_catalog.pg_enum e where e.enumtypid = t.oid order by e.enumsortorder) \
    from pg_catalog.pg_type t join pg_catalog.pg_namespace n on n.oid = t.typnamespace where t.oid = any($1)";

/// Types nest through arrays and domains; more levels than this is a loop in the catalog.
const NESTING_MAX: usize = 64;

/// Adds the types of `oids`, and what they are made of, to `types`; known ones are kept.
pub(crate) async fn add_types(session: &Session, types: &mut Types, oids: &[u32]) -> Result<()> {
    let mut wanted: BTreeSet<u32> = oids.iter().copied().collect();
    for _ in 0..NESTING_MAX {
        let missing: Vec<u32> = wanted
            .iter()
            .copied()
            .filter(|&oid| oid != 0 && types.get(oid).is_none())
            .collect();
        if missing.is_empty() {
            return Ok(());
        }
        let rows = session
            .query(TYPES, &[&missing])
            .await
            .map_err(|e| fault::sql("reading pg_type", e))?;
        wanted.clear();
        for row in &rows {
            let info = type_info(row);
            match info.kind {
                TypeKind::Array { element } => wanted.insert(element),
                TypeKind::Domain { base, .. } => wanted.insert(base),
                _ => false,
            };
            types.insert(info);
        }
    }
    Err(EngineError::definite(
        "pg_type nests more than 64 levels deep; the catalog is damaged",
    ))
}

/// Reads one type again, in place of what is known of it.
pub(crate) async fn refresh_type(session: &Session, types: &mut Types, oid: u32) -> Result<()> {
    let row = session
        .query_opt(TYPES, &[&vec![oid]])
        .await
        .map_err(|e| fault::sql("reading pg_type", e))?;
    if let Some(row) = row {
        types.insert(type_info(&row));
    }
    Ok(())
}

fn type_info(row: &Row) -> TypeInfo {
    let element: u32 = row.get(5);
    let kind = match (row.get::<_, &str>(3), row.get::<_, &str>(4)) {
        ("d", _) => TypeKind::Domain {
            base: row.get(6),
            typmod: row.get(7),
        },
        ("e", _) => TypeKind::Enum { labels: row.get(8) },
        ("c", _) => TypeKind::Composite,
        ("r", _) => TypeKind::Range,
        ("m", _) => TypeKind::Multirange,
        ("p", _) => TypeKind::Pseudo,
        (_, "A") if element != 0 => TypeKind::Array { element },
        _ => TypeKind::Base,
    };
    TypeInfo {
        oid: row.get(0),
        schema: row.get(1),
        name: row.get(2),
        kind,
    }
}
