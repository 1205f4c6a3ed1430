//! `/healthz`: the process answers. `/readyz`: requests can be served.

use std::sync::Arc;
use std::time::Duration;

use axum::Json;
use axum::extract::State;
use http::StatusCode;
use serde::Serialize;
use tokio::time::timeout;
use utoipa::ToSchema;

use crate::migrate;
use crate::state::App;

/// What works, and what does not.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Readiness {
    /// `ready`; `degraded` when only a helper is down; `unavailable` without PostgreSQL.
    status: &'static str,
    components: Components,
}

#[derive(Debug, Serialize, ToSchema)]
struct Components {
    postgres: Component,
    redis: Component,
    clickhouse: Component,
}

#[derive(Debug, Serialize, ToSchema)]
struct Component {
    /// `up`, `down` or `not configured`.
    status: &'static str,
    /// What its being down means here, and the cause.
    #[serde(skip_serializing_if = "Option::is_none")]
    detail: Option<String>,
}

/// The process answers.
#[utoipa::path(get, operation_id = "getHealth", path = "/healthz", tag = "health", security(()),
    responses((status = 200, description = "The process answers", body = serde_json::Value)))]
pub(crate) async fn healthz() -> Json<serde_json::Value> {
    Json(serde_json::json!({ "status": "ok" }))
}

/// Whether requests can be served.
///
/// Redis or ClickHouse down means degraded but ready: assignments are then read from PostgreSQL,
/// and only analytics answer 503.
#[utoipa::path(get, operation_id = "getReadiness", path = "/readyz", tag = "health", security(()), responses(
    (status = 200, description = "Ready, perhaps degraded", body = Readiness),
    (status = 503, description = "PostgreSQL cannot be used", body = Readiness)))]
pub(crate) async fn readyz(State(app): State<Arc<App>>) -> (StatusCode, Json<Readiness>) {
    const WAIT: Duration = Duration::from_secs(1);
    let postgres = async {
        match timeout(WAIT, app.postgres.check(migrate::latest_version())).await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(error)) => Err(format!("{error:#}")),
            Err(_) => Err("no answer within 1 s".to_owned()),
        }
    };
    let (postgres, redis, clickhouse) =
        tokio::join!(postgres, app.cache.ping(), app.clickhouse.ping());
    let helpers_up = [&redis, &clickhouse]
        .iter()
        .all(|found| !matches!(found, Some(Err(_))));
    let (code, status) = match (&postgres, helpers_up) {
        (Ok(()), true) => (StatusCode::OK, "ready"),
        (Ok(()), false) => (StatusCode::OK, "degraded"),
        (Err(_), _) => (StatusCode::SERVICE_UNAVAILABLE, "unavailable"),
    };
    let components = Components {
        postgres: component(Some(postgres), "nothing can be served"),
        redis: component(redis, "assignments are read from PostgreSQL"),
        clickhouse: component(clickhouse, "analytics answer 503"),
    };
    (code, Json(Readiness { status, components }))
}

fn component(found: Option<Result<(), String>>, meaning: &str) -> Component {
    match found {
        None => Component {
            status: "not configured",
            detail: Some(meaning.to_owned()),
        },
        Some(Ok(())) => Component {
            status: "up",
            detail: None,
        },
        Some(Err(cause)) => Component {
            status: "down",
            detail: Some(format!("{meaning}: {cause}")),
        },
    }
}
