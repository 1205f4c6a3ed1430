//! Waiting times between tries: doubled, capped, and jittered so that workers do not march in step.

use std::time::Duration;

use rand::Rng;

/// First and longest wait.
const WAIT_FIRST: Duration = Duration::from_millis(100);
const WAIT_MAX: Duration = Duration::from_secs(10);

/// The waits of one operation that is tried until it works.
#[derive(Debug)]
pub(crate) struct Backoff {
    next: Duration,
}

impl Backoff {
    pub(crate) fn new() -> Self {
        Self { next: WAIT_FIRST }
    }

    /// The next wait: between half and the whole of a step that doubles up to ten seconds.
    pub(crate) fn next(&mut self) -> Duration {
        let step = self.next;
        self.next = (step * 2).min(WAIT_MAX);
        step.mul_f64(rand::rng().random_range(0.5..=1.0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_grow_to_the_cap_and_stay_there() {
        let mut backoff = Backoff::new();
        let waits: Vec<_> = (0..20).map(|_| backoff.next()).collect();
        assert!(waits[0] <= WAIT_FIRST && waits[0] >= WAIT_FIRST / 2);
        assert!(waits.iter().all(|wait| *wait <= WAIT_MAX));
        assert!(waits[19] >= WAIT_MAX / 2);
    }
}
