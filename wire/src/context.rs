//! What the shell knows of a change beyond its row: where and when it happened.

use crate::lsn::Lsn;

/// The circumstances of one change.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ChangeContext<'a> {
    /// LSN of the change (a snapshot row: of the snapshot).
    pub lsn: Lsn,
    /// Commit LSN of the last complete transaction: first element of `source.sequence`; `None`
    /// until one was seen.
    pub last_commit: Option<Lsn>,
    /// Transaction id; `None` for a message outside of a transaction and incremental rows.
    pub txid: Option<u32>,
    /// Commit time (a snapshot row: the snapshot's), microseconds since 1970-01-01 UTC.
    pub source_ts_us: i64,
    /// Now, nanoseconds since 1970-01-01 UTC: the envelope's own times.
    pub now_ns: i64,
    /// Whether and where the row stands in a snapshot.
    pub snapshot: SnapshotMarker,
    /// `source.xmin`, when the connector tracks it.
    pub xmin: Option<i64>,
    /// Replication origin of the transaction.
    pub origin: Option<&'a str>,
    /// LSN of the commit on that origin.
    pub origin_lsn: Option<Lsn>,
}

/// `source.snapshot`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum SnapshotMarker {
    /// A streamed change.
    #[default]
    False,
    /// A snapshot row somewhere in the middle.
    True,
    /// The first row of the snapshot.
    First,
    /// The first row of a table.
    FirstInDataCollection,
    /// The last row of a table.
    LastInDataCollection,
    /// The last row of the snapshot.
    Last,
    /// A row of an incremental snapshot.
    Incremental,
}

impl SnapshotMarker {
    /// The text in `source.snapshot`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::False => "false",
            Self::True => "true",
            Self::First => "first",
            Self::FirstInDataCollection => "first_in_data_collection",
            Self::LastInDataCollection => "last_in_data_collection",
            Self::Last => "last",
            Self::Incremental => "incremental",
        }
    }

    /// Whether the row was read by a query (op `r`) instead of the log.
    pub const fn is_snapshot(self) -> bool {
        !matches!(self, Self::False)
    }
}
