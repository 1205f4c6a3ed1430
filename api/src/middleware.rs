//! What happens around every request: metrics, a time limit, and answers to panics.

use std::any::Any;
use std::sync::Arc;

use axum::extract::{MatchedPath, Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use http::Uri;
use metrics::{counter, gauge, histogram};
use tokio::time::{Instant, timeout};

use crate::problem::{self, Problem};
use crate::state::App;

/// Counts and times requests by route, and logs them at debug level.
pub(crate) async fn observe(request: Request, next: Next) -> Response {
    let method = request.method().to_string();
    let matched = request.extensions().get::<MatchedPath>();
    // Never the path itself: labels must not grow with what callers type.
    let route = matched.map_or("(none)", MatchedPath::as_str).to_owned();
    let in_flight = InFlight::new();
    let started = Instant::now();
    let response = next.run(request).await;
    drop(in_flight);
    let elapsed = started.elapsed();
    let status = response.status().as_u16();
    tracing::debug!(
        method,
        route,
        status,
        elapsed_us = elapsed.as_micros(),
        "request"
    );
    counter!("walcast_api_http_requests_total", "method" => method.clone(),
        "route" => route.clone(), "status" => status.to_string())
    .increment(1);
    histogram!("walcast_api_http_request_duration_seconds", "method" => method, "route" => route)
        .record(elapsed);
    response
}

/// A request being answered; leaves the gauge also when its future is dropped.
struct InFlight;

impl InFlight {
    fn new() -> Self {
        gauge!("walcast_api_http_requests_in_flight").increment(1);
        Self
    }
}

impl Drop for InFlight {
    fn drop(&mut self) {
        gauge!("walcast_api_http_requests_in_flight").decrement(1);
    }
}

/// Answers 503 when a request takes longer than configured.
pub(crate) async fn limit_time(
    State(app): State<Arc<App>>,
    request: Request,
    next: Next,
) -> Response {
    let limit = app.config.limits.request_timeout;
    match timeout(limit, next.run(request)).await {
        Ok(response) => response,
        Err(_) => {
            let detail = format!("no answer within {} ms; try again", limit.as_millis());
            Problem::new(problem::UNAVAILABLE, detail)
                .retry_after_s(1)
                .into_response()
        }
    }
}

/// A handler panicked: that is ours, and the caller learns no more.
#[expect(
    clippy::needless_pass_by_value,
    reason = "the signature that CatchPanicLayer asks for"
)]
pub(crate) fn panicked(payload: Box<dyn Any + Send + 'static>) -> Response {
    let text = payload
        .downcast_ref::<String>()
        .map(String::as_str)
        .or_else(|| payload.downcast_ref::<&str>().copied())
        .unwrap_or("a panic without a text");
    Problem::internal(anyhow::anyhow!("a handler panicked: {text}")).into_response()
}

/// No route has this path.
pub(crate) async fn no_route(uri: Uri) -> Problem {
    Problem::new(
        problem::NOT_FOUND,
        format!("there is no path {}; see /docs", uri.path()),
    )
}

/// The route has no such method; the `Allow` header names those it has.
pub(crate) async fn no_method() -> Problem {
    Problem::new(
        problem::METHOD_NOT_ALLOWED,
        "the header Allow names the methods of this path",
    )
}
