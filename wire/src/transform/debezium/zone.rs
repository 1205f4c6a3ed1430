//! Time zones as Java applies them: offsets at local times and instants, ISO 8601 texts moved.
//!
//! The rules come with the program. Where a local time occurs twice or never, the offset before the
//! change counts, as in Java.

use jiff::civil::{Date, DateTime, Time};
use jiff::tz::{AmbiguousOffset, Offset, TimeZone};
use jiff::{SignedDuration, Timestamp};

/// Seconds of 400 years, after which the calendar repeats.
const CYCLE_SECONDS: i64 = 146_097 * DAY_SECONDS;
const CYCLE_YEARS: i64 = 400;
const DAY_SECONDS: i64 = 86_400;
/// Up to the year 8799: farther times are moved here by whole cycles.
const FAR_SECONDS: i64 = 215_500_000_000;
const FAR_YEARS: i64 = 8800;

/// A time zone: a place's or a fixed offset.
#[derive(Debug, Clone)]
pub(super) struct Zone(TimeZone);

/// A time of day with its offset from UTC.
struct OffsetTime<'t> {
    seconds: i64,
    fraction: &'t str,
    offset: i64,
}

impl Zone {
    /// From an offset (`+08:00`, `-03:30:15`) or a name of the tz database, in its letter case.
    pub(super) fn parse(text: &str) -> Option<Self> {
        if text.starts_with(['+', '-']) {
            let seconds = offset_seconds(text).filter(|_| text.len() >= 6)?;
            let offset = Offset::from_seconds(seconds.try_into().ok()?).ok()?;
            return Some(Self(TimeZone::fixed(offset)));
        }
        let zone = TimeZone::get(text).ok()?;
        let is_same = zone.iana_name() == Some(text);
        is_same.then_some(Self(zone))
    }

    /// The offset when clocks show a time, as seconds since 1970-01-01 00:00 on them.
    pub(super) fn offset_at_local(&self, seconds: i64) -> i64 {
        let Some(local) = local(near(seconds)) else {
            return 0;
        };
        let offset = match self.0.to_ambiguous_timestamp(local).offset() {
            AmbiguousOffset::Unambiguous { offset } => offset,
            AmbiguousOffset::Gap { before, .. } | AmbiguousOffset::Fold { before, .. } => before,
        };
        offset.seconds().into()
    }

    /// The offset at an instant, as seconds since 1970-01-01 UTC.
    pub(super) fn offset_at(&self, seconds: i64) -> i64 {
        let instant = Timestamp::from_second(near(seconds));
        instant.map_or(0, |instant| self.0.to_offset(instant).seconds().into())
    }

    /// A date and time with an offset, moved to this zone's offset. Debezium looks the offset up at
    /// the time that the text shows, not at the instant.
    pub(super) fn moved_timestamp(&self, text: &str) -> Option<String> {
        let (date, time) = text.split_once(['T', 't'])?;
        let mut parts = date.rsplitn(3, '-');
        let (day, month, year) = (parts.next()?, parts.next()?, parts.next()?);
        let year = digits(year.strip_prefix(['+', '-']).unwrap_or(year))? * sign(year);
        let cycles = match year.abs() > FAR_YEARS {
            true => (year - year.signum() * FAR_YEARS).div_euclid(CYCLE_YEARS),
            false => 0,
        };
        let near_year = year - cycles * CYCLE_YEARS;
        let date = Date::new(
            near_year.try_into().ok()?,
            digits(month)?.try_into().ok()?,
            digits(day)?.try_into().ok()?,
        );
        let midnight = date.ok()?.to_datetime(Time::midnight());
        let midnight = Offset::UTC.to_timestamp(midnight).ok()?.as_second();
        let time = offset_time(time)?;
        let shown = midnight + time.seconds;
        let offset = self.offset_at_local(shown);
        let moved = local(shown - time.offset + offset)?;
        Some(format!(
            "{}-{:02}-{:02}T{}",
            year_text(i64::from(moved.year()) + cycles * CYCLE_YEARS),
            moved.month(),
            moved.day(),
            time_text(clock_seconds(moved), time.fraction, offset)
        ))
    }

    /// A time of day with an offset, moved to this zone's offset at an instant.
    pub(super) fn moved_time(&self, text: &str, instant: i64) -> Option<String> {
        let time = offset_time(text)?;
        let offset = self.offset_at(instant);
        let seconds = (time.seconds - time.offset + offset).rem_euclid(DAY_SECONDS);
        Some(time_text(seconds, time.fraction, offset))
    }
}

/// The same time in a year near enough, where clocks go the same way.
fn near(seconds: i64) -> i64 {
    match seconds {
        FAR_SECONDS.. => FAR_SECONDS + (seconds - FAR_SECONDS) % CYCLE_SECONDS,
        _ if seconds < -FAR_SECONDS => (seconds + FAR_SECONDS) % CYCLE_SECONDS - FAR_SECONDS,
        _ => seconds,
    }
}

/// What clocks show.
fn local(seconds: i64) -> Option<DateTime> {
    let start = DateTime::new(1970, 1, 1, 0, 0, 0, 0).ok()?;
    start.checked_add(SignedDuration::from_secs(seconds)).ok()
}

fn clock_seconds(local: DateTime) -> i64 {
    let hours = i64::from(local.hour());
    let minutes = i64::from(local.minute());
    hours * 3600 + minutes * 60 + i64::from(local.second())
}

fn offset_time(text: &str) -> Option<OffsetTime<'_>> {
    let start = text.find(['+', '-', 'Z', 'z'])?;
    let (clock, offset) = text.split_at_checked(start)?;
    let (clock, fraction) = clock.split_once('.').unwrap_or((clock, ""));
    if !fraction.is_empty() && (digits(fraction).is_none() || fraction.len() > 9) {
        return None;
    }
    let seconds = sexagesimal(clock).filter(|seconds| *seconds < DAY_SECONDS)?;
    let offset = match offset {
        "Z" | "z" => 0,
        _ => offset_seconds(offset)?,
    };
    Some(OffsetTime {
        seconds,
        fraction: fraction.trim_end_matches('0'),
        offset,
    })
}

/// Seconds of `+hh`, `+hh:mm` or `+hh:mm:ss`; at most 18 hours, as in Java.
fn offset_seconds(text: &str) -> Option<i64> {
    let seconds = sexagesimal(text.strip_prefix(['+', '-'])?)?;
    (seconds <= 18 * 3600).then_some(seconds * sign(text))
}

/// Seconds of `hh`, `hh:mm` or `hh:mm:ss`.
fn sexagesimal(text: &str) -> Option<i64> {
    let (mut seconds, mut unit) = (0, 3600);
    for part in text.split(':') {
        let number = digits(part).filter(|number| unit == 3600 || *number < 60)?;
        if part.len() != 2 || unit == 0 {
            return None;
        }
        seconds += number * unit;
        unit /= 60;
    }
    Some(seconds)
}

fn digits(text: &str) -> Option<i64> {
    let all = text.bytes().all(|byte| byte.is_ascii_digit());
    all.then(|| text.parse().ok()).flatten()
}

fn sign(text: &str) -> i64 {
    if text.starts_with('-') { -1 } else { 1 }
}

fn year_text(year: i64) -> String {
    match year {
        0..=9999 => format!("{year:04}"),
        10_000.. => format!("+{year}"),
        _ => format!("-{:04}", -year),
    }
}

fn time_text(seconds: i64, fraction: &str, offset: i64) -> String {
    let mut text = clock_text(seconds, true);
    if !fraction.is_empty() {
        text.push('.');
        text.push_str(fraction);
    }
    match offset {
        0 => text.push('Z'),
        _ => {
            text.push(if offset < 0 { '-' } else { '+' });
            text.push_str(&clock_text(offset.abs(), offset % 60 != 0));
        }
    }
    text
}

fn clock_text(seconds: i64, with_seconds: bool) -> String {
    let (hours, minutes) = (seconds / 3600, seconds / 60 % 60);
    match with_seconds {
        true => format!("{hours:02}:{minutes:02}:{:02}", seconds % 60),
        false => format!("{hours:02}:{minutes:02}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn zones_are_named_exactly() {
        let table = [
            ("Europe/Paris", true),
            ("UTC", true),
            ("GMT", true),
            ("+05:30", true),
            ("-18:00", true),
            ("+08:00:15", true),
            ("europe/paris", false),
            ("Asia", false),
            ("+5", false),
            ("+05", false),
            ("+18:01", false),
            ("", false),
        ];
        for (text, expected) in table {
            assert_eq!(Zone::parse(text).is_some(), expected, "{text}");
        }
    }

    #[test]
    fn timestamps_move() {
        let table = [
            (
                "+05:30",
                "2018-01-02T11:15:30.123456789+00:00",
                "2018-01-02T16:45:30.123456789+05:30",
            ),
            (
                "Pacific/Easter",
                "2011-01-11T16:40:30.120000Z",
                "2011-01-11T11:40:30.12-05:00",
            ),
            (
                "Europe/Paris",
                "2014-06-22T10:15:30Z",
                "2014-06-22T12:15:30+02:00",
            ),
            (
                "Europe/Paris",
                "2014-12-22T10:15:30.000000Z",
                "2014-12-22T11:15:30+01:00",
            ),
            ("UTC", "2014-12-22T10:15+01:00", "2014-12-22T09:15:00Z"),
            // Shown time in the gap, and in the hour that comes twice.
            (
                "Europe/Paris",
                "2024-03-31T02:30:00Z",
                "2024-03-31T03:30:00+01:00",
            ),
            (
                "Europe/Paris",
                "2024-10-27T02:30:00Z",
                "2024-10-27T04:30:00+02:00",
            ),
            (
                "Europe/Paris",
                "1800-01-01T00:00:00Z",
                "1800-01-01T00:09:21+00:09:21",
            ),
            (
                "+01:00",
                "9999-12-31T23:30:00Z",
                "+10000-01-01T00:30:00+01:00",
            ),
            (
                "-01:00",
                "0000-01-01T00:00:00Z",
                "-0001-12-31T23:00:00-01:00",
            ),
            (
                "Europe/Paris",
                "+294276-07-01T00:00:00Z",
                "+294276-07-01T02:00:00+02:00",
            ),
            (
                "+01:00",
                "-4712-01-01T00:00:00Z",
                "-4712-01-01T01:00:00+01:00",
            ),
        ];
        for (zone, text, expected) in table {
            let zone = Zone::parse(zone).expect("a zone");
            assert_eq!(zone.moved_timestamp(text).as_deref(), Some(expected));
        }
    }

    #[test]
    fn texts_without_a_time_do_not_move() {
        for text in [
            "infinity",
            "2014-02-30T00:00:00Z",
            "2014-02-20",
            "2014-02-20T24:00:00Z",
        ] {
            let zone = Zone::parse("UTC").expect("a zone");
            assert_eq!(zone.moved_timestamp(text), None, "{text}");
        }
    }

    #[test]
    fn times_and_far_instants_move() {
        let chicago = Zone::parse("America/Chicago").expect("a zone");
        let moved = |text, instant| chicago.moved_time(text, instant);
        assert_eq!(moved("01:00:00.5Z", 0).as_deref(), Some("19:00:00.5-06:00"));
        let summer = 1_720_000_000;
        assert_eq!(
            moved("23:30:00-01:00", summer).as_deref(),
            Some("19:30:00-05:00")
        );
        assert_eq!(moved("noon", 0), None);
        let paris = Zone::parse("Europe/Paris").expect("a zone");
        let far = 1_720_000_000 + 700 * CYCLE_SECONDS;
        assert_eq!(
            (paris.offset_at(far), paris.offset_at_local(far)),
            (7200, 7200)
        );
        assert_eq!(paris.offset_at(-far), 561);
        assert_eq!(paris.offset_at(i64::MIN), 561);
    }
}
