//! Java's login configuration files: `NAME { CLASS FLAG option="value" …; … };`.
//!
//! The form is `javax.security.auth.login.Configuration`'s. Text enters, the modules of one entry leave.

use std::collections::BTreeMap;

/// One login module of an entry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Module {
    /// The class.
    pub(super) class: String,
    /// Its options.
    pub(super) options: BTreeMap<String, String>,
}

/// The modules of the entry `name`, or of `other`, which Java takes when there is none of the name.
///
/// # Errors
/// What is wrong with the text, or that it has neither entry.
pub(super) fn modules(text: &str, name: &str) -> Result<Vec<Module>, String> {
    let mut tokens = tokens(text)?.into_iter();
    let mut entries: Vec<(String, Vec<Module>)> = Vec::new();
    while let Some(token) = tokens.next() {
        let entry = token.word()?;
        if tokens.next() != Some(Token::Mark('{')) {
            return Err(format!("expected {{ behind {entry}"));
        }
        let mut modules = Vec::new();
        loop {
            match tokens.next() {
                Some(Token::Mark('}')) => break,
                Some(class) => modules.push(module(class.word()?, &mut tokens)?),
                None => return Err(format!("the entry {entry} does not end")),
            }
        }
        if tokens.next() != Some(Token::Mark(';')) {
            return Err(format!("expected ; behind the entry {entry}"));
        }
        entries.push((entry, modules));
    }
    let found = [name, "other"].into_iter().find_map(|wanted| {
        let index = entries.iter().position(|(entry, _)| entry == wanted)?;
        Some(entries.swap_remove(index).1)
    });
    found.ok_or_else(|| format!("there is no entry {name}"))
}

fn module(class: String, tokens: &mut impl Iterator<Item = Token>) -> Result<Module, String> {
    let ends = || format!("the module {class} does not end with ;");
    let flag = tokens.next().ok_or_else(ends)?.word()?;
    let known = ["required", "requisite", "sufficient", "optional"];
    if !known.iter().any(|k| flag.eq_ignore_ascii_case(k)) {
        return Err(format!(
            "{flag} behind {class} is none of {}",
            known.join(", ")
        ));
    }
    let mut options = BTreeMap::new();
    loop {
        let key = match tokens.next().ok_or_else(ends)? {
            Token::Mark(';') => break,
            token => token.word()?,
        };
        if tokens.next() != Some(Token::Mark('=')) {
            return Err(format!("expected = behind the option {key}"));
        }
        let value = tokens.next().ok_or_else(ends)?.word()?;
        if value.contains("${") {
            return Err(format!(
                "the option {key} refers to a Java system property, which cannot be read; write the value"
            ));
        }
        options.insert(key, value);
    }
    Ok(Module { class, options })
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Token {
    Word(String),
    Mark(char),
}

impl Token {
    fn word(self) -> Result<String, String> {
        match self {
            Self::Word(word) => Ok(word),
            Self::Mark(mark) => Err(format!("unexpected {mark}")),
        }
    }
}

fn tokens(text: &str) -> Result<Vec<Token>, String> {
    let mut out = Vec::new();
    let mut rest = text.trim_start();
    while let Some(c) = rest.chars().next() {
        let after = &rest[c.len_utf8()..];
        if rest.starts_with("//") {
            rest = rest.split_once('\n').map_or("", |(_, after)| after);
        } else if rest.starts_with("/*") {
            rest = rest.split_once("*/").ok_or("a comment does not end")?.1;
        } else if matches!(c, '{' | '}' | ';' | '=') {
            out.push(Token::Mark(c));
            rest = after;
        } else if matches!(c, '"' | '\'') {
            let (word, behind) = quoted(after, c)?;
            out.push(Token::Word(word));
            rest = behind;
        } else {
            let ends =
                |c: char| c.is_whitespace() || matches!(c, '{' | '}' | ';' | '=' | '"' | '\'');
            let end = rest.find(ends).unwrap_or(rest.len());
            out.push(Token::Word(rest[..end].to_owned()));
            rest = &rest[end..];
        }
        rest = rest.trim_start();
    }
    Ok(out)
}

/// Text up to the closing quote, and what is behind it.
fn quoted(text: &str, quote: char) -> Result<(String, &str), String> {
    let mut word = String::new();
    let mut chars = text.char_indices();
    while let Some((index, c)) = chars.next() {
        match c {
            c if c == quote => return Ok((word, &text[index + 1..])),
            '\\' => match chars.next() {
                Some((_, 'n')) => word.push('\n'),
                Some((_, 't')) => word.push('\t'),
                Some((_, 'r')) => word.push('\r'),
                Some((_, other)) => word.push(other),
                None => break,
            },
            c => word.push(c),
        }
    }
    Err("a quoted text does not end".into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn entries_modules_and_options_are_read() {
        let text = r#"
            // the broker's
            KafkaClient { a.Plain required username="u" password="p;}"; };
            /* ours */
            KafkaConnect {
                x.Module REQUIRED file="/a \"b\"" debug=true;
                y.Module optional;
            };"#;
        let got = modules(text, "KafkaConnect").unwrap();
        let options = [("file", "/a \"b\""), ("debug", "true")];
        let options = options.map(|(k, v)| (k.to_owned(), v.to_owned())).into();
        assert_eq!(
            got[0],
            Module {
                class: "x.Module".into(),
                options
            }
        );
        assert_eq!((got.len(), got[1].class.as_str()), (2, "y.Module"));
        assert_eq!(
            modules(text, "KafkaClient").unwrap()[0].options["password"],
            "p;}"
        );
        assert!(modules(text, "Nobody").is_err());
        assert_eq!(
            modules("other { z required; };", "Nobody").unwrap()[0].class,
            "z"
        );
    }

    #[test]
    fn what_is_malformed_is_told() {
        for text in [
            "KafkaConnect",
            "KafkaConnect {",
            "KafkaConnect { a",
            "KafkaConnect { a required",
            "KafkaConnect { a maybe; };",
            "KafkaConnect { a required x; };",
            "KafkaConnect { a required x=\"; };",
            "KafkaConnect { a required x=1; }",
            "/*",
            "{",
            "KafkaConnect { a required x=${y}; };",
        ] {
            assert!(modules(text, "KafkaConnect").is_err(), "{text}");
        }
    }

    proptest::proptest! {
        #[test]
        fn reading_is_total(text: String) {
            let _read = modules(&text, "KafkaConnect");
        }
    }
}
