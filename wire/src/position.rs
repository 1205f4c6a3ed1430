//! Where a change stands among all changes.
//!
//! A bare LSN does not order changes across transactions: PostgreSQL decodes a transaction when it
//! commits, so a change written early (low LSN) in a transaction that commits late comes out after
//! changes with higher LSNs. It does not tell changes inside one transaction apart either: a
//! multi-row `COPY` or `INSERT` packs many rows into one log record, hence one LSN. The commit's
//! LSN is ordered across transactions, the ordinal inside one.

use crate::lsn::Lsn;

/// The place of one change in the stream: ordered first by commit, then by place in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Position {
    /// LSN of the commit record of the change's transaction (`Begin::final_lsn`).
    pub commit: Lsn,
    /// Place of the change in its transaction, counted from 1; 0 is "before the first change".
    pub ordinal: u64,
}

impl Position {
    /// A position from its two parts.
    pub const fn new(commit: Lsn, ordinal: u64) -> Self {
        Self { commit, ordinal }
    }
}
