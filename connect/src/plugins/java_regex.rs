//! Finds the syntax errors of Java regular expressions that users make most, in Java's words.
//!
//! It is no parser: an expression that passes may still be refused by the engine, in its own words.

/// Checks an expression.
///
/// # Errors
/// The message of `java.util.regex.PatternSyntaxException`.
pub(super) fn check(expression: &str) -> Result<(), String> {
    let chars: Vec<char> = expression.chars().collect();
    let mut open_groups = 0_usize;
    let mut at = 0;
    // Whether a quantifier has something to repeat.
    let mut repeatable = false;
    while let Some(&c) = chars.get(at) {
        match c {
            '\\' => {
                if at + 1 == chars.len() {
                    return Err(fault("Unexpected internal error", chars.len(), &chars));
                }
                at += 1;
                repeatable = true;
            }
            '[' => {
                at = end_of_class(&chars, at)
                    .ok_or_else(|| fault("Unclosed character class", chars.len() - 1, &chars))?;
                repeatable = true;
            }
            '(' => {
                open_groups += 1;
                repeatable = false;
                if chars.get(at + 1) == Some(&'?') {
                    at += 1;
                }
            }
            ')' if open_groups == 0 => {
                return Err(fault("Unmatched closing ')'", at.saturating_sub(1), &chars));
            }
            ')' => {
                open_groups -= 1;
                repeatable = true;
            }
            '*' | '+' | '?' if !repeatable => {
                return Err(fault(&format!("Dangling meta character '{c}'"), at, &chars));
            }
            '|' => repeatable = false,
            _ => repeatable = true,
        }
        at += 1;
    }
    if open_groups > 0 {
        return Err(fault("Unclosed group", chars.len(), &chars));
    }
    Ok(())
}

/// The index of the `]` that ends the class beginning at `start`.
fn end_of_class(chars: &[char], start: usize) -> Option<usize> {
    let mut depth = 0_usize;
    let mut at = start;
    while let Some(&c) = chars.get(at) {
        match c {
            '\\' => at += 1,
            '[' => depth += 1,
            ']' => {
                // A bracket right after the opening one, or after its ^, is a literal.
                let first = chars.get(start + 1) == Some(&'^');
                if depth > 1 || at > start + 1 + usize::from(first) {
                    depth -= 1;
                }
                if depth == 0 {
                    return Some(at);
                }
            }
            _ => {}
        }
        at += 1;
    }
    None
}

/// Java's message: description, index, the expression, and a caret where it fits.
fn fault(description: &str, index: usize, chars: &[char]) -> String {
    let expression: String = chars.iter().collect();
    let caret = if index < chars.len() {
        format!("\n{}^", " ".repeat(index))
    } else {
        String::new()
    };
    format!("{description} near index {index}\n{expression}{caret}")
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The messages are those of Java 25.
    #[test]
    fn faults_are_told_in_javas_words() {
        for (expression, message) in [
            ("public.(a", "Unclosed group near index 9\npublic.(a"),
            ("*", "Dangling meta character '*' near index 0\n*\n^"),
            ("[", "Unclosed character class near index 0\n[\n^"),
            ("a[b", "Unclosed character class near index 2\na[b\n  ^"),
            ("a|+", "Dangling meta character '+' near index 2\na|+\n  ^"),
        ] {
            assert_eq!(check(expression), Err(message.to_owned()), "{expression}");
        }
    }

    #[test]
    fn what_java_takes_passes() {
        for expression in [
            "",
            "public.a",
            r"public\.(a|b)*",
            "[a-z]+?",
            "(?i)x",
            r"\(",
            "[]a]",
            "[^]]",
            "[a[bc]]",
            "a{2}",
        ] {
            assert_eq!(check(expression), Ok(()), "{expression}");
        }
    }

    proptest::proptest! {
        #[test]
        fn checking_is_total(expression: String) {
            let _checked = check(&expression);
        }
    }
}
