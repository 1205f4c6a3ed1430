//! Temporal values as structs of their parts (`time.precision.mode=structured`).
//!
//! Enters parsed values, leaves JSON objects whose fields are those of Debezium's
//! `io.debezium.time.Structured*` schemas; parts that do not apply are null.

use super::calendar::{self, Extended, Stamp};
use super::interval::Interval;
use super::{Unfit, calendar::DAY_US};
use crate::json;

const DATE: [&str; 3] = ["year", "month", "day"];
const CLOCK: [&str; 4] = ["hour", "minute", "second", "nanos"];

/// Appends a `date`.
pub(super) fn date(days: i64, out: &mut Vec<u8>) {
    out.push(b'{');
    date_parts(days, out);
    null_field("specialValue", out);
    out.push(b'}');
}

/// Appends an infinite `date`.
pub(super) fn infinite_date(positive: bool, out: &mut Vec<u8>) {
    out.push(b'{');
    DATE.into_iter().for_each(|part| null_field(part, out));
    special_value(positive, out);
    out.push(b'}');
}

/// Appends a `time`; 24:00 has no such form.
pub(super) fn time(us: i64, precision: i32, out: &mut Vec<u8>) -> Result<(), Unfit> {
    if us >= DAY_US {
        return Err(Unfit::AsNull);
    }
    out.push(b'{');
    clock_parts(us, out);
    field("precision", precision, out);
    out.push(b'}');
    Ok(())
}

/// Appends a `timetz` with its own offset; 24:00 stays.
pub(super) fn time_tz(text: &[u8], precision: i32, out: &mut Vec<u8>) -> Result<(), Unfit> {
    let (local, offset) = calendar::time_tz(text)?;
    out.push(b'{');
    clock_parts(local, out);
    field("offsetSeconds", offset / 1_000_000, out);
    field("precision", precision, out);
    out.push(b'}');
    Ok(())
}

/// Appends a `timestamp`.
pub(super) fn timestamp(stamp: Stamp, precision: i32, out: &mut Vec<u8>) {
    out.push(b'{');
    date_parts(stamp.days, out);
    clock_parts(stamp.us, out);
    null_field("specialValue", out);
    field("precision", precision, out);
    out.push(b'}');
}

/// Appends an infinite `timestamp`.
pub(super) fn infinite_timestamp(positive: bool, precision: i32, out: &mut Vec<u8>) {
    out.push(b'{');
    DATE.into_iter()
        .chain(CLOCK)
        .for_each(|part| null_field(part, out));
    special_value(positive, out);
    field("precision", precision, out);
    out.push(b'}');
}

/// Appends a `timestamptz` in UTC.
pub(super) fn timestamp_tz(text: &[u8], precision: i32, out: &mut Vec<u8>) -> Result<(), Unfit> {
    out.push(b'{');
    match calendar::stamp(text)? {
        Extended::Finite(stamp) => {
            date_parts(stamp.days, out);
            clock_parts(stamp.us, out);
            field("offsetSeconds", 0, out);
            name("zoneId", out);
            out.extend_from_slice(b"\"Z\"");
            null_field("specialValue", out);
        }
        infinite => {
            let parts = DATE
                .into_iter()
                .chain(CLOCK)
                .chain(["offsetSeconds", "zoneId"]);
            parts.for_each(|part| null_field(part, out));
            special_value(infinite == Extended::PositiveInfinity, out);
        }
    }
    field("precision", precision, out);
    out.push(b'}');
    Ok(())
}

/// Appends an `interval`.
pub(super) fn duration(interval: Interval, precision: i32, out: &mut Vec<u8>) {
    out.push(b'{');
    field("years", interval.years, out);
    field("months", interval.months, out);
    field("days", interval.days, out);
    field("hours", interval.hours, out);
    field("minutes", interval.minutes, out);
    field("seconds", interval.seconds_us / 1_000_000, out);
    field("nanos", interval.seconds_us % 1_000_000 * 1_000, out);
    field("precision", precision, out);
    out.push(b'}');
}

fn date_parts(days: i64, out: &mut Vec<u8>) {
    let (year, month, day) = calendar::civil_from_days(days);
    field("year", year, out);
    field("month", month, out);
    field("day", day, out);
}

fn clock_parts(us: i64, out: &mut Vec<u8>) {
    let seconds = us / 1_000_000;
    field("hour", seconds / 3_600, out);
    field("minute", seconds / 60 % 60, out);
    field("second", seconds % 60, out);
    field("nanos", us % 1_000_000 * 1_000, out);
}

/// Appends a field's name, with a comma unless it is the first.
fn name(name: &str, out: &mut Vec<u8>) {
    if out.last() != Some(&b'{') {
        out.push(b',');
    }
    out.push(b'"');
    out.extend_from_slice(name.as_bytes());
    out.extend_from_slice(b"\":");
}

fn field(key: &str, value: impl itoa::Integer, out: &mut Vec<u8>) {
    name(key, out);
    json::int(value, out);
}

fn null_field(key: &str, out: &mut Vec<u8>) {
    name(key, out);
    out.extend_from_slice(b"null");
}

fn special_value(positive: bool, out: &mut Vec<u8>) {
    name("specialValue", out);
    out.extend_from_slice(if positive {
        b"\"POSITIVE_INFINITY\""
    } else {
        b"\"NEGATIVE_INFINITY\""
    });
}
