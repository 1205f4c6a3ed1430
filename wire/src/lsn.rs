//! A position in PostgreSQL's write-ahead log.
//!
//! Enters and leaves as PostgreSQL writes it (`16/B374D848`) or as the 64-bit number Debezium
//! prints. It never orders changes across transactions: see [`crate::position`].

use std::fmt;
use std::str::FromStr;

/// Log sequence number: a byte offset in the write-ahead log.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Lsn(u64);

impl Lsn {
    /// The start of the log; PostgreSQL takes it as "wherever the slot stands".
    pub const ZERO: Self = Self(0);
    /// PostgreSQL's `InvalidXLogRecPtr`, which is the same number as [`Lsn::ZERO`].
    pub const INVALID: Self = Self(0);

    /// A position from its 64-bit number.
    pub const fn new(value: u64) -> Self {
        Self(value)
    }

    /// The 64-bit number.
    pub const fn as_u64(self) -> u64 {
        self.0
    }

    /// Whether this is anything but [`Lsn::INVALID`].
    pub const fn is_valid(self) -> bool {
        self.0 != 0
    }

    /// Bytes of log between `earlier` and this position; 0 when `earlier` is later.
    pub const fn bytes_since(self, earlier: Self) -> u64 {
        self.0.saturating_sub(earlier.0)
    }
}

impl From<u64> for Lsn {
    fn from(value: u64) -> Self {
        Self(value)
    }
}

impl fmt::Display for Lsn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:X}/{:X}", self.0 >> 32, self.0 & 0xFFFF_FFFF)
    }
}

/// The text is not PostgreSQL's `X/X` form.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a log position; write it as PostgreSQL does, for example 16/B374D848")]
pub struct ParseLsnError(String);

impl FromStr for Lsn {
    type Err = ParseLsnError;

    fn from_str(text: &str) -> Result<Self, ParseLsnError> {
        let error = || ParseLsnError(text.to_owned());
        let (high, low) = text.split_once('/').ok_or_else(error)?;
        let half = |digits: &str| {
            let plausible = (1..=8).contains(&digits.len())
                && digits.bytes().all(|byte| byte.is_ascii_hexdigit());
            plausible
                .then(|| u32::from_str_radix(digits, 16).ok())
                .flatten()
        };
        let (high, low) = (half(high).ok_or_else(error)?, half(low).ok_or_else(error)?);
        Ok(Self(u64::from(high) << 32 | u64::from(low)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, value: u64) {
        assert_eq!(text.parse(), Ok(Lsn::new(value)));
        assert_eq!(Lsn::new(value).to_string(), text);
    }

    #[test]
    fn text_and_number_are_two_forms_of_one_position() {
        check("0/0", 0);
        check("16/B374D848", 0x16_B374_D848);
        check("FFFFFFFF/FFFFFFFF", u64::MAX);
        check("0/245F5B0", 38_139_312);
    }

    #[test]
    fn other_text_is_refused_with_an_example() {
        for text in [
            "",
            "/",
            "0",
            "0/",
            "/0",
            "0/123456789",
            "+1/0",
            "0/-1",
            "0/0/0",
            "g/0",
        ] {
            let error = text.parse::<Lsn>().expect_err(text);
            assert!(error.to_string().contains("16/B374D848"), "{error}");
        }
    }
}
