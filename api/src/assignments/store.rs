//! Assignments in PostgreSQL: one statement writes rows and outbox rows, one says why not.

use tokio_postgres::Row;

use super::body::Assignment;
use crate::experiments::Experiment;
use crate::ids::UserId;
use crate::postgres::{Params, Postgres};
use crate::problem::Problem;

/// Writes the new assignments of `$3` (user, variant) in one transaction with their outbox rows, if
/// the experiment `$1` still has version `$2` and runs, and gives these and the known ones.
///
/// A user without a variant (kept out by the gate) is only looked up. Known rows are looked for
/// first, so that they use up no id. Rows go in by user id, so that two batches cannot deadlock.
pub(crate) const RECORD: &str = "\
WITH input AS (
    SELECT * FROM unnest($3::text[], $4::int8[], $5::text[]) AS i (user_id, variant_id, variant_key)
), known AS (
    SELECT a.* FROM input i CROSS JOIN LATERAL (
        SELECT * FROM assignments WHERE experiment_id = $1 AND user_id = i.user_id LIMIT 1) a
), written AS (
    INSERT INTO assignments (experiment_id, user_id, variant_id, variant_key)
    SELECT x.id, u.id, i.variant_id, i.variant_key
    FROM input i
    JOIN experiments x ON x.id = $1 AND x.version = $2 AND x.status = 'running'
    CROSS JOIN LATERAL (SELECT id FROM users WHERE id = i.user_id LIMIT 1) u
    WHERE i.variant_id IS NOT NULL AND NOT EXISTS (SELECT FROM known k WHERE k.user_id = i.user_id)
    ORDER BY u.id
    ON CONFLICT (experiment_id, user_id) DO NOTHING
    RETURNING *
), outboxed AS (
    INSERT INTO outbox_events (aggregate_type, aggregate_id, event_type, payload)
    SELECT 'assignment', w.id::text, 'ASSIGNMENT_CREATED', jsonb_build_object(
        'id', w.id, 'experiment_id', w.experiment_id, 'user_id', w.user_id,
        'variant_id', w.variant_id, 'variant_key', w.variant_key,
        'assigned_at', utc_text(w.assigned_at))
    FROM written w ORDER BY w.id
)
SELECT true AS new, id, user_id, variant_id, variant_key, utc_text(assigned_at) FROM written
UNION ALL
SELECT false, id, user_id, variant_id, variant_key, utc_text(assigned_at) FROM known";

/// Which of the users `$1` exist.
const USERS: &str = "SELECT id FROM users WHERE id = ANY($1::text[])";

const LIST: &str = "\
SELECT false, id, user_id, variant_id, variant_key, utc_text(assigned_at)
FROM assignments WHERE experiment_id = $1 AND user_id > $2 ORDER BY user_id LIMIT $3";

const VARIANT_KEY: &str = "\
SELECT variant_key FROM assignments WHERE experiment_id = $1 AND user_id = $2";

/// A user and the variant decided for it; `None` when the gate keeps the user out.
#[derive(Debug, Clone, Copy)]
pub(super) struct Draw<'a> {
    pub(super) user_id: &'a str,
    pub(super) variant: Option<(i64, &'a str)>,
}

/// A stored assignment, and whether this call wrote it.
pub(super) struct Stored {
    pub(super) new: bool,
    pub(super) assignment: Assignment,
}

/// Stores what is new of `draws`; a draw without an answer was not written, for whatever reason.
pub(super) async fn record(
    postgres: &Postgres,
    experiment: &Experiment,
    draws: &[Draw<'_>],
) -> Result<Vec<Stored>, Problem> {
    let users: Vec<&str> = draws.iter().map(|draw| draw.user_id).collect();
    let ids: Vec<Option<i64>> = draws
        .iter()
        .map(|draw| draw.variant.map(|(id, _)| id))
        .collect();
    let keys: Vec<Option<&str>> = draws
        .iter()
        .map(|draw| draw.variant.map(|(_, key)| key))
        .collect();
    let params: Params<'_> = &[&experiment.id, &experiment.version, &users, &ids, &keys];
    let rows = postgres.query(RECORD, params).await?;
    rows.iter()
        .map(|row| from_row(experiment.id, row))
        .collect()
}

/// Those of `users` that exist.
pub(super) async fn existing(postgres: &Postgres, users: &[&str]) -> Result<Vec<String>, Problem> {
    let rows = postgres.query(USERS, &[&users]).await?;
    Ok(rows
        .iter()
        .map(|row| row.try_get(0))
        .collect::<Result<_, _>>()?)
}

/// Up to `limit` assignments of users after `after`.
pub(super) async fn list(
    postgres: &Postgres,
    experiment_id: i64,
    after: &str,
    limit: i64,
) -> Result<Vec<Assignment>, Problem> {
    let rows = postgres
        .query(LIST, &[&experiment_id, &after, &limit])
        .await?;
    rows.iter()
        .map(|row| Ok(from_row(experiment_id, row)?.assignment))
        .collect()
}

/// The key of the variant that the user is in.
pub(crate) async fn variant_key(
    postgres: &Postgres,
    experiment_id: i64,
    user_id: &UserId,
) -> Result<String, Problem> {
    let row = postgres
        .query_opt(VARIANT_KEY, &[&experiment_id, &user_id.as_str()])
        .await?;
    let missing = || {
        Problem::not_found(
            "assignment",
            format!("of user {user_id} in experiment {experiment_id}"),
        )
    };
    Ok(row.ok_or_else(missing)?.try_get(0)?)
}

fn from_row(experiment_id: i64, row: &Row) -> Result<Stored, Problem> {
    Ok(Stored {
        new: row.try_get(0)?,
        assignment: Assignment {
            experiment_id,
            id: row.try_get(1)?,
            user_id: row.try_get(2)?,
            variant_id: row.try_get(3)?,
            variant_key: row.try_get(4)?,
            assigned_at: row.try_get(5)?,
        },
    })
}
