//! `interval` in PostgreSQL's own style (`1 year 2 mons 3 days 04:05:06.789012`).

use std::io::Write as _;

use super::{Unfit, structured};
use crate::json;

/// How an interval is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum IntervalForm {
    /// Microseconds, a month counted as 30.4375 days.
    Numeric,
    /// ISO 8601 with all parts: `P1Y2M3DT4H5M6.789012S`.
    String,
    /// A struct of parts.
    Structured {
        /// The column's precision, 0 to 6.
        precision: i32,
    },
}

/// An interval's parts; each has its own sign.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Interval {
    pub(super) years: i64,
    pub(super) months: i64,
    pub(super) days: i64,
    pub(super) hours: i64,
    pub(super) minutes: i64,
    /// Seconds and their fraction, in microseconds.
    pub(super) seconds_us: i64,
}

/// Appends an `interval`.
pub(super) fn interval(text: &[u8], form: IntervalForm, out: &mut Vec<u8>) -> Result<(), Unfit> {
    let interval = Interval::read(text)?;
    match form {
        IntervalForm::Numeric => json::int(interval.micros(), out),
        IntervalForm::String => interval.iso(out),
        IntervalForm::Structured { precision } => {
            interval.check_fits()?;
            structured::duration(interval, precision, out);
        }
    }
    Ok(())
}

impl Interval {
    /// The struct's fields have 32 bits, as pgjdbc's have; PostgreSQL's hours may need more.
    fn check_fits(&self) -> Result<(), Unfit> {
        let parts = [self.years, self.months, self.days, self.hours, self.minutes];
        let fit = parts.into_iter().all(|part| i32::try_from(part).is_ok());
        fit.then_some(()).ok_or(Unfit::Malformed)
    }

    fn read(text: &[u8]) -> Result<Self, Unfit> {
        let text = std::str::from_utf8(text).map_err(|_| Unfit::Malformed)?;
        let mut interval = Self::default();
        let mut words = text.split_ascii_whitespace();
        while let Some(word) = words.next() {
            if word.contains(':') {
                interval.clock(word)?;
                continue;
            }
            // A lone word that is no clock (PostgreSQL writes none) counts as nothing.
            let Some(unit) = words.next() else { break };
            let number: i64 = word.parse().map_err(|_| Unfit::Malformed)?;
            match unit {
                unit if unit.starts_with("year") => interval.years = number,
                unit if unit.starts_with("mon") => interval.months = number,
                unit if unit.starts_with("day") => interval.days = number,
                _ => return Err(Unfit::Malformed),
            }
        }
        Ok(interval)
    }

    /// `[-+]hh:mm:ss[.ffffff]`; the sign is of all three.
    fn clock(&mut self, word: &str) -> Result<(), Unfit> {
        let (sign, clock) = match word.strip_prefix('-') {
            Some(rest) => (-1, rest),
            None => (1, word.strip_prefix('+').unwrap_or(word)),
        };
        let mut parts = clock.split(':');
        let mut part = || parts.next().ok_or(Unfit::Malformed);
        let number = |text: &str| text.parse::<i64>().map_err(|_| Unfit::Malformed);
        self.hours = sign * number(part()?)?;
        self.minutes = sign * number(part()?)?;
        let (whole, fraction) = part()?.split_once('.').map_or_else(
            || (clock.rsplit(':').next().unwrap_or("0"), ""),
            |(whole, fraction)| (whole, fraction),
        );
        let mut us = number(whole)?;
        for place in 0..6 {
            let digit = fraction.as_bytes().get(place).copied().unwrap_or(b'0');
            if !digit.is_ascii_digit() {
                return Err(Unfit::Malformed);
            }
            us = us * 10 + i64::from(digit - b'0');
        }
        self.seconds_us = sign * us;
        Ok(())
    }

    /// In the same floating-point steps as Debezium, so that rounding agrees.
    #[expect(
        clippy::as_conversions,
        reason = "the casts to and from floats are the arithmetic that is imitated"
    )]
    fn micros(self) -> i64 {
        const DAYS_PER_MONTH: f64 = 365.25 / 12.0;
        let seconds = (self.seconds_us / 1_000_000) as f64
            + (self.seconds_us % 1_000_000) as f64 / 1_000_000.0;
        let months = self.years.saturating_mul(12).saturating_add(self.months);
        let days = months as f64 * DAYS_PER_MONTH + self.days as f64;
        let total =
            ((days * 24.0 + self.hours as f64) * 60.0 + self.minutes as f64) * 60.0 + seconds;
        (total * 1e6) as i64
    }

    fn iso(self, out: &mut Vec<u8>) {
        out.extend_from_slice(b"\"P");
        json::int(self.years, out);
        out.push(b'Y');
        json::int(self.months, out);
        out.push(b'M');
        json::int(self.days, out);
        out.extend_from_slice(b"DT");
        json::int(self.hours, out);
        out.push(b'H');
        json::int(self.minutes, out);
        out.push(b'M');
        self.iso_seconds(out);
        out.extend_from_slice(b"S\"");
    }

    /// Debezium has them from a double: its shortest digits, at most nine decimals of them. For
    /// some fractions that is one nanosecond less than the value.
    #[expect(
        clippy::as_conversions,
        reason = "the casts to floats are the arithmetic that is imitated"
    )]
    fn iso_seconds(self, out: &mut Vec<u8>) {
        if self.seconds_us % 1_000_000 == 0 {
            json::int(self.seconds_us / 1_000_000, out);
            return;
        }
        let seconds = (self.seconds_us / 1_000_000) as f64
            + (self.seconds_us % 1_000_000) as f64 / 1_000_000.0;
        let start = out.len();
        // A vector takes every byte.
        let _ = write!(out, "{seconds}");
        let written = out.get(start..).unwrap_or_default();
        if let Some(point) = written.iter().position(|&byte| byte == b'.') {
            out.truncate((start + point + 10).min(out.len()));
        }
        while out.last() == Some(&b'0') {
            out.pop();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, micros: i64, iso: &str) {
        let mut out = Vec::new();
        interval(text.as_bytes(), IntervalForm::Numeric, &mut out).expect(text);
        assert_eq!(String::from_utf8_lossy(&out), micros.to_string(), "{text}");
        out.clear();
        interval(text.as_bytes(), IntervalForm::String, &mut out).expect(text);
        assert_eq!(String::from_utf8_lossy(&out), format!("\"{iso}\""));
    }

    #[test]
    fn a_struct_takes_no_more_hours_than_its_field() {
        let form = IntervalForm::Structured { precision: 6 };
        let fits = |text: &str| interval(text.as_bytes(), form, &mut Vec::new()).is_ok();
        assert!(fits("2147483647:00:00"));
        assert!(!fits("2147483648:00:00"));
    }

    #[test]
    fn parts_are_summed_or_spelled_out() {
        check(
            "1 year 2 mons 3 days 04:05:06.789012",
            37_091_106_789_012,
            "P1Y2M3DT4H5M6.789012S",
        );
        check("-1 mons", -2_629_800_000_000, "P0Y-1M0DT0H0M0S");
        check("1 day -00:00:01", 86_399_000_000, "P0Y0M1DT0H0M-1S");
        check("00:00:00", 0, "P0Y0M0DT0H0M0S");
        check("00:00:01.235", 1_235_000 - 1, "P0Y0M0DT0H0M1.234999999S");
        check("-00:00:01.235", -1_235_000 + 1, "P0Y0M0DT0H0M-1.234999999S");
        check("100 years", 3_155_760_000_000_000, "P100Y0M0DT0H0M0S");
        check(
            "-1 years -2 mons +3 days -04:05:06.000001",
            -36_572_706_000_001,
            "P-1Y-2M3DT-4H-5M-6.000001S",
        );
        check("36:00:00.5", 129_600_500_000, "P0Y0M0DT36H0M0.5S");
        check(
            "3 days 04:05:06.79",
            273_906_790_000 - 1,
            "P0Y0M3DT4H5M6.79S",
        );
    }

    #[test]
    fn other_text_is_malformed() {
        for text in ["x y", "1 parsec", "1:2", "1:2:x", "1:2:3.x"] {
            let read = interval(text.as_bytes(), IntervalForm::Numeric, &mut Vec::new());
            assert_eq!(read, Err(Unfit::Malformed), "{text}");
        }
    }
}
