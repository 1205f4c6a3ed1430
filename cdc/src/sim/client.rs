//! The engine's end of the broker in memory: what stands in for Kafka's client.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use walcast_wire::connect_offset::Offset;

use super::broker::{Place, Request, Sender};
use super::event::Event;
use super::world::{Step, World};
use super::{Broken, PARTITIONS};
use crate::batch::Batch;
use crate::error::{EngineError, Result};
use crate::publish::broker::{RecordProducer, Transactional};
use crate::publish::deliveries::{Deliveries, Outcome};
use crate::publish::offsets::OffsetRecord;

/// No transaction is open.
const NONE: u64 = u64::MAX;

/// A producer of one session of the engine.
pub(super) struct SimProducer {
    world: Arc<World>,
    sender: Arc<Sender>,
    transaction: AtomicU64,
    /// When the last request to a partition lands, and when its end is told.
    last: Mutex<BTreeMap<Place, (u64, u64)>>,
}

impl SimProducer {
    pub(super) fn new(world: &Arc<World>) -> Arc<Self> {
        Arc::new(Self {
            sender: Arc::new(Sender::new(world.number())),
            world: Arc::clone(world),
            transaction: AtomicU64::new(NONE),
            last: Mutex::default(),
        })
    }

    fn transaction(&self) -> Option<usize> {
        let open = self.transaction.load(Ordering::Relaxed);
        (open != NONE).then_some(open as usize)
    }

    /// Puts a request on its way: those to one partition land, and are told of, in order.
    fn send(&self, request: Request) {
        let mut state = self.world.state();
        let now = self.world.now_ms();
        let latency = state.latency_ms();
        let (land, tell) = (now + latency, state.latency_ms());
        let mut last = self.last.lock().unwrap();
        let last = last.entry(request.place.clone()).or_default();
        let land = land.max(last.0);
        let tell = (land + tell).max(last.1);
        *last = (land, tell);
        if state.broken == Some(Broken::AckEarly) {
            self.sender
                .deliveries
                .note(request.seq, request.records, Outcome::Delivered);
        }
        state.put(land, Step::Land(request, tell));
        drop(state);
        self.world.wake();
    }

    fn requests(&self, batch: &Batch) -> std::result::Result<Vec<Request>, String> {
        let mut requests: BTreeMap<Place, Request> = BTreeMap::new();
        let mut before = None;
        for record in batch.iter() {
            let event = Event::read(&record, before.as_ref())?;
            let partition = match &event {
                Some(event) => event.id.unsigned_abs() as usize % PARTITIONS,
                None => 0,
            };
            let place = (record.topic().to_string(), partition);
            let request = requests.entry(place.clone()).or_insert_with(|| Request {
                sender: Arc::clone(&self.sender),
                seq: batch.seq,
                place,
                records: 0,
                events: Vec::new(),
                offset: None,
                transaction: self.transaction(),
            });
            request.records += 1;
            if let Some(event) = &event {
                request.events.push(self.world.index_of(event)?);
            }
            before = event.or(before);
        }
        Ok(requests.into_values().collect())
    }
}

impl RecordProducer for SimProducer {
    fn deliveries(&self) -> &Deliveries {
        &self.sender.deliveries
    }

    async fn await_topic(self: &Arc<Self>, _topic: &Arc<str>) -> Result<()> {
        self.world.pause().await;
        Ok(())
    }

    async fn send_batch(&self, batch: Batch) -> Result<()> {
        if batch.is_empty() {
            return Ok(());
        }
        let batch = Arc::new(batch);
        let requests = match self.requests(&batch) {
            Ok(requests) => requests,
            Err(trouble) => {
                self.world.trouble(&trouble);
                return Err(EngineError::definite(trouble));
            }
        };
        self.sender.deliveries.begin(&batch);
        requests.into_iter().for_each(|request| self.send(request));
        if self.world.state().chance.one_in(4) {
            self.world.pause().await;
        }
        Ok(())
    }

    fn send_offset(&self, _record: &OffsetRecord, seq: u64, value: &[u8]) -> Result<()> {
        let offset = Offset::parse(value)
            .map_err(|e| EngineError::definite("the offset is none").because(e))?;
        self.send(Request {
            sender: Arc::clone(&self.sender),
            seq,
            place: ("offsets".to_owned(), 0),
            records: 1,
            events: Vec::new(),
            offset: Some(offset),
            transaction: self.transaction(),
        });
        Ok(())
    }

    fn push(&self) {}
}

impl Drop for SimProducer {
    fn drop(&mut self) {
        self.world.abandon(self.sender.id);
    }
}

/// Transactions of a producer that has taken over the connector's id.
pub(super) struct SimTransactions {
    producer: Arc<SimProducer>,
    epoch: u32,
}

impl SimTransactions {
    pub(super) async fn take_over(producer: Arc<SimProducer>) -> Result<Self> {
        let world = Arc::clone(&producer.world);
        world.pause().await;
        world.may_fail(20, "taking over the transactional id")?;
        let epoch = world.state().broker.take_over();
        world.pause().await;
        Ok(Self { producer, epoch })
    }
}

impl Transactional for SimTransactions {
    type Producer = SimProducer;

    fn producer(&self) -> &Arc<SimProducer> {
        &self.producer
    }

    async fn begin(&mut self) -> Result<()> {
        let world = &self.producer.world;
        world.pause().await;
        let mut state = world.state();
        let transaction = state.broker.begin(self.epoch);
        if !state.calm && state.chance.one_in(100) {
            let at = world.now_ms() + state.chance.below(30);
            state.put(at, Step::Expire(transaction));
        }
        drop(state);
        world.wake();
        let open = &self.producer.transaction;
        open.store(transaction as u64, Ordering::Relaxed);
        Ok(())
    }

    async fn commit(&mut self) -> Result<()> {
        let world = &self.producer.world;
        world.pause().await;
        let doing = "committing a transaction";
        world.may_fail(80, doing)?;
        let open = &self.producer.transaction;
        let transaction = open.swap(NONE, Ordering::Relaxed) as usize;
        let committed = world.state().broker.commit(transaction);
        match committed {
            Ok(true) => {}
            Ok(false) => return Err(EngineError::fenced(format!("while {doing}: fenced"))),
            Err(trouble) => {
                world.trouble(&trouble);
                return Err(EngineError::definite(trouble));
            }
        }
        // The answer takes its time, and may be lost.
        let wait = world.state().latency_ms();
        tokio::time::sleep(Duration::from_millis(wait)).await;
        world.may_fail(80, doing)
    }
}
