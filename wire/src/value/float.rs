//! `float4` and `float8`: PostgreSQL's text to Java's.
//!
//! Java (19 and later) prints the shortest digits that read back as the same number, but never
//! fewer than two when another pair is nearer: `4.9E-324` where PostgreSQL says `5e-324`. Plain
//! from 0.001 up to 10,000,000, else with `E`. What JSON has no number for becomes a string.

use std::io::Write as _;

use super::Unfit;

/// Appends a float8 from its text.
pub(super) fn double(text: &[u8], out: &mut Vec<u8>) -> Result<(), Unfit> {
    let value: f64 = parse(text)?;
    write_f64(value, out);
    Ok(())
}

/// Appends a float4 from its text.
pub(super) fn single(text: &[u8], out: &mut Vec<u8>) -> Result<(), Unfit> {
    write_f32(parse(text)?, out);
    Ok(())
}

/// Appends a float.
pub(crate) fn write_f32(value: f32, out: &mut Vec<u8>) {
    match special(f64::from(value)) {
        Some(name) => out.extend_from_slice(name),
        None => java(zmij::Buffer::new().format_finite(value), value, out),
    }
}

/// Appends a double.
pub(crate) fn write_f64(value: f64, out: &mut Vec<u8>) {
    match special(value) {
        Some(name) => out.extend_from_slice(name),
        None => java(zmij::Buffer::new().format_finite(value), value, out),
    }
}

fn parse<F: std::str::FromStr>(text: &[u8]) -> Result<F, Unfit> {
    let text = std::str::from_utf8(text).map_err(|_| Unfit::Malformed)?;
    text.trim().parse().map_err(|_| Unfit::Malformed)
}

fn special(value: f64) -> Option<&'static [u8]> {
    if value.is_nan() {
        Some(b"\"NaN\"")
    } else if value == f64::INFINITY {
        Some(b"\"Infinity\"")
    } else if value == f64::NEG_INFINITY {
        Some(b"\"-Infinity\"")
    } else {
        None
    }
}

/// A number's digits `d₁d₂d₃…` standing for `0.d₁d₂d₃… × 10^point`.
struct Decimal {
    digits: [u8; 32],
    length: usize,
    point: i32,
}

impl Decimal {
    /// Takes apart plain or scientific notation.
    fn read(text: &str) -> Self {
        let text = text.trim_start_matches('-');
        let (mantissa, exponent) = text.split_once(['e', 'E']).unwrap_or((text, "0"));
        let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
        let mut decimal = Self {
            digits: [b'0'; 32],
            length: 0,
            point: 0,
        };
        let leading = whole
            .bytes()
            .chain(fraction.bytes())
            .take_while(|&d| d == b'0')
            .count();
        let significant = whole.bytes().chain(fraction.bytes()).skip(leading);
        for (slot, digit) in decimal.digits.iter_mut().zip(significant) {
            *slot = digit;
            decimal.length += 1;
        }
        while decimal.length > 0 && decimal.digits.get(decimal.length - 1) == Some(&b'0') {
            decimal.length -= 1;
        }
        let shift = |count: usize| i32::try_from(count).unwrap_or(0);
        let exponent: i32 = exponent.parse().unwrap_or(0);
        decimal.point = exponent + shift(whole.len()) - shift(leading);
        decimal
    }

    fn digits(&self) -> &[u8] {
        self.digits.get(..self.length).unwrap_or_default()
    }
}

/// Appends `value`, whose shortest text is `shortest`, in Java's notation.
fn java<F>(shortest: &str, value: F, out: &mut Vec<u8>)
where
    F: std::fmt::LowerExp + std::str::FromStr + PartialEq,
{
    if shortest.starts_with('-') {
        out.push(b'-');
    }
    let mut decimal = Decimal::read(shortest);
    if decimal.length == 0 {
        out.extend_from_slice(b"0.0");
        return;
    }
    if decimal.length == 1 {
        let mut room = [0; 32];
        if let Some(nearer) = two_digits(&value, &mut room) {
            decimal = Decimal::read(nearer);
        }
    }
    match decimal.point {
        -2..=0 => {
            out.extend_from_slice(b"0.");
            out.extend(std::iter::repeat_n(
                b'0',
                usize::try_from(-decimal.point).unwrap_or(0),
            ));
            out.extend_from_slice(decimal.digits());
        }
        1..=7 => plain(
            decimal.digits(),
            usize::try_from(decimal.point).unwrap_or(1),
            out,
        ),
        point => {
            plain(decimal.digits(), 1, out);
            out.push(b'E');
            crate::json::int(point - 1, out);
        }
    }
}

/// The nearest two-digit text of `value`, when it reads back as the same number.
fn two_digits<'r, F>(value: &F, room: &'r mut [u8; 32]) -> Option<&'r str>
where
    F: std::fmt::LowerExp + std::str::FromStr + PartialEq,
{
    let mut left = &mut room[..];
    write!(left, "{value:.1e}").ok()?;
    let unused = left.len();
    let text = std::str::from_utf8(room.get(..32 - unused)?).ok()?;
    text.parse::<F>()
        .is_ok_and(|read| read == *value)
        .then_some(text)
}

/// Appends digits with a point after the first `whole` ones and at least one digit after it.
fn plain(digits: &[u8], whole: usize, out: &mut Vec<u8>) {
    let (head, tail) = digits.split_at_checked(whole).unwrap_or((digits, &[]));
    out.extend_from_slice(head);
    out.extend(std::iter::repeat_n(b'0', whole - head.len()));
    out.push(b'.');
    out.extend_from_slice(if tail.is_empty() { b"0" } else { tail });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check_double(text: &str, json: &str) {
        let mut out = Vec::new();
        double(text.as_bytes(), &mut out).expect(text);
        assert_eq!(String::from_utf8_lossy(&out), json, "{text}");
    }

    #[track_caller]
    fn check_single(text: &str, json: &str) {
        let mut out = Vec::new();
        single(text.as_bytes(), &mut out).expect(text);
        assert_eq!(String::from_utf8_lossy(&out), json, "{text}");
    }

    #[test]
    fn doubles_print_as_java_prints_them() {
        check_double("1e+300", "1.0E300");
        check_double("1e-07", "1.0E-7");
        check_double("0.001", "0.001");
        check_double("9999999", "9999999.0");
        check_double("10000000", "1.0E7");
        check_double("1e+21", "1.0E21");
        check_double("5e-324", "4.9E-324");
        check_double("-0", "-0.0");
        check_double("0", "0.0");
        check_double("123456789.125", "1.23456789125E8");
        check_double("1.2345678901234568e+17", "1.2345678901234568E17");
        check_double("1.7976931348623157e+308", "1.7976931348623157E308");
        check_double("0.00099", "9.9E-4");
        check_double("-3.25", "-3.25");
        check_double("100", "100.0");
        check_double("2e-323", "2.0E-323");
        check_double("NaN", "\"NaN\"");
        check_double("Infinity", "\"Infinity\"");
        check_double("-Infinity", "\"-Infinity\"");
    }

    #[test]
    fn floats_print_as_java_prints_them() {
        check_single("3.4028235e+38", "3.4028235E38");
        check_single("1.1754944e-38", "1.1754944E-38");
        check_single("1e-45", "1.4E-45");
        check_single("16777216", "1.6777216E7");
        check_single("3.4e+10", "3.4E10");
        check_single("0.1", "0.1");
        check_single("1.2345679e+08", "1.2345679E8");
        check_single("1.5", "1.5");
    }

    #[test]
    fn other_text_is_malformed() {
        for text in ["", "x", "1,5", "1e"] {
            assert_eq!(
                double(text.as_bytes(), &mut Vec::new()),
                Err(Unfit::Malformed)
            );
        }
    }
}
