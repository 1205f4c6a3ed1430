//! Conversion and value per exposed user of each variant, with the difference to the control.

use ::clickhouse::Row;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::clickhouse::Clickhouse;
use super::number;
use super::welch::{self, Difference, Sample};
use crate::experiments::Experiment;
use crate::problem::Problem;

/// What came of the experiment.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Results {
    experiment_id: i64,
    /// What counts.
    rule: &'static str,
    /// How differences were tested.
    method: &'static str,
    variants: Vec<VariantResults>,
}

/// What came of one variant.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct VariantResults {
    variant_id: i64,
    variant_key: String,
    is_control: bool,
    exposed_users: u64,
    converted_users: u64,
    /// Whether an exposed user converts.
    conversion: Metric,
    /// Sum of `value` of an exposed user's conversions.
    value: Metric,
}

/// A mean over exposed users.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Metric {
    /// `null` without exposed users.
    #[serde(serialize_with = "number::plain_or_null")]
    mean: Option<f64>,
    /// `null` with fewer than two exposed users.
    #[serde(serialize_with = "number::plain_or_null")]
    standard_deviation: Option<f64>,
    /// To the control; `null` for the control, and where too little is known.
    difference: Option<Difference>,
}

#[derive(Row, Deserialize)]
struct ResultsRow {
    variant_id: i64,
    users: u64,
    converted: u64,
    value_mean: f64,
    value_variance: f64,
}

const RESULTS: &str = "\
SELECT variant_id, count() AS users, countIf(converts) AS converted, avg(earned) AS value_mean,
    if(count() > 1, varSampStable(earned), 0.) AS value_variance
FROM (
    SELECT variant_id, user_id, minIf(occurred_at, is_exposure = 1) AS exposed_at,
        arrayFilter(c -> c.1 >= exposed_at,
            groupArrayIf((occurred_at, ifNull(value, 0.)), is_conversion = 1)) AS conversions,
        notEmpty(conversions) AS converts, arraySum(arrayMap(c -> c.2, conversions)) AS earned
    FROM events WHERE experiment_id = {experiment:Int64}
    GROUP BY variant_id, user_id HAVING countIf(is_exposure = 1) > 0)
GROUP BY variant_id";

/// Reads the results; variants without exposed users are there with `null`.
pub(super) async fn read(
    clickhouse: &Clickhouse,
    experiment: &Experiment,
) -> Result<Results, Problem> {
    let query = clickhouse
        .query(RESULTS)?
        .param("experiment", experiment.id);
    let rows = clickhouse.rows::<ResultsRow>(query).await?;
    let of = |variant_id: i64| rows.iter().find(|row| row.variant_id == variant_id);
    let control = experiment
        .variants
        .iter()
        .find(|v| v.is_control)
        .and_then(|v| of(v.id));
    let variants = experiment.variants.iter().map(|variant| {
        let row = of(variant.id);
        let control = control.filter(|_| !variant.is_control);
        VariantResults {
            variant_id: variant.id,
            variant_key: variant.key.clone(),
            is_control: variant.is_control,
            exposed_users: row.map_or(0, |row| row.users),
            converted_users: row.map_or(0, |row| row.converted),
            conversion: metric(row.map(conversion), control.map(conversion)),
            value: metric(row.map(value), control.map(value)),
        }
    });
    Ok(Results {
        experiment_id: experiment.id,
        rule: "conversions at or after the user's first exposure, over users with an event exposure",
        method: "Welch's t, two-sided, 95 % interval, for one look at a fixed horizon",
        variants: variants.collect(),
    })
}

fn conversion(row: &ResultsRow) -> Sample {
    let n = row.users as f64;
    let mean = row.converted as f64 / n;
    let variance = if row.users > 1 {
        mean * (1.0 - mean) * n / (n - 1.0)
    } else {
        0.0
    };
    Sample {
        n: row.users,
        mean,
        variance,
    }
}

fn value(row: &ResultsRow) -> Sample {
    Sample {
        n: row.users,
        mean: row.value_mean,
        variance: row.value_variance,
    }
}

fn metric(sample: Option<Sample>, control: Option<Sample>) -> Metric {
    Metric {
        mean: sample.map(|sample| sample.mean),
        standard_deviation: sample
            .filter(|s| s.n > 1)
            .map(|sample| sample.variance.sqrt()),
        difference: sample
            .zip(control)
            .and_then(|(one, other)| welch::difference(one, other)),
    }
}
