//! The experiments' endpoints, with ETags for those who change them.

use std::sync::Arc;

use axum::Json;
use axum::body::Body;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use http::{HeaderMap, HeaderValue, StatusCode, header};
use rand::Rng;
use serde::Deserialize;
use utoipa::IntoParams;

use super::body::{Experiment, ExperimentChange, NewExperiment};
use super::lifecycle::{Status, Step};
use crate::auth::{Admin, Caller, Reader};
use crate::extract::{JsonBody, UrlPath, UrlQuery};
use crate::ids::ExperimentRef;
use crate::openapi::Problems;
use crate::page::{Page, PageQuery};
use crate::problem::{self, Problem};
use crate::state::App;

/// How often a change is tried again when others change the experiment at the same time.
const TRIES_MAX: usize = 5;

/// Make an experiment, as a draft.
#[utoipa::path(post, path = "/v1/experiments", tag = "experiments", request_body = NewExperiment,
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
#[utoipa::path(get, path = "/v1/experiments/{experiment}", tag = "experiments",
    params(("experiment" = String, Path, description = "Id or key"),
        ("If-None-Match" = Option<String>, Header, description = "An ETag; 304 if it still holds")),
    responses((status = 200, body = Experiment), (status = 304, description = "Not changed"), Problems))]
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
#[derive(Debug, Deserialize, IntoParams)]
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
#[utoipa::path(get, path = "/v1/experiments", tag = "experiments", params(ListQuery),
    responses((status = 200, body = Page<Experiment>), Problems))]
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
#[utoipa::path(patch, path = "/v1/experiments/{experiment}", tag = "experiments",
    params(("experiment" = String, Path, description = "Id or key"),
        ("If-Match" = Option<String>, Header, description = "An ETag; 412 if it no longer holds")),
    request_body = ExperimentChange, responses((status = 200, body = Experiment), Problems))]
pub(crate) async fn change(
    Admin(caller): Admin,
    State(app): State<Arc<App>>,
    UrlPath(which): UrlPath<ExperimentRef>,
    headers: HeaderMap,
    JsonBody(change): JsonBody<ExperimentChange>,
) -> Result<Response, Problem> {
    change.check()?;
    changed(&app, &which, &headers, async |old| {
        if old.status == Status::Completed && change.traffic_allocation.is_some() {
            return Err(Problem::new(
                problem::NOT_RUNNING,
                "the experiment is completed",
            ));
        }
        app.experiments.change(old, &change, &caller.name).await
    })
    .await
}

/// Start a draft, or go on with a paused experiment.
#[utoipa::path(post, path = "/v1/experiments/{experiment}/start", tag = "experiments",
    params(("experiment" = String, Path, description = "Id or key")),
    responses((status = 200, body = Experiment), Problems))]
pub(crate) async fn start(
    Admin(caller): Admin,
    State(app): State<Arc<App>>,
    UrlPath(which): UrlPath<ExperimentRef>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    take(&app, &which, &headers, Step::Start, &caller).await
}

/// Pause: events are still taken, new assignments are not.
#[utoipa::path(post, path = "/v1/experiments/{experiment}/pause", tag = "experiments",
    params(("experiment" = String, Path, description = "Id or key")),
    responses((status = 200, body = Experiment), Problems))]
pub(crate) async fn pause(
    Admin(caller): Admin,
    State(app): State<Arc<App>>,
    UrlPath(which): UrlPath<ExperimentRef>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    take(&app, &which, &headers, Step::Pause, &caller).await
}

/// Complete: nothing new is taken, for good.
#[utoipa::path(post, path = "/v1/experiments/{experiment}/complete", tag = "experiments",
    params(("experiment" = String, Path, description = "Id or key")),
    responses((status = 200, body = Experiment), Problems))]
pub(crate) async fn complete(
    Admin(caller): Admin,
    State(app): State<Arc<App>>,
    UrlPath(which): UrlPath<ExperimentRef>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    take(&app, &which, &headers, Step::Complete, &caller).await
}

async fn take(
    app: &App,
    which: &ExperimentRef,
    headers: &HeaderMap,
    step: Step,
    caller: &Caller,
) -> Result<Response, Problem> {
    changed(app, which, headers, async |old| {
        let Some(status) = step.from(old.status) else {
            let (step, status) = (step.as_str(), old.status.as_str());
            let detail = format!("cannot {step} an experiment that is {status}");
            return Err(Problem::new(problem::NOT_RUNNING, detail));
        };
        if status == old.status {
            return Ok(true);
        }
        if step == Step::Start {
            old.ready()?;
        }
        app.experiments.step(old, step, status, &caller.name).await
    })
    .await
}

/// Applies `write` to the experiment as it is, again when it changed meanwhile, and answers with it.
pub(super) async fn changed(
    app: &App,
    which: &ExperimentRef,
    headers: &HeaderMap,
    write: impl AsyncFn(&Experiment) -> Result<bool, Problem>,
) -> Result<Response, Problem> {
    for _ in 0..TRIES_MAX {
        let old = app.experiments.now(which).await?;
        if matches(headers, &header::IF_MATCH, &etag(&old)) == Some(false) {
            let detail = format!("its ETag is now {}; read it again", etag(&old));
            return Err(Problem::new(problem::STALE, detail));
        }
        if write(&old).await? {
            return Ok(tagged(app.experiments.now(which).await?.as_ref()));
        }
    }
    let detail = "others keep changing the experiment; try again";
    Err(Problem::new(problem::UNAVAILABLE, detail).retry_after_s(1))
}

fn tagged(experiment: &Experiment) -> Response {
    let mut response = Json(experiment).into_response();
    // Digits, a hyphen and quotes are always a header value.
    if let Ok(tag) = HeaderValue::from_str(&etag(experiment)) {
        response.headers_mut().insert(header::ETAG, tag);
    }
    response
}

fn etag(experiment: &Experiment) -> String {
    format!("\"{}-{}\"", experiment.id, experiment.version)
}

/// Whether one of the tags in the header `name` is `tag`; `None` without the header.
fn matches(headers: &HeaderMap, name: &header::HeaderName, tag: &str) -> Option<bool> {
    let mut values = headers.get_all(name).iter().peekable();
    values.peek()?;
    Some(values.any(|value| {
        let tags = value.to_str().unwrap_or("").split(',').map(str::trim);
        tags.map(|each| each.strip_prefix("W/").unwrap_or(each))
            .any(|each| each == "*" || each == tag)
    }))
}
