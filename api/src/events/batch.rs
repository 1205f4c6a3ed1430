//! A batch: every event is read by itself, all are recorded together, each gets its result.

use serde_json::value::RawValue;

use super::body::{BatchResult, BatchResults, NewEvent, RawBatch};
use super::handlers::{count, identify};
use super::record::{self, Outcome};
use super::store::Identified;
use crate::extract::read_json;
use crate::idempotency::KeySeed;
use crate::problem::{self, Problem};
use crate::state::App;

pub(super) const EVENTS_MAX: usize = 1_000;

/// Records the readable events in one transaction. A batch of which no event can be read is refused
/// whole, with every event's field named.
pub(super) async fn run(
    app: &App,
    batch: RawBatch,
    seed: Option<KeySeed>,
) -> Result<BatchResults, Problem> {
    if batch.events.is_empty() {
        return Err(Problem::field(
            "events",
            format!("must have 1 to {EVENTS_MAX} items"),
        ));
    }
    if batch.events.len() > EVENTS_MAX {
        let detail = format!("events: at most {EVENTS_MAX} are taken at a time");
        return Err(Problem::new(problem::TOO_LARGE, detail));
    }
    let limit = app.config.limits.properties_bytes_max;
    let mut identified = Vec::with_capacity(batch.events.len());
    let mut unreadable = Vec::new();
    for (at, raw) in batch.events.iter().enumerate() {
        match read(at, raw, limit) {
            Ok(event) => identified.push((at, identify(event, seed, at))),
            Err(problem) => unreadable.push((at, problem)),
        }
    }
    if identified.is_empty() {
        return Err(refuse_all(
            unreadable.into_iter().map(|(_, problem)| problem),
        ));
    }
    let mut results: Vec<Option<BatchResult>> = batch.events.iter().map(|_| None).collect();
    for (at, problem) in unreadable {
        results[at] = Some(refused(None, &problem)?);
    }
    let (places, events): (Vec<usize>, Vec<Identified>) = identified.into_iter().unzip();
    let outcomes = record::record(&app.postgres, &events).await?;
    for ((at, event), outcome) in places.into_iter().zip(events).zip(outcomes) {
        count(&outcome);
        let id = event.id.as_str().to_owned();
        results[at] = Some(match outcome {
            Outcome::Recorded(_) => BatchResult {
                id: Some(id),
                status: 201,
                error: None,
            },
            Outcome::Known(_) => BatchResult {
                id: Some(id),
                status: 200,
                error: None,
            },
            Outcome::Refused(problem) => refused(Some(id), &problem)?,
        });
    }
    // Every place was filled above: readable events have an outcome, the others a problem.
    Ok(BatchResults {
        results: results.into_iter().flatten().collect(),
    })
}

fn read(at: usize, raw: &RawValue, properties_bytes_max: usize) -> Result<NewEvent, Problem> {
    let place = format!("events[{at}]");
    let event: NewEvent = read_json(raw.get().as_bytes(), &place)?;
    event
        .properties
        .fit(&format!("{place}.properties"), properties_bytes_max)?;
    Ok(event)
}

fn refused(id: Option<String>, problem: &Problem) -> Result<BatchResult, Problem> {
    problem.log();
    let error = serde_json::to_value(problem.body()).map_err(Problem::internal)?;
    Ok(BatchResult {
        id,
        status: problem.kind.status.as_u16(),
        error: Some(error),
    })
}

fn refuse_all(problems: impl Iterator<Item = Problem>) -> Problem {
    let mut problems = problems.collect::<Vec<_>>();
    let errors = problems.iter_mut().flat_map(Problem::take_errors).collect();
    match problems.into_iter().next() {
        Some(first) => first.with_errors(errors),
        None => Problem::field("events", "is empty"),
    }
}
