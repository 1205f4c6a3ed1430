//! Watermarks: rows of the signal table that mark in the stream where a chunk was read.

use serde_json::Value;

use crate::config::Watermarks;
use crate::postgres::quote::literal;

/// The kind of an opening watermark.
pub(crate) const OPEN: &str = "snapshot-window-open";
/// The kind of a closing watermark.
pub(crate) const CLOSE: &str = "snapshot-window-close";

/// Whether a signal of this kind is a watermark.
pub(crate) fn is_kind(kind: &str) -> bool {
    matches!(kind, OPEN | CLOSE)
}

/// The watermarks of one chunk.
#[derive(Debug)]
pub(crate) struct Marks<'a> {
    /// The signal table, quoted.
    pub(crate) table: &'a str,
    pub(crate) id: &'a str,
    pub(crate) strategy: Watermarks,
    /// The signal that asked for the table, and the table.
    pub(crate) correlation: Option<&'a str>,
    pub(crate) collection: &'a str,
    /// When the window was opened, in nanoseconds since the Unix epoch.
    pub(crate) opened_ns: i64,
}

impl Marks<'_> {
    /// The statement that opens the window.
    pub(crate) fn open(&self) -> String {
        self.insert("open", OPEN, &self.data(None))
    }

    /// The statement that closes it.
    pub(crate) fn close(&self, now_ns: i64) -> String {
        match self.strategy {
            Watermarks::InsertInsert => self.insert("close", CLOSE, &self.data(Some(now_ns))),
            Watermarks::InsertDelete => {
                let id = literal(&format!("{}-open", self.id));
                format!("DELETE FROM {} WHERE id = {id}", self.table)
            }
        }
    }

    fn insert(&self, end: &str, kind: &str, data: &str) -> String {
        let id = literal(&format!("{}-{end}", self.id));
        let (table, kind, data) = (self.table, literal(kind), literal(data));
        format!("INSERT INTO {table} VALUES ({id}, {kind}, {data})")
    }

    /// Debezium's `SignalMetadata`, with its spaces.
    fn data(&self, closed_ns: Option<i64>) -> String {
        let fields = [
            ("openWindowTimestamp", Some(instant(self.opened_ns))),
            ("closeWindowTimestamp", closed_ns.map(instant)),
            ("correlationId", self.correlation.map(str::to_owned)),
            ("dataCollectionId", Some(self.collection.to_owned())),
        ];
        let fields: Vec<_> = fields
            .into_iter()
            .filter_map(|(name, text)| Some(format!("\"{name}\": {}", Value::from(text?))))
            .collect();
        format!("{{{}}}", fields.join(", "))
    }
}

/// A time as Java's `Instant` prints it: a fraction of no, three, six or nine digits.
fn instant(ns: i64) -> String {
    let (seconds, fraction) = (ns.div_euclid(1_000_000_000), ns.rem_euclid(1_000_000_000));
    let (days, second) = (seconds.div_euclid(86_400), seconds.rem_euclid(86_400));
    let (year, month, day) = civil(days);
    let fraction = match fraction {
        0 => String::new(),
        ns if ns % 1_000_000 == 0 => format!(".{:03}", ns / 1_000_000),
        ns if ns % 1_000 == 0 => format!(".{:06}", ns / 1_000),
        ns => format!(".{ns:09}"),
    };
    let (hour, minute, second) = (second / 3600, second / 60 % 60, second % 60);
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}{fraction}Z")
}

/// Year, month and day of a day since 1970-01-01, from March as the first month of a year.
fn civil(days: i64) -> (i64, i64, i64) {
    let days = days + 719_468;
    let era = days.div_euclid(146_097);
    let of_era = days.rem_euclid(146_097);
    let year = (of_era - of_era / 1460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year + year / 4 - year / 100);
    let from_march = (5 * of_year + 2) / 153;
    let day = of_year - (153 * from_march + 2) / 5 + 1;
    let month = (from_march + 2) % 12 + 1;
    (year + era * 400 + i64::from(month <= 2), month, day)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn watermarks_are_debeziums() {
        let mut marks = Marks {
            table: r#""public"."debezium_signal""#,
            id: "e6a35fe3",
            strategy: Watermarks::InsertInsert,
            correlation: Some("sig'1"),
            collection: "public.inc",
            opened_ns: 1_795_426_783_855_710_399,
        };
        assert_eq!(
            marks.open(),
            r#"INSERT INTO "public"."debezium_signal" VALUES ('e6a35fe3-open', 'snapshot-window-open', '{"openWindowTimestamp": "2026-11-23T09:39:43.855710399Z", "correlationId": "sig''1", "dataCollectionId": "public.inc"}')"#
        );
        assert_eq!(
            marks.close(1_795_426_783_876_319_000),
            r#"INSERT INTO "public"."debezium_signal" VALUES ('e6a35fe3-close', 'snapshot-window-close', '{"openWindowTimestamp": "2026-11-23T09:39:43.855710399Z", "closeWindowTimestamp": "2026-11-23T09:39:43.876319Z", "correlationId": "sig''1", "dataCollectionId": "public.inc"}')"#
        );
        marks.strategy = Watermarks::InsertDelete;
        assert_eq!(
            marks.close(0),
            r#"DELETE FROM "public"."debezium_signal" WHERE id = 'e6a35fe3-open'"#
        );
    }

    #[test]
    fn instants_are_javas() {
        for (ns, expected) in [
            (0, "1970-01-01T00:00:00Z"),
            (1_000_000, "1970-01-01T00:00:00.001Z"),
            (951_782_400_000_000_000, "2000-02-29T00:00:00Z"),
            (1_709_251_199_120_000_000, "2024-02-29T23:59:59.120Z"),
        ] {
            assert_eq!(instant(ns), expected);
        }
    }
}
