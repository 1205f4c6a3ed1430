//! What of a slot's readings is worth a line in the log, and when the policy must act.
//!
//! Pure: readings in, alarms out. A threshold is told when it is crossed, and again when the bytes
//! have doubled since; not at every interval.

use std::fmt;

use crate::config::{GuardConfig, GuardPolicy};
use crate::postgres::slot::SlotState;

/// A slot whose server lets it have less than this part more of WAL is about to be lost.
const SAFE_PART: u64 = 5;

/// What the guard looks at in a slot.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Reading {
    pub(super) status: Status,
    pub(super) retained_bytes: u64,
    pub(super) unconfirmed_bytes: u64,
    /// Bytes that can still be written before the slot may be lost; `None` without limit.
    pub(super) safe_bytes: Option<u64>,
}

/// `wal_status`, and `missing` for a slot that is not there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Status {
    Reserved,
    Extended,
    Unreserved,
    Lost,
    Missing,
}

/// Every status with its word.
pub(super) const STATUSES: [(Status, &str); 5] = [
    (Status::Reserved, "reserved"),
    (Status::Extended, "extended"),
    (Status::Unreserved, "unreserved"),
    (Status::Lost, "lost"),
    (Status::Missing, "missing"),
];

impl Reading {
    pub(super) fn of(slot: Option<&SlotState>) -> Self {
        let Some(slot) = slot else {
            return Self {
                status: Status::Missing,
                retained_bytes: 0,
                unconfirmed_bytes: 0,
                safe_bytes: None,
            };
        };
        let word = slot.wal_status.as_deref();
        let known = STATUSES.iter().find(|(_, known)| Some(*known) == word);
        let dead = slot.dead().is_some();
        Self {
            // A slot that was just made has no status yet.
            status: match known {
                _ if dead => Status::Lost,
                Some((status, _)) => *status,
                None => Status::Reserved,
            },
            retained_bytes: slot.retained_bytes,
            unconfirmed_bytes: slot.unconfirmed_bytes,
            safe_bytes: match slot.safe_bytes {
                None if dead => Some(0),
                None => None,
                Some(bytes) => Some(u64::try_from(bytes).unwrap_or(0)),
            },
        }
    }
}

/// Something to tell.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Alarm {
    /// More is retained than `walcast.wal.guard.warn.bytes`.
    Retains(Reading),
    /// That is over.
    Relieved(u64),
    /// Little WAL can be written before the slot may be lost.
    LittleLeft(u64),
    /// The slot came into a status that needs a person.
    Became(Status),
}

impl fmt::Display for Alarm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Retains(reading) => {
                let (retained, unconfirmed) = (reading.retained_bytes, reading.unconfirmed_bytes);
                write!(f, "the slot retains {} of WAL, {} of it not confirmed", size(retained), size(unconfirmed))?;
                match unconfirmed < retained / 2 {
                    true => f.write_str(": an open transaction on the server holds the rest (pg_stat_activity, pg_prepared_xacts)"),
                    false => f.write_str(": the connector is behind (is Kafka slow? is the task running?)"),
                }
            }
            Self::Relieved(bytes) => write!(f, "the slot retains {} of WAL again", size(*bytes)),
            Self::LittleLeft(bytes) => write!(
                f,
                "the slot is lost after {} more of WAL; raise max_slot_wal_keep_size, or let the connector catch up",
                size(*bytes)
            ),
            Self::Became(Status::Unreserved) => f.write_str(
                "the slot's wal_status is unreserved: the next checkpoint of the server may lose it; raise max_slot_wal_keep_size now (ALTER SYSTEM, then SELECT pg_reload_conf())",
            ),
            Self::Became(Status::Lost) => f.write_str(
                "the slot is lost: what the connector has not read is no longer to be had; take a new snapshot (snapshot.mode=when_needed)",
            ),
            Self::Became(_) => f.write_str(
                "the slot is gone: somebody dropped it; take a new snapshot (snapshot.mode=when_needed)",
            ),
        }
    }
}

/// How far past the limit a slot is.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Breach {
    pub(super) retained_bytes: u64,
    pub(super) unconfirmed_bytes: u64,
    pub(super) limit_bytes: u64,
}

/// Remembers what was told.
pub(super) struct Alarms {
    config: GuardConfig,
    /// Retained bytes when they were last warned of.
    warned: Option<u64>,
    little_left: bool,
    status: Option<Status>,
    /// Past how much the policy acts.
    limit_bytes: Option<u64>,
}

impl Alarms {
    pub(super) fn new(config: &GuardConfig) -> Self {
        Self {
            config: config.clone(),
            warned: None,
            little_left: false,
            status: None,
            limit_bytes: None,
        }
    }

    /// What a reading gives to tell.
    pub(super) fn see(&mut self, reading: &Reading) -> Vec<Alarm> {
        let became = self.became(reading.status);
        let alarms = [became, self.retains(reading), self.little_left(reading)];
        alarms.into_iter().flatten().collect()
    }

    fn became(&mut self, status: Status) -> Option<Alarm> {
        let before = self.status.replace(status);
        let bad = match status {
            Status::Reserved | Status::Extended => false,
            Status::Unreserved | Status::Lost => true,
            // Before the task has made it, it is not missed.
            Status::Missing => before.is_some(),
        };
        (bad && before != Some(status)).then_some(Alarm::Became(status))
    }

    fn retains(&mut self, reading: &Reading) -> Option<Alarm> {
        let limit = self.config.warn_bytes?;
        let bytes = reading.retained_bytes;
        match self.warned {
            // Half of the threshold, so that one that hovers around it does not fill the log.
            Some(_) if bytes < limit / 2 => {
                self.warned = None;
                Some(Alarm::Relieved(bytes))
            }
            Some(told) if bytes < told.saturating_mul(2) => None,
            None if bytes < limit => None,
            _ => {
                self.warned = Some(bytes);
                Some(Alarm::Retains(reading.clone()))
            }
        }
    }

    fn little_left(&mut self, reading: &Reading) -> Option<Alarm> {
        let safe = reading.safe_bytes?;
        let all = safe.saturating_add(reading.retained_bytes);
        let part = |share: u64| safe < all / SAFE_PART * share;
        let tell = part(1) && !self.little_left && reading.status != Status::Lost;
        // It is over when twice as much is left.
        self.little_left = part(1) || (self.little_left && part(2));
        tell.then_some(Alarm::LittleLeft(safe))
    }

    /// Whether the policy must act on a reading.
    ///
    /// A task that starts far behind may go a tenth of the limit past what it finds, so that it can
    /// catch up; once it was within the limit, that counts.
    pub(super) fn breach(&mut self, reading: &Reading) -> Option<Breach> {
        let max = self.config.max_bytes?;
        if self.config.policy == GuardPolicy::Keep || reading.status == Status::Missing {
            return None;
        }
        let bytes = reading.retained_bytes;
        let start = || max.max(bytes.saturating_add(max / 10));
        let limit = *self.limit_bytes.get_or_insert_with(start);
        if bytes <= max {
            self.limit_bytes = Some(max);
        }
        (bytes > limit).then_some(Breach {
            retained_bytes: bytes,
            unconfirmed_bytes: reading.unconfirmed_bytes,
            limit_bytes: limit,
        })
    }
}

/// Bytes as a person reads them.
pub(super) fn size(bytes: u64) -> String {
    let units = ["KiB", "MiB", "GiB", "TiB"];
    let mut value = bytes as f64;
    let mut name = "bytes";
    for unit in units {
        if value < 1024.0 {
            break;
        }
        value /= 1024.0;
        name = unit;
    }
    if name == "bytes" {
        return format!("{bytes} bytes");
    }
    format!("{value:.1} {name}")
}

#[cfg(test)]
mod tests;
