//! The events' endpoints.

use std::sync::Arc;

use axum::extract::State;
use axum::{Extension, Json};
use http::StatusCode;
use metrics::counter;

use super::batch;
use super::body::{BatchResults, Event, NewEvent, RawBatch};
use super::record::{self, Outcome};
use super::store::{self, Identified};
use crate::auth::{Reader, Writer};
use crate::extract::{JsonBody, UrlPath};
use crate::idempotency::KeySeed;
use crate::ids::EventId;
use crate::openapi::Problems;
use crate::problem::Problem;
use crate::state::App;

/// Record an event of an assigned user.
#[utoipa::path(post, operation_id = "recordEvent", path = "/v1/events", tag = "events", request_body = NewEvent, responses(
    (status = 201, description = "Recorded", body = Event),
    (status = 200, description = "Recorded before, with the same content", body = Event), Problems))]
pub(crate) async fn create(
    _: Writer,
    State(app): State<Arc<App>>,
    seed: Option<Extension<KeySeed>>,
    JsonBody(event): JsonBody<NewEvent>,
) -> Result<(StatusCode, Json<Event>), Problem> {
    event
        .properties
        .fit("properties", app.config.limits.properties_bytes_max)?;
    let event = identify(event, seed.map(|Extension(seed)| seed), 0);
    let outcome = record::record(&app.postgres, &[event]).await?.pop();
    let missing = || Problem::internal(anyhow::anyhow!("an event was left without an outcome"));
    let outcome = outcome.ok_or_else(missing)?;
    count(&outcome);
    match outcome {
        Outcome::Recorded(event) => Ok((StatusCode::CREATED, Json(event))),
        Outcome::Known(event) => Ok((StatusCode::OK, Json(event))),
        Outcome::Refused(problem) => Err(problem),
    }
}

/// Record up to 1,000 events in one transaction.
///
/// Each event has its own result, in the order of the request: one event's failure does not touch
/// the others. A batch of which no event can be read is refused whole.
#[utoipa::path(post, operation_id = "recordEvents", path = "/v1/events/batch", tag = "events", request_body = RawBatch,
    responses((status = 200, description = "OK", body = BatchResults), Problems))]
pub(crate) async fn create_batch(
    _: Writer,
    State(app): State<Arc<App>>,
    seed: Option<Extension<KeySeed>>,
    JsonBody(batch): JsonBody<RawBatch>,
) -> Result<Json<BatchResults>, Problem> {
    batch::run(&app, batch, seed.map(|Extension(seed)| seed))
        .await
        .map(Json)
}

/// An event.
#[utoipa::path(get, operation_id = "getEvent", path = "/v1/events/{event_id}", tag = "events",
    params(("event_id" = String, Path)), responses((status = 200, description = "OK", body = Event), Problems))]
pub(crate) async fn read(
    _: Reader,
    State(app): State<Arc<App>>,
    UrlPath(id): UrlPath<EventId>,
) -> Result<Json<Event>, Problem> {
    store::find(&app.postgres, &id).await.map(Json)
}

/// Settles the event's id: the caller's, else one that retries of the same request make again, else
/// a new one.
pub(super) fn identify(mut event: NewEvent, seed: Option<KeySeed>, index: usize) -> Identified {
    let id = event.id.take();
    let id = id
        .or_else(|| seed.map(|seed| seed.event_id(index)))
        .unwrap_or_else(EventId::make);
    Identified { id, event }
}

pub(super) fn count(outcome: &Outcome) {
    let result = match outcome {
        Outcome::Recorded(_) => "recorded",
        Outcome::Known(_) => "known",
        Outcome::Refused(_) => "refused",
    };
    counter!("walcast_api_events_total", "result" => result).increment(1);
}
