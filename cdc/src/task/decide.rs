//! What a task does at its start, decided from mode, checkpoint and slot.
//!
//! What is found is classified, never asserted. Pure: facts in, a plan or an error with the cure out.

use walcast_wire::connect_offset::Offset;
use walcast_wire::lsn::Lsn;

use crate::checkpoint;
use crate::config::{OffsetMismatch, SlotConfig, SnapshotMode};
use crate::error::{EngineError, Result};

/// What is known at the start.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Facts<'a> {
    pub(crate) mode: SnapshotMode,
    pub(crate) slot_config: &'a SlotConfig,
    /// The stored offset.
    pub(crate) offset: Option<&'a Offset>,
    /// Whether the slot exists, and what it has confirmed.
    pub(crate) slot: Option<Option<Lsn>>,
}

/// What to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Plan {
    /// Take a snapshot first.
    pub(crate) snapshot: bool,
    /// Stream afterwards.
    pub(crate) stream: bool,
    /// Something an operator should know.
    pub(crate) warning: Option<String>,
}

/// Decides.
///
/// # Errors
/// Definite when going on would lose changes.
pub(crate) fn decide(facts: &Facts<'_>) -> Result<Plan> {
    let complete = facts
        .offset
        .filter(|offset| !checkpoint::snapshot_unfinished(offset));
    let stream = !matches!(
        facts.mode,
        SnapshotMode::InitialOnly | SnapshotMode::ConfigurationBased { stream: false, .. }
    );
    let snapshot = match (facts.mode, complete) {
        (SnapshotMode::Always, _) => true,
        (SnapshotMode::NoData, _) => false,
        (SnapshotMode::ConfigurationBased { data: true, .. }, _) => true,
        (SnapshotMode::ConfigurationBased { on_data_error, .. }, Some(_)) => {
            on_data_error && facts.slot.is_none()
        }
        (SnapshotMode::ConfigurationBased { .. }, None) => false,
        (_, None) => true,
        (SnapshotMode::WhenNeeded, Some(_)) => facts.slot.is_none(),
        (_, Some(_)) => false,
    };
    let mut plan = Plan {
        snapshot,
        stream,
        warning: None,
    };
    let Some(offset) = complete else {
        return Ok(plan);
    };
    if snapshot || !stream {
        return Ok(plan);
    }
    let Some(confirmed) = facts.slot else {
        return Err(slot_gone(facts.slot_config, offset));
    };
    plan.warning = compare(facts.slot_config, checkpoint::position(offset), confirmed)?;
    Ok(plan)
}

fn slot_gone(slot: &SlotConfig, offset: &Offset) -> EngineError {
    EngineError::definite(format!(
        "The connector is trying to read change stream starting at {}, but this is no longer available on the server: slot \"{}\" does not exist. Changes since then cannot be read. Use snapshot.mode=when_needed to take a new snapshot, or reset the offsets",
        checkpoint::position(offset),
        slot.name
    ))
}

/// Compares checkpoint and slot by `offset.mismatch.strategy`.
fn compare(slot: &SlotConfig, checkpoint: Lsn, confirmed: Option<Lsn>) -> Result<Option<String>> {
    let Some(confirmed) = confirmed.filter(|confirmed| *confirmed > checkpoint) else {
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
