//! Whether the machine has anything else to do, before each run.

use std::fs;
use std::thread;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::process::{self, Machine};

/// How long is looked at the machine at a time.
const WINDOW: Duration = Duration::from_millis(500);

/// The share of its CPUs that a quiet machine may use.
const QUIET_SHARE: f64 = 0.1;

/// What the machine did just before a run.
#[derive(Clone, Debug)]
pub(crate) struct Before {
    /// Load over 1, 5 and 15 minutes.
    pub(crate) load: Vec<f64>,
    /// The share of its CPUs that was busy.
    pub(crate) busy: f64,
}

impl Before {
    /// Waits until the machine is quiet, but not longer than `limit`.
    pub(crate) fn wait(limit: Duration) -> Self {
        let begun = Instant::now();
        loop {
            let from = process::machine();
            thread::sleep(WINDOW);
            let busy = busy_share(from, process::machine());
            if busy < QUIET_SHARE || begun.elapsed() >= limit {
                let load = load();
                return Self { load, busy };
            }
        }
    }

    /// Whether nothing else ran to speak of.
    pub(crate) fn is_quiet(&self) -> bool {
        self.busy < QUIET_SHARE
    }

    /// As in the results.
    pub(crate) fn json(&self) -> Value {
        json!({ "load": self.load, "busy": self.busy, "quiet": self.is_quiet() })
    }
}

fn busy_share(from: Machine, to: Machine) -> f64 {
    let busy = to.busy_s - from.busy_s;
    let all = busy + to.idle_s - from.idle_s;
    if all > 0.0 { busy / all } else { 0.0 }
}

fn load() -> Vec<f64> {
    let text = fs::read_to_string("/proc/loadavg").unwrap_or_default();
    let numbers = text.split_whitespace().take(3);
    numbers.filter_map(|number| number.parse().ok()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_machine_that_idles_three_quarters_of_the_time_is_a_quarter_busy() {
        let at = |busy_s, idle_s| Machine {
            busy_s,
            idle_s,
            steal_s: 0.0,
        };
        assert_eq!(busy_share(at(1.0, 1.0), at(2.0, 4.0)), 0.25);
        assert_eq!(busy_share(at(1.0, 1.0), at(1.0, 1.0)), 0.0);
    }
}
