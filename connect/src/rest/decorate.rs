//! What is put on every answer of the ordinary listeners: the configured headers, and what lets other
//! sites' pages use the API (CORS), as Jetty's `HeaderFilter` and `CrossOriginHandler` do for Connect.

use std::sync::Arc;
use std::time::{Duration, UNIX_EPOCH};

use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

use crate::config::answers::{CrossOrigin, HeaderAction, HeaderContent, HeaderRule};

/// Headers that a rule may set and that the answer itself knows better.
const OF_THE_ANSWER: [HeaderName; 2] = [header::CONTENT_TYPE, header::CONTENT_LENGTH];

/// The rules of `response.http.headers.config`, and the clock that dates are taken from.
#[derive(Clone)]
pub(super) struct Headers {
    pub(super) rules: Arc<[HeaderRule]>,
    pub(super) now_ms: fn() -> i64,
}

/// Puts the configured headers on an answer.
pub(super) async fn headers(
    State(given): State<Headers>,
    request: Request,
    next: Next,
) -> Response {
    let mut response = next.run(request).await;
    for rule in given.rules.iter() {
        let text = match &rule.content {
            HeaderContent::Text(text) => text.clone(),
            HeaderContent::DateAfterMs(ms) => http_date((given.now_ms)().saturating_add(*ms)),
        };
        let name = HeaderName::from_bytes(rule.name.as_bytes());
        let (Ok(name), Ok(value)) = (name, HeaderValue::from_str(&text)) else {
            continue;
        };
        let headers = response.headers_mut();
        if OF_THE_ANSWER.contains(&name) && headers.contains_key(&name) {
            continue;
        }
        match rule.action {
            HeaderAction::Set => drop(headers.insert(name, value)),
            HeaderAction::Add => drop(headers.append(name, value)),
        }
    }
    response
}

/// An HTTP date, which ends with the year 9999.
fn http_date(ms: i64) -> String {
    const LAST_MS: u64 = 253_402_300_799_000;
    let since = Duration::from_millis(u64::try_from(ms).unwrap_or(0).min(LAST_MS));
    httpdate::fmt_http_date(UNIX_EPOCH + since)
}

/// Answers for pages of other sites: who may read them, and what they may ask.
pub(super) async fn cross_origin(
    State(allowed): State<Arc<CrossOrigin>>,
    request: Request,
    next: Next,
) -> Response {
    let origin = request.headers().get(header::ORIGIN).cloned();
    let asks_first = request.method() == Method::OPTIONS
        && request
            .headers()
            .contains_key(header::ACCESS_CONTROL_REQUEST_METHOD);
    let mut response = next.run(request).await;
    let headers = response.headers_mut();
    headers.append(header::VARY, HeaderValue::from_static("Origin"));
    if let Some(origin) = origin.filter(|origin| passes(&allowed, origin)) {
        admit(headers, origin, asks_first.then_some(&allowed.methods));
    }
    response
}

fn passes(allowed: &CrossOrigin, origin: &HeaderValue) -> bool {
    let Some(patterns) = &allowed.origins else {
        return true;
    };
    let given = origin.to_str().unwrap_or_default().split(' ');
    let matches = |origin: &str| patterns.iter().any(|pattern| pattern.is_match(origin));
    given.filter(|origin| !origin.is_empty()).any(matches)
}

/// Lets `origin` read the answer; with `methods` it asked what it may do.
fn admit(headers: &mut HeaderMap, origin: HeaderValue, methods: Option<&String>) {
    headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, origin);
    let Some(methods) = methods else { return };
    if let Ok(methods) = HeaderValue::from_str(methods) {
        headers.insert(header::ACCESS_CONTROL_ALLOW_METHODS, methods);
    }
    let content_type = HeaderValue::from_static("Content-Type");
    headers.insert(header::ACCESS_CONTROL_ALLOW_HEADERS, content_type);
    let seconds = HeaderValue::from_static("60");
    headers.insert(header::ACCESS_CONTROL_MAX_AGE, seconds);
}

/// Methods in the order of a Java `HashSet`, which is the order Jersey tells them in.
const METHODS: [&str; 7] = ["HEAD", "DELETE", "POST", "GET", "OPTIONS", "PUT", "PATCH"];

/// Answers OPTIONS on every path there is with the methods it takes, as Jersey does: as text for who
/// takes text, otherwise in the header alone.
pub(super) async fn options(request: Request, next: Next) -> Response {
    let asked = request.method() == Method::OPTIONS;
    let accepts = request.headers().get(header::ACCEPT);
    let accepts = accepts.and_then(|a| a.to_str().ok()).unwrap_or("*/*");
    let as_text = accepts.contains("text/") || accepts.contains("*/*");
    let response = next.run(request).await;
    if !asked || response.status() != StatusCode::METHOD_NOT_ALLOWED {
        return response;
    }
    let taken = response.headers().get(header::ALLOW);
    let taken = taken.and_then(|v| v.to_str().ok()).unwrap_or_default();
    let taken: Vec<_> = taken.split(',').map(str::trim).collect();
    let told = |method: &&&str| **method == "OPTIONS" || taken.contains(*method);
    let methods: Vec<_> = METHODS.iter().filter(told).copied().collect();
    let (media, body) = if as_text {
        ("text/plain", methods.join(", "))
    } else {
        ("application/json", String::new())
    };
    let headers = [
        (header::CONTENT_TYPE, media.to_owned()),
        (header::ALLOW, methods.join(",")),
    ];
    (headers, body).into_response()
}
