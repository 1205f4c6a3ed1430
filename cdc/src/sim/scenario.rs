//! What a seed stands for: how the engine is set up, and what befalls it.

use std::time::Duration;

use super::Broken;
use super::chance::Chance;
use crate::config::TransactionBoundary;

/// What ends one of the engine's lives.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fate {
    /// The process is killed.
    Kill,
    /// It is frozen; another one starts, and then it goes on for so many steps, after so many
    /// milliseconds.
    Freeze { after_ms: u64, steps: u64 },
    /// It is stopped cleanly.
    Stop,
    /// The server crashes.
    ServerCrash,
}

#[derive(Debug, Clone)]
pub(super) struct Scenario {
    pub(super) exactly_once: bool,
    /// Checkpoints are written without transactions, as where the cluster has none.
    pub(super) plain: bool,
    /// `provide.transaction.metadata`.
    pub(super) metadata: bool,
    /// `heartbeat.interval.ms`; 0 for none.
    pub(super) heartbeat_ms: u64,
    /// `offset.flush.interval.ms`.
    pub(super) flush_ms: u64,
    /// `status.update.interval.ms`.
    pub(super) status_ms: u64,
    pub(super) latency_ms_max: u64,
    /// `transaction.boundary.interval.ms`; 0 for `transaction.boundary=poll`.
    pub(super) interval_ms: u64,
    /// What ends each life, and after how many steps.
    pub(super) fates: Vec<(u64, Fate)>,
    /// What is wrong on purpose.
    pub(super) broken: Option<Broken>,
}

impl Scenario {
    pub(super) fn new(chance: &mut Chance, broken: Option<Broken>) -> Self {
        let exactly_once = chance.one_in(2);
        // Without transactions nothing refuses the checkpoints of a process that was frozen.
        let plain = !exactly_once && chance.one_in(4);
        Self {
            exactly_once,
            plain,
            metadata: chance.one_in(3),
            heartbeat_ms: chance.of(&[0, 0, 7, 40]),
            flush_ms: chance.of(&[5, 30, 200, 1_000]),
            status_ms: chance.of(&[10, 100, 1_000]),
            latency_ms_max: chance.of(&[1, 3, 12, 60]),
            fates: (0..chance.below(9)).map(|_| fate(chance, !plain)).collect(),
            interval_ms: chance.of(&[0, 0, 0, 20, 300]),
            broken,
        }
    }

    pub(super) fn boundary(&self) -> TransactionBoundary {
        match self.interval_ms {
            0 => TransactionBoundary::Poll,
            ms => TransactionBoundary::Interval(Some(Duration::from_millis(ms))),
        }
    }

    /// Whether a process that was frozen may have published without being refused.
    pub(super) fn has_free_zombies(&self) -> bool {
        let frozen = |(_, fate): &(u64, Fate)| matches!(fate, Fate::Freeze { .. });
        !self.exactly_once && self.fates.iter().any(frozen)
    }
}

fn fate(chance: &mut Chance, freezes: bool) -> (u64, Fate) {
    let most = chance.of(&[20, 100, 400, 1_500]);
    let steps = chance.between(1, most);
    let fate = match chance.below(8) {
        0..=2 => Fate::Kill,
        3 | 4 if freezes => Fate::Freeze {
            after_ms: chance.below(300),
            steps: chance.between(1, 200),
        },
        7 => Fate::ServerCrash,
        _ => Fate::Stop,
    };
    (steps, fate)
}
