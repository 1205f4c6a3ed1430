//! Experiments with their variants: draft → running → paused → completed.
//!
//! In come definitions and changes from admins. Out go experiments, and to the assignments their
//! rules. Variants and weights are frozen once an experiment has started. Changes go to the audit
//! log, not to the outbox.

mod body;
mod change;
mod etag;
pub(crate) mod handlers;
mod lifecycle;
mod store;
pub(crate) mod variants;

pub(crate) use body::Experiment;
pub(crate) use lifecycle::Status;
pub(crate) use store::Experiments;
