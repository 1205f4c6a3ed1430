//! Requests that only a connector's owner can fulfil, passed on to it.
//!
//! Every worker knows what the config and status topics say and answers for all connectors; changes,
//! and what is asked of a running task, go to the worker that runs the connector. Which that is, the
//! group's coordinator tells. While the group rebalances a request waits, then gets Connect's 409.

use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::extract::{RawPathParams, Request, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, header, request};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use http_body_util::{BodyExt, Full};
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use tokio::time::Instant;
use walcast_wire::usage::UsageError;

use super::answer::ApiError;
use super::{Api, BODY_BYTES_MAX};
use crate::config::RestConfig;
use crate::group::Place;
use crate::refusal::Refusal;
use crate::tls;

/// Marks a request that another worker has passed on; it is not passed on again.
const FORWARDED: HeaderName = HeaderName::from_static("walcast-forwarded");

/// Marks an answer of a worker that does not own the connector: nothing was done, and whoever passed
/// the request on looks again.
const MOVING: HeaderName = HeaderName::from_static("walcast-moving");

/// How long a request waits for the group to settle: longer than a dead worker takes to lose its
/// connectors.
const SETTLE_MAX: Duration = Duration::from_secs(20);

/// The same for a request that was passed on: its sender looks again.
const SETTLE_MAX_FORWARDED: Duration = Duration::from_secs(3);

/// How often the coordinator is asked meanwhile.
const ASK_EVERY: Duration = Duration::from_millis(300);

/// Connect's limit for one request.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(90);

/// What of a request its owner needs, and what of the answer its client needs.
const REQUEST_HEADERS: [HeaderName; 4] = [
    header::HOST,
    header::AUTHORIZATION,
    header::CONTENT_TYPE,
    header::ACCEPT,
];
const ANSWER_HEADERS: [HeaderName; 4] = [
    MOVING,
    header::CONTENT_TYPE,
    header::LOCATION,
    header::WWW_AUTHENTICATE,
];

/// Sends requests to other workers.
pub(crate) type Others = Client<HttpsConnector<HttpConnector>, Full<Bytes>>;

/// The client for other workers, which listen as this one does.
///
/// # Errors
/// A [`UsageError`] that names the property whose store cannot be used.
pub(crate) fn others(config: &RestConfig) -> Result<Others, UsageError> {
    let tls = match &config.tls {
        Some(settings) => tls::client(settings)?,
        None => tls::no_client()?,
    };
    let connector = HttpsConnectorBuilder::new()
        .with_tls_config(tls)
        .https_or_http()
        .enable_http1()
        .build();
    Ok(Client::builder(TokioExecutor::new()).build(connector))
}

/// Handles the request here, or has the connector's owner handle it.
pub(super) async fn to_owner(
    State(api): State<Api>,
    params: RawPathParams,
    request: Request,
    next: Next,
) -> Response {
    if !needs_owner(&request) {
        return next.run(request).await;
    }
    let named = params.iter().find(|(key, _)| *key == "name");
    let named = named.map(|(_, name)| name.to_owned());
    let (parts, body) = request.into_parts();
    let Ok(body) = axum::body::to_bytes(body, BODY_BYTES_MAX).await else {
        let text = format!("The request's body is cut short or larger than {BODY_BYTES_MAX} bytes");
        return refuse(Refusal::new(413, text));
    };
    let Some(name) = named.or_else(|| name_in(&body)) else {
        // What is wrong with it, the handler says.
        return next.run(Request::from_parts(parts, body.into())).await;
    };
    match place(&api, &name, &parts, &body).await {
        Ok(None) => next.run(Request::from_parts(parts, body.into())).await,
        Ok(Some(answer)) => answer,
        Err(refusal) => {
            let mut answer = refuse(refusal);
            let one = HeaderValue::from_static("1");
            answer.headers_mut().insert(MOVING, one);
            answer
        }
    }
}

fn refuse(refusal: Refusal) -> Response {
    ApiError::from(refusal).into_response()
}

/// Changes of a connector, and what only its running task knows.
fn needs_owner(request: &Request) -> bool {
    let path = request.uri().path();
    let changes = !matches!(
        *request.method(),
        Method::GET | Method::HEAD | Method::OPTIONS
    );
    path.starts_with("/connectors") && (changes || path.ends_with("/snapshot"))
}

/// The connector that a request to create one names.
fn name_in(body: &[u8]) -> Option<String> {
    let body: serde_json::Value = serde_json::from_slice(body).ok()?;
    Some(body.get("name")?.as_str()?.trim().to_owned())
}

/// The owner's answer; `None` when the owner is this worker.
async fn place(
    api: &Api,
    name: &str,
    parts: &request::Parts,
    body: &Bytes,
) -> Result<Option<Response>, Refusal> {
    let forwarded = parts.headers.contains_key(FORWARDED);
    let longest = if forwarded {
        SETTLE_MAX_FORWARDED
    } else {
        SETTLE_MAX
    };
    let deadline = Instant::now() + longest;
    let mut held = api.shared.places.held();
    let mut afresh = false;
    loop {
        let place = match forwarded && !api.shared.places.is_here(name) {
            true => Ok(Place::Nowhere),
            false => api.shared.places.of(name, afresh).await,
        };
        let refusal = match place {
            Ok(Place::Here) => return Ok(None),
            Ok(Place::At(url)) => match send(api, &url, parts, body).await {
                Ok(answer) if answer.headers().contains_key(MOVING) => Refusal::moving(name),
                Ok(answer) => return Ok(Some(answer)),
                Err(Unsent::NotReached(why)) => broken(&url, &why),
                Err(Unsent::Broken(why)) => return Err(broken(&url, &why)),
            },
            Ok(Place::Nowhere) => {
                refused_for_now(held.borrow_and_update().trouble.as_deref(), name)
            }
            // The coordinator may be starting.
            Err(fault) => Refusal::from(fault),
        };
        if Instant::now() >= deadline {
            return Err(refusal);
        }
        afresh = true;
        // A change of what is held here is looked at sooner.
        let _waited = tokio::time::timeout(ASK_EVERY, held.changed()).await;
    }
}

fn refused_for_now(trouble: Option<&str>, name: &str) -> Refusal {
    match trouble {
        Some(trouble) => {
            Refusal::conflict(format!("Cannot complete request: this worker {trouble}"))
        }
        None => Refusal::moving(name),
    }
}

fn broken(owner: &str, why: &str) -> Refusal {
    Refusal::new(
        500,
        format!(
            "IO Error trying to forward REST request to {owner}: {why}; workers must reach each other at rest.advertised.host.name and rest.advertised.port"
        ),
    )
}

/// Why the owner has not answered.
enum Unsent {
    /// It cannot have seen the request.
    NotReached(String),
    /// It may have.
    Broken(String),
}

async fn send(
    api: &Api,
    url: &str,
    parts: &request::Parts,
    body: &Bytes,
) -> Result<Response, Unsent> {
    let path = parts.uri.path_and_query().map_or("/", |path| path.as_str());
    let mut request = http::Request::new(Full::new(body.clone()));
    *request.method_mut() = parts.method.clone();
    *request.uri_mut() = format!("{url}{path}")
        .parse()
        .map_err(|e: http::uri::InvalidUri| Unsent::Broken(e.to_string()))?;
    *request.headers_mut() = pick(&parts.headers, &REQUEST_HEADERS);
    let one = HeaderValue::from_static("1");
    request.headers_mut().insert(FORWARDED, one);
    let late = || Unsent::Broken(format!("no answer in {} s", ANSWER_TIMEOUT.as_secs()));
    let answer = tokio::time::timeout(ANSWER_TIMEOUT, api.others.request(request)).await;
    let answer = answer.map_err(|_| late())?.map_err(|error| {
        let why = chain(&error);
        match error.is_connect() {
            true => Unsent::NotReached(why),
            false => Unsent::Broken(why),
        }
    })?;
    let (status, headers) = (answer.status(), pick(answer.headers(), &ANSWER_HEADERS));
    let body = answer.into_body().collect().await;
    let body = body.map_err(|error| Unsent::Broken(chain(&error)))?;
    let mut response = Response::new(Body::from(body.to_bytes()));
    *response.status_mut() = status;
    *response.headers_mut() = headers;
    Ok(response)
}

/// An error and its causes in a line.
fn chain(error: &dyn std::error::Error) -> String {
    let causes = std::iter::successors(error.source(), |cause| cause.source());
    causes.fold(error.to_string(), |text, cause| format!("{text}: {cause}"))
}

fn pick(headers: &HeaderMap, wanted: &[HeaderName]) -> HeaderMap {
    let given = |name: &HeaderName| Some((name.clone(), headers.get(name)?.clone()));
    wanted.iter().filter_map(given).collect()
}
