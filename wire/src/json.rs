//! JSON text as Jackson prints it for Connect's JsonConverter.
//!
//! Enters plain values, leaves bytes at the end of the caller's buffer. Compact, UTF-8; control
//! characters escaped, and characters outside the basic plane as upper-case surrogate pairs.
//! It never builds a tree and never allocates but for the buffer's growth.

use std::borrow::Cow;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE};

const HEX_UPPER: &[u8; 16] = b"0123456789ABCDEF";

/// What a byte of UTF-8 text needs.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Need {
    Nothing,
    Escape,
    Surrogates,
}

/// By byte value; bytes from 0xF0 start the characters outside the basic plane.
static NEEDS: [Need; 256] = needs();

#[expect(
    clippy::indexing_slicing,
    clippy::as_conversions,
    reason = "runs at compile time, where an index out of bounds does not compile"
)]
const fn needs() -> [Need; 256] {
    let mut table = [Need::Nothing; 256];
    let mut byte = 0;
    while byte < 256 {
        if byte < 0x20 || byte == b'"' as usize || byte == b'\\' as usize {
            table[byte] = Need::Escape;
        } else if byte >= 0xF0 {
            table[byte] = Need::Surrogates;
        }
        byte += 1;
    }
    table
}

fn need(byte: u8) -> Need {
    NEEDS
        .get(usize::from(byte))
        .copied()
        .unwrap_or(Need::Escape)
}

/// Appends a JSON string; what is not UTF-8 becomes U+FFFD, as Java decodes it.
pub(crate) fn string(text: &[u8], out: &mut Vec<u8>) {
    out.push(b'"');
    string_body(text, out);
    out.push(b'"');
}

/// Appends a JSON string with characters outside the basic plane as they are: text that is to be
/// put into another JSON string.
pub(crate) fn string_unicode(text: &[u8], out: &mut Vec<u8>) {
    out.push(b'"');
    for &byte in text {
        if need(byte) == Need::Escape {
            escape(byte, out)
        } else {
            out.push(byte)
        }
    }
    out.push(b'"');
}

fn string_body(text: &[u8], out: &mut Vec<u8>) {
    let text = match std::str::from_utf8(text) {
        Ok(text) => Cow::Borrowed(text),
        Err(_) => String::from_utf8_lossy(text),
    };
    let mut rest = text.as_bytes();
    while let Some(length) = rest.iter().position(|&byte| need(byte) != Need::Nothing) {
        let (plain, special) = rest.split_at(length);
        out.extend_from_slice(plain);
        rest = match special.split_first() {
            Some((&byte, after)) if byte < 0xF0 => {
                escape(byte, out);
                after
            }
            _ => surrogates(special, out),
        };
    }
    out.extend_from_slice(rest);
}

fn escape(byte: u8, out: &mut Vec<u8>) {
    let short = match byte {
        b'"' => b'"',
        b'\\' => b'\\',
        0x08 => b'b',
        b'\t' => b't',
        b'\n' => b'n',
        0x0C => b'f',
        b'\r' => b'r',
        other => {
            unit(u16::from(other), out);
            return;
        }
    };
    out.extend_from_slice(&[b'\\', short]);
}

/// Escapes the character that `text` starts with; gives what follows it.
fn surrogates<'t>(text: &'t [u8], out: &mut Vec<u8>) -> &'t [u8] {
    let (head, rest) = text.split_at_checked(4).unwrap_or((text, &[]));
    let character = std::str::from_utf8(head)
        .ok()
        .and_then(|head| head.chars().next());
    let mut units = [0; 2];
    for &mut value in character.unwrap_or('\u{FFFD}').encode_utf16(&mut units) {
        unit(value, out);
    }
    rest
}

fn unit(value: u16, out: &mut Vec<u8>) {
    out.extend_from_slice(b"\\u");
    for shift in [12, 8, 4, 0] {
        let digit = usize::from(value >> shift & 0xF);
        out.push(HEX_UPPER.get(digit).copied().unwrap_or(b'0'));
    }
}

/// Appends JSON with its escapes undone but for those of quotes and backslashes.
pub(crate) fn unescape_controls(json: &[u8], out: &mut Vec<u8>) {
    let mut rest = json;
    let mut high = None;
    loop {
        rest = match rest {
            [] => return,
            [b'\\', b'u', tail @ ..] => {
                let (digits, tail) = tail.split_at_checked(4).unwrap_or((tail, &[]));
                let unit = std::str::from_utf8(digits).ok();
                let unit = unit.and_then(|digits| u16::from_str_radix(digits, 16).ok());
                let units = high.take().into_iter().chain(unit);
                match char::decode_utf16(units.clone()).next() {
                    Some(Ok(character)) => {
                        out.extend_from_slice(character.encode_utf8(&mut [0; 4]).as_bytes());
                    }
                    _ => high = units.last(),
                }
                tail
            }
            [b'\\', escaped, tail @ ..] => {
                match escaped {
                    b'b' => out.push(0x08),
                    b't' => out.push(b'\t'),
                    b'n' => out.push(b'\n'),
                    b'f' => out.push(0x0C),
                    b'r' => out.push(b'\r'),
                    other => out.extend_from_slice(&[b'\\', *other]),
                }
                tail
            }
            [byte, tail @ ..] => {
                out.push(*byte);
                tail
            }
        };
    }
}

/// Appends an integer.
pub(crate) fn int(value: impl itoa::Integer, out: &mut Vec<u8>) {
    out.extend_from_slice(itoa::Buffer::new().format(value).as_bytes());
}

/// Appends `true` or `false`.
pub(crate) fn bool(value: bool, out: &mut Vec<u8>) {
    out.extend_from_slice(if value { b"true" } else { b"false" });
}

/// The two alphabets of base64.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Alphabet {
    Standard,
    UrlSafe,
}

/// Appends bytes as a JSON string in base64 with padding.
pub(crate) fn base64(bytes: &[u8], alphabet: Alphabet, out: &mut Vec<u8>) {
    let engine = match alphabet {
        Alphabet::Standard => &STANDARD,
        Alphabet::UrlSafe => &URL_SAFE,
    };
    out.push(b'"');
    let start = out.len();
    out.resize(start + bytes.len().div_ceil(3) * 4, 0);
    if let Some(room) = out.get_mut(start..) {
        // The room is exactly what padded base64 takes, so this cannot fall short.
        let written = engine.encode_slice(bytes, room).unwrap_or(0);
        out.truncate(start + written);
    }
    out.push(b'"');
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, json: &str) {
        let mut out = Vec::new();
        string(text.as_bytes(), &mut out);
        assert_eq!(String::from_utf8_lossy(&out), json);
    }

    #[test]
    fn text_is_escaped_as_jackson_does() {
        check("", r#""""#);
        check(
            "plain / <script>&amp; \u{7f}",
            "\"plain / <script>&amp; \u{7f}\"",
        );
        check(
            "tab\tnl\ncr\rbs\\ q\" \u{8}\u{c}",
            r#""tab\tnl\ncr\rbs\\ q\" \b\f""#,
        );
        check("\u{1}\u{1f}", r#""\u0001\u001F""#);
        check("Zoë ☃ \u{2028}", "\"Zoë ☃ \u{2028}\"");
        check("😀x👩", r#""\uD83D\uDE00x\uD83D\uDC69""#);
    }

    #[test]
    fn bytes_that_are_no_text_become_replacement_characters() {
        let mut out = Vec::new();
        string(b"a\xffb\xf0", &mut out);
        assert_eq!(String::from_utf8_lossy(&out), "\"a\u{fffd}b\u{fffd}\"");
    }

    #[test]
    fn escapes_are_undone_but_for_quotes_and_backslashes() {
        let mut out = Vec::new();
        let json = r#"{"a":"\uD83D\uDE00 \t\n\u0001 \" \\ é"}"#;
        unescape_controls(json.as_bytes(), &mut out);
        let plain = "{\"a\":\"😀 \t\n\u{1} \\\" \\\\ é\"}";
        assert_eq!(String::from_utf8_lossy(&out), plain);
    }

    #[test]
    fn base64_is_padded() {
        for (bytes, json) in [
            (&b""[..], "\"\""),
            (b"\xfb\xff", "\"+/8=\""),
            (b"abc", "\"YWJj\""),
        ] {
            let mut out = Vec::new();
            base64(bytes, Alphabet::Standard, &mut out);
            assert_eq!(String::from_utf8_lossy(&out), json);
        }
    }
}
