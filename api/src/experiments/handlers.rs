//! The experiments' endpoints, with ETags for those who change them.

use std::sync::Arc;

use axum::Json;
use axum::body::Body;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use http::{HeaderMap, StatusCode, header};
use rand::Rng;
use serde::Deserialize;

use super::body::{Experiment, ExperimentChange, NewExperiment};
use super::change::{Change, changed};
use super::etag::{etag, matches, tagged};
use super::lifecycle::{Status, Step};
use crate::auth::{Admin, Reader};
use crate::extract::{JsonBody, UrlPath, UrlQuery};
use crate::ids::ExperimentRef;
use crate::openapi::Problems;
use crate::page::{Page, PageQuery};
use crate::problem::{self, Problem};
use crate::state::App;

/// Make an experiment, as a draft.
#[utoipa::path(post, operation_id = "createExperiment", path = "/v1/experiments", tag = "experiments", request_body = NewExperiment,
    responses((status = 201, description = "Created", body = Experiment), Problems))]
pub(crate) async fn create(
    Admin(caller): Admin,
    State(app): State<Arc<App>>,
    JsonBody(new): JsonBody<NewExperiment>,
) -> Result<Response, Problem> {
    let new = new.settle(app.config.limits.properties_bytes_max)?;
    let salt = match &new.salt {
        Some(salt) => salt.as_str().to_owned(),
        None => format!("{:016x}", rand::rng().random::<u64>()),
    };
    let made = app.experiments.create(&new, &salt, &caller.name).await?;
    let made = made.ok_or_else(|| {
        let detail = format!("key: an experiment with key {} exists", new.key);
        Problem::new(problem::CONFLICT, detail)
    })?;
    Ok((StatusCode::CREATED, tagged(&made)).into_response())
}

/// An experiment, with its ETag.
#[utoipa::path(get, operation_id = "getExperiment", path = "/v1/experiments/{experiment}", tag = "experiments",
    params(("experiment" = String, Path, description = "Id or key"),
        ("If-None-Match" = Option<String>, Header, description = "An ETag; 304 if it still holds")),
    responses((status = 200, description = "OK", body = Experiment), (status = 304, description = "Not changed"), Problems))]
pub(crate) async fn read(
    _: Reader,
    State(app): State<Arc<App>>,
    UrlPath(which): UrlPath<ExperimentRef>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let experiment = app.experiments.now(&which).await?;
    let mut response = tagged(&experiment);
    if matches(&headers, &header::IF_NONE_MATCH, &etag(&experiment)) == Some(true) {
        *response.status_mut() = StatusCode::NOT_MODIFIED;
        *response.body_mut() = Body::empty();
        response.headers_mut().remove(header::CONTENT_TYPE);
        response.headers_mut().remove(header::CONTENT_LENGTH);
    }
    Ok(response)
}

/// Which experiments are asked for.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct ListQuery {
    /// Only those of this status.
    #[param(inline)]
    status: Option<Status>,
    /// Items on the page, 1 to 500.
    #[param(minimum = 1, maximum = 500, default = 50)]
    limit: Option<i64>,
    /// `next_cursor` of the page before.
    cursor: Option<String>,
}

/// Experiments in the order of their ids.
#[utoipa::path(get, operation_id = "listExperiments", path = "/v1/experiments", tag = "experiments", params(ListQuery),
    responses((status = 200, description = "OK", body = Page<Experiment>), Problems))]
pub(crate) async fn list(
    _: Reader,
    State(app): State<Arc<App>>,
    UrlQuery(query): UrlQuery<ListQuery>,
) -> Result<Json<Page<Experiment>>, Problem> {
    let page = PageQuery {
        limit: query.limit,
        cursor: query.cursor,
    };
    let (limit, after) = (page.limit()?, page.after_id()?);
    let found = app.experiments.list(after, query.status, limit + 1).await?;
    Ok(Json(Page::new(found, limit, |experiment| {
        experiment.id.to_string()
    })))
}

/// Change an experiment's texts or its traffic allocation.
#[utoipa::path(patch, operation_id = "changeExperiment", path = "/v1/experiments/{experiment}", tag = "experiments",
    params(("experiment" = String, Path, description = "Id or key"),
        ("If-Match" = Option<String>, Header, description = "An ETag; 412 if it no longer holds")),
    request_body = ExperimentChange, responses((status = 200, description = "OK", body = Experiment), Problems))]
pub(crate) async fn change(
    Admin(caller): Admin,
    State(app): State<Arc<App>>,
    UrlPath(which): UrlPath<ExperimentRef>,
    headers: HeaderMap,
    JsonBody(change): JsonBody<ExperimentChange>,
) -> Result<Response, Problem> {
    change.check()?;
    changed(&app, &which, &headers, &Change::Fields(change), &caller).await
}

/// Start a draft, or go on with a paused experiment.
#[utoipa::path(post, operation_id = "startExperiment", path = "/v1/experiments/{experiment}/start", tag = "experiments",
    params(("experiment" = String, Path, description = "Id or key")),
    responses((status = 200, description = "OK", body = Experiment), Problems))]
pub(crate) async fn start(
    Admin(caller): Admin,
    State(app): State<Arc<App>>,
    UrlPath(which): UrlPath<ExperimentRef>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    changed(&app, &which, &headers, &Change::Step(Step::Start), &caller).await
}

/// Pause: events are still taken, new assignments are not.
#[utoipa::path(post, operation_id = "pauseExperiment", path = "/v1/experiments/{experiment}/pause", tag = "experiments",
    params(("experiment" = String, Path, description = "Id or key")),
    responses((status = 200, description = "OK", body = Experiment), Problems))]
pub(crate) async fn pause(
    Admin(caller): Admin,
    State(app): State<Arc<App>>,
    UrlPath(which): UrlPath<ExperimentRef>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    changed(&app, &which, &headers, &Change::Step(Step::Pause), &caller).await
}

/// Complete: nothing new is taken, for good.
#[utoipa::path(post, operation_id = "completeExperiment", path = "/v1/experiments/{experiment}/complete", tag = "experiments",
    params(("experiment" = String, Path, description = "Id or key")),
    responses((status = 200, description = "OK", body = Experiment), Problems))]
pub(crate) async fn complete(
    Admin(caller): Admin,
    State(app): State<Arc<App>>,
    UrlPath(which): UrlPath<ExperimentRef>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    changed(
        &app,
        &which,
        &headers,
        &Change::Step(Step::Complete),
        &caller,
    )
    .await
}
