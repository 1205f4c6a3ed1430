//! Users: ids of the caller's own, with attributes. Changes go to the audit log, not to the outbox.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use http::StatusCode;
use serde::{Deserialize, Serialize};
use tokio_postgres::Row;
use utoipa::ToSchema;

use crate::auth::{Reader, Writer};
use crate::extract::{JsonBody, UrlPath, UrlQuery};
use crate::ids::UserId;
use crate::openapi::Problems;
use crate::page::{Page, PageQuery};
use crate::problem::Problem;
use crate::properties::Properties;
use crate::state::App;

/// A user to be known.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct NewUser {
    id: UserId,
    /// Anything worth knowing about the user.
    #[serde(default)]
    attributes: Properties,
}

/// What to change of a user.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct UserChange {
    /// Replaces all attributes.
    attributes: Properties,
}

/// A user.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct User {
    id: String,
    attributes: Properties,
    /// RFC 3339, UTC.
    created_at: String,
    /// RFC 3339, UTC.
    updated_at: String,
}

const CREATE: &str = "\
WITH written AS (
    INSERT INTO users (id, attributes) VALUES ($1, $2::text::jsonb)
    ON CONFLICT (id) DO NOTHING RETURNING *
), audited AS (
    INSERT INTO audit_log (actor, action, entity_type, entity_id)
    SELECT $3, 'create', 'user', id FROM written
)
SELECT id, attributes::text, utc_text(created_at), utc_text(updated_at) FROM written";

const CHANGE: &str = "\
WITH written AS (
    UPDATE users SET attributes = $2::text::jsonb, updated_at = now() WHERE id = $1 RETURNING *
), audited AS (
    INSERT INTO audit_log (actor, action, entity_type, entity_id)
    SELECT $3, 'change', 'user', id FROM written
)
SELECT id, attributes::text, utc_text(created_at), utc_text(updated_at) FROM written";

const READ: &str = "\
SELECT id, attributes::text, utc_text(created_at), utc_text(updated_at) FROM users WHERE id = $1";

const LIST: &str = "\
SELECT id, attributes::text, utc_text(created_at), utc_text(updated_at)
FROM users WHERE id > $1 ORDER BY id LIMIT $2";

/// Make a user known.
///
/// A user that is there already is answered with 200, unchanged.
#[utoipa::path(post, operation_id = "createUser", path = "/v1/users", tag = "users", request_body = NewUser, responses(
    (status = 201, description = "Created", body = User),
    (status = 200, description = "There already", body = User), Problems))]
pub(crate) async fn create(
    Writer(caller): Writer,
    State(app): State<Arc<App>>,
    JsonBody(new): JsonBody<NewUser>,
) -> Result<(StatusCode, Json<User>), Problem> {
    fits(&app, &new.attributes)?;
    let (id, attributes) = (new.id.as_str(), new.attributes.as_str());
    let written = app
        .postgres
        .query_opt(CREATE, &[&id, &attributes, &caller.name])
        .await?;
    if let Some(row) = written {
        return Ok((StatusCode::CREATED, Json(User::from_row(&row)?)));
    }
    Ok((StatusCode::OK, Json(find(&app, &new.id).await?)))
}

/// A user.
#[utoipa::path(get, operation_id = "getUser", path = "/v1/users/{user_id}", tag = "users",
    params(("user_id" = String, Path)), responses((status = 200, description = "OK", body = User), Problems))]
pub(crate) async fn read(
    _: Reader,
    State(app): State<Arc<App>>,
    UrlPath(id): UrlPath<UserId>,
) -> Result<Json<User>, Problem> {
    find(&app, &id).await.map(Json)
}

/// Users in the order of their ids.
#[utoipa::path(get, operation_id = "listUsers", path = "/v1/users", tag = "users", params(PageQuery),
    responses((status = 200, description = "OK", body = Page<User>), Problems))]
pub(crate) async fn list(
    _: Reader,
    State(app): State<Arc<App>>,
    UrlQuery(query): UrlQuery<PageQuery>,
) -> Result<Json<Page<User>>, Problem> {
    let (limit, after) = (query.limit()?, query.after()?.unwrap_or_default());
    let rows = app.postgres.query(LIST, &[&after, &(limit + 1)]).await?;
    let users = rows.iter().map(User::from_row).collect::<Result<_, _>>()?;
    Ok(Json(Page::new(users, limit, |user| user.id.clone())))
}

/// Replace a user's attributes.
#[utoipa::path(patch, operation_id = "changeUser", path = "/v1/users/{user_id}", tag = "users",
    params(("user_id" = String, Path)), request_body = UserChange,
    responses((status = 200, description = "OK", body = User), Problems))]
pub(crate) async fn change(
    Writer(caller): Writer,
    State(app): State<Arc<App>>,
    UrlPath(id): UrlPath<UserId>,
    JsonBody(change): JsonBody<UserChange>,
) -> Result<Json<User>, Problem> {
    fits(&app, &change.attributes)?;
    let params = (id.as_str(), change.attributes.as_str());
    let written = app
        .postgres
        .query_opt(CHANGE, &[&params.0, &params.1, &caller.name])
        .await?;
    let row = written.ok_or_else(|| Problem::not_found("user", &id))?;
    User::from_row(&row).map(Json)
}

async fn find(app: &App, id: &UserId) -> Result<User, Problem> {
    let row = app.postgres.query_opt(READ, &[&id.as_str()]).await?;
    User::from_row(&row.ok_or_else(|| Problem::not_found("user", id))?)
}

fn fits(app: &App, attributes: &Properties) -> Result<(), Problem> {
    attributes.fit("attributes", app.config.limits.properties_bytes_max)
}

impl User {
    fn from_row(row: &Row) -> Result<Self, Problem> {
        Ok(Self {
            id: row.try_get(0)?,
            attributes: Properties::from_database(row.try_get(1)?).map_err(Problem::internal)?,
            created_at: row.try_get(2)?,
            updated_at: row.try_get(3)?,
        })
    }
}
