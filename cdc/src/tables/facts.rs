//! What the catalog and the connector's lists say of a table that is to be added.

use walcast_wire::filter::NameFilter;

use super::{ConfigChange, escaped};
use crate::config::ConnectorConfig;
use crate::postgres::catalog::{self, CapturedTable};
use crate::postgres::connect::Session;
use crate::postgres::fault;
use crate::task::{Reason, Refused};

/// A table that can be published.
pub(super) struct Facts {
    pub(super) oid: u32,
    pub(super) schema: String,
    pub(super) name: String,
    pub(super) partitioned: bool,
    /// Whether updates and deletes can be published: there is a replica identity.
    pub(super) identified: bool,
    /// Whether the login may use the schema.
    pub(super) usable: bool,
    /// Whether the login may read the table.
    pub(super) readable: bool,
    /// The login.
    pub(super) login: String,
    /// The key's columns.
    pub(super) key: Vec<String>,
}

impl Facts {
    pub(super) fn id(&self) -> String {
        format!("{}.{}", self.schema, self.name)
    }

    pub(super) fn as_captured(&self) -> CapturedTable {
        CapturedTable {
            oid: self.oid,
            schema: self.schema.clone(),
            name: self.name.clone(),
            partitioned: self.partitioned,
        }
    }
}

/// The identity of a partitioned table is its partitions' affair.
const FIND: &str = "select c.oid, n.nspname::text, c.relname::text, c.relkind::text, \
      c.relpersistence::text, has_schema_privilege(n.oid, 'usage'), \
      has_table_privilege(c.oid, 'select'), current_user::text, \
      c.relkind = 'p' or case c.relreplident when 'f' then true when 'n' then false \
        else exists (select from pg_catalog.pg_index i where i.indrelid = c.oid \
          and case c.relreplident when 'i' then i.indisreplident else i.indisprimary end) end \
    from pg_catalog.pg_class c join pg_catalog.pg_namespace n on n.oid = c.relnamespace \
    where n.nspname::text || '.' || c.relname::text = $1 \
      and n.nspname not in ('pg_catalog', 'information_schema')";

/// Looks the table up.
pub(super) async fn find(session: &Session, id: &str) -> Result<Facts, Refused> {
    let row = session
        .query_opt(FIND, &[&id])
        .await
        .map_err(|e| fault::sql("looking a table up", e))?;
    let Some(row) = row else {
        return Err(Refused::new(
            Reason::Unknown,
            format!("There is no table {id}: give it as schema.name, in the catalog's letter case"),
        ));
    };
    let (kind, persistence): (&str, &str) = (row.get(3), row.get(4));
    if !matches!(kind, "r" | "p") || persistence != "p" {
        return Err(Refused::new(
            Reason::Conflict,
            format!(
                "{id} is no ordinary, logged table: PostgreSQL publishes changes of such tables only"
            ),
        ));
    }
    let oid = row.get(0);
    let definition = catalog::table(session, oid).await?;
    Ok(Facts {
        oid,
        schema: row.get(1),
        name: row.get(2),
        partitioned: kind == "p",
        usable: row.get(5),
        readable: row.get(6),
        login: row.get(7),
        identified: row.get(8),
        key: definition.map(|table| table.key).unwrap_or_default(),
    })
}

/// Says why the connector's lists leave the table out; `None` when they let it through.
pub(super) fn uncaptured(config: &ConnectorConfig, table: &Facts) -> Option<Refused> {
    let filters = &config.encoder.filters;
    let id = table.id();
    let refused = |message: String| Refused::new(Reason::Conflict, message);
    if !filters.schemas.passes(&table.schema) {
        return Some(refused(match &filters.schemas {
            NameFilter::Include(_) => format!(
                "schema.include.list does not name schema {}: add {} to it, and name the wanted tables in table.include.list, or all of that schema's are captured",
                table.schema,
                escaped(&table.schema)
            ),
            _ => format!(
                "schema.exclude.list leaves out schema {}: take that part away from it",
                table.schema
            ),
        }));
    }
    if filters.tables.passes(&id) {
        return None;
    }
    let NameFilter::Include(_) = &filters.tables else {
        return Some(refused(format!(
            "table.exclude.list leaves out {id}: take that part away from it"
        )));
    };
    let add = escaped(&id);
    let message = format!("table.include.list does not name {id}: add {add} to it");
    Some(Refused {
        change: Some(ConfigChange {
            property: "table.include.list",
            add,
        }),
        ..refused(message)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::tests::parse;

    fn told(list: (&str, &str)) -> Option<Refused> {
        let config = parse(&[list]).unwrap();
        let table = Facts {
            oid: 1,
            schema: "s".into(),
            name: "a b".into(),
            partitioned: false,
            identified: true,
            usable: true,
            readable: true,
            login: "u".into(),
            key: Vec::new(),
        };
        uncaptured(&config, &table)
    }

    #[test]
    fn the_list_that_leaves_a_table_out_is_named() {
        assert_eq!(told(("table.include.list", r"s\..*")), None);
        assert_eq!(told(("table.exclude.list", "s.other")), None);
        for (list, change) in [
            (("schema.include.list", "public"), None),
            (("schema.exclude.list", "s"), None),
            (("table.exclude.list", "s.a b"), None),
            (("table.include.list", "s.other"), Some(r"s\.a b")),
        ] {
            let refused = told(list).unwrap();
            assert!(refused.message.contains(list.0), "{refused}");
            let add = refused.change.map(|change| change.add);
            assert_eq!(add.as_deref(), change, "{list:?}");
        }
    }
}
