//! How many exposed users took each of several steps, in their order.

use std::fmt::Write;

use ::clickhouse::Row;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::clickhouse::Clickhouse;
use super::number::{self, ratio};
use crate::experiments::Experiment;
use crate::problem::Problem;

const STEPS_MAX: usize = 20;

/// A funnel of each variant.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Funnel {
    experiment_id: i64,
    /// What the rates are of.
    denominator: &'static str,
    steps: Vec<String>,
    variants: Vec<VariantFunnel>,
}

/// One variant's funnel.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct VariantFunnel {
    variant_id: i64,
    variant_key: String,
    is_control: bool,
    /// Users with an event `exposure`: the denominator.
    exposed_users: u64,
    steps: Vec<FunnelStep>,
}

/// One step of a funnel.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct FunnelStep {
    step: String,
    /// Exposed users who took this step after all steps before it.
    users: u64,
    /// Share of the exposed users; `null` without any.
    #[serde(serialize_with = "number::plain_or_null")]
    rate: Option<f64>,
    /// Share of those who took the step before; `null` without any.
    #[serde(serialize_with = "number::plain_or_null")]
    rate_of_previous: Option<f64>,
}

#[derive(Row, Deserialize)]
struct LevelRow {
    variant_id: i64,
    level: u8,
    users: u64,
}

/// The steps of a query's text, between commas.
pub(super) fn parse(text: &str) -> Result<Vec<String>, Problem> {
    let steps: Vec<String> = text.split(',').map(|step| step.trim().to_owned()).collect();
    if steps.len() > STEPS_MAX
        || steps
            .iter()
            .any(|step| step.is_empty() || step.contains('\0'))
    {
        let message = format!("must be 1 to {STEPS_MAX} kinds of event between commas");
        return Err(Problem::field("steps", message));
    }
    Ok(steps)
}

/// The exposure comes first in every funnel. Each event counts for one step only, so that
/// `click,click` needs two clicks; a step may share its microsecond with the one before.
fn sql(steps: &[String]) -> String {
    // An exposure named as the first step is the one that every funnel starts with.
    let mut conditions = "is_exposure = 1".to_owned();
    for index in 0..steps.len() {
        // Writing to a String cannot fail.
        let _ = write!(conditions, ", event_type = {{step{index}:String}}");
    }
    format!(
        "SELECT variant_id, level, count() AS users FROM (\
             SELECT variant_id, user_id, \
                 windowFunnel(9000000000000000000, 'strict_once')\
                 (toUInt64(toUnixTimestamp64Micro(occurred_at)), {conditions}) AS level \
             FROM events WHERE experiment_id = {{experiment:Int64}} \
             GROUP BY variant_id, user_id) \
         WHERE level > 0 GROUP BY variant_id, level"
    )
}

/// Reads the funnel; variants without events are there with zeros.
pub(super) async fn read(
    clickhouse: &Clickhouse,
    experiment: &Experiment,
    steps: Vec<String>,
) -> Result<Funnel, Problem> {
    let after_exposure = match steps.split_first() {
        Some((first, rest)) if first == "exposure" => rest,
        _ => steps.as_slice(),
    };
    let implied = steps.len() - after_exposure.len();
    let mut query = clickhouse
        .query(&sql(after_exposure))?
        .param("experiment", experiment.id);
    for (index, step) in after_exposure.iter().enumerate() {
        query = query.param(&format!("step{index}"), step);
    }
    let rows = clickhouse.rows::<LevelRow>(query).await?;
    let variants = experiment.variants.iter().map(|variant| {
        let reached = |level: usize| -> u64 {
            let of_variant = rows.iter().filter(|row| row.variant_id == variant.id);
            of_variant
                .filter(|row| usize::from(row.level) >= level)
                .map(|row| row.users)
                .sum()
        };
        VariantFunnel {
            variant_id: variant.id,
            variant_key: variant.key.clone(),
            is_control: variant.is_control,
            exposed_users: reached(1),
            // Level 1 is the exposure, so the first step after it is level 2.
            steps: count_steps(&steps, reached(1), |index| reached(index + 2 - implied)),
        }
    });
    Ok(Funnel {
        experiment_id: experiment.id,
        denominator: "users with an event exposure",
        variants: variants.collect(),
        steps,
    })
}

fn count_steps(steps: &[String], exposed: u64, reached: impl Fn(usize) -> u64) -> Vec<FunnelStep> {
    let mut previous = exposed;
    let counted = steps.iter().enumerate().map(|(index, step)| {
        let users = reached(index);
        let rate_of_previous = ratio(users as f64, previous);
        previous = users;
        FunnelStep {
            step: step.clone(),
            users,
            rate: ratio(users as f64, exposed),
            rate_of_previous,
        }
    });
    counted.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn steps_are_read_and_bounded() {
        assert_eq!(
            parse("page_view, click").expect("two"),
            ["page_view", "click"]
        );
        for bad in ["", "a,,b", &"a,".repeat(20)] {
            assert!(parse(bad).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn no_text_of_the_caller_is_in_the_query() {
        let text = sql(&["x' OR 1".to_owned()]);
        assert!(
            !text.contains("OR 1") && text.contains("{step0:String}"),
            "{text}"
        );
    }

    #[test]
    fn rates_are_of_exposed_users_and_of_the_step_before() {
        let steps = ["a".to_owned(), "b".to_owned()];
        let counted = count_steps(&steps, 10, |index| [4, 1][index]);
        assert_eq!(
            (counted[1].rate, counted[1].rate_of_previous),
            (Some(0.1), Some(0.25))
        );
        let none = count_steps(&steps, 0, |_| 0);
        assert_eq!((none[0].rate, none[1].rate_of_previous), (None, None));
    }
}
