//! `T`: tables were emptied.

use super::cursor::Cursor;
use super::error::DecodeError;

/// One `TRUNCATE` command.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Truncate<'a> {
    /// Whether it said `CASCADE`.
    pub cascade: bool,
    /// Whether it said `RESTART IDENTITY`.
    pub restart_identity: bool,
    relations: &'a [u8],
}

impl<'a> Truncate<'a> {
    pub(super) fn decode(cursor: &mut Cursor<'a>) -> Result<Self, DecodeError> {
        cursor.name("Truncate");
        let count = cursor.length32("relation count")?;
        let options = cursor.u8("options")?;
        let relations = cursor.take(count.saturating_mul(4), "relations")?;
        Ok(Self {
            cascade: options & 1 != 0,
            restart_identity: options & 2 != 0,
            relations,
        })
    }

    /// OIDs of the emptied tables.
    pub fn relations(&self) -> impl Iterator<Item = u32> + use<'a> {
        self.relations
            .as_chunks::<4>()
            .0
            .iter()
            .map(|bytes| u32::from_be_bytes(*bytes))
    }
}
