//! The listener for operators: `/healthz`, `/readyz`, `/status`, `/metrics`.

use std::sync::Arc;

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::IntoResponse;
use axum::routing::get;
use axum::{Json, Router};
use metrics_exporter_prometheus::PrometheusHandle;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use crate::status::{Report, Status};

#[derive(Clone)]
struct Shared {
    status: Arc<Status>,
    metrics: Option<PrometheusHandle>,
}

/// Serves until `stop`.
pub(crate) async fn serve(
    listener: TcpListener,
    status: Arc<Status>,
    metrics: Option<PrometheusHandle>,
    stop: CancellationToken,
) -> std::io::Result<()> {
    let router = Router::new()
        .route("/healthz", get(healthz))
        .route("/readyz", get(readyz))
        .route("/status", get(report))
        .route("/metrics", get(render))
        .with_state(Shared { status, metrics });
    axum::serve(listener, router)
        .with_graceful_shutdown(stop.cancelled_owned())
        .await
}

/// 200 while the stream moves.
async fn healthz(State(shared): State<Shared>) -> impl IntoResponse {
    let report = shared.status.report();
    verdict(report.healthy, &report)
}

/// 200 while a record would land now.
async fn readyz(State(shared): State<Shared>) -> impl IntoResponse {
    let report = shared.status.report();
    verdict(report.ready, &report)
}

fn verdict(good: bool, report: &Report) -> (StatusCode, String) {
    if good {
        return (StatusCode::OK, "ok\n".into());
    }
    (
        StatusCode::SERVICE_UNAVAILABLE,
        format!("{}\n", report.problems.join("\n")),
    )
}

async fn report(State(shared): State<Shared>) -> Json<Report> {
    Json(shared.status.report())
}

async fn render(State(shared): State<Shared>) -> impl IntoResponse {
    let text = shared
        .metrics
        .map(|metrics| metrics.render())
        .unwrap_or_default();
    ([("content-type", "text/plain; version=0.0.4")], text)
}
