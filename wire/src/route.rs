//! Transforms that only change where a record goes, applied once per relation.
//!
//! Enters a topic name, leaves another. It never sees a row.

use crate::config::EncoderConfig;
use crate::pattern::{Pattern, PatternError};
use crate::plan::names;

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
    /// `key.field.name`, by default `__dbz__physicalTableIdentifier`.
    pub key_field_name: String,
    /// `key.field.regex` and `key.field.replacement`; without them the field holds the old topic.
    pub key_field: Option<RegexRouter>,
}

/// `topic.naming.strategy`.
#[derive(Debug, Clone, Default)]
pub struct TopicNaming {
    /// Debezium's `Default…` strategies, which leave the schema out of the topic's name.
    pub without_schema: bool,
    /// Debezium's `…Unicode…` strategies, which keep apart what others replace by `_`.
    pub unicode: bool,
    /// The settings of the `…Regex…` strategies.
    pub regex: Option<ByLogicalTableRouter>,
}

/// Where a relation's records go in the end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Routed {
    pub(crate) topic: String,
    /// What the schemas' names start with.
    pub(crate) schema_base: String,
    /// A field that is added to the key.
    pub(crate) key_field: Option<KeyField>,
    /// Whether that field alone makes a key for a table without one.
    pub(crate) key_field_makes_key: bool,
}

/// A constant text field of the key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct KeyField {
    pub(crate) name: String,
    pub(crate) value: String,
}

impl ByLogicalTableRouter {
    pub(crate) fn key_field(&self, old_topic: &str) -> Option<KeyField> {
        let routed = self
            .key_field
            .as_ref()
            .and_then(|regex| regex.route(old_topic));
        let value = routed.unwrap_or_else(|| old_topic.to_owned());
        let field = KeyField {
            name: self.key_field_name.clone(),
            value,
        };
        self.key_enforce_uniqueness.then_some(field)
    }
}

/// The topic that records of `topic` end in when no table is behind them (heartbeats, messages).
pub fn topic(routers: &[Router], topic: &str) -> String {
    let step = |topic: String, router: &Router| match router {
        Router::Regex(router) => router.route(&topic).unwrap_or(topic),
        Router::ByLogicalTable(_) => topic,
    };
    routers.iter().fold(topic.to_owned(), step)
}

/// Names a relation's topic and sends it through the routers.
pub(crate) fn table(config: &EncoderConfig, schema: &str, table: &str) -> Routed {
    let naming = &config.topic_naming;
    let schema = Some(schema).filter(|_| !naming.without_schema);
    let parts = [Some(config.logical_name.as_str()), schema, Some(table)];
    let parts = parts
        .into_iter()
        .flatten()
        .filter(|part| !part.trim().is_empty());
    let origin = parts.collect::<Vec<_>>().join(&config.topic_delimiter);
    let named = names::topic(&origin, naming.unicode);
    let mut routed = Routed {
        topic: named.clone(),
        schema_base: named,
        key_field: None,
        key_field_makes_key: false,
    };
    if let Some(regex) = &naming.regex {
        let topic = regex
            .topic
            .route(&routed.topic)
            .filter(|topic| !topic.is_empty());
        routed.topic = topic.unwrap_or(routed.topic);
        routed.schema_base.clone_from(&routed.topic);
        routed.key_field = regex.key_field(&origin);
        routed.key_field_makes_key = routed.key_field.is_some();
    }
    for router in &config.routers {
        match router {
            Router::Regex(router) => {
                routed.topic = router.route(&routed.topic).unwrap_or(routed.topic);
            }
            Router::ByLogicalTable(router) => logical(router, &mut routed),
        }
    }
    routed
}

fn logical(router: &ByLogicalTableRouter, routed: &mut Routed) {
    let Some(topic) = router
        .topic
        .route(&routed.topic)
        .filter(|topic| !topic.is_empty())
    else {
        return;
    };
    routed.key_field = router
        .key_field(&routed.topic)
        .or_else(|| routed.key_field.take());
    routed.schema_base.clone_from(&topic);
    routed.topic = topic;
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn regex_router_replaces_whole_matches_as_java_does() {
        let check = |regex: &str, replacement: &str, topic: &str, expected: Option<&str>| {
            let router = RegexRouter::new(regex, replacement).expect(regex);
            assert_eq!(router.route(topic).as_deref(), expected, "{regex} {topic}");
        };
        check(
            "(.*)outbox_(.*)",
            "$2_x",
            "p.outbox_events",
            Some("events_x"),
        );
        check(
            "(.*)outbox_(.*)",
            "$1$2",
            "p.outbox_events",
            Some("p.events"),
        );
        check("outbox", "x", "p.outbox", None);
        check("(a)(b)?.*", "$12$2\\$", "ac", Some("a2$"));
        check("(?<head>[^.]+)\\..*", "${head}", "p.q", Some("p"));
        check("P.*", "x", "p.q", None);
    }
}
