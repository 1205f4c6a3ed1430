//! A circuit breaker: after several failures in a row, callers are spared a helper that is down.
//!
//! Closed: calls pass. After `FAILURES_MAX` failures in a row it opens: calls are skipped for
//! `PAUSE`, then one call at a time tries again; its success closes the breaker.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

const FAILURES_MAX: u32 = 3;
const PAUSE: Duration = Duration::from_secs(2);

/// The state of one helper.
#[derive(Debug, Default)]
pub(crate) struct Breaker {
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    failures: u32,
    open_until: Option<Instant>,
}

impl Breaker {
    /// Whether a call may be made now. One that may must report its outcome.
    pub(crate) fn allows(&self) -> bool {
        let mut state = self.lock();
        match state.open_until {
            None => true,
            Some(until) if Instant::now() < until => false,
            Some(_) => {
                // This caller probes; the others go on without until it has reported.
                state.open_until = Some(Instant::now() + PAUSE);
                true
            }
        }
    }

    /// Reports that a call succeeded; true when this closed the breaker.
    pub(crate) fn succeeded(&self) -> bool {
        let mut state = self.lock();
        state.failures = 0;
        state.open_until.take().is_some()
    }

    /// Reports that a call failed; true when this opened the breaker.
    pub(crate) fn failed(&self) -> bool {
        let mut state = self.lock();
        state.failures = state.failures.saturating_add(1);
        if state.failures < FAILURES_MAX {
            return false;
        }
        state.open_until.replace(Instant::now() + PAUSE).is_none()
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // The state is two plain values, whole at every moment.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn it_opens_after_failures_and_closes_after_a_probe() {
        let breaker = Breaker::default();
        assert!(!breaker.failed() && !breaker.failed() && breaker.allows());
        assert!(breaker.failed(), "the third failure opens it");
        assert!(!breaker.allows());
        tokio::time::advance(PAUSE).await;
        assert!(breaker.allows(), "one probe");
        assert!(!breaker.allows(), "and no second one");
        assert!(breaker.succeeded(), "which closes it");
        assert!(breaker.allows());
    }

    #[tokio::test(start_paused = true)]
    async fn a_success_between_failures_keeps_it_closed() {
        let breaker = Breaker::default();
        for _ in 0..10 {
            assert!(!breaker.failed() && !breaker.failed() && !breaker.succeeded());
        }
    }
}
