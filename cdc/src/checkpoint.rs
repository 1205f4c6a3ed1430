//! What a stored offset means to the engine, and how it is moved on.
//!
//! The fields and their shape are Debezium's. Seen on a live Debezium 3.7: after a record,
//! `lsn_proc` = `lsn` = the record's LSN, `lsn_events_processed` counts the records at that LSN (all
//! rows of a COPY share one), `lsn_commit` is the end of the last transaction *before* the record's
//! own (absent while there was none), and nothing is written when a transaction ends.
//!
//! Walcast says one thing more in the same fields: an `lsn_proc` past `lsn` means that all
//! transactions up to there are complete. It is stored as the last byte before that position. Records
//! of the log begin at multiples of [`ALIGNMENT`], so nothing is ever found at such an LSN: Debezium's
//! `WalPositionLocator`, which takes the event at `lsn_proc` for the last one that is done, would
//! leave out the first change after a transaction, since it often begins where that one ends.
//!
//! One field is Walcast's own, `walcast_confirmed`, in an offset inside of a transaction. `lsn_commit`
//! is the end of the last commit then; a keepalive, or a message outside of transactions, may have said
//! since that more is complete, and the slot may have been told so. A transaction may even have changes
//! at LSNs that the slot is past: they were written before, and committed after it.
//!
//! Debezium goes on exactly from an offset inside of a transaction where all changes at its LSN are
//! done and their count is absent or 1. With a count it takes the `BEGIN`, which has the LSN of the
//! transaction's first change, for one of them and sends the last one again; and with a count of 1
//! it leaves out the others. So offsets in the middle of such a group are avoided
//! ([`group_done`]; `stream` hands its batches on between groups).

use walcast_wire::connect_offset::Offset;
use walcast_wire::lsn::Lsn;

/// What the LSN of every log record is a multiple of (PostgreSQL's `MAXIMUM_ALIGNOF`).
const ALIGNMENT: u64 = 8;

/// `messageType` of a logical message.
pub(crate) const MESSAGE: &str = "MESSAGE";

/// What is complete, where no other field of an offset tells of it: within a transaction, more may be
/// than the last commit.
const CONFIRMED: &str = "walcast_confirmed";

/// A change that is done.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Done {
    /// `INSERT`, `UPDATE`, `DELETE`, `TRUNCATE` or `MESSAGE`.
    pub(crate) operation: &'static str,
    pub(crate) lsn: Lsn,
    /// The change's place among those at `lsn`, from 1.
    pub(crate) at_lsn: u64,
    pub(crate) xid: u32,
    /// Commit time, in microseconds since the Unix epoch.
    pub(crate) commit_us: i64,
    /// The end of the last transaction before this one, when there was one.
    pub(crate) last_commit: Option<Lsn>,
}

/// The offset of a connector that takes no snapshot, before the first change: all before its slot's
/// position counts as done. Without it a checkpoint that tells of something else, as of an incremental
/// snapshot, would tell no position.
pub(crate) fn begin(slot: Option<Lsn>) -> Offset {
    let mut offset = Offset::default();
    if let Some(position) = slot {
        complete(&mut offset, position);
    }
    offset
}

/// The offset once a snapshot at `lsn` is complete.
pub(crate) fn snapshot_done(lsn: Lsn, txid: Option<u32>, taken_us: i64) -> Offset {
    Offset {
        last_snapshot_record: Some(true),
        lsn: Some(lsn.as_u64()),
        tx_id: txid.map(Into::into),
        ts_usec: Some(taken_us),
        snapshot: Some("INITIAL".to_owned()),
        snapshot_completed: Some(true),
        ..Offset::default()
    }
}

/// The offset while a snapshot at `lsn` runs.
pub(crate) fn snapshot_running(lsn: Lsn, txid: Option<u32>, taken_us: i64) -> Offset {
    Offset {
        last_snapshot_record: Some(false),
        snapshot_completed: Some(false),
        ..snapshot_done(lsn, txid, taken_us)
    }
}

/// Whether a snapshot was begun and not finished, so that it must be taken again.
pub(crate) fn snapshot_unfinished(offset: &Offset) -> bool {
    offset.snapshot.is_some() && offset.snapshot_completed != Some(true)
}

/// The offset after a change that gave a record.
pub(crate) fn change_done(offset: &mut Offset, done: &Done) {
    *offset = Offset {
        lsn_proc: Some(done.lsn.as_u64()),
        // A message's LSN is its own.
        lsn_events_processed: (done.operation != MESSAGE).then_some(done.at_lsn),
        message_type: Some(done.operation.to_owned()),
        lsn_commit: done.last_commit.map(Lsn::as_u64),
        lsn: Some(done.lsn.as_u64()),
        tx_id: Some(done.xid.into()),
        ts_usec: Some(done.commit_us),
        ..Offset::default()
    };
}

/// All changes at the LSN of the last one that gave a record are done.
pub(crate) fn group_done(offset: &mut Offset) {
    // A count of 1 says the same, and is what Debezium has there.
    offset.lsn_events_processed = offset.lsn_events_processed.filter(|count| *count == 1);
}

/// The offset after a record for a message outside of transactions.
pub(crate) fn message_done(offset: &mut Offset, lsn: Lsn) {
    let lsn = Some(lsn.as_u64());
    *offset = Offset {
        lsn_proc: lsn,
        message_type: Some(MESSAGE.to_owned()),
        lsn_commit: lsn,
        lsn,
        ts_usec: offset.ts_usec,
        ..Offset::default()
    };
}

/// The offset after a record behind the end of a transaction.
pub(crate) fn commit_done(offset: &mut Offset, xid: u32, end: Lsn, commit_us: i64) {
    let end = Some(end.as_u64());
    *offset = Offset {
        lsn_proc: end,
        message_type: Some("COMMIT".to_owned()),
        lsn_commit: end,
        lsn: end,
        tx_id: Some(xid.into()),
        ts_usec: Some(commit_us),
        ..Offset::default()
    };
}

/// The last message outside of transactions that is done, when the offset stands at one.
pub(crate) fn message(offset: &Offset) -> Option<Lsn> {
    let outside = offset.message_type.as_deref() == Some(MESSAGE) && offset.tx_id.is_none();
    offset.lsn.filter(|_| outside).map(Lsn::new)
}

/// The slot may be told `position` once the offset is durable: all that committed before is done, and
/// so is `message`, the last one outside of transactions.
pub(crate) fn confirm(offset: &mut Offset, position: Lsn, message: Option<Lsn>) {
    // What follows a message directly begins at a multiple of the alignment.
    let behind = message.map(|message| Lsn::new(message.as_u64() + 1));
    let complete = behind.max(Some(position)).filter(|lsn| lsn.is_valid());
    if partial(offset).is_some() && complete > completed(offset) {
        let told = complete.map(Lsn::as_u64).into();
        offset.extra.insert(CONFIRMED.to_owned(), told);
    }
}

fn confirmed(offset: &Offset) -> Option<Lsn> {
    let told = offset.extra.get(CONFIRMED)?.as_u64()?;
    Some(Lsn::new(told))
}

/// The offset once all transactions up to `end` are complete.
pub(crate) fn complete(offset: &mut Offset, end: Lsn) {
    offset.extra.remove(CONFIRMED);
    if offset.snapshot.is_some() {
        offset.lsn = Some(end.as_u64());
    } else if offset.lsn.is_none_or(|lsn| lsn < end.as_u64()) {
        offset.lsn_proc = Some(end.as_u64().saturating_sub(1));
    }
}

/// `lsn_proc`; past `lsn`, the last byte before a position stands for that position.
fn processed(offset: &Offset) -> Option<Lsn> {
    let proc = offset.lsn_proc?;
    let past = Some(proc) > offset.lsn;
    let aligned = proc.checked_next_multiple_of(ALIGNMENT);
    Some(Lsn::new(aligned.filter(|_| past).unwrap_or(proc)))
}

/// Up to where all transactions are complete; `None` when only the slot knows.
pub(crate) fn completed(offset: &Offset) -> Option<Lsn> {
    let (proc, lsn) = (processed(offset), offset.lsn.map(Lsn::new));
    let commit = offset.lsn_commit.map(Lsn::new).max(confirmed(offset));
    match (proc, lsn) {
        _ if offset.snapshot.is_some() => lsn.max(commit),
        (Some(proc), Some(lsn)) if proc > lsn => Some(proc).max(commit),
        (Some(proc), None) => Some(proc).max(commit),
        _ => commit,
    }
}

/// The change that is done inside a transaction that is not complete: its xid, LSN and count.
pub(crate) fn partial(offset: &Offset) -> Option<(u32, Lsn, u64)> {
    if offset.snapshot.is_some() || offset.lsn_proc.map(Lsn::new) > offset.lsn.map(Lsn::new) {
        return None;
    }
    let lsn = offset.lsn.map(Lsn::new)?;
    // The server's xid is 32 bits wide; the offset keeps it in 64.
    let xid = u32::try_from(offset.tx_id?).ok()?;
    // An offset of an older Debezium without the count speaks of all changes at that LSN.
    let count = offset.lsn_events_processed;
    Some((xid, lsn, count.unwrap_or(u64::MAX)))
}

/// The first element of `source.sequence` until a commit is seen: `lsn_commit`, and where that is
/// absent `lsn_proc`, as Debezium has it. Behind a complete transaction it is that one's end, which
/// Debezium reads again.
pub(crate) fn last_commit(offset: &Offset) -> Option<Lsn> {
    let lsn = offset.lsn.map(Lsn::new)?;
    let proc = processed(offset);
    let complete = proc.filter(|proc| *proc > lsn);
    complete.or(offset.lsn_commit.map(Lsn::new)).or(proc)
}

/// The furthest position the offset speaks of.
pub(crate) fn position(offset: &Offset) -> Lsn {
    let others = [offset.lsn_commit, offset.lsn];
    let others = others.into_iter().flatten().map(Lsn::new);
    let others = others.chain(processed(offset)).chain(confirmed(offset));
    others.max().unwrap_or(Lsn::ZERO)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn done(lsn: u64, at_lsn: u64, last_commit: Option<u64>) -> Offset {
        let mut offset = snapshot_done(Lsn::new(10), Some(7), 1);
        let last_commit = last_commit.map(Lsn::new);
        let lsn = Lsn::new(lsn);
        change_done(
            &mut offset,
            &Done {
                operation: "INSERT",
                lsn,
                at_lsn,
                xid: 9,
                commit_us: 5,
                last_commit,
            },
        );
        offset
    }

    /// Transaction 9 wrote at 120, the server said that all before 300 is done, and 9 committed.
    #[test]
    fn what_the_slot_was_told_is_known_in_a_transaction_that_began_before() {
        let mut offset = done(120, 1, Some(100));
        confirm(&mut offset, Lsn::new(100), None);
        assert!(offset.extra.is_empty(), "the other fields say so");
        confirm(&mut offset, Lsn::new(300), None);
        let mut offset = Offset::parse(&offset.to_json()).unwrap();
        assert_eq!(position(&offset), Lsn::new(300));
        assert_eq!(completed(&offset), Some(Lsn::new(300)));
        assert_eq!(partial(&offset), Some((9, Lsn::new(120), 1)));
        complete(&mut offset, Lsn::new(400));
        assert!(offset.extra.is_empty());
        assert_eq!(position(&offset), Lsn::new(400));
    }

    #[test]
    fn a_message_stays_done_in_the_transaction_behind_it() {
        let mut offset = done(120, 1, Some(100));
        confirm(&mut offset, Lsn::new(100), Some(Lsn::new(96)));
        assert!(offset.extra.is_empty(), "the transaction came later");
        confirm(&mut offset, Lsn::new(100), Some(Lsn::new(100)));
        let offset = Offset::parse(&offset.to_json()).unwrap();
        assert!(completed(&offset) > Some(Lsn::new(100)));
        assert_eq!(position(&offset), Lsn::new(120));
        assert_eq!(partial(&offset), Some((9, Lsn::new(120), 1)));
    }

    #[test]
    fn a_connector_without_a_snapshot_begins_where_its_slot_stands() {
        let offset = begin(Some(Lsn::new(800)));
        assert_eq!(completed(&offset), Some(Lsn::new(800)));
        assert_eq!(position(&offset), Lsn::new(800));
        assert_eq!((partial(&offset), last_commit(&offset)), (None, None));
        assert_eq!(begin(None), Offset::default());
    }

    #[test]
    fn a_snapshot_is_complete_up_to_its_lsn() {
        let mut offset = snapshot_done(Lsn::new(10), Some(7), 1);
        assert_eq!(
            (completed(&offset), partial(&offset)),
            (Some(Lsn::new(10)), None)
        );
        complete(&mut offset, Lsn::new(40));
        assert_eq!(completed(&offset), Some(Lsn::new(40)));
        assert!(!snapshot_unfinished(&offset));
    }

    #[test]
    fn within_a_transaction_only_what_was_before_it_is_complete() {
        let offset = done(120, 3, Some(110));
        assert_eq!(completed(&offset), Some(Lsn::new(110)));
        assert_eq!(partial(&offset), Some((9, Lsn::new(120), 3)));
        assert_eq!(completed(&done(120, 1, None)), None);
    }

    #[test]
    fn messages_and_commits_are_told_in_debeziums_words() {
        let mut offset = done(120, 3, Some(110));
        message_done(&mut offset, Lsn::new(150));
        assert_eq!(
            offset.to_json(),
            br#"{"lsn_proc":150,"messageType":"MESSAGE","lsn_commit":150,"lsn":150,"ts_usec":5}"#
        );
        assert_eq!(message(&offset), Some(Lsn::new(150)));
        assert_eq!(
            (completed(&offset), partial(&offset)),
            (Some(Lsn::new(150)), None)
        );
        commit_done(&mut offset, 9, Lsn::new(170), 6);
        assert_eq!(
            offset.to_json(),
            br#"{"lsn_proc":170,"messageType":"COMMIT","lsn_commit":170,"lsn":170,"txId":9,"ts_usec":6}"#
        );
        assert_eq!(
            (completed(&offset), message(&offset)),
            (Some(Lsn::new(170)), None)
        );
    }

    #[test]
    fn a_complete_transaction_leaves_nothing_half_done() {
        let mut offset = done(120, 3, Some(110));
        complete(&mut offset, Lsn::new(152));
        assert_eq!(offset.lsn_proc, Some(151), "no record begins there");
        assert_eq!(completed(&offset), Some(Lsn::new(152)));
        assert_eq!(partial(&offset), None);
        assert_eq!(position(&offset), Lsn::new(152));
    }

    #[test]
    fn what_stands_at_an_end_already_stays() {
        let mut offset = done(120, 3, Some(110));
        commit_done(&mut offset, 9, Lsn::new(152), 6);
        let at_commit = offset.clone();
        complete(&mut offset, Lsn::new(152));
        assert_eq!(offset, at_commit);
        complete(&mut offset, Lsn::new(160));
        assert_eq!(completed(&offset), Some(Lsn::new(160)));
    }

    #[test]
    fn a_whole_group_of_changes_is_told_without_its_count() {
        for (count, told) in [(1, Some(1)), (3, None)] {
            let mut offset = done(120, count, Some(112));
            group_done(&mut offset);
            assert_eq!(offset.lsn_events_processed, told);
            let (xid, lsn, done) = partial(&offset).expect("a change");
            assert_eq!((xid, lsn), (9, Lsn::new(120)));
            assert!(done >= count);
        }
    }

    #[test]
    fn the_last_commit_is_debeziums_after_a_restart() {
        assert_eq!(last_commit(&snapshot_done(Lsn::new(10), Some(7), 1)), None);
        assert_eq!(last_commit(&done(120, 3, None)), Some(Lsn::new(120)));
        let mut offset = done(120, 3, Some(110));
        assert_eq!(last_commit(&offset), Some(Lsn::new(110)));
        complete(&mut offset, Lsn::new(152));
        assert_eq!(last_commit(&offset), Some(Lsn::new(152)));
    }
}
