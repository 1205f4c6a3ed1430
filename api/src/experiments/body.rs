//! Experiments as callers write and read them, and the checks that need no database.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::lifecycle::Status;
use crate::bucketing::Rules;
use crate::ids::{ExperimentKey, Salt, VariantKey};
use crate::problem::{self, FieldError, Problem};
use crate::properties::Properties;

/// Variants that an experiment may have.
pub(super) const VARIANTS_MAX: usize = 100;

/// An experiment to be made, as a draft.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct NewExperiment {
    pub(crate) key: ExperimentKey,
    /// For people; the key when left out.
    #[schema(min_length = 1, max_length = 200)]
    pub(crate) name: Option<String>,
    #[serde(default)]
    #[schema(max_length = 10000)]
    pub(crate) description: String,
    /// Share of users that take part.
    #[serde(default = "one")]
    #[schema(minimum = 0, maximum = 1, default = 1)]
    pub(crate) traffic_allocation: f64,
    /// Makes the hashing the experiment's own; random when left out.
    pub(crate) salt: Option<Salt>,
    #[serde(default)]
    #[schema(max_items = 100)]
    pub(crate) variants: Vec<NewVariant>,
}

/// A variant to be made.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct NewVariant {
    pub(crate) key: VariantKey,
    /// Its share, relative to the sum of all weights.
    #[serde(default = "one")]
    #[schema(exclusive_minimum = 0, maximum = 1e9, default = 1)]
    pub(crate) weight: f64,
    /// Whether the others are compared with this one.
    #[serde(default)]
    pub(crate) is_control: bool,
    /// What the variant means to the caller's program.
    #[serde(default)]
    pub(crate) config: Properties,
}

/// What to change of an experiment; what is left out stays.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ExperimentChange {
    #[schema(min_length = 1, max_length = 200)]
    pub(crate) name: Option<String>,
    #[schema(max_length = 10000)]
    pub(crate) description: Option<String>,
    /// May change while running: it lets users in or keeps new ones out, and moves nobody.
    #[schema(minimum = 0, maximum = 1)]
    pub(crate) traffic_allocation: Option<f64>,
}

/// What to change of a draft's variant; what is left out stays.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct VariantChange {
    #[schema(exclusive_minimum = 0, maximum = 1e9)]
    pub(crate) weight: Option<f64>,
    pub(crate) config: Option<Properties>,
}

/// An experiment.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub(crate) struct Experiment {
    pub(crate) id: i64,
    pub(crate) key: String,
    pub(crate) name: String,
    pub(crate) description: String,
    pub(crate) status: Status,
    pub(crate) traffic_allocation: f64,
    pub(crate) salt: String,
    /// Grows with every change; the ETag holds it.
    pub(crate) version: i64,
    /// In the order of their ids.
    pub(crate) variants: Vec<Variant>,
    /// RFC 3339, UTC, as are the others.
    pub(crate) created_at: String,
    pub(crate) updated_at: String,
    pub(crate) started_at: Option<String>,
    pub(crate) completed_at: Option<String>,
}

/// A variant.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub(crate) struct Variant {
    pub(crate) id: i64,
    pub(crate) key: String,
    pub(crate) weight: f64,
    pub(crate) is_control: bool,
    pub(crate) config: Properties,
}

fn one() -> f64 {
    1.0
}

impl NewExperiment {
    /// Checks the fields and settles what may be left out.
    ///
    /// One variant is the control: the one so marked, else the one with key `control`, else the
    /// first.
    pub(crate) fn settle(mut self, config_bytes_max: usize) -> Result<Self, Problem> {
        text("description", &self.description, 0, 10_000)?;
        allocation(self.traffic_allocation)?;
        text(
            "name",
            self.name.as_deref().unwrap_or(self.key.as_str()),
            1,
            200,
        )?;
        if self.variants.len() > VARIANTS_MAX {
            return Err(Problem::field(
                "variants",
                format!("must be at most {VARIANTS_MAX}"),
            ));
        }
        for (index, variant) in self.variants.iter().enumerate() {
            variant.check(&format!("variants[{index}]."), config_bytes_max)?;
            if self.variants[..index]
                .iter()
                .any(|other| other.key == variant.key)
            {
                let field = format!("variants[{index}].key");
                return Err(Problem::field(field, "is the key of another variant"));
            }
        }
        let controls = self
            .variants
            .iter()
            .filter(|variant| variant.is_control)
            .count();
        if controls > 1 {
            return Err(Problem::field(
                "variants",
                "only one may have is_control = true",
            ));
        }
        if controls == 0 && !self.variants.is_empty() {
            let named = self
                .variants
                .iter()
                .position(|v| v.key.as_str() == "control");
            self.variants[named.unwrap_or(0)].is_control = true;
        }
        Ok(self)
    }
}

impl NewVariant {
    /// Checks the fields, whose names start with `prefix`.
    pub(crate) fn check(&self, prefix: &str, config_bytes_max: usize) -> Result<(), Problem> {
        weight(&format!("{prefix}weight"), self.weight)?;
        self.config
            .fit(&format!("{prefix}config"), config_bytes_max)
    }
}

impl VariantChange {
    pub(crate) fn check(&self, config_bytes_max: usize) -> Result<(), Problem> {
        self.weight
            .map_or(Ok(()), |value| weight("weight", value))?;
        self.config
            .as_ref()
            .map_or(Ok(()), |config| config.fit("config", config_bytes_max))
    }
}

impl ExperimentChange {
    pub(crate) fn check(&self) -> Result<(), Problem> {
        self.name
            .as_ref()
            .map_or(Ok(()), |name| text("name", name, 1, 200))?;
        let description = self.description.as_ref();
        description.map_or(Ok(()), |description| {
            text("description", description, 0, 10_000)
        })?;
        self.traffic_allocation.map_or(Ok(()), allocation)
    }
}

impl Experiment {
    /// The user's variant by hash, or `None` when the gate keeps the user out.
    pub(crate) fn variant_for(&self, user_id: &str) -> Option<&Variant> {
        let weights: Vec<f64> = self.variants.iter().map(|variant| variant.weight).collect();
        let rules = Rules {
            salt: &self.salt,
            traffic_allocation: self.traffic_allocation,
            weights: &weights,
        };
        crate::bucketing::assign(rules, user_id).and_then(|index| self.variants.get(index))
    }

    /// The start check-list; every item at once, so that all can be cured at once.
    pub(crate) fn ready(&self) -> Result<(), Problem> {
        let mut errors = Vec::new();
        let mut require = |holds: bool, field: &str, message: &str| {
            if !holds {
                errors.push(FieldError {
                    field: field.to_owned(),
                    message: message.to_owned(),
                });
            }
        };
        let controls = self
            .variants
            .iter()
            .filter(|variant| variant.is_control)
            .count();
        require(
            self.variants.len() >= 2,
            "variants",
            "at least two are needed",
        );
        require(controls == 1, "variants", "exactly one must be the control");
        if errors.is_empty() {
            return Ok(());
        }
        let texts: Vec<&str> = errors.iter().map(|error| error.message.as_str()).collect();
        let detail = format!("variants: {}", texts.join("; "));
        Err(Problem::new(problem::NOT_READY, detail).with_errors(errors))
    }
}

fn weight(field: &str, value: f64) -> Result<(), Problem> {
    if value > 0.0 && value <= 1e9 {
        return Ok(());
    }
    Err(Problem::field(
        field,
        "must be greater than 0 and at most 1e9",
    ))
}

fn allocation(value: f64) -> Result<(), Problem> {
    if (0.0..=1.0).contains(&value) {
        return Ok(());
    }
    Err(Problem::field("traffic_allocation", "must be from 0 to 1"))
}

fn text(field: &str, value: &str, min: usize, max: usize) -> Result<(), Problem> {
    let length = value.chars().take(max + 1).count();
    if length < min || length > max {
        return Err(Problem::field(
            field,
            format!("must have {min} to {max} characters"),
        ));
    }
    if value.contains('\0') {
        return Err(Problem::field(field, "must not hold the character U+0000"));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::NewExperiment;

    fn settle(json: &str) -> Result<NewExperiment, String> {
        let new: NewExperiment = serde_json::from_str(json).map_err(|e| e.to_string())?;
        new.settle(100).map_err(|problem| problem.detail)
    }

    fn check(json: &str, expected: &str) {
        let error = settle(json).expect_err(json);
        assert!(error.contains(expected), "{json}: {error}");
    }

    #[test]
    fn one_variant_is_always_the_control() {
        let control = |json: &str| {
            let new = settle(json).expect("usable");
            let found: Vec<_> = new.variants.iter().filter(|v| v.is_control).collect();
            assert_eq!(found.len(), 1);
            found[0].key.as_str().to_owned()
        };
        assert_eq!(
            control(r#"{"key":"k","variants":[{"key":"a"},{"key":"control"}]}"#),
            "control"
        );
        assert_eq!(
            control(r#"{"key":"k","variants":[{"key":"a"},{"key":"b"}]}"#),
            "a"
        );
        let marked = r#"{"key":"k","variants":[{"key":"control"},{"key":"b","is_control":true}]}"#;
        assert_eq!(control(marked), "b");
    }

    #[test]
    fn what_cannot_be_used_is_named() {
        check(
            r#"{"key":"k","traffic_allocation":1.1}"#,
            "traffic_allocation: must be from 0 to 1",
        );
        check(
            r#"{"key":"k","name":""}"#,
            "name: must have 1 to 200 characters",
        );
        check(
            r#"{"key":"k","variants":[{"key":"a","weight":0}]}"#,
            "variants[0].weight: must be",
        );
        check(
            r#"{"key":"k","variants":[{"key":"a"},{"key":"a"}]}"#,
            "variants[1].key: is the key",
        );
        let two = r#"{"key":"k","variants":[{"key":"a","is_control":true},{"key":"b","is_control":true}]}"#;
        check(two, "variants: only one may have is_control = true");
        check(r#"{"key":"1"}"#, "must not be of digits alone");
    }
}
