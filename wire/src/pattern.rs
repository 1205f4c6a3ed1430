//! Java's regular expressions, as connector configurations use them.
//!
//! Enters the expression's text, leaves a compiled pattern that matches whole names. Java's
//! look-around, back-references and possessive forms work too.

use std::sync::Arc;

use fancy_regex::{Regex, RegexBuilder};

/// An expression that cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{pattern}` cannot be used: {reason}")]
pub struct PatternError {
    pattern: String,
    reason: String,
}

impl PatternError {
    pub(crate) fn new(pattern: &str, reason: impl ToString) -> Self {
        Self {
            pattern: pattern.to_owned(),
            reason: reason.to_string(),
        }
    }
}

/// One expression, matched against whole names in any letter case.
#[derive(Debug, Clone)]
pub struct Pattern {
    whole: Arc<Regex>,
}

impl Pattern {
    /// An expression in which letter case does not matter, as in include and exclude lists.
    pub fn new(text: &str) -> Result<Self, PatternError> {
        Self::build(text, true)
    }

    /// An expression in which letter case matters, as in transforms.
    pub fn with_case(text: &str) -> Result<Self, PatternError> {
        Self::build(text, false)
    }

    fn build(text: &str, any_case: bool) -> Result<Self, PatternError> {
        // By itself first: what is put around it must not close its parentheses.
        Regex::new(text).map_err(|error| PatternError::new(text, error))?;
        let whole = RegexBuilder::new(&format!("^(?:{text})$"))
            .case_insensitive(any_case)
            .build()
            .map_err(|error| PatternError::new(text, error))?;
        Ok(Self {
            whole: Arc::new(whole),
        })
    }

    /// Whether it matches the whole of `name`. One that gives up (backtracking limit) does not.
    pub fn matches(&self, name: &str) -> bool {
        self.whole.is_match(name).unwrap_or(false)
    }

    /// The groups of a match of the whole of `name`.
    pub(crate) fn captures<'t>(&self, name: &'t str) -> Option<fancy_regex::Captures<'t, str>> {
        self.whole.captures(name).ok().flatten()
    }
}

/// Expressions between commas; a comma in one is written `\,`.
#[derive(Debug, Clone, Default)]
pub struct PatternList {
    patterns: Vec<Pattern>,
}

impl PatternList {
    /// From a list as configured.
    pub fn new(list: &str) -> Result<Self, PatternError> {
        let mut parts = vec![String::new()];
        let mut characters = list.chars().peekable();
        while let Some(character) = characters.next() {
            let part = parts.last_mut();
            match (character, characters.peek(), part) {
                ('\\', Some(','), Some(part)) => {
                    characters.next();
                    part.push(',');
                }
                (',', ..) => parts.push(String::new()),
                (other, _, Some(part)) => part.push(other),
                (_, _, None) => {}
            }
        }
        let parts = parts
            .iter()
            .map(|part| part.trim())
            .filter(|part| !part.is_empty());
        Ok(Self {
            patterns: parts.map(Pattern::new).collect::<Result<_, _>>()?,
        })
    }

    /// Whether any of them matches the whole of `name`.
    pub fn matches(&self, name: &str) -> bool {
        self.patterns.iter().any(|pattern| pattern.matches(name))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_expression_is_whole_by_itself() {
        for text in ["a)|(b", "a)(?:b", "(a", "a\\"] {
            assert!(Pattern::new(text).is_err(), "{text}");
        }
        for text in ["a|b", "(a)|(b)", "(?i)a|b"] {
            let pattern = Pattern::new(text).expect(text);
            assert!(pattern.matches("B") && !pattern.matches("ab"), "{text}");
        }
    }
}
