//! Kafka Connect's predicates, which say what records a transform is applied to.

use std::fmt;

use super::Options;
use crate::data::DataRecord;
use crate::pattern::Pattern;

/// The package of the classes.
pub(crate) const PACKAGE: &str = "org.apache.kafka.connect.transforms.predicates.";

/// A question about a record.
pub(crate) trait Predicate: fmt::Debug + Send + Sync {
    /// Whether it is so.
    fn test(&self, record: &DataRecord) -> bool;
}

/// Builds a predicate by its class's full name; `None` if there is none.
pub(crate) fn build(class: &str, options: &mut Options) -> Option<Box<dyn Predicate>> {
    Some(match class.strip_prefix(PACKAGE)? {
        "HasHeaderKey" => Box::new(HasHeaderKey {
            name: non_empty(options, "name"),
        }),
        "RecordIsTombstone" => Box::new(RecordIsTombstone),
        "TopicNameMatches" => Box::new(topic_name_matches(options)),
        _ => return None,
    })
}

/// At least one header has the name.
#[derive(Debug)]
struct HasHeaderKey {
    name: String,
}

/// The value is null.
#[derive(Debug)]
struct RecordIsTombstone;

/// The whole topic matches.
#[derive(Debug)]
struct TopicNameMatches {
    pattern: Option<Pattern>,
}

fn topic_name_matches(options: &mut Options) -> TopicNameMatches {
    let text = non_empty(options, "pattern");
    let pattern = match Pattern::with_case(&text) {
        Ok(pattern) => Some(pattern),
        Err(error) => {
            options.invalid("pattern", &text, format!("Invalid regex: {error}"));
            None
        }
    };
    TopicNameMatches { pattern }
}

fn non_empty(options: &mut Options, option: &str) -> String {
    let given = options.raw(option).is_some();
    let text = options.required(option);
    if given && text.is_empty() {
        options.invalid(option, "", "String must be non-empty");
    }
    text
}

impl Predicate for HasHeaderKey {
    fn test(&self, record: &DataRecord) -> bool {
        record.last_header(&self.name).is_some()
    }
}

impl Predicate for RecordIsTombstone {
    fn test(&self, record: &DataRecord) -> bool {
        record.value.is_null()
    }
}

impl Predicate for TopicNameMatches {
    fn test(&self, record: &DataRecord) -> bool {
        let pattern = self.pattern.as_ref();
        pattern.is_some_and(|pattern| pattern.matches(&record.topic))
    }
}
