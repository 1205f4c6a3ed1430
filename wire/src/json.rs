//! JSON text as Jackson prints it for Connect's JsonConverter.
//!
//! Enters plain values, leaves bytes at the end of the caller's buffer. Compact, UTF-8; control
//! characters escaped, and characters outside the basic plane as upper-case surrogate pairs.
//! It never builds a tree and never allocates but for the buffer's growth.

mod text;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE};
pub(crate) use text::{string, string_unicode};

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
