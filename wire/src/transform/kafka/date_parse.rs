//! Java's `SimpleDateFormat`, reading: lenient as Java is, in English and UTC.
//!
//! Enters text, leaves milliseconds since 1970-01-01 UTC.

use super::cast_value::narrow32;
use super::date_format::{DAY, DateFormat, MONTHS, Part, WEEKDAYS, days};

/// Two digits of a year before this one are of the century after it. Java's moves with the
/// clock: it is eighty years ago.
const CENTURY: i64 = 1_946;

impl DateFormat {
    /// Reads a time from the front of a text; what follows is left alone.
    pub(super) fn parse(&self, text: &str) -> Option<i64> {
        let mut reader = Reader {
            text,
            at: 0,
            read: Read::default(),
        };
        let mut parts = self.parts.iter().peekable();
        while let Some(part) = parts.next() {
            match *part {
                Part::Literal(character) => reader.literal(character)?,
                Part::Field(letter, count) => {
                    let next = parts.peek();
                    let fixed = next.is_some_and(|next| is_number(next));
                    reader.field(letter, count, fixed)?;
                }
            }
        }
        Some(reader.read.millis())
    }
}

/// Whether it is a field of digits; one before it takes no more than its own.
const fn is_number(part: &Part) -> bool {
    match *part {
        Part::Literal(_) | Part::Field('G' | 'E' | 'a' | 'z' | 'Z' | 'X', _) => false,
        Part::Field('M' | 'L', count) => count <= 2,
        Part::Field(..) => true,
    }
}

/// A number and when it was read: of those that contradict each other the last one counts.
#[derive(Debug, Clone, Copy)]
struct Stamped {
    at: u32,
    number: i64,
}

/// What was read, still to be put together.
#[derive(Debug, Default)]
struct Read {
    /// Counts what was read.
    clock: u32,
    before_christ: bool,
    year: Option<i64>,
    week_year: Option<i64>,
    week: Option<Stamped>,
    /// From 0, Sunday.
    weekday: Option<Stamped>,
    /// From 0.
    month: Option<i64>,
    day: Option<Stamped>,
    day_of_year: Option<Stamped>,
    hour: Option<i64>,
    hour_of_half: i64,
    afternoon: bool,
    minute: i64,
    second: i64,
    milli: i64,
    offset_minutes: i64,
}

impl Read {
    fn millis(&self) -> i64 {
        let half = self.hour_of_half + if self.afternoon { 12 } else { 0 };
        let minutes = self.hour.unwrap_or(half) * 60 + self.minute - self.offset_minutes;
        let time = (minutes * 60 + self.second) * 1_000 + self.milli;
        self.days().wrapping_mul(DAY).wrapping_add(time)
    }

    fn days(&self) -> i64 {
        let year = self.year.unwrap_or(1_970);
        let year = if self.before_christ { 1 - year } else { year };
        let week = self.week.map_or(1, |week| week.number);
        if let Some(year) = self.week_year {
            return self.day_of_week(year, week);
        }
        let at = |read: Option<Stamped>| read.map_or(0, |read| read.at);
        // A week takes a weekday along, which alone says less than any other day.
        let both = self.week.and(self.weekday);
        let of_week = both.map_or(0, |weekday| weekday.at.max(at(self.week)));
        match (self.day, self.day_of_year) {
            (_, Some(day)) if day.at > at(self.day).max(of_week) => {
                return days(year, 1, 1) + day.number - 1;
            }
            (Some(day), _) if day.at > of_week => return self.day_of_month(year, day.number),
            _ if of_week > 0 || at(self.week) > 0 => return self.day_of_week(year, week),
            _ => {}
        }
        let first = self.day_of_month(year, 1);
        let later = self
            .weekday
            .map(|day| day.number - (first + 4).rem_euclid(7));
        first + later.map_or(0, |later| later.rem_euclid(7))
    }

    fn day_of_month(&self, year: i64, day: i64) -> i64 {
        let month = self.month.unwrap_or(0);
        let (year, month) = (year + month.div_euclid(12), month.rem_euclid(12) + 1);
        match day {
            // Within a month the change of the calendar is minded, beyond it days count on.
            1..=28 => days(year, month, day),
            _ => days(year, month, 1) + day - 1,
        }
    }

    /// A day of a week that begins on Sunday; the first has the 1st of January.
    fn day_of_week(&self, year: i64, week: i64) -> i64 {
        let first = days(year, 1, 1);
        let weekday = self.weekday.map_or(0, |weekday| weekday.number);
        first - (first + 4).rem_euclid(7) + (week - 1) * 7 + weekday
    }

    const fn stamped(&mut self, number: i64) -> Option<Stamped> {
        self.clock += 1;
        Some(Stamped {
            at: self.clock,
            number,
        })
    }
}

struct Reader<'t> {
    text: &'t str,
    at: usize,
    read: Read,
}

impl<'t> Reader<'t> {
    fn rest(&self) -> &'t str {
        self.text.get(self.at..).unwrap_or_default()
    }

    fn literal(&mut self, character: char) -> Option<()> {
        self.rest().strip_prefix(character)?;
        self.at += character.len_utf8();
        Some(())
    }

    fn field(&mut self, letter: char, count: usize, fixed: bool) -> Option<()> {
        let start = self.at;
        self.at += self.rest().len() - self.rest().trim_start_matches([' ', '\t']).len();
        if self.rest().is_empty() {
            return None;
        }
        match letter {
            'G' => self.read.before_christ = self.word(&["AD", "BC"])? == 1,
            'M' | 'L' if count > 2 => {
                let month = self.word(&MONTHS)?;
                self.read.month = i64::try_from(month).ok();
            }
            'E' => {
                let weekday = self.word(&WEEKDAYS)?;
                let weekday = i64::try_from(weekday).ok()?;
                self.read.weekday = self.read.stamped(weekday);
            }
            'a' => self.read.afternoon = self.word(&["AM", "PM"])? == 1,
            'z' | 'Z' | 'X' => self.zone(letter, count)?,
            _ => {
                let end = fixed.then_some(start + count);
                let from = self.at;
                let number = self.number(end)?;
                let digits = self.at - from;
                self.set(letter, count, digits, number);
            }
        }
        Some(())
    }

    fn set(&mut self, letter: char, count: usize, digits: usize, number: i64) {
        let read = &mut self.read;
        match letter {
            'y' | 'Y' if count <= 2 && digits == 2 && number >= 0 => {
                let century = CENTURY - CENTURY % 100;
                let later = if number < CENTURY % 100 { 100 } else { 0 };
                self.set_year(letter, century + later + number);
            }
            'y' | 'Y' => self.set_year(letter, number),
            'M' | 'L' => read.month = Some(number - 1),
            'w' => read.week = read.stamped(number),
            'u' => read.weekday = read.stamped(number % 7),
            'd' => read.day = read.stamped(number),
            'D' => read.day_of_year = read.stamped(number),
            'k' => read.hour = Some(if number == 24 { 0 } else { number }),
            'H' => read.hour = Some(number),
            'h' => read.hour_of_half = if number == 12 { 0 } else { number },
            'K' => read.hour_of_half = number,
            'm' => read.minute = number,
            's' => read.second = number,
            'S' => read.milli = number,
            // Weeks of the month give way to its days.
            _ => {}
        }
    }

    fn set_year(&mut self, letter: char, year: i64) {
        if letter == 'Y' {
            self.read.week_year = Some(year);
        } else {
            (self.read.year, self.read.week_year) = (Some(year), None);
        }
    }

    /// A whole number, up to `end` if the next field follows at once.
    fn number(&mut self, end: Option<usize>) -> Option<i64> {
        let text = match end {
            Some(end) => self.text.get(self.at..end)?,
            None => self.rest(),
        };
        let unsigned = text.strip_prefix('-').unwrap_or(text);
        let digits = unsigned.bytes().take_while(u8::is_ascii_digit).count();
        let length = text.len() - unsigned.len() + digits;
        if digits == 0 {
            return None;
        }
        let number = text.get(..length)?.parse().unwrap_or(i64::MAX);
        self.at += length;
        Some(i64::from(narrow32(number)))
    }

    /// The longest of some names or their first three letters, in any letter case.
    fn word(&mut self, names: &[&str]) -> Option<usize> {
        let rest = self.rest();
        let is_next = |name: &str| {
            let text = rest.get(..name.len());
            text.is_some_and(|text| text.eq_ignore_ascii_case(name))
        };
        let lengths = names.iter().enumerate().filter_map(|(index, name)| {
            let short = name.get(..3).unwrap_or(name);
            let length = if is_next(name) {
                name.len()
            } else {
                short.len()
            };
            is_next(short).then_some((length, index))
        });
        let (length, index) = lengths.max_by_key(|(length, _)| *length)?;
        self.at += length;
        Some(index)
    }

    fn zone(&mut self, letter: char, count: usize) -> Option<()> {
        let rest = self.rest();
        let starts = |name: &str| {
            let text = rest.get(..name.len());
            text.is_some_and(|text| text.eq_ignore_ascii_case(name))
        };
        let (name, takes_offset) = match letter {
            'X' => ("Z", false),
            _ if starts("GMT") => ("GMT", true),
            _ => ("UTC", false),
        };
        let named = (letter != 'X' || rest.starts_with('Z')) && starts(name);
        let named = named.then_some(name.len());
        self.at += named.unwrap_or(0);
        let sign = match self.rest().chars().next() {
            _ if named.is_some() && !takes_offset => return Some(()),
            Some('+') => 1,
            Some('-') => -1,
            _ => return named.map(|_| ()),
        };
        self.at += 1;
        let colon = named.is_some() || letter == 'X' && count == 3;
        // After a name, one digit is enough.
        let hours = match (self.two_digits(23), named) {
            (Some(hours), _) => hours,
            (None, Some(_)) => self.digits(1, 9)?,
            (None, None) => return None,
        };
        let mut minutes = hours * 60;
        if letter != 'X' || count != 1 {
            if colon {
                self.literal(':')?;
            }
            minutes += self.two_digits(59)?;
        }
        self.read.offset_minutes = sign * minutes;
        Some(())
    }

    fn two_digits(&mut self, most: i64) -> Option<i64> {
        self.digits(2, most)
    }

    fn digits(&mut self, count: usize, most: i64) -> Option<i64> {
        let digits = self.rest().get(..count)?;
        let numeric = digits.bytes().all(|byte| byte.is_ascii_digit());
        let number = digits
            .parse()
            .ok()
            .filter(|number| numeric && *number <= most)?;
        self.at += count;
        Some(number)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What Java prints in English and UTC.
    #[test]
    fn times_print_as_java_prints_them() {
        let check = |pattern: &str, millis: i64, text: &str| {
            let format = DateFormat::new(pattern).expect(pattern);
            assert_eq!(format.format(millis), text, "{pattern} {millis}");
        };
        let all = "G y Y yy M MMM MMMM L LLL w W D d F E EEEE u a H k K h m s S z zzzz Z X XXX";
        check(
            all,
            0,
            "AD 1970 1970 70 1 Jan January 1 Jan 1 1 1 1 1 Thu Thursday 4 AM 0 24 0 12 0 0 0 UTC \
             Coordinated Universal Time +0000 Z Z",
        );
        check("yyyyMMdd", 1_710_512_345_678, "20240315");
        check(
            "yyyy-MM-dd'T'HH:mm:ss.SSS'Z'",
            1_710_512_345_678,
            "2024-03-15T14:19:05.678Z",
        );
        check("yyyy-MM-dd G", CUTOVER_MS, "1582-10-15 AD");
        check("yyyy-MM-dd G", CUTOVER_MS - 1, "1582-10-04 AD");
        check("y ''yy' T'", -1, "1969 '69 T");
    }

    const CUTOVER_MS: i64 = -141_427 * DAY;

    #[test]
    fn texts_are_read_as_java_reads_them() {
        let check = |pattern: &str, text: &str, millis: Option<i64>| {
            let format = DateFormat::new(pattern).expect(pattern);
            assert_eq!(format.parse(text), millis, "{pattern} {text}");
        };
        check("yyyy-MM-dd", "2024-03-15", Some(1_710_460_800_000));
        check("yyyy-MM-dd", "2024-03-15 and more", Some(1_710_460_800_000));
        check("yyyy-MM-dd", "2023-15-15", Some(1_710_460_800_000));
        check(
            "yyyyMMddHHmmssSSS",
            "20240315141905678",
            Some(1_710_512_345_678),
        );
        check(
            "yyyy-MM-dd'T'HH:mm:ssX",
            "2024-03-15T15:19:05+01",
            Some(1_710_512_345_000),
        );
        check(
            "yyyy-MM-dd HH:mm:ss Z",
            "2024-03-15 14:19:05 +0000",
            Some(1_710_512_345_000),
        );
        check(
            "EEE, d MMM yyyy hh:mm a z",
            "Fri, 15 march 2024 02:19 PM UTC",
            Some(1_710_512_340_000),
        );
        check("yyyy-MM-dd", "2024/03/15", None);
        check("yyyy-MM-dd", "", None);
        check("yyyyMMdd", "2024031", Some(1_709_251_200_000));
        check("yyyyMMdd", "202403", None);
        check("yyyy-MM-dd", "1582-10-04", Some(CUTOVER_MS - DAY));
        check("yy-M-d", "24-3-15", Some(1_710_460_800_000));
        check("yy-M-d", "70-1-2", Some(DAY));
    }
}
