//! JSON strings: text with its escapes, eight bytes at a time.

use std::borrow::Cow;

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
    let done = ascii(text, out);
    match text.get(done..) {
        None | Some([]) => {}
        Some(rest) => string_body(rest, out),
    }
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
    while let Some(length) = plain(rest) {
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

/// How many bytes of UTF-8 text can stay as they are, when that is not all.
fn plain(text: &[u8]) -> Option<usize> {
    let mut at = 0;
    for word in text.as_chunks::<8>().0 {
        match words::special(u64::from_le_bytes(*word)) {
            0 => at += 8,
            found => return Some(at + words::first(found)),
        }
    }
    let tail = text.get(at..)?;
    let length = tail.iter().position(|&byte| need(byte) != Need::Nothing)?;
    Some(at + length)
}

/// Appends text up to the first byte that takes more than two bytes or is not ASCII; gives how much.
///
/// Room is made once for all of it, and whole words go there: what comes next overwrites what of a
/// word was too much.
fn ascii(text: &[u8], out: &mut Vec<u8>) -> usize {
    let start = out.len();
    out.resize(start + 2 * text.len() + 8, 0);
    let room = out.get_mut(start..).unwrap_or_default();
    let room_length = room.len();
    let (rest, room) = ascii_words(text, room);
    let (rest, left) = ascii_bytes(rest, room);
    out.truncate(start + room_length - left);
    text.len() - rest.len()
}

/// The part of [`ascii`] that goes by words; gives what is left of text and room.
fn ascii_words<'t, 'r>(mut text: &'t [u8], mut room: &'r mut [u8]) -> (&'t [u8], &'r mut [u8]) {
    while let (Some(word), Some(place)) = (text.first_chunk::<8>(), room.first_chunk_mut::<8>()) {
        *place = *word;
        let found = words::special_or_wide(u64::from_le_bytes(*word));
        if found == 0 {
            text = text.get(8..).unwrap_or_default();
            room = room.get_mut(8..).unwrap_or_default();
            continue;
        }
        let clean = words::first(found);
        text = text.get(clean..).unwrap_or_default();
        room = room.get_mut(clean..).unwrap_or_default();
        let Some((short, after)) = escaped_first(text) else {
            break;
        };
        (text, room) = (after, put_escape(short, room));
    }
    (text, room)
}

/// The part of [`ascii`] that goes byte by byte; gives what is left of the text, and how much of the
/// room.
fn ascii_bytes<'t>(mut text: &'t [u8], mut room: &mut [u8]) -> (&'t [u8], usize) {
    while let Some((&byte, after)) = text.split_first() {
        if byte >= 0x80 {
            break;
        }
        if need(byte) == Need::Nothing {
            if let Some(place) = room.first_mut() {
                *place = byte;
            }
            (text, room) = (after, room.get_mut(1..).unwrap_or_default());
            continue;
        }
        let Some((short, after)) = escaped_first(text) else {
            break;
        };
        (text, room) = (after, put_escape(short, room));
    }
    (text, room.len())
}

/// The letter of the first byte's escape, and what follows that byte.
#[inline]
fn escaped_first(text: &[u8]) -> Option<(u8, &[u8])> {
    let (&byte, after) = text.split_first()?;
    match byte {
        b'"' | b'\\' => Some((byte, after)),
        _ => Some((short_escape(byte)?, after)),
    }
}

/// Puts an escape at the front of the room; gives the room behind it.
#[inline]
fn put_escape(short: u8, room: &mut [u8]) -> &mut [u8] {
    match room.split_first_chunk_mut::<2>() {
        Some((place, beyond)) => {
            *place = [b'\\', short];
            beyond
        }
        None => &mut [],
    }
}

/// Eight bytes of text at a time. A result has the top bits set of the bytes that were looked for.
mod words {
    const EACH: u64 = 0x0101_0101_0101_0101;
    const TOPS: u64 = 0x80 * EACH;

    /// Control characters, quotes and backslashes, and bytes from 0xF0.
    pub(super) const fn special(word: u64) -> u64 {
        let beyond = word & (word << 1) & (word << 2) & (word << 3);
        (escaped(word) & !word | beyond) & TOPS
    }

    /// Control characters, quotes and backslashes, and all that is not ASCII.
    pub(super) const fn special_or_wide(word: u64) -> u64 {
        (escaped(word) | word) & TOPS
    }

    /// Control characters, quotes and backslashes, and what would be one without its top bit.
    const fn escaped(word: u64) -> u64 {
        let low = word & !TOPS;
        // Each sum has a byte's top bit where it is no such character, and carries nothing.
        let no_control = low + 0x60 * EACH;
        let no_quote = (low ^ (0x22 * EACH)) + 0x7F * EACH;
        let no_backslash = (low ^ (0x5C * EACH)) + 0x7F * EACH;
        !(no_control & no_quote & no_backslash)
    }

    /// Index of the first byte that was found; 8 for none.
    #[expect(clippy::as_conversions, reason = "at most 8")]
    pub(super) const fn first(found: u64) -> usize {
        (found.trailing_zeros() / 8) as usize
    }
}

fn escape(byte: u8, out: &mut Vec<u8>) {
    match short_escape(byte) {
        Some(short) => out.extend_from_slice(&[b'\\', short]),
        None => unit(u16::from(byte), out),
    }
}

/// The letter of a byte's escape of two characters, where it has one.
const fn short_escape(byte: u8) -> Option<u8> {
    Some(match byte {
        b'"' => b'"',
        b'\\' => b'\\',
        0x08 => b'b',
        b'\t' => b't',
        b'\n' => b'n',
        0x0C => b'f',
        b'\r' => b'r',
        _ => return None,
    })
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

    /// As [`string`], byte by byte.
    fn slowly(text: &[u8]) -> Vec<u8> {
        let mut out = vec![b'"'];
        for character in String::from_utf8_lossy(text).chars() {
            let mut units = [0; 2];
            match character {
                '\u{10000}'.. => character
                    .encode_utf16(&mut units)
                    .iter()
                    .for_each(|value| unit(*value, &mut out)),
                '\0'..'\x20' | '"' | '\\' => {
                    escape(u8::try_from(character).expect("ASCII"), &mut out)
                }
                _ => out.extend_from_slice(character.encode_utf8(&mut [0; 4]).as_bytes()),
            }
        }
        out.push(b'"');
        out
    }

    #[track_caller]
    fn check_bytes(text: &[u8]) {
        let mut out = Vec::new();
        string(text, &mut out);
        assert_eq!(out, slowly(text), "{text:?}");
    }

    #[test]
    fn every_byte_is_escaped_at_every_place() {
        for byte in 0..=u8::MAX {
            for at in 0..20 {
                let mut text = *b"0123456789abcdefghij";
                text[at] = byte;
                check_bytes(&text);
                check_bytes(&text[..=at]);
            }
        }
    }

    proptest::proptest! {
        #[test]
        fn words_are_escaped_as_bytes(text: Vec<u8>, chars: String, quoted in "[\"\\\\a\\n\u{1}é😀]*") {
            check_bytes(&text);
            check_bytes(chars.as_bytes());
            check_bytes(quoted.as_bytes());
        }
    }

    #[test]
    fn bytes_that_are_no_text_become_replacement_characters() {
        let mut out = Vec::new();
        string(b"a\xffb\xf0", &mut out);
        assert_eq!(String::from_utf8_lossy(&out), "\"a\u{fffd}b\u{fffd}\"");
    }
}
