//! What the project says about single cases: `tests/conformance/expectations.toml`.
//!
//! The cases' own files stay as they were recorded.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use anyhow::{Context, Result, bail};
use serde::Deserialize;

use super::case::Case;

/// Cases with a reason each.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Expectations {
    /// Cases that are not expected to pass; they run only when they are asked for by name.
    #[serde(default)]
    pub(super) not_yet: BTreeMap<String, String>,
    /// Cases whose traces are in the engine's own words: that there is one is compared, not its text.
    #[serde(default)]
    pub(super) own_words: BTreeMap<String, String>,
}

impl Expectations {
    /// Reads `file`; each name in it must be one of `cases`.
    ///
    /// # Errors
    /// When it cannot be read or names a case that does not exist.
    pub(super) fn load(file: &Path, cases: &[Case]) -> Result<Self> {
        let text = fs::read_to_string(file).with_context(|| format!("read {}", file.display()))?;
        let read: Self =
            toml::from_str(&text).with_context(|| format!("read {}", file.display()))?;
        for name in read.not_yet.keys().chain(read.own_words.keys()) {
            if !cases.iter().any(|case| case.id == *name) {
                bail!("{} names {name}, which is no case", file.display());
            }
        }
        Ok(read)
    }
}
