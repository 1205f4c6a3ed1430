//! Changes of an experiment: checked against what it is, written if it is still that, else again.

use axum::response::Response;
use http::{HeaderMap, header};

use super::body::{Experiment, ExperimentChange, NewVariant, VariantChange};
use super::etag::{etag, matches, tagged};
use super::lifecycle::{Status, Step};
use crate::auth::Caller;
use crate::ids::ExperimentRef;
use crate::problem::{self, Problem};
use crate::state::App;

/// How often a change is tried again when others change the experiment at the same time.
const TRIES_MAX: usize = 5;

/// What is to change.
#[derive(Debug)]
pub(super) enum Change {
    Fields(ExperimentChange),
    Step(Step),
    AddVariant(NewVariant),
    EditVariant(i64, VariantChange),
    RemoveVariant(i64),
}

/// Changes the experiment and answers with what it is then. With `If-Match`, only if that holds.
pub(super) async fn changed(
    app: &App,
    which: &ExperimentRef,
    headers: &HeaderMap,
    change: &Change,
    caller: &Caller,
) -> Result<Response, Problem> {
    for _ in 0..TRIES_MAX {
        let old = app.experiments.now(which).await?;
        if matches(headers, &header::IF_MATCH, &etag(&old)) == Some(false) {
            let detail = format!("its ETag is now {}; read it again", etag(&old));
            return Err(Problem::new(problem::STALE, detail));
        }
        if write(app, &old, change, &caller.name).await? {
            return Ok(tagged(app.experiments.now(which).await?.as_ref()));
        }
    }
    let detail = "others keep changing the experiment; try again";
    Err(Problem::new(problem::UNAVAILABLE, detail).retry_after_s(1))
}

/// Writes the change of `old`; false when it has changed meanwhile.
async fn write(app: &App, old: &Experiment, change: &Change, actor: &str) -> Result<bool, Problem> {
    let store = &app.experiments;
    match change {
        Change::Fields(change) => {
            if old.status == Status::Completed && change.traffic_allocation.is_some() {
                let detail = "traffic_allocation: the experiment is completed";
                return Err(Problem::new(problem::NOT_RUNNING, detail));
            }
            store.change(old, change, actor).await
        }
        Change::Step(step) => {
            let status = step.from(old.status).ok_or_else(|| cannot(*step, old))?;
            if status == old.status {
                return Ok(true);
            }
            if *step == Step::Start {
                old.ready()?;
            }
            store.step(old, *step, status, actor).await
        }
        Change::AddVariant(new) => {
            draft(old)?;
            fits_in(old, new)?;
            store
                .add_variant(old, new, old.variants.is_empty() || new.is_control, actor)
                .await
        }
        Change::EditVariant(id, change) => {
            draft(old)?;
            has(old, *id)?;
            store.change_variant(old, *id, change, actor).await
        }
        Change::RemoveVariant(id) => {
            draft(old)?;
            has(old, *id)?;
            store.remove_variant(old, *id, actor).await
        }
    }
}

fn cannot(step: Step, experiment: &Experiment) -> Problem {
    let (step, status) = (step.as_str(), experiment.status.as_str());
    Problem::new(
        problem::NOT_RUNNING,
        format!("cannot {step} an experiment that is {status}"),
    )
}

fn draft(experiment: &Experiment) -> Result<(), Problem> {
    if experiment.status == Status::Draft {
        return Ok(());
    }
    let status = experiment.status.as_str();
    let detail =
        format!("variants are frozen once an experiment has started; this one is {status}");
    Err(Problem::new(problem::NOT_RUNNING, detail))
}

fn has(experiment: &Experiment, variant_id: i64) -> Result<(), Problem> {
    if experiment
        .variants
        .iter()
        .any(|variant| variant.id == variant_id)
    {
        return Ok(());
    }
    Err(Problem::not_found("variant", variant_id))
}

fn fits_in(experiment: &Experiment, new: &NewVariant) -> Result<(), Problem> {
    let conflict = |detail: String| Err(Problem::new(problem::CONFLICT, detail));
    if experiment.variants.len() >= super::body::VARIANTS_MAX {
        return conflict(format!(
            "the experiment has {} variants",
            super::body::VARIANTS_MAX
        ));
    }
    if experiment
        .variants
        .iter()
        .any(|variant| variant.key == new.key.as_str())
    {
        return conflict(format!("key: the experiment has a variant {}", new.key));
    }
    if new.is_control && experiment.variants.iter().any(|variant| variant.is_control) {
        return conflict("is_control: the experiment has a control already".to_owned());
    }
    Ok(())
}
