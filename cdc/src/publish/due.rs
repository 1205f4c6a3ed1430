//! When a checkpoint does not wait for `offset.flush.interval.ms`.

use std::time::Duration;

use tokio::time::Instant;
use walcast_wire::lsn::Lsn;

use crate::batch::Mark;

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

    /// Whether `mark` should be written now: work would be done again without it, or the slot holds
    /// back much WAL, as that of an idle database beside a busy one does. The first of a snapshot is
    /// waited for.
    pub(crate) fn is_behind(&self, mark: &Mark) -> bool {
        self.is_behind_after(mark, self.at.elapsed())
    }

    fn is_behind_after(&self, mark: &Mark, elapsed: Duration) -> bool {
        let last = self.confirm.map_or(0, Lsn::as_u64);
        let held_back = mark.confirm.as_u64().saturating_sub(last);
        let first_of_a_snapshot = self.confirm.is_none() && mark.soon;
        first_of_a_snapshot || elapsed >= PAUSE && (mark.soon || held_back >= HELD_BACK)
    }
}

#[cfg(test)]
mod tests {
    use walcast_wire::connect_offset::Offset;

    use super::*;

    #[test]
    fn much_wal_or_a_piece_of_a_snapshot_does_not_wait() {
        let mark = |confirm: u64, soon: bool| Mark {
            offset: Offset::default(),
            confirm: Lsn::new(confirm),
            soon,
        };
        let mut last = LastCheckpoint::none();
        assert!(last.is_behind(&mark(0, true)), "nothing was written yet");
        assert!(!last.is_behind(&mark(0, false)));
        last.written(Lsn::new(100));
        let behind = |mark: Mark, elapsed| last.is_behind_after(&mark, elapsed);
        assert!(!behind(mark(100 + HELD_BACK, true), PAUSE / 2), "too soon");
        assert!(behind(mark(100 + HELD_BACK, false), PAUSE));
        assert!(behind(mark(100, true), PAUSE));
        assert!(!behind(mark(99 + HELD_BACK, false), PAUSE));
    }
}
