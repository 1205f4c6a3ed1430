//! `Idempotency-Key`: a retried POST or PATCH gives the first answer again.
//!
//! In comes a request with the header. The first one with a key runs; its answer, if it succeeded,
//! is kept in PostgreSQL for a day (status, content type and body; no ETag) and given again to the
//! same request of the same token, with `idempotency-replayed: true`. A refused request changes
//! nothing, so it is simply run again.
//!
//! What if the program dies between the work and the keeping? After `CLAIM_S` the next retry runs:
//! users, assignments and events recognise what they stored, an event without an id gets its id from
//! the key, and an experiment answers 409 because its key is there.
//!
//! Source: <https://datatracker.ietf.org/doc/draft-ietf-httpapi-idempotency-key-header/>.

use std::sync::Arc;

use axum::body::{Body, Bytes, to_bytes};
use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use http::{HeaderName, HeaderValue, Method, StatusCode, header};
use sha2::{Digest, Sha256};

use crate::auth::Caller;
use crate::extract;
use crate::ids::EventId;
use crate::problem::{self, Problem};
use crate::state::App;

const HEADER: HeaderName = HeaderName::from_static("idempotency-key");
const REPLAYED: HeaderName = HeaderName::from_static("idempotency-replayed");

/// Seconds after which a request that never finished loses its claim on the key.
const CLAIM_S: f64 = 60.0;

/// The key of one request, from which ids of events without one are made.
#[derive(Debug, Clone, Copy)]
pub(crate) struct KeySeed([u8; 32]);

impl KeySeed {
    /// The id of the event at `index` in the request's body.
    pub(crate) fn event_id(self, index: usize) -> EventId {
        let digest = Sha256::new()
            .chain_update(self.0)
            .chain_update(index.to_be_bytes());
        EventId::derived(&digest.finalize().into())
    }
}

/// Runs the request, or answers again what its first run answered.
pub(crate) async fn replay(State(app): State<Arc<App>>, request: Request, next: Next) -> Response {
    let writes = matches!(
        *request.method(),
        Method::POST | Method::PATCH | Method::DELETE
    );
    let Some(key) = request.headers().get(HEADER).filter(|_| writes).cloned() else {
        return next.run(request).await;
    };
    match keyed(&app, &key, request, next).await {
        Ok(response) => response,
        Err(problem) => problem.into_response(),
    }
}

async fn keyed(
    app: &App,
    key: &HeaderValue,
    request: Request,
    next: Next,
) -> Result<Response, Problem> {
    let key = key
        .to_str()
        .ok()
        .filter(|key| (1..=255).contains(&key.len()));
    let key = key.ok_or_else(|| {
        Problem::field(
            "Idempotency-Key",
            "must have 1 to 255 visible ASCII characters",
        )
    })?;
    let caller = request.extensions().get::<Arc<Caller>>().cloned();
    let caller = caller.ok_or_else(|| Problem::internal(anyhow::anyhow!("no caller attached")))?;
    let (parts, body) = request.into_parts();
    let body = to_bytes(body, app.config.limits.batch_body_bytes_max)
        .await
        .map_err(|_| extract::too_large())?;
    let path = parts.uri.path_and_query().map_or("", |path| path.as_str());
    let digest = Sha256::new()
        .chain_update(parts.method.as_str())
        .chain_update([0])
        .chain_update(path)
        .chain_update([0])
        .chain_update(&body);
    let claim = Claim {
        app,
        token_id: caller.token_id,
        key,
        fingerprint: digest.finalize().into(),
    };
    if let Some(answered) = claim.take().await? {
        return Ok(answered);
    }
    let mut request = Request::from_parts(parts, Body::from(body));
    request.extensions_mut().insert(claim.seed());
    let (parts, body) = next.run(request).await.into_parts();
    let body = to_bytes(body, usize::MAX)
        .await
        .map_err(Problem::internal)?;
    let content_type = parts.headers.get(header::CONTENT_TYPE);
    if parts.status.is_success() {
        claim.keep(parts.status, content_type, &body).await?;
    } else {
        claim.release().await?;
    }
    Ok(Response::from_parts(parts, Body::from(body)))
}

/// One request's hold on its key.
struct Claim<'a> {
    app: &'a App,
    token_id: i64,
    key: &'a str,
    fingerprint: [u8; 32],
}

/// Inserts the claim or takes over one that has run out; gives nothing when another has it.
const TAKE: &str = "\
INSERT INTO idempotency_keys AS k (token_id, key, fingerprint) VALUES ($1, $2, $3)
ON CONFLICT (token_id, key) DO UPDATE SET claimed_at = now()
    WHERE k.status IS NULL AND k.fingerprint = excluded.fingerprint
      AND k.claimed_at < now() - make_interval(secs => $4)
RETURNING 1";

const READ: &str = "\
SELECT fingerprint = $3 AS same, status, content_type, body
FROM idempotency_keys WHERE token_id = $1 AND key = $2";

const KEEP: &str = "\
UPDATE idempotency_keys SET status = $4, content_type = $5, body = $6
WHERE token_id = $1 AND key = $2 AND fingerprint = $3";

const RELEASE: &str = "\
DELETE FROM idempotency_keys WHERE token_id = $1 AND key = $2 AND fingerprint = $3";

impl Claim<'_> {
    fn seed(&self) -> KeySeed {
        let digest = Sha256::new()
            .chain_update(self.token_id.to_be_bytes())
            .chain_update(self.key)
            .chain_update([0])
            .chain_update(self.fingerprint);
        KeySeed(digest.finalize().into())
    }

    /// `None` when the request is ours to run, else the answer that is there already.
    async fn take(&self) -> Result<Option<Response>, Problem> {
        let fingerprint = self.fingerprint.as_slice();
        let postgres = &self.app.postgres;
        let taken = postgres
            .query(TAKE, &[&self.token_id, &self.key, &fingerprint, &CLAIM_S])
            .await?;
        if !taken.is_empty() {
            return Ok(None);
        }
        let row = postgres
            .query_opt(READ, &[&self.token_id, &self.key, &fingerprint])
            .await?;
        let in_progress = || {
            let detail = "another request with this Idempotency-Key has not finished; try again";
            Problem::new(problem::IN_PROGRESS, detail).retry_after_s(1)
        };
        // Released between the two statements: the retry will find it free.
        let row = row.ok_or_else(in_progress)?;
        if !row.try_get::<_, bool>("same")? {
            let text = "was used for another request; make a new key for each one";
            return Err(Problem::field("Idempotency-Key", text));
        }
        let status: Option<i16> = row.try_get("status")?;
        let status = u16::try_from(status.ok_or_else(in_progress)?).map_err(Problem::internal)?;
        let status = StatusCode::from_u16(status).map_err(Problem::internal)?;
        let body: Option<Vec<u8>> = row.try_get("body")?;
        let mut response = (status, body.unwrap_or_default()).into_response();
        let headers = response.headers_mut();
        headers.remove(header::CONTENT_TYPE);
        if let Some(kind) = row.try_get::<_, Option<String>>("content_type")? {
            let kind = HeaderValue::from_str(&kind).map_err(Problem::internal)?;
            headers.insert(header::CONTENT_TYPE, kind);
        }
        headers.insert(REPLAYED, HeaderValue::from_static("true"));
        Ok(Some(response))
    }

    async fn keep(
        &self,
        status: StatusCode,
        content_type: Option<&HeaderValue>,
        body: &Bytes,
    ) -> Result<(), Problem> {
        let status = i16::try_from(status.as_u16()).map_err(Problem::internal)?;
        let kind = content_type.and_then(|value| value.to_str().ok());
        let fingerprint = self.fingerprint.as_slice();
        let params: [&(dyn tokio_postgres::types::ToSql + Sync); 6] = [
            &self.token_id,
            &self.key,
            &fingerprint,
            &status,
            &kind,
            &body.as_ref(),
        ];
        self.app.postgres.query(KEEP, &params).await?;
        Ok(())
    }

    async fn release(&self) -> Result<(), Problem> {
        let fingerprint = self.fingerprint.as_slice();
        self.app
            .postgres
            .query(RELEASE, &[&self.token_id, &self.key, &fingerprint])
            .await?;
        Ok(())
    }
}
