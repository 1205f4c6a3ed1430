//! One attempt to run a connector: from connecting to the end of its stream.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{mpsc, watch};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;
use walcast_wire::connect_offset::Offset;
use walcast_wire::encoder::Encoder;

use super::TaskContext;
use super::decide::{Facts, Plan, decide};
use super::opening::Opened;
use crate::batch::{Batch, Mark};
use crate::checkpoint;
use crate::error::{EngineError, Result};
use crate::incremental::worker::Tools;
use crate::incremental::{Incremental, Settings};
use crate::notify::Notifier;
use crate::postgres::catalog::{self, CapturedTable};
use crate::postgres::connect::{self, Session};
use crate::postgres::replication::{self, CreatedSlot, NewSlot};
use crate::postgres::{identity, publication, slot};
use crate::progress::Chain;
use crate::publish::{Durable, QUEUE_BATCHES, Wiring};
use crate::signal::Inbox;
use crate::snapshot::{self, Point, Snapshotter};
use crate::stream::boundaries;
use crate::stream::heartbeat::Heartbeat;
use crate::stream::position::Cursor;
use crate::stream::relations::Relations;
use crate::stream::signals::Signals;
use crate::stream::{Ended, Reader};

/// How long a stop waits for what is in flight.
const STOP_TIMEOUT: Duration = Duration::from_secs(30);

/// Runs until `stop`, or an error.
pub(super) async fn attempt(context: &TaskContext, stop: &CancellationToken) -> Result<()> {
    let sql = connect::open(&context.config.database, "walcast control").await?;
    let opened = super::opening::open(context).await?;
    let slot_state = slot::state(&sql, &context.config.slot.name).await?;
    let facts = Facts {
        mode: context.config.snapshot_mode,
        slot_config: &context.config.slot,
        offset: opened.offset.as_ref(),
        slot: slot_state.as_ref().map(|s| s.confirmed_flush),
    };
    let usable = slot_state.as_ref().map_or(Ok(()), |s| {
        s.check_usable(&context.config.slot.name, &context.config.database.dbname)
    });
    usable?;
    let plan = decide(&facts)?;
    if let Some(warning) = &plan.warning {
        tracing::warn!(connector = context.config.name, "{warning}");
        metrics::counter!("walcast_cdc_offset_mismatch_total", "connector" => context.config.name.clone()).increment(1);
    }
    let run = Run::new(context, sql, plan, slot_state.is_some());
    Box::pin(run.go(opened, stop)).await
}

/// One attempt, after its plan was made.
struct Run<'a> {
    context: &'a TaskContext,
    sql: Session,
    plan: Plan,
    slot_exists: bool,
    relations: Relations,
    chain: Arc<Chain>,
}

impl<'a> Run<'a> {
    fn new(context: &'a TaskContext, sql: Session, plan: Plan, slot_exists: bool) -> Self {
        let encoder = Encoder::new(context.encoder_config());
        let relations = Relations::new(Arc::new(context.config.database.clone()), encoder);
        Self {
            context,
            sql,
            plan,
            slot_exists,
            relations,
            chain: Arc::new(Chain::default()),
        }
    }

    async fn go(mut self, opened: Opened, stop: &CancellationToken) -> Result<()> {
        let (output, input) = mpsc::channel(QUEUE_BATCHES);
        let (report, durable) = watch::channel(Durable::default());
        let wiring = Wiring {
            input,
            durable: report,
            chain: Arc::clone(&self.chain),
            metrics: Arc::clone(&self.context.metrics),
        };
        let mut publisher = JoinSet::new();
        publisher.spawn(opened.publisher.run(wiring));
        let read = self
            .read(opened.offset, output, durable.clone(), stop)
            .await;
        let published = finish(&mut publisher).await;
        // The publisher's error is the cause when it went first.
        published?;
        if let Some(ended) = read? {
            ended.stream.confirm(durable.borrow().confirm);
            ended.stream.stop().await?;
        }
        self.after_stop().await
    }

    /// Snapshot, then stream. Dropping `output` at the end lets the publisher finish.
    async fn read(
        &mut self,
        offset: Option<Offset>,
        output: mpsc::Sender<Batch>,
        durable: watch::Receiver<Durable>,
        stop: &CancellationToken,
    ) -> Result<Option<Ended>> {
        let captured = self.captured().await?;
        let config = &self.context.config;
        publication::ensure(&self.sql, &config.publication, &captured).await?;
        identity::set(&self.sql, &config.publication.identities, &captured).await;
        let floor = offset
            .as_ref()
            .filter(|_| !self.plan.snapshot)
            .and_then(checkpoint::completed);
        let mut session = replication::open(config, floor).await?;
        let created = if self.slot_exists {
            None
        } else {
            let slot = NewSlot {
                name: &config.slot.name,
                temporary: false,
                failover: config.slot.failover,
            };
            Some(super::slot_wait::create(&mut session, &self.sql, slot, stop).await?)
        };
        let (offset, seq) = if self.plan.snapshot {
            match self.snapshot(created, &captured, &output, stop).await? {
                Some(done) => done,
                None => return Ok(None),
            }
        } else {
            (offset.unwrap_or_default(), 0)
        };
        let offset = self.timed(offset);
        boundaries::restore(self.relations.encoder(), &offset);
        if !self.plan.stream {
            stop.cancelled().await;
            return Ok(None);
        }
        wait_or_stop(config.streaming_delay, stop).await;
        let heartbeat = self.heartbeat().await;
        let stream = session.start(&config.slot.name).await?;
        self.context.metrics.connected(true);
        self.context.report_running().await;
        let reader = Reader {
            signals: self.signals(&offset),
            heartbeat,
            settle_for: config.poll_interval,
            begin_waits: false,
            streamed: false,
            stream,
            relations: &mut self.relations,
            cursor: Cursor::new(offset, floor),
            output,
            durable,
            chain: Arc::clone(&self.chain),
            metrics: Arc::clone(&self.context.metrics),
            clock: Arc::clone(&self.context.clock),
            batch: Batch::default(),
            seq,
        };
        let ended = reader.run(stop).await;
        self.context.metrics.connected(false);
        ended.map(Some)
    }

    /// Heartbeats of the stream that begins; what the one that ends a snapshot runs has been run.
    async fn heartbeat(&self) -> Option<Heartbeat> {
        let config = &self.context.config;
        let database = Arc::new(config.database.clone());
        let at_once = self.plan.snapshot;
        let mut heartbeat = Heartbeat::new(&config.heartbeat, &database, at_once)?;
        if at_once {
            heartbeat.act_before_stream().await;
        }
        Some(heartbeat)
    }

    /// Signals, and the incremental snapshot that `offset` tells of.
    fn signals(&self, offset: &Offset) -> Signals {
        let config = &self.context.config;
        let settings = Settings {
            tools: Tools {
                database: config.database.clone(),
                encoder: Arc::clone(&config.encoder),
                signal: config.signal.clone(),
                clock: Arc::clone(&self.context.clock),
            },
            connector: config.name.clone(),
            topic_prefix: config.topic_prefix.clone(),
        };
        let (inbox, waiting) = Inbox::new();
        Signals {
            config: config.signal.clone(),
            incremental: Incremental::new(settings, offset),
            notifier: Notifier::new(config, Arc::clone(&self.context.clock)),
            waiting,
            _inbox: inbox,
            relation: None,
        }
    }

    async fn captured(&mut self) -> Result<Vec<CapturedTable>> {
        let encoder = self.relations.encoder();
        let tables =
            catalog::tables(&self.sql, |schema, table| encoder.captured(schema, table)).await?;
        self.relations.found(tables.iter().map(|table| table.oid));
        Ok(tables)
    }

    /// As in Debezium, what comes before the first transaction has the time of the start.
    fn timed(&self, offset: Offset) -> Offset {
        let started_us = || self.context.clock.now_ns() / 1000;
        Offset {
            ts_usec: offset.ts_usec.or_else(|| Some(started_us())),
            ..offset
        }
    }

    /// Takes the snapshot; `None` when stopped in it.
    async fn snapshot(
        &mut self,
        created: Option<CreatedSlot>,
        captured: &[CapturedTable],
        output: &mpsc::Sender<Batch>,
        stop: &CancellationToken,
    ) -> Result<Option<(Offset, u64)>> {
        let context = self.context;
        self.context.report_running().await;
        wait_or_stop(context.config.snapshot_delay, stop).await;
        let keeper = connect::open(&context.config.database, "walcast snapshot").await?;
        let point = match created {
            Some(created) => snapshot::begin(&keeper, &created, &context.clock).await?,
            None => self.point_beside_slot(&keeper, stop).await?,
        };
        let offset = checkpoint::snapshot_done(point.lsn, point.txid, point.taken_us);
        let tables = context.snapshot_tables(captured)?;
        let done = Mark {
            offset: offset.clone(),
            confirm: point.lsn,
        };
        let shared = (
            Arc::clone(&self.chain),
            Arc::clone(&context.metrics),
            Arc::clone(&context.clock),
        );
        let reader = Snapshotter::new(&keeper, &mut self.relations, &point, output, shared);
        context.metrics.snapshot(true);
        let ended = tokio::select! {
            biased;
            () = stop.cancelled() => None,
            ended = reader.run(&tables, done) => Some(ended?),
        };
        context.metrics.snapshot(false);
        Ok(ended.map(|seq| (offset, seq)))
    }

    /// Begins a snapshot although the slot is there already.
    ///
    /// Which transactions the rows show must be known to the LSN, or a change that commits meanwhile
    /// would be in neither. Only the making of a slot tells that, so a temporary one is made for it.
    async fn point_beside_slot(&self, keeper: &Session, stop: &CancellationToken) -> Result<Point> {
        let name = format!("walcast_snapshot_{}", uuid::Uuid::now_v7().simple());
        let slot = NewSlot {
            name: &name,
            temporary: true,
            failover: false,
        };
        let mut exporter = replication::open(&self.context.config, None).await?;
        let created = super::slot_wait::create(&mut exporter, &self.sql, slot, stop).await?;
        snapshot::begin(keeper, &created, &self.context.clock).await
    }

    async fn after_stop(&self) -> Result<()> {
        let config = &self.context.config.slot;
        if config.drop_on_stop {
            tracing::info!(slot = config.name, "slot.drop.on.stop: dropping the slot");
            slot::drop_slot(&self.sql, &config.name).await?;
        }
        Ok(())
    }
}

/// Waits for the publisher to finish what it has; its input is closed by now.
async fn finish(publisher: &mut JoinSet<Result<()>>) -> Result<()> {
    match tokio::time::timeout(STOP_TIMEOUT, publisher.join_next()).await {
        Ok(Some(Ok(ended))) => ended,
        Ok(Some(Err(panic))) => {
            Err(EngineError::transient("the publisher stopped unexpectedly").because(panic))
        }
        Ok(None) => Ok(()),
        Err(_) => {
            publisher.abort_all();
            Err(EngineError::transient(
                "Kafka did not take what was in flight within 30 s; it will be sent again from the checkpoint",
            ))
        }
    }
}

async fn wait_or_stop(delay: Duration, stop: &CancellationToken) {
    if delay.is_zero() {
        return;
    }
    tokio::select! {
        () = stop.cancelled() => {}
        () = tokio::time::sleep(delay) => {}
    }
}
