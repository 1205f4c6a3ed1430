//! What the project says about single cases: `tests/conformance/expectations.toml`.
//!
//! The cases' own files stay as they were recorded.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use anyhow::{Context, Result, bail, ensure};
use serde::Deserialize;

use super::case::Case;
use super::patterns::Pattern;
use super::record::Record;

/// Cases with a reason each.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Expectations {
    /// Cases that are not expected to pass; they run only when they are asked for by name.
    #[serde(default)]
    pub(super) not_yet: BTreeMap<String, String>,
    /// Cases whose traces are in the engine's own words.
    #[serde(default)]
    pub(super) own_words: BTreeMap<String, Words>,
    /// Cases in which the engine keeps a record that Debezium loses.
    #[serde(default)]
    pub(super) kept: BTreeMap<String, Kept>,
}

/// Records that Debezium loses and the engine keeps.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Kept {
    /// Why Debezium loses them.
    pub(super) reason: String,
    /// Their topic.
    pub(super) topic: Pattern,
    /// Their values.
    pub(super) value: Pattern,
}

impl Kept {
    /// Takes the records out of what the engine made; `None` when they are there.
    pub(super) fn take(&self, records: &mut Vec<Record>) -> Option<String> {
        let before = records.len();
        let is_kept = |record: &Record| {
            let value = record.raw_value.as_deref().unwrap_or_default();
            self.topic.matches(&record.topic) && self.value.matches(value)
        };
        records.retain(|record| !is_kept(record));
        (records.len() == before).then(|| {
            let (topic, value) = (self.topic.as_str(), self.value.as_str());
            format!(
                "kept: no record of a topic {topic} matches {value}, which the engine must not lose"
            )
        })
    }
}

/// The engine's own words for an error, in place of the text of a Java trace.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Words {
    /// Why they are not Debezium's.
    pub(super) reason: String,
    /// What the first line of each trace must name: the cause and the cure.
    pub(super) names: Vec<Pattern>,
}

impl Expectations {
    /// Reads `file`; each name in it must be one of `cases`.
    ///
    /// # Errors
    /// When it cannot be read, names a case that does not exist, or a case's own words name nothing.
    pub(super) fn load(file: &Path, cases: &[Case]) -> Result<Self> {
        let text = fs::read_to_string(file).with_context(|| format!("read {}", file.display()))?;
        let read: Self =
            toml::from_str(&text).with_context(|| format!("read {}", file.display()))?;
        let named = read.not_yet.keys().chain(read.own_words.keys());
        for name in named.chain(read.kept.keys()) {
            if !cases.iter().any(|case| case.id == *name) {
                bail!("{} names {name}, which is no case", file.display());
            }
        }
        for (case, words) in &read.own_words {
            ensure!(
                !words.names.is_empty(),
                "{} does not say what the own words of {case} name",
                file.display()
            );
        }
        Ok(read)
    }
}
