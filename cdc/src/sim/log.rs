//! A random write-ahead log: what pgoutput gives of it, and what must come of that.
//!
//! Transactions are open side by side and commit in another order than they began; rows are locked as
//! in the server; some roll back. Several rows may share one LSN, and a transaction's first change may
//! lie where another one's commit ended.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

use super::chance::Chance;
use super::event::{Event, Kind};
use super::pgoutput::{self, Row};

/// Where the log begins.
pub(super) const START: u64 = 0x0100_0000;

/// Commit times begin here, in microseconds since the Unix epoch.
pub(super) const EPOCH_US: i64 = 1_700_000_000_000_000;

/// The last table is left out by the connector.
const HIDDEN: usize = 2;

/// A message, and the table that is announced before the first of its rows.
#[derive(Debug)]
pub(super) struct Frame {
    pub(super) lsn: u64,
    pub(super) table: Option<usize>,
    pub(super) data: Vec<u8>,
}

/// What is sent as one: a transaction, or a message outside of any.
#[derive(Debug)]
pub(super) struct Item {
    /// Where the commit's record or the message begins: whoever starts behind this does not get it.
    pub(super) start: u64,
    /// When it is there, in milliseconds.
    pub(super) at_ms: u64,
    pub(super) xid: Option<u32>,
    pub(super) frames: Vec<Frame>,
    /// Its events in [`Log::events`].
    pub(super) events: Range<usize>,
    /// Its changes: LSN, count at that LSN, and how many events there are up to its end.
    pub(super) places: Vec<(u64, u64, usize)>,
}

/// The whole log.
#[derive(Debug, Default)]
pub(super) struct Log {
    pub(super) items: Vec<Item>,
    /// What must come, in the order in which it is sent.
    pub(super) events: Vec<Event>,
    /// What the tables hold in the end: the value of each row.
    pub(super) rows: BTreeMap<(usize, i64), i64>,
    /// How far the log goes at a time, in milliseconds.
    pub(super) ends: Vec<(u64, u64)>,
}

impl Log {
    pub(super) fn new(chance: &mut Chance, metadata: bool) -> Self {
        let mut writer = Writer {
            chance: chance.part(),
            metadata,
            log: Self::default(),
            lsn: START,
            ms: 0,
            xid: 700,
            value: 0,
            rows: BTreeMap::new(),
            open: Vec::new(),
        };
        writer.write();
        let rows = writer.rows.into_iter();
        let rows = rows.filter(|((table, _), _)| *table != HIDDEN);
        writer.log.rows = rows.map(|(key, row)| (key, row.value)).collect();
        writer.log
    }

    /// How far the log goes at `ms`.
    pub(super) fn end_at(&self, ms: u64) -> u64 {
        let until = self.ends.partition_point(|(at, _)| *at <= ms);
        until
            .checked_sub(1)
            .map_or(START, |index| self.ends[index].1)
    }

    /// Where the log ends.
    pub(super) fn end(&self) -> u64 {
        self.end_at(u64::MAX)
    }

    /// How many events, from the first, are before `lsn`: those of all that is committed before it.
    pub(super) fn events_before(&self, lsn: u64) -> usize {
        let items = self.items.partition_point(|item| item.start < lsn);
        items
            .checked_sub(1)
            .map_or(0, |index| self.items[index].events.end)
    }
}

/// A transaction that is open.
struct Open {
    xid: u32,
    /// How many groups of changes it still wants, and whether its rows are large.
    left: u64,
    large: bool,
    changes: Vec<Change>,
    locked: BTreeSet<(usize, i64)>,
    /// What rows were before it.
    undo: Vec<((usize, i64), Option<Row>)>,
}

struct Change {
    lsn: u64,
    table: usize,
    data: Vec<u8>,
    events: Vec<Event>,
}

struct Writer {
    chance: Chance,
    metadata: bool,
    log: Log,
    lsn: u64,
    ms: u64,
    xid: u32,
    value: i64,
    rows: BTreeMap<(usize, i64), Row>,
    open: Vec<Open>,
}

impl Writer {
    fn write(&mut self) {
        let wanted = self.chance.between(10, 70) as usize;
        while self.log.items.len() < wanted {
            if self.chance.one_in(4) {
                self.ms += self.chance.below(60);
            }
            match self.chance.below(20) {
                0 => self.message(),
                1 => self.lsn += 8 * self.chance.between(1, 50),
                2..=6 if self.open.len() < 4 => self.begin(),
                _ if self.open.is_empty() => self.begin(),
                _ => self.go_on(),
            }
            self.log.ends.push((self.ms, self.lsn));
        }
        while let Some(open) = self.open.pop() {
            self.undo(open);
        }
    }

    fn begin(&mut self) {
        self.xid += 1;
        let large = self.chance.one_in(10);
        let most = if large { 40 } else { 5 };
        self.open.push(Open {
            xid: self.xid,
            left: self.chance.between(1, most),
            large,
            changes: Vec::new(),
            locked: BTreeSet::new(),
            undo: Vec::new(),
        });
    }

    /// Goes on with one of the transactions that are open.
    fn go_on(&mut self) {
        let index = self.chance.below(self.open.len() as u64) as usize;
        let mut open = self.open.swap_remove(index);
        if open.left > 0 {
            open.left -= 1;
            self.change(&mut open);
            self.open.push(open);
        } else if self.chance.one_in(12) {
            self.undo(open);
            self.lsn += 8 * self.chance.between(1, 5);
        } else if !open.changes.is_empty() {
            self.commit(open);
        }
    }

    fn undo(&mut self, open: Open) {
        for (key, row) in open.undo.into_iter().rev() {
            match row {
                Some(row) => self.rows.insert(key, row),
                None => self.rows.remove(&key),
            };
        }
    }

    /// One log record of changes.
    fn change(&mut self, open: &mut Open) {
        let table = self.chance.of(&[0, 0, 1, 1, HIDDEN]);
        let (keys, rows) = if open.large { (60, 5) } else { (8, 3) };
        let rows = if self.chance.one_in(2) {
            self.chance.between(1, rows + 1)
        } else {
            1
        };
        let lsn = self.lsn;
        for count in 0..rows {
            let key = (table, self.chance.between(1, keys + 1) as i64);
            let known = self.rows.get(&key).cloned();
            let is_locked = self.open.iter().any(|other| other.locked.contains(&key));
            // Only inserted rows share a log record.
            if is_locked || count > 0 && known.is_some() {
                continue;
            }
            match known {
                None => self.insert(open, key),
                Some(old) => {
                    self.modify(open, key, &old);
                    break;
                }
            }
        }
        self.lsn = lsn + 8 * self.chance.between(1, 12);
    }

    fn row(&mut self, open: &Open, id: i64) -> Row {
        self.value += 1;
        Row {
            id,
            value: self.value,
            body: match open.large {
                true => self.chance.between(4_000, 24_000) as usize,
                false => self.chance.below(60) as usize,
            },
        }
    }

    fn put(&mut self, open: &mut Open, key: (usize, i64), row: Option<Row>) {
        let before = match row {
            Some(row) => self.rows.insert(key, row),
            None => self.rows.remove(&key),
        };
        open.undo.push((key, before));
        open.locked.insert(key);
    }

    fn insert(&mut self, open: &mut Open, key: (usize, i64)) {
        let new = self.row(open, key.1);
        let data = pgoutput::insert(key.0, &new);
        let at = (open.xid, self.lsn);
        let event = Event::row(key.0, Kind::Create, at, (new.id, Some(new.value)));
        self.note(open, key.0, data, vec![event]);
        self.put(open, key, Some(new));
    }

    /// Updates a row, changes its key or deletes it.
    fn modify(&mut self, open: &mut Open, key: (usize, i64), old: &Row) {
        let (table, at) = (key.0, (open.xid, self.lsn));
        let full = table == 1;
        let deleted = Event::row(table, Kind::Delete, at, (old.id, full.then_some(old.value)));
        let mut gone = vec![deleted.clone(), deleted.tombstone()];
        match self.chance.below(6) {
            0 | 1 => {
                self.note(open, table, pgoutput::delete(table, old), gone);
                self.put(open, key, None);
            }
            2 => {
                let other = (table, self.chance.between(100, 120) as i64);
                let taken = self.open.iter().any(|open| open.locked.contains(&other));
                if taken || self.rows.contains_key(&other) {
                    return;
                }
                let new = self.row(open, other.1);
                let data = pgoutput::update(table, old, &new);
                let created = Event::row(table, Kind::Create, at, (new.id, Some(new.value)));
                gone.push(created);
                self.note(open, table, data, gone);
                self.put(open, key, None);
                self.put(open, other, Some(new));
            }
            _ => {
                let new = self.row(open, key.1);
                let data = pgoutput::update(table, old, &new);
                let event = Event::row(table, Kind::Update, at, (new.id, Some(new.value)));
                self.note(open, table, data, vec![event]);
                self.put(open, key, Some(new));
            }
        }
    }

    fn note(&self, open: &mut Open, table: usize, data: Vec<u8>, events: Vec<Event>) {
        open.changes.push(Change {
            lsn: self.lsn,
            table,
            data,
            events,
        });
    }

    fn commit(&mut self, open: Open) {
        let start = self.lsn;
        let end = start + 8 * self.chance.between(1, 6);
        self.lsn = end;
        let commit_us = EPOCH_US + self.ms as i64 * 1_000;
        let first = open.changes[0].lsn;
        let frame = |lsn, table, data| Frame { lsn, table, data };
        let mut frames = vec![frame(
            first,
            None,
            pgoutput::begin(start, commit_us, open.xid),
        )];
        let from = self.log.events.len();
        if self.metadata {
            let begun = Event::boundary(Kind::Begin, open.xid);
            self.log.events.push(begun);
        }
        let (mut places, mut last) = (Vec::new(), (0, 0));
        for change in open.changes {
            if change.table != HIDDEN {
                last = match last {
                    (lsn, count) if lsn == change.lsn => (lsn, count + 1),
                    _ => (change.lsn, 1),
                };
                self.log.events.extend(change.events);
                places.push((last.0, last.1, self.log.events.len() - from));
            }
            frames.push(frame(change.lsn, Some(change.table), change.data));
        }
        if self.metadata {
            let ended = Event::boundary(Kind::End, open.xid);
            self.log.events.push(ended);
        }
        frames.push(frame(end, None, pgoutput::commit(start, end, commit_us)));
        self.item(start, Some(open.xid), frames, from, places);
    }

    fn message(&mut self) {
        let lsn = self.lsn;
        let from = self.log.events.len();
        self.log.events.push(Event::message(lsn));
        let frame = Frame {
            lsn,
            table: None,
            data: pgoutput::message(lsn),
        };
        self.lsn += 8 * self.chance.between(5, 9);
        self.item(lsn, None, vec![frame], from, Vec::new());
    }

    fn item(
        &mut self,
        start: u64,
        xid: Option<u32>,
        frames: Vec<Frame>,
        from: usize,
        places: Vec<(u64, u64, usize)>,
    ) {
        self.log.items.push(Item {
            start,
            at_ms: self.ms,
            xid,
            frames,
            events: from..self.log.events.len(),
            places,
        });
    }
}
