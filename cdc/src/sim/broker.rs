//! A Kafka in memory: partitions, one transactional id, the offset of one connector.
//!
//! It takes what lands and says what became of it; when things land is the world's. Whatever becomes
//! durable is held against what it says.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex};

use walcast_wire::connect_offset::Offset;
use walcast_wire::lsn::Lsn;

use super::Broken;
use super::chance::Chance;
use super::log::Log;
use crate::checkpoint;
use crate::publish::deliveries::Deliveries;

/// A topic and the partition of it.
pub(super) type Place = (String, usize);

/// One session of a producer.
#[derive(Default)]
pub(super) struct Sender {
    pub(super) id: u64,
    pub(super) deliveries: Deliveries,
    /// Where a request failed: what comes after it is out of order, and refused.
    broken: Mutex<BTreeSet<Place>>,
}

impl Sender {
    pub(super) fn new(id: u64) -> Self {
        Self {
            id,
            ..Self::default()
        }
    }
}

/// What goes to one partition as one request.
pub(super) struct Request {
    pub(super) sender: Arc<Sender>,
    pub(super) seq: u64,
    pub(super) place: Place,
    /// How many records it has, and which of the log's events they are.
    pub(super) records: usize,
    pub(super) events: Vec<usize>,
    /// The offset that it stores.
    pub(super) offset: Option<Offset>,
    pub(super) transaction: Option<usize>,
}

impl Request {
    /// Whether it fails, by itself or because one before it did.
    fn is_refused(&self, fails: bool) -> bool {
        let mut broken = self.sender.broken.lock().unwrap();
        if fails {
            broken.insert(self.place.clone());
        }
        broken.contains(&self.place)
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Status {
    Open,
    Committed,
    Aborted,
}

/// What became of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Landed {
    Stored,
    /// It is not stored, and the client takes it for delivered.
    Unproven,
    Failed,
    Fenced,
}

/// A record in a partition.
#[derive(Debug, Clone, Copy)]
pub(super) struct Kept {
    pub(super) sender: u64,
    pub(super) event: usize,
    transaction: Option<usize>,
}

pub(super) struct Broker {
    log: Arc<Log>,
    broken: Option<Broken>,
    partitions: BTreeMap<Place, Vec<Kept>>,
    transactions: Vec<(Status, Option<Offset>)>,
    epoch: u32,
    /// The newest durable offset, and how many events it covers.
    offset: (Offset, usize),
    visible: Vec<bool>,
    /// How many events, from the first, are visible.
    prefix: usize,
}

impl Broker {
    pub(super) fn new(log: &Arc<Log>, broken: Option<Broken>, offset: Offset) -> Self {
        Self {
            log: Arc::clone(log),
            broken,
            partitions: BTreeMap::new(),
            transactions: Vec::new(),
            epoch: 0,
            offset: (offset, 0),
            visible: vec![false; log.events.len()],
            prefix: 0,
        }
    }

    /// The newest durable offset.
    pub(super) fn offset(&self) -> &Offset {
        &self.offset.0
    }

    /// A new instance has the transactional id from now on: what others left open is aborted.
    pub(super) fn take_over(&mut self) -> u32 {
        if self.broken != Some(Broken::NoFence) {
            self.abort_open();
        }
        self.epoch += 1;
        self.epoch
    }

    fn abort_open(&mut self) {
        for (status, _) in &mut self.transactions {
            if *status == Status::Open {
                *status = Status::Aborted;
            }
        }
    }

    /// A client of that epoch begins a transaction, which nobody but itself hears of.
    pub(super) fn begin(&mut self, epoch: u32) -> usize {
        let fenced = epoch != self.epoch && self.broken != Some(Broken::NoFence);
        let status = if fenced {
            Status::Aborted
        } else {
            Status::Open
        };
        self.transactions.push((status, None));
        self.transactions.len() - 1
    }

    /// The coordinator gives up a transaction that takes too long, and fences who had it open.
    pub(super) fn expire(&mut self, transaction: usize) {
        if self.is_open(transaction) {
            self.transactions[transaction].0 = Status::Aborted;
            self.epoch += 1;
        }
    }

    fn is_open(&self, transaction: usize) -> bool {
        self.transactions[transaction].0 == Status::Open
    }

    /// A request arrives.
    pub(super) fn land(
        &mut self,
        request: &Request,
        chance: &mut Chance,
        calm: bool,
    ) -> Result<Landed, String> {
        let fenced = request.transaction.is_some_and(|open| !self.is_open(open));
        if fenced {
            return Ok(Landed::Fenced);
        }
        if request.is_refused(!calm && chance.one_in(150)) {
            return Ok(Landed::Failed);
        }
        if !calm && request.transaction.is_some() && chance.one_in(200) {
            return Ok(Landed::Unproven);
        }
        let kept = request.events.iter().map(|event| Kept {
            sender: request.sender.id,
            event: *event,
            transaction: request.transaction,
        });
        let partition = self.partitions.entry(request.place.clone()).or_default();
        partition.extend(kept);
        match (request.transaction, &request.offset) {
            (Some(transaction), Some(offset)) => {
                self.transactions[transaction].1 = Some(offset.clone());
            }
            (Some(_), None) => {}
            (None, Some(offset)) => self.store(offset.clone())?,
            (None, None) => self.show(&request.events),
        }
        Ok(Landed::Stored)
    }

    /// Commits; `false` when the transaction is none that is open.
    pub(super) fn commit(&mut self, transaction: usize) -> Result<bool, String> {
        if !self.is_open(transaction) {
            return Ok(false);
        }
        self.transactions[transaction].0 = Status::Committed;
        let all = self.partitions.values().flatten();
        let all = all.filter(|kept| kept.transaction == Some(transaction));
        let events: Vec<usize> = all.map(|kept| kept.event).collect();
        self.show(&events);
        match self.transactions[transaction].1.take() {
            Some(offset) => self.store(offset).map(|()| true),
            None => Ok(true),
        }
    }

    fn show(&mut self, events: &[usize]) {
        events.iter().for_each(|event| self.visible[*event] = true);
        while self.visible.get(self.prefix) == Some(&true) {
            self.prefix += 1;
        }
    }

    /// An offset is durable: all that it covers must be there, and it must not go back.
    fn store(&mut self, offset: Offset) -> Result<(), String> {
        let covered = self.covered(&offset);
        let (before, most) = (self.offset.1, self.prefix);
        if covered > most {
            return Err(format!(
                "a checkpoint covers {covered} records, of which {most} are there: {offset}"
            ));
        }
        if covered < before {
            return Err(format!(
                "a checkpoint goes back from {before} records to {covered}: {offset}"
            ));
        }
        self.offset = (offset, covered);
        Ok(())
    }

    /// How many events, from the first, an offset covers.
    fn covered(&self, offset: &Offset) -> usize {
        let completed = checkpoint::completed(offset).unwrap_or(Lsn::ZERO).as_u64();
        let covered = self.log.events_before(completed);
        let next = self
            .log
            .items
            .partition_point(|item| item.start < completed);
        let Some(next) = self.log.items.get(next) else {
            return covered;
        };
        if let Some((xid, lsn, count)) = checkpoint::partial(offset)
            && next.xid == Some(xid)
        {
            let done = |place: &&(u64, u64, usize)| (place.0, place.1) <= (lsn.as_u64(), count);
            let places = next.places.iter().take_while(done);
            return covered + places.last().map_or(0, |(_, _, events)| *events);
        }
        let message = checkpoint::message(offset).map(Lsn::as_u64);
        covered + usize::from(next.xid.is_none() && message == Some(next.start))
    }

    /// The place of the first change that `offset` leaves to be done of its transaction, if there is one.
    pub(super) fn one_further(&self, offset: &Offset) -> Option<(u64, u64)> {
        let (xid, lsn, count) = checkpoint::partial(offset)?;
        let item = self.log.items.iter().find(|item| item.xid == Some(xid))?;
        let left = |place: &&(u64, u64, usize)| (place.0, place.1) > (lsn.as_u64(), count);
        let next = item.places.iter().find(left)?;
        Some((next.0, next.1))
    }

    /// The slot is told that all before `lsn` is done with: a durable checkpoint must say so, and all
    /// of it must be there.
    pub(super) fn check_confirmed(&self, lsn: u64) -> Result<(), String> {
        let (confirmed, visible) = (self.log.events_before(lsn), self.prefix);
        let completed = checkpoint::completed(self.offset()).map_or(0, Lsn::as_u64);
        if lsn > completed {
            return Err(format!(
                "the slot is told {lsn:#x}, the durable checkpoint is at {completed:#x}"
            ));
        }
        if confirmed > visible {
            return Err(format!(
                "the slot is told {lsn:#x}, before which {confirmed} records come, but {visible} are there"
            ));
        }
        Ok(())
    }

    /// What a reader that leaves out aborted and open transactions sees of each partition.
    pub(super) fn committed(&self) -> impl Iterator<Item = (&Place, Vec<Kept>)> {
        let seen = |kept: &&Kept| {
            let status = kept.transaction.map(|open| self.transactions[open].0);
            status.is_none_or(|status| status == Status::Committed)
        };
        self.partitions
            .iter()
            .map(move |(place, kept)| (place, kept.iter().filter(seen).copied().collect()))
    }
}
