//! Errors of requests as problem details (RFC 9457).
//!
//! In come what went wrong and, for faults of our own side, the cause. Out goes an
//! `application/problem+json` answer. The cause is logged here, once, and never shown to the caller.

use axum::response::{IntoResponse, Response};
use deadpool_postgres::PoolError;
use http::{HeaderValue, StatusCode, header};
use serde::Serialize;
use tokio_postgres::error::SqlState;
use utoipa::ToSchema;

/// The kinds of problem: status, code (the end of the type URI) and title.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Kind {
    pub(crate) status: StatusCode,
    pub(crate) code: &'static str,
    title: &'static str,
}

macro_rules! kinds {
    ($($name:ident = $status:ident, $code:literal, $title:literal;)*) => {
        $(pub(crate) const $name: Kind =
            Kind { status: StatusCode::$status, code: $code, title: $title };)*
    };
}

kinds! {
    MALFORMED = BAD_REQUEST, "malformed-request", "The request cannot be read";
    UNAUTHORIZED = UNAUTHORIZED, "unauthorized", "A valid Bearer token is needed";
    FORBIDDEN = FORBIDDEN, "forbidden", "The token's scope does not allow this";
    NOT_FOUND = NOT_FOUND, "not-found", "There is no such thing";
    METHOD_NOT_ALLOWED = METHOD_NOT_ALLOWED, "method-not-allowed", "The path has no such method";
    CONFLICT = CONFLICT, "conflict", "Something else is there already";
    NOT_ASSIGNED = CONFLICT, "not-assigned", "The user has no assignment in this experiment";
    NOT_RUNNING = CONFLICT, "not-running", "The experiment's status does not allow this";
    NOT_READY = CONFLICT, "not-ready", "The experiment cannot start yet";
    IN_PROGRESS = CONFLICT, "in-progress", "The first request with this key is still running";
    STALE = PRECONDITION_FAILED, "stale", "The experiment has changed since";
    TOO_LARGE = PAYLOAD_TOO_LARGE, "too-large", "The request is too large";
    UNSUPPORTED_MEDIA = UNSUPPORTED_MEDIA_TYPE, "unsupported-media-type", "The body must be JSON";
    INVALID = UNPROCESSABLE_ENTITY, "invalid", "A field cannot be used";
    TOO_MANY = TOO_MANY_REQUESTS, "too-many-requests", "The rate limit is reached";
    INTERNAL = INTERNAL_SERVER_ERROR, "internal", "Internal error";
    UNAVAILABLE = SERVICE_UNAVAILABLE, "unavailable", "Not available just now";
    NO_ANALYTICS = SERVICE_UNAVAILABLE, "analytics-unavailable", "Analytics are not available";
}

/// One request's problem.
#[derive(Debug)]
pub(crate) struct Problem {
    pub(crate) kind: Kind,
    pub(crate) detail: String,
    errors: Vec<FieldError>,
    retry_after_s: Option<u64>,
    cause: Option<anyhow::Error>,
}

/// A field that cannot be used, and why.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub(crate) struct FieldError {
    /// Path of the field, such as `variants[1].weight`.
    #[schema(examples("variants[1].weight"))]
    pub(crate) field: String,
    /// What is wrong with it.
    pub(crate) message: String,
}

/// Problem details (RFC 9457).
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ProblemBody<'a> {
    /// URI of the kind of problem.
    #[serde(rename = "type")]
    #[schema(examples("urn:walcast:problem:not-assigned"))]
    type_uri: String,
    /// The kind in words.
    title: &'static str,
    /// The HTTP status.
    status: u16,
    /// What happened here, and what to do.
    detail: &'a str,
    /// The kind for programs: the end of `type`.
    code: &'static str,
    /// The fields at fault, if any are.
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    errors: &'a [FieldError],
}

impl Problem {
    pub(crate) fn new(kind: Kind, detail: impl Into<String>) -> Self {
        Self {
            kind,
            detail: detail.into(),
            errors: Vec::new(),
            retry_after_s: None,
            cause: None,
        }
    }

    /// A field that was readable JSON but cannot be used.
    pub(crate) fn field(field: impl Into<String>, message: impl Into<String>) -> Self {
        let error = FieldError {
            field: field.into(),
            message: message.into(),
        };
        Self::new(INVALID, format!("{}: {}", error.field, error.message)).with_errors(vec![error])
    }

    pub(crate) fn not_found(what: &str, id: impl std::fmt::Display) -> Self {
        Self::new(NOT_FOUND, format!("there is no {what} {id}"))
    }

    pub(crate) fn internal(cause: impl Into<anyhow::Error>) -> Self {
        Self::new(
            INTERNAL,
            "the fault is ours and was logged; see the request's x-request-id",
        )
        .because(cause)
    }

    pub(crate) fn with_errors(mut self, errors: Vec<FieldError>) -> Self {
        self.errors = errors;
        self
    }

    /// Takes the fields at fault out, to be joined with others'.
    pub(crate) fn take_errors(&mut self) -> Vec<FieldError> {
        std::mem::take(&mut self.errors)
    }

    pub(crate) fn retry_after_s(mut self, seconds: u64) -> Self {
        self.retry_after_s = Some(seconds);
        self
    }

    pub(crate) fn because(mut self, cause: impl Into<anyhow::Error>) -> Self {
        self.cause = Some(cause.into());
        self
    }

    /// The answer's body.
    pub(crate) fn body(&self) -> ProblemBody<'_> {
        ProblemBody {
            type_uri: format!("urn:walcast:problem:{}", self.kind.code),
            title: self.kind.title,
            status: self.kind.status.as_u16(),
            detail: &self.detail,
            code: self.kind.code,
            errors: &self.errors,
        }
    }

    /// Logs the cause, if the fault is on our side.
    pub(crate) fn log(&self) {
        match &self.cause {
            Some(cause) if self.kind == INTERNAL => tracing::error!("internal error: {cause:#}"),
            Some(cause) => tracing::warn!(code = self.kind.code, "{}: {cause:#}", self.detail),
            None => {}
        }
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        self.log();
        let body = serde_json::to_vec(&self.body()).unwrap_or_default();
        let kind = [(
            header::CONTENT_TYPE,
            HeaderValue::from_static("application/problem+json"),
        )];
        let mut response = (self.kind.status, kind, body).into_response();
        let headers = response.headers_mut();
        if let Some(seconds) = self.retry_after_s {
            headers.insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        }
        if self.kind == UNAUTHORIZED {
            let challenge = HeaderValue::from_static("Bearer realm=\"walcast\"");
            headers.insert(header::WWW_AUTHENTICATE, challenge);
        }
        response
    }
}

impl From<tokio_postgres::Error> for Problem {
    fn from(error: tokio_postgres::Error) -> Self {
        if is_transient(&error) {
            return Self::new(
                UNAVAILABLE,
                "the database cannot answer just now; try again",
            )
            .retry_after_s(1)
            .because(error);
        }
        Self::internal(error)
    }
}

impl From<PoolError> for Problem {
    fn from(error: PoolError) -> Self {
        match error {
            PoolError::Backend(error) => error.into(),
            other => Self::new(UNAVAILABLE, "no database connection is free; try again")
                .retry_after_s(1)
                .because(other),
        }
    }
}

/// Whether the same request can succeed later without any change.
fn is_transient(error: &tokio_postgres::Error) -> bool {
    let Some(code) = error.code() else {
        // No SQLSTATE: the connection failed, unless a value could not be converted.
        let source = std::error::Error::source(error);
        return error.is_closed() || source.is_some_and(|source| source.is::<std::io::Error>());
    };
    // 08 connection, 53 out of resources, 57 operator intervention (shutdown, statement timeout),
    // 40 rolled back, 25006 read-only (a fail-over under way), 55P03 lock not available.
    let class = code.code().get(..2);
    matches!(class, Some("08" | "53" | "57" | "40"))
        || *code == SqlState::READ_ONLY_SQL_TRANSACTION
        || *code == SqlState::LOCK_NOT_AVAILABLE
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(problem: &Problem, expected: &str) {
        assert_eq!(
            serde_json::to_string(&problem.body()).expect("JSON"),
            expected
        );
    }

    #[test]
    fn a_body_has_the_members_of_rfc_9457() {
        check(
            &Problem::new(NOT_ASSIGNED, "user \"u\" has none"),
            r#"{"type":"urn:walcast:problem:not-assigned","title":"The user has no assignment in this experiment","status":409,"detail":"user \"u\" has none","code":"not-assigned"}"#,
        );
    }

    #[test]
    fn a_bad_field_is_named_in_detail_and_errors() {
        check(
            &Problem::field("weight", "must be positive"),
            r#"{"type":"urn:walcast:problem:invalid","title":"A field cannot be used","status":422,"detail":"weight: must be positive","code":"invalid","errors":[{"field":"weight","message":"must be positive"}]}"#,
        );
    }

    #[test]
    fn a_cause_never_shows() {
        let problem = Problem::internal(anyhow::anyhow!("password=hunter2"));
        let body = serde_json::to_string(&problem.body()).expect("JSON");
        assert!(!body.contains("hunter2"));
        assert_eq!(
            problem.into_response().status(),
            StatusCode::INTERNAL_SERVER_ERROR
        );
    }

    #[test]
    fn headers_say_how_to_go_on() {
        let response = Problem::new(UNAVAILABLE, "x")
            .retry_after_s(3)
            .into_response();
        assert_eq!(response.headers()[header::RETRY_AFTER], "3");
        let response = Problem::new(UNAUTHORIZED, "x").into_response();
        assert!(response.headers().contains_key(header::WWW_AUTHENTICATE));
        assert_eq!(
            response.headers()[header::CONTENT_TYPE],
            "application/problem+json"
        );
    }
}
