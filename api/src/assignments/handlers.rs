//! The assignments' endpoints.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use http::StatusCode;
use metrics::counter;

use super::body::{Assignment, AssignmentResult, AssignmentResults, NewAssignment, NewAssignments};
use super::decide::{self, Outcome};
use super::store;
use crate::auth::{Reader, Writer};
use crate::extract::{JsonBody, UrlPath, UrlQuery};
use crate::ids::{ExperimentRef, UserId};
use crate::openapi::Problems;
use crate::page::{Page, PageQuery};
use crate::problem::{self, Problem};
use crate::state::App;

const BULK_MAX: usize = 1_000;

/// Assign a user, by hash or to a given variant.
///
/// Known assignments are answered with 200, whatever has become of the experiment since. When the
/// traffic allocation keeps the user out, the variant is `null` and nothing is stored.
#[utoipa::path(post, operation_id = "assignUser", path = "/v1/assignments", tag = "assignments", request_body = NewAssignment,
    responses((status = 201, description = "Assigned", body = Assignment),
        (status = 200, description = "Assigned before, or kept out", body = Assignment), Problems))]
pub(crate) async fn create(
    _: Writer,
    State(app): State<Arc<App>>,
    JsonBody(new): JsonBody<NewAssignment>,
) -> Result<(StatusCode, Json<Assignment>), Problem> {
    let which = ExperimentRef::Id(new.experiment_id);
    let outcome = decide::one(&app, &which, new.user_id.as_str(), new.variant_id).await?;
    count(&outcome);
    match outcome {
        Outcome::New(assignment) => Ok((StatusCode::CREATED, Json(assignment))),
        Outcome::Known(assignment) | Outcome::KeptOut(assignment) => {
            Ok((StatusCode::OK, Json(assignment)))
        }
        Outcome::Refused(problem) => Err(problem),
    }
}

/// A user's assignment; it is made if there is none. Needs scope write.
#[utoipa::path(get, operation_id = "getAssignment", path = "/v1/experiments/{experiment}/assignments/{user_id}",
    tag = "assignments", params(("experiment" = String, Path, description = "Id or key"),
        ("user_id" = String, Path)),
    responses((status = 200, description = "OK", body = Assignment), Problems))]
pub(crate) async fn get_or_make(
    _: Writer,
    State(app): State<Arc<App>>,
    UrlPath((which, user_id)): UrlPath<(ExperimentRef, UserId)>,
) -> Result<Json<Assignment>, Problem> {
    let outcome = decide::one(&app, &which, user_id.as_str(), None).await?;
    count(&outcome);
    match outcome {
        Outcome::New(assignment) | Outcome::Known(assignment) | Outcome::KeptOut(assignment) => {
            Ok(Json(assignment))
        }
        Outcome::Refused(problem) => Err(problem),
    }
}

/// Assign up to 1,000 users in one transaction; one user's failure does not touch the others.
#[utoipa::path(post, operation_id = "assignUsers", path = "/v1/assignments/bulk", tag = "assignments",
    request_body = NewAssignments, responses((status = 200, description = "OK", body = AssignmentResults), Problems))]
pub(crate) async fn create_bulk(
    _: Writer,
    State(app): State<Arc<App>>,
    JsonBody(new): JsonBody<NewAssignments>,
) -> Result<Json<AssignmentResults>, Problem> {
    let which = ExperimentRef::Id(new.experiment_id);
    if new.user_ids.is_empty() {
        return Err(Problem::field(
            "user_ids",
            format!("must have 1 to {BULK_MAX} items"),
        ));
    }
    if new.user_ids.len() > BULK_MAX {
        let detail = format!("user_ids: at most {BULK_MAX} are taken at a time");
        return Err(Problem::new(problem::TOO_LARGE, detail));
    }
    let users: Vec<&str> = new.user_ids.iter().map(UserId::as_str).collect();
    let experiment = app.experiments.lately(&which).await?;
    let outcomes = decide::many(&app, &which, experiment, &users, None).await?;
    let results = outcomes
        .into_iter()
        .zip(users)
        .map(|(outcome, user)| result(outcome, user));
    Ok(Json(AssignmentResults {
        results: results.collect::<Result<_, _>>()?,
    }))
}

/// An experiment's assignments in the order of user ids.
#[utoipa::path(get, operation_id = "listAssignments", path = "/v1/experiments/{experiment}/assignments", tag = "assignments",
    params(("experiment" = String, Path, description = "Id or key"), PageQuery),
    responses((status = 200, description = "OK", body = Page<Assignment>), Problems))]
pub(crate) async fn list(
    _: Reader,
    State(app): State<Arc<App>>,
    UrlPath(which): UrlPath<ExperimentRef>,
    UrlQuery(query): UrlQuery<PageQuery>,
) -> Result<Json<Page<Assignment>>, Problem> {
    let (limit, after) = (query.limit()?, query.after()?.unwrap_or_default());
    let id = app.experiments.lately(&which).await?.id;
    let found = store::list(&app.postgres, id, &after, limit + 1).await?;
    Ok(Json(Page::new(found, limit, |assignment| {
        assignment.user_id.clone()
    })))
}

fn result(outcome: Outcome, user: &str) -> Result<AssignmentResult, Problem> {
    count(&outcome);
    let (status, assignment, error) = match outcome {
        Outcome::New(assignment) => (201, Some(assignment), None),
        Outcome::Known(assignment) | Outcome::KeptOut(assignment) => (200, Some(assignment), None),
        Outcome::Refused(problem) => {
            problem.log();
            let body = serde_json::to_value(problem.body()).map_err(Problem::internal)?;
            (problem.kind.status.as_u16(), None, Some(body))
        }
    };
    Ok(AssignmentResult {
        user_id: user.to_owned(),
        status,
        assignment,
        error,
    })
}

fn count(outcome: &Outcome) {
    let result = match outcome {
        Outcome::New(_) => "new",
        Outcome::Known(_) => "known",
        Outcome::KeptOut(_) => "kept_out",
        Outcome::Refused(_) => "refused",
    };
    counter!("walcast_api_assignments_total", "result" => result).increment(1);
}
