//! Sessions of each variant: how many, how long, how many events.

use ::clickhouse::Row;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::clickhouse::Clickhouse;
use super::number::{self, ratio};
use crate::experiments::Experiment;
use crate::problem::Problem;

/// Sessions of each variant.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Sessions {
    experiment_id: i64,
    variants: Vec<VariantSessions>,
}

/// Sessions of one variant; events without a session id are left out.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct VariantSessions {
    variant_id: i64,
    variant_key: String,
    is_control: bool,
    /// Distinct pairs of user and session id.
    sessions: u64,
    /// Distinct users with a session.
    users: u64,
    /// Mean number of events.
    #[serde(serialize_with = "number::plain_or_null")]
    events_per_session: Option<f64>,
    /// Mean time from first to last event.
    #[serde(serialize_with = "number::plain_or_null")]
    seconds_per_session: Option<f64>,
    /// Share of sessions with a conversion.
    #[serde(serialize_with = "number::plain_or_null")]
    conversion_rate: Option<f64>,
}

#[derive(Row, Deserialize)]
struct SessionsRow {
    variant_id: i64,
    sessions: u64,
    users: u64,
    events: u64,
    micros: u64,
    converted: u64,
}

const SESSIONS: &str = "\
SELECT variant_id, count() AS sessions, uniqExact(user_id) AS users, sum(n) AS events,
    sum(took) AS micros, countIf(converts) AS converted
FROM (
    SELECT variant_id, user_id, session_id, count() AS n, max(is_conversion) = 1 AS converts,
        toUInt64(toUnixTimestamp64Micro(max(occurred_at)) - toUnixTimestamp64Micro(min(occurred_at)))
            AS took
    FROM events WHERE experiment_id = {experiment:Int64} AND session_id != ''
    GROUP BY variant_id, user_id, session_id)
GROUP BY variant_id";

/// Reads the sessions; variants without any are there with zeros.
pub(super) async fn read(
    clickhouse: &Clickhouse,
    experiment: &Experiment,
) -> Result<Sessions, Problem> {
    let query = clickhouse
        .query(SESSIONS)?
        .param("experiment", experiment.id);
    let rows = clickhouse.rows::<SessionsRow>(query).await?;
    let variants = experiment.variants.iter().map(|variant| {
        let row = rows.iter().find(|row| row.variant_id == variant.id);
        let sessions = row.map_or(0, |row| row.sessions);
        let mean = |sum: fn(&SessionsRow) -> f64| row.and_then(|row| ratio(sum(row), sessions));
        VariantSessions {
            variant_id: variant.id,
            variant_key: variant.key.clone(),
            is_control: variant.is_control,
            sessions,
            users: row.map_or(0, |row| row.users),
            events_per_session: mean(|row| row.events as f64),
            seconds_per_session: mean(|row| row.micros as f64 / 1e6),
            conversion_rate: mean(|row| row.converted as f64),
        }
    });
    Ok(Sessions {
        experiment_id: experiment.id,
        variants: variants.collect(),
    })
}
