//! Basic authentication, as Kafka Connect's `JaasBasicAuthFilter` has it.
//!
//! A request enters, and goes on when its credentials are a user's. Otherwise it is answered here with
//! Connect's 401. `/health` and `/metrics` ask for credentials as every other path does.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use axum::middleware::Next;
use axum::response::Response;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use sha2::{Digest, Sha256};
use subtle::{Choice, ConstantTimeEq};

use crate::config::User;

/// The users, hashed so that a comparison takes as long whatever is given.
#[derive(Clone)]
pub(super) struct Users(Arc<[[[u8; 32]; 2]]>);

impl Users {
    pub(super) fn new(users: &[User]) -> Self {
        let hashed = users
            .iter()
            .map(|user| [hash(&user.name), hash(user.password.reveal())]);
        Self(hashed.collect())
    }

    /// Whether the headers hold a user's name and password. All users are compared always.
    fn admit(&self, headers: &HeaderMap) -> bool {
        let Some((name, password)) = credentials(headers) else {
            return false;
        };
        let (name, password) = (hash(&name), hash(&password));
        let known = self.0.iter().fold(Choice::from(0), |known, [n, p]| {
            known | (n.ct_eq(&name) & p.ct_eq(&password))
        });
        known.into()
    }
}

fn hash(text: &str) -> [u8; 32] {
    Sha256::digest(text.as_bytes()).into()
}

/// Lets users through, answers everybody else. A method that the path does not take is told so first,
/// as Connect does.
pub(super) async fn check(State(users): State<Users>, request: Request, next: Next) -> Response {
    if users.admit(request.headers()) {
        return next.run(request).await;
    }
    let method = request.method().clone();
    if method == Method::OPTIONS {
        return unauthorized("text/plain");
    }
    // No path takes this method, so no handler is asked, and the answer says what the path takes.
    let mut probe = Request::new(Body::empty());
    *probe.method_mut() = Method::TRACE;
    *probe.uri_mut() = request.uri().clone();
    *probe.extensions_mut() = request.extensions().clone();
    let taken = next.run(probe).await;
    let methods = taken.headers().get(header::ALLOW);
    let methods = methods.and_then(|m| m.to_str().ok()).unwrap_or_default();
    if !methods.split(',').any(|m| m.trim() == method.as_str()) {
        return taken;
    }
    tracing::debug!("a request without a user's credentials was refused");
    unauthorized("application/json")
}

/// Connect's answer: it names no scheme (`WWW-Authenticate`), so browsers ask nobody.
fn unauthorized(media: &'static str) -> Response {
    let mut response = Response::new(Body::from("User cannot access the resource."));
    *response.status_mut() = StatusCode::UNAUTHORIZED;
    let media = HeaderValue::from_static(media);
    response.headers_mut().insert(header::CONTENT_TYPE, media);
    response
}

/// Name and password of an `Authorization: Basic` header.
fn credentials(headers: &HeaderMap) -> Option<(String, String)> {
    let value = headers.get(header::AUTHORIZATION)?.to_str().ok()?;
    let (scheme, encoded) = value.split_once(' ')?;
    if !scheme.eq_ignore_ascii_case("basic") {
        return None;
    }
    let decoded = STANDARD.decode(encoded.trim()).ok()?;
    let text = String::from_utf8(decoded).ok()?;
    let (name, password) = text.split_once(':')?;
    (!name.is_empty()).then(|| (name.to_owned(), password.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Secret;

    fn admits(value: &str) -> bool {
        let users = [("ann", "p:w"), ("bob", "")].map(|(name, password)| User {
            name: name.into(),
            password: Secret::new(password),
        });
        let headers = [(header::AUTHORIZATION, value.parse().unwrap())];
        Users::new(&users).admit(&headers.into_iter().collect())
    }

    fn basic(text: &str) -> String {
        format!("Basic {}", STANDARD.encode(text))
    }

    #[test]
    fn a_users_name_and_password_are_taken_whole() {
        assert!(admits(&basic("ann:p:w")) && admits(&basic("bob:")));
        assert!(admits(&basic("ann:p:w").replace("Basic", "bAsIc")));
        for text in [
            "ann:", "ann:p", "ann:p:w ", "Ann:p:w", "ann", ":p:w", "", "bob:p:w", "x:y",
        ] {
            assert!(!admits(&basic(text)), "{text}");
        }
        for value in ["", "Basic", "Basic !", "Bearer YW5uOnA6dw==", "Basic /w=="] {
            assert!(!admits(value), "{value}");
        }
        assert!(!Users::new(&[]).admit(&HeaderMap::new()));
    }
}
