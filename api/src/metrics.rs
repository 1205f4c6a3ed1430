//! Prometheus metrics, all named `walcast_api_*`.

use std::sync::OnceLock;

use axum::extract::State;
use http::header;
use metrics::{Unit, describe_counter, describe_gauge, describe_histogram, gauge};
use metrics_exporter_prometheus::{Matcher, PrometheusBuilder, PrometheusHandle};

use crate::state::App;

/// Bounds in seconds around what is promised: writes below 25 ms, analytics below 500 ms.
const SECONDS: [f64; 14] = [
    0.001, 0.0025, 0.005, 0.01, 0.015, 0.02, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0,
];

/// The process's recorder, installed by the first call.
///
/// # Errors
/// Another recorder is installed already.
pub(crate) fn install() -> anyhow::Result<PrometheusHandle> {
    static HANDLE: OnceLock<Result<PrometheusHandle, String>> = OnceLock::new();
    let installed = HANDLE.get_or_init(|| {
        let recorder = PrometheusBuilder::new()
            .set_buckets_for_metric(Matcher::Suffix("_seconds".to_owned()), &SECONDS)
            .map_err(|e| e.to_string())?
            .build_recorder();
        let handle = recorder.handle();
        metrics::set_global_recorder(recorder).map_err(|e| e.to_string())?;
        describe();
        Ok(handle)
    });
    installed
        .clone()
        .map_err(|text| anyhow::anyhow!("metrics cannot be recorded: {text}"))
}

/// `GET /metrics`.
pub(crate) async fn render(
    State(app): State<std::sync::Arc<App>>,
) -> ([(header::HeaderName, &'static str); 1], String) {
    let load = app.postgres.load();
    let count = |n: usize| u32::try_from(n).map_or(f64::from(u32::MAX), f64::from);
    gauge!("walcast_api_postgres_connections", "state" => "open").set(count(load.open));
    gauge!("walcast_api_postgres_connections", "state" => "idle").set(count(load.idle));
    gauge!("walcast_api_postgres_connection_waits").set(count(load.waiting));
    (
        [(
            header::CONTENT_TYPE,
            "text/plain; version=0.0.4; charset=utf-8",
        )],
        app.metrics.render(),
    )
}

fn describe() {
    describe_histogram!(
        "walcast_api_http_request_duration_seconds",
        Unit::Seconds,
        "Time from a request's head to its answer's head, by method and route"
    );
    describe_counter!(
        "walcast_api_http_requests_total",
        "Requests answered, by method, route and status"
    );
    describe_gauge!(
        "walcast_api_http_requests_in_flight",
        "Requests being answered"
    );
    describe_counter!("walcast_api_events_total", "Events received, by result");
    describe_counter!(
        "walcast_api_assignments_total",
        "Assignments asked for, by result"
    );
    describe_counter!(
        "walcast_api_cache_reads_total",
        "Reads of cached assignments, by result"
    );
    describe_counter!(
        "walcast_api_cache_writes_total",
        "Writes of cached assignments, by result"
    );
    describe_counter!(
        "walcast_api_rate_limited_total",
        "Requests refused with 429"
    );
    describe_counter!(
        "walcast_api_analytics_errors_total",
        "Analytics answered with 503"
    );
    describe_counter!("walcast_api_outbox_pruned_total", "Outbox rows pruned");
    describe_gauge!(
        "walcast_api_outbox_prune_possible",
        "1 when the last round knew the slot's confirmed position, else 0"
    );
    describe_gauge!(
        "walcast_api_postgres_connections",
        "Pooled connections, by state"
    );
    describe_gauge!(
        "walcast_api_postgres_connection_waits",
        "Requests that wait for a connection"
    );
}
