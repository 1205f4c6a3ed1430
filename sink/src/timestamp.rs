//! RFC 3339 text to microseconds, within what ClickHouse's `DateTime64(6)` can hold.

use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

/// The first and last moment of `DateTime64(6)`, of the years 1900 and 2299:
/// <https://clickhouse.com/docs/sql-reference/data-types/datetime64>.
const FIRST: i64 = -2_208_988_800_000_000;
const LAST: i64 = 10_413_791_999_999_999;

/// Microseconds since the Unix epoch. Errors say what is wrong with `text`, without the field.
pub(crate) fn parse_micros(text: &str) -> Result<i64, String> {
    let moment = OffsetDateTime::parse(text, &Rfc3339)
        .map_err(|_| format!("{text:?} is not an RFC 3339 time"))?;
    let seconds = moment.unix_timestamp().checked_mul(1_000_000);
    seconds
        .and_then(|micros| micros.checked_add(i64::from(moment.microsecond())))
        .filter(is_held)
        .ok_or_else(|| outside(text))
}

/// `micros` if `DateTime64(6)` can hold it.
pub(crate) fn check_micros(micros: i64) -> Result<i64, String> {
    Some(micros)
        .filter(is_held)
        .ok_or_else(|| outside(&format!("{micros} µs")))
}

fn is_held(micros: &i64) -> bool {
    (FIRST..=LAST).contains(micros)
}

fn outside(shown: &str) -> String {
    format!("{shown} is outside the years 1900 to 2299")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_keep_their_microseconds() {
        for (text, micros) in [
            ("1970-01-01T00:00:00Z", 0),
            ("2026-01-01T00:00:00.000001Z", 1_767_225_600_000_001),
            ("2026-01-01T02:00:00.5+02:00", 1_767_225_600_500_000),
            ("1900-01-01T00:00:00Z", -2_208_988_800_000_000),
            ("1969-12-31T23:59:59.999999Z", -1),
            ("2299-12-31T23:59:59.999999Z", 10_413_791_999_999_999),
        ] {
            assert_eq!(parse_micros(text), Ok(micros), "{text}");
        }
    }

    #[test]
    fn what_the_column_cannot_hold_is_refused() {
        for text in [
            "",
            "yesterday",
            "2026-01-01",
            "1899-12-31T23:59:59Z",
            "2300-01-01T00:00:00Z",
        ] {
            assert!(parse_micros(text).is_err(), "{text}");
        }
        assert!(check_micros(i64::MAX).is_err());
        assert!(check_micros(i64::MIN).is_err());
        assert_eq!(check_micros(1), Ok(1));
    }
}
