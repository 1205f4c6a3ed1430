//! `walcast.task.restart.*`: whether a task that has failed is started again by itself.

use std::time::Duration;

use super::reader::Reader;

/// When a worker starts a failed task again without being asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RestartPolicy {
    /// `walcast.task.restart.max.attempts`: how often, one after the other; `None` is -1, without
    /// end; 0, the default, is never, as in Kafka Connect.
    pub max_attempts: Option<u32>,
    /// `walcast.task.restart.delay.initial.ms`: the pause before the first; it doubles.
    pub delay_initial: Duration,
    /// `walcast.task.restart.delay.max.ms`: the longest pause.
    pub delay_max: Duration,
}

pub(super) fn read(r: &mut Reader<'_>) -> RestartPolicy {
    const LONGEST: &str = "walcast.task.restart.delay.max.ms";
    let attempts: i64 = r.parse_or("walcast.task.restart.max.attempts", 0);
    let policy = RestartPolicy {
        max_attempts: u32::try_from(attempts).ok(),
        delay_initial: r.millis_or("walcast.task.restart.delay.initial.ms", 60_000),
        delay_max: r.millis_or(LONGEST, 3_600_000),
    };
    if policy.delay_max < policy.delay_initial {
        r.problem(
            LONGEST,
            format!("The '{LONGEST}' value is invalid: it is less than walcast.task.restart.delay.initial.ms"),
        );
    }
    policy
}

#[cfg(test)]
mod tests {
    use crate::config::tests::{parse, refused};

    #[test]
    fn a_failed_task_stays_failed_unless_asked_otherwise() {
        assert_eq!(parse(&[]).unwrap().restart.max_attempts, Some(0));
        let endless = parse(&[("walcast.task.restart.max.attempts", "-1")]);
        assert_eq!(endless.unwrap().restart.max_attempts, None);
        let (property, _) = refused(&[("walcast.task.restart.delay.max.ms", "5")]);
        assert_eq!(property, "walcast.task.restart.delay.max.ms");
    }
}
