//! `M`: written by `pg_logical_emit_message`.

use super::cursor::Cursor;
use super::error::DecodeError;
use crate::lsn::Lsn;

/// A free message in the log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LogicalMessage<'a> {
    /// Whether it belongs to a transaction; otherwise it comes at once, outside of any.
    pub transactional: bool,
    /// Its LSN.
    pub lsn: Lsn,
    /// Says whose message it is.
    pub prefix: &'a str,
    /// Its content.
    pub content: &'a [u8],
}

impl<'a> LogicalMessage<'a> {
    pub(super) fn decode(cursor: &mut Cursor<'a>) -> Result<Self, DecodeError> {
        cursor.name("Message");
        let transactional = cursor.u8("flags")? & 1 == 1;
        let lsn = cursor.lsn("lsn")?;
        let prefix = cursor.text("prefix")?;
        let length = cursor.length32("content length")?;
        Ok(Self {
            transactional,
            lsn,
            prefix,
            content: cursor.take(length, "content")?,
        })
    }
}
