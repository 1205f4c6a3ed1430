//! `U`: a row was updated.

use super::cursor::Cursor;
use super::error::{DecodeError, Fault};
use super::tuple::{OldTuple, Tuple};

/// A changed row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Update<'a> {
    /// OID of the table.
    pub relation: u32,
    /// The row before, as far as the replica identity tells.
    pub old: OldTuple<'a>,
    /// The row after.
    pub new: Tuple<'a>,
}

impl<'a> Update<'a> {
    pub(super) fn decode(cursor: &mut Cursor<'a>) -> Result<Self, DecodeError> {
        cursor.name("Update");
        let relation = cursor.u32("relation")?;
        let mut offset = cursor.offset();
        let mut kind = cursor.u8("tuple kind")?;
        let old = match kind {
            b'K' => OldTuple::Key(Tuple::decode(cursor)?),
            b'O' => OldTuple::Full(Tuple::decode(cursor)?),
            _ => OldTuple::Absent,
        };
        if old != OldTuple::Absent {
            offset = cursor.offset();
            kind = cursor.u8("tuple kind")?;
        }
        match kind {
            b'N' => Ok(Self {
                relation,
                old,
                new: Tuple::decode(cursor)?,
            }),
            other => Err(cursor.fault_at(offset, "tuple kind", Fault::UnknownTag(other))),
        }
    }
}
