//! The states of an experiment and the steps between them. Pure.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// Where an experiment is in its life.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Status {
    /// Being defined; no assignments yet.
    Draft,
    /// Takes new assignments and events.
    Running,
    /// Takes events of users that are assigned, no new assignments.
    Paused,
    /// Takes nothing new, for good.
    Completed,
}

/// What is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Step {
    Start,
    Pause,
    Complete,
}

impl Status {
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Draft => "draft",
            Self::Running => "running",
            Self::Paused => "paused",
            Self::Completed => "completed",
        }
    }

    /// From the database's text.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        [Self::Draft, Self::Running, Self::Paused, Self::Completed]
            .into_iter()
            .find(|status| status.as_str() == text)
    }
}

impl Step {
    /// The step's name in paths and in the audit log.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Start => "start",
            Self::Pause => "pause",
            Self::Complete => "complete",
        }
    }

    /// The state after the step, the same one when a retry finds it done, or `None` when the step
    /// is not allowed from there.
    pub(crate) fn from(self, status: Status) -> Option<Status> {
        match (self, status) {
            (Self::Start, Status::Draft | Status::Paused | Status::Running) => {
                Some(Status::Running)
            }
            (Self::Pause, Status::Running | Status::Paused) => Some(Status::Paused),
            (Self::Complete, Status::Running | Status::Paused | Status::Completed) => {
                Some(Status::Completed)
            }
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Status, Step};

    #[test]
    fn every_step_from_every_state() {
        use Status::{Completed, Draft, Paused, Running};
        use Step::{Complete, Pause, Start};
        let table = [
            (Draft, [Some(Running), None, None]),
            (Running, [Some(Running), Some(Paused), Some(Completed)]),
            (Paused, [Some(Running), Some(Paused), Some(Completed)]),
            (Completed, [None, None, Some(Completed)]),
        ];
        for (status, expected) in table {
            assert_eq!(
                [Start, Pause, Complete].map(|step| step.from(status)),
                expected,
                "{status:?}"
            );
        }
    }

    #[test]
    fn states_read_back() {
        for status in [
            Status::Draft,
            Status::Running,
            Status::Paused,
            Status::Completed,
        ] {
            assert_eq!(Status::parse(status.as_str()), Some(status));
        }
        assert_eq!(Status::parse("stopped"), None);
    }
}
