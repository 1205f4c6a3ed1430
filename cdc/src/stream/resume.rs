//! What of the stream is already done when a session resumes from a checkpoint.
//!
//! PostgreSQL sends whole transactions in commit order, so a checkpoint has two parts: all
//! transactions committed up to `completed` are done, and of one more, known by its xid, the changes up
//! to a place inside it. A bare LSN would not do: changes of interleaved transactions are not sent in
//! LSN order, and many rows of one COPY share one LSN.

use walcast_wire::connect_offset::Offset;
use walcast_wire::lsn::Lsn;

use crate::checkpoint;

/// A place inside a transaction: an LSN and how many changes at that LSN are done.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Place {
    pub(crate) lsn: Lsn,
    pub(crate) at_lsn: u64,
}

/// Decides which transactions and changes are already done.
#[derive(Debug, Clone, Default)]
pub(crate) struct Resume {
    completed: Option<Lsn>,
    partial: Option<(u32, Place)>,
    /// The last message outside of transactions that is done.
    message: Option<Lsn>,
    skipping: Option<Place>,
    dropping: bool,
}

impl Resume {
    /// What `offset` says is done.
    pub(crate) fn from_offset(offset: &Offset) -> Self {
        let partial = checkpoint::partial(offset);
        Self {
            completed: checkpoint::completed(offset),
            partial: partial.map(|(xid, lsn, at_lsn)| (xid, Place { lsn, at_lsn })),
            message: checkpoint::message(offset),
            skipping: None,
            dropping: false,
        }
    }

    /// The transaction `xid`, whose commit record starts at `commit_start`, begins.
    pub(crate) fn begin(&mut self, xid: u32, commit_start: Lsn) {
        self.dropping = self.completed.is_some_and(|done| commit_start < done);
        // A wrapped xid does no harm: its changes lie behind the place, so none is skipped.
        self.skipping = match self.partial {
            Some((partial, place)) if partial == xid && !self.dropping => {
                self.partial = None;
                Some(place)
            }
            _ => None,
        };
    }

    /// Whether the change at `place` (its count starting at 1) is already done.
    pub(crate) fn is_done(&self, place: Place) -> bool {
        self.dropping || self.skipping.is_some_and(|done| place <= done)
    }

    /// Whether all of the current transaction is already done.
    pub(crate) fn is_dropping(&self) -> bool {
        self.dropping
    }

    /// Whether a message outside of transactions at `lsn` is already done.
    pub(crate) fn is_message_done(&self, lsn: Lsn) -> bool {
        self.completed.is_some_and(|done| lsn < done)
            || self.message.is_some_and(|done| lsn <= done)
    }

    /// The transaction ended.
    pub(crate) fn end(&mut self) {
        self.dropping = false;
        self.skipping = None;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::checkpoint::{Done, change_done, complete, message_done, snapshot_done};

    fn place(lsn: u64, at_lsn: u64) -> Place {
        Place {
            lsn: Lsn::new(lsn),
            at_lsn,
        }
    }

    fn offset() -> Offset {
        let mut offset = snapshot_done(Lsn::new(10), Some(1), 0);
        let done = Done {
            operation: "INSERT",
            lsn: Lsn::new(120),
            at_lsn: 2,
            xid: 9,
            commit_us: 0,
            last_commit: Some(Lsn::new(200)),
        };
        change_done(&mut offset, &done);
        offset
    }

    /// Transaction 9 wrote at 100 and 120 before transaction 8 committed at 190..200.
    #[test]
    fn an_interleaved_transaction_is_skipped_up_to_its_place() {
        let mut resume = Resume::from_offset(&offset());
        resume.begin(8, Lsn::new(190));
        assert!(resume.is_done(place(150, 1)), "8 is complete");
        resume.end();
        resume.begin(9, Lsn::new(210));
        for (lsn, at_lsn, done) in [
            (100, 1, true),
            (120, 1, true),
            (120, 2, true),
            (120, 3, false),
            (205, 1, false),
        ] {
            assert_eq!(resume.is_done(place(lsn, at_lsn)), done, "{lsn} {at_lsn}");
        }
        resume.end();
        resume.begin(10, Lsn::new(300));
        assert!(
            !resume.is_done(place(110, 1)),
            "another transaction is whole"
        );
    }

    #[test]
    fn a_message_is_done_once() {
        let mut offset = offset();
        message_done(&mut offset, Lsn::new(250));
        let mut resume = Resume::from_offset(&offset);
        for (lsn, done) in [(240, true), (250, true), (251, false)] {
            assert_eq!(resume.is_message_done(Lsn::new(lsn)), done, "{lsn}");
        }
        resume.begin(9, Lsn::new(210));
        assert!(resume.is_dropping(), "it committed before the message");
        complete(&mut offset, Lsn::new(300));
        assert!(Resume::from_offset(&offset).is_message_done(Lsn::new(299)));
    }

    #[test]
    fn a_complete_checkpoint_drops_whole_transactions_only() {
        let mut complete_offset = offset();
        complete(&mut complete_offset, Lsn::new(232));
        let mut resume = Resume::from_offset(&complete_offset);
        resume.begin(9, Lsn::new(210));
        assert!(resume.is_done(place(205, 1)));
        resume.end();
        resume.begin(11, Lsn::new(232));
        assert!(!resume.is_done(place(115, 1)));
    }
}
