//! Records events: stores what is new, recognises what is known, explains what is refused.

use std::collections::{HashMap, HashSet};

use super::body::Event;
use super::store::{self, Finding, Identified};
use crate::postgres::Postgres;
use crate::problem::{self, Problem};

/// How often events are tried again that were refused for a reason that has gone meanwhile.
const TRIES_MAX: usize = 4;

/// What became of one event.
pub(super) enum Outcome {
    Recorded(Event),
    Known(Event),
    Refused(Problem),
}

/// Records `events` and says of each, in their order, what became of it.
///
/// Of several with one id the first is recorded; the others are then known, or conflict with it.
pub(super) async fn record(
    postgres: &Postgres,
    events: &[Identified],
) -> Result<Vec<Outcome>, Problem> {
    let mut outcomes: Vec<Option<Outcome>> = events.iter().map(|_| None).collect();
    for _ in 0..TRIES_MAX {
        let open: Vec<usize> = (0..events.len())
            .filter(|at| outcomes[*at].is_none())
            .collect();
        let mut seen = HashSet::new();
        let firsts = open
            .iter()
            .map(|at| &events[*at])
            .filter(|each| seen.insert(&each.id));
        let firsts: Vec<&Identified> = firsts.collect();
        let written = store::record(postgres, &firsts).await?;
        let mut written: HashMap<String, Event> = written
            .into_iter()
            .map(|event| (event.id.clone(), event))
            .collect();
        let mut left = Vec::new();
        for at in open {
            match written.remove(events[at].id.as_str()) {
                Some(event) => outcomes[at] = Some(Outcome::Recorded(event)),
                None => left.push(at),
            }
        }
        if left.is_empty() {
            break;
        }
        let unwritten: Vec<&Identified> = left.iter().map(|at| &events[*at]).collect();
        let findings = store::explain(postgres, &unwritten).await?;
        for (at, finding) in left.into_iter().zip(findings) {
            outcomes[at] = judge(&events[at], finding);
        }
    }
    let contended = || {
        let detail = "the event's experiment or user keeps changing; try again";
        Outcome::Refused(Problem::new(problem::UNAVAILABLE, detail).retry_after_s(1))
    };
    Ok(outcomes
        .into_iter()
        .map(|outcome| outcome.unwrap_or_else(contended))
        .collect())
}

/// Why an event was not written; `None` when nothing stands in its way any more.
fn judge(of: &Identified, finding: Finding) -> Option<Outcome> {
    let Identified { id, event } = of;
    let (experiment, user) = (event.experiment_id, &event.user_id);
    let problem = match finding {
        Finding {
            stored: Some((stored, true)),
            ..
        } => return Some(Outcome::Known(stored)),
        Finding {
            stored: Some(_), ..
        } => {
            let detail = format!("id: another event with id {id} was recorded before");
            Problem::new(problem::CONFLICT, detail)
        }
        Finding { status: None, .. } => Problem::not_found("experiment", experiment),
        Finding {
            user_exists: false, ..
        } => Problem::not_found("user", user),
        Finding {
            status: Some(status),
            ..
        } if status == "draft" || status == "completed" => {
            let detail = format!("experiment {experiment} is {status}; it takes no events");
            Problem::new(problem::NOT_RUNNING, detail)
        }
        Finding {
            assigned: false, ..
        } => {
            let detail = format!(
                "user {user} is not assigned in experiment {experiment}; POST /v1/assignments first"
            );
            Problem::new(problem::NOT_ASSIGNED, detail)
        }
        Finding { .. } => return None,
    };
    Some(Outcome::Refused(problem))
}
