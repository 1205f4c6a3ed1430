//! Why a backlog is streamed instead, or no longer read by SQL.

use std::fmt;

use metrics::counter;

/// Why streaming goes on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Why {
    /// Little is left; this is how catch-up is meant to end.
    CaughtUp,
    /// The server would decode too much again for each batch.
    Distance {
        /// Bytes from the copy's `restart_lsn` to its position.
        bytes: u64,
        /// `walcast.catchup.distance.max.bytes`.
        max: u64,
    },
    /// A batch brought nothing and moved nothing.
    StoodStill,
    /// The server is a standby.
    Standby,
    /// The server is older than PostgreSQL 14.
    Version(i32),
    /// The slot decodes prepared transactions, which its copy would not.
    TwoPhase,
    /// The slot waits for standbys, which its copy would not.
    Failover,
    /// Every replication slot of the server is in use.
    NoSpareSlot,
    /// The login may not do what it takes.
    Privilege(String),
    /// The server refused something else.
    Refused(String),
}

/// The first server whose pgoutput tells of logical messages, and whose sessions can look after
/// their client.
const VERSION_MIN: i32 = 14;

impl Why {
    /// What forbids it on any server of this major version and role.
    pub(crate) fn of_server(version: i32, standby: bool) -> Option<Self> {
        match () {
            () if version < VERSION_MIN => Some(Self::Version(version)),
            () if standby => Some(Self::Standby),
            () => None,
        }
    }

    /// The word that the metric's label has.
    pub(super) fn label(&self) -> &'static str {
        match self {
            Self::CaughtUp => "caught_up",
            Self::Distance { .. } => "distance",
            Self::StoodStill => "stood_still",
            Self::Standby => "standby",
            Self::Version(_) => "version",
            Self::TwoPhase => "two_phase",
            Self::Failover => "failover",
            Self::NoSpareSlot => "no_spare_slot",
            Self::Privilege(_) => "privilege",
            Self::Refused(_) => "refused",
        }
    }

    /// Says once that the backlog is streamed.
    pub(super) fn tell(&self, connector: &str) {
        tracing::warn!(connector, "the backlog is streamed: {self}");
        counter!("walcast_cdc_catchup_fallbacks_total", "connector" => connector.to_owned(), "reason" => self.label())
            .increment(1);
    }
}

impl fmt::Display for Why {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::CaughtUp => write!(f, "little is left of it"),
            Self::Distance { bytes, max } => write!(
                f,
                "the server would decode {bytes} bytes of WAL again for each batch, more than walcast.catchup.distance.max.bytes={max}; a transaction has been open for long"
            ),
            Self::StoodStill => write!(f, "a batch brought nothing"),
            Self::Standby => write!(f, "the server is a standby"),
            Self::Version(version) => write!(
                f,
                "reading by SQL needs PostgreSQL 14 or later, and this is {version}"
            ),
            Self::TwoPhase => write!(
                f,
                "the slot was made with two_phase, which a copy of it would not have"
            ),
            Self::Failover => write!(
                f,
                "the slot waits for synchronized_standby_slots, which a copy of it would not"
            ),
            Self::NoSpareSlot => write!(
                f,
                "reading by SQL needs a spare replication slot; raise max_replication_slots, or drop a slot that is no longer used"
            ),
            Self::Privilege(text) => write!(
                f,
                "the login may not read it by SQL: {text}; grant REPLICATION and EXECUTE on the pg_logical_slot_… and pg_…_replication_slot functions"
            ),
            Self::Refused(text) => write!(f, "the server refused: {text}"),
        }
    }
}
