//! Java's `SimpleDateFormat` in English and UTC: compiles patterns and prints times.
//!
//! Enters a pattern and milliseconds since 1970-01-01 UTC, leaves text. As in Java, dates before
//! 1582-10-15 are Julian.

use std::fmt::Write as _;

use crate::value::{civil_from_days, days_from_civil};

/// The letters that Java knows.
const LETTERS: &str = "GyMdkHmsSEDFwWahKzZYuXL";
/// The first day of the Gregorian calendar.
const CUTOVER: i64 = -141_427;
/// Milliseconds of a day.
pub(super) const DAY: i64 = 86_400_000;

pub(super) const MONTHS: [&str; 12] = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
];

pub(super) const WEEKDAYS: [&str; 7] = [
    "Sunday",
    "Monday",
    "Tuesday",
    "Wednesday",
    "Thursday",
    "Friday",
    "Saturday",
];

/// A compiled pattern.
#[derive(Debug, Clone)]
pub(super) struct DateFormat {
    pub(super) pattern: String,
    pub(super) parts: Vec<Part>,
}

/// One part of a pattern.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Part {
    /// Text as it is.
    Literal(char),
    /// A letter and how often it stands there.
    Field(char, usize),
}

impl DateFormat {
    /// Compiles a pattern; the error is Java's.
    pub(super) fn new(pattern: &str) -> Result<Self, String> {
        let mut parts = Vec::new();
        let mut quoted = false;
        let mut rest = pattern.chars().peekable();
        while let Some(character) = rest.next() {
            if character == '\'' {
                if rest.next_if_eq(&'\'').is_some() {
                    parts.push(Part::Literal('\''));
                } else {
                    quoted = !quoted;
                }
            } else if quoted || !character.is_ascii_alphabetic() {
                parts.push(Part::Literal(character));
            } else {
                let mut count = 1;
                while rest.next_if_eq(&character).is_some() {
                    count += 1;
                }
                parts.push(field(character, count)?);
            }
        }
        if quoted {
            return Err("Unterminated quote".to_owned());
        }
        Ok(Self {
            pattern: pattern.to_owned(),
            parts,
        })
    }

    /// Prints a time.
    pub(super) fn format(&self, millis: i64) -> String {
        let moment = Moment::of(millis);
        let mut out = String::new();
        for part in &self.parts {
            match *part {
                Part::Literal(character) => out.push(character),
                Part::Field(letter, count) => moment.print(letter, count, &mut out),
            }
        }
        out
    }
}

fn field(letter: char, count: usize) -> Result<Part, String> {
    if !LETTERS.contains(letter) {
        return Err(format!("Illegal pattern character '{letter}'"));
    }
    if letter == 'X' && count > 3 {
        return Err(format!("invalid ISO 8601 format: length={count}"));
    }
    Ok(Part::Field(letter, count))
}

/// A time as the calendar sees it.
struct Moment {
    days: i64,
    /// Milliseconds since midnight.
    time: i64,
    year: i64,
    month: i64,
    day: i64,
}

impl Moment {
    fn of(millis: i64) -> Self {
        let days = millis.div_euclid(DAY);
        let (year, month, day) = date(days);
        Self {
            days,
            time: millis.rem_euclid(DAY),
            year,
            month,
            day,
        }
    }

    fn print(&self, letter: char, count: usize, out: &mut String) {
        let hour = self.time / 3_600_000;
        let number = match letter {
            'G' => return out.push_str(if self.year > 0 { "AD" } else { "BC" }),
            'y' if count == 2 => self.year_of_era() % 100,
            'y' => self.year_of_era(),
            'Y' if count == 2 => self.week_year().0 % 100,
            'Y' => self.week_year().0,
            'M' | 'L' if count > 2 => return name(&MONTHS, self.month - 1, count, out),
            'M' | 'L' => self.month,
            'd' => self.day,
            'k' if hour == 0 => 24,
            'k' | 'H' => hour,
            'm' => self.time / 60_000 % 60,
            's' => self.time / 1_000 % 60,
            'S' => self.time % 1_000,
            'E' => return name(&WEEKDAYS, self.weekday(), count, out),
            'D' => self.days - days(self.year, 1, 1) + 1,
            'F' => (self.day - 1) / 7 + 1,
            'w' => self.week_year().1,
            'W' => self.week_of_month(),
            'a' => return out.push_str(if hour < 12 { "AM" } else { "PM" }),
            'h' if hour % 12 == 0 => 12,
            'h' | 'K' => hour % 12,
            'u' if self.weekday() == 0 => 7,
            'u' => self.weekday(),
            'z' if count > 3 => return out.push_str("Coordinated Universal Time"),
            'z' => return out.push_str("UTC"),
            'Z' => return out.push_str("+0000"),
            _ => return out.push('Z'),
        };
        let _ = write!(out, "{number:0count$}");
    }

    const fn year_of_era(&self) -> i64 {
        if self.year > 0 {
            self.year
        } else {
            1 - self.year
        }
    }

    /// 0 is Sunday.
    const fn weekday(&self) -> i64 {
        (self.days + 4).rem_euclid(7)
    }

    /// The year and number of the week, which begins on Sunday; the first has the 1st of January.
    fn week_year(&self) -> (i64, i64) {
        let saturday = self.days - self.weekday() + 6;
        let (year, ..) = date(saturday);
        (year, (saturday - days(year, 1, 1)) / 7 + 1)
    }

    const fn week_of_month(&self) -> i64 {
        let first = (self.weekday() - (self.day - 1)).rem_euclid(7);
        (self.day - 1 + first) / 7 + 1
    }
}

fn name(names: &[&str], index: i64, count: usize, out: &mut String) {
    let index = usize::try_from(index).unwrap_or(0);
    let name = names.get(index).copied().unwrap_or_default();
    let short = name.get(..3).unwrap_or(name);
    out.push_str(if count > 3 { name } else { short });
}

/// Year, month and day of a day number.
fn date(days: i64) -> (i64, i64, i64) {
    if days >= CUTOVER {
        return civil_from_days(days);
    }
    let shifted = days + 719_470;
    let day_of_cycle = shifted.rem_euclid(1_461);
    let year_of_cycle = (day_of_cycle - day_of_cycle / 1_460) / 365;
    let day_of_year = day_of_cycle - 365 * year_of_cycle;
    let from_march = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * from_march + 2) / 5 + 1;
    let (month, later) = if from_march < 10 {
        (from_march + 3, 0)
    } else {
        (from_march - 9, 1)
    };
    (
        shifted.div_euclid(1_461) * 4 + year_of_cycle + later,
        month,
        day,
    )
}

/// The day number of a date.
pub(super) const fn days(year: i64, month: i64, day: i64) -> i64 {
    let gregorian = days_from_civil(year, month, day);
    if gregorian >= CUTOVER {
        return gregorian;
    }
    let year = if month <= 2 { year - 1 } else { year };
    let from_march = (month + 9) % 12;
    let day_of_year = (153 * from_march + 2) / 5 + day - 1;
    year * 365 + year.div_euclid(4) + day_of_year - 719_470
}
