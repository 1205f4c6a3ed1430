//! Transforms that only change where a record goes, applied once per relation.
//!
//! Enters a topic name, leaves another. It never sees a row.

use crate::pattern::{Pattern, PatternError};

/// One transform of the chain.
#[derive(Debug, Clone)]
pub enum Router {
    /// Kafka's `RegexRouter`.
    Regex(RegexRouter),
    /// Debezium's `ByLogicalTableRouter`.
    ByLogicalTable(ByLogicalTableRouter),
}

/// `org.apache.kafka.connect.transforms.RegexRouter`: a topic that matches as a whole is renamed.
#[derive(Debug, Clone)]
pub struct RegexRouter {
    regex: Pattern,
    replacement: String,
}

impl RegexRouter {
    /// From `regex` and `replacement` (Java's: `$1`, `${name}`, `\$`).
    pub fn new(regex: &str, replacement: &str) -> Result<Self, PatternError> {
        Ok(Self {
            regex: Pattern::with_case(regex)?,
            replacement: replacement.to_owned(),
        })
    }

    /// The new topic; `None` leaves the old one.
    pub fn route(&self, topic: &str) -> Option<String> {
        let captures = self.regex.captures(topic)?;
        Some(expand(&self.replacement, &captures))
    }
}

/// `io.debezium.transforms.ByLogicalTableRouter`: several tables into one topic.
#[derive(Debug, Clone)]
pub struct ByLogicalTableRouter {
    /// `topic.regex` and `topic.replacement`.
    pub topic: RegexRouter,
    /// `key.enforce.uniqueness`: adds the field `key.field.name` to the key.
    pub key_enforce_uniqueness: bool,
    /// `key.field.name`.
    pub key_field_name: String,
    /// `key.field.regex` and `key.field.replacement`; without them the field holds the old topic.
    pub key_field: Option<RegexRouter>,
}

/// Java's `Matcher.replaceFirst` for a match of the whole: `$1`, `${name}`, `\` quotes.
fn expand(replacement: &str, captures: &fancy_regex::Captures<'_, str>) -> String {
    let mut out = String::new();
    let mut rest = replacement.chars();
    while let Some(character) = rest.next() {
        match character {
            '\\' => out.extend(rest.next()),
            '$' => out.push_str(group(&mut rest, captures)),
            other => out.push(other),
        }
    }
    out
}

/// The group that `rest` names after a `$`: Java takes as many digits as still name a group.
fn group<'c>(
    rest: &mut std::str::Chars<'_>,
    captures: &'c fancy_regex::Captures<'_, str>,
) -> &'c str {
    let text = |found: Option<fancy_regex::Match<'c>>| found.map_or("", |found| found.as_str());
    if let Some((name, after)) = rest
        .as_str()
        .strip_prefix('{')
        .and_then(|tail| tail.split_once('}'))
    {
        *rest = after.chars();
        return text(captures.name(name));
    }
    let mut number = 0;
    let mut ahead = rest.clone();
    while let Some(digit) = ahead.next().and_then(|digit| digit.to_digit(10)) {
        let longer = usize::try_from(digit).map_or(usize::MAX, |digit| number * 10 + digit);
        if number != 0 && longer >= captures.len() {
            break;
        }
        number = longer;
        *rest = ahead.clone();
    }
    text(captures.get(number))
}
