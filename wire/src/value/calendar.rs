//! The calendar: PostgreSQL's ISO text to days and microseconds, and back to ISO 8601.
//!
//! Days count from 1970-01-01 in the proleptic Gregorian calendar, years are astronomical (1 BC
//! is year 0). It knows no time zone but offsets from UTC.

use super::Unfit;

/// Microseconds of a day.
pub(super) const DAY_US: i64 = 86_400_000_000;

/// A date as written: year of the era, month, day, era.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct CivilDate {
    pub(super) year_of_era: i64,
    pub(super) month: i64,
    pub(super) day: i64,
    pub(super) before_christ: bool,
}

/// A date and time of day.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Stamp {
    /// Days since 1970-01-01.
    pub(super) days: i64,
    /// Microseconds since midnight, 0 up to a day.
    pub(super) us: i64,
}

/// A value that may lie before or after all others.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Extended<T> {
    NegativeInfinity,
    Finite(T),
    PositiveInfinity,
}

impl CivilDate {
    fn year(self) -> i64 {
        if self.before_christ {
            1 - self.year_of_era
        } else {
            self.year_of_era
        }
    }

    /// Days since 1970-01-01.
    pub(super) fn days(self) -> i64 {
        days_from_civil(self.year(), self.month, self.day)
    }
}

impl Stamp {
    /// Microseconds since 1970-01-01; `None` when 64 bits are too few.
    pub(super) fn epoch_us(self) -> Option<i64> {
        self.days.checked_mul(DAY_US)?.checked_add(self.us)
    }

    /// Microseconds since 1970-01-01 as Java counts them beyond 64 bits: whole seconds stop at
    /// the limits, the fraction then wraps around.
    pub(super) fn java_epoch_us(self) -> i64 {
        let seconds = self
            .days
            .saturating_mul(86_400)
            .saturating_add(self.us.div_euclid(1_000_000));
        seconds
            .saturating_mul(1_000_000)
            .wrapping_add(self.us.rem_euclid(1_000_000))
    }
}

/// Days since 1970-01-01 of a proleptic Gregorian date.
pub(crate) const fn days_from_civil(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let era = year.div_euclid(400);
    let year_of_era = year.rem_euclid(400);
    let month_from_march = (month + 9) % 12;
    let day_of_year = (153 * month_from_march + 2) / 5 + day - 1;
    let day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    era * 146_097 + day_of_era - 719_468
}

/// Year, month and day of a day number.
pub(crate) const fn civil_from_days(days: i64) -> (i64, i64, i64) {
    let shifted = days + 719_468;
    let era = shifted.div_euclid(146_097);
    let day_of_era = shifted.rem_euclid(146_097);
    let year_of_era =
        (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_from_march = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month_from_march + 2) / 5 + 1;
    let month = if month_from_march < 10 {
        month_from_march + 3
    } else {
        month_from_march - 9
    };
    let year = year_of_era + era * 400;
    (if month <= 2 { year + 1 } else { year }, month, day)
}

/// Reads from the front of a text.
struct Reader<'t> {
    rest: &'t [u8],
}

impl Reader<'_> {
    /// A run of 1 to `most` digits.
    fn number(&mut self, most: usize) -> Result<i64, Unfit> {
        let length = self
            .rest
            .iter()
            .take(most)
            .take_while(|byte| byte.is_ascii_digit())
            .count();
        let (digits, rest) = self.rest.split_at_checked(length).ok_or(Unfit::Malformed)?;
        if digits.is_empty() {
            return Err(Unfit::Malformed);
        }
        self.rest = rest;
        Ok(digits
            .iter()
            .fold(0, |value, &digit| value * 10 + i64::from(digit - b'0')))
    }

    fn accept(&mut self, byte: u8) -> bool {
        match self.rest.split_first() {
            Some((&first, rest)) if first == byte => {
                self.rest = rest;
                true
            }
            _ => false,
        }
    }

    fn expect(&mut self, byte: u8) -> Result<(), Unfit> {
        if self.accept(byte) {
            Ok(())
        } else {
            Err(Unfit::Malformed)
        }
    }

    fn date(&mut self) -> Result<CivilDate, Unfit> {
        let year_of_era = self.number(7)?;
        self.expect(b'-')?;
        let month = self.number(2)?;
        self.expect(b'-')?;
        let day = self.number(2)?;
        if !(1..=12).contains(&month) || !(1..=31).contains(&day) {
            return Err(Unfit::Malformed);
        }
        Ok(CivilDate {
            year_of_era,
            month,
            day,
            before_christ: false,
        })
    }

    /// `hh:mm[:ss[.ffffff]]` in microseconds.
    fn time(&mut self) -> Result<i64, Unfit> {
        let hours = self.number(2)?;
        self.expect(b':')?;
        let minutes = self.number(2)?;
        let seconds = if self.accept(b':') {
            self.number(2)?
        } else {
            0
        };
        let mut us = ((hours * 60 + minutes) * 60 + seconds) * 1_000_000;
        if self.accept(b'.') {
            let before = self.rest.len();
            let fraction = self.number(6)?;
            let missing = u32::try_from(6 - (before - self.rest.len())).unwrap_or(0);
            us += fraction * 10_i64.pow(missing);
        }
        Ok(us)
    }

    /// `±hh[:mm[:ss]]` in microseconds.
    fn offset(&mut self) -> Result<i64, Unfit> {
        let negative = if self.accept(b'-') {
            true
        } else {
            self.expect(b'+')?;
            false
        };
        let mut seconds = self.number(2)? * 3_600;
        if self.accept(b':') {
            seconds += self.number(2)? * 60;
        }
        if self.accept(b':') {
            seconds += self.number(2)?;
        }
        Ok(if negative { -seconds } else { seconds } * 1_000_000)
    }

    fn has_offset(&self) -> bool {
        matches!(self.rest.first(), Some(b'+' | b'-'))
    }

    /// ` BC` or nothing, and the end.
    fn era(self) -> Result<bool, Unfit> {
        match self.rest {
            b"" | b" AD" => Ok(false),
            b" BC" => Ok(true),
            _ => Err(Unfit::Malformed),
        }
    }
}

fn extended<T>(
    text: &[u8],
    read: impl FnOnce(Reader<'_>) -> Result<T, Unfit>,
) -> Result<Extended<T>, Unfit> {
    match text {
        b"infinity" => Ok(Extended::PositiveInfinity),
        b"-infinity" => Ok(Extended::NegativeInfinity),
        _ => read(Reader { rest: text }).map(Extended::Finite),
    }
}

/// A `date`.
pub(super) fn date(text: &[u8]) -> Result<Extended<CivilDate>, Unfit> {
    extended(text, |mut reader| {
        let date = reader.date()?;
        Ok(CivilDate {
            before_christ: reader.era()?,
            ..date
        })
    })
}

/// A `time`, in microseconds since midnight; 24:00 is a whole day.
pub(super) fn time(text: &[u8]) -> Result<i64, Unfit> {
    let mut reader = Reader { rest: text };
    let us = reader.time()?;
    if reader.rest.is_empty() {
        Ok(us)
    } else {
        Err(Unfit::Malformed)
    }
}

/// A `timetz`: microseconds since midnight there, and the offset from UTC in microseconds.
pub(super) fn time_tz(text: &[u8]) -> Result<(i64, i64), Unfit> {
    let mut reader = Reader { rest: text };
    let us = reader.time()?;
    let offset = reader.offset()?;
    if reader.rest.is_empty() {
        Ok((us, offset))
    } else {
        Err(Unfit::Malformed)
    }
}

/// A `timestamp` or `timestamptz`, the latter as UTC; a missing time of day is midnight.
pub(super) fn stamp(text: &[u8]) -> Result<Extended<Stamp>, Unfit> {
    extended(text, |mut reader| {
        let date = reader.date()?;
        let mut us = 0;
        if matches!(reader.rest, [b' ', b'0'..=b'9', ..]) {
            reader.accept(b' ');
            us = reader.time()?;
        }
        if reader.has_offset() {
            us -= reader.offset()?;
        }
        let days = CivilDate {
            before_christ: reader.era()?,
            ..date
        }
        .days();
        Ok(Stamp {
            days: days + us.div_euclid(DAY_US),
            us: us.rem_euclid(DAY_US),
        })
    })
}

/// Date, time and digits of the fraction of a stamp in UTC as the server writes it, where they are
/// what a reader of Java's text expects, too: of years 1 to 9999.
pub(super) fn plain_utc(text: &[u8]) -> Option<(&[u8; 10], &[u8; 8], &[u8])> {
    let text = text.strip_suffix(b"+00")?;
    let (date, rest) = text.split_first_chunk::<10>()?;
    let (time, rest) = rest.strip_prefix(b" ")?.split_first_chunk::<8>()?;
    let fraction = match rest {
        [] => rest,
        [b'.', digits @ ..] if !digits.is_empty() && digits.len() <= 6 => digits,
        _ => return None,
    };
    let &[y1, y2, y3, y4, b'-', m1, m2, b'-', d1, d2] = date else {
        return None;
    };
    let &[h1, h2, b':', n1, n2, b':', s1, s2] = time else {
        return None;
    };
    let all = [y1, y2, y3, y4, m1, m2, d1, d2, h1, h2, n1, n2, s1, s2];
    let digits = all.iter().chain(fraction).all(u8::is_ascii_digit);
    let two = |tens: u8, ones: u8| {
        tens.wrapping_sub(b'0')
            .wrapping_mul(10)
            .wrapping_add(ones.wrapping_sub(b'0'))
    };
    let longest = match two(m1, m2) {
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        1..=12 => 31,
        _ => return None,
    };
    // The 29th of February is left to those who count.
    let fits = (1..=longest).contains(&two(d1, d2))
        && two(h1, h2) < 24
        && two(n1, n2) < 60
        && two(s1, s2) < 60
        && [y1, y2, y3, y4] != *b"0000"
        && fraction.last() != Some(&b'0');
    (digits && fits).then_some((date, time, fraction))
}

/// Appends `2024-03-15`, with a sign before years outside 0 to 9999.
pub(super) fn write_date(days: i64, out: &mut Vec<u8>) {
    let (year, month, day) = civil_from_days(days);
    if year > 9_999 {
        out.push(b'+');
    } else if year < 0 {
        out.push(b'-');
    }
    padded(year.unsigned_abs(), 4, out);
    out.push(b'-');
    padded(month.unsigned_abs(), 2, out);
    out.push(b'-');
    padded(day.unsigned_abs(), 2, out);
}

/// How many digits follow the seconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fraction {
    /// As many as needed.
    Shortest,
    /// So many, 1 to 6.
    Digits(u32),
}

/// Appends `13:14:15` and the fraction.
pub(super) fn write_time(us: i64, fraction: Fraction, out: &mut Vec<u8>) {
    let (seconds, micros) = (us.unsigned_abs() / 1_000_000, us.unsigned_abs() % 1_000_000);
    padded(seconds / 3_600, 2, out);
    out.push(b':');
    padded(seconds / 60 % 60, 2, out);
    out.push(b':');
    padded(seconds % 60, 2, out);
    match fraction {
        Fraction::Digits(digits) => {
            out.push(b'.');
            padded(
                micros / 10_u64.pow(6_u32.saturating_sub(digits)),
                digits,
                out,
            );
        }
        Fraction::Shortest if micros != 0 => {
            out.push(b'.');
            padded(micros, 6, out);
            while out.last() == Some(&b'0') {
                out.pop();
            }
        }
        Fraction::Shortest => {}
    }
}

/// Appends `2024-03-15T13:14:15.123Z`.
pub(super) fn write_stamp(stamp: Stamp, fraction: Fraction, out: &mut Vec<u8>) {
    write_date(stamp.days, out);
    out.push(b'T');
    write_time(stamp.us, fraction, out);
    out.push(b'Z');
}

fn padded(value: u64, width: u32, out: &mut Vec<u8>) {
    let mut limit = 10_u64.pow(width.saturating_sub(1));
    while limit > value && limit > 1 {
        out.push(b'0');
        limit /= 10;
    }
    crate::json::int(value, out);
}

#[cfg(test)]
#[path = "calendar_tests.rs"]
mod tests;
