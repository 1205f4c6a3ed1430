//! One attempt to run a connector: from connecting to the end of its stream.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{mpsc, watch};
use tokio_util::sync::CancellationToken;
use walcast_wire::connect_offset::Offset;
use walcast_wire::encoder::Encoder;
use walcast_wire::lsn::Lsn;

use super::TaskContext;
use super::decide::Plan;
use super::found::{self, Found};
use super::line::{Begin, Line};
use super::opening::Opened;
use super::pipe::Pipe;
use crate::batch::Batch;
use crate::catchup;
use crate::checkpoint;
use crate::error::Result;
use crate::guard::activity::Phase;
use crate::incremental::worker::Tools;
use crate::incremental::{Incremental, Settings};
use crate::metrics::Changes;
use crate::postgres::catalog::{self, CapturedTable};
use crate::postgres::connect::{self, Session};
use crate::postgres::replication::{self, CreatedSlot, GatedSession, NewSlot};
use crate::postgres::{plugin, server, slot};
use crate::progress::Chain;
use crate::publish::Durable;
use crate::signal::Signal;
use crate::signal::doors::Doors;
use crate::stream::blocking::OnDemand;
use crate::stream::boundaries;
use crate::stream::facts::Facts;
use crate::stream::heartbeat::Heartbeat;
use crate::stream::position::Cursor;
use crate::stream::relations::Relations;
use crate::stream::signals::Signals;
use crate::stream::source::Source;
use crate::stream::{Ended, Reader};

/// Runs until `stop`, or an error.
pub(super) async fn attempt(
    context: &TaskContext,
    mut line: Line,
    stop: &CancellationToken,
) -> Result<()> {
    let sql = connect::open(&context.config.database, &context.reader_name()).await?;
    let system = server::system(&sql).await?;
    let mut opened = super::opening::open(context, system).await?;
    let begins_anew = match line.begin(stop).await {
        None => return Ok(()),
        Some(Begin::Stored) => false,
        Some(Begin::At(offset)) => {
            (opened.offset, opened.seen) = (Some(*offset), system);
            true
        }
    };
    let stored = (opened.offset.as_ref(), opened.seen);
    let found = found::look(context, &sql, stored).await?;
    let run = Run::new(context, sql, found, (line, begins_anew));
    Box::pin(run.go(opened, stop)).await
}

/// One attempt, after its plan was made.
pub(super) struct Run<'a> {
    pub(super) context: &'a TaskContext,
    /// Holds the lock of the slot's reader.
    pub(super) sql: Arc<Session>,
    pub(super) plan: Plan,
    slot_exists: bool,
    /// What the slot has confirmed, or the furthest of several, when the stored offset is of the same
    /// system.
    pub(super) slot_confirmed: Option<Lsn>,
    /// The same of this lane's slot alone.
    pub(super) own_confirmed: Option<Lsn>,
    /// The place among the connector's lanes.
    pub(super) line: Line,
    /// Whether lane 0 said where this lane begins.
    pub(super) begins_anew: bool,
    pub(super) relations: Relations,
    pub(super) chain: Arc<Chain>,
    /// Where signals come in, while the connector streams.
    doors: Option<Doors>,
}

impl<'a> Run<'a> {
    fn new(
        context: &'a TaskContext,
        sql: Session,
        found: Found,
        (line, begins_anew): (Line, bool),
    ) -> Self {
        let encoder = Encoder::new(context.encoder_config());
        let facts = Facts::of(Arc::new(context.config.database.clone()));
        let relations = Relations::new(facts, encoder);
        Self {
            context,
            sql: Arc::new(sql),
            plan: found.plan,
            slot_exists: found.slot_exists,
            slot_confirmed: found.slot_confirmed,
            own_confirmed: found.slot_confirmed,
            line,
            begins_anew,
            relations,
            chain: Arc::new(Chain::default()),
            doors: None,
        }
    }

    async fn go(mut self, opened: Opened, stop: &CancellationToken) -> Result<()> {
        let (pipe, output) = Pipe::open(opened.publisher, &self.chain, &self.context.metrics);
        let durable = pipe.durable.clone();
        let read = self.read(opened.offset, output, durable, stop).await;
        pipe.close(read).await?;
        if let Some(doors) = self.doors.take() {
            doors.close().await;
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
        if !self.plan.stream {
            return self
                .without_stream(offset, &captured, (&output, &durable), stop)
                .await;
        }
        let config = &self.context.config;
        self.prepare(&captured, offset.is_none()).await?;
        let floor = offset
            .as_ref()
            .filter(|_| !self.plan.snapshot)
            .and_then(checkpoint::completed);
        let reader = self.context.reader_name();
        let mut session = replication::open(config, &reader, floor).await?;
        let output_of = (&output, &durable);
        let begun = self.begin(offset, &captured, output_of, &mut session, stop);
        let Some((offset, seq)) = begun.await? else {
            return Ok(None);
        };
        if !self.set_off(seq, &durable, stop).await {
            return Ok(None);
        }
        let offset = self.timed(offset);
        boundaries::restore(self.relations.encoder(), &offset);
        wait_or_stop(config.streaming_delay, stop).await;
        let heartbeat = self.heartbeat().await;
        let source = self.source(session, floor, stop).await?;
        self.context.guard.slot_is_ours();
        let (doors, waiting) = Doors::open(self.context, &durable, &self.chain)?;
        self.doors = Some(doors);
        let signals = self.signals(&offset, waiting);
        self.context.metrics.connected(true);
        self.context.report_running().await;
        let activity = self.context.guard.activity();
        let reader = Reader {
            activity: activity.clone(),
            signals,
            heartbeat,
            settle_for: config.poll_interval,
            begin_waits: false,
            streamed: false,
            now_ns: 0,
            changes: Changes::default(),
            source,
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
        activity.enter(Phase::Elsewhere);
        self.context.metrics.connected(false);
        ended.map(Some)
    }

    /// What to read from once the slot is free: a large backlog first, or the stream at once, which
    /// `session` was opened for.
    async fn source(
        &self,
        session: GatedSession,
        floor: Option<Lsn>,
        stop: &CancellationToken,
    ) -> Result<Source> {
        let config = &self.context.config;
        let reader = self.context.reader_name();
        let leftover = self.context.owns_the_connector().then_some(&*reader);
        super::slot_wait::until_ours(&self.sql, &config.slot, leftover, stop).await?;
        let start = catchup::Start {
            config,
            reader: &reader,
            control: &self.sql,
            floor,
            activity: self.context.guard.activity(),
            clock: &self.context.clock,
        };
        Ok(match start.begin().await? {
            Some(backlog) => Source::Backlog(Box::new(backlog)),
            None => Source::Stream(
                session
                    .start(&config.slot.name, &self.context.clock)
                    .await?,
            ),
        })
    }

    /// Makes the slot when it is missing.
    pub(super) async fn make_slot(
        &self,
        session: &mut GatedSession,
        stop: &CancellationToken,
    ) -> Result<Option<CreatedSlot>> {
        if self.slot_exists {
            return Ok(None);
        }
        let config = &self.context.config.slot;
        if config.requires_decoderbufs {
            plugin::require_decoderbufs(&self.sql).await?;
        }
        let slot = NewSlot {
            name: &config.name,
            temporary: false,
            failover: config.failover,
        };
        let created = super::slot_wait::create(session, &self.sql, slot, stop).await?;
        self.context.guard.slot_is_ours();
        Ok(Some(created))
    }

    /// `snapshot.mode=initial_only`: no slot and no publication are made, as in Debezium.
    async fn without_stream(
        &mut self,
        offset: Option<Offset>,
        captured: &[CapturedTable],
        output: (&mpsc::Sender<Batch>, &watch::Receiver<Durable>),
        stop: &CancellationToken,
    ) -> Result<Option<Ended>> {
        if self.plan.snapshot {
            let start = self.snapshot_start(None, offset, stop).await?;
            self.snapshot(start, captured, output, stop).await?;
        } else {
            self.context.report_running().await;
        }
        stop.cancelled().await;
        Ok(None)
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
    fn signals(&self, offset: &Offset, waiting: mpsc::Receiver<Signal>) -> Signals {
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
        Signals {
            config: config.signal.clone(),
            source: config.signal_channels.source,
            incremental: Incremental::new(settings, offset),
            on_demand: OnDemand {
                config: config.snapshot.clone(),
                database: Arc::new(config.database.clone()),
                encoder: self.context.encoder_config(),
                metrics: Arc::clone(&self.context.snapshots),
                notifier: self.context.notifier(),
                waiting: Vec::new(),
            },
            notifier: self.context.notifier(),
            waiting,
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

    async fn after_stop(&self) -> Result<()> {
        let config = &self.context.config.slot;
        if config.drop_on_stop {
            tracing::info!(slot = config.name, "slot.drop.on.stop: dropping the slot");
            slot::drop_slot(&self.sql, &config.name).await?;
        }
        Ok(())
    }
}

pub(super) async fn wait_or_stop(delay: Duration, stop: &CancellationToken) {
    if delay.is_zero() {
        return;
    }
    tokio::select! {
        () = stop.cancelled() => {}
        () = tokio::time::sleep(delay) => {}
    }
}
