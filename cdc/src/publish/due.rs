//! When a checkpoint does not wait for `offset.flush.interval.ms`.

use std::time::Duration;

use tokio::time::Instant;
use walcast_wire::lsn::Lsn;

use crate::batch::{Mark, Urgency};

/// The least time between two checkpoints that do not wait.
const PAUSE: Duration = Duration::from_secs(1);

/// Bytes of WAL that a slot may hold back although nothing in them is still to be published.
const HELD_BACK: u64 = 16 * 1024 * 1024;

/// What was checkpointed last.
pub(crate) struct LastCheckpoint {
    at: Instant,
    confirm: Option<Lsn>,
}

impl LastCheckpoint {
    pub(crate) fn none() -> Self {
        Self {
            at: Instant::now(),
            confirm: None,
        }
    }

    pub(crate) fn written(&mut self, confirm: Lsn) {
        self.at = Instant::now();
        self.confirm = Some(confirm);
    }

    /// When `mark` should be written although the interval is not over: work would be done again without
    /// it, or the slot holds back much WAL, as that of an idle database beside a busy one does. The first
    /// of a snapshot does not even pause. `None` when it can wait.
    pub(crate) fn due(&self, mark: &Mark) -> Option<Instant> {
        let last = self.confirm.map_or(0, Lsn::as_u64);
        let held_back = mark.confirm.as_u64().saturating_sub(last);
        match mark.urgency {
            Urgency::AtOnce => Some(self.at),
            Urgency::Soon if self.confirm.is_none() => Some(self.at),
            Urgency::Soon => Some(self.at + PAUSE),
            Urgency::Interval => (held_back >= HELD_BACK).then(|| self.at + PAUSE),
        }
    }

    /// Whether `mark` is due.
    pub(crate) fn is_behind(&self, mark: &Mark) -> bool {
        self.due(mark).is_some_and(|due| Instant::now() >= due)
    }
}

#[cfg(test)]
mod tests {
    use walcast_wire::connect_offset::Offset;

    use super::*;

    #[test]
    fn much_wal_or_a_piece_of_a_snapshot_does_not_wait() {
        let mark = |confirm: u64, urgency: Urgency| Mark {
            offset: Offset::default(),
            confirm: Lsn::new(confirm),
            urgency,
        };
        let mut last = LastCheckpoint::none();
        assert!(
            last.is_behind(&mark(0, Urgency::Soon)),
            "nothing was written yet"
        );
        assert_eq!(last.due(&mark(0, Urgency::Interval)), None);
        last.written(Lsn::new(100));
        let paused = Some(last.at + PAUSE);
        assert_eq!(last.due(&mark(100 + HELD_BACK, Urgency::Soon)), paused);
        assert_eq!(last.due(&mark(100 + HELD_BACK, Urgency::Interval)), paused);
        assert_eq!(last.due(&mark(100, Urgency::Soon)), paused);
        assert_eq!(last.due(&mark(99 + HELD_BACK, Urgency::Interval)), None);
        assert!(last.is_behind(&mark(100, Urgency::AtOnce)));
        assert!(!last.is_behind(&mark(100, Urgency::Soon)), "too soon");
    }
}
