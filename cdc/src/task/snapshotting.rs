//! The snapshot of an attempt: where it starts, and what it leaves behind.

use std::sync::Arc;

use tokio::sync::{mpsc, watch};
use tokio_util::sync::CancellationToken;
use walcast_wire::connect_offset::Offset;
use walcast_wire::lsn::Lsn;

use super::session::{Run, wait_or_stop};
use crate::batch::{Batch, Mark, Urgency};
use crate::checkpoint;
use crate::error::Result;
use crate::postgres::catalog::CapturedTable;
use crate::postgres::connect::Session;
use crate::postgres::replication::{self, CreatedSlot, NewSlot};
use crate::postgres::server;
use crate::publish::Durable;
use crate::snapshot::collector::Checkpoints;
use crate::snapshot::keeper::Keeper;
use crate::snapshot::state::SnapshotState;
use crate::snapshot::{Point, Snapshot};

/// Where a snapshot starts.
pub(super) struct Start {
    keeper: Keeper,
    point: Point,
    /// What is durable of it; `None` when it cannot go on after an interruption.
    state: Option<SnapshotState>,
    resumed: bool,
}

impl Start {
    /// The offset once the snapshot is complete.
    pub(super) fn done(&self) -> Offset {
        let point = &self.point;
        checkpoint::snapshot_done(point.lsn, point.txid, point.taken_us)
    }
}

impl Run<'_> {
    /// Opens the snapshot: the one that the making of the slot exported, the rest of one that was
    /// interrupted, or a new one beside a slot that is there already.
    pub(super) async fn snapshot_start(
        &self,
        created: Option<CreatedSlot>,
        offset: Option<Offset>,
        stop: &CancellationToken,
    ) -> Result<Start> {
        let context = self.context;
        context.report_running().await;
        wait_or_stop(context.config.snapshot.delay, stop).await;
        if let (None, Some(interrupted)) = (&created, self.interrupted(offset.as_ref())) {
            return self.resume(interrupted).await;
        }
        if !self.plan.stream {
            let lsn = current_lsn(&self.sql).await?;
            return self.start(None, lsn, false).await;
        }
        match created {
            Some(created) => {
                self.start(Some(&created.snapshot), created.consistent_point, true)
                    .await
            }
            None => self.beside_slot(stop).await,
        }
    }

    async fn start(&self, exported: Option<&str>, lsn: Lsn, resumable: bool) -> Result<Start> {
        let context = self.context;
        let keeper = Keeper::open(&context.config.database, exported, &context.clock).await?;
        let point = Point {
            lsn,
            last_commit: None,
            txid: Some(keeper.txid),
            taken_us: keeper.taken_us,
        };
        Ok(Start {
            state: resumable.then(|| SnapshotState::new(keeper.horizon)),
            keeper,
            point,
            resumed: false,
        })
    }

    /// Begins a snapshot although the slot is there already.
    ///
    /// Which transactions the rows show must be known to the LSN, or a change that commits meanwhile
    /// would be in neither. Only the making of a slot tells that, so a temporary one is made for it.
    async fn beside_slot(&self, stop: &CancellationToken) -> Result<Start> {
        let name = format!("walcast_snapshot_{}", uuid::Uuid::now_v7().simple());
        let slot = NewSlot {
            name: &name,
            temporary: true,
            failover: false,
        };
        let mut exporter =
            replication::open(&self.context.config, &self.context.reader_name(), None).await?;
        let created = super::slot_wait::create(&mut exporter, &self.sql, slot, stop).await?;
        self.start(Some(&created.snapshot), created.consistent_point, true)
            .await
    }

    /// What an interrupted snapshot left, if the slot still holds all changes since then. One that
    /// Debezium began tells nothing of what is done.
    fn interrupted(&self, offset: Option<&Offset>) -> Option<(Offset, Option<SnapshotState>)> {
        let offset = offset.filter(|offset| checkpoint::snapshot_unfinished(offset))?;
        let state = SnapshotState::of(offset);
        if state.is_none() && !self.plan.stream {
            return None;
        }
        let confirmed = self.slot_confirmed.map(Lsn::as_u64);
        if confirmed.is_none_or(|confirmed| Some(confirmed) > offset.lsn) {
            tracing::warn!(
                "the slot no longer holds all changes since the interrupted snapshot; it is taken again from its start"
            );
            return None;
        }
        Some((offset.clone(), state))
    }

    /// Goes on with an interrupted snapshot under its LSN: rows that it published and that were
    /// deleted since are told by the slot, which a new LSN would skip.
    async fn resume(&self, (offset, state): (Offset, Option<SnapshotState>)) -> Result<Start> {
        let context = self.context;
        let resumed = state.is_some();
        match &state {
            Some(state) => tracing::info!(
                rows = state.rows,
                "an interrupted snapshot goes on: what was not durable is read again, as of now; the changes since its start follow from the slot"
            ),
            None => tracing::info!(
                "an interrupted snapshot is taken again, as of now; the changes since its first start follow from the slot"
            ),
        }
        let keeper = Keeper::open(&context.config.database, None, &context.clock).await?;
        let point = Point {
            lsn: offset.lsn.map_or(Lsn::ZERO, Lsn::new),
            last_commit: None,
            txid: offset.tx_id.and_then(|id| u32::try_from(id).ok()),
            taken_us: offset.ts_usec.unwrap_or(keeper.taken_us),
        };
        let state = state.unwrap_or_else(|| SnapshotState::new(keeper.horizon));
        Ok(Start {
            keeper,
            point,
            state: Some(state),
            resumed,
        })
    }

    /// Takes the snapshot; `None` when stopped in it. Returns the offset it leaves, and the number of
    /// the last batch.
    pub(super) async fn snapshot(
        &mut self,
        start: Start,
        captured: &[CapturedTable],
        (output, durable): (&mpsc::Sender<Batch>, &watch::Receiver<Durable>),
        stop: &CancellationToken,
    ) -> Result<Option<(Offset, u64)>> {
        let context = self.context;
        let offset = start.done();
        let Start {
            keeper,
            point,
            state,
            resumed,
        } = start;
        let done = Mark {
            offset: offset.clone(),
            confirm: point.lsn,
            urgency: Urgency::AtOnce,
        };
        let checkpoints = state.map(|state| Checkpoints {
            offset: checkpoint::snapshot_running(point.lsn, point.txid, point.taken_us),
            state,
            confirm: point.lsn,
            moved: true,
            durable: (!context.publishes_in_transactions()).then(|| durable.clone()),
        });
        let tables = context.snapshot_tables(captured)?;
        let snapshot = Snapshot {
            config: &context.config.snapshot,
            database: Arc::new(context.config.database.clone()),
            encoder: context.encoder_config(),
            keeper: &keeper,
            point,
            relations: &mut self.relations,
            output,
            chain: Arc::clone(&self.chain),
            metrics: Arc::clone(&context.snapshots),
            clock: Arc::clone(&context.clock),
            notifier: context.notifier(),
            bar: context.bar,
            seq: 0,
        };
        context.snapshots.started(resumed);
        let ended = tokio::select! {
            biased;
            () = stop.cancelled() => Ok(None),
            ended = Box::pin(snapshot.run(&tables, checkpoints, done)) => ended.map(Some),
        };
        context.snapshots.ended(matches!(ended, Ok(Some(_))));
        Ok(ended?.map(|seq| (offset, seq)))
    }
}

/// Where the server's log stands.
async fn current_lsn(session: &Session) -> Result<Lsn> {
    let server = server::read(session).await?;
    Ok(server.end.unwrap_or(Lsn::ZERO))
}
