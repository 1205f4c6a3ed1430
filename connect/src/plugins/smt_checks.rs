//! Validators of transforms' and predicates' options, in Kafka Connect's words.
//!
//! Connect runs them without the prefix of the alias, and also on what is missing.

/// What the validator named `check` says of an option's value; `None` when it is content, or is no
/// such validator. `None` for a value is one that is missing and has no default.
pub(super) fn fault(check: &str, option: &str, value: Option<&str>) -> Option<String> {
    let (check, words) = check.split_once(':').unwrap_or((check, ""));
    let shown = value.map_or("null", str::trim);
    let invalid = |why: &str| {
        Some(format!(
            "Invalid value {shown} for configuration {option}: {why}"
        ))
    };
    let one_of = |same: fn(&str, &str) -> bool| words.split(", ").any(|word| same(word, shown));
    match (check, value) {
        ("list_not_empty", Some(text)) if text.split(',').all(|part| part.trim().is_empty()) => {
            Some(format!(
                "Invalid value [] for configuration {option}: Empty list"
            ))
        }
        ("list_not_empty", None) => invalid("Empty list"),
        ("list_of_casts", None) => Some("Must specify at least one field to cast.".to_owned()),
        ("not_blank", Some(text)) if text.trim().is_empty() => invalid("String must be non-empty"),
        ("not_null", None) => invalid("entry must be non null"),
        ("one_of", _) if !one_of(|word, text| word == text) => {
            invalid(&format!("String must be one of: {words}"))
        }
        ("one_of_any_case", _) if !one_of(|word, text| word.eq_ignore_ascii_case(text)) => invalid(
            &format!("String must be one of (case insensitive): {words}"),
        ),
        // Debezium's own enumerations, where it gives Connect a validator.
        ("mode", Some(_)) if !one_of(|word, text| word.eq_ignore_ascii_case(text)) => {
            invalid(&format!("Value must be one of {words}"))
        }
        ("regex", None) => invalid("Invalid regex: null"),
        ("regex", Some(text)) => {
            let wrong = super::java_regex::check(text.trim()).err()?;
            invalid(&format!("Invalid regex: {wrong}"))
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// As Kafka Connect 4.1 answered.
    #[test]
    fn faults_are_told_in_connects_words() {
        for (check, value, expected) in [
            (
                "list_not_empty",
                None,
                "Invalid value null for configuration o: Empty list",
            ),
            (
                "list_not_empty",
                Some(" , "),
                "Invalid value [] for configuration o: Empty list",
            ),
            (
                "not_blank",
                Some(" "),
                "Invalid value  for configuration o: String must be non-empty",
            ),
            (
                "not_null",
                None,
                "Invalid value null for configuration o: entry must be non null",
            ),
            (
                "one_of:a, b",
                Some("A"),
                "Invalid value A for configuration o: String must be one of: a, b",
            ),
            (
                "mode:a, b",
                Some("c"),
                "Invalid value c for configuration o: Value must be one of a, b",
            ),
            (
                "list_of_casts",
                None,
                "Must specify at least one field to cast.",
            ),
        ] {
            assert_eq!(
                fault(check, "o", value).as_deref(),
                Some(expected),
                "{check}"
            );
        }
        for (check, value) in [
            ("list_not_empty", Some("a")),
            ("not_blank", None),
            ("not_null", Some("")),
            ("one_of:a, b", Some("b")),
            ("one_of_any_case:V1, V2", Some("v2")),
            ("mode:a, b", Some("B")),
            ("regex", Some("a.*")),
        ] {
            assert_eq!(fault(check, "o", value), None, "{check}");
        }
    }
}
