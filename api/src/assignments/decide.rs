//! Gets or makes assignments: decides by the experiment's rules, stores, and explains refusals.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use super::body::Assignment;
use super::store::{self, Draw};
use crate::experiments::{Experiment, Status};
use crate::ids::ExperimentRef;
use crate::problem::{self, Problem};
use crate::state::App;

/// How often a decision is made again when the experiment changes at the same time.
const TRIES_MAX: usize = 4;

/// What became of one user.
pub(super) enum Outcome {
    New(Assignment),
    Known(Assignment),
    KeptOut(Assignment),
    Refused(Problem),
}

/// The assignment of one user, from the cache if it is there.
pub(super) async fn one(
    app: &App,
    which: &ExperimentRef,
    user_id: &str,
    forced: Option<i64>,
) -> Result<Outcome, Problem> {
    let experiment = app.experiments.lately(which).await?;
    let outcome = match cached(app, experiment.id, user_id).await {
        Some(assignment) => Outcome::Known(assignment),
        None => {
            let mut outcomes = many(app, which, experiment, &[user_id], forced).await?;
            let outcome = outcomes
                .pop()
                .unwrap_or_else(|| Outcome::Refused(contended(user_id)));
            if let Outcome::New(assignment) | Outcome::Known(assignment) = &outcome {
                let json = serde_json::to_string(assignment).map_err(Problem::internal)?;
                app.cache.put(assignment.experiment_id, user_id, json).await;
            }
            outcome
        }
    };
    Ok(match (outcome, forced) {
        (Outcome::Known(assignment), Some(id)) if assignment.variant_id != Some(id) => {
            Outcome::Refused(elsewhere(&assignment))
        }
        (outcome, _) => outcome,
    })
}

/// The assignments of `users`, in their order, decided by the rules of `experiment` or put into the
/// variant `forced`.
pub(super) async fn many(
    app: &App,
    which: &ExperimentRef,
    mut experiment: Arc<Experiment>,
    users: &[&str],
    forced: Option<i64>,
) -> Result<Vec<Outcome>, Problem> {
    let mut outcomes: Vec<Option<Outcome>> = users.iter().map(|_| None).collect();
    for _ in 0..TRIES_MAX {
        let open: Vec<usize> = (0..users.len())
            .filter(|at| outcomes[*at].is_none())
            .collect();
        let draws = open
            .iter()
            .map(|at| draw(&experiment, users[*at], forced))
            .collect::<Result<Vec<_>, _>>()?;
        let stored = store::record(&app.postgres, &experiment, &draws).await?;
        let mut stored: HashMap<String, Outcome> = stored
            .into_iter()
            .map(|row| {
                let user = row.assignment.user_id.clone();
                let as_new = if row.new {
                    Outcome::New
                } else {
                    Outcome::Known
                };
                (user, as_new(row.assignment))
            })
            .collect();
        let mut left = Vec::new();
        for (at, draw) in open.into_iter().zip(&draws) {
            match stored.remove(draw.user_id) {
                Some(outcome) => outcomes[at] = Some(outcome),
                None => left.push((at, *draw)),
            }
        }
        if left.is_empty() {
            break;
        }
        let now = app.experiments.now(which).await?;
        for (at, outcome) in explain(app, &experiment, &now, &left).await? {
            outcomes[at] = Some(outcome);
        }
        experiment = now;
    }
    let settled = outcomes
        .into_iter()
        .zip(users)
        .map(|(outcome, user)| outcome.unwrap_or_else(|| Outcome::Refused(contended(user))));
    Ok(settled.collect())
}

fn draw<'a>(
    experiment: &'a Experiment,
    user_id: &'a str,
    forced: Option<i64>,
) -> Result<Draw<'a>, Problem> {
    let variant = match forced {
        None => experiment.variant_for(user_id),
        Some(id) => {
            let found = experiment.variants.iter().find(|variant| variant.id == id);
            let of = experiment.id;
            let missing = || Problem::not_found("variant", format!("{id} in experiment {of}"));
            Some(found.ok_or_else(missing)?)
        }
    };
    Ok(Draw {
        user_id,
        variant: variant.map(|variant| (variant.id, variant.key.as_str())),
    })
}

/// Why draws made by the rules of `decided` are not stored, given the experiment as it is `now`.
/// A draw that is missing from the answer is to be made again.
async fn explain(
    app: &App,
    decided: &Experiment,
    now: &Experiment,
    left: &[(usize, Draw<'_>)],
) -> Result<Vec<(usize, Outcome)>, Problem> {
    let users: Vec<&str> = left.iter().map(|(_, draw)| draw.user_id).collect();
    let existing: HashSet<String> = store::existing(&app.postgres, &users)
        .await?
        .into_iter()
        .collect();
    let explained = left.iter().filter_map(|(at, draw)| {
        let user = draw.user_id;
        let outcome = if !existing.contains(user) {
            Outcome::Refused(Problem::not_found("user", format!("{user:?}")))
        } else if now.status != Status::Running {
            Outcome::Refused(not_running(now))
        } else if draw.variant.is_none() && now.version == decided.version {
            Outcome::KeptOut(Assignment::none(now.id, user))
        } else {
            return None;
        };
        Some((*at, outcome))
    });
    Ok(explained.collect())
}

async fn cached(app: &App, experiment_id: i64, user_id: &str) -> Option<Assignment> {
    let json = app.cache.get(experiment_id, user_id).await?;
    // What another program may have put there is not ours and counts as nothing.
    let assignment: Assignment = serde_json::from_str(&json).ok()?;
    let ours = assignment.experiment_id == experiment_id && assignment.user_id == user_id;
    (ours && assignment.id.is_some()).then_some(assignment)
}

fn not_running(experiment: &Experiment) -> Problem {
    let (id, status) = (experiment.id, experiment.status.as_str());
    let detail = format!("experiment {id} is {status}; new assignments need a running one");
    Problem::new(problem::NOT_RUNNING, detail)
}

fn elsewhere(assignment: &Assignment) -> Problem {
    let Assignment {
        user_id,
        experiment_id,
        ..
    } = assignment;
    let variant = assignment.variant_id.unwrap_or_default();
    let detail = format!(
        "variant_id: user {user_id:?} is in variant {variant} of experiment {experiment_id}, \
         and assignments never change"
    );
    Problem::new(problem::CONFLICT, detail)
}

fn contended(user_id: &str) -> Problem {
    let detail =
        format!("the experiment keeps changing while user {user_id:?} is assigned; try again");
    Problem::new(problem::UNAVAILABLE, detail).retry_after_s(1)
}
