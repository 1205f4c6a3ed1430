//! Where the stream stands: which transaction, which change, and what a checkpoint would say.

use std::collections::VecDeque;

use walcast_wire::connect_offset::Offset;
use walcast_wire::context::{ChangeContext, SnapshotMarker};
use walcast_wire::lsn::Lsn;

use super::resume::{Place, Resume};
use crate::batch::{Mark, Urgency};
use crate::checkpoint::{self, Done};
use crate::snapshot::Point;

/// How many of the last transactions' ends are remembered.
const ENDS_MAX: usize = 1024;

/// The stream's position and the offset that describes it.
pub(crate) struct Cursor {
    resume: Resume,
    /// The offset after the last change that counts, but for what [`Self::said`] has yet to say.
    offset: Offset,
    /// The last change that gave a record, where the offset does not tell of it yet.
    done: Option<Done>,
    /// Whether all changes at the LSN of the last one that gave a record are done, where the offset
    /// does not tell so yet.
    group_done: bool,
    /// End of the last complete transaction, as `source.sequence` shows it.
    last_commit: Option<Lsn>,
    /// What was complete when the session began.
    floor: Option<Lsn>,
    /// What the slot may be told: the end of the last complete transaction, or a keepalive behind it.
    confirm: Lsn,
    transaction: Option<Transaction>,
    commit_us: i64,
    /// The last transaction whose end was read, and that end, while nothing came after it.
    ended: Option<(u32, Lsn)>,
    /// The last message outside of transactions.
    message: Option<Lsn>,
    /// Where the last transactions ended.
    ends: VecDeque<Lsn>,
    /// Where the current transaction was replicated from: name of the origin, LSN there.
    origin: Option<(String, Lsn)>,
    /// Whether something happened that a checkpoint would say.
    moved: bool,
}

struct Transaction {
    xid: u32,
    place: Place,
    /// Whether a change of it has given a record in this session.
    told: bool,
}

impl Cursor {
    /// Goes on from `offset`; `floor` is what was complete before this session, if any was.
    pub(crate) fn new(offset: Offset, floor: Option<Lsn>) -> Self {
        Self {
            resume: Resume::from_offset(&offset),
            last_commit: checkpoint::last_commit(&offset),
            floor,
            confirm: checkpoint::completed(&offset).unwrap_or(Lsn::ZERO),
            commit_us: offset.ts_usec.unwrap_or(0),
            offset,
            done: None,
            group_done: false,
            transaction: None,
            ended: None,
            message: None,
            ends: VecDeque::with_capacity(ENDS_MAX),
            origin: None,
            moved: false,
        }
    }

    /// Commit time of the current or last transaction, in microseconds since the Unix epoch.
    pub(crate) fn commit_us(&self) -> i64 {
        self.commit_us
    }

    pub(crate) fn begin(&mut self, xid: u32, commit_start: Lsn, commit_us: i64) {
        self.resume.begin(xid, commit_start);
        self.commit_us = commit_us;
        self.ended = None;
        self.origin = None;
        self.transaction = Some(Transaction {
            xid,
            place: Place {
                lsn: Lsn::ZERO,
                at_lsn: 0,
            },
            told: false,
        });
    }

    /// The current transaction came from another server.
    pub(crate) fn origin(&mut self, name: &str, lsn: Lsn) {
        self.origin = Some((name.to_owned(), lsn));
    }

    /// Whether all of the current transaction was done before this session.
    pub(crate) fn is_dropping(&self) -> bool {
        self.resume.is_dropping()
    }

    /// The transaction is complete; all before `end` is.
    pub(crate) fn commit(&mut self, end: Lsn) {
        // One that was done before this session, or before the snapshot, is none that was seen.
        if !self.resume.is_dropping() {
            self.last_commit = self.last_commit.max(Some(end));
        }
        self.resume.end();
        self.ended = self.transaction.take().map(|done| (done.xid, end));
        if self.ends.len() == ENDS_MAX {
            self.ends.pop_front();
        }
        self.ends.push_back(end);
        self.complete(end);
    }

    /// The server has nothing more for us before `end`.
    pub(crate) fn keepalive(&mut self, end: Lsn) {
        if self.transaction.is_none() {
            self.complete(end);
        }
    }

    fn complete(&mut self, end: Lsn) {
        if end <= self.confirm {
            return;
        }
        self.confirm = end;
        checkpoint::complete(self.said(), end);
        self.moved = true;
    }

    /// Counts a change; `true` when it was already done before this session.
    pub(crate) fn change(&mut self, lsn: Lsn) -> bool {
        let Some(transaction) = &mut self.transaction else {
            return false;
        };
        transaction.place = next(transaction.place, lsn);
        self.group_done |= transaction.place.at_lsn == 1 && transaction.told;
        self.resume.is_done(transaction.place)
    }

    /// Whether further changes may follow at the LSN of the one counted last: rows of a COPY that
    /// share a log record.
    pub(crate) fn is_in_group(&self) -> bool {
        let place = self.transaction.as_ref().map(|t| t.place);
        place.is_some_and(|place| place.at_lsn > 0)
    }

    /// Whether Debezium, too, would go on exactly from behind what came before the change counted
    /// last: a group begins with it, and not where another transaction ended, at whose COMMIT
    /// Debezium would take itself to have found the place.
    pub(crate) fn begins_group(&self) -> bool {
        let place = self.transaction.as_ref().map(|t| t.place);
        place.is_some_and(|place| place.at_lsn == 1 && !self.ends.contains(&place.lsn))
    }

    /// A logical message outside of any transaction: all committed before it is complete. `true`
    /// when it was already done before this session.
    pub(crate) fn message_outside(&mut self, lsn: Lsn) -> bool {
        self.message = Some(lsn);
        if self.resume.is_message_done(lsn) {
            return true;
        }
        self.ended = None;
        self.last_commit = self.last_commit.max(Some(lsn));
        self.complete(lsn);
        false
    }

    /// That message gave a record.
    pub(crate) fn message_emitted(&mut self, lsn: Lsn) {
        checkpoint::message_done(self.said(), lsn);
        self.moved = true;
    }

    /// A record tells the position although no change did: after a commit in Debezium's words.
    pub(crate) fn tell(&mut self) {
        if let Some((xid, end)) = self.ended {
            let (commit_us, confirm) = (self.commit_us, self.confirm);
            let offset = self.said();
            checkpoint::commit_done(offset, xid, end, commit_us);
            checkpoint::complete(offset, confirm.max(end));
        }
        self.moved = true;
    }

    /// Something changed that the offset says beside the position.
    pub(crate) fn touch(&mut self) {
        self.moved = true;
    }

    /// The offset after the last change that counts.
    pub(crate) fn offset(&mut self) -> &Offset {
        self.said()
    }

    /// The offset, after it was told what it did not tell yet: a batch's last change is enough.
    fn said(&mut self) -> &mut Offset {
        if let Some(done) = self.done.take() {
            checkpoint::change_done(&mut self.offset, &done);
        }
        if std::mem::take(&mut self.group_done) {
            checkpoint::group_done(&mut self.offset);
        }
        &mut self.offset
    }

    /// The transaction at hand.
    pub(crate) fn xid(&self) -> Option<u32> {
        self.transaction.as_ref().map(|transaction| transaction.xid)
    }

    /// Where all that was read ends, between transactions.
    pub(crate) fn boundary(&self) -> Option<Lsn> {
        self.transaction.is_none().then_some(self.confirm)
    }

    /// What a snapshot that is taken here, between two transactions, says of its rows.
    pub(crate) fn snapshot_point(&self, taken_us: i64) -> Point {
        let (txid, lsn) = match self.ended {
            Some((xid, end)) => (Some(xid), end),
            None => (None, self.confirm),
        };
        Point {
            lsn,
            last_commit: self.last_commit,
            txid,
            taken_us,
        }
    }

    /// The change counted last gave a record: a checkpoint behind it would say so.
    pub(crate) fn emitted(&mut self, operation: &'static str) {
        let Some(Transaction { xid, place, told }) = &mut self.transaction else {
            return;
        };
        *told = true;
        self.done = Some(Done {
            operation,
            lsn: place.lsn,
            at_lsn: place.at_lsn,
            xid: *xid,
            commit_us: self.commit_us,
            last_commit: self.last_commit.max(self.floor),
        });
        self.group_done = false;
        self.moved = true;
    }

    /// What the encoder needs to know of the change counted last.
    pub(crate) fn context(&self, now_ns: i64) -> ChangeContext<'_> {
        let place = self.transaction.as_ref().map(|t| t.place.lsn);
        self.context_at(place.unwrap_or(Lsn::ZERO), now_ns)
    }

    /// What the encoder needs to know of something at `lsn`, in the transaction if there is one.
    pub(crate) fn context_at(&self, lsn: Lsn, now_ns: i64) -> ChangeContext<'_> {
        let transaction = self.transaction.as_ref();
        let origin = self.origin.as_ref().filter(|_| transaction.is_some());
        ChangeContext {
            lsn,
            last_commit: self.last_commit,
            txid: transaction.map(|t| t.xid),
            source_ts_us: self.commit_us,
            now_ns,
            snapshot: SnapshotMarker::False,
            xmin: None,
            origin: origin.map(|(name, _)| &**name),
            origin_lsn: origin.map(|(_, lsn)| *lsn),
        }
    }

    /// What the encoder needs to know of a row that is read beside the stream.
    pub(crate) fn context_beside(&self, now_ns: i64) -> ChangeContext<'_> {
        let place = self.transaction.as_ref().map(|t| t.place.lsn);
        ChangeContext {
            txid: None,
            source_ts_us: now_ns.div_euclid(1_000),
            snapshot: SnapshotMarker::Incremental,
            origin: None,
            origin_lsn: None,
            ..self.context_at(place.unwrap_or(self.confirm), now_ns)
        }
    }

    /// What is true once all emitted so far is durable; none when nothing moved since the last call.
    pub(crate) fn take_mark(&mut self) -> Option<Mark> {
        if !std::mem::take(&mut self.moved) {
            return None;
        }
        let confirm = self.confirm;
        let mut offset = self.said().clone();
        checkpoint::confirm(&mut offset, confirm, self.message);
        Some(Mark {
            offset,
            confirm,
            urgency: Urgency::Interval,
        })
    }
}

fn next(place: Place, lsn: Lsn) -> Place {
    if place.lsn == lsn {
        Place {
            lsn,
            at_lsn: place.at_lsn + 1,
        }
    } else {
        Place { lsn, at_lsn: 1 }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn change(cursor: &mut Cursor, lsn: u64) -> bool {
        cursor.change(Lsn::new(lsn));
        let begins = cursor.begins_group();
        cursor.emitted("INSERT");
        begins
    }

    /// What a checkpoint says: `lsn`, `lsn_proc`, `lsn_events_processed`.
    fn told(cursor: &mut Cursor) -> Option<(u64, u64, Option<u64>)> {
        let offset = cursor.take_mark()?.offset;
        Some((offset.lsn?, offset.lsn_proc?, offset.lsn_events_processed))
    }

    #[test]
    fn a_batch_ends_between_the_groups_of_a_transaction() {
        let mut cursor = Cursor::new(Offset::default(), None);
        cursor.begin(8, Lsn::new(800), 0);
        assert!(!cursor.is_in_group());
        let begins = [96, 96, 104, 96 + 16].map(|lsn| change(&mut cursor, lsn));
        assert_eq!(begins, [true, false, true, true]);
        assert!(cursor.is_in_group());
        cursor.commit(Lsn::new(840));
        assert!(!cursor.is_in_group());
        assert_eq!(told(&mut cursor), Some((112, 839, Some(1))));

        cursor.begin(9, Lsn::new(960), 0);
        assert!(!change(&mut cursor, 840), "a transaction ended there");
        assert!(!change(&mut cursor, 840));
        cursor.change(Lsn::new(880));
        assert!(cursor.begins_group());
        let before = told(&mut cursor);
        assert_eq!(before, Some((840, 840, None)), "all that is at 840 is done");
        cursor.emitted("INSERT");
        assert!(!change(&mut cursor, 880));
        assert_eq!(told(&mut cursor), Some((880, 880, Some(2))));
    }
}
