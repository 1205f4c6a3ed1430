//! Bodies, paths and queries read into types; what cannot be read becomes a problem that names the
//! field.

use axum::body::Bytes;
use axum::extract::{FromRequest, FromRequestParts, Path, Request};
use axum::response::IntoResponse;
use http::request::Parts;
use http::{HeaderMap, header};
use serde::de::DeserializeOwned;

use crate::problem::{self, FieldError, Problem};

/// A JSON body.
pub(crate) struct JsonBody<T>(pub(crate) T);

/// The path's parameters.
pub(crate) struct UrlPath<T>(pub(crate) T);

/// The query's parameters.
pub(crate) struct UrlQuery<T>(pub(crate) T);

impl<S: Send + Sync, T: DeserializeOwned> FromRequest<S> for JsonBody<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, state: &S) -> Result<Self, Problem> {
        if !is_json(request.headers()) {
            let detail = "send the body with content-type: application/json";
            return Err(Problem::new(problem::UNSUPPORTED_MEDIA, detail));
        }
        let bytes = Bytes::from_request(request, state)
            .await
            .map_err(|rejection| {
                let text = rejection.body_text();
                if rejection.into_response().status() == problem::TOO_LARGE.status {
                    return too_large();
                }
                Problem::new(problem::MALFORMED, text)
            })?;
        read_json(&bytes, "").map(Self)
    }
}

impl<S: Send + Sync, T: DeserializeOwned + Send> FromRequestParts<S> for UrlPath<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        match Path::from_request_parts(parts, state).await {
            Ok(Path(value)) => Ok(Self(value)),
            Err(rejection) => Err(Problem::new(problem::MALFORMED, rejection.body_text())),
        }
    }
}

impl<S: Send + Sync, T: DeserializeOwned> FromRequestParts<S> for UrlQuery<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        axum::extract::Query::try_from_uri(&parts.uri)
            .map(|axum::extract::Query(value)| Self(value))
            .map_err(|rejection| bad_query(&rejection.body_text()))
    }
}

/// What axum says is `Failed to deserialize query string: [FIELD: ]MESSAGE`.
fn bad_query(text: &str) -> Problem {
    let (_, rest) = text.split_once(": ").unwrap_or(("", text));
    match rest.split_once(": ") {
        Some((field, message)) => Problem::field(field, message),
        None => Problem::field(named_in(rest).unwrap_or_else(|| "(query)".to_owned()), rest),
    }
}

/// The body is longer than the route allows.
pub(crate) fn too_large() -> Problem {
    Problem::new(
        problem::TOO_LARGE,
        "the body is longer than allowed; send less at a time",
    )
}

/// `bytes` as JSON of type `T`; `prefix` is where they stand in the whole body, such as `events[2]`.
pub(crate) fn read_json<T: DeserializeOwned>(bytes: &[u8], prefix: &str) -> Result<T, Problem> {
    let mut json = serde_json::Deserializer::from_slice(bytes);
    let value = serde_path_to_error::deserialize(&mut json).map_err(|error| {
        let path = error.path().to_string();
        bad_json(prefix, &path, error.inner())
    })?;
    json.end().map_err(|error| bad_json(prefix, ".", &error))?;
    Ok(value)
}

fn bad_json(prefix: &str, path: &str, error: &serde_json::Error) -> Problem {
    if !error.is_data() {
        return Problem::new(problem::MALFORMED, format!("the body is not JSON: {error}"));
    }
    let text = error.to_string();
    let message = text
        .rsplit_once(" at line ")
        .map_or(text.as_str(), |(message, _)| message);
    let path = if path == "." { "" } else { path };
    // A missing or unknown field is reported at its parent; its name stands in the message.
    let about_member = ["missing field", "unknown field", "duplicate field"]
        .iter()
        .any(|start| message.starts_with(start));
    let member = named_in(message).filter(|name| about_member && !ends_with_member(path, name));
    let parts = [prefix, path, member.as_deref().unwrap_or("")];
    let field = parts
        .iter()
        .filter(|part| !part.is_empty())
        .copied()
        .collect::<Vec<_>>()
        .join(".");
    let field = if field.is_empty() {
        "(body)".to_owned()
    } else {
        field
    };
    let error = FieldError {
        field,
        message: message.to_owned(),
    };
    Problem::new(
        problem::INVALID,
        format!("{}: {}", error.field, error.message),
    )
    .with_errors(vec![error])
}

fn ends_with_member(path: &str, name: &str) -> bool {
    path == name || path.ends_with(&format!(".{name}"))
}

/// The first name between backticks.
fn named_in(message: &str) -> Option<String> {
    message.split('`').nth(1).map(ToOwned::to_owned)
}

fn is_json(headers: &HeaderMap) -> bool {
    let value = headers
        .get(header::CONTENT_TYPE)
        .and_then(|value| value.to_str().ok());
    let essence = value
        .and_then(|value| value.split(';').next())
        .unwrap_or("")
        .trim();
    let essence = essence.to_ascii_lowercase();
    essence == "application/json"
        || (essence.starts_with("application/") && essence.ends_with("+json"))
}

#[cfg(test)]
mod tests {
    use serde::Deserialize;

    use super::*;

    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Outer {
        #[expect(dead_code, reason = "only its reading is tested")]
        inner: Vec<Inner>,
    }

    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Inner {
        #[expect(dead_code, reason = "only its reading is tested")]
        weight: f64,
    }

    fn check(body: &str, status: u16, detail: &str) {
        let problem = read_json::<Outer>(body.as_bytes(), "").expect_err("must be refused");
        assert_eq!(problem.kind.status.as_u16(), status, "{body}");
        assert!(
            problem.detail.starts_with(detail),
            "{body}: {}",
            problem.detail
        );
    }

    #[test]
    fn broken_json_is_400_and_a_bad_field_422_with_its_path() {
        check("", 400, "the body is not JSON: EOF while parsing");
        check(
            "{",
            400,
            "the body is not JSON: EOF while parsing an object at line 1 column 1",
        );
        check(
            "{\"inner\":[]} x",
            400,
            "the body is not JSON: trailing characters",
        );
        check("[]", 422, "(body): ");
        check("3", 422, "(body): invalid type");
        check("{}", 422, "inner: missing field");
        check(
            "{\"inner\":3}",
            422,
            "inner: invalid type: integer `3`, expected a sequence",
        );
        check("{\"inner\":[{}]}", 422, "inner[0].weight: missing field");
        check(
            "{\"inner\":[{\"weight\":\"x\"}]}",
            422,
            "inner[0].weight: invalid type",
        );
        check("{\"inner\":[],\"extra\":1}", 422, "extra: unknown field");
    }

    #[test]
    fn a_prefix_says_where_the_part_stood() {
        let problem = read_json::<Inner>(b"{}", "events[2]").expect_err("missing");
        assert!(
            problem
                .detail
                .starts_with("events[2].weight: missing field"),
            "{}",
            problem.detail
        );
    }
}
