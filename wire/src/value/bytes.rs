//! `bytea`, bit strings, and the bytes of types that are not known.

use super::{Scratch, Unfit};
use crate::json::{self, Alphabet};
use crate::modes::BinaryMode;

/// How bytes are written; each of them is a JSON string.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ByteForm {
    /// Base64, of Connect's bytes or of text alike.
    Base64,
    /// Base64 in the URL-safe alphabet.
    Base64UrlSafe,
    /// Lower-case hexadecimal.
    Hex,
}

impl From<BinaryMode> for ByteForm {
    fn from(mode: BinaryMode) -> Self {
        match mode {
            BinaryMode::Bytes | BinaryMode::Base64 => Self::Base64,
            BinaryMode::Base64UrlSafe => Self::Base64UrlSafe,
            BinaryMode::Hex => Self::Hex,
        }
    }
}

/// Appends bytes.
pub(crate) fn write(bytes: &[u8], form: ByteForm, out: &mut Vec<u8>) {
    match form {
        ByteForm::Base64 => json::base64(bytes, Alphabet::Standard, out),
        ByteForm::Base64UrlSafe => json::base64(bytes, Alphabet::UrlSafe, out),
        ByteForm::Hex => {
            out.push(b'"');
            for byte in bytes {
                out.extend_from_slice(&[digit(byte >> 4), digit(byte & 0xF)]);
            }
            out.push(b'"');
        }
    }
}

const fn digit(value: u8) -> u8 {
    if value < 10 {
        b'0' + value
    } else {
        b'a' + value - 10
    }
}

/// Appends a `bytea` from its hex form.
pub(super) fn bytea(
    text: &[u8],
    form: ByteForm,
    scratch: &mut Scratch,
    out: &mut Vec<u8>,
) -> Result<(), Unfit> {
    let digits = text.strip_prefix(b"\\x").ok_or(Unfit::Malformed)?;
    if form == ByteForm::Hex {
        if digits.len() % 2 != 0 || !digits.iter().all(u8::is_ascii_hexdigit) {
            return Err(Unfit::Malformed);
        }
        out.push(b'"');
        out.extend_from_slice(digits);
        out.push(b'"');
        return Ok(());
    }
    unhex(digits, &mut scratch.bytes)?;
    write(&scratch.bytes, form, out);
    Ok(())
}

/// Decodes hexadecimal digits into `bytes`.
pub(super) fn unhex(digits: &[u8], bytes: &mut Vec<u8>) -> Result<(), Unfit> {
    let (pairs, []) = digits.as_chunks::<2>() else {
        return Err(Unfit::Malformed);
    };
    bytes.clear();
    bytes.reserve(pairs.len());
    for &[high, low] in pairs {
        bytes.push(nibble(high)? << 4 | nibble(low)?);
    }
    Ok(())
}

const fn nibble(digit: u8) -> Result<u8, Unfit> {
    match digit {
        b'0'..=b'9' => Ok(digit - b'0'),
        b'a'..=b'f' => Ok(digit - b'a' + 10),
        b'A'..=b'F' => Ok(digit - b'A' + 10),
        _ => Err(Unfit::Malformed),
    }
}

/// Appends a single bit as a boolean; `varbit(1)` may hold none, which is no value.
pub(super) fn bit(text: &[u8], out: &mut Vec<u8>) -> Result<(), Unfit> {
    if text.is_empty() {
        return Err(Unfit::AsNull);
    }
    if !text.iter().all(|bit| matches!(bit, b'0' | b'1')) {
        return Err(Unfit::Malformed);
    }
    json::bool(text.contains(&b'1'), out);
    Ok(())
}

/// Appends a bit string: the last bit is the lowest of the first byte, high zero bytes are left
/// out.
pub(super) fn bits(text: &[u8], scratch: &mut Scratch, out: &mut Vec<u8>) -> Result<(), Unfit> {
    scratch.bytes.clear();
    for group in text.rchunks(8) {
        let mut byte = 0;
        for bit in group {
            byte = byte << 1
                | match bit {
                    b'0' => 0,
                    b'1' => 1,
                    _ => return Err(Unfit::Malformed),
                };
        }
        scratch.bytes.push(byte);
    }
    while scratch.bytes.last() == Some(&0) {
        scratch.bytes.pop();
    }
    json::base64(&scratch.bytes, Alphabet::Standard, out);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(write: impl FnOnce(&mut Scratch, &mut Vec<u8>) -> Result<(), Unfit>) -> String {
        let mut out = Vec::new();
        write(&mut Scratch::default(), &mut out).expect("a value");
        String::from_utf8(out).expect("JSON is UTF-8")
    }

    #[test]
    fn bytea_in_each_form() {
        let check = |text: &str, form, json: &str| {
            assert_eq!(
                written(|scratch, out| bytea(text.as_bytes(), form, scratch, out)),
                json
            );
        };
        check("\\x", ByteForm::Base64, "\"\"");
        check("\\x00ff10fbeffe", ByteForm::Base64, "\"AP8Q++/+\"");
        check("\\x00ff10fbeffe", ByteForm::Base64UrlSafe, "\"AP8Q--_-\"");
        check("\\x00ff10fbeffe", ByteForm::Hex, "\"00ff10fbeffe\"");
        check("\\x616263", ByteForm::Base64, "\"YWJj\"");
        for bad in ["", "00", "\\x0", "\\x0g"] {
            let read = bytea(
                bad.as_bytes(),
                ByteForm::Base64,
                &mut Scratch::default(),
                &mut vec![],
            );
            assert_eq!(read, Err(Unfit::Malformed), "{bad}");
        }
    }

    #[test]
    fn bit_strings_are_little_endian() {
        let check = |text: &str, json: &str| {
            assert_eq!(
                written(|scratch, out| bits(text.as_bytes(), scratch, out)),
                json,
                "{text}"
            );
        };
        check("10000001", "\"gQ==\"");
        check("00000000", "\"\"");
        check("", "\"\"");
        check("101", "\"BQ==\"");
        check("11110000111", "\"hwc=\"");
        check("111111111111", "\"/w8=\"");
        check(&format!("1{}", "0".repeat(69)), "\"AAAAAAAAAAAg\"");
        check(&format!("{}1", "0".repeat(69)), "\"AQ==\"");
        assert_eq!(written(|_, out| bit(b"1", out)), "true");
        assert_eq!(written(|_, out| bit(b"0", out)), "false");
    }
}
