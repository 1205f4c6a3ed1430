//! One user's way through an experiment, in time order.

use ::clickhouse::Row;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::clickhouse::Clickhouse;
use super::number;
use crate::problem::Problem;
use crate::properties::Properties;

/// Events given at most; the totals cover all.
const EVENTS_MAX: u64 = 1_000;

/// One user's way.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Journey {
    user_id: String,
    variant_key: String,
    /// The first 1,000 events, in the order of their time.
    journey: Vec<JourneyEvent>,
    total_events: u64,
    /// Sum of the `value` of all events, exact to nine decimals.
    #[serde(serialize_with = "number::plain")]
    total_value: f64,
    /// Highest `score` of a conversion; `null` without one.
    #[serde(serialize_with = "number::plain_or_null")]
    conversion_score: Option<f64>,
    /// Distinct session ids.
    sessions: u64,
}

/// One step on the way.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct JourneyEvent {
    id: String,
    event_type: String,
    /// RFC 3339, UTC, microseconds.
    occurred_at: String,
    session_id: Option<String>,
    page: Option<String>,
    #[serde(serialize_with = "number::plain_or_null")]
    value: Option<f64>,
    #[serde(serialize_with = "number::plain_or_null")]
    score: Option<f64>,
    currency: Option<String>,
    /// Seconds.
    #[serde(serialize_with = "number::plain_or_null")]
    duration: Option<f64>,
    properties: Properties,
}

#[derive(Row, Deserialize)]
struct Totals {
    events: u64,
    value: f64,
    score: Option<f64>,
    sessions: u64,
}

#[derive(Row, Deserialize)]
struct Step {
    id: String,
    event_type: String,
    at: String,
    session_id: String,
    page: String,
    value: Option<f64>,
    score: Option<f64>,
    currency: String,
    duration: Option<f64>,
    properties: String,
}

// Sums of decimal text are exact: sums of doubles print as 0.30000000000000004.
const TOTALS: &str = "\
SELECT count() AS events,
    toFloat64(sum(toDecimal256OrZero(toString(ifNull(value, 0)), 9))) AS value,
    maxIf(score, is_conversion = 1) AS score,
    uniqExactIf(session_id, session_id != '') AS sessions
FROM events WHERE experiment_id = {experiment:Int64} AND user_id = {user:String}";

const STEPS: &str = "\
SELECT id, toString(event_type) AS event_type,
    formatDateTime(occurred_at, '%Y-%m-%dT%H:%i:%S.%fZ') AS at, session_id, toString(page) AS page,
    value, score, toString(currency) AS currency, duration, properties
FROM events WHERE experiment_id = {experiment:Int64} AND user_id = {user:String}
ORDER BY occurred_at, id LIMIT {limit:UInt64}";

/// Reads the way of a user who is in variant `variant_key`.
pub(super) async fn read(
    clickhouse: &Clickhouse,
    experiment_id: i64,
    user_id: &str,
    variant_key: String,
) -> Result<Journey, Problem> {
    let of = |sql: &str| {
        let query = clickhouse.query(sql)?;
        Ok::<_, Problem>(
            query
                .param("experiment", experiment_id)
                .param("user", user_id),
        )
    };
    let (totals, steps) = tokio::try_join!(
        clickhouse.rows::<Totals>(of(TOTALS)?),
        clickhouse.rows::<Step>(of(STEPS)?.param("limit", EVENTS_MAX)),
    )?;
    let missing = || Problem::internal(anyhow::anyhow!("an aggregate query gave no row"));
    let totals = totals.into_iter().next().ok_or_else(missing)?;
    Ok(Journey {
        user_id: user_id.to_owned(),
        variant_key,
        journey: steps
            .into_iter()
            .map(JourneyEvent::from_row)
            .collect::<Result<_, _>>()?,
        total_events: totals.events,
        total_value: totals.value,
        conversion_score: totals.score,
        sessions: totals.sessions,
    })
}

impl JourneyEvent {
    fn from_row(row: Step) -> Result<Self, Problem> {
        let some = |text: String| (!text.is_empty()).then_some(text);
        Ok(Self {
            id: row.id,
            event_type: row.event_type,
            occurred_at: row.at,
            session_id: some(row.session_id),
            page: some(row.page),
            value: row.value,
            score: row.score,
            currency: some(row.currency),
            duration: row.duration,
            properties: Properties::from_database(row.properties).map_err(Problem::internal)?,
        })
    }
}
