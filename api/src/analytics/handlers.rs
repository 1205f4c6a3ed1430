//! The analytics' endpoints.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use serde::Deserialize;

use super::breakdown::{self, Breakdown, By};
use super::funnel::{self, Funnel};
use super::journey::{self, Journey};
use super::results::{self, Results};
use super::revenue::{self, Revenue};
use super::sessions::{self, Sessions};
use super::timeseries::{self, Interval, Timeseries};
use crate::assignments;
use crate::auth::Reader;
use crate::extract::{UrlPath, UrlQuery};
use crate::ids::{ExperimentRef, UserId};
use crate::openapi::Problems;
use crate::problem::Problem;
use crate::state::App;

/// One user's events in time order, with totals.
#[utoipa::path(get, operation_id = "getJourney", path = "/v1/experiments/{experiment}/analytics/journeys/{user_id}",
    tag = "analytics", params(("experiment" = String, Path, description = "Id or key"),
        ("user_id" = String, Path)),
    responses((status = 200, description = "OK", body = Journey), Problems))]
pub(crate) async fn journey(
    _: Reader,
    State(app): State<Arc<App>>,
    UrlPath((which, user_id)): UrlPath<(ExperimentRef, UserId)>,
) -> Result<Json<Journey>, Problem> {
    let experiment = app.experiments.lately(&which).await?;
    let variant = assignments::variant_key(&app.postgres, experiment.id, &user_id).await?;
    journey::read(&app.clickhouse, experiment.id, user_id.as_str(), variant)
        .await
        .map(Json)
}

/// By what to break down.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct BreakdownQuery {
    /// `event_type` when left out.
    #[serde(default)]
    #[param(inline)]
    by: By,
}

/// Events and users of each variant, by kind of event, page or currency.
#[utoipa::path(get, operation_id = "getBreakdown", path = "/v1/experiments/{experiment}/analytics/breakdown", tag = "analytics",
    params(("experiment" = String, Path, description = "Id or key"), BreakdownQuery),
    responses((status = 200, description = "OK", body = Breakdown), Problems))]
pub(crate) async fn breakdown(
    _: Reader,
    State(app): State<Arc<App>>,
    UrlPath(which): UrlPath<ExperimentRef>,
    UrlQuery(query): UrlQuery<BreakdownQuery>,
) -> Result<Json<Breakdown>, Problem> {
    let experiment = app.experiments.lately(&which).await?;
    breakdown::read(&app.clickhouse, &experiment, query.by)
        .await
        .map(Json)
}

/// Which funnel.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct FunnelQuery {
    /// 1 to 20 kinds of event between commas.
    #[param(min_length = 1, example = "page_view,click,conversion")]
    steps: String,
}

/// How many exposed users took each step, in the order of the steps.
#[utoipa::path(get, operation_id = "getFunnel", path = "/v1/experiments/{experiment}/analytics/funnel", tag = "analytics",
    params(("experiment" = String, Path, description = "Id or key"), FunnelQuery),
    responses((status = 200, description = "OK", body = Funnel), Problems))]
pub(crate) async fn funnel(
    _: Reader,
    State(app): State<Arc<App>>,
    UrlPath(which): UrlPath<ExperimentRef>,
    UrlQuery(query): UrlQuery<FunnelQuery>,
) -> Result<Json<Funnel>, Problem> {
    let steps = funnel::parse(&query.steps)?;
    let experiment = app.experiments.lately(&which).await?;
    funnel::read(&app.clickhouse, &experiment, steps)
        .await
        .map(Json)
}

/// What each variant earned, by currency.
#[utoipa::path(get, operation_id = "getRevenue", path = "/v1/experiments/{experiment}/analytics/revenue", tag = "analytics",
    params(("experiment" = String, Path, description = "Id or key")),
    responses((status = 200, description = "OK", body = Revenue), Problems))]
pub(crate) async fn revenue(
    _: Reader,
    State(app): State<Arc<App>>,
    UrlPath(which): UrlPath<ExperimentRef>,
) -> Result<Json<Revenue>, Problem> {
    let experiment = app.experiments.lately(&which).await?;
    revenue::read(&app.clickhouse, &experiment).await.map(Json)
}

/// Conversion and value per exposed user, with the difference to the control.
#[utoipa::path(get, operation_id = "getResults", path = "/v1/experiments/{experiment}/analytics/results", tag = "analytics",
    params(("experiment" = String, Path, description = "Id or key")),
    responses((status = 200, description = "OK", body = Results), Problems))]
pub(crate) async fn results(
    _: Reader,
    State(app): State<Arc<App>>,
    UrlPath(which): UrlPath<ExperimentRef>,
) -> Result<Json<Results>, Problem> {
    let experiment = app.experiments.lately(&which).await?;
    results::read(&app.clickhouse, &experiment).await.map(Json)
}

/// Sessions of each variant: how many, how long, how many events.
#[utoipa::path(get, operation_id = "getSessions", path = "/v1/experiments/{experiment}/analytics/sessions", tag = "analytics",
    params(("experiment" = String, Path, description = "Id or key")),
    responses((status = 200, description = "OK", body = Sessions), Problems))]
pub(crate) async fn sessions(
    _: Reader,
    State(app): State<Arc<App>>,
    UrlPath(which): UrlPath<ExperimentRef>,
) -> Result<Json<Sessions>, Problem> {
    let experiment = app.experiments.lately(&which).await?;
    sessions::read(&app.clickhouse, &experiment).await.map(Json)
}

/// How fine.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct TimeseriesQuery {
    /// `day` when left out.
    #[serde(default)]
    #[param(inline)]
    interval: Interval,
}

/// Events, users and conversions of each variant by hour or day.
#[utoipa::path(get, operation_id = "getTimeseries", path = "/v1/experiments/{experiment}/analytics/timeseries", tag = "analytics",
    params(("experiment" = String, Path, description = "Id or key"), TimeseriesQuery),
    responses((status = 200, description = "OK", body = Timeseries), Problems))]
pub(crate) async fn timeseries(
    _: Reader,
    State(app): State<Arc<App>>,
    UrlPath(which): UrlPath<ExperimentRef>,
    UrlQuery(query): UrlQuery<TimeseriesQuery>,
) -> Result<Json<Timeseries>, Problem> {
    let experiment = app.experiments.lately(&which).await?;
    timeseries::read(&app.clickhouse, &experiment, query.interval)
        .await
        .map(Json)
}
