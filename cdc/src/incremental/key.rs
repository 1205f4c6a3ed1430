//! Keys of rows: where a chunk begins and ends.
//!
//! A value is kept as the Java class that Debezium reads its type as, because keys go into the
//! offsets that Debezium can go on from. A type without a class here is kept as its text.

use std::borrow::Cow;

use uuid::Uuid;
use walcast_wire::catalog::Table;
use walcast_wire::pgoutput::Datum;

/// OIDs of the types that Debezium does not read as text.
const BOOL: u32 = 16;
const INT8: u32 = 20;
const INT2: u32 = 21;
const INT4: u32 = 23;
const DATE: u32 = 1082;
const UUID: u32 = 2950;

/// One column's value in a key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Part {
    /// SQL null, in a key that is a unique index.
    Null,
    /// `java.lang.Boolean`.
    Boolean(bool),
    /// `java.lang.Short`.
    Short(i16),
    /// `java.lang.Integer`; the driver reads `smallint` as one, too.
    Integer(i32),
    /// `java.lang.Long`.
    Long(i64),
    /// `java.util.UUID`.
    Uuid(Uuid),
    /// `java.sql.Date`: days since 1970-01-01.
    Date(i32),
    /// `java.lang.String`, and what has no class here.
    Text(String),
}

/// A key's values, in the order of the chunk's columns.
pub(crate) type Key = Vec<Part>;

impl Part {
    /// A column's value as COPY gave it; `type_oid` is the column's type.
    pub(crate) fn new(datum: Datum<'_>, type_oid: u32) -> Self {
        let Datum::Text(bytes) = datum else {
            return Self::Null;
        };
        let text = String::from_utf8_lossy(bytes);
        let known = match type_oid {
            BOOL => Some(Self::Boolean(text == "t")),
            INT2 | INT4 => text.parse().ok().map(Self::Integer),
            INT8 => text.parse().ok().map(Self::Long),
            UUID => text.parse().ok().map(Self::Uuid),
            DATE => days(&text).map(Self::Date),
            _ => None,
        };
        known.unwrap_or_else(|| Self::Text(text.into_owned()))
    }

    /// Its text as SQL takes it; `None` for null.
    pub(crate) fn text(&self) -> Option<Cow<'_, str>> {
        let text = match self {
            Self::Null => return None,
            Self::Text(text) => return Some(Cow::Borrowed(text)),
            Self::Boolean(value) => value.to_string(),
            Self::Short(value) => value.to_string(),
            Self::Integer(value) => value.to_string(),
            Self::Long(value) => value.to_string(),
            Self::Uuid(value) => value.to_string(),
            Self::Date(days) => date(*days),
        };
        Some(Cow::Owned(text))
    }
}

/// Days since 1970-01-01 of `YYYY-MM-DD`; none before the Gregorian calendar, where Java has another
/// day, and for what is no such date.
fn days(text: &str) -> Option<i32> {
    let mut numbers = text.splitn(3, '-').map(str::parse::<i32>);
    let (year, month, day) = (
        numbers.next()?.ok()?,
        numbers.next()?.ok()?,
        numbers.next()?.ok()?,
    );
    let known = (1583..=9999).contains(&year) && (1..=12).contains(&month);
    if !known || !(1..=31).contains(&day) {
        return None;
    }
    // Years that begin in March, in eras of 400: Howard Hinnant, "chrono-Compatible Low-Level Date
    // Algorithms".
    let (year, month) = match month {
        1 | 2 => (year - 1, month + 9),
        _ => (year, month - 3),
    };
    let of_era = year % 400;
    let of_year = (153 * month + 2) / 5 + day - 1;
    let in_era = of_era * 365 + of_era / 4 - of_era / 100 + of_year;
    Some(year / 400 * 146_097 + in_era - 719_468)
}

/// The other way.
fn date(days: i32) -> String {
    let days = i64::from(days) + 719_468;
    let (era, in_era) = (days.div_euclid(146_097), days.rem_euclid(146_097));
    let of_era = (in_era - in_era / 1460 + in_era / 36_524 - in_era / 146_096) / 365;
    let of_year = in_era - (365 * of_era + of_era / 4 - of_era / 100);
    let month = (5 * of_year + 2) / 153;
    let day = of_year - (153 * month + 2) / 5 + 1;
    let (year, month) = match month {
        10.. => (era * 400 + of_era + 1, month - 9),
        _ => (era * 400 + of_era, month + 3),
    };
    format!("{year:04}-{month:02}-{day:02}")
}

/// The key of a row of `table`, whose places in it are `order`.
pub(crate) fn of<'d>(
    row: impl Iterator<Item = Datum<'d>> + Clone,
    order: &[usize],
    table: &Table,
) -> Key {
    let part = |place: &usize| {
        let datum = row.clone().nth(*place).unwrap_or(Datum::Null);
        let column = table.columns.get(*place);
        Part::new(datum, column.map_or(0, |column| column.type_oid))
    };
    order.iter().map(part).collect()
}

/// A key as notifications show it.
pub(crate) fn shown(key: &[Part]) -> String {
    let texts: Vec<_> = key
        .iter()
        .map(|part| part.text().unwrap_or(Cow::Borrowed("<null>")))
        .collect();
    texts.join(",")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_has_debeziums_class_and_its_text_again() {
        let check = |oid, text: &str, expected: Part, again: &str| {
            let part = Part::new(Datum::Text(text.as_bytes()), oid);
            assert_eq!(part, expected, "{text}");
            assert_eq!(part.text().as_deref(), Some(again), "{text}");
        };
        check(INT4, "-7", Part::Integer(-7), "-7");
        check(INT2, "7", Part::Integer(7), "7");
        check(INT8, "9000000000", Part::Long(9_000_000_000), "9000000000");
        check(BOOL, "t", Part::Boolean(true), "true");
        check(25, "it's", Part::Text("it's".into()), "it's");
        check(1700, "1.50", Part::Text("1.50".into()), "1.50");
        let id = "01234567-89ab-cdef-0123-456789abcdef";
        check(UUID, id, Part::Uuid(id.parse().unwrap()), id);
        for (text, days) in [
            ("1970-01-01", 0),
            ("1969-12-31", -1),
            ("2000-02-29", 11_016),
            ("2024-12-31", 20_088),
            ("1583-01-01", -141_349),
            ("9999-12-31", 2_932_896),
        ] {
            check(DATE, text, Part::Date(days), text);
        }
        for text in ["infinity", "0044-03-15 BC", "1500-01-01", "12024-01-01"] {
            check(DATE, text, Part::Text(text.into()), text);
        }
        assert_eq!(Part::new(Datum::Null, INT4), Part::Null);
        assert_eq!(shown(&[Part::Integer(1), Part::Null]), "1,<null>");
    }
}
