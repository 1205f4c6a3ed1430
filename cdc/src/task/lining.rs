//! An attempt's steps for several slots: publications, slots, and the common start.

use tokio::sync::{mpsc, watch};
use tokio_util::sync::CancellationToken;
use walcast_wire::connect_offset::Offset;
use walcast_wire::lsn::Lsn;

use super::line::{Line, or_stop};
use super::session::Run;
use crate::batch::{Batch, Mark, Urgency};
use crate::checkpoint;
use crate::error::{EngineError, Result};
use crate::lanes::publications;
use crate::postgres::catalog::CapturedTable;
use crate::postgres::replication::{self, CreatedSlot, GatedSession, NewSlot};
use crate::postgres::{identity, publication, slot};
use crate::progress::Stage;
use crate::publish::Durable;
use crate::snapshot::notes::Notes;

impl Run<'_> {
    /// Sets up publications and replica identities. Lane 0 does it for all lanes; `fresh` is whether
    /// nothing was streamed yet.
    pub(super) async fn prepare(&self, captured: &[CapturedTable], fresh: bool) -> Result<()> {
        let config = &self.context.config;
        let identities = &config.publication.identities;
        match self.line {
            Line::Alone => {
                publication::ensure(&self.sql, &config.publication, captured).await?;
                identity::set(&self.sql, identities, captured).await;
            }
            Line::First(_) => {
                identity::set(&self.sql, identities, captured).await;
                publications::ensure(&self.sql, config, captured, fresh).await?;
            }
            Line::Further(_) => {}
        }
        Ok(())
    }

    /// Makes the slots that are missing and takes the snapshot, if there is to be one. Where to stream
    /// from, and the last batch's number; `None` when stopped.
    pub(super) async fn begin(
        &mut self,
        offset: Option<Offset>,
        captured: &[CapturedTable],
        (output, durable): (&mpsc::Sender<Batch>, &watch::Receiver<Durable>),
        session: &mut GatedSession,
        stop: &CancellationToken,
    ) -> Result<Option<(Offset, u64)>> {
        if self.plan.snapshot || offset.is_none() {
            self.make_further_slots(stop).await?;
        }
        let created = self.make_slot(session, stop).await?;
        if self.plan.snapshot {
            let start = self.snapshot_start(created, offset, stop).await?;
            if !self.line_up(start.done(), stop).await {
                return Ok(None);
            }
            return self
                .snapshot(start, captured, (output, durable), stop)
                .await;
        }
        let notes = Notes::new(self.context.notifier());
        let told = notes.skipped(self.relations.encoder(), output, &self.chain);
        let seq = told.await?;
        self.begin_without_snapshot((offset, created), (output, durable), seq, stop)
            .await
    }

    /// Makes the slots of the other lanes that are missing, before lane 0's own and before the point
    /// where all begin, so that each has every change behind it.
    async fn make_further_slots(&mut self, stop: &CancellationToken) -> Result<()> {
        let Line::First(_) = self.line else {
            return Ok(());
        };
        let config = &self.context.config;
        for number in config.slots.further() {
            let lane = config.of_lane(number);
            let name = &lane.slot.name;
            let begins = match slot::state(&self.sql, name).await? {
                Some(state) => {
                    state.check_ours(name, &config.database.dbname)?;
                    if let Some(why) = state.dead() {
                        return Err(EngineError::definite(format!(
                            "slot \"{name}\" cannot be read any more: {why}. Drop it, and it is made anew: SELECT pg_drop_replication_slot('{name}')"
                        )));
                    }
                    state.confirmed_flush
                }
                None => {
                    let reader = self.context.reader_name();
                    let mut session = replication::open(&lane, &reader, None).await?;
                    let slot = NewSlot {
                        name,
                        temporary: false,
                        failover: lane.slot.failover,
                    };
                    let made =
                        super::slot_wait::create(&mut session, &self.sql, slot, stop).await?;
                    Some(made.consistent_point)
                }
            };
            // An interrupted snapshot goes on only if every slot has all since its point.
            self.slot_confirmed = self
                .slot_confirmed
                .map(|own| begins.map_or(own, |b| own.max(b)));
        }
        Ok(())
    }

    /// Lane 0 begins at `offset`, which a snapshot will have when it is complete; whether the other
    /// lanes have it for a checkpoint. Nothing is published before.
    async fn line_up(&mut self, offset: Offset, stop: &CancellationToken) -> bool {
        match &mut self.line {
            Line::First(first) => first.line_up(offset, stop).await,
            Line::Alone | Line::Further(_) => true,
        }
    }

    /// Where to stream from when no snapshot is taken, and the last batch's number; `None` when
    /// stopped. A lane whose begin is new has a checkpoint there before it goes on.
    async fn begin_without_snapshot(
        &mut self,
        (offset, created): (Option<Offset>, Option<CreatedSlot>),
        (output, durable): (&mpsc::Sender<Batch>, &watch::Receiver<Durable>),
        seq: u64,
        stop: &CancellationToken,
    ) -> Result<Option<(Offset, u64)>> {
        let made = created.map(|created| created.consistent_point);
        let stands = made.or(self.own_confirmed);
        let begins = match (&self.line, offset) {
            (Line::Further(_), offset) if self.begins_anew => offset.unwrap_or_default(),
            (Line::First(_), None) => self.begin_of(stands),
            (_, offset) => {
                let offset = offset.unwrap_or_else(|| checkpoint::begin(stands));
                return Ok(Some((offset, seq)));
            }
        };
        if !self.line_up(begins.clone(), stop).await {
            return Ok(None);
        }
        let seq = seq + 1;
        let mut batch = Batch::default();
        batch.seq = seq;
        batch.mark = Some(Mark {
            confirm: checkpoint::position(&begins),
            offset: begins.clone(),
            urgency: Urgency::AtOnce,
        });
        self.chain.advance(Stage::Received, seq)?;
        // A publisher that has ended tells why itself.
        let handed_on = output.send(batch).await.is_ok();
        if !handed_on || !until_durable(seq, durable, stop).await {
            return Ok(None);
        }
        if let Line::Further(further) = &self.line {
            further.ready().await;
        }
        Ok(Some((begins, seq)))
    }

    /// Where all lanes begin without a snapshot: where lane 0's slot does.
    fn begin_of(&self, stands: Option<Lsn>) -> Offset {
        let lsn = stands.unwrap_or(Lsn::ZERO);
        checkpoint::snapshot_done(lsn, None, self.context.clock.now_ns() / 1000)
    }

    /// Waits until batch `seq`, which ends a snapshot, is durable. Lane 0 then has the others stream,
    /// which wait for that. Whether to stream.
    pub(super) async fn set_off(
        &mut self,
        seq: u64,
        durable: &watch::Receiver<Durable>,
        stop: &CancellationToken,
    ) -> bool {
        let ends_snapshot = self.plan.snapshot && !matches!(self.line, Line::Further(_));
        let done = !ends_snapshot || until_durable(seq, durable, stop).await;
        match &mut self.line {
            Line::Alone => done,
            Line::First(first) => {
                if done {
                    first.go();
                }
                done
            }
            Line::Further(further) => further.go(stop).await,
        }
    }
}

/// Waits until batch `seq` is durable; not when stopped or the publisher has ended.
async fn until_durable(
    seq: u64,
    durable: &watch::Receiver<Durable>,
    stop: &CancellationToken,
) -> bool {
    let mut durable = durable.clone();
    let waited = or_stop(durable.wait_for(|durable| durable.seq >= seq), stop).await;
    waited.is_some_and(|durable| durable.is_ok())
}
