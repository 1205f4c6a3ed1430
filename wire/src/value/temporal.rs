//! `date`, `time`, `timestamp` and their zoned forms in every time precision mode.
//!
//! Debezium reads dates in two ways that differ at the edges: a snapshot goes through Java's old
//! calendar, which forgets the era, skips 1582-10-05 to 14, and has its own infinities; the
//! stream does not. [`Origin`] says which way a value came.

use super::calendar::{self, Extended, Fraction, Stamp};
use super::{Origin, Unfit, structured};
use crate::json;

/// How a `date` is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum DateForm {
    /// Days since 1970-01-01.
    Days,
    /// ISO 8601 text in UTC: `2024-03-15Z`.
    Iso,
    /// A struct of parts.
    Structured,
}

/// How a `time` is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum TimeForm {
    /// Milliseconds since midnight.
    Millis,
    /// Microseconds since midnight.
    Micros,
    /// Nanoseconds since midnight.
    Nanos,
    /// ISO 8601 text: `13:14:15.5Z`.
    Iso,
    /// A struct of parts.
    Structured {
        /// The column's precision, 0 to 6.
        precision: i32,
    },
}

/// How a `timestamp` is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum TimestampForm {
    /// Milliseconds since 1970, rounded down.
    Millis,
    /// Microseconds since 1970.
    Micros,
    /// Nanoseconds since 1970.
    Nanos,
    /// ISO 8601 text.
    Iso,
    /// A struct of parts.
    Structured {
        /// The column's precision, 0 to 6.
        precision: i32,
    },
}

/// `java.sql.Date` of pgjdbc's infinities, seen as days.
const SNAPSHOT_INFINITY_DAYS: (i64, i64) = (-625_821_272, -622_191_234);
/// Debezium's own stand-ins, LocalDate -5877611-06-22 and -21, as days in 32 bits.
const STREAM_INFINITY_DAYS: (i64, i64) = (-2_147_472_691, 2_146_033_979);
/// pgjdbc's infinite timestamps, in milliseconds.
const INFINITY_MILLIS: (i64, i64) = (-9_223_372_036_832_400_000, 9_223_372_036_825_200_000);
/// The same as ISO 8601 text.
const INFINITY_ISO: (&str, &str) = ("-292275055-05-16T23:00:00Z", "+292278994-08-16T23:00:00Z");
/// Their dates, as a snapshot reads them: without the era.
const SNAPSHOT_INFINITY_ISO_DATE: (&str, &str) = ("+292269055-12-02Z", "+292278994-08-16Z");
/// Debezium's own stand-ins as ISO 8601 text.
const STREAM_INFINITY_ISO_DATE: (&str, &str) = ("-5877611-06-22Z", "+5877611-06-21Z");

fn pick<T>(bounds: (T, T), positive: bool) -> T {
    if positive { bounds.1 } else { bounds.0 }
}

/// Appends a `date`.
pub(super) fn date(
    text: &[u8],
    form: DateForm,
    origin: Origin,
    out: &mut Vec<u8>,
) -> Result<(), Unfit> {
    let days = match (calendar::date(text)?, origin) {
        (Extended::Finite(date), Origin::Stream) => date.days(),
        (Extended::Finite(date), Origin::Snapshot) => {
            let forgetful = calendar::CivilDate {
                before_christ: false,
                ..date
            };
            let in_gap = (forgetful.year_of_era, forgetful.month) == (1582, 10)
                && (5..=14).contains(&forgetful.day);
            forgetful.days() + if in_gap { 10 } else { 0 }
        }
        (infinite, origin) => {
            let positive = infinite == Extended::PositiveInfinity;
            return infinite_date(positive, form, origin, out);
        }
    };
    match form {
        DateForm::Days => json::int(days, out),
        DateForm::Iso => iso_date(days, out),
        DateForm::Structured => structured::date(days, out),
    }
    Ok(())
}

fn infinite_date(
    positive: bool,
    form: DateForm,
    origin: Origin,
    out: &mut Vec<u8>,
) -> Result<(), Unfit> {
    let snapshot_days = pick(SNAPSHOT_INFINITY_DAYS, positive);
    match (form, origin) {
        (DateForm::Days, Origin::Stream) => json::int(pick(STREAM_INFINITY_DAYS, positive), out),
        (DateForm::Days, Origin::Snapshot) => json::int(snapshot_days, out),
        (DateForm::Iso, Origin::Stream) => {
            json::string(pick(STREAM_INFINITY_ISO_DATE, positive).as_bytes(), out);
        }
        (DateForm::Iso, Origin::Snapshot) => {
            json::string(pick(SNAPSHOT_INFINITY_ISO_DATE, positive).as_bytes(), out);
        }
        (DateForm::Structured, _) => structured::infinite_date(positive, out),
    }
    Ok(())
}

fn iso_date(days: i64, out: &mut Vec<u8>) {
    out.push(b'"');
    calendar::write_date(days, out);
    out.extend_from_slice(b"Z\"");
}

/// Appends a `time`; 24:00 is a whole day, in ISO text midnight.
pub(super) fn time(text: &[u8], form: TimeForm, out: &mut Vec<u8>) -> Result<(), Unfit> {
    write_time(calendar::time(text)?, form, out)
}

/// Appends a `time` of an array: pgjdbc knows milliseconds of one day there.
pub(super) fn array_time(text: &[u8], form: TimeForm, out: &mut Vec<u8>) -> Result<(), Unfit> {
    let us = calendar::time(text)? % calendar::DAY_US;
    write_time(us - us % 1_000, form, out)
}

fn write_time(us: i64, form: TimeForm, out: &mut Vec<u8>) -> Result<(), Unfit> {
    match form {
        TimeForm::Millis => json::int(us / 1_000, out),
        TimeForm::Micros => json::int(us, out),
        TimeForm::Nanos => json::int(us * 1_000, out),
        TimeForm::Iso => {
            out.push(b'"');
            calendar::write_time(us % calendar::DAY_US, Fraction::Shortest, out);
            out.extend_from_slice(b"Z\"");
        }
        TimeForm::Structured { precision } => structured::time(us, precision, out)?,
    }
    Ok(())
}

/// Appends a `timetz` as text in UTC; 24:00 UTC stays 24:00.
pub(super) fn time_tz(text: &[u8], out: &mut Vec<u8>) -> Result<(), Unfit> {
    let (local, offset) = calendar::time_tz(text)?;
    let us = match local - offset {
        calendar::DAY_US if offset == 0 => calendar::DAY_US,
        us => us.rem_euclid(calendar::DAY_US),
    };
    out.push(b'"');
    calendar::write_time(us, Fraction::Shortest, out);
    out.extend_from_slice(b"Z\"");
    Ok(())
}

/// Appends a `timestamp`.
pub(super) fn timestamp(text: &[u8], form: TimestampForm, out: &mut Vec<u8>) -> Result<(), Unfit> {
    let stamp = match calendar::stamp(text)? {
        Extended::Finite(stamp) => stamp,
        infinite => {
            infinite_timestamp(infinite == Extended::PositiveInfinity, form, out);
            return Ok(());
        }
    };
    match form {
        TimestampForm::Millis => json::int(stamp.days * 86_400_000 + stamp.us / 1_000, out),
        TimestampForm::Micros => json::int(stamp.java_epoch_us(), out),
        TimestampForm::Nanos => {
            let us = stamp.epoch_us().ok_or(Unfit::AsNull)?;
            json::int(us.checked_mul(1_000).ok_or(Unfit::AsNull)?, out);
        }
        TimestampForm::Iso => iso_timestamp(stamp, out),
        TimestampForm::Structured { precision } => structured::timestamp(stamp, precision, out),
    }
    Ok(())
}

fn infinite_timestamp(positive: bool, form: TimestampForm, out: &mut Vec<u8>) {
    let millis = pick(INFINITY_MILLIS, positive);
    match form {
        TimestampForm::Millis => json::int(millis, out),
        TimestampForm::Micros | TimestampForm::Nanos => {
            json::int(pick((i64::MIN, i64::MAX), positive), out);
        }
        TimestampForm::Iso => json::string(pick(INFINITY_ISO, positive).as_bytes(), out),
        TimestampForm::Structured { precision } => {
            structured::infinite_timestamp(positive, precision, out);
        }
    }
}

fn iso_timestamp(stamp: Stamp, out: &mut Vec<u8>) {
    out.push(b'"');
    calendar::write_stamp(stamp, Fraction::Shortest, out);
    out.push(b'"');
}

/// Appends a `timestamptz` as text in UTC with the column's number of digits.
pub(super) fn timestamp_tz(text: &[u8], digits: u32, out: &mut Vec<u8>) -> Result<(), Unfit> {
    match calendar::plain_utc(text) {
        Some(parts) => {
            plain_timestamp_tz(parts, digits, out);
            Ok(())
        }
        None => counted_timestamp_tz(text, digits, out),
    }
}

/// One that the server writes as Debezium does but for the number of digits.
fn plain_timestamp_tz(
    (date, time, fraction): (&[u8; 10], &[u8; 8], &[u8]),
    digits: u32,
    out: &mut Vec<u8>,
) {
    let digits = match digits {
        0 => fraction.len(),
        digits => usize::try_from(digits.min(6)).unwrap_or(6),
    };
    let fraction = fraction.get(..digits).unwrap_or(fraction);
    let zeros = b"000000".get(..digits - fraction.len()).unwrap_or_default();
    let point: &[u8] = if digits == 0 { b"" } else { b"." };
    let parts = [
        b"\"",
        &date[..],
        b"T",
        &time[..],
        point,
        fraction,
        zeros,
        b"Z\"",
    ];
    parts.iter().for_each(|part| out.extend_from_slice(part));
}

fn counted_timestamp_tz(text: &[u8], digits: u32, out: &mut Vec<u8>) -> Result<(), Unfit> {
    out.push(b'"');
    match calendar::stamp(text)? {
        Extended::PositiveInfinity => out.extend_from_slice(b"infinity"),
        Extended::NegativeInfinity => out.extend_from_slice(b"-infinity"),
        Extended::Finite(stamp) => {
            let fraction = if digits == 0 {
                Fraction::Shortest
            } else {
                Fraction::Digits(digits.min(6))
            };
            calendar::write_stamp(stamp, fraction, out);
        }
    }
    out.push(b'"');
    Ok(())
}

#[cfg(test)]
#[path = "temporal_tests.rs"]
mod tests;
