//! Names chosen by a pattern: globs on the command line, regular expressions in a case's files.

use anyhow::{Context, Result};
use regex::Regex;
use serde::{Deserialize, Deserializer, de};

/// A regular expression that may match anywhere.
#[derive(Debug, Clone)]
pub(super) struct Pattern(Regex);

impl Pattern {
    /// Compiles `pattern`.
    ///
    /// # Errors
    /// When it is no regular expression.
    pub(super) fn new(pattern: &str) -> Result<Self> {
        let regex = Regex::new(pattern);
        regex
            .map(Self)
            .with_context(|| format!("the pattern {pattern}"))
    }

    /// A glob: `*` stands for any text, `?` for one character.
    ///
    /// # Errors
    /// When it is too long.
    pub(super) fn glob(glob: &str) -> Result<Self> {
        let escaped = regex::escape(glob).replace(r"\*", ".*").replace(r"\?", ".");
        Self::new(&format!("^{escaped}$"))
    }

    /// Whether it occurs in `text`.
    pub(super) fn matches(&self, text: &str) -> bool {
        self.0.is_match(text)
    }

    /// The regular expression.
    pub(super) fn as_str(&self) -> &str {
        self.0.as_str()
    }
}

impl<'de> Deserialize<'de> for Pattern {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let pattern = String::deserialize(deserializer)?;
        Self::new(&pattern).map_err(de::Error::custom)
    }
}

/// Whether one of `patterns` occurs in `text`.
pub(super) fn any(patterns: &[Pattern], text: &str) -> bool {
    patterns.iter().any(|pattern| pattern.matches(text))
}

/// A pattern of the source code.
///
/// # Panics
/// When it is no regular expression, so in the first test that comes by.
#[expect(clippy::expect_used, reason = "constant patterns")]
pub(super) fn constant(pattern: &str) -> Regex {
    Regex::new(pattern).expect("a pattern that compiles")
}
