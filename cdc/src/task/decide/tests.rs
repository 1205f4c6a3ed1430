//! What is decided from mode, checkpoint, slot and server.

use std::time::Duration;

use SnapshotMode::{Always, Initial, InitialOnly, NoData, WhenNeeded};

use super::*;
use crate::error::Kind;

const HERE: System = System { id: 7, timeline: 2 };

fn slot(mismatch: OffsetMismatch, strict_offset: bool) -> SlotConfig {
    SlotConfig {
        requires_decoderbufs: false,
        name: "s".into(),
        drop_on_stop: false,
        failover: false,
        status_interval: Duration::from_secs(10),
        max_retries: 6,
        retry_delay: Duration::from_secs(10),
        mismatch,
        strict_offset,
        accepted_system: None,
    }
}

fn at(lsn: u64) -> Offset {
    checkpoint::snapshot_done(Lsn::new(lsn), Some(1), 0)
}

fn unfinished() -> Offset {
    Offset {
        snapshot_completed: Some(false),
        ..at(100)
    }
}

fn confirmed(lsn: u64) -> SlotFacts {
    SlotFacts {
        restart: Some(Lsn::new(lsn / 2)),
        confirmed: Some(Lsn::new(lsn)),
        dead: None,
    }
}

fn dead() -> SlotFacts {
    SlotFacts {
        dead: Some("it has lost WAL".into()),
        ..SlotFacts::default()
    }
}

/// Facts of a server whose WAL ends at 1000.
fn facts<'a>(
    mode: SnapshotMode,
    slot_config: &'a SlotConfig,
    offset: Option<&'a Offset>,
    slot: Option<SlotFacts>,
) -> Facts<'a> {
    Facts {
        mode,
        slot_config,
        offset,
        seen: Some(HERE),
        server: Server {
            system: Some(HERE),
            end: Some(Lsn::new(1000)),
            standby: false,
        },
        slot,
    }
}

fn plan(mode: SnapshotMode, offset: Option<&Offset>, slot_now: Option<SlotFacts>) -> Result<Plan> {
    let config = slot(OffsetMismatch::NoValidation, false);
    decide(&facts(mode, &config, offset, slot_now))
}

#[test]
fn a_snapshot_is_taken_when_the_mode_and_the_checkpoint_ask_for_it() {
    let (known, unfinished) = (at(100), unfinished());
    let there = Some(confirmed(100));
    for (mode, offset, slot_now, snapshot) in [
        (Initial, None, None, true),
        (Initial, None, there.clone(), true),
        (Initial, Some(&unfinished), there.clone(), true),
        (Initial, Some(&unfinished), None, true),
        (Initial, Some(&known), there.clone(), false),
        (Always, None, None, true),
        (Always, Some(&known), there.clone(), true),
        (Always, Some(&known), None, true),
        (NoData, None, None, false),
        (NoData, Some(&known), there.clone(), false),
        (InitialOnly, None, None, true),
        (InitialOnly, Some(&known), there.clone(), false),
        (InitialOnly, Some(&known), None, false),
        (WhenNeeded, None, None, true),
        (WhenNeeded, Some(&known), there.clone(), false),
        (WhenNeeded, Some(&known), None, true),
    ] {
        let plan = plan(mode, offset, slot_now.clone()).unwrap();
        assert_eq!(plan.snapshot, snapshot, "{mode:?} {offset:?} {slot_now:?}");
        assert_eq!(plan.stream, mode != InitialOnly);
        assert!(!plan.drop_slot);
    }
}

#[test]
fn a_slot_that_is_gone_is_an_error_with_the_cure() {
    for mode in [Initial, NoData] {
        let error = plan(mode, Some(&at(100)), None).unwrap_err();
        assert_eq!(error.kind(), Kind::Definite);
        let error = error.to_string();
        for words in [
            "no longer available on the server",
            "does not exist",
            "when_needed",
        ] {
            assert!(error.contains(words), "{mode:?}: {error}");
        }
    }
}

#[test]
fn a_dead_slot_is_dropped_for_a_snapshot_or_refused_with_the_cure() {
    let (known, unfinished) = (at(100), unfinished());
    for (mode, offset, dropped) in [
        (Initial, None, false),
        (Initial, Some(&known), false),
        (Initial, Some(&unfinished), true),
        (NoData, None, false),
        (NoData, Some(&known), false),
        (Always, None, true),
        (Always, Some(&known), true),
        (WhenNeeded, None, true),
        (WhenNeeded, Some(&known), true),
    ] {
        match plan(mode, offset, Some(dead())) {
            Ok(plan) => {
                assert!(
                    dropped && plan.drop_slot && plan.snapshot,
                    "{mode:?} {offset:?}"
                );
                let told = plan.warnings.join("\n");
                assert!(
                    told.contains("it has lost WAL") && told.contains("dropped"),
                    "{told}"
                );
            }
            Err(error) => {
                let error = error.to_string();
                assert!(!dropped, "{mode:?} {offset:?}: {error}");
                assert!(
                    error.contains("it has lost WAL") && error.contains("when_needed"),
                    "{error}"
                );
            }
        }
    }
    let only = plan(InitialOnly, None, Some(dead())).unwrap();
    assert!(
        only.snapshot && !only.drop_slot,
        "it reads nothing from the slot"
    );
}

#[test]
fn a_slot_past_the_checkpoint_warns_or_is_refused() {
    let offset = at(100);
    let warned = plan(Initial, Some(&offset), Some(confirmed(200))).unwrap();
    let warning = warned.mismatch.unwrap();
    assert!(
        warning.contains("0/C8") && warning.contains("0/64"),
        "{warning}"
    );
    for config in [
        slot(OffsetMismatch::TrustOffset, false),
        slot(OffsetMismatch::TrustSlot, true),
    ] {
        let facts = facts(Initial, &config, Some(&offset), Some(confirmed(200)));
        assert!(decide(&facts).is_err(), "{config:?}");
    }
}

/// As Debezium's `validateLogPosition` has it.
#[test]
fn a_slot_that_begins_past_the_checkpoint_was_made_anew() {
    use OffsetMismatch::{NoValidation, TrustGreaterLsn, TrustOffset, TrustSlot};
    let (offset, anew) = (at(100), Some(confirmed(400)));
    for (mode, strategy, snapshot) in [
        (Initial, NoValidation, None),
        (Initial, TrustOffset, None),
        (NoData, NoValidation, None),
        (Initial, TrustSlot, Some(false)),
        (Initial, TrustGreaterLsn, Some(false)),
        (WhenNeeded, TrustSlot, Some(false)),
        (WhenNeeded, NoValidation, Some(true)),
        (Always, NoValidation, Some(true)),
    ] {
        let config = slot(strategy, false);
        let plan = decide(&facts(mode, &config, Some(&offset), anew.clone()));
        let found = plan.as_ref().ok().map(|plan| plan.snapshot);
        assert_eq!(found, snapshot, "{mode:?} {strategy:?} {plan:?}");
    }
}

/// An older version wrote such a checkpoint when an incremental snapshot began before the first change.
#[test]
fn a_checkpoint_that_tells_no_position_is_where_its_slot_is() {
    let offset = Offset {
        ts_usec: Some(5),
        ..Offset::default()
    };
    let config = slot(OffsetMismatch::TrustOffset, true);
    let plan = decide(&facts(NoData, &config, Some(&offset), Some(confirmed(400)))).unwrap();
    assert!(!plan.snapshot && plan.mismatch.is_none());
    let error = decide(&facts(NoData, &config, Some(&offset), None)).unwrap_err();
    assert!(error.trace().contains("does not exist"), "{error:?}");
}

#[test]
fn a_checkpoint_ahead_of_the_server_is_of_another_one() {
    let offset = at(1001);
    for (mode, snapshot) in [
        (Initial, None),
        (NoData, None),
        (WhenNeeded, Some(true)),
        (Always, Some(true)),
    ] {
        let plan = plan(mode, Some(&offset), Some(confirmed(900)));
        let found = plan.as_ref().ok().map(|plan| plan.snapshot);
        assert_eq!(found, snapshot, "{mode:?} {plan:?}");
        let told = plan.map_or_else(|e| e.to_string(), |plan| plan.warnings.join("\n"));
        assert!(told.contains("ahead of the server"), "{told}");
    }
    assert!(plan(Initial, Some(&at(1000)), Some(confirmed(900))).is_ok());
}

#[test]
fn a_standby_that_is_behind_is_waited_for() {
    let (offset, config) = (at(1001), slot(OffsetMismatch::NoValidation, false));
    let mut facts = facts(WhenNeeded, &config, Some(&offset), Some(confirmed(900)));
    facts.server.standby = true;
    assert_eq!(decide(&facts).unwrap_err().kind(), Kind::Transient);
}

#[test]
fn another_system_is_refused_or_read_anew() {
    let offset = at(100);
    let other = System { id: 8, timeline: 1 };
    for (mode, accepted, seen, snapshot) in [
        (Initial, None, Some(HERE), Some(false)),
        (Initial, None, None, Some(false)),
        (Initial, None, Some(other), None),
        (Initial, Some(HERE.id), Some(other), Some(false)),
        (Initial, Some(9), Some(other), None),
        (NoData, None, Some(other), None),
        (WhenNeeded, None, Some(other), Some(true)),
        (Always, None, Some(other), Some(true)),
    ] {
        let mut config = slot(OffsetMismatch::NoValidation, false);
        config.accepted_system = accepted;
        let mut facts = facts(mode, &config, Some(&offset), Some(confirmed(100)));
        facts.seen = seen;
        let plan = decide(&facts);
        let found = plan.as_ref().ok().map(|plan| plan.snapshot);
        assert_eq!(found, snapshot, "{mode:?} {accepted:?} {seen:?} {plan:?}");
        if let Err(error) = plan {
            assert!(
                error.to_string().contains("walcast.accept.system.id=7"),
                "{error}"
            );
        }
    }
}

#[test]
fn a_promotion_is_told_and_an_old_primary_waited_out() {
    let (offset, config) = (at(100), slot(OffsetMismatch::NoValidation, false));
    let mut facts = facts(WhenNeeded, &config, Some(&offset), Some(confirmed(100)));
    facts.seen = Some(System { id: 7, timeline: 1 });
    let plan = decide(&facts).unwrap();
    assert!(!plan.snapshot);
    assert!(plan.warnings[0].contains("promoted"), "{:?}", plan.warnings);
    facts.seen = Some(System { id: 7, timeline: 3 });
    let error = decide(&facts).unwrap_err();
    assert_eq!(error.kind(), Kind::Transient);
    assert!(error.to_string().contains("database.hostname"), "{error}");
}

#[test]
fn configuration_based_does_what_its_properties_say() {
    let known = at(100);
    let check =
        |(data, stream, on_data_error), offset, slot_now, expected: Option<(bool, bool)>| {
            let mode = SnapshotMode::ConfigurationBased {
                data,
                stream,
                on_data_error,
            };
            let plan = plan(mode, offset, slot_now).ok();
            assert_eq!(plan.map(|p| (p.snapshot, p.stream)), expected, "{mode:?}");
        };
    let here = || Some(confirmed(100));
    check(
        (true, true, false),
        Some(&known),
        here(),
        Some((true, true)),
    );
    check(
        (false, true, false),
        Some(&known),
        here(),
        Some((false, true)),
    );
    check((false, true, false), None, None, Some((false, true)));
    check((true, false, false), None, None, Some((true, false)));
    check((false, true, true), Some(&known), None, Some((true, true)));
    check((false, true, false), Some(&known), None, None);
}
