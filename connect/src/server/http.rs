//! What Debezium Server serves on `quarkus.http.port`, and metrics beside it.

use std::net::SocketAddr;

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use metrics_exporter_prometheus::PrometheusHandle;
use serde::Deserialize;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;
use walcast_cdc::{Signal, TaskHandle};
use walcast_wire::usage::UsageError;

use super::health::{Health, Kind};
use super::meaning::HttpConfig;

/// Body of `POST /api/signals`, Debezium Server's `DSSignal`.
#[derive(Debug, Deserialize)]
struct SignalBody {
    id: Option<String>,
    #[serde(rename = "type")]
    kind: String,
    data: Option<String>,
}

/// Binds the port; `None` when `quarkus.http.host-enabled=false`.
///
/// # Errors
/// A [`UsageError`] when the port cannot be had.
pub(super) async fn bind(config: &HttpConfig) -> Result<Option<TcpListener>, UsageError> {
    if !config.enabled {
        return Ok(None);
    }
    let (host, port) = (&config.host, config.port);
    let bound = TcpListener::bind((host.as_str(), port)).await;
    let listener = bound.map_err(|error| {
        UsageError::new(format!(
            "cannot listen on {host}:{port}: {error}; free the port or change quarkus.http.port"
        ))
    })?;
    let address = listener.local_addr().ok();
    tracing::info!(
        address = address.map(|a: SocketAddr| a.to_string()),
        "listening"
    );
    Ok(Some(listener))
}

/// All paths; without `task` signals are not taken.
pub(super) fn app(health: Health, metrics: PrometheusHandle, task: Option<TaskHandle>) -> Router {
    let kinds = [
        ("/q/health", Kind::All),
        ("/q/health/live", Kind::Live),
        ("/q/health/ready", Kind::Ready),
        ("/q/health/started", Kind::Started),
    ];
    let router = kinds
        .into_iter()
        .fold(Router::new(), |router, (path, kind)| {
            let health = health.clone();
            router.route(path, get(async move || show(&health, kind)))
        });
    let show_metrics = async move || {
        let format = "text/plain; version=0.0.4";
        ([(header::CONTENT_TYPE, format)], metrics.render())
    };
    let signals = post(take_signal).with_state(task);
    router
        .route("/metrics", get(show_metrics))
        .route("/api/signals", signals)
}

/// Serves until `stop`.
///
/// # Errors
/// The listener failed.
pub(super) async fn serve(
    listener: TcpListener,
    app: Router,
    stop: CancellationToken,
) -> std::io::Result<()> {
    axum::serve(listener, app)
        .with_graceful_shutdown(stop.cancelled_owned())
        .await
}

fn show(health: &Health, kind: Kind) -> Response {
    let (status, body) = health.answer(kind);
    let status = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let headers = [
        (header::CONTENT_TYPE, "application/json; charset=UTF-8"),
        (header::CACHE_CONTROL, "no-store"),
    ];
    (status, headers, body).into_response()
}

/// 202, as Debezium Server answers; 503 when `debezium.api.enabled` is not true or nothing streams.
async fn take_signal(State(task): State<Option<TaskHandle>>, body: Bytes) -> Response {
    let Some(task) = task else {
        return StatusCode::SERVICE_UNAVAILABLE.into_response();
    };
    let body: SignalBody = match serde_json::from_slice(&body) {
        Ok(body) => body,
        Err(error) => return (StatusCode::BAD_REQUEST, error.to_string()).into_response(),
    };
    let signal = Signal::new(body.id.filter(|id| !id.is_empty()), body.kind, body.data);
    match task.signal(signal).await {
        Ok(()) => StatusCode::ACCEPTED.into_response(),
        Err(refused) => (StatusCode::SERVICE_UNAVAILABLE, refused.to_string()).into_response(),
    }
}
