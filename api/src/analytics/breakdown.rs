//! Events and users of each variant, by kind of event, page or currency.

use ::clickhouse::Row;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::clickhouse::Clickhouse;
use super::number;
use crate::experiments::Experiment;
use crate::problem::Problem;

/// By what the events are grouped.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum By {
    #[default]
    EventType,
    Page,
    Currency,
}

/// Events and users of each variant.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Breakdown {
    experiment_id: i64,
    by: By,
    variants: Vec<VariantBreakdown>,
}

/// Events and users of one variant.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct VariantBreakdown {
    variant_id: i64,
    variant_key: String,
    is_control: bool,
    assigned_users: u64,
    /// Users with an event `exposure`.
    exposed_users: u64,
    total_events: u64,
    /// The most frequent first.
    groups: Vec<Group>,
}

/// One kind of event, page or currency.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Group {
    /// The kind of event, the page or the currency; empty for events without one.
    key: String,
    events: u64,
    /// Distinct users.
    users: u64,
    /// Sum of `value`.
    #[serde(serialize_with = "number::plain")]
    value: f64,
}

#[derive(Row, Deserialize)]
struct GroupRow {
    variant_id: i64,
    key: String,
    events: u64,
    users: u64,
    value: f64,
}

#[derive(Row, Deserialize)]
pub(super) struct UsersRow {
    pub(super) variant_id: i64,
    pub(super) users: u64,
}

const ASSIGNED: &str = "\
SELECT variant_id, uniqExact(user_id) AS users FROM assignments
WHERE experiment_id = {experiment:Int64} GROUP BY variant_id";

pub(super) const EXPOSED: &str = "\
SELECT variant_id, uniqExact(user_id) AS users FROM events
WHERE experiment_id = {experiment:Int64} AND is_exposure = 1 GROUP BY variant_id";

impl By {
    fn column(self) -> &'static str {
        match self {
            Self::EventType => "event_type",
            Self::Page => "page",
            Self::Currency => "currency",
        }
    }
}

/// Reads the breakdown; variants without events are there with zeros.
pub(super) async fn read(
    clickhouse: &Clickhouse,
    experiment: &Experiment,
    by: By,
) -> Result<Breakdown, Problem> {
    let groups = format!(
        "SELECT variant_id, toString({}) AS key, count() AS events, uniqExact(user_id) AS users, \
             toFloat64(sum(toDecimal256OrZero(toString(ifNull(value, 0)), 9))) AS value \
         FROM events WHERE experiment_id = {{experiment:Int64}} \
         GROUP BY variant_id, key ORDER BY events DESC, key LIMIT 1000 BY variant_id",
        by.column(),
    );
    let of =
        |sql: &str| Ok::<_, Problem>(clickhouse.query(sql)?.param("experiment", experiment.id));
    let (assigned, exposed, groups) = tokio::try_join!(
        clickhouse.rows::<UsersRow>(of(ASSIGNED)?),
        clickhouse.rows::<UsersRow>(of(EXPOSED)?),
        clickhouse.rows::<GroupRow>(of(&groups)?),
    )?;
    let variants = experiment.variants.iter().map(|variant| {
        let of_variant = groups.iter().filter(|row| row.variant_id == variant.id);
        VariantBreakdown {
            variant_id: variant.id,
            variant_key: variant.key.clone(),
            is_control: variant.is_control,
            assigned_users: users(&assigned, variant.id),
            exposed_users: users(&exposed, variant.id),
            total_events: of_variant.clone().map(|row| row.events).sum(),
            groups: of_variant.map(Group::from_row).collect(),
        }
    });
    Ok(Breakdown {
        experiment_id: experiment.id,
        by,
        variants: variants.collect(),
    })
}

/// The users of one variant, 0 when it has no row.
pub(super) fn users(rows: &[UsersRow], variant_id: i64) -> u64 {
    rows.iter()
        .find(|row| row.variant_id == variant_id)
        .map_or(0, |row| row.users)
}

impl Group {
    fn from_row(row: &GroupRow) -> Self {
        Self {
            key: row.key.clone(),
            events: row.events,
            users: row.users,
            value: row.value,
        }
    }
}
