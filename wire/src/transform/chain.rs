//! The chain of `transforms`: each with the predicate that decides whether it is applied.

use std::collections::BTreeMap;

use super::predicate::{self, Predicate};
use super::{Found, Options, Transform, TransformError};
use crate::data::DataRecord;

/// A transform as it is configured.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Link {
    /// Its name in `transforms`.
    pub alias: String,
    /// Its Java class.
    pub class: String,
    /// Its options, without `transforms.<alias>.` before their names.
    pub options: BTreeMap<String, String>,
    /// When it is applied; `None` is always.
    pub predicate: Option<PredicateUse>,
}

/// A predicate as it is configured, and how it is used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PredicateUse {
    /// Its name in `predicates`.
    pub alias: String,
    /// Its Java class.
    pub class: String,
    /// Its options, without `predicates.<alias>.` before their names.
    pub options: BTreeMap<String, String>,
    /// Whether the transform is applied to what the predicate does not match.
    pub negate: bool,
}

/// What is wrong with a chain's configuration: a property and a message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChainProblem {
    /// The property's full name.
    pub property: String,
    /// What is wrong and what to do.
    pub message: String,
    /// What comes of it.
    pub grade: Grade,
}

/// What comes of a problem.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Grade {
    /// A warning: an option that the transform does not have, which Kafka Connect ignores.
    Warning,
    /// The configuration is taken, and the task fails when it starts.
    AtStart,
    /// The configuration is refused.
    Refused,
}

/// The transforms of a connector.
#[derive(Debug)]
pub(crate) struct Chain {
    steps: Vec<Step>,
}

#[derive(Debug)]
struct Step {
    alias: String,
    transform: Box<dyn Transform>,
    predicate: Option<(Box<dyn Predicate>, bool)>,
}

impl Chain {
    /// Builds all links.
    ///
    /// # Errors
    /// Everything that is wrong or only odd with their options; the chain itself is made when
    /// nothing is wrong.
    pub(crate) fn build(links: &[Link]) -> (Option<Self>, Vec<ChainProblem>) {
        let mut problems = Vec::new();
        let steps: Vec<Option<Step>> = links.iter().map(|link| step(link, &mut problems)).collect();
        let wrong = problems
            .iter()
            .any(|problem| problem.grade != Grade::Warning);
        let steps: Option<Vec<Step>> = steps.into_iter().collect();
        (
            steps.filter(|_| !wrong).map(|steps| Self { steps }),
            problems,
        )
    }

    /// Sends a record through; `None` when a transform drops it.
    pub(crate) fn apply(
        &mut self,
        record: DataRecord,
    ) -> Result<Option<DataRecord>, TransformError> {
        let mut record = record;
        for step in &mut self.steps {
            if !step.is_meant(&record) {
                continue;
            }
            let applied = step.transform.apply(record);
            let applied = applied.map_err(|TransformError(text)| {
                TransformError(format!(
                    "transform {}: {text}; correct the row or the transform's options, or give it a predicate that leaves such records out, then restart the task",
                    step.alias
                ))
            })?;
            match applied {
                Some(next) => record = next,
                None => return Ok(None),
            }
        }
        Ok(Some(record))
    }
}

impl Step {
    fn is_meant(&self, record: &DataRecord) -> bool {
        match &self.predicate {
            Some((predicate, negate)) => predicate.test(record) != *negate,
            None => true,
        }
    }
}

fn step(link: &Link, problems: &mut Vec<ChainProblem>) -> Option<Step> {
    let prefix = format!("transforms.{}.", link.alias);
    let transform = one(&prefix, &link.class, &link.options, super::build, problems);
    let predicate = match &link.predicate {
        None => None,
        Some(used) => {
            let prefix = format!("predicates.{}.", used.alias);
            let made = one(
                &prefix,
                &used.class,
                &used.options,
                predicate::build,
                problems,
            );
            Some((made?, used.negate))
        }
    };
    Some(Step {
        alias: link.alias.clone(),
        transform: transform?,
        predicate,
    })
}

fn one<T>(
    prefix: &str,
    class: &str,
    options: &BTreeMap<String, String>,
    build: impl FnOnce(&str, &mut Options) -> Option<T>,
    problems: &mut Vec<ChainProblem>,
) -> Option<T> {
    let mut reader = Options::new(prefix, options.clone());
    let Some(made) = build(class, &mut reader) else {
        problems.push(ChainProblem {
            property: format!("{prefix}type"),
            message: format!(
                "Invalid value {class} for configuration {prefix}type: Class {class} could not be found. Walcast runs the transforms and predicates of Kafka and Debezium that its book lists (transforms)"
            ),
            grade: Grade::Refused,
        });
        return None;
    };
    let (found, unknown) = reader.finish();
    problems.extend(found.into_iter().map(|problem| ChainProblem {
        property: format!("{prefix}{}", problem.option),
        message: problem.message,
        grade: grade(class, problem.found),
    }));
    problems.extend(unknown.into_iter().map(|option| ChainProblem {
        message: format!("is no option of {class}; check its spelling"),
        property: format!("{prefix}{option}"),
        grade: Grade::Warning,
    }));
    Some(made)
}

/// Debezium's transforms look at their options only when they start; Kafka Connect knows no more of
/// them than their types.
fn grade(class: &str, found: Found) -> Grade {
    match found {
        Found::OnlyHere => Grade::Refused,
        Found::AtStart => Grade::AtStart,
        Found::ByValidation if class.starts_with("io.debezium.") => Grade::AtStart,
        Found::ByValidation => Grade::Refused,
    }
}
