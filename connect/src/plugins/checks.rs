//! Checks of single values, in Debezium's and Connect's words.
//!
//! The catalogue names the checks of each property in the order in which Debezium runs them; some run
//! twice there, and so say the same thing twice, which clients see in the count of errors.

use std::sync::OnceLock;

use regex::Regex;

use super::catalog::{self, Property};
use super::chain;
use super::java_regex;
use crate::config::Properties;

const KEY_COLUMNS: &str = r"^\s*([^:]+):([^:,]+(,[^:,]+)*)\s*$";
const REPLICA_IDENTITY: &str = r"(?i)^\s*(?<tablepredicate>[^\s:]+):(?<replicaidentity>DEFAULT|(INDEX) (?<indexname>.\w*)|FULL|NOTHING)\s*$";

/// Words that are no name of a Java class or package (`SourceVersion.isName`).
const JAVA_KEYWORDS: [&str; 54] = [
    "_",
    "abstract",
    "assert",
    "boolean",
    "break",
    "byte",
    "case",
    "catch",
    "char",
    "class",
    "const",
    "continue",
    "default",
    "do",
    "double",
    "else",
    "enum",
    "extends",
    "false",
    "final",
    "finally",
    "float",
    "for",
    "goto",
    "if",
    "implements",
    "import",
    "instanceof",
    "int",
    "interface",
    "long",
    "native",
    "new",
    "null",
    "package",
    "private",
    "protected",
    "public",
    "return",
    "short",
    "static",
    "strictfp",
    "super",
    "switch",
    "synchronized",
    "this",
    "throw",
    "throws",
    "transient",
    "true",
    "try",
    "void",
    "volatile",
    "while",
];

/// All errors of a property's value.
pub(super) fn run_all(property: &Property, value: Option<&str>, props: &Properties) -> Vec<String> {
    let errors = property
        .checks
        .iter()
        .flat_map(|check| run(check, property, value, props));
    errors.collect()
}

fn run(check: &str, property: &Property, value: Option<&str>, props: &Properties) -> Vec<String> {
    let name = property.definition.name.as_str();
    let (check, argument) = check.split_once(':').unwrap_or((check, ""));
    if check == "required" {
        let blank = value.is_none_or(|v| v.trim().is_empty());
        return debezium(name, blank.then(|| "A value is required".to_owned()));
    }
    if check == "queue_size" {
        return queue_size(name, props);
    }
    let Some(value) = value else {
        return Vec::new();
    };
    match check {
        "name" => connector_name(value),
        "connect_int" | "connect_long" | "connect_min_1" | "connect_min_0" | "connect_bool"
        | "words" | "words_any_case" | "class" | "not_blank" => {
            connect_check(check, argument, name, value)
        }
        "recommended" => {
            let known = property
                .recommended
                .iter()
                .any(|w| w.eq_ignore_ascii_case(value.trim()));
            let words = || format!("Value must be one of {}", property.recommended.join(", "));
            debezium(name, (!known).then(words))
        }
        "regex_list" => {
            let fault = regex_list(value).err();
            let text = |fault| {
                format!(
                    "A comma-separated list of valid regular expressions is expected, but {fault}"
                )
            };
            debezium(name, fault.map(text))
        }
        "excludes" => {
            let both = props.contains_key(argument);
            debezium(
                name,
                both.then(|| format!("\"{argument}\" is already specified")),
            )
        }
        "key_columns" => formatted(name, value, ';', KEY_COLUMNS),
        "replica_identity" => formatted(name, value, ',', REPLICA_IDENTITY),
        _ => debezium(name, simple(check, value)),
    }
}

/// A check of the value alone; its words when it fails.
fn simple(check: &str, value: &str) -> Option<String> {
    let trimmed = value.trim();
    // Debezium takes numbers as they stand, without the spaces around them.
    let int = value.parse::<i32>().ok();
    let long = value.parse::<i64>().ok();
    let (good, words) = match check {
        "int" => (int.is_some(), "An integer is expected"),
        "positive_int" => (
            int.is_some_and(|n| n > 0),
            "A positive, non-zero integer value is expected",
        ),
        "nonneg_int" => (
            int.is_some_and(|n| n >= 0),
            "An non-negative integer is expected",
        ),
        "long" => (long.is_some(), "A long value is expected"),
        "positive_long" => (
            long.is_some_and(|n| n > 0),
            "A positive, non-zero long value is expected",
        ),
        "nonneg_long" => (
            long.is_some_and(|n| n >= 0),
            "A non-negative long value is expected",
        ),
        "bool" => (is_bool(trimmed), "Either 'true' or 'false' is expected"),
        "java_class" => (is_java_class(trimmed), "A Java class name is expected"),
        "operations" => (trimmed.split(',').all(is_operation), "Invalid operation"),
        "slot_name" => (
            is_slot_name(value),
            "Valid replication slot name must contain only digits, lowercase characters and underscores with length <= 63",
        ),
        "map" => (
            trimmed.is_empty() || trimmed.split(',').all(is_pair),
            "A equivalent-separated map of valid key/value pairs is expected, for example: k1=v1,k2=v2",
        ),
        "topic_name" => return format_error(value, value.is_empty(), &['_', '-', '.']),
        // Several hosts are given with commas, an IPv6 address with colons.
        "host" => return format_error(value, false, &['_', '-', '.', ',', ':']),
        _ => return None,
    };
    (!good).then(|| words.to_owned())
}

fn format_error(value: &str, refuse: bool, others: &[char]) -> Option<String> {
    let blank = value.trim().is_empty() && !refuse && others.contains(&',');
    let good = !refuse
        && value
            .chars()
            .all(|c| c.is_ascii_alphanumeric() || others.contains(&c) || blank);
    (!good || (value.trim().is_empty() && !blank)).then(|| {
        format!("{value} has invalid format (only the underscore, hyphen, dot and alphanumeric characters are allowed)")
    })
}

fn is_bool(value: &str) -> bool {
    value.eq_ignore_ascii_case("true") || value.eq_ignore_ascii_case("false")
}

fn is_operation(word: &str) -> bool {
    matches!(word.trim(), "c" | "u" | "d" | "t" | "none")
}

fn is_pair(pair: &str) -> bool {
    pair.split_once('=')
        .is_some_and(|(key, value)| !key.trim().is_empty() && !value.trim().is_empty())
}

fn is_slot_name(value: &str) -> bool {
    let allowed = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_';
    (1..=63).contains(&value.len()) && value.chars().all(allowed)
}

fn is_java_class(value: &str) -> bool {
    let first = |c: char| c.is_alphabetic() || matches!(c, '_' | '$');
    value.split('.').all(|part| {
        part.starts_with(first)
            && part.chars().all(|c| first(c) || c.is_alphanumeric())
            && !JAVA_KEYWORDS.contains(&part)
    })
}

fn connector_name(value: &str) -> Vec<String> {
    let trimmed = value.trim();
    let words = if trimmed.is_empty() {
        "String may not be empty".to_owned()
    } else {
        let controls = trimmed.chars().filter(|c| c.is_control());
        let codes: Vec<_> = controls.map(|c| u32::from(c).to_string()).collect();
        if codes.is_empty() {
            return Vec::new();
        }
        format!(
            "String may not contain control sequences but had the following ASCII chars: {}",
            codes.join(", ")
        )
    };
    vec![format!(
        "Invalid value {trimmed} for configuration name: {words}"
    )]
}

fn connect_check(check: &str, argument: &str, name: &str, value: &str) -> Vec<String> {
    let invalid = |shown: &str, words: &str| {
        format!("Invalid value {shown} for configuration {name}: {words}")
    };
    let trimmed = value.trim();
    let number = trimmed.parse::<i64>().ok();
    let is_word = |same: fn(&str, &str) -> bool| argument.split(", ").any(|w| same(w, trimmed));
    match check {
        "connect_int" if trimmed.parse::<i32>().is_err() => vec![
            invalid(value, "Not a number of type INT"),
            invalid("null", "Value must be non-null"),
        ],
        "connect_long" if number.is_none() => vec![invalid(value, "Not a number of type LONG")],
        "connect_min_1" if number.is_some_and(|n| n < 1) => {
            vec![invalid(trimmed, "Value must be at least 1")]
        }
        "connect_min_0" if number.is_some_and(|n| n < 0) => {
            vec![invalid(trimmed, "Value must be at least 0")]
        }
        "connect_bool" if !is_bool(trimmed) => {
            vec![invalid(value, "Expected value to be either true or false")]
        }
        "words" if !is_word(|a, b| a == b) => {
            vec![invalid(
                trimmed,
                &format!("String must be one of: {argument}"),
            )]
        }
        "words_any_case" if !is_word(str::eq_ignore_ascii_case) => {
            let words = format!("String must be one of (case insensitive): {argument}");
            vec![invalid(trimmed, &words)]
        }
        "class" => {
            let r#type = if name == "header.converter" {
                "header_converter"
            } else {
                "converter"
            };
            let interface = match r#type {
                "converter" => "Converter",
                _ => "HeaderConverter",
            };
            match catalog::find_of(r#type, trimmed) {
                Some(_) => Vec::new(),
                None => vec![chain::no_such(name, value, interface)],
            }
        }
        "not_blank" if trimmed.is_empty() => vec![invalid("", "String must be non-empty")],
        _ => Vec::new(),
    }
}

/// Debezium's defaults are 8192 and 2048. What is no number is the other checks' business.
fn queue_size(name: &str, props: &Properties) -> Vec<String> {
    let number = |name: &str, default: i32| match props.get(name) {
        Some(text) => text.parse::<i32>().ok(),
        None => Some(default),
    };
    let Some(queue) = number(name, 8192) else {
        return Vec::new();
    };
    let batch = number("max.batch.size", 2048);
    let mut errors = Vec::new();
    if queue <= 0 {
        errors.extend(debezium(
            name,
            Some("A positive queue size is required".into()),
        ));
    }
    if batch.is_some_and(|batch| queue <= batch) {
        errors.extend(debezium(
            name,
            Some("Must be larger than the maximum batch size".into()),
        ));
    }
    errors
}

/// Splits at commas that no backslash escapes, as Debezium does, and checks every expression.
fn regex_list(value: &str) -> Result<(), String> {
    let mut expression = String::new();
    let mut chars = value.chars().peekable();
    while let Some(c) = chars.next() {
        match c {
            '\\' if chars.peek() == Some(&',') => {
                chars.next();
                expression.push(',');
            }
            ',' => {
                java_regex::check(expression.trim())?;
                expression.clear();
            }
            c => expression.push(c),
        }
    }
    java_regex::check(expression.trim())
}

fn formatted(name: &str, value: &str, separator: char, pattern: &str) -> Vec<String> {
    static PATTERNS: OnceLock<[Option<Regex>; 2]> = OnceLock::new();
    let patterns = PATTERNS.get_or_init(|| {
        [
            Regex::new(KEY_COLUMNS).ok(),
            Regex::new(REPLICA_IDENTITY).ok(),
        ]
    });
    let regex = patterns[usize::from(pattern != KEY_COLUMNS)].as_ref();
    let mut errors = Vec::new();
    if value.is_empty() {
        errors.extend(debezium(name, Some("Must not be empty".into())));
    }
    for part in value.split(separator) {
        if regex.is_some_and(|regex| !regex.is_match(part)) {
            let words = format!("{part} has an invalid format (expecting '{pattern}')");
            errors.extend(debezium(name, Some(words)));
        }
    }
    errors
}

fn debezium(name: &str, words: Option<String>) -> Vec<String> {
    words
        .into_iter()
        .map(|words| format!("The '{name}' value is invalid: {words}"))
        .collect()
}
