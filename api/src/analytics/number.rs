//! Numbers as people write them: 88, not 88.0.

use serde::Serializer;

/// Serialises a whole number without a fraction, any other as the shortest text that reads back.
#[expect(
    clippy::trivially_copy_pass_by_ref,
    reason = "the signature that serde asks for"
)]
pub(super) fn plain<S: Serializer>(value: &f64, serializer: S) -> Result<S::Ok, S::Error> {
    const EXACT_MAX: f64 = 9_007_199_254_740_992.0;
    if value.fract() == 0.0 && value.abs() <= EXACT_MAX {
        return serializer.serialize_i64(*value as i64);
    }
    serializer.serialize_f64(*value)
}

/// As [`plain`], with `null` for nothing.
#[expect(clippy::ref_option, reason = "the signature that serde asks for")]
pub(super) fn plain_or_null<S: Serializer>(
    value: &Option<f64>,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    match value {
        Some(value) => plain(value, serializer),
        None => serializer.serialize_none(),
    }
}

/// `part / whole`, or nothing of nothing.
pub(super) fn ratio(part: f64, whole: u64) -> Option<f64> {
    (whole > 0).then(|| part / whole as f64)
}

#[cfg(test)]
mod tests {
    #[test]
    fn whole_numbers_have_no_fraction() {
        let check = |value: f64, expected: &str| {
            let mut out = Vec::new();
            super::plain(&value, &mut serde_json::Serializer::new(&mut out)).expect("a number");
            assert_eq!(String::from_utf8(out).expect("UTF-8"), expected);
        };
        check(88.0, "88");
        check(40.99, "40.99");
        check(-0.5, "-0.5");
        check(1e300, "1e+300");
    }
}
