//! `D`: a row was deleted.

use super::cursor::Cursor;
use super::error::{DecodeError, Fault};
use super::tuple::{OldTuple, Tuple};

/// A row that is gone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Delete<'a> {
    /// OID of the table.
    pub relation: u32,
    /// The row before: [`OldTuple::Key`] or [`OldTuple::Full`].
    pub old: OldTuple<'a>,
}

impl<'a> Delete<'a> {
    pub(super) fn decode(cursor: &mut Cursor<'a>) -> Result<Self, DecodeError> {
        cursor.name("Delete");
        let relation = cursor.u32("relation")?;
        let offset = cursor.offset();
        let old = match cursor.u8("tuple kind")? {
            b'K' => OldTuple::Key(Tuple::decode(cursor)?),
            b'O' => OldTuple::Full(Tuple::decode(cursor)?),
            other => return Err(cursor.fault_at(offset, "tuple kind", Fault::UnknownTag(other))),
        };
        Ok(Self { relation, old })
    }
}
