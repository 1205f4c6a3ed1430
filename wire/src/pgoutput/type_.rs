//! `Y`: names a type that is not built in.

use super::cursor::Cursor;
use super::error::DecodeError;

/// A data type's name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Type<'a> {
    /// OID in `pg_type`.
    pub oid: u32,
    /// Its schema; empty for `pg_catalog`.
    pub schema: &'a str,
    /// Its name.
    pub name: &'a str,
}

impl<'a> Type<'a> {
    pub(super) fn decode(cursor: &mut Cursor<'a>) -> Result<Self, DecodeError> {
        cursor.name("Type");
        Ok(Self {
            oid: cursor.u32("oid")?,
            schema: cursor.text("schema")?,
            name: cursor.text("name")?,
        })
    }
}
