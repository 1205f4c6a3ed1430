//! Events, users and conversions of each variant by hour or day.

use ::clickhouse::Row;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::clickhouse::Clickhouse;
use super::number;
use crate::experiments::Experiment;
use crate::problem::Problem;

/// Points given at most, the newest ones: a year of days, or six weeks of hours.
const POINTS_MAX: u64 = 1_000;

/// The length of a point in time.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Interval {
    Hour,
    #[default]
    Day,
}

/// What happened over time.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Timeseries {
    experiment_id: i64,
    interval: Interval,
    variants: Vec<VariantTimeseries>,
}

/// What happened over time in one variant.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct VariantTimeseries {
    variant_id: i64,
    variant_key: String,
    is_control: bool,
    /// Hours or days in which something happened, oldest first, the newest 1,000.
    points: Vec<Point>,
}

/// One hour or day.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Point {
    /// Its start: RFC 3339, UTC.
    at: String,
    events: u64,
    /// Distinct users.
    users: u64,
    exposures: u64,
    conversions: u64,
    /// Sum of `value`.
    #[serde(serialize_with = "number::plain")]
    value: f64,
}

#[derive(Row, Deserialize)]
struct PointRow {
    variant_id: i64,
    at: String,
    events: u64,
    users: u64,
    exposures: u64,
    conversions: u64,
    value: f64,
}

/// Reads the series; variants without events are there without points.
pub(super) async fn read(
    clickhouse: &Clickhouse,
    experiment: &Experiment,
    interval: Interval,
) -> Result<Timeseries, Problem> {
    let start = match interval {
        Interval::Hour => "toStartOfHour(occurred_at, 'UTC')",
        Interval::Day => "toStartOfDay(occurred_at, 'UTC')",
    };
    let sql = format!(
        "SELECT variant_id, formatDateTime({start}, '%Y-%m-%dT%H:%i:%SZ', 'UTC') AS at, \
             count() AS events, uniqExact(user_id) AS users, countIf(is_exposure = 1) AS exposures, \
             countIf(is_conversion = 1) AS conversions, \
             toFloat64(sum(toDecimal256OrZero(toString(ifNull(value, 0)), 9))) AS value \
         FROM events WHERE experiment_id = {{experiment:Int64}} \
         GROUP BY variant_id, at ORDER BY at DESC LIMIT {{limit:UInt64}} BY variant_id"
    );
    let query = clickhouse.query(&sql)?.param("experiment", experiment.id);
    let mut rows = clickhouse
        .rows::<PointRow>(query.param("limit", POINTS_MAX))
        .await?;
    rows.reverse();
    let mut variants: Vec<VariantTimeseries> = experiment
        .variants
        .iter()
        .map(|variant| VariantTimeseries {
            variant_id: variant.id,
            variant_key: variant.key.clone(),
            is_control: variant.is_control,
            points: Vec::new(),
        })
        .collect();
    for row in rows {
        let PointRow {
            variant_id,
            at,
            events,
            users,
            exposures,
            conversions,
            value,
        } = row;
        if let Some(variant) = variants
            .iter_mut()
            .find(|each| each.variant_id == variant_id)
        {
            variant.points.push(Point {
                at,
                events,
                users,
                exposures,
                conversions,
                value,
            });
        }
    }
    Ok(Timeseries {
        experiment_id: experiment.id,
        interval,
        variants,
    })
}
