//! What is around the engine: its log, its broker, its server, and what happens when.

use std::collections::{BTreeMap, HashMap};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use tokio::sync::Notify;
use tokio::task::JoinSet;
use tokio::time::Instant;

use super::Broken;
use super::broker::{Broker, Landed, Request};
use super::chance::Chance;
use super::event::Event;
use super::log::{EPOCH_US, Log};
use super::scenario::Scenario;
use super::server::Slot;
use crate::checkpoint;
use crate::clock::Clock;
use crate::error::{EngineError, Result};
use crate::publish::deliveries::Outcome;
use walcast_wire::lsn::Lsn;

/// Something that happens at its time.
pub(super) enum Step {
    /// A request arrives, and its sender hears of it at the time given.
    Land(Request, u64),
    Tell(Request, Landed),
    /// The coordinator gives up a transaction.
    Expire(usize),
}

pub(super) struct State {
    pub(super) chance: Chance,
    pub(super) broken: Option<Broken>,
    /// Nothing fails any more.
    pub(super) calm: bool,
    pub(super) broker: Broker,
    pub(super) slot: Slot,
    latency_ms_max: u64,
    /// What is to happen, by time and in the order in which it was put.
    agenda: BTreeMap<(u64, u64), Step>,
    put: u64,
    trouble: Option<String>,
}

impl State {
    /// How long a message to or from the broker takes.
    pub(super) fn latency_ms(&mut self) -> u64 {
        let most = self.latency_ms_max;
        self.chance.below(most)
    }

    fn note(&mut self, trouble: &str) {
        self.trouble.get_or_insert_with(|| trouble.to_owned());
    }

    pub(super) fn put(&mut self, at: u64, step: Step) {
        self.put += 1;
        self.agenda.insert((at, self.put), step);
    }
}

pub(super) struct World {
    pub(super) log: Arc<Log>,
    pub(super) scenario: Scenario,
    indexes: HashMap<Event, usize>,
    state: Mutex<State>,
    began: Instant,
    numbers: AtomicU64,
    agenda: Notify,
    /// Whatever runs beside the engine.
    pub(super) tasks: Mutex<JoinSet<()>>,
}

impl World {
    pub(super) fn new(scenario: Scenario, mut chance: Chance) -> Arc<Self> {
        let log = Arc::new(Log::new(&mut chance, scenario.metadata));
        let indexes = log.events.iter().cloned().zip(0..).collect();
        let begun = checkpoint::snapshot_done(Lsn::new(super::log::START), Some(1), EPOCH_US);
        let state = State {
            broken: scenario.broken,
            calm: false,
            broker: Broker::new(&log, scenario.broken, begun),
            slot: Slot::new(),
            latency_ms_max: scenario.latency_ms_max,
            agenda: BTreeMap::new(),
            put: 0,
            trouble: None,
            chance,
        };
        let world = Arc::new(Self {
            log,
            scenario,
            indexes,
            state: Mutex::new(state),
            began: Instant::now(),
            numbers: AtomicU64::new(0),
            agenda: Notify::new(),
            tasks: Mutex::new(JoinSet::new()),
        });
        let run = Arc::clone(&world);
        world
            .tasks
            .lock()
            .unwrap()
            .spawn(async move { run.run().await });
        world
    }

    pub(super) fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap()
    }

    pub(super) fn now_ms(&self) -> u64 {
        self.began.elapsed().as_millis() as u64
    }

    /// A number that nothing else has.
    pub(super) fn number(&self) -> u64 {
        self.numbers.fetch_add(1, Ordering::Relaxed) + 1
    }

    /// Which of the log's events this is.
    pub(super) fn index_of(&self, event: &Event) -> std::result::Result<usize, String> {
        let index = self.indexes.get(event).copied();
        index.ok_or_else(|| format!("a record is of no change: {event:?}"))
    }

    /// Notes what must not be; the first counts.
    pub(super) fn trouble(&self, what: &str) {
        self.state().note(what);
    }

    pub(super) fn troubled(&self) -> std::result::Result<(), String> {
        self.state().trouble.clone().map_or(Ok(()), Err)
    }

    /// What happened, in short.
    pub(super) fn summary(&self) -> String {
        let state = self.state();
        let kept: usize = state.broker.committed().map(|(_, kept)| kept.len()).sum();
        format!(
            "{} ms, {kept} records of {}, {} steps of the broker, {}",
            self.now_ms(),
            self.log.events.len(),
            state.put,
            state.broker.offset(),
        )
    }

    /// Fails once in so many times, while things fail.
    pub(super) fn may_fail(&self, once_in: u64, doing: &str) -> Result<()> {
        let mut state = self.state();
        if !state.calm && state.chance.one_in(once_in) {
            return Err(EngineError::transient(format!(
                "while {doing}: the connection was lost"
            )));
        }
        Ok(())
    }

    /// Lets some time pass, or none.
    pub(super) async fn pause(&self) {
        let wait = self.state().latency_ms();
        match wait {
            0 => tokio::task::yield_now().await,
            wait => tokio::time::sleep(Duration::from_millis(wait)).await,
        }
    }

    /// Something was put on the agenda.
    pub(super) fn wake(&self) {
        self.agenda.notify_one();
    }

    /// Does what is on the agenda.
    async fn run(&self) {
        loop {
            let next = self.state().agenda.first_key_value().map(|(at, _)| at.0);
            match next {
                None => self.agenda.notified().await,
                Some(at) if at > self.now_ms() => {
                    let until = self.began + Duration::from_millis(at);
                    tokio::select! {
                        biased;
                        () = self.agenda.notified() => {}
                        () = tokio::time::sleep_until(until) => {}
                    }
                }
                Some(_) => self.step(),
            }
        }
    }

    fn step(&self) {
        let mut state = self.state();
        let Some((_, step)) = state.agenda.pop_first() else {
            return;
        };
        match step {
            Step::Land(request, tell) => {
                let State {
                    broker,
                    chance,
                    calm,
                    ..
                } = &mut *state;
                match broker.land(&request, chance, *calm) {
                    Ok(landed) => state.put(tell, Step::Tell(request, landed)),
                    Err(trouble) => state.note(&trouble),
                }
            }
            Step::Tell(request, landed) => {
                if state.broken != Some(Broken::AckEarly) || landed != Landed::Stored {
                    let deliveries = &request.sender.deliveries;
                    deliveries.note(request.seq, request.records, outcome(landed));
                }
            }
            Step::Expire(transaction) => state.broker.expire(transaction),
        }
    }

    /// A producer is gone: of its requests without a transaction the first ones to each partition have
    /// reached the broker, and the others never will. Those of a transaction may yet come.
    pub(super) fn abandon(&self, sender: u64) {
        let mut state = self.state();
        let mut keeps = BTreeMap::new();
        for (at, step) in std::mem::take(&mut state.agenda) {
            match step {
                Step::Land(request, _)
                    if request.sender.id == sender && request.transaction.is_none() =>
                {
                    let State { broker, chance, .. } = &mut *state;
                    let keep = keeps.entry(request.place.clone()).or_insert(true);
                    *keep &= !chance.one_in(3);
                    if *keep && let Err(trouble) = broker.land(&request, chance, true) {
                        state.note(&trouble);
                    }
                }
                step => {
                    state.agenda.insert(at, step);
                }
            }
        }
    }
}

fn outcome(landed: Landed) -> Outcome {
    let failed = |code| Outcome::Failed(KafkaError::MessageProduction(code));
    match landed {
        Landed::Stored => Outcome::Delivered,
        Landed::Unproven => Outcome::Unproven,
        Landed::Failed => failed(RDKafkaErrorCode::MessageTimedOut),
        Landed::Fenced => failed(RDKafkaErrorCode::InvalidProducerEpoch),
    }
}

/// The world's time as the engine's clock.
pub(super) struct WorldClock(pub(super) Arc<World>);

impl Clock for WorldClock {
    fn now_ns(&self) -> i64 {
        EPOCH_US * 1_000 + self.0.began.elapsed().as_nanos() as i64
    }
}
