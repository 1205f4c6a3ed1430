//! When a failed task is started again by itself: `walcast.task.restart.*` of its connector.
//!
//! Failures and the time come in, the pause before the next start leaves. Connect has no such thing;
//! operators bring their own (Strimzi's `autoRestart`), which know no more than the status does.

use std::time::Duration;

use tokio::time::Instant;

use crate::engine::RestartPolicy;

/// A task that ran this long after a restart has recovered: the count begins anew.
const HEALTHY_AFTER: Duration = Duration::from_secs(600);

/// The restarts of one connector's task.
#[derive(Debug, Default)]
pub(super) struct Restarts {
    /// Since a person acted, or the task recovered.
    count: u32,
    due: Option<Instant>,
    running_since: Option<Instant>,
}

impl Restarts {
    /// The task runs.
    pub(super) fn running(&mut self, now: Instant) {
        self.running_since.get_or_insert(now);
    }

    /// The task has failed: the pause after which it is to be started again, if it is.
    pub(super) fn failed(&mut self, policy: RestartPolicy, now: Instant) -> Option<Duration> {
        let ran = self.running_since.take();
        if ran.is_some_and(|since| now.duration_since(since) >= HEALTHY_AFTER) {
            self.count = 0;
        }
        self.due = None;
        if policy.max_attempts.is_some_and(|max| self.count >= max) {
            return None;
        }
        let doubled = policy.delay_initial.saturating_mul(1 << self.count.min(20));
        let pause = doubled.min(policy.delay_max);
        self.due = Some(now + pause);
        self.count = self.count.saturating_add(1);
        Some(pause)
    }

    /// What the trace of a failed task says of its next start.
    pub(super) fn announcement(&self, policy: RestartPolicy, pause: Duration) -> String {
        let of = policy.max_attempts.map(|max| format!(" of {max}"));
        format!(
            "\nThe task is started again after {} s: restart {}{}",
            pause.as_secs_f64(),
            self.count,
            of.unwrap_or_default()
        )
    }

    /// How often it was started, or is about to be; `None` for a task that never failed.
    pub(super) fn count(&self) -> Option<u32> {
        (self.count > 0).then_some(self.count)
    }

    /// Somebody restarted or changed the connector.
    pub(super) fn reset(&mut self) {
        *self = Self::default();
    }

    /// Returns when the task is to be started; never when it is not.
    pub(super) async fn due(&self) {
        match self.due {
            Some(due) => tokio::time::sleep_until(due).await,
            None => std::future::pending().await,
        }
    }

    /// It is started now.
    pub(super) fn started(&mut self) {
        self.due = None;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const POLICY: RestartPolicy = RestartPolicy {
        max_attempts: Some(3),
        delay_initial: Duration::from_secs(10),
        delay_max: Duration::from_secs(25),
    };

    /// Pauses of failures in a row, in seconds.
    fn pauses(restarts: &mut Restarts, now: Instant, failures: usize) -> Vec<Option<u64>> {
        let pause = |_| restarts.failed(POLICY, now).map(|pause| pause.as_secs());
        (0..failures).map(pause).collect()
    }

    #[test]
    fn pauses_double_to_the_longest_and_end() {
        let (mut restarts, now) = (Restarts::default(), Instant::now());
        assert_eq!(restarts.count(), None);
        let expected = [Some(10), Some(20), Some(25), None];
        assert_eq!(pauses(&mut restarts, now, 4), expected);
        assert_eq!(restarts.count(), Some(3));
        restarts.reset();
        assert_eq!(pauses(&mut restarts, now, 1), [Some(10)]);
    }

    #[test]
    fn a_task_that_recovered_begins_anew() {
        let (mut restarts, now) = (Restarts::default(), Instant::now());
        pauses(&mut restarts, now, 3);
        restarts.running(now);
        let soon = now + Duration::from_secs(60);
        assert_eq!(pauses(&mut restarts, soon, 1), [None]);
        restarts.running(soon);
        assert_eq!(pauses(&mut restarts, soon + HEALTHY_AFTER, 1), [Some(10)]);
    }

    #[test]
    fn without_a_policy_nothing_is_due() {
        let (mut restarts, now) = (Restarts::default(), Instant::now());
        assert_eq!(restarts.failed(RestartPolicy::OFF, now), None);
        assert_eq!((restarts.count(), restarts.due), (None, None));
        let endless = RestartPolicy {
            max_attempts: None,
            ..POLICY
        };
        for _ in 0..40 {
            assert!(restarts.failed(endless, now).is_some());
        }
    }
}
