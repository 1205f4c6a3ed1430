//! The variants' endpoints. They change drafts only: later changes would move users.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use http::{HeaderMap, StatusCode};

use super::body::{Experiment, NewVariant, Variant, VariantChange};
use super::change::{Change, changed};
use crate::auth::{Admin, Reader};
use crate::extract::{JsonBody, UrlPath};
use crate::ids::ExperimentRef;
use crate::openapi::Problems;
use crate::problem::Problem;
use crate::state::App;

/// An experiment's variants, in the order of their ids.
#[utoipa::path(get, operation_id = "listVariants", path = "/v1/experiments/{experiment}/variants", tag = "variants",
    params(("experiment" = String, Path, description = "Id or key")),
    responses((status = 200, description = "OK", body = Vec<Variant>), Problems))]
pub(crate) async fn list_variants(
    _: Reader,
    State(app): State<Arc<App>>,
    UrlPath(which): UrlPath<ExperimentRef>,
) -> Result<Json<Vec<Variant>>, Problem> {
    Ok(Json(app.experiments.now(&which).await?.variants.clone()))
}

/// Add a variant to a draft; answers with the experiment.
#[utoipa::path(post, operation_id = "addVariant", path = "/v1/experiments/{experiment}/variants", tag = "variants",
    params(("experiment" = String, Path, description = "Id or key")), request_body = NewVariant,
    responses((status = 201, description = "Created", body = Experiment), Problems))]
pub(crate) async fn add_variant(
    Admin(caller): Admin,
    State(app): State<Arc<App>>,
    UrlPath(which): UrlPath<ExperimentRef>,
    headers: HeaderMap,
    JsonBody(new): JsonBody<NewVariant>,
) -> Result<Response, Problem> {
    new.check("", app.config.limits.properties_bytes_max)?;
    let response = changed(&app, &which, &headers, &Change::AddVariant(new), &caller).await?;
    Ok((StatusCode::CREATED, response).into_response())
}

/// Change the weight or config of a draft's variant; answers with the experiment.
#[utoipa::path(patch, operation_id = "changeVariant", path = "/v1/experiments/{experiment}/variants/{variant_id}", tag = "variants",
    params(("experiment" = String, Path, description = "Id or key"), ("variant_id" = i64, Path)),
    request_body = VariantChange, responses((status = 200, description = "OK", body = Experiment), Problems))]
pub(crate) async fn change_variant(
    Admin(caller): Admin,
    State(app): State<Arc<App>>,
    UrlPath((which, variant_id)): UrlPath<(ExperimentRef, i64)>,
    headers: HeaderMap,
    JsonBody(change): JsonBody<VariantChange>,
) -> Result<Response, Problem> {
    change.check(app.config.limits.properties_bytes_max)?;
    let change = Change::EditVariant(variant_id, change);
    changed(&app, &which, &headers, &change, &caller).await
}

/// Remove a variant of a draft; answers with the experiment.
#[utoipa::path(delete, operation_id = "removeVariant", path = "/v1/experiments/{experiment}/variants/{variant_id}", tag = "variants",
    params(("experiment" = String, Path, description = "Id or key"), ("variant_id" = i64, Path)),
    responses((status = 200, description = "OK", body = Experiment), Problems))]
pub(crate) async fn remove_variant(
    Admin(caller): Admin,
    State(app): State<Arc<App>>,
    UrlPath((which, variant_id)): UrlPath<(ExperimentRef, i64)>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    changed(
        &app,
        &which,
        &headers,
        &Change::RemoveVariant(variant_id),
        &caller,
    )
    .await
}
