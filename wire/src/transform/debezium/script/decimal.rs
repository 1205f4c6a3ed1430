//! Decimal numbers of any size, as far as conditions compare them.

use std::cmp::Ordering;

/// A number: sign, digits without leading zeros, digits after the point.
#[derive(Debug, Clone)]
pub(in super::super) struct Decimal {
    negative: bool,
    whole: String,
    fraction: String,
    /// How many digits after the point were written, which Java's `equals` asks for.
    scale: i64,
}

impl Decimal {
    /// From digits with or without a point, and a sign.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let digits = text.strip_prefix('-').unwrap_or(text);
        let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
        let all = whole.bytes().chain(fraction.bytes());
        if whole.is_empty() || !all.clone().all(|byte| byte.is_ascii_digit()) {
            return None;
        }
        Some(Self {
            negative: text.starts_with('-') && all.clone().any(|byte| byte != b'0'),
            whole: whole.trim_start_matches('0').to_owned(),
            fraction: fraction.trim_end_matches('0').to_owned(),
            scale: fraction.len().try_into().ok()?,
        })
    }

    /// From an unscaled value, as big-endian two's complement, and a scale.
    pub(super) fn unscaled(bytes: &[u8], scale: i32) -> Option<Self> {
        let negative = bytes.first().is_some_and(|byte| byte.cast_signed() < 0);
        // Decimal digits, the lowest first; what is there times 256 plus the next byte, with the
        // bytes inverted for a negative number, whose magnitude is one more.
        let mut digits = vec![0_u32];
        for byte in bytes {
            let byte = if negative { !*byte } else { *byte };
            carry(&mut digits, 256, byte.into());
        }
        carry(&mut digits, 1, negative.into());
        let mut text: String = digits
            .iter()
            .rev()
            .filter_map(|digit| char::from_digit(*digit, 10))
            .collect();
        match usize::try_from(scale) {
            Ok(scale) => {
                let missing = (scale + 1).saturating_sub(text.len());
                text.insert_str(0, &"0".repeat(missing));
                text.insert(text.len() - scale, '.');
            }
            Err(_) => text.push_str(&"0".repeat(usize::try_from(scale.unsigned_abs()).ok()?)),
        }
        if negative {
            text.insert(0, '-');
        }
        Some(Self {
            scale: scale.into(),
            ..Self::parse(&text)?
        })
    }

    /// Java's `equals`: 1.0 is not 1.00.
    pub(super) fn is_same(&self, other: &Self) -> bool {
        self.scale == other.scale && self.compare(other).is_eq()
    }

    /// Which is more.
    pub(super) fn compare(&self, other: &Self) -> Ordering {
        let magnitudes = || {
            let whole = self.whole.len().cmp(&other.whole.len());
            let whole = whole.then_with(|| self.whole.cmp(&other.whole));
            whole.then_with(|| self.fraction.cmp(&other.fraction))
        };
        match (self.negative, other.negative) {
            (false, true) => Ordering::Greater,
            (true, false) => Ordering::Less,
            (false, false) => magnitudes(),
            (true, true) => magnitudes().reverse(),
        }
    }

    /// The nearest floating point number.
    pub(super) fn to_f64(&self) -> f64 {
        let sign = if self.negative { "-" } else { "" };
        let text = format!("{sign}0{}.{}0", self.whole, self.fraction);
        text.parse().unwrap_or(0.0)
    }

    /// The same with the other sign.
    pub(super) fn negated(self) -> Self {
        Self {
            negative: !self.negative && !self.is_zero(),
            ..self
        }
    }

    /// Whether it is zero.
    pub(super) const fn is_zero(&self) -> bool {
        self.whole.is_empty() && self.fraction.is_empty()
    }
}

impl PartialEq for Decimal {
    fn eq(&self, other: &Self) -> bool {
        self.compare(other).is_eq()
    }
}

/// Multiplies decimal digits and adds to them.
fn carry(digits: &mut Vec<u32>, factor: u32, mut add: u32) {
    for digit in digits.iter_mut() {
        let sum = *digit * factor + add;
        *digit = sum % 10;
        add = sum / 10;
    }
    while add > 0 {
        digits.push(add % 10);
        add /= 10;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn decimals_compare() {
        let number = |text| Decimal::parse(text).expect("a number");
        let table = [
            ("1.10", "1.1", Ordering::Equal),
            ("0.0", "-0", Ordering::Equal),
            ("9.99", "10", Ordering::Less),
            ("-2", "-10", Ordering::Greater),
            ("-1", "1", Ordering::Less),
            ("1.05", "1.5", Ordering::Less),
        ];
        for (left, right, expected) in table {
            assert_eq!(
                number(left).compare(&number(right)),
                expected,
                "{left} {right}"
            );
        }
        assert_eq!(number("-12.5").to_f64(), -12.5);
        assert_eq!(number("0.25").to_f64(), 0.25);
        assert_eq!(number("0").to_f64(), 0.0);
    }

    #[test]
    fn bytes_become_decimals() {
        let table: [(&[u8], i32, &str); 6] = [
            (&[0x01, 0x4a], 2, "3.30"),
            (&[0xff], 2, "-0.01"),
            (&[0x80], 0, "-128"),
            (&[], 0, "0"),
            (&[5], -2, "500"),
            (&[0x01, 0, 0, 0, 0, 0, 0, 0, 0], 1, "1844674407370955161.6"),
        ];
        for (bytes, scale, expected) in table {
            assert_eq!(
                Decimal::unscaled(bytes, scale),
                Decimal::parse(expected),
                "{expected}"
            );
        }
    }
}
