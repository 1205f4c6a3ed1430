//! Every route, and what happens around each.

use std::sync::Arc;

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::middleware::{from_fn, from_fn_with_state};
use axum::routing::get;
use http::HeaderName;
use tower_http::catch_panic::CatchPanicLayer;
use tower_http::request_id::{MakeRequestUuid, PropagateRequestIdLayer, SetRequestIdLayer};
use utoipa::OpenApi;
use utoipa_axum::router::{OpenApiRouter, UtoipaMethodRouterExt};
use utoipa_axum::routes;

use crate::analytics::handlers as analytics;
use crate::assignments::handlers as assignments;
use crate::events::handlers as events;
use crate::experiments::{handlers as experiments, variants};
use crate::openapi::{self, Frame};
use crate::state::App;
use crate::{auth, health, idempotency, metrics, middleware, users};

const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// The service.
pub(crate) fn router(app: Arc<App>) -> Router {
    let limits = &app.config.limits;
    // The layer added last is the outermost: who calls, then the key, then the handler.
    let guarded = v1(limits.batch_body_bytes_max)
        .layer(DefaultBodyLimit::max(limits.body_bytes_max))
        .route_layer(from_fn_with_state(Arc::clone(&app), idempotency::replay))
        .route_layer(from_fn_with_state(Arc::clone(&app), auth::authenticate));
    let (routes, api) = OpenApiRouter::with_openapi(Frame::openapi())
        .merge(open())
        .merge(guarded)
        .split_for_parts();
    routes
        .route("/metrics", get(metrics::render))
        .merge(openapi::docs(api))
        .fallback(middleware::no_route)
        .method_not_allowed_fallback(middleware::no_method)
        .layer(from_fn_with_state(Arc::clone(&app), middleware::limit_time))
        .layer(CatchPanicLayer::custom(middleware::panicked))
        .layer(from_fn(middleware::observe))
        .layer(PropagateRequestIdLayer::new(REQUEST_ID))
        .layer(SetRequestIdLayer::new(REQUEST_ID, MakeRequestUuid))
        .with_state(app)
}

/// The description of all routes.
pub(crate) fn openapi() -> utoipa::openapi::OpenApi {
    OpenApiRouter::with_openapi(Frame::openapi())
        .merge(open())
        .merge(v1(0))
        .into_openapi()
}

/// What needs no token.
fn open() -> OpenApiRouter<Arc<App>> {
    OpenApiRouter::new()
        .routes(routes!(health::healthz))
        .routes(routes!(health::readyz))
}

fn v1(batch_body_bytes_max: usize) -> OpenApiRouter<Arc<App>> {
    let batch = DefaultBodyLimit::max(batch_body_bytes_max);
    OpenApiRouter::new()
        .routes(routes!(users::create, users::list))
        .routes(routes!(users::read, users::change))
        .routes(routes!(experiments::create, experiments::list))
        .routes(routes!(experiments::read, experiments::change))
        .routes(routes!(experiments::start))
        .routes(routes!(experiments::pause))
        .routes(routes!(experiments::complete))
        .routes(routes!(variants::list_variants, variants::add_variant))
        .routes(routes!(variants::change_variant, variants::remove_variant))
        .routes(routes!(assignments::create))
        .routes(routes!(assignments::create_bulk).layer(batch))
        .routes(routes!(assignments::list))
        .routes(routes!(assignments::get_or_make))
        .routes(routes!(events::create))
        .routes(routes!(events::create_batch).layer(batch))
        .routes(routes!(events::read))
        .routes(routes!(analytics::journey))
        .routes(routes!(analytics::breakdown))
        .routes(routes!(analytics::funnel))
        .routes(routes!(analytics::revenue))
        .routes(routes!(analytics::results))
        .routes(routes!(analytics::timeseries))
        .routes(routes!(analytics::sessions))
}
