//! Typed reading of a connector's string properties, collecting every problem found.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;
use std::time::Duration;

/// One thing wrong with one property; what Connect's validate answers per property.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConfigProblem {
    /// The property's name.
    pub property: String,
    /// What is wrong and what to do.
    pub message: String,
}

impl fmt::Display for ConfigProblem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.property, self.message)
    }
}

/// Reads properties and remembers what was wrong.
pub(crate) struct Reader<'a> {
    props: &'a BTreeMap<String, String>,
    problems: Vec<ConfigProblem>,
    at_start: Vec<ConfigProblem>,
}

impl<'a> Reader<'a> {
    pub(crate) fn new(props: &'a BTreeMap<String, String>) -> Self {
        Self {
            props,
            problems: Vec::new(),
            at_start: Vec::new(),
        }
    }

    /// The problems found so far.
    pub(crate) fn into_problems(self) -> Vec<ConfigProblem> {
        self.problems
    }

    /// The problems that do not refuse the configuration, but fail the task when it starts.
    pub(crate) fn take_at_start(&mut self) -> Vec<ConfigProblem> {
        std::mem::take(&mut self.at_start)
    }

    /// Notes a problem that Kafka Connect meets only when the task starts.
    pub(crate) fn problem_at_start(&mut self, property: &str, message: impl Into<String>) {
        self.at_start.push(ConfigProblem {
            property: property.into(),
            message: message.into(),
        });
    }

    pub(crate) fn problem(&mut self, property: &str, message: impl Into<String>) {
        self.problems.push(ConfigProblem {
            property: property.into(),
            message: message.into(),
        });
    }

    /// The trimmed text of a property; `None` when absent or blank, as Debezium reads it.
    pub(crate) fn text(&self, property: &str) -> Option<&'a str> {
        self.raw(property).map(str::trim).filter(|v| !v.is_empty())
    }

    /// The text of a property as it is; an empty one counts.
    pub(crate) fn raw(&self, property: &str) -> Option<&'a str> {
        #[cfg(test)]
        asked::note(property);
        self.props.get(property).map(String::as_str)
    }

    pub(crate) fn text_or(&self, property: &str, default: &str) -> String {
        self.text(property).unwrap_or(default).to_owned()
    }

    /// A property that must be set.
    pub(crate) fn required(&mut self, property: &str) -> String {
        match self.text(property) {
            Some(value) => value.to_owned(),
            None => {
                self.problem(
                    property,
                    format!("The '{property}' value is invalid: A value is required"),
                );
                String::new()
            }
        }
    }

    /// A property parsed by its type, or the default.
    pub(crate) fn parse_or<T: FromStr>(&mut self, property: &str, default: T) -> T
    where
        T::Err: fmt::Display,
    {
        let Some(text) = self.text(property) else {
            return default;
        };
        match text.parse() {
            Ok(value) => value,
            Err(error) => {
                self.problem(
                    property,
                    format!("The '{property}' value is invalid: {error}"),
                );
                default
            }
        }
    }

    /// A mode parsed by its type; `allowed` is what the answer lists, in Debezium's order.
    pub(crate) fn mode_or<T: FromStr + Default>(&mut self, property: &str, allowed: &str) -> T {
        let Some(text) = self.text(property) else {
            return T::default();
        };
        text.parse().unwrap_or_else(|_| {
            self.problem(
                property,
                format!("The '{property}' value is invalid: Value must be one of {allowed}"),
            );
            T::default()
        })
    }

    pub(crate) fn bool_or(&mut self, property: &str, default: bool) -> bool {
        match self.text(property) {
            None => default,
            Some(v) if v.eq_ignore_ascii_case("true") => true,
            Some(v) if v.eq_ignore_ascii_case("false") => false,
            Some(v) => {
                let message = format!(
                    "Invalid value {v} for configuration {property}: Expected value to be either true or false"
                );
                self.problem(property, message);
                default
            }
        }
    }

    /// A whole number of milliseconds.
    pub(crate) fn millis_or(&mut self, property: &str, default: u64) -> Duration {
        Duration::from_millis(self.parse_or(property, default))
    }

    /// One of several words; comparison ignores case.
    pub(crate) fn one_of<T: Copy>(&mut self, property: &str, words: &[(&str, T)], default: T) -> T {
        let Some(text) = self.text(property) else {
            return default;
        };
        match words
            .iter()
            .find(|(word, _)| word.eq_ignore_ascii_case(text))
        {
            Some((_, value)) => *value,
            None => {
                let allowed: Vec<_> = words.iter().map(|(word, _)| *word).collect();
                let message = format!(
                    "The '{property}' value is invalid: Value must be one of {}",
                    allowed.join(", ")
                );
                self.problem(property, message);
                default
            }
        }
    }

    /// All properties that start with `prefix`, the prefix removed.
    pub(crate) fn with_prefix(&self, prefix: &str) -> BTreeMap<String, String> {
        #[cfg(test)]
        asked::note(prefix);
        let named = self.props.iter();
        named
            .filter_map(|(k, v)| Some((k.strip_prefix(prefix)?.to_owned(), v.clone())))
            .collect()
    }
}

/// Which properties were asked for, so that a test can tell that what is called honoured is read.
#[cfg(test)]
pub(super) mod asked {
    use std::cell::RefCell;
    use std::collections::BTreeSet;

    thread_local! {
        static ASKED: RefCell<BTreeSet<String>> = const { RefCell::new(BTreeSet::new()) };
    }

    pub(super) fn note(property: &str) {
        ASKED.with_borrow_mut(|asked| asked.insert(property.to_owned()));
    }

    /// All names and prefixes that this thread asked for.
    pub(in crate::config) fn all() -> BTreeSet<String> {
        ASKED.with_borrow(BTreeSet::clone)
    }
}
