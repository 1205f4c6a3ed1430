//! The variants' endpoints. They change drafts only: later changes would move users.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use http::{HeaderMap, StatusCode};

use super::body::{Experiment, NewVariant, Variant, VariantChange};
use super::handlers::changed;
use super::lifecycle::Status;
use crate::auth::{Admin, Reader};
use crate::extract::{JsonBody, UrlPath};
use crate::ids::ExperimentRef;
use crate::openapi::Problems;
use crate::problem::{self, Problem};
use crate::state::App;

/// An experiment's variants, in the order of their ids.
#[utoipa::path(get, path = "/v1/experiments/{experiment}/variants", tag = "variants",
    params(("experiment" = String, Path, description = "Id or key")),
    responses((status = 200, body = Vec<Variant>), Problems))]
pub(crate) async fn list_variants(
    _: Reader,
    State(app): State<Arc<App>>,
    UrlPath(which): UrlPath<ExperimentRef>,
) -> Result<Json<Vec<Variant>>, Problem> {
    Ok(Json(app.experiments.now(&which).await?.variants.clone()))
}

/// Add a variant to a draft; answers with the experiment.
#[utoipa::path(post, path = "/v1/experiments/{experiment}/variants", tag = "variants",
    params(("experiment" = String, Path, description = "Id or key")), request_body = NewVariant,
    responses((status = 201, body = Experiment), Problems))]
pub(crate) async fn add_variant(
    Admin(caller): Admin,
    State(app): State<Arc<App>>,
    UrlPath(which): UrlPath<ExperimentRef>,
    headers: HeaderMap,
    JsonBody(mut new): JsonBody<NewVariant>,
) -> Result<Response, Problem> {
    new.check("", app.config.limits.properties_bytes_max)?;
    let first = app.experiments.now(&which).await?.variants.is_empty();
    new.is_control |= first;
    let response = changed(&app, &which, &headers, async |old| {
        draft(old)?;
        if old
            .variants
            .iter()
            .any(|variant| variant.key == new.key.as_str())
        {
            let detail = format!("key: the experiment has a variant {}", new.key);
            return Err(Problem::new(problem::CONFLICT, detail));
        }
        if new.is_control && old.variants.iter().any(|variant| variant.is_control) {
            let detail = "is_control: the experiment has a control already";
            return Err(Problem::new(problem::CONFLICT, detail));
        }
        app.experiments.add_variant(old, &new, &caller.name).await
    })
    .await?;
    Ok((StatusCode::CREATED, response).into_response())
}

/// Change the weight or config of a draft's variant; answers with the experiment.
#[utoipa::path(patch, path = "/v1/experiments/{experiment}/variants/{variant_id}", tag = "variants",
    params(("experiment" = String, Path, description = "Id or key"), ("variant_id" = i64, Path)),
    request_body = VariantChange, responses((status = 200, body = Experiment), Problems))]
pub(crate) async fn change_variant(
    Admin(caller): Admin,
    State(app): State<Arc<App>>,
    UrlPath((which, variant_id)): UrlPath<(ExperimentRef, i64)>,
    headers: HeaderMap,
    JsonBody(change): JsonBody<VariantChange>,
) -> Result<Response, Problem> {
    change.check(app.config.limits.properties_bytes_max)?;
    changed(&app, &which, &headers, async |old| {
        draft(old)?;
        has(old, variant_id)?;
        app.experiments
            .change_variant(old, variant_id, &change, &caller.name)
            .await
    })
    .await
}

/// Remove a variant of a draft; answers with the experiment.
#[utoipa::path(delete, path = "/v1/experiments/{experiment}/variants/{variant_id}", tag = "variants",
    params(("experiment" = String, Path, description = "Id or key"), ("variant_id" = i64, Path)),
    responses((status = 200, body = Experiment), Problems))]
pub(crate) async fn remove_variant(
    Admin(caller): Admin,
    State(app): State<Arc<App>>,
    UrlPath((which, variant_id)): UrlPath<(ExperimentRef, i64)>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    changed(&app, &which, &headers, async |old| {
        draft(old)?;
        has(old, variant_id)?;
        app.experiments
            .remove_variant(old, variant_id, &caller.name)
            .await
    })
    .await
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
