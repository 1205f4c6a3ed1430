//! Kafka Connect's REST API: paths in, JSON out, codes and texts as Connect 4.1 answers them.
//!
//! Handlers read the stores and send changes to the herder; nothing else happens here. A request
//! that only the owner of a connector can fulfil is passed on to the owner.

mod admin;
mod answer;
mod auth;
mod body;
mod connectors;
mod decorate;
mod forward;
mod internal;
mod lifecycle;
mod listen;
mod live;
mod media;
mod metrics;
mod offsets;
mod plugins;
mod query;

use std::sync::Arc;

use axum::extract::DefaultBodyLimit;
use axum::response::Response;
use axum::routing::{get, post, put};
use axum::{Router, middleware};

use crate::config::listeners::AdminListeners;
use crate::herder::{Herder, Shared};
use crate::logging::Loggers;
use crate::refusal::Refusal;
use answer::{ApiError, bare};
pub(crate) use forward::others;
pub(crate) use listen::Bound;

/// The largest body that is read.
const BODY_BYTES_MAX: usize = 8 * 1024 * 1024;

/// What handlers work with. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Api {
    pub(crate) shared: Shared,
    pub(crate) herder: Herder,
    pub(crate) loggers: Arc<Loggers>,
    pub(crate) cluster_id: Arc<str>,
    pub(crate) metrics: metrics_exporter_prometheus::PrometheusHandle,
    /// Passes requests on to other workers.
    pub(crate) others: forward::Others,
}

type Answer = Result<Response, ApiError>;

/// What the ordinary listeners serve.
fn router(api: Api) -> Router {
    let config = Arc::clone(&api.shared.config);
    let to_owner = middleware::from_fn_with_state(api.clone(), forward::to_owner);
    let mut routes = connect_routes().route_layer(to_owner);
    if config.rest.listeners.admin == AdminListeners::Ordinary {
        routes = routes.merge(admin_routes());
    }
    let mut metrics = Router::new().route("/metrics", get(metrics::show));
    let users = config.rest.users.as_deref().map(auth::Users::new);
    if let Some(users) = &users {
        // Connect looks at the media types before it looks at the credentials.
        let check = middleware::from_fn_with_state(users.clone(), auth::check);
        routes = routes.route_layer(check.clone());
        metrics = metrics.route_layer(check);
    }
    let routes = routes.route_layer(middleware::from_fn(media::negotiate));
    let now_ms = api.shared.now_ms;
    let mut app = finish(routes.merge(metrics), api);
    if let Some(users) = users {
        app = app.layer(middleware::from_fn_with_state(users, auth::check_options));
    }
    if !config.rest.headers.is_empty() {
        let rules = config.rest.headers.as_slice().into();
        let given = decorate::Headers { rules, now_ms };
        app = app.layer(middleware::from_fn_with_state(given, decorate::headers));
    }
    if let Some(allowed) = config.rest.cross_origin.clone() {
        let allowed = Arc::new(allowed);
        app = app.layer(middleware::from_fn_with_state(
            allowed,
            decorate::cross_origin,
        ));
    }
    app
}

/// What the listeners of `admin.listeners` serve.
fn admin_router(api: Api) -> Router {
    let routes = admin_routes().route_layer(middleware::from_fn(media::negotiate));
    finish(routes, api)
}

/// Adds what holds for every path and for those that are none.
fn finish(routes: Router<Api>, api: Api) -> Router {
    let paths = routes
        .layer(DefaultBodyLimit::max(BODY_BYTES_MAX))
        .fallback(async || bare(404))
        .method_not_allowed_fallback(async || bare(405))
        .with_state(api);
    // Which methods a path takes stands in an answer only outside of what is layered upon its routes.
    Router::new()
        .fallback_service(paths)
        .layer(middleware::from_fn(decorate::options))
}

fn admin_routes() -> Router<Api> {
    Router::new()
        .route("/admin/loggers", get(admin::loggers))
        .route(
            "/admin/loggers/{logger}",
            get(admin::logger).put(admin::set_logger),
        )
}

/// The paths of Connect's resources, and ours beside them.
fn connect_routes() -> Router<Api> {
    Router::new()
        .route("/", get(admin::root))
        .route("/health", get(admin::health))
        .route(
            "/connectors",
            get(connectors::list).post(connectors::create),
        )
        .route(
            "/connectors/{name}",
            get(connectors::show).delete(connectors::delete),
        )
        .route(
            "/connectors/{name}/config",
            get(connectors::config)
                .put(connectors::put_config)
                .patch(connectors::patch_config),
        )
        .route("/connectors/{name}/status", get(connectors::status))
        .route(
            "/connectors/{name}/tasks",
            get(connectors::tasks).post(internal::tasks),
        )
        .route("/connectors/{name}/fence", put(internal::fence))
        .route(
            "/connectors/{name}/tasks/{index}/status",
            get(connectors::task_status),
        )
        .route("/connectors/{name}/topics", get(connectors::topics))
        .route(
            "/connectors/{name}/topics/reset",
            put(connectors::reset_topics),
        )
        .route("/connectors/{name}/pause", put(lifecycle::pause))
        .route("/connectors/{name}/resume", put(lifecycle::resume))
        .route("/connectors/{name}/stop", put(lifecycle::stop))
        .route("/connectors/{name}/restart", post(lifecycle::restart))
        .route(
            "/connectors/{name}/tasks/{index}/restart",
            post(lifecycle::restart_task),
        )
        .route(
            "/connectors/{name}/offsets",
            get(offsets::show)
                .patch(offsets::alter)
                .delete(offsets::reset),
        )
        .route("/connectors/{name}/signals", post(live::signal))
        .route("/connectors/{name}/tables", post(live::add_table))
        .route("/connectors/{name}/snapshot", get(live::snapshot))
        .route("/connector-plugins", get(plugins::list))
        .route("/connector-plugins/{plugin}/config", get(plugins::config))
        .route(
            "/connector-plugins/{plugin}/config/validate",
            put(plugins::validate),
        )
}

/// A task's index in a path; anything but a number is no path of ours.
fn task_index(text: &str) -> Result<i32, Refusal> {
    text.parse()
        .map_err(|_| Refusal::not_found("HTTP 404 Not Found"))
}
