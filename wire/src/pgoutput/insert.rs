//! `I`: a row was inserted.

use super::cursor::Cursor;
use super::error::{DecodeError, Fault};
use super::tuple::Tuple;

/// A new row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Insert<'a> {
    /// OID of the table.
    pub relation: u32,
    /// The row.
    pub new: Tuple<'a>,
}

impl<'a> Insert<'a> {
    pub(super) fn decode(cursor: &mut Cursor<'a>) -> Result<Self, DecodeError> {
        cursor.name("Insert");
        let relation = cursor.u32("relation")?;
        let offset = cursor.offset();
        match cursor.u8("tuple kind")? {
            b'N' => Ok(Self {
                relation,
                new: Tuple::decode(cursor)?,
            }),
            other => Err(cursor.fault_at(offset, "tuple kind", Fault::UnknownTag(other))),
        }
    }
}
