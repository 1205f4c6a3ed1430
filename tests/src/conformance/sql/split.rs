//! Splits a script into statements where psql would: at semicolons outside of quotes, comments and
//! parentheses. Lexical rules: "Lexical Structure" in PostgreSQL's manual.

use anyhow::{Result, bail};

/// The statements of `script`, without their semicolons.
///
/// # Errors
/// A command of psql itself, or a quote or comment that does not end.
pub(super) fn statements(script: &str) -> Result<Vec<&str>> {
    let mut statements = Vec::new();
    let (mut begin, mut at, mut depth, mut is_empty) = (0, 0, 0_usize, true);
    while let Some(token) = script[at..].chars().next() {
        let end = at + token_length(&script[at..], script[..at].chars().next_back())?;
        match token {
            ';' if depth == 0 => {
                if !is_empty {
                    statements.push(script[begin..at].trim());
                }
                (begin, is_empty) = (end, true);
            }
            '\\' => bail!(
                "psql's own commands are not known: {}",
                script[at..].lines().next().unwrap_or_default()
            ),
            '(' => depth += 1,
            ')' => depth = depth.saturating_sub(1),
            _ => {}
        }
        let is_blank = token.is_whitespace() || is_comment(&script[at..]) || token == ';';
        is_empty &= is_blank;
        at = end;
    }
    if !is_empty {
        statements.push(script[begin..].trim());
    }
    Ok(statements)
}

/// The bytes of the quoted text, comment or single character that `rest` begins with.
fn token_length(rest: &str, before: Option<char>) -> Result<usize> {
    let first = rest.chars().next().map_or(0, char::len_utf8);
    let found = if rest.starts_with('\'') {
        quoted(rest, '\'', matches!(before, Some('e' | 'E')))
    } else if rest.starts_with('"') {
        quoted(rest, '"', false)
    } else if rest.starts_with("--") {
        Some(rest.find('\n').unwrap_or(rest.len()))
    } else if rest.starts_with("/*") {
        block_comment(rest)
    } else if let Some(tag) = dollar_tag(rest).filter(|_| !before.is_some_and(is_name)) {
        rest[tag.len()..].find(tag).map(|end| end + 2 * tag.len())
    } else {
        Some(first)
    };
    match found {
        Some(length) => Ok(length),
        None => bail!(
            "no end of the quote or comment: {}",
            rest.lines().next().unwrap_or_default()
        ),
    }
}

fn is_comment(rest: &str) -> bool {
    rest.starts_with("--") || rest.starts_with("/*")
}

/// A quote that is doubled is taken as two texts, which has the same end.
fn quoted(rest: &str, quote: char, has_escapes: bool) -> Option<usize> {
    let mut characters = rest.char_indices().skip(1);
    while let Some((at, character)) = characters.next() {
        if character == '\\' && has_escapes {
            characters.next()?;
        } else if character == quote {
            // Of a doubled quote, the second half keeps the escapes of the first.
            if has_escapes && rest[at + 1..].starts_with(quote) {
                characters.next()?;
                continue;
            }
            return Some(at + 1);
        }
    }
    None
}

/// Block comments nest.
fn block_comment(rest: &str) -> Option<usize> {
    let (mut at, mut depth) = (0, 0_usize);
    loop {
        let next = rest.get(at..)?;
        if next.starts_with("/*") {
            depth += 1;
            at += 2;
        } else if next.starts_with("*/") {
            depth -= 1;
            at += 2;
            if depth == 0 {
                return Some(at);
            }
        } else {
            at += next.chars().next()?.len_utf8();
        }
    }
}

/// `$tag$`, if `rest` begins with one.
fn dollar_tag(rest: &str) -> Option<&str> {
    let end = rest.strip_prefix('$')?.find('$')? + 1;
    let name = &rest[1..end];
    let is_tag = name
        .chars()
        .all(|character| is_name(character) && character != '$')
        && !name.starts_with(|first: char| first.is_ascii_digit());
    is_tag.then(|| &rest[..=end])
}

/// Whether it can be in a name, so that a `$` after it is no quote.
fn is_name(character: char) -> bool {
    character.is_alphanumeric() || character == '_' || character == '$' || !character.is_ascii()
}

#[cfg(test)]
mod tests {
    use super::statements;

    fn check(script: &str, expected: &[&str]) {
        let found = statements(script).ok();
        assert_eq!(found.as_deref(), Some(expected), "{script}");
    }

    #[test]
    fn a_semicolon_ends_a_statement_unless_it_is_inside_of_something() {
        check("a; b ;\n c", &["a", "b", "c"]);
        check("begin; insert; commit;", &["begin", "insert", "commit"]);
        check("select 'a;''b'; c", &["select 'a;''b'", "c"]);
        check(r"select 'a\'; c", &[r"select 'a\'", "c"]);
        check(r"select e'a\';''\';b'; c", &[r"select e'a\';''\';b'", "c"]);
        check(r#"select "a;""b"; c"#, &[r#"select "a;""b""#, "c"]);
        check("do $$ begin a; end $$; c", &["do $$ begin a; end $$", "c"]);
        check("do $x$ $$;$y$ $x$; c", &["do $x$ $$;$y$ $x$", "c"]);
        check("select a$b$c; d$b$", &["select a$b$c", "d$b$"]);
        check("select $1; c", &["select $1", "c"]);
        check("a -- b; 'c\n; d", &["a -- b; 'c", "d"]);
        check("a /* ; /* ; */ ' ; */; b", &["a /* ; /* ; */ ' ; */", "b"]);
        check(
            "create rule r do (a; b); c",
            &["create rule r do (a; b)", "c"],
        );
        check("é;日", &["é", "日"]);
    }

    #[test]
    fn what_holds_nothing_is_no_statement() {
        check("", &[]);
        check(" ;; -- only; words\n; /* x */ ;\n", &[]);
        check("a; -- the end", &["a"]);
    }

    #[test]
    fn what_psql_alone_understands_or_what_does_not_end_is_refused() {
        for script in [
            "\\gset",
            "select 1 \\g",
            "'a",
            "\"a",
            "$$a",
            "/* /* */",
            "e'\\'",
        ] {
            assert!(statements(script).is_err(), "{script}");
        }
    }
}
