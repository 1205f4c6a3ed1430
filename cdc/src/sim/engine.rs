//! One life of the engine in the simulation: attempts as a task makes them, on the real reader and
//! publishers.

use std::sync::Arc;
use std::time::Duration;

use tokio_util::sync::CancellationToken;
use walcast_wire::connect_offset;
use walcast_wire::connect_offset::Offset;
use walcast_wire::encoder::Encoder;
use walcast_wire::lsn::Lsn;

use super::client::{SimProducer, SimTransactions};
use super::gate::{Gate, SteppedPublisher};
use super::log::START;
use super::world::{World, WorldClock};
use super::{Broken, pgoutput, server};
use crate::batch::Batch;
use crate::checkpoint;
use crate::clock::SharedClock;
use crate::config::ConnectorConfig;
use crate::config::tests::parse;
use crate::error::{EngineError, Kind, Result};
use crate::guard::activity::Activity;
use crate::incremental::worker::Tools;
use crate::incremental::{Incremental, Settings};
use crate::metrics::{Changes, TaskMetrics};
use crate::notify::Notifier;
use crate::postgres::replication::{self, ChangeStream};
use crate::postgres::server::Server;
use crate::progress::Chain;
use crate::publish::Publisher;
use crate::publish::at_least_once::{AtLeastOnce, Checkpoints};
use crate::publish::exactly_once::ExactlyOnce;
use crate::publish::fenced::FencedOffsets;
use crate::publish::offsets::OffsetRecord;
use crate::publish::topics::Topics;
use crate::publish::used::TopicsUsed;
use crate::settings::WorkerSettings;
use crate::snapshot::metrics::SnapshotMetrics;
use crate::stream::Reader;
use crate::stream::blocking::OnDemand;
use crate::stream::boundaries;
use crate::stream::facts::Facts;
use crate::stream::heartbeat::Heartbeat;
use crate::stream::position::Cursor;
use crate::stream::relations::Relations;
use crate::stream::signals::Signals;
use crate::stream::source::Source;
use crate::task::decide::{Facts as Found, SlotFacts, decide};
use crate::task::pipe::Pipe;

/// How long the longest pause between two attempts is.
const PAUSE_MS_MAX: u64 = 50;

/// A process that runs the connector.
pub(super) struct Life {
    pub(super) world: Arc<World>,
    pub(super) gate: Arc<Gate>,
    pub(super) stop: CancellationToken,
    /// Ends its connections.
    pub(super) cut: CancellationToken,
}

impl Life {
    /// Attempts until stopped; an error is one that no attempt can cure, which there must not be.
    pub(super) async fn live(self) -> std::result::Result<(), String> {
        let config = self.config()?;
        while !self.stop.is_cancelled() {
            match self.attempt(&config).await {
                Ok(()) => {}
                Err(error) if error.kind() == Kind::Definite => {
                    self.world.troubled()?;
                    return Err(error.trace());
                }
                Err(_) => {
                    let wait = self.world.state().chance.below(PAUSE_MS_MAX);
                    tokio::time::sleep(Duration::from_millis(wait)).await;
                }
            }
        }
        Ok(())
    }

    fn config(&self) -> std::result::Result<ConnectorConfig, String> {
        let scenario = &self.world.scenario;
        let heartbeat = scenario.heartbeat_ms.to_string();
        let status = scenario.status_ms.to_string();
        let metadata = scenario.metadata.to_string();
        let properties = [
            ("topic.prefix", "sim"),
            ("slot.name", "sim"),
            ("table.exclude.list", "public.hidden"),
            ("key.converter.schemas.enable", "false"),
            ("value.converter.schemas.enable", "false"),
            (
                "key.converter",
                "org.apache.kafka.connect.json.JsonConverter",
            ),
            (
                "value.converter",
                "org.apache.kafka.connect.json.JsonConverter",
            ),
            ("poll.interval.ms", "3"),
            ("heartbeat.interval.ms", &heartbeat),
            ("status.update.interval.ms", &status),
            ("provide.transaction.metadata", &metadata),
        ];
        parse(&properties).map_err(|problems| format!("{problems:?}"))
    }

    /// What `task::session` does, with the world in place of sockets.
    async fn attempt(&self, config: &ConnectorConfig) -> Result<()> {
        let publisher = self.publisher().await?;
        let offset = self.offset().await?;
        self.decide(config, &offset)?;
        let clock: SharedClock = Arc::new(WorldClock(Arc::clone(&self.world)));
        let metrics = Arc::new(TaskMetrics::new("sim", "sim", Arc::clone(&clock)));
        let chain = Arc::new(Chain::default());
        *self.gate.chain.lock().unwrap() = Arc::clone(&chain);
        let (pipe, output) = Pipe::open(publisher, &chain, &metrics);
        let floor = checkpoint::completed(&offset);
        let stream = match self.stream(config, floor, &clock).await {
            Ok(stream) => stream,
            Err(error) => {
                drop(output);
                return pipe.close(Err(error)).await;
            }
        };
        let mut relations = Relations::new(
            Facts::Given(pgoutput::tables()),
            Encoder::new((*config.encoder).clone()),
        );
        boundaries::restore(relations.encoder(), &offset);
        let database = Arc::new(config.database.clone());
        let reader = Reader {
            activity: Activity::default(),
            signals: signals(config, &offset, &clock),
            heartbeat: Heartbeat::new(&config.heartbeat, &database, false),
            settle_for: config.poll_interval,
            begin_waits: false,
            streamed: false,
            now_ns: 0,
            changes: Changes::default(),
            source: Source::Stream(stream),
            relations: &mut relations,
            cursor: Cursor::new(offset, floor),
            output,
            durable: pipe.durable.clone(),
            chain,
            metrics,
            clock,
            batch: Batch::default(),
            seq: 0,
        };
        let read = reader.run(&self.stop).await;
        pipe.close(read.map(Some)).await
    }

    /// As `task::opening` does: the transactional id is taken over before the offset is read.
    async fn publisher(&self) -> Result<Box<dyn Publisher>> {
        let scenario = &self.world.scenario;
        let settings = Arc::new(WorkerSettings {
            offset_flush_interval: Duration::from_millis(scenario.flush_ms),
            ..WorkerSettings::new("sim")
        });
        let record = OffsetRecord::new(&settings, connect_offset::key("sim", "sim"), None);
        let topics = Topics::new(Arc::clone(&settings), None, TopicsUsed::default());
        let coordinated = SimProducer::new(&self.world);
        let inner: Box<dyn Publisher> = if scenario.exactly_once {
            let transactions = SimTransactions::take_over(coordinated).await?;
            let boundary = scenario.boundary();
            Box::new(ExactlyOnce::new(
                transactions,
                topics,
                record,
                settings,
                boundary,
            ))
        } else {
            let offsets = if scenario.plain {
                FencedOffsets::plain(record, coordinated)
            } else {
                let transactions = SimTransactions::take_over(coordinated).await?;
                FencedOffsets::fenced(record, transactions)
            };
            let producer = SimProducer::new(&self.world);
            let offsets = Checkpoints::<SimTransactions>::Topic(Box::new(offsets));
            Box::new(AtLeastOnce::new(producer, topics, offsets, settings))
        };
        Ok(Box::new(SteppedPublisher {
            gate: Arc::clone(&self.gate),
            inner,
        }))
    }

    /// The offset that is stored, as it comes back from its JSON.
    async fn offset(&self) -> Result<Offset> {
        self.world.pause().await;
        self.world.may_fail(30, "reading the offset")?;
        let state = self.world.state();
        let stored = state.broker.offset().to_json();
        let mut offset = Offset::parse(&stored)
            .map_err(|e| EngineError::definite("the stored offset is none").because(e))?;
        if state.broken == Some(Broken::SkipOne)
            && let Some(further) = state.broker.one_further(&offset)
        {
            offset.lsn = Some(further.0);
            offset.lsn_proc = offset.lsn;
            offset.lsn_events_processed = Some(further.1);
        }
        Ok(Offset {
            ts_usec: offset.ts_usec.or(Some(0)),
            ..offset
        })
    }

    /// The plan must be to stream on.
    fn decide(&self, config: &ConnectorConfig, offset: &Offset) -> Result<()> {
        let confirmed = Some(Lsn::new(self.world.state().slot.confirmed));
        let plan = decide(&Found {
            mode: config.snapshot.mode,
            slot_config: &config.slot,
            offset: Some(offset),
            seen: None,
            server: Server {
                system: None,
                end: None,
                standby: false,
            },
            slot: Some(SlotFacts {
                // Behind whatever transaction is open.
                restart: Some(Lsn::new(START)),
                confirmed,
                dead: None,
            }),
        })?;
        if plan.snapshot || !plan.stream || plan.mismatch.is_some() {
            return Err(EngineError::definite(format!("{plan:?} for {offset}")));
        }
        Ok(())
    }

    async fn stream(
        &self,
        config: &ConnectorConfig,
        floor: Option<Lsn>,
        clock: &SharedClock,
    ) -> Result<ChangeStream> {
        let pipe = server::connect(&self.world, &self.cut);
        let session = replication::open_in_memory(pipe, config, floor).await?;
        session.start("sim", clock).await
    }
}

/// Signals, of which none will come.
fn signals(config: &ConnectorConfig, offset: &Offset, clock: &SharedClock) -> Signals {
    let tools = Tools {
        database: config.database.clone(),
        encoder: Arc::clone(&config.encoder),
        signal: config.signal.clone(),
        clock: Arc::clone(clock),
    };
    let settings = Settings {
        tools,
        connector: "sim".to_owned(),
        topic_prefix: "sim".to_owned(),
    };
    let notifier = Notifier::new(config, Arc::clone(clock));
    let (_, waiting) = tokio::sync::mpsc::channel(1);
    Signals {
        config: config.signal.clone(),
        source: false,
        incremental: Incremental::new(settings, offset),
        on_demand: OnDemand {
            config: config.snapshot.clone(),
            database: Arc::new(config.database.clone()),
            encoder: (*config.encoder).clone(),
            metrics: Arc::new(SnapshotMetrics::new("sim", "sim")),
            notifier: notifier.clone(),
            waiting: Vec::new(),
        },
        notifier,
        waiting,
        relation: None,
    }
}
