//! Events in PostgreSQL: one statement writes rows and outbox rows, one says why not.

use tokio_postgres::Row;
use tokio_postgres::error::SqlState;

use super::body::{Event, NewEvent};
use crate::ids::EventId;
use crate::postgres::{Params, Postgres};
use crate::problem::Problem;
use crate::properties::Properties;

/// Writes the events whose users are assigned, in one transaction with their outbox rows.
///
/// It takes one event or a thousand in one round trip. Each `LIMIT 1` keeps a look-up by key, whatever
/// the planner thinks of the tables' sizes. An id that exists is left alone. Rows go in
/// by id, so that two batches cannot deadlock; outbox rows go in by time.
pub(crate) const RECORD: &str = "\
WITH written AS (
    INSERT INTO events (id, experiment_id, user_id, variant_id, variant_key, event_type,
        properties, session_id, occurred_at)
    SELECT i.id, a.experiment_id, a.user_id, a.variant_id, a.variant_key, i.event_type,
        i.properties::jsonb, i.session_id, coalesce(i.occurred_at, now())
    FROM unnest($1::text[], $2::int8[], $3::text[], $4::text[], $5::text[], $6::text[],
            $7::timestamptz[])
        AS i (id, experiment_id, user_id, event_type, properties, session_id, occurred_at)
    CROSS JOIN LATERAL (
        SELECT FROM experiments WHERE id = i.experiment_id AND status IN ('running', 'paused')
        LIMIT 1) x
    CROSS JOIN LATERAL (
        SELECT * FROM assignments WHERE experiment_id = i.experiment_id AND user_id = i.user_id
        LIMIT 1) a
    ORDER BY i.id
    ON CONFLICT (id) DO NOTHING
    RETURNING id, experiment_id, user_id, variant_id, variant_key, event_type, properties,
        session_id, occurred_at
), outboxed AS (
    INSERT INTO outbox_events (aggregate_type, aggregate_id, event_type, payload)
    SELECT 'event', w.id, 'EVENT_CREATED', jsonb_build_object(
        'id', w.id, 'experiment_id', w.experiment_id, 'user_id', w.user_id,
        'variant_id', w.variant_id, 'variant_key', w.variant_key, 'event_type', w.event_type,
        'properties', w.properties::text, 'session_id', w.session_id,
        'occurred_at', utc_text(w.occurred_at))
    FROM written w ORDER BY w.occurred_at, w.id
)
SELECT id, experiment_id, user_id, variant_id, variant_key, event_type, properties::text,
    session_id, utc_text(occurred_at)
FROM written";

/// What is there for each event that was not written: the event with its id and whether it has the
/// same content (a retry may leave the time to the server again), else what it lacks.
const EXPLAIN: &str = "\
SELECT e.id, e.experiment_id, e.user_id, e.variant_id, e.variant_key, e.event_type,
    e.properties::text, e.session_id, utc_text(e.occurred_at),
    CASE WHEN e.id IS NOT NULL THEN
        e.experiment_id = i.experiment_id AND e.user_id = i.user_id AND e.event_type = i.event_type
        AND e.properties = i.properties::jsonb AND e.session_id IS NOT DISTINCT FROM i.session_id
        AND (i.occurred_at IS NULL OR e.occurred_at = i.occurred_at) END AS same,
    (SELECT status FROM experiments x WHERE x.id = i.experiment_id) AS status,
    EXISTS (SELECT FROM users u WHERE u.id = i.user_id) AS user_exists,
    EXISTS (SELECT FROM assignments a
        WHERE a.experiment_id = i.experiment_id AND a.user_id = i.user_id) AS assigned
FROM unnest($1::text[], $2::int8[], $3::text[], $4::text[], $5::text[], $6::text[],
        $7::timestamptz[]) WITH ORDINALITY
    AS i (id, experiment_id, user_id, event_type, properties, session_id, occurred_at, place)
LEFT JOIN events e ON e.id = i.id
ORDER BY i.place";

const READ: &str = "\
SELECT id, experiment_id, user_id, variant_id, variant_key, event_type, properties::text,
    session_id, utc_text(occurred_at)
FROM events WHERE id = $1";

/// An event whose id is settled.
#[derive(Debug)]
pub(super) struct Identified {
    pub(super) id: EventId,
    pub(super) event: NewEvent,
}

/// What is there for an event that was not written.
pub(super) struct Finding {
    /// The event with the same id, and whether its content is the same.
    pub(super) stored: Option<(Event, bool)>,
    /// The experiment's status; `None` without the experiment.
    pub(super) status: Option<String>,
    pub(super) user_exists: bool,
    pub(super) assigned: bool,
}

/// Stores what can be stored of `events`, whose ids differ, and gives that.
pub(super) async fn record(
    postgres: &Postgres,
    events: &[&Identified],
) -> Result<Vec<Event>, Problem> {
    let rows = match run(postgres, RECORD, events).await {
        Ok(rows) => rows,
        // Rolled back whole, so nothing of it is there: the caller asks why and tries again.
        Err(deadpool_postgres::PoolError::Backend(error))
            if error.code() == Some(&SqlState::T_R_DEADLOCK_DETECTED) =>
        {
            Vec::new()
        }
        Err(error) => return Err(error.into()),
    };
    rows.iter().map(from_row).collect()
}

/// For each of `events`, in their order, what is there.
pub(super) async fn explain(
    postgres: &Postgres,
    events: &[&Identified],
) -> Result<Vec<Finding>, Problem> {
    let rows = run(postgres, EXPLAIN, events).await?;
    rows.iter()
        .map(|row| {
            let same: Option<bool> = row.try_get("same")?;
            Ok(Finding {
                stored: same
                    .map(|same| Ok::<_, Problem>((from_row(row)?, same)))
                    .transpose()?,
                status: row.try_get("status")?,
                user_exists: row.try_get("user_exists")?,
                assigned: row.try_get("assigned")?,
            })
        })
        .collect()
}

/// The event with this id.
pub(super) async fn find(postgres: &Postgres, id: &EventId) -> Result<Event, Problem> {
    let row = postgres.query_opt(READ, &[&id.as_str()]).await?;
    from_row(&row.ok_or_else(|| Problem::not_found("event", id))?)
}

async fn run(
    postgres: &Postgres,
    sql: &str,
    of: &[&Identified],
) -> Result<Vec<Row>, deadpool_postgres::PoolError> {
    let ids: Vec<&str> = of.iter().map(|each| each.id.as_str()).collect();
    let experiments: Vec<i64> = of.iter().map(|each| each.event.experiment_id).collect();
    let users: Vec<&str> = of.iter().map(|each| each.event.user_id.as_str()).collect();
    let types: Vec<&str> = of
        .iter()
        .map(|each| each.event.event_type.as_str())
        .collect();
    let properties: Vec<&str> = of
        .iter()
        .map(|each| each.event.properties.as_str())
        .collect();
    let session = |each: &&'_ Identified| {
        each.event
            .session_id
            .as_ref()
            .map(|id| id.as_str().to_owned())
    };
    let sessions: Vec<Option<String>> = of.iter().map(session).collect();
    let times: Vec<_> = of.iter().map(|each| each.event.occurred_at).collect();
    let params: Params<'_> = &[
        &ids,
        &experiments,
        &users,
        &types,
        &properties,
        &sessions,
        &times,
    ];
    postgres.query(sql, params).await
}

fn from_row(row: &Row) -> Result<Event, Problem> {
    Ok(Event {
        id: row.try_get(0)?,
        experiment_id: row.try_get(1)?,
        user_id: row.try_get(2)?,
        variant_id: row.try_get(3)?,
        variant_key: row.try_get(4)?,
        event_type: row.try_get(5)?,
        properties: Properties::from_database(row.try_get(6)?).map_err(Problem::internal)?,
        session_id: row.try_get(7)?,
        occurred_at: row.try_get(8)?,
    })
}
