//! Java's `.properties` format, as `java.util.Properties.load` reads it.
//!
//! Text enters, key and value pairs leave in the order of the file. It never fails but on a
//! malformed `\u` escape, which Java refuses too.

use std::iter::Peekable;
use std::str::Chars;

/// A `\u` escape that is not four hexadecimal digits, or half of a surrogate pair.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("line {line}: malformed \\u escape; write \\u and four hexadecimal digits")]
pub struct BadEscape {
    /// The line the escape stands on, from 1.
    pub line: usize,
}

/// Reads the whole text. A key that is given twice appears twice; the later one counts.
///
/// # Errors
/// [`BadEscape`] for a `\u` that four hexadecimal digits don't follow.
pub fn parse(text: &str) -> Result<Vec<(String, String)>, BadEscape> {
    let mut pairs = Vec::new();
    for (line, logical) in logical_lines(text) {
        let (key, value) = split(&logical);
        let at = |()| BadEscape { line };
        pairs.push((unescape(key).map_err(at)?, unescape(value).map_err(at)?));
    }
    Ok(pairs)
}

/// Natural lines joined at continuations, comments and blank lines left out, each with the number
/// of its first line.
fn logical_lines(text: &str) -> Vec<(usize, String)> {
    let mut out: Vec<(usize, String)> = Vec::new();
    let mut continued = false;
    for (index, natural) in natural_lines(text).enumerate() {
        let line = natural.trim_start_matches([' ', '\t', '\x0c']);
        let comment = line.is_empty() || line.starts_with(['#', '!']);
        if !continued && comment {
            continue;
        }
        let ends_open = ends_with_continuation(line);
        let body = if ends_open {
            &line[..line.len() - 1]
        } else {
            line
        };
        match out.last_mut() {
            Some((_, last)) if continued => last.push_str(body),
            _ => out.push((index + 1, body.to_owned())),
        }
        continued = ends_open;
    }
    out
}

/// Lines ended by `\n`, `\r` or `\r\n`.
fn natural_lines(text: &str) -> impl Iterator<Item = &str> {
    text.split('\n')
        .flat_map(|line| line.strip_suffix('\r').unwrap_or(line).split('\r'))
}

/// Whether an odd number of backslashes ends the line.
fn ends_with_continuation(line: &str) -> bool {
    line.bytes().rev().take_while(|b| *b == b'\\').count() % 2 == 1
}

/// Splits at the first unescaped `=`, `:` or white space.
fn split(line: &str) -> (&str, &str) {
    let mut escaped = false;
    let mut end = line.len();
    for (index, c) in line.char_indices() {
        if !escaped && matches!(c, '=' | ':' | ' ' | '\t' | '\x0c') {
            end = index;
            break;
        }
        escaped = !escaped && c == '\\';
    }
    let white = [' ', '\t', '\x0c'];
    let rest = line[end..].trim_start_matches(white);
    let rest = rest.strip_prefix(['=', ':']).unwrap_or(rest);
    (&line[..end], rest.trim_start_matches(white))
}

fn unescape(text: &str) -> Result<String, ()> {
    let mut out = String::with_capacity(text.len());
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        if c != '\\' {
            out.push(c);
            continue;
        }
        match chars.next() {
            Some('t') => out.push('\t'),
            Some('n') => out.push('\n'),
            Some('r') => out.push('\r'),
            Some('f') => out.push('\x0c'),
            Some('u') => out.push(unicode(&mut chars)?),
            Some(other) => out.push(other),
            None => {}
        }
    }
    Ok(out)
}

/// The character of one `\uXXXX`, or of two that make a surrogate pair. The `\u` is consumed.
fn unicode(chars: &mut Peekable<Chars<'_>>) -> Result<char, ()> {
    let first = hex4(chars)?;
    if !(0xD800..0xDC00).contains(&first) {
        return char::from_u32(first).ok_or(());
    }
    if chars.next() != Some('\\') || chars.next() != Some('u') {
        return Err(());
    }
    let second = hex4(chars)?;
    if !(0xDC00..0xE000).contains(&second) {
        return Err(());
    }
    char::from_u32(0x10000 + ((first - 0xD800) << 10) + (second - 0xDC00)).ok_or(())
}

fn hex4(chars: &mut Peekable<Chars<'_>>) -> Result<u32, ()> {
    let mut value = 0;
    for _ in 0..4 {
        value = value * 16 + chars.next().and_then(|c| c.to_digit(16)).ok_or(())?;
    }
    Ok(value)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, expected: &[(&str, &str)]) {
        let got = parse(text).unwrap();
        let got: Vec<_> = got.iter().map(|(k, v)| (k.as_str(), v.as_str())).collect();
        assert_eq!(got, expected, "{text:?}");
    }

    #[test]
    fn separators_are_equals_colon_or_white_space() {
        check(
            "a=1\nb:2\nc 3\nd\t=\t4\n e : 5 \nf",
            &[
                ("a", "1"),
                ("b", "2"),
                ("c", "3"),
                ("d", "4"),
                ("e", "5 "),
                ("f", ""),
            ],
        );
    }

    #[test]
    fn comments_and_blank_lines_are_left_out() {
        check(
            "# a=1\n  ! b=2\n\n\t\nc=3 # not a comment",
            &[("c", "3 # not a comment")],
        );
    }

    #[test]
    fn a_backslash_at_the_end_continues_the_line_without_its_indent() {
        check(
            "a=1,\\\n   2,\\\r\n\t3\nb=x\\\\\nc=y",
            &[("a", "1,2,3"), ("b", "x\\"), ("c", "y")],
        );
        check("a=1\\\n# no comment here", &[("a", "1# no comment here")]);
        check("a=1\\", &[("a", "1")]);
    }

    #[test]
    fn escapes_in_keys_and_values() {
        check(
            r"a\ b\=c\:=\u00e9\ud83d\ude00\t\n\q",
            &[("a b=c:", "\u{e9}\u{1F600}\t\nq")],
        );
    }

    #[test]
    fn carriage_returns_alone_end_lines() {
        check("a=1\rb=2\r\nc=3", &[("a", "1"), ("b", "2"), ("c", "3")]);
    }

    #[test]
    fn a_malformed_unicode_escape_names_its_line() {
        for bad in [
            r"x=\u12",
            r"x=\uZZZZ",
            r"x=\ud83d",
            r"x=\ud83dA",
            r"x=\ud83d\u0041",
            r"x=\ude00",
        ] {
            assert_eq!(
                parse(&format!("a=1\n{bad}")),
                Err(BadEscape { line: 2 }),
                "{bad}"
            );
        }
    }
}
