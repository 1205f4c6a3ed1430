//! The landing table's row, as it is sent: `RowBinaryWithNamesAndTypes`.
//!
//! Enters: a row. Leaves: its bytes. Pure. Names, types and order are the columns of
//! `clickhouse/0001_outbox_events.sql`, but for `landed_at`, which the server sets: nothing that this
//! process sends depends on the time. The server compares the types with the table's and refuses
//! others.
//!
//! Source: <https://clickhouse.com/docs/interfaces/formats/RowBinaryWithNamesAndTypes>.

use std::borrow::Cow;

/// The columns that are sent, in the order in which [`LandingRow::write`] writes them.
pub(crate) const COLUMNS: [(&str, &str); 13] = [
    ("id", "UInt64"),
    ("aggregate_type", "LowCardinality(String)"),
    ("aggregate_id", "String"),
    ("event_type", "LowCardinality(String)"),
    ("payload", "String"),
    ("created_at", "DateTime64(6, 'UTC')"),
    ("op", "LowCardinality(String)"),
    ("lsn", "UInt64"),
    ("tx_id", "UInt64"),
    ("source_ts", "DateTime64(6, 'UTC')"),
    ("kafka_topic", "LowCardinality(String)"),
    ("kafka_partition", "UInt32"),
    ("kafka_offset", "UInt64"),
];

/// One row of `outbox_events`. Times are microseconds since the Unix epoch, UTC.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct LandingRow<'a> {
    pub(crate) id: u64,
    pub(crate) aggregate_type: Cow<'a, str>,
    pub(crate) aggregate_id: Cow<'a, str>,
    pub(crate) event_type: Cow<'a, str>,
    pub(crate) payload: Cow<'a, str>,
    pub(crate) created_at: i64,
    pub(crate) op: &'static str,
    pub(crate) lsn: u64,
    pub(crate) tx_id: u64,
    pub(crate) source_ts: i64,
    pub(crate) kafka_topic: &'a str,
    pub(crate) kafka_partition: u32,
    pub(crate) kafka_offset: u64,
}

impl LandingRow<'_> {
    /// Appends the row's bytes.
    pub(crate) fn write(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.id.to_le_bytes());
        write_str(&self.aggregate_type, out);
        write_str(&self.aggregate_id, out);
        write_str(&self.event_type, out);
        write_str(&self.payload, out);
        out.extend_from_slice(&self.created_at.to_le_bytes());
        write_str(self.op, out);
        out.extend_from_slice(&self.lsn.to_le_bytes());
        out.extend_from_slice(&self.tx_id.to_le_bytes());
        out.extend_from_slice(&self.source_ts.to_le_bytes());
        write_str(self.kafka_topic, out);
        out.extend_from_slice(&self.kafka_partition.to_le_bytes());
        out.extend_from_slice(&self.kafka_offset.to_le_bytes());
    }
}

/// What precedes the rows of an insert.
pub(crate) fn header() -> Vec<u8> {
    let mut out = Vec::new();
    write_length(COLUMNS.len(), &mut out);
    COLUMNS
        .iter()
        .for_each(|(name, _)| write_str(name, &mut out));
    COLUMNS.iter().for_each(|(_, of)| write_str(of, &mut out));
    out
}

/// Appends a String: its length and its bytes.
fn write_str(text: &str, out: &mut Vec<u8>) {
    write_length(text.len(), out);
    out.extend_from_slice(text.as_bytes());
}

/// Appends a length as unsigned LEB128.
fn write_length(mut length: usize, out: &mut Vec<u8>) {
    while length >= 0x80 {
        out.push(length as u8 | 0x80);
        length >>= 7;
    }
    out.push(length as u8);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_are_leb128() {
        for (length, bytes) in [
            (0, &[0][..]),
            (127, &[127]),
            (128, &[0x80, 1]),
            (300, &[0xac, 2]),
            (1 << 21, &[0x80, 0x80, 0x80, 1]),
        ] {
            let mut out = Vec::new();
            write_length(length, &mut out);
            assert_eq!(out, bytes, "{length}");
        }
    }

    #[test]
    fn a_row_is_its_columns_in_their_order() {
        let row = LandingRow {
            id: 1,
            aggregate_type: "a".into(),
            aggregate_id: "".into(),
            event_type: "ET".into(),
            payload: "{}".into(),
            created_at: -1,
            op: "c",
            lsn: 2,
            tx_id: 3,
            source_ts: 4,
            kafka_topic: "t",
            kafka_partition: 5,
            kafka_offset: 6,
        };
        let mut out = Vec::new();
        row.write(&mut out);
        let number = |number: i64| number.to_le_bytes().to_vec();
        let expected = [
            number(1),
            b"\x01a\x00\x02ET\x02{}".to_vec(),
            number(-1),
            b"\x01c".to_vec(),
            number(2),
            number(3),
            number(4),
            b"\x01t".to_vec(),
            5_u32.to_le_bytes().to_vec(),
            number(6),
        ];
        assert_eq!(out, expected.concat());
    }
}
