//! Java's `BigDecimal` as text, from an unscaled value in two's complement.

/// `BigDecimal.toPlainString`.
pub(crate) fn plain(unscaled: &[u8], scale: i32) -> String {
    let (sign, digits) = parts(unscaled);
    if digits == "0" && scale <= 0 {
        return digits;
    }
    let Ok(scale) = usize::try_from(scale) else {
        let zeros = usize::try_from(scale.unsigned_abs()).unwrap_or(0);
        return format!("{sign}{digits}{}", "0".repeat(zeros));
    };
    if scale == 0 {
        return format!("{sign}{digits}");
    }
    let padded = format!("{digits:0>width$}", width = scale + 1);
    let (whole, fraction) = padded.split_at(padded.len() - scale);
    format!("{sign}{whole}.{fraction}")
}

/// `BigDecimal.toString`: with an exponent when the scale is negative or the number very small.
pub(crate) fn java(unscaled: &[u8], scale: i32) -> String {
    let (sign, digits) = parts(unscaled);
    let length = i64::try_from(digits.len()).unwrap_or(i64::MAX);
    let exponent = length - 1 - i64::from(scale);
    if scale >= 0 && exponent >= -6 {
        return plain(unscaled, scale);
    }
    let (first, rest) = digits.split_at(1);
    let point = if rest.is_empty() { "" } else { "." };
    let plus = if exponent > 0 { "+" } else { "" };
    match exponent {
        0 => format!("{sign}{first}{point}{rest}"),
        _ => format!("{sign}{first}{point}{rest}E{plus}{exponent}"),
    }
}

/// Sign and decimal digits of big-endian two's complement.
fn parts(unscaled: &[u8]) -> (&'static str, String) {
    let negative = unscaled.first().is_some_and(|first| first & 0x80 != 0);
    let mut magnitude: Vec<u8> = unscaled.to_vec();
    if negative {
        let mut carry = true;
        for byte in magnitude.iter_mut().rev() {
            (*byte, carry) = (!*byte).overflowing_add(u8::from(carry));
        }
    }
    // Groups of nine digits, the lowest first.
    let mut groups: Vec<u32> = Vec::new();
    for byte in magnitude {
        let mut carry = u64::from(byte);
        for group in &mut groups {
            carry += u64::from(*group) << 8;
            *group = u32::try_from(carry % 1_000_000_000).unwrap_or(0);
            carry /= 1_000_000_000;
        }
        if carry > 0 {
            groups.push(u32::try_from(carry).unwrap_or(0));
        }
    }
    let mut digits = String::new();
    for group in groups.iter().rev() {
        match digits.is_empty() {
            true => digits.push_str(&group.to_string()),
            false => digits.push_str(&format!("{group:09}")),
        }
    }
    if digits.is_empty() {
        digits.push('0');
    }
    (if negative { "-" } else { "" }, digits)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_print_as_javas_do() {
        let check = |unscaled: &[u8], scale, text: &str, plainly: &str| {
            assert_eq!(java(unscaled, scale), text);
            assert_eq!(plain(unscaled, scale), plainly);
        };
        check(&[0x6E], 2, "1.10", "1.10");
        check(&[0xFF], 2, "-0.01", "-0.01");
        check(&[0], 0, "0", "0");
        check(&[0], 2, "0.00", "0.00");
        check(&[0], 7, "0E-7", "0.0000000");
        check(&[1], 7, "1E-7", "0.0000001");
        check(&[0x7B], 9, "1.23E-7", "0.000000123");
        check(&[0x7B], -2, "1.23E+4", "12300");
        let large = [
            0x01, 0x8E, 0xE9, 0x0F, 0xF6, 0xC3, 0x73, 0xE0, 0xEE, 0x4E, 0x3F, 0x0A, 0xD2,
        ];
        check(
            &large,
            0,
            "123456789012345678901234567890",
            "123456789012345678901234567890",
        );
        check(&[0x80], 0, "-128", "-128");
    }
}
