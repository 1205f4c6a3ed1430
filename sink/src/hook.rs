//! Where a test can hold or fail a worker: the named steps between which a crash must be harmless.

use std::fmt;

/// The steps of one batch, in their order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Step {
    /// The batch is collected; nothing of it has left the process.
    Collected,
    /// Its range is committed as pending.
    PendingCommitted,
    /// Its dead letters are acknowledged.
    DeadLettersAcked,
    /// Its rows have landed.
    Inserted,
    /// The position past it is committed.
    Settled,
}

impl Step {
    /// Every step, in order.
    pub const ALL: [Step; 5] = [
        Step::Collected,
        Step::PendingCommitted,
        Step::DeadLettersAcked,
        Step::Inserted,
        Step::Settled,
    ];
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self, f)
    }
}

/// What to do at a step.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// Go on.
    Continue,
    /// Drop everything as a crash would: no commit, no clean-up; the sink ends with an error.
    Crash,
}

/// Is told of each step by every worker.
pub trait StepHook: Send + Sync {
    /// A worker of `topic`/`partition` has reached `step`.
    fn reached(&self, step: Step, topic: &str, partition: i32) -> Verdict;
}

/// Always goes on.
#[derive(Debug, Clone, Copy, Default)]
pub struct NoHook;

impl StepHook for NoHook {
    fn reached(&self, _: Step, _: &str, _: i32) -> Verdict {
        Verdict::Continue
    }
}
