//! Answers: JSON bodies, Connect's error bodies, and answers without a body.

use axum::body::Body;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use serde_json::json;

use super::Answer;
use crate::refusal::Refusal;

/// An error as Connect answers it: `{"error_code":…,"message":…}`.
pub(super) struct ApiError(Refusal);

impl From<Refusal> for ApiError {
    fn from(refusal: Refusal) -> Self {
        Self(refusal)
    }
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        let Refusal {
            status,
            message,
            sql,
        } = self.0;
        let mut body = json!({"error_code": status, "message": message});
        if let Some(sql) = sql {
            body["sql"] = json!(sql);
        }
        with_json(code(status), body.to_string())
    }
}

/// 200 with a JSON body.
pub(super) fn ok(body: &impl Serialize) -> Answer {
    with_status(200, body)
}

/// A JSON body with a status of its own.
pub(super) fn with_status(status: u16, body: &impl Serialize) -> Answer {
    let text = serde_json::to_string(body)
        .map_err(|e| Refusal::new(500, format!("the answer cannot be written as JSON: {e}")))?;
    Ok(with_json(code(status), text))
}

/// An answer without a body.
pub(super) fn empty(status: u16) -> Answer {
    Ok(code(status).into_response())
}

/// What the HTTP layer of Connect answers before any resource is asked: no content type.
pub(super) fn bare(status: u16) -> Response {
    let status = code(status);
    let reason = status.canonical_reason().unwrap_or_default();
    let code = status.as_u16();
    let message = format!("HTTP {code} {reason}");
    let body = json!({"error_code": code, "message": message}).to_string();
    let mut response = Response::new(Body::from(body));
    *response.status_mut() = status;
    response
}

fn with_json(status: StatusCode, body: String) -> Response {
    let mut response = Response::new(Body::from(body));
    *response.status_mut() = status;
    let json = HeaderValue::from_static("application/json");
    response.headers_mut().insert(header::CONTENT_TYPE, json);
    response
}

fn code(status: u16) -> StatusCode {
    StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
}
