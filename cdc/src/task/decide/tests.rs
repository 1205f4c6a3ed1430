//! What is decided from mode, checkpoint and slot.

use std::time::Duration;

use super::*;

fn slot(mismatch: OffsetMismatch, strict_offset: bool) -> SlotConfig {
    SlotConfig {
        name: "s".into(),
        drop_on_stop: false,
        failover: false,
        status_interval: Duration::from_secs(10),
        mismatch,
        strict_offset,
    }
}

fn plan(mode: SnapshotMode, offset: Option<&Offset>, slot_at: Option<u64>) -> Result<Plan> {
    let slot_config = slot(OffsetMismatch::NoValidation, false);
    let slot = slot_at.map(|at| Some(Lsn::new(at)));
    decide(&Facts {
        mode,
        slot_config: &slot_config,
        offset,
        slot,
    })
}

fn at(lsn: u64) -> Offset {
    checkpoint::snapshot_done(Lsn::new(lsn), 1, 0)
}

#[test]
fn a_snapshot_is_taken_when_the_mode_and_the_checkpoint_ask_for_it() {
    use SnapshotMode::{Always, Initial, InitialOnly, NoData, WhenNeeded};
    let (known, mut unfinished) = (at(100), at(100));
    unfinished.snapshot_completed = Some(false);
    for (mode, offset, slot_at, snapshot) in [
        (Initial, None, None, true),
        (Initial, Some(&unfinished), Some(50), true),
        (Initial, Some(&known), Some(100), false),
        (Always, Some(&known), Some(100), true),
        (NoData, None, None, false),
        (InitialOnly, None, None, true),
        (InitialOnly, Some(&known), Some(100), false),
        (WhenNeeded, Some(&known), Some(100), false),
        (WhenNeeded, Some(&known), None, true),
    ] {
        let plan = plan(mode, offset, slot_at).unwrap();
        assert_eq!(plan.snapshot, snapshot, "{mode:?} {offset:?} {slot_at:?}");
        assert_eq!(plan.stream, mode != InitialOnly);
    }
}

#[test]
fn a_slot_that_is_gone_is_an_error_with_the_cure() {
    let error = plan(SnapshotMode::Initial, Some(&at(100)), None)
        .unwrap_err()
        .to_string();
    assert!(
        error.contains("no longer available on the server"),
        "{error}"
    );
    assert!(error.contains("when_needed"), "{error}");
}

#[test]
fn a_slot_past_the_checkpoint_warns_or_is_refused() {
    let offset = at(100);
    let warned = plan(SnapshotMode::Initial, Some(&offset), Some(200)).unwrap();
    let warning = warned.warning.unwrap();
    assert!(
        warning.contains("0/C8") && warning.contains("0/64"),
        "{warning}"
    );
    for config in [
        slot(OffsetMismatch::TrustOffset, false),
        slot(OffsetMismatch::TrustSlot, true),
    ] {
        let facts = Facts {
            mode: SnapshotMode::Initial,
            slot_config: &config,
            offset: Some(&offset),
            slot: Some(Some(Lsn::new(200))),
        };
        assert!(decide(&facts).is_err(), "{config:?}");
    }
}
