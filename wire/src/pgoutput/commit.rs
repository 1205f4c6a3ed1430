//! `C`: a transaction is complete.

use super::cursor::Cursor;
use super::error::DecodeError;
use crate::lsn::Lsn;

/// The end of a transaction.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Commit {
    /// Unused by PostgreSQL so far, 0.
    pub flags: u8,
    /// LSN of the commit record, as in the transaction's `Begin`.
    pub commit_lsn: Lsn,
    /// LSN just past the commit record: what may be confirmed once all is delivered.
    pub end_lsn: Lsn,
    /// Commit time, microseconds since 1970-01-01 UTC.
    pub commit_time_us: i64,
}

impl Commit {
    pub(super) fn decode(cursor: &mut Cursor<'_>) -> Result<Self, DecodeError> {
        cursor.name("Commit");
        Ok(Self {
            flags: cursor.u8("flags")?,
            commit_lsn: cursor.lsn("commit_lsn")?,
            end_lsn: cursor.lsn("end_lsn")?,
            commit_time_us: cursor.time_us("commit_time")?,
        })
    }
}
