//! MicroProfile Health as Quarkus (SmallRye) answers it.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// Whether the connector lives. Cheap to clone.
#[derive(Debug, Clone, Default)]
pub(super) struct Health(Arc<AtomicBool>);

/// Which of Quarkus' health paths is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// `/q/health`: all checks.
    All,
    /// `/q/health/live`.
    Live,
    /// `/q/health/ready`. Debezium Server has no check of readiness, so it is always up.
    Ready,
    /// `/q/health/started`, which it has no check for either.
    Started,
}

impl Health {
    /// Debezium Server lives from the moment its task has started until it has completed.
    pub(super) fn set(&self, live: bool) {
        self.0.store(live, Ordering::Relaxed);
    }

    /// Status code and body, laid out as Quarkus prints it.
    pub(super) fn answer(&self, kind: Kind) -> (u16, String) {
        let checked = matches!(kind, Kind::All | Kind::Live);
        let live = self.0.load(Ordering::Relaxed) || !checked;
        let status = if live { "UP" } else { "DOWN" };
        let check = if checked {
            format!(
                "\n        {{\n            \"name\": \"debezium\",\n            \"status\": \"{status}\"\n        }}"
            )
        } else {
            String::new()
        };
        let body =
            format!("{{\n    \"status\": \"{status}\",\n    \"checks\": [{check}\n    ]\n}}");
        (if live { 200 } else { 503 }, body)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn health_is_down_until_the_task_runs_and_laid_out_as_quarkus_has_it() {
        let health = Health::default();
        assert_eq!(health.answer(Kind::All).0, 503);
        assert_eq!(
            health.answer(Kind::Ready),
            (
                200,
                "{\n    \"status\": \"UP\",\n    \"checks\": [\n    ]\n}".to_owned()
            )
        );
        health.set(true);
        let body = "{\n    \"status\": \"UP\",\n    \"checks\": [\n        {\n            \"name\": \"debezium\",\n            \"status\": \"UP\"\n        }\n    ]\n}";
        for kind in [Kind::All, Kind::Live] {
            assert_eq!(health.answer(kind), (200, body.to_owned()));
        }
    }
}
