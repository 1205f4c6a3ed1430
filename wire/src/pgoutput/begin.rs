//! `B`: a transaction starts.

use super::cursor::Cursor;
use super::error::DecodeError;
use crate::lsn::Lsn;

/// The start of a transaction; pgoutput sends it when the transaction has committed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Begin {
    /// LSN of the commit record.
    pub final_lsn: Lsn,
    /// Commit time, microseconds since 1970-01-01 UTC.
    pub commit_time_us: i64,
    /// Transaction id.
    pub xid: u32,
}

impl Begin {
    pub(super) fn decode(cursor: &mut Cursor<'_>) -> Result<Self, DecodeError> {
        cursor.name("Begin");
        Ok(Self {
            final_lsn: cursor.lsn("final_lsn")?,
            commit_time_us: cursor.time_us("commit_time")?,
            xid: cursor.u32("xid")?,
        })
    }
}
