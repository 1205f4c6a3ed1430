//! `walcast.wal.guard.*`: how much WAL the slot may hold back.

use std::time::Duration;

use super::reader::{ConfigProblem, Reader};

/// `walcast.wal.guard.warn.bytes` when it is not set: 1 GiB.
const WARN_DEFAULT: u64 = 1 << 30;

/// The shortest interval: the guard asks the server each time.
const INTERVAL_MIN: Duration = Duration::from_millis(100);

/// The shortest time after which a stream counts as stalled.
const WATCHDOG_MIN: Duration = Duration::from_secs(1);

/// `walcast.wal.guard.policy`: what is done past `walcast.wal.guard.max.bytes`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum GuardPolicy {
    /// Go on; the log and the metrics tell.
    Keep,
    /// The task becomes FAILED; the slot stays.
    Fail,
    /// The task stops reading, the slot is dropped, the task becomes FAILED.
    DropSlot,
}

/// The WAL guard.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GuardConfig {
    /// `walcast.wal.guard.interval.ms`: how often the slot is looked at; `None` is 0, never.
    pub interval: Option<Duration>,
    /// `walcast.wal.guard.warn.bytes`: retained bytes from which on the log warns; `None` is 0, never.
    pub warn_bytes: Option<u64>,
    /// `walcast.wal.guard.max.bytes`: retained bytes past which the policy acts; `None` is 0, never.
    pub max_bytes: Option<u64>,
    /// `walcast.wal.guard.policy`.
    pub policy: GuardPolicy,
}

pub(super) fn read(r: &mut Reader<'_>, warnings: &mut Vec<ConfigProblem>) -> GuardConfig {
    const INTERVAL: &str = "walcast.wal.guard.interval.ms";
    const MAX: &str = "walcast.wal.guard.max.bytes";
    const POLICY: &str = "walcast.wal.guard.policy";
    let interval = Some(r.millis_or(INTERVAL, 10_000)).filter(|i| !i.is_zero());
    if interval.is_some_and(|interval| interval < INTERVAL_MIN) {
        r.problem(
            INTERVAL,
            format!("The '{INTERVAL}' value is invalid: write 0 for no guard, or at least 100"),
        );
    }
    let policies = [
        ("keep", GuardPolicy::Keep),
        ("fail", GuardPolicy::Fail),
        ("drop.slot", GuardPolicy::DropSlot),
    ];
    let config = GuardConfig {
        interval,
        warn_bytes: bytes(r, "walcast.wal.guard.warn.bytes", WARN_DEFAULT),
        max_bytes: bytes(r, MAX, 0),
        policy: r.one_of(POLICY, &policies, GuardPolicy::Keep),
    };
    let idle = match config {
        _ if config.policy == GuardPolicy::Keep => None,
        GuardConfig { interval: None, .. } => Some(INTERVAL),
        GuardConfig {
            max_bytes: None, ..
        } => Some(MAX),
        _ => None,
    };
    if let Some(needed) = idle {
        warnings.push(ConfigProblem {
            property: POLICY.into(),
            message: format!("does nothing while {needed} is 0"),
        });
    }
    config
}

/// `walcast.watchdog.timeout.ms`. By default a server tells of itself every 30 s (half of its
/// `wal_sender_timeout`), also when nothing changes.
pub(super) fn read_watchdog(r: &mut Reader<'_>) -> Option<Duration> {
    const TIMEOUT: &str = "walcast.watchdog.timeout.ms";
    let timeout = Some(r.millis_or(TIMEOUT, 120_000)).filter(|timeout| !timeout.is_zero());
    if timeout.is_some_and(|timeout| timeout < WATCHDOG_MIN) {
        r.problem(
            TIMEOUT,
            format!("The '{TIMEOUT}' value is invalid: write 0 for no watchdog, or at least 1000"),
        );
    }
    timeout
}

fn bytes(r: &mut Reader<'_>, property: &str, default: u64) -> Option<u64> {
    Some(r.parse_or(property, default)).filter(|bytes| *bytes != 0)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    fn parse(given: &[(&str, &str)]) -> (GuardConfig, usize, usize) {
        let given = given.iter().map(|(k, v)| ((*k).into(), (*v).into()));
        let props: BTreeMap<String, String> = given.collect();
        let (mut reader, mut warnings) = (Reader::new(&props), Vec::new());
        let config = read(&mut reader, &mut warnings);
        (config, warnings.len(), reader.into_problems().len())
    }

    #[test]
    fn it_meters_and_warns_by_default_and_does_nothing() {
        let (config, warnings, problems) = parse(&[]);
        let expected = GuardConfig {
            interval: Some(Duration::from_secs(10)),
            warn_bytes: Some(1 << 30),
            max_bytes: None,
            policy: GuardPolicy::Keep,
        };
        assert_eq!((config, warnings, problems), (expected, 0, 0));
    }

    #[test]
    fn a_policy_that_never_acts_is_told() {
        let policy = ("walcast.wal.guard.policy", "drop.slot");
        let max = ("walcast.wal.guard.max.bytes", "1000");
        let off = ("walcast.wal.guard.interval.ms", "0");
        for (given, warnings) in [
            (&[policy][..], 1),
            (&[policy, max], 0),
            (&[policy, max, off], 1),
        ] {
            assert_eq!(parse(given).1, warnings, "{given:?}");
        }
    }

    #[test]
    fn wrong_values_are_refused() {
        for given in [
            ("walcast.wal.guard.policy", "drop"),
            ("walcast.wal.guard.max.bytes", "-1"),
            ("walcast.wal.guard.interval.ms", "5"),
        ] {
            assert_eq!(parse(&[given]).2, 1, "{given:?}");
        }
    }

    #[test]
    fn the_watchdog_waits_two_minutes_unless_told_otherwise() {
        for (given, expected, problems) in [
            (None, Some(120_000), 0),
            (Some("0"), None, 0),
            (Some("5000"), Some(5000), 0),
            (Some("5"), Some(5), 1),
        ] {
            let given = given.map(|ms| ("walcast.watchdog.timeout.ms".into(), ms.to_owned()));
            let props: BTreeMap<String, String> = given.into_iter().collect();
            let mut reader = Reader::new(&props);
            let timeout = read_watchdog(&mut reader);
            assert_eq!(timeout, expected.map(Duration::from_millis));
            assert_eq!(reader.into_problems().len(), problems);
        }
    }
}
