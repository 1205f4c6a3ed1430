//! When the guard warns, and when it acts.

use std::time::Duration;

use super::*;

fn alarms(warn: u64, max: u64, policy: GuardPolicy) -> Alarms {
    Alarms::new(&GuardConfig {
        interval: Some(Duration::from_secs(1)),
        warn_bytes: Some(warn).filter(|bytes| *bytes != 0),
        max_bytes: Some(max).filter(|bytes| *bytes != 0),
        policy,
    })
}

fn reading(status: Status, retained_bytes: u64, safe_bytes: Option<u64>) -> Reading {
    Reading {
        status,
        retained_bytes,
        unconfirmed_bytes: retained_bytes,
        safe_bytes,
    }
}

fn retains(bytes: u64) -> Reading {
    reading(Status::Reserved, bytes, None)
}

#[test]
fn a_threshold_is_told_once_and_again_when_doubled() {
    let mut alarms = alarms(100, 0, GuardPolicy::Keep);
    for (bytes, told) in [
        (99, false),
        (100, true),
        (150, false),
        (90, false),
        (199, false),
        (200, true),
        (399, false),
        (400, true),
        (60, false),
        (150, false),
        (49, true), // relieved
        (99, false),
        (101, true),
    ] {
        assert_eq!(!alarms.see(&retains(bytes)).is_empty(), told, "{bytes}");
    }
    let mut off = self::alarms(0, 0, GuardPolicy::Keep);
    assert!(off.see(&retains(u64::MAX)).is_empty());
}

#[test]
fn a_status_is_told_when_it_turns_bad() {
    use Status::{Extended, Lost, Missing, Reserved, Unreserved};
    let mut alarms = alarms(0, 0, GuardPolicy::Keep);
    for (status, told) in [
        (Missing, false),
        (Reserved, false),
        (Extended, false),
        (Unreserved, true),
        (Unreserved, false),
        (Extended, false),
        (Unreserved, true),
        (Lost, true),
        (Lost, false),
        (Missing, true),
        (Missing, false),
        (Reserved, false),
    ] {
        let alarms = alarms.see(&reading(status, 0, None));
        assert_eq!(alarms == [Alarm::Became(status)], told, "{status:?}");
    }
}

#[test]
fn little_left_is_told_before_the_slot_is_lost() {
    let mut alarms = alarms(0, 0, GuardPolicy::Keep);
    for (retained, safe, told) in [
        (500, Some(500), false),
        (810, Some(190), true),
        (900, Some(100), false),
        (700, Some(300), false),
        (810, Some(190), false),
        (500, Some(500), false),
        (900, Some(100), true),
        (u64::MAX, None, false),
    ] {
        let alarms = alarms.see(&reading(Status::Extended, retained, safe));
        assert_eq!(!alarms.is_empty(), told, "{retained} {safe:?}");
    }
}

#[test]
fn the_policy_acts_past_the_limit() {
    let mut keep = alarms(0, 100, GuardPolicy::Keep);
    assert_eq!(keep.breach(&retains(1000)), None);
    for policy in [GuardPolicy::Fail, GuardPolicy::DropSlot] {
        let mut alarms = alarms(0, 100, policy);
        assert_eq!(alarms.breach(&retains(10)), None);
        assert_eq!(alarms.breach(&retains(100)), None);
        let breach = Breach {
            retained_bytes: 101,
            unconfirmed_bytes: 101,
            limit_bytes: 100,
        };
        assert_eq!(alarms.breach(&retains(101)), Some(breach));
    }
}

#[test]
fn a_task_that_starts_far_behind_may_catch_up() {
    let mut alarms = alarms(0, 100, GuardPolicy::Fail);
    for (bytes, acts) in [
        (500, false),
        (510, false),
        (511, true),
        (300, false),
        (100, false),
        (101, true),
    ] {
        assert_eq!(alarms.breach(&retains(bytes)).is_some(), acts, "{bytes}");
    }
    let missing = reading(Status::Missing, 0, None);
    let mut alarms = self::alarms(0, 100, GuardPolicy::Fail);
    assert_eq!(alarms.breach(&missing), None);
    assert_eq!(
        alarms.breach(&retains(500)),
        None,
        "a slot that is not there is no start"
    );
}

#[test]
fn sizes_are_readable() {
    for (bytes, text) in [
        (0, "0 bytes"),
        (1023, "1023 bytes"),
        (1536, "1.5 KiB"),
        (1 << 30, "1.0 GiB"),
        (u64::MAX, "16777216.0 TiB"),
    ] {
        assert_eq!(size(bytes), text);
    }
}
