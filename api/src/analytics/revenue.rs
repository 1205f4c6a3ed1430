//! What each variant earned: the `value` of conversions, by currency, per exposed user.

use ::clickhouse::Row;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::breakdown::{EXPOSED, UsersRow, users};
use super::clickhouse::Clickhouse;
use super::number::{self, ratio};
use crate::experiments::Experiment;
use crate::problem::Problem;

/// Revenue of each variant.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Revenue {
    experiment_id: i64,
    /// What counts.
    rule: &'static str,
    variants: Vec<VariantRevenue>,
}

/// Revenue of one variant.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct VariantRevenue {
    variant_id: i64,
    variant_key: String,
    is_control: bool,
    exposed_users: u64,
    /// One item per currency.
    revenue: Vec<CurrencyRevenue>,
}

/// Revenue in one currency.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct CurrencyRevenue {
    /// Empty for conversions without one.
    currency: String,
    #[serde(serialize_with = "number::plain")]
    revenue: f64,
    /// Conversions with a value.
    orders: u64,
    /// Distinct users among them.
    buyers: u64,
    /// Over all exposed users, buyers or not.
    #[serde(serialize_with = "number::plain_or_null")]
    revenue_per_exposed_user: Option<f64>,
    #[serde(serialize_with = "number::plain_or_null")]
    average_order_value: Option<f64>,
}

#[derive(Row, Deserialize)]
struct CurrencyRow {
    variant_id: i64,
    currency: String,
    revenue: f64,
    orders: u64,
    buyers: u64,
}

const REVENUE: &str = "\
SELECT variant_id, toString(currency) AS currency,
    toFloat64(sum(toDecimal256OrZero(toString(ifNull(value, 0)), 9))) AS revenue,
    count() AS orders, uniqExact(user_id) AS buyers
FROM events INNER JOIN (
    SELECT user_id, min(occurred_at) AS exposed_at FROM events
    WHERE experiment_id = {experiment:Int64} AND is_exposure = 1 GROUP BY user_id
) AS exposure USING (user_id)
WHERE experiment_id = {experiment:Int64} AND is_conversion = 1 AND value IS NOT NULL
    AND occurred_at >= exposed_at
GROUP BY variant_id, currency ORDER BY variant_id, currency";

/// Reads the revenue; variants without any are there with none.
pub(super) async fn read(
    clickhouse: &Clickhouse,
    experiment: &Experiment,
) -> Result<Revenue, Problem> {
    let of =
        |sql: &str| Ok::<_, Problem>(clickhouse.query(sql)?.param("experiment", experiment.id));
    let (exposed, rows) = tokio::try_join!(
        clickhouse.rows::<UsersRow>(of(EXPOSED)?),
        clickhouse.rows::<CurrencyRow>(of(REVENUE)?),
    )?;
    let variants = experiment.variants.iter().map(|variant| {
        let exposed_users = users(&exposed, variant.id);
        let of_variant = rows.iter().filter(|row| row.variant_id == variant.id);
        VariantRevenue {
            variant_id: variant.id,
            variant_key: variant.key.clone(),
            is_control: variant.is_control,
            exposed_users,
            revenue: of_variant
                .map(|row| in_currency(row, exposed_users))
                .collect(),
        }
    });
    Ok(Revenue {
        experiment_id: experiment.id,
        rule: "value of conversions at or after the user's first exposure",
        variants: variants.collect(),
    })
}

fn in_currency(row: &CurrencyRow, exposed_users: u64) -> CurrencyRevenue {
    CurrencyRevenue {
        currency: row.currency.clone(),
        revenue: row.revenue,
        orders: row.orders,
        buyers: row.buyers,
        revenue_per_exposed_user: ratio(row.revenue, exposed_users),
        average_order_value: ratio(row.revenue, row.orders),
    }
}
