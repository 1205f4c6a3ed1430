//! `R`: describes a table.

use super::cursor::Cursor;
use super::error::{DecodeError, Fault};
use crate::catalog::ReplicaIdentity;

/// The shape of a table's rows from here on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Relation<'a> {
    /// OID in `pg_class`.
    pub oid: u32,
    /// The table's schema; empty for `pg_catalog`.
    pub schema: &'a str,
    /// The table's name.
    pub name: &'a str,
    /// Which old values updates and deletes carry.
    pub replica_identity: ReplicaIdentity,
    /// Its published columns in order.
    pub columns: Vec<RelationColumn<'a>>,
}

/// One column of a relation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RelationColumn<'a> {
    /// Whether it belongs to the replica identity.
    pub key: bool,
    /// The column's name.
    pub name: &'a str,
    /// OID of its type.
    pub type_oid: u32,
    /// Its type modifier (`atttypmod`), -1 for none.
    pub typmod: i32,
}

impl<'a> Relation<'a> {
    pub(super) fn decode(cursor: &mut Cursor<'a>) -> Result<Self, DecodeError> {
        cursor.name("Relation");
        let oid = cursor.u32("oid")?;
        let schema = cursor.text("schema")?;
        let name = cursor.text("name")?;
        let offset = cursor.offset();
        let letter = cursor.u8("replica_identity")?;
        let replica_identity = ReplicaIdentity::from_letter(letter).ok_or_else(|| {
            cursor.fault_at(offset, "replica_identity", Fault::UnknownTag(letter))
        })?;
        let count = cursor.count16("column count")?;
        let columns = (0..count)
            .map(|_| RelationColumn::decode(cursor))
            .collect::<Result<_, _>>()?;
        Ok(Self {
            oid,
            schema,
            name,
            replica_identity,
            columns,
        })
    }
}

impl<'a> RelationColumn<'a> {
    fn decode(cursor: &mut Cursor<'a>) -> Result<Self, DecodeError> {
        Ok(Self {
            key: cursor.u8("column flags")? & 1 == 1,
            name: cursor.text("column name")?,
            type_oid: cursor.u32("column type")?,
            typmod: cursor.i32("column modifier")?,
        })
    }
}
