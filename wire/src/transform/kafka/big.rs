//! Java's `BigDecimal`, as far as transforms need it: read, printed, and made other numbers.

use std::fmt::Write as _;

use crate::data::Schema;

/// More zeros than a number is taken apart into.
const FAR: i64 = 10_000;

/// A decimal number: `±digits × 10^-scale`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Big {
    negative: bool,
    /// Digits 0 to 9, the most significant first; none are leading zeros, zero has none.
    digits: Vec<u8>,
    pub(super) scale: i32,
}

impl Big {
    /// As `new BigDecimal(text)` reads it.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let (mantissa, exponent) = text.split_once(['e', 'E']).unwrap_or((text, "0"));
        let unsigned = mantissa.strip_prefix(['+', '-']).unwrap_or(mantissa);
        let (whole, fraction) = unsigned.split_once('.').unwrap_or((unsigned, ""));
        let numeric = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
        if whole.len() + fraction.len() == 0 || !numeric(whole) || !numeric(fraction) {
            return None;
        }
        let exponent: i32 = exponent.parse().ok()?;
        let scale = i64::try_from(fraction.len()).ok()? - i64::from(exponent);
        if scale.abs() > FAR {
            return None;
        }
        let digits = whole
            .bytes()
            .chain(fraction.bytes())
            .map(|byte| byte - b'0');
        let digits: Vec<_> = digits.skip_while(|&digit| digit == 0).collect();
        Some(Self {
            negative: mantissa.starts_with('-') && !digits.is_empty(),
            digits,
            scale: i32::try_from(scale).ok()?,
        })
    }

    /// Of big-endian two's complement, with the scale of a Decimal's schema.
    pub(super) fn of(bytes: &[u8], schema: &Schema) -> Self {
        let negative = bytes.first().is_some_and(|first| first & 0x80 != 0);
        let mut magnitude = bytes.to_vec();
        if negative {
            let mut carry = true;
            for byte in magnitude.iter_mut().rev() {
                (*byte, carry) = (!*byte).overflowing_add(u8::from(carry));
            }
        }
        let mut digits = Vec::new();
        while magnitude.iter().any(|&byte| byte != 0) {
            let mut rest = 0;
            for byte in &mut magnitude {
                let value = rest * 256 + u32::from(*byte);
                *byte = u8::try_from(value / 10).unwrap_or_default();
                rest = value % 10;
            }
            digits.push(u8::try_from(rest).unwrap_or_default());
        }
        digits.reverse();
        Self {
            negative,
            digits,
            scale: schema_scale(schema),
        }
    }

    /// The unscaled number as big-endian two's complement.
    pub(super) fn bytes(&self) -> Vec<u8> {
        crate::value::unscaled_bytes(self.digits.iter().copied(), self.negative)
    }

    /// How many digits are before the point, negative when zeros follow it.
    fn point(&self) -> i64 {
        i64::try_from(self.digits.len()).unwrap_or(i64::MAX) - i64::from(self.scale)
    }

    /// The digits before the point.
    fn whole(&self) -> impl Iterator<Item = u8> {
        let count = usize::try_from(self.point()).unwrap_or(0);
        let zeros = std::iter::repeat(0);
        self.digits.iter().copied().chain(zeros).take(count)
    }

    /// Whether nothing but zeros follows the point.
    pub(super) fn is_whole(&self) -> bool {
        let count = usize::try_from(self.point()).unwrap_or(0);
        self.digits.iter().skip(count).all(|&digit| digit == 0)
    }

    /// `longValue`: the low 64 bits of what is before the point.
    pub(super) fn low_bits(&self) -> i64 {
        let add = |value: i64, digit: u8| value.wrapping_mul(10).wrapping_add(i64::from(digit));
        let magnitude = self.whole().fold(0, add);
        if self.negative {
            magnitude.wrapping_neg()
        } else {
            magnitude
        }
    }

    /// The number before the point if it has 64 bits at most.
    pub(super) fn exact(&self) -> Option<i64> {
        let sign = if self.negative { -1 } else { 1 };
        let mut digits = self.whole();
        digits.try_fold(0_i64, |value, digit| {
            value.checked_mul(10)?.checked_add(sign * i64::from(digit))
        })
    }

    /// The nearest binary number; infinite if there is none.
    pub(super) fn binary<F: std::str::FromStr + Default>(&self) -> F {
        let text = format!("{}e{}", self.unscaled(), -i64::from(self.scale));
        text.parse().unwrap_or_default()
    }

    fn unscaled(&self) -> String {
        let sign = self.negative.then_some('-');
        let digits = self.digits.iter().map(|digit| char::from(b'0' + digit));
        let zero = self.digits.is_empty().then_some('0');
        sign.into_iter().chain(zero).chain(digits).collect()
    }

    /// As `BigDecimal.toString` prints it.
    pub(super) fn text(&self) -> String {
        let unscaled = self.unscaled();
        if self.scale == 0 {
            return unscaled;
        }
        let (sign, digits) = unscaled
            .strip_prefix('-')
            .map_or(("", unscaled.as_str()), |digits| ("-", digits));
        let length = i64::try_from(digits.len()).unwrap_or(i64::MAX);
        let exponent = length - 1 - i64::from(self.scale);
        let mut out = sign.to_owned();
        if self.scale > 0 && exponent >= -6 {
            let whole = usize::try_from(exponent + 1).unwrap_or(0);
            let (head, tail) = digits.split_at_checked(whole).unwrap_or((digits, ""));
            let zeros = usize::try_from(-exponent - 1).unwrap_or(0);
            out.push_str(if head.is_empty() { "0" } else { head });
            out.push('.');
            out.extend(std::iter::repeat_n('0', zeros));
            out.push_str(tail);
            return out;
        }
        let (head, tail) = digits.split_at_checked(1).unwrap_or((digits, ""));
        out.push_str(head);
        if !tail.is_empty() {
            out.push('.');
            out.push_str(tail);
        }
        if exponent != 0 {
            let _ = write!(out, "E{exponent:+}");
        }
        out
    }
}

/// The scale that a Decimal's schema has as its parameter.
pub(super) fn schema_scale(schema: &Schema) -> i32 {
    let scale = schema
        .parameter("scale")
        .and_then(|scale| scale.parse().ok());
    scale.unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::Kind;

    #[test]
    fn decimals_print_and_shrink_as_java_does() {
        let check = |text: &str, printed: &str, low: i64, double: f64| {
            let big = Big::parse(text).expect(text);
            assert_eq!(big.text(), printed);
            assert_eq!(big.low_bits(), low, "{text}");
            assert!(
                (big.binary::<f64>() - double).abs() < f64::EPSILON,
                "{text}"
            );
            let mut schema = Schema::new(Kind::Bytes);
            let scale = ("scale".to_owned(), big.scale.to_string());
            schema.parameters.push(scale);
            assert_eq!(Big::of(&big.bytes(), &schema), big, "{text}");
        };
        check("0", "0", 0, 0.0);
        check("-0.00", "0.00", 0, 0.0);
        check("12.30", "12.30", 12, 12.3);
        check("-.5", "-0.5", 0, -0.5);
        check("1e3", "1E+3", 1_000, 1_000.0);
        check("0.0000001", "1E-7", 0, 1e-7);
        check("0.0000012", "0.0000012", 0, 1.2e-6);
        check(
            "-12345678901234567890",
            "-12345678901234567890",
            6_101_065_172_474_983_726,
            -1.2345678901234567e19,
        );
        for bad in ["", ".", "+", "1x", " 1", "1e", "0x1", "--1"] {
            assert_eq!(Big::parse(bad), None, "{bad}");
        }
    }
}
