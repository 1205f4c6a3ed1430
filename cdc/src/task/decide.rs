//! What a task does at its start, decided from mode, checkpoint, slot and server.
//!
//! What is found is classified, never asserted. Pure: facts in, a plan or an error with the cure out.

use walcast_wire::connect_offset::Offset;
use walcast_wire::lsn::Lsn;

use crate::checkpoint;
use crate::config::{OffsetMismatch, SlotConfig, SnapshotMode};
use crate::error::{EngineError, Result};
use crate::postgres::server::{Server, System};

/// What is known at the start.
#[derive(Debug, Clone)]
pub(crate) struct Facts<'a> {
    pub(crate) mode: SnapshotMode,
    pub(crate) slot_config: &'a SlotConfig,
    /// The stored offset.
    pub(crate) offset: Option<&'a Offset>,
    /// The system that the offset was stored with; `None` when Debezium or a person stored it.
    pub(crate) seen: Option<System>,
    pub(crate) server: Server,
    /// The slot, when it exists.
    pub(crate) slot: Option<SlotFacts>,
}

/// What the slot says.
#[derive(Debug, Clone, Default)]
pub(crate) struct SlotFacts {
    /// `restart_lsn`.
    pub(crate) restart: Option<Lsn>,
    /// `confirmed_flush_lsn`.
    pub(crate) confirmed: Option<Lsn>,
    /// Why nothing can be read from it any more.
    pub(crate) dead: Option<String>,
}

/// What to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Plan {
    /// Drop the slot first: nothing can be read from it.
    pub(crate) drop_slot: bool,
    /// Take a snapshot.
    pub(crate) snapshot: bool,
    /// Stream afterwards.
    pub(crate) stream: bool,
    /// How the slot is past the checkpoint, when it is and that is accepted.
    pub(crate) mismatch: Option<String>,
    /// What else an operator should know.
    pub(crate) warnings: Vec<String>,
}

/// Decides.
///
/// # Errors
/// Definite when going on would lose changes; transient when an old primary or a standby that is behind
/// answers.
pub(crate) fn decide(facts: &Facts<'_>) -> Result<Plan> {
    let stored = facts.offset;
    let complete = stored.filter(|offset| !checkpoint::snapshot_unfinished(offset));
    let stream = !matches!(
        facts.mode,
        SnapshotMode::InitialOnly | SnapshotMode::ConfigurationBased { stream: false, .. }
    );
    let asked = match (facts.mode, complete) {
        (SnapshotMode::Always, _) => true,
        (SnapshotMode::NoData, _) => false,
        (SnapshotMode::ConfigurationBased { data, .. }, _) => data,
        (_, None) => true,
        (_, Some(_)) => false,
    };
    let mut plan = Plan {
        drop_slot: false,
        snapshot: asked,
        stream,
        mismatch: None,
        warnings: Vec::new(),
    };
    if !stream {
        return Ok(plan);
    }
    if let Some(offset) = complete {
        plan.warnings.extend(promoted(facts)?);
        check_standby(facts, checkpoint::position(offset))?;
        if let Some(gap) = gap(facts, checkpoint::position(offset)) {
            bridge(facts.mode, &mut plan, gap)?;
        } else if !asked {
            let position = checkpoint::position(offset);
            let confirmed = facts.slot.as_ref().and_then(|slot| slot.confirmed);
            plan.mismatch = compare(facts.slot_config, position, confirmed)?;
        }
    }
    let dead = facts.slot.as_ref().and_then(|slot| slot.dead.as_ref());
    if let Some(why) = dead {
        // The slot is this connector's when it has an offset; a mode that takes snapshots by itself
        // may make room too.
        let may = stored.is_some()
            || matches!(facts.mode, SnapshotMode::WhenNeeded | SnapshotMode::Always);
        if !(may && plan.snapshot) {
            return Err(dead_slot(facts.slot_config, why));
        }
        plan.drop_slot = true;
        let name = &facts.slot_config.name;
        plan.warnings.push(format!(
            "slot \"{name}\" cannot be read any more: {why}. It is dropped and made anew, with a new snapshot"
        ));
    }
    Ok(plan)
}

/// What a mode makes of a checkpoint that cannot be gone on from.
fn bridge(mode: SnapshotMode, plan: &mut Plan, gap: String) -> Result<()> {
    let name = match mode {
        SnapshotMode::WhenNeeded => "when_needed",
        SnapshotMode::Always => "always",
        SnapshotMode::ConfigurationBased {
            data,
            on_data_error,
            ..
        } if data || on_data_error => "configuration_based",
        _ => {
            return Err(EngineError::definite(format!(
                "{gap}. Changes since then cannot be read. Use snapshot.mode=when_needed to take a new snapshot, or reset the offsets"
            )));
        }
    };
    plan.snapshot = true;
    plan.warnings.push(format!(
        "{gap}. Changes since then cannot be read; a new snapshot is taken (snapshot.mode={name})"
    ));
    Ok(())
}

/// Why changes after the checkpoint at `position` are not to be had, if that is so.
fn gap(facts: &Facts<'_>, position: Lsn) -> Option<String> {
    let name = &facts.slot_config.name;
    let lost = |why: String| {
        format!(
            "The connector is trying to read change stream starting at {position}, but this is no longer available on the server: {why}"
        )
    };
    if let Some(why) = other_system(facts) {
        return Some(why);
    }
    if let Some(end) = facts.server.end.filter(|end| *end < position) {
        return Some(format!(
            "The checkpoint at {position} is ahead of the server, whose WAL ends at {end}: this is another server, one restored from a backup, or a standby that was promoted before it had received everything"
        ));
    }
    let Some(slot) = &facts.slot else {
        return Some(lost(format!("slot \"{name}\" does not exist")));
    };
    if let Some(why) = &slot.dead {
        return Some(lost(format!("slot \"{name}\" cannot be read: {why}")));
    }
    let begins = slot.restart.filter(|restart| is_past(*restart, position))?;
    let follow = matches!(
        facts.slot_config.mismatch,
        OffsetMismatch::TrustSlot | OffsetMismatch::TrustGreaterLsn
    );
    (!follow).then(|| {
        lost(format!(
            "slot \"{name}\" begins at {begins}, as one does that was made anew; offset.mismatch.strategy=trust_slot accepts the gap"
        ))
    })
}

/// Whether a slot at `at` is past a checkpoint. One that tells no position is where its slot is.
fn is_past(at: Lsn, checkpoint: Lsn) -> bool {
    checkpoint.is_valid() && at > checkpoint
}

/// How the server is another one than the checkpoint's, if it is and nobody has accepted that.
pub(super) fn other_system(facts: &Facts<'_>) -> Option<String> {
    let (seen, now) = facts.seen.zip(facts.server.system)?;
    if seen.id == now.id || facts.slot_config.accepted_system == Some(now.id) {
        return None;
    }
    Some(format!(
        "The checkpoint was made on the database system {}, but database.hostname leads to {}. If this one goes on where that one ended and has its slot (pg_upgrade keeps slots), set walcast.accept.system.id={}",
        seen.id, now.id, now.id
    ))
}

/// A standby that was just started knows less than it once did, until it has caught up.
fn check_standby(facts: &Facts<'_>, position: Lsn) -> Result<()> {
    let end = facts.server.end.filter(|_| facts.server.standby);
    match end.filter(|end| *end < position) {
        None => Ok(()),
        Some(end) => Err(EngineError::transient(format!(
            "the checkpoint at {position} is ahead of the standby, which has received its WAL up to {end}; waiting for it. If it stays so, see whether the standby is connected to its primary"
        ))),
    }
}

/// Tells of a promotion since the checkpoint.
fn promoted(facts: &Facts<'_>) -> Result<Option<String>> {
    let same = facts.seen.zip(facts.server.system);
    let Some((seen, now)) = same.filter(|(seen, now)| seen.id == now.id) else {
        return Ok(None);
    };
    if now.timeline < seen.timeline {
        return Err(EngineError::transient(format!(
            "the server is on timeline {}, but the checkpoint was made on timeline {}: this is a primary from before the fail-over, and what it writes now is on no other server. Let database.hostname lead to the promoted server",
            now.timeline, seen.timeline
        )));
    }
    Ok((now.timeline > seen.timeline).then(|| {
        format!(
            "the server was promoted since the checkpoint: timeline {} became {}",
            seen.timeline, now.timeline
        )
    }))
}

fn dead_slot(slot: &SlotConfig, why: &str) -> EngineError {
    EngineError::definite(format!(
        "slot \"{}\" cannot be read any more: {why}. Use snapshot.mode=when_needed, which drops it and takes a new snapshot, or drop it yourself: SELECT pg_drop_replication_slot({})",
        slot.name,
        crate::postgres::quote::literal(&slot.name)
    ))
}

/// Compares checkpoint and slot by `offset.mismatch.strategy`.
fn compare(slot: &SlotConfig, checkpoint: Lsn, confirmed: Option<Lsn>) -> Result<Option<String>> {
    let Some(confirmed) = confirmed.filter(|confirmed| is_past(*confirmed, checkpoint)) else {
        return Ok(None);
    };
    let what = format!(
        "slot \"{}\" is confirmed up to {confirmed}, past the checkpoint at {checkpoint}: changes between the two were read by someone else and will not be sent again",
        slot.name
    );
    match slot.mismatch {
        _ if slot.strict_offset => Err(EngineError::definite(format!(
            "{what}. walcast.strict.offset=true refuses to go on; take a new snapshot, or set it to false to accept the gap"
        ))),
        OffsetMismatch::TrustOffset => Err(EngineError::definite(format!(
            "{what}. offset.mismatch.strategy=trust_offset refuses to go on; take a new snapshot, or choose trust_slot to accept the gap"
        ))),
        OffsetMismatch::NoValidation
        | OffsetMismatch::TrustSlot
        | OffsetMismatch::TrustGreaterLsn => Ok(Some(what)),
    }
}

#[cfg(test)]
mod tests;
