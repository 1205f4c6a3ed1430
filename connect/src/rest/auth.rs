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

/// Lets users through to a handler, answers everybody else. What no handler takes does not come here:
/// Connect too says first that there is no such path or method.
pub(super) async fn check(State(users): State<Users>, request: Request, next: Next) -> Response {
    if users.admit(request.headers()) {
        return next.run(request).await;
    }
    tracing::debug!("a request without a user's credentials was refused");
    unauthorized("application/json")
}

/// The same for OPTIONS, which has no handler of its own.
pub(super) async fn check_options(
    State(users): State<Users>,
    request: Request,
    next: Next,
) -> Response {
    let refused = request.method() == Method::OPTIONS && !users.admit(request.headers());
    let response = next.run(request).await;
    if refused && response.status() == StatusCode::OK {
        return unauthorized("text/plain");
    }
    response
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
