//! Who calls, and whether the call is within the token's scope.
//!
//! In comes the `Authorization` header. Out comes a [`Caller`], or 401 (no valid token), 403 (wrong
//! scope) or 429. Tokens are compared by their hash, in constant time, and trusted for
//! `token_cache_ms`, which is therefore how long a revoked one can live on.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::Arc;

use axum::extract::{ConnectInfo, FromRequestParts, Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use http::request::Parts;
use http::{HeaderMap, header};
use moka::sync::Cache;
use subtle::ConstantTimeEq;

use crate::config::LimitsConfig;
use crate::postgres::Postgres;
use crate::problem::{self, Problem};
use crate::state::App;
use crate::token::{Scope, Token};

/// The token that a request came with.
#[derive(Debug)]
pub(crate) struct Caller {
    pub(crate) token_id: i64,
    /// The token's name, for the audit log.
    pub(crate) name: String,
    scope: Scope,
}

/// A stored token.
struct Stored {
    hash: [u8; 32],
    caller: Arc<Caller>,
}

/// Tokens read lately, by prefix; `None` for a prefix that has no row.
pub(crate) struct Tokens {
    known: Cache<String, Option<Arc<Stored>>>,
}

pub(crate) const FIND_TOKEN: &str = "\
SELECT id, name, scope, hash FROM api_tokens
WHERE prefix = $1 AND revoked_at IS NULL AND (expires_at IS NULL OR expires_at > now())";

impl Tokens {
    pub(crate) fn new(config: &LimitsConfig) -> Self {
        let known = Cache::builder()
            .max_capacity(10_000)
            .time_to_live(config.token_cache)
            .build();
        Self { known }
    }

    async fn find(&self, app: &App, token: &Token, from: IpAddr) -> Result<Arc<Caller>, Problem> {
        let stored = match self.known.get(token.prefix()) {
            Some(stored) => stored,
            None => {
                app.limits.count_unknown(from)?;
                let stored = load(&app.postgres, token.prefix()).await?.map(Arc::new);
                self.known.insert(token.prefix().to_owned(), stored.clone());
                stored
            }
        };
        let stored = stored.ok_or_else(unknown)?;
        if bool::from(stored.hash.ct_eq(&token.hash())) {
            return Ok(Arc::clone(&stored.caller));
        }
        Err(unknown())
    }
}

/// Lets a request with a valid token through, with its [`Caller`] attached.
pub(crate) async fn authenticate(
    State(app): State<Arc<App>>,
    mut request: Request,
    next: Next,
) -> Response {
    let peer = request.extensions().get::<ConnectInfo<SocketAddr>>();
    let from = peer.map_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED), |info| info.0.ip());
    let caller = match bearer(request.headers()) {
        Ok(token) => app.tokens.find(&app, &token, from).await,
        Err(problem) => Err(problem),
    };
    match caller.and_then(|caller| app.limits.count_token(caller.token_id).map(|()| caller)) {
        Ok(caller) => {
            request.extensions_mut().insert(caller);
            next.run(request).await
        }
        Err(problem) => problem.into_response(),
    }
}

async fn load(postgres: &Postgres, prefix: &str) -> Result<Option<Stored>, Problem> {
    let Some(row) = postgres.query_opt(FIND_TOKEN, &[&prefix]).await? else {
        return Ok(None);
    };
    let hash: Vec<u8> = row.try_get("hash")?;
    let scope: String = row.try_get("scope")?;
    let broken = || Problem::internal(anyhow::anyhow!("api_tokens holds a row of unknown form"));
    Ok(Some(Stored {
        hash: hash.try_into().map_err(|_| broken())?,
        caller: Arc::new(Caller {
            token_id: row.try_get("id")?,
            name: row.try_get("name")?,
            scope: Scope::parse(&scope).ok_or_else(broken)?,
        }),
    }))
}

fn bearer(headers: &HeaderMap) -> Result<Token, Problem> {
    let Some(value) = headers.get(header::AUTHORIZATION) else {
        let detail =
            "send the header `Authorization: Bearer TOKEN`; `walcast token create` makes tokens";
        return Err(Problem::new(problem::UNAUTHORIZED, detail));
    };
    let text = value.to_str().ok().and_then(|text| {
        let (scheme, token) = text.split_once(' ')?;
        scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
    });
    text.and_then(Token::parse).ok_or_else(unknown)
}

fn unknown() -> Problem {
    Problem::new(
        problem::UNAUTHORIZED,
        "the token is unknown, expired or revoked",
    )
}

macro_rules! scoped {
    ($(#[$doc:meta])* $name:ident, $scope:ident) => {
        $(#[$doc])*
        pub(crate) struct $name(pub(crate) Arc<Caller>);

        impl<S: Send + Sync> FromRequestParts<S> for $name {
            type Rejection = Problem;

            async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
                within_scope(parts, Scope::$scope).map(Self)
            }
        }
    };
}

/// A caller that may read.
pub(crate) struct Reader;

impl<S: Send + Sync> FromRequestParts<S> for Reader {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        within_scope(parts, Scope::Read).map(|_| Self)
    }
}

scoped!(
    /// A caller that may write users, assignments and events.
    Writer,
    Write
);
scoped!(
    /// A caller that may manage experiments.
    Admin,
    Admin
);

fn within_scope(parts: &Parts, needed: Scope) -> Result<Arc<Caller>, Problem> {
    let caller = parts.extensions.get::<Arc<Caller>>().ok_or_else(unknown)?;
    if caller.scope >= needed {
        return Ok(Arc::clone(caller));
    }
    let (has, needs) = (caller.scope.as_str(), needed.as_str());
    let detail = format!("the token's scope is {has}; this needs {needs}");
    Err(Problem::new(problem::FORBIDDEN, detail))
}
