//! `O`: the transaction came from another server.

use super::cursor::Cursor;
use super::error::DecodeError;
use crate::lsn::Lsn;

/// Where a replicated transaction was first committed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Origin<'a> {
    /// LSN of the commit on the origin server.
    pub commit_lsn: Lsn,
    /// Name of the replication origin.
    pub name: &'a str,
}

impl<'a> Origin<'a> {
    pub(super) fn decode(cursor: &mut Cursor<'a>) -> Result<Self, DecodeError> {
        cursor.name("Origin");
        Ok(Self {
            commit_lsn: cursor.lsn("commit_lsn")?,
            name: cursor.text("name")?,
        })
    }
}
