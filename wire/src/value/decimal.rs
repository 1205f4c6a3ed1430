//! `numeric` and `money` in the three decimal handling modes.
//!
//! `precise` writes Connect's Decimal: the unscaled number as base64 of its shortest big-endian
//! two's complement. Up to 38 digits that is one 128-bit number; longer ones go through a
//! buffer of limbs that is used again.

use super::{Scratch, Unfit, float};
use crate::json::{self, Alphabet};

/// The text of a finite decimal, taken apart without copying.
#[derive(Clone, Copy)]
struct Parts<'t> {
    negative: bool,
    whole: &'t [u8],
    fraction: &'t [u8],
}

impl<'t> Parts<'t> {
    fn read(text: &'t [u8]) -> Result<Self, Unfit> {
        let (negative, digits) = match text.split_first() {
            Some((b'-', rest)) => (true, rest),
            Some((b'+', rest)) => (false, rest),
            _ => (false, text),
        };
        let point = digits
            .iter()
            .position(|&byte| byte == b'.')
            .unwrap_or(digits.len());
        let (whole, tail) = digits.split_at(point);
        let fraction = tail.get(1..).unwrap_or_default();
        let numeric = |part: &[u8]| part.iter().all(u8::is_ascii_digit);
        if whole.len() + fraction.len() == 0 || !numeric(whole) || !numeric(fraction) {
            return Err(Unfit::Malformed);
        }
        Ok(Self {
            negative,
            whole,
            fraction,
        })
    }

    fn trim_fraction(&mut self) {
        while let Some((b'0', rest)) = self.fraction.split_last() {
            self.fraction = rest;
        }
    }

    /// The digits of the unscaled number at `scale`; fewer decimals than there are is an error.
    fn digits(self, scale: usize) -> Result<impl Iterator<Item = u8> + Clone, Unfit> {
        let zeros = scale
            .checked_sub(self.fraction.len())
            .ok_or(Unfit::Malformed)?;
        let digits = self.whole.iter().chain(self.fraction).copied();
        Ok(digits
            .chain(std::iter::repeat_n(b'0', zeros))
            .map(|digit| digit - b'0'))
    }
}

/// What a numeric can be besides finite.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Special {
    NotANumber,
    PositiveInfinity,
    NegativeInfinity,
}

fn special(text: &[u8]) -> Option<Special> {
    match text {
        b"NaN" => Some(Special::NotANumber),
        b"Infinity" => Some(Special::PositiveInfinity),
        b"-Infinity" => Some(Special::NegativeInfinity),
        _ => None,
    }
}

/// Appends `numeric(p, scale)` as Connect's Decimal.
pub(super) fn precise(
    text: &[u8],
    scale: usize,
    scratch: &mut Scratch,
    out: &mut Vec<u8>,
) -> Result<(), Unfit> {
    if special(text).is_some() {
        return Err(Unfit::AsNull);
    }
    unscaled(Parts::read(text)?, scale, scratch, out)
}

/// Appends `numeric` without a scale as Debezium's VariableScaleDecimal.
pub(super) fn variable(text: &[u8], scratch: &mut Scratch, out: &mut Vec<u8>) -> Result<(), Unfit> {
    if special(text).is_some() {
        return Err(Unfit::AsNull);
    }
    let mut parts = Parts::read(text)?;
    parts.trim_fraction();
    let scale = parts.fraction.len();
    out.extend_from_slice(b"{\"scale\":");
    json::int(scale, out);
    out.extend_from_slice(b",\"value\":");
    unscaled(parts, scale, scratch, out)?;
    out.push(b'}');
    Ok(())
}

/// Appends `numeric` as a double.
pub(super) fn double(text: &[u8], out: &mut Vec<u8>) -> Result<(), Unfit> {
    float::double(text, out)
}

/// Appends `numeric` as text, with `scale` decimals when the column has one.
pub(super) fn string(text: &[u8], scale: Option<usize>, out: &mut Vec<u8>) -> Result<(), Unfit> {
    out.push(b'"');
    match special(text) {
        Some(Special::NotANumber) => out.extend_from_slice(b"NAN"),
        Some(Special::PositiveInfinity) => out.extend_from_slice(b"POSITIVE_INFINITY"),
        Some(Special::NegativeInfinity) => out.extend_from_slice(b"NEGATIVE_INFINITY"),
        None => plain(text, scale, out)?,
    }
    out.push(b'"');
    Ok(())
}

fn plain(text: &[u8], scale: Option<usize>, out: &mut Vec<u8>) -> Result<(), Unfit> {
    let parts = Parts::read(text)?;
    let have = parts.fraction.len();
    let zeros = scale
        .unwrap_or(have)
        .checked_sub(have)
        .ok_or(Unfit::Malformed)?;
    out.extend_from_slice(text);
    if zeros > 0 && have == 0 {
        out.push(b'.');
    }
    out.extend(std::iter::repeat_n(b'0', zeros));
    Ok(())
}

fn unscaled(
    parts: Parts<'_>,
    scale: usize,
    scratch: &mut Scratch,
    out: &mut Vec<u8>,
) -> Result<(), Unfit> {
    let digits = parts.digits(scale)?;
    if parts.whole.len() + scale <= 38 {
        let magnitude = digits.fold(0_i128, |value, digit| value * 10 + i128::from(digit));
        let value = if parts.negative {
            -magnitude
        } else {
            magnitude
        };
        json::base64(shortest(&value.to_be_bytes()), Alphabet::Standard, out);
    } else {
        big(
            digits,
            parts.negative,
            &mut scratch.limbs,
            &mut scratch.bytes,
        );
        json::base64(shortest(&scratch.bytes), Alphabet::Standard, out);
    }
    Ok(())
}

/// The shortest big-endian two's complement of a number of any length.
pub(crate) fn unscaled_bytes(digits: impl Iterator<Item = u8>, negative: bool) -> Vec<u8> {
    let mut bytes = Vec::new();
    big(digits, negative, &mut Vec::new(), &mut bytes);
    shortest(&bytes).to_vec()
}

/// Big-endian two's complement of a number of any length, into `bytes`.
fn big(
    digits: impl Iterator<Item = u8>,
    negative: bool,
    limbs: &mut Vec<u32>,
    bytes: &mut Vec<u8>,
) {
    limbs.clear();
    let mut digits = digits.peekable();
    // Nine digits at a time: each step walks over all limbs, and a number may have 100 000 digits.
    while digits.peek().is_some() {
        let (mut factor, mut carry) = (1_u64, 0_u64);
        for digit in digits.by_ref().take(9) {
            factor *= 10;
            carry = carry * 10 + u64::from(digit);
        }
        for limb in limbs.iter_mut() {
            carry += u64::from(*limb) * factor;
            *limb = low(carry);
            carry >>= 32;
        }
        if carry > 0 {
            limbs.push(low(carry));
        }
    }
    limbs.push(0);
    if negative {
        let mut carry = true;
        for limb in limbs.iter_mut() {
            (*limb, carry) = (!*limb).overflowing_add(u32::from(carry));
        }
    }
    bytes.clear();
    bytes.extend(limbs.iter().rev().flat_map(|limb| limb.to_be_bytes()));
}

#[expect(clippy::as_conversions, reason = "keeps the low 32 bits on purpose")]
const fn low(value: u64) -> u32 {
    value as u32
}

/// Two's complement without the leading bytes that only repeat the sign.
fn shortest(bytes: &[u8]) -> &[u8] {
    let mut bytes = bytes;
    while let [first, rest @ ..] = bytes
        && let [second, ..] = rest
    {
        let sign = if *second & 0x80 == 0 { 0x00 } else { 0xFF };
        if *first != sign {
            break;
        }
        bytes = rest;
    }
    bytes
}

/// How `money` is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Money {
    /// Connect's Decimal with so many decimals.
    Precise {
        /// `money.fraction.digits`.
        digits: usize,
    },
    /// A double.
    Double,
    /// Text.
    String {
        /// `money.fraction.digits`, which only what stands for no value has.
        digits: usize,
    },
}

/// Appends `money` from its text in the server's `lc_monetary`: `-$1,234.56`.
pub(super) fn money(
    text: &[u8],
    form: Money,
    scratch: &mut Scratch,
    out: &mut Vec<u8>,
) -> Result<(), Unfit> {
    let mut amount = std::mem::take(&mut scratch.text);
    amount.clear();
    let written = amount_of(text, &mut amount).and_then(|()| match form {
        Money::Precise { digits } => {
            round(&mut amount, digits)?;
            precise(&amount, digits, scratch, out)
        }
        Money::Double => float::double(&amount, out),
        Money::String { .. } => string(&amount, None, out),
    });
    scratch.text = amount;
    written
}

/// Drops the currency sign, thousands separators and parentheses.
fn amount_of(text: &[u8], amount: &mut Vec<u8>) -> Result<(), Unfit> {
    let negative = matches!(text.first(), Some(b'-' | b'('));
    let body = text
        .strip_prefix(b"-")
        .or_else(|| text.strip_prefix(b"("))
        .unwrap_or(text);
    let body = body.strip_suffix(b")").unwrap_or(body);
    let body = std::str::from_utf8(body).map_err(|_| Unfit::Malformed)?;
    let starts_number = |sign: &char| sign.is_ascii_digit() || *sign == '.';
    let body = match body.chars().next() {
        Some(sign) if !starts_number(&sign) => body.get(sign.len_utf8()..).unwrap_or_default(),
        _ => body,
    };
    if negative {
        amount.push(b'-');
    }
    amount.extend(body.bytes().filter(|&byte| byte != b','));
    Ok(())
}

/// Rounds decimal text half up (away from zero) to `digits` decimals, in place.
fn round(amount: &mut Vec<u8>, digits: usize) -> Result<(), Unfit> {
    let parts = Parts::read(amount)?;
    let Some(&first_dropped) = parts.fraction.get(digits) else {
        return Ok(());
    };
    let keep = amount.len() - (parts.fraction.len() - digits);
    amount.truncate(keep);
    if first_dropped < b'5' {
        return Ok(());
    }
    for digit in amount.iter_mut().rev().filter(|byte| byte.is_ascii_digit()) {
        if *digit == b'9' {
            *digit = b'0';
        } else {
            *digit += 1;
            return Ok(());
        }
    }
    let sign = usize::from(amount.first() == Some(&b'-'));
    amount.insert(sign, b'1');
    Ok(())
}

#[cfg(test)]
#[path = "decimal_tests.rs"]
mod tests;
