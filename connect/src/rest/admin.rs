//! The worker itself: its version, its health, its loggers.

use std::time::Duration;

use axum::body::Bytes;
use axum::extract::{Path, RawQuery, State};
use serde_json::json;

use super::answer::{empty, ok, with_status};
use super::query::Query;
use super::{Answer, Api, body};
use crate::herder::Command;
use crate::refusal::Refusal;

/// How long the herder may take to answer before the worker counts as unhealthy.
const HEALTH_TIMEOUT: Duration = Duration::from_secs(10);

/// `GET /`.
pub(super) async fn root(State(api): State<Api>) -> Answer {
    ok(&json!({
        "version": env!("CARGO_PKG_VERSION"),
        "commit": option_env!("WALCAST_COMMIT").unwrap_or("unknown"),
        "kafka_cluster_id": &*api.cluster_id,
    }))
}

/// `GET /health`: the worker has its place in the group, and the herder answers.
pub(super) async fn health(State(api): State<Api>) -> Answer {
    let held = api.shared.places.held().borrow().clone();
    if !held.joined {
        let starting = "Worker is still starting up.".to_owned();
        let message = match held.trouble {
            Some(trouble) => format!("{starting} It {trouble}"),
            None => starting,
        };
        return with_status(503, &json!({"status": "starting", "message": message}));
    }
    let ping = api.herder.ask(Command::Ping);
    match tokio::time::timeout(HEALTH_TIMEOUT, ping).await {
        Ok(Ok(())) => {
            let mut body = json!({
                "status": "healthy",
                "message": "Worker has completed startup and is ready to handle requests.",
            });
            // The worker is not to be killed for one connector, so its status stays; who asks for
            // more finds it here and in walcast_cdc_stalled.
            let stalled = api.shared.live.stalled();
            if !stalled.is_empty() {
                body["stalled"] = json!(stalled);
            }
            ok(&body)
        }
        Ok(Err(refusal)) => with_status(
            503,
            &json!({"status": "unhealthy", "message": refusal.to_string()}),
        ),
        Err(_) => with_status(
            500,
            &json!({
                "status": "unhealthy",
                "message": "Worker was unable to handle this request and may be unable to handle other requests.",
            }),
        ),
    }
}

/// `GET /admin/loggers`.
pub(super) async fn loggers(State(api): State<Api>) -> Answer {
    ok(&api.loggers.all())
}

/// `GET /admin/loggers/{logger}`.
pub(super) async fn logger(State(api): State<Api>, Path(logger): Path<String>) -> Answer {
    let missing = || Refusal::not_found(format!("Logger {logger} not found."));
    ok(&api.loggers.get(&logger).ok_or_else(missing)?)
}

/// `PUT /admin/loggers/{logger}`, with `scope=worker` or `scope=cluster`.
pub(super) async fn set_logger(
    State(api): State<Api>,
    Path(logger): Path<String>,
    RawQuery(query): RawQuery,
    body: Bytes,
) -> Answer {
    let mut request = body::properties(&body)?;
    let given = request.shift_remove("level").flatten().ok_or_else(|| {
        Refusal::bad_request("Desired 'level' parameter was not specified in request.")
    })?;
    let level = given.trim().to_ascii_uppercase();
    if level.is_empty() {
        return Err(Refusal::new(500, "Illegal null or empty Level name.").into());
    }
    let now_ms = (api.shared.now_ms)();
    let Some(changed) = api.loggers.set(&logger, &level, now_ms) else {
        return Err(Refusal::not_found(format!("invalid log level '{given}'.")).into());
    };
    if !changed.is_empty() {
        tracing::info!(loggers = changed.join(","), level, "log level changed");
    }
    let scope = Query::parse(query.as_deref());
    if scope
        .first("scope")
        .is_some_and(|s| s.eq_ignore_ascii_case("cluster"))
    {
        return empty(204);
    }
    ok(&changed)
}
