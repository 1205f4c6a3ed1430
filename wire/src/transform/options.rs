//! Options of one transform or predicate: strings read by type, problems collected.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::str::FromStr;

/// One thing wrong with one option.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OptionProblem {
    /// The option's name, without the `transforms.<alias>.` before it.
    pub option: String,
    /// What is wrong and what to do.
    pub message: String,
    /// Who would find it.
    pub found: Found,
}

/// Who would find a problem in Kafka Connect, and so when it is told here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Found {
    /// Connect's validation, by the option's definition alone.
    ByValidation,
    /// The plugin itself, when the task starts: the configuration is accepted, the task fails.
    AtStart,
    /// Nobody there: it is only here that it does not work.
    OnlyHere,
}

/// Reads options, and remembers what was wrong and which were read.
#[derive(Debug, Clone)]
pub struct Options {
    prefix: String,
    given: BTreeMap<String, String>,
    read: BTreeSet<String>,
    problems: Vec<OptionProblem>,
}

impl Options {
    /// Options by their names; `prefix` (such as `transforms.outbox.`) is put before them in texts.
    pub fn new(prefix: &str, given: BTreeMap<String, String>) -> Self {
        Self {
            prefix: prefix.to_owned(),
            given,
            read: BTreeSet::new(),
            problems: Vec::new(),
        }
    }

    /// Notes a problem that the option's definition tells of.
    pub fn problem(&mut self, option: &str, message: impl Into<String>) {
        self.note(option, message.into(), Found::ByValidation);
    }

    /// Notes a problem that Kafka Connect meets only when the task starts.
    pub fn problem_at_start(&mut self, option: &str, message: impl Into<String>) {
        self.note(option, message.into(), Found::AtStart);
    }

    /// Notes something that Kafka Connect would take and this program does not.
    pub fn unsupported(&mut self, option: &str, message: impl Into<String>) {
        self.note(option, message.into(), Found::OnlyHere);
    }

    fn note(&mut self, option: &str, message: String, found: Found) {
        self.problems.push(OptionProblem {
            option: option.to_owned(),
            message,
            found,
        });
    }

    /// Notes that a value is wrong, in Kafka's words, and why.
    pub fn invalid(&mut self, option: &str, value: &str, why: impl fmt::Display) {
        let message = self.invalid_text(option, value, why);
        self.problem(option, message);
    }

    /// As [`Self::invalid`], for what Kafka Connect meets only when the task starts.
    pub fn invalid_at_start(&mut self, option: &str, value: &str, why: impl fmt::Display) {
        let message = self.invalid_text(option, value, why);
        self.problem_at_start(option, message);
    }

    fn invalid_text(&self, option: &str, value: &str, why: impl fmt::Display) -> String {
        let prefix = &self.prefix;
        format!("Invalid value {value} for configuration {prefix}{option}: {why}")
    }

    /// An option as it was given; an empty one counts.
    pub fn raw(&mut self, option: &str) -> Option<String> {
        self.read.insert(option.to_owned());
        self.given.get(option).cloned()
    }

    /// The trimmed text of an option; `None` when absent or blank.
    pub fn text(&mut self, option: &str) -> Option<String> {
        let raw = self.raw(option)?;
        Some(raw.trim().to_owned()).filter(|text| !text.is_empty())
    }

    /// The trimmed text of an option, or a default.
    pub fn text_or(&mut self, option: &str, default: &str) -> String {
        self.text(option).unwrap_or_else(|| default.to_owned())
    }

    /// An option that must be given; "" after noting that it was not.
    pub fn required(&mut self, option: &str) -> String {
        if let Some(text) = self.raw(option) {
            return text.trim().to_owned();
        }
        let message = format!(
            "Missing required configuration \"{}{option}\" which has no default value.",
            self.prefix
        );
        self.problem(option, message);
        String::new()
    }

    /// `true` or `false`, or a default.
    pub fn bool_or(&mut self, option: &str, default: bool) -> bool {
        match self.text(option) {
            None => default,
            Some(text) if text.eq_ignore_ascii_case("true") => true,
            Some(text) if text.eq_ignore_ascii_case("false") => false,
            Some(text) => {
                self.invalid(option, &text, "Expected value to be either true or false");
                default
            }
        }
    }

    /// A number, or a default.
    pub fn number_or<T: FromStr>(&mut self, option: &str, default: T) -> T {
        let Some(text) = self.text(option) else {
            return default;
        };
        text.parse().unwrap_or_else(|_| {
            self.invalid(option, &text, "Not a number of the right size");
            default
        })
    }

    /// The parts of a list between commas, trimmed; empty if it is absent or blank.
    pub fn list(&mut self, option: &str) -> Vec<String> {
        let text = self.text(option).unwrap_or_default();
        let parts = text.split(',').map(str::trim);
        parts
            .filter(|part| !part.is_empty())
            .map(str::to_owned)
            .collect()
    }

    /// One of several words, in any letter case, or a default.
    pub fn one_of<T: Copy>(&mut self, option: &str, words: &[(&str, T)], default: T) -> T {
        let Some(text) = self.text(option) else {
            return default;
        };
        let same = |(word, _): &&(&str, T)| word.eq_ignore_ascii_case(&text);
        if let Some((_, value)) = words.iter().find(same) {
            return *value;
        }
        let allowed: Vec<_> = words.iter().map(|(word, _)| *word).collect();
        let why = format!("Value must be one of {}", allowed.join(", "));
        self.invalid(option, &text, why);
        default
    }

    /// All options that start with `prefix`, the prefix removed.
    pub fn with_prefix(&mut self, prefix: &str) -> BTreeMap<String, String> {
        let named = self.given.iter();
        let found: Vec<_> = named
            .filter_map(|(name, value)| {
                let rest = name.strip_prefix(prefix)?;
                Some((name.clone(), rest.to_owned(), value.clone()))
            })
            .collect();
        let mut under = BTreeMap::new();
        for (name, rest, value) in found {
            self.read.insert(name);
            under.insert(rest, value);
        }
        under
    }

    /// Takes note of options that are known and change nothing.
    pub fn ignore(&mut self, options: &[&str]) {
        self.read
            .extend(options.iter().map(|option| (*option).to_owned()));
    }

    /// What was wrong, and which options nobody asked for.
    pub fn finish(self) -> (Vec<OptionProblem>, Vec<String>) {
        let read = self.read;
        let unknown = self.given.into_keys().filter(|name| !read.contains(name));
        (self.problems, unknown.collect())
    }
}
