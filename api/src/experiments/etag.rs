//! ETags: an experiment's version, as HTTP compares it.

use axum::Json;
use axum::response::{IntoResponse, Response};
use http::{HeaderMap, HeaderValue, header};

use super::body::Experiment;

/// The experiment as an answer, with its ETag.
pub(super) fn tagged(experiment: &Experiment) -> Response {
    let mut response = Json(experiment).into_response();
    // Digits, a hyphen and quotes are always a header value.
    if let Ok(tag) = HeaderValue::from_str(&etag(experiment)) {
        response.headers_mut().insert(header::ETAG, tag);
    }
    response
}

/// The tag of the experiment's present version.
pub(super) fn etag(experiment: &Experiment) -> String {
    format!("\"{}-{}\"", experiment.id, experiment.version)
}

/// Whether one of the tags in the header `name` is `tag`; `None` without the header.
pub(super) fn matches(headers: &HeaderMap, name: &header::HeaderName, tag: &str) -> Option<bool> {
    let mut values = headers.get_all(name).iter().peekable();
    values.peek()?;
    Some(values.any(|value| {
        let tags = value.to_str().unwrap_or("").split(',').map(str::trim);
        tags.map(|each| each.strip_prefix("W/").unwrap_or(each))
            .any(|each| each == "*" || each == tag)
    }))
}
