//! A table's columns, key and replica identity.

use crate::pgoutput::Relation;

/// Which old values PostgreSQL logs for updates and deletes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum ReplicaIdentity {
    /// The primary key's.
    #[default]
    Default,
    /// None.
    Nothing,
    /// The whole row.
    Full,
    /// The columns of one unique index.
    Index,
}

impl ReplicaIdentity {
    /// From `pg_class.relreplident`: `d`, `n`, `f` or `i`.
    pub const fn from_letter(letter: u8) -> Option<Self> {
        match letter {
            b'd' => Some(Self::Default),
            b'n' => Some(Self::Nothing),
            b'f' => Some(Self::Full),
            b'i' => Some(Self::Index),
            _ => None,
        }
    }
}

/// One table.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Table {
    /// OID in `pg_class`.
    pub oid: u32,
    /// Its schema.
    pub schema: String,
    /// Its name.
    pub name: String,
    /// Which old values its changes carry.
    pub replica_identity: ReplicaIdentity,
    /// Its columns in order.
    pub columns: Vec<Column>,
    /// Names of the primary key's columns in key order, or those of a unique index when there is
    /// no primary key; empty for none.
    pub key: Vec<String>,
}

/// One column.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Column {
    /// Its name.
    pub name: String,
    /// OID of its type.
    pub type_oid: u32,
    /// Its type modifier (`atttypmod`), -1 for none.
    pub typmod: i32,
    /// Whether it is declared `NOT NULL` (a key column always is).
    pub not_null: bool,
    /// `pg_get_expr(adbin, adrelid)`: the default's text, also of a generated column.
    pub default: Option<String>,
    /// Whether it is `GENERATED ALWAYS AS (…)` (`attgenerated <> ''`).
    pub generated: bool,
}

impl Table {
    /// The table as a Relation message describes it: columns, their order, types and modifiers are
    /// the message's; nullability, defaults and the key stay the catalog's. A column that the
    /// catalog did not know is nullable and has no default; a key with a column that is gone is
    /// no key.
    pub fn with_relation(&self, relation: &Relation<'_>) -> Self {
        let column = |new: &crate::pgoutput::RelationColumn<'_>| {
            let known = self.columns.iter().find(|column| column.name == new.name);
            Column {
                name: new.name.to_owned(),
                type_oid: new.type_oid,
                typmod: new.typmod,
                ..known.cloned().unwrap_or_default()
            }
        };
        let columns: Vec<_> = relation.columns.iter().map(column).collect();
        let present = |name: &String| columns.iter().any(|column| column.name == *name);
        let key = if self.key.iter().all(present) {
            self.key.clone()
        } else {
            Vec::new()
        };
        let schema = if relation.schema.is_empty() {
            "pg_catalog"
        } else {
            relation.schema
        };
        Self {
            oid: relation.oid,
            schema: schema.to_owned(),
            name: relation.name.to_owned(),
            replica_identity: relation.replica_identity,
            columns,
            key,
        }
    }
}
