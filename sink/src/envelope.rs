//! A Kafka record's value to a landing row.
//!
//! Enters: the bytes of one record of the outbox topic: a Debezium envelope, bare or inside
//! `{"schema","payload"}`. Leaves: the row, or that the record needs none, or why it is poison.
//! Pure and total: every value has one answer, and the same one each time.

use std::borrow::Cow;
use std::sync::Arc;

use serde::Deserialize;
use serde_json::value::RawValue;

use crate::payload;
use crate::row::LandingRow;
use crate::timestamp::{check_micros, parse_micros};

/// What becomes of one record.
#[derive(Debug, PartialEq)]
pub(crate) enum Mapped<'a> {
    Row(LandingRow<'a>),
    /// Nothing to land; counted under this name.
    Ignored(Ignored),
    /// To the dead-letter topic, with the reason.
    Poison(Poison),
}

/// Records that an outbox table's pruning makes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Ignored {
    Delete,
    Tombstone,
    Truncate,
}

impl Ignored {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Ignored::Delete => "delete",
            Ignored::Tombstone => "tombstone",
            Ignored::Truncate => "truncate",
        }
    }
}

/// Why a record cannot land: a short name to count by, and the sentence for a reader.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Poison {
    pub(crate) kind: &'static str,
    pub(crate) reason: String,
}

fn poison<'a>(kind: &'static str, reason: impl Into<String>) -> Mapped<'a> {
    Mapped::Poison(Poison {
        kind,
        reason: reason.into(),
    })
}

/// Where a record stands in Kafka.
#[derive(Debug, Clone)]
pub(crate) struct Origin {
    pub(crate) topic: Arc<str>,
    pub(crate) partition: i32,
}

/// The table whose changes the topic carries.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct OutboxTable {
    pub(crate) schema: String,
    pub(crate) table: String,
}

/// Maps the value of the record at `offset`.
pub(crate) fn map<'a>(
    value: Option<&'a [u8]>,
    outbox: &OutboxTable,
    origin: &'a Origin,
    offset: i64,
) -> Mapped<'a> {
    let Some(value) = value else {
        return Mapped::Ignored(Ignored::Tombstone);
    };
    let envelope = match parse(value) {
        Ok(envelope) => envelope,
        Err(error) => return poison("envelope", format!("no Debezium envelope: {error}")),
    };
    let op = match envelope.op.as_ref() {
        "c" => "c",
        "r" => "r",
        "d" => return Mapped::Ignored(Ignored::Delete),
        "t" => return Mapped::Ignored(Ignored::Truncate),
        "u" => return poison("update", "op is u, but a row of an outbox is never updated"),
        other => return poison("op", format!("op is {other:?}, an outbox row has c or r")),
    };
    if envelope.source.schema != outbox.schema || envelope.source.table != outbox.table {
        let Source { schema, table, .. } = &envelope.source;
        let OutboxTable {
            schema: own,
            table: outbox,
        } = outbox;
        return poison(
            "table",
            format!("the row is of {schema}.{table}, not of {own}.{outbox}"),
        );
    }
    match row(envelope, op, origin, offset) {
        Ok(row) => Mapped::Row(row),
        Err(reason) => poison("row", reason),
    }
}

#[derive(Deserialize)]
struct Envelope<'a, T> {
    #[serde(borrow)]
    op: Cow<'a, str>,
    #[serde(borrow)]
    source: Source<'a>,
    after: Option<T>,
}

impl<'a, T> Envelope<'a, T> {
    fn map_after<U>(self, map: impl FnOnce(T) -> U) -> Envelope<'a, U> {
        Envelope {
            op: self.op,
            source: self.source,
            after: self.after.map(map),
        }
    }
}

#[derive(Deserialize)]
struct Source<'a> {
    #[serde(borrow)]
    schema: Cow<'a, str>,
    #[serde(borrow)]
    table: Cow<'a, str>,
    ts_ms: i64,
    /// Since Debezium 2.6.
    ts_us: Option<i64>,
    #[serde(rename = "txId")]
    tx_id: Option<u64>,
    lsn: Option<u64>,
}

/// The outbox row as Debezium prints it, with its default modes for time and JSON.
#[derive(Deserialize)]
struct After<'a> {
    id: u64,
    #[serde(borrow)]
    aggregate_type: Cow<'a, str>,
    #[serde(borrow)]
    aggregate_id: Cow<'a, str>,
    #[serde(borrow)]
    event_type: Cow<'a, str>,
    #[serde(borrow)]
    payload: Cow<'a, str>,
    #[serde(borrow)]
    created_at: Cow<'a, str>,
}

/// JsonConverter with `schemas.enable=true` puts the envelope under `payload`.
#[derive(Deserialize)]
struct WithSchema<'a, T> {
    #[serde(rename = "schema")]
    _schema: serde::de::IgnoredAny,
    #[serde(borrow, bound(deserialize = "T: Deserialize<'de>"))]
    payload: Envelope<'a, T>,
}

/// The envelope, and its row or why that is none. What is not wholly as it should be is read a second
/// time, piece by piece, to say why.
fn parse(value: &[u8]) -> Result<Envelope<'_, Result<After<'_>, String>>, String> {
    if let Ok(envelope) = read(value) {
        return Ok(envelope.map_after(Ok));
    }
    let envelope = read::<&RawValue>(value)?;
    Ok(envelope.map_after(|raw| {
        serde_json::from_str(raw.get()).map_err(|error| format!("after: {error}"))
    }))
}

fn read<'a, T: Deserialize<'a>>(value: &'a [u8]) -> Result<Envelope<'a, T>, String> {
    let bare = || serde_json::from_slice::<Envelope<'_, T>>(value);
    let wrapped = || serde_json::from_slice::<WithSchema<'_, T>>(value).map(|is| is.payload);
    let read = if value.starts_with(br#"{"schema":"#) {
        wrapped().or_else(|_| bare())
    } else {
        bare().or_else(|error| wrapped().map_err(|_| error))
    };
    read.map_err(|error| error.to_string())
}

fn row<'a>(
    envelope: Envelope<'a, Result<After<'a>, String>>,
    op: &'static str,
    origin: &'a Origin,
    offset: i64,
) -> Result<LandingRow<'a>, String> {
    let after = envelope.after.ok_or("after is null")??;
    payload::check(&after.aggregate_type, &after.event_type, &after.payload)?;
    let source = &envelope.source;
    let commit = source.ts_us.unwrap_or(source.ts_ms.saturating_mul(1_000));
    Ok(LandingRow {
        id: after.id,
        created_at: parse_micros(&after.created_at).map_err(|e| format!("created_at: {e}"))?,
        aggregate_type: after.aggregate_type,
        aggregate_id: after.aggregate_id,
        event_type: after.event_type,
        payload: after.payload,
        op,
        lsn: source.lsn.unwrap_or(0),
        tx_id: source.tx_id.unwrap_or(0),
        source_ts: check_micros(commit).map_err(|error| format!("source.ts_us: {error}"))?,
        kafka_topic: &origin.topic,
        kafka_partition: u32::try_from(origin.partition).map_err(|_| "negative partition")?,
        kafka_offset: u64::try_from(offset).map_err(|_| "negative offset")?,
    })
}

#[cfg(test)]
mod tests {
    use std::sync::LazyLock;

    use super::*;

    const ENVELOPE: &str = r#"{"before":null,"after":{"id":7,"aggregate_type":"assignment","aggregate_id":"9",
        "event_type":"ASSIGNMENT_CREATED","payload":"{\"id\": 9, \"user_id\": \"u\", \"variant_id\": 2, \"assigned_at\": \"2026-01-01T00:00:00Z\", \"variant_key\": \"control\", \"experiment_id\": 1}",
        "created_at":"2026-01-01T00:00:00.000001Z"},"source":{"version":"3.7.0.Final","connector":"postgresql",
        "name":"experiments","ts_ms":1767225600002,"snapshot":"false","db":"experiments","sequence":"[null,\"5\"]",
        "ts_us":1767225600002003,"ts_ns":1767225600002003000,"schema":"public","table":"outbox_events","txId":11,
        "lsn":12,"xmin":null,"origin":null,"origin_lsn":null},"transaction":null,"op":"c","ts_ms":1,"ts_us":1,"ts_ns":1}"#;

    static ORIGIN: LazyLock<Origin> = LazyLock::new(|| Origin {
        topic: "experiments_events".into(),
        partition: 3,
    });

    fn mapped(value: Option<&str>) -> Mapped<'_> {
        let outbox = OutboxTable {
            schema: "public".into(),
            table: "outbox_events".into(),
        };
        map(value.map(str::as_bytes), &outbox, &ORIGIN, 42)
    }

    #[test]
    fn a_created_row_maps_column_by_column() {
        let Mapped::Row(row) = mapped(Some(ENVELOPE)) else {
            panic!("no row")
        };
        assert!(row.payload.starts_with(r#"{"id": 9, "#));
        let expected = LandingRow {
            id: 7,
            aggregate_type: "assignment".into(),
            aggregate_id: "9".into(),
            event_type: "ASSIGNMENT_CREATED".into(),
            payload: row.payload.clone(),
            created_at: 1_767_225_600_000_001,
            op: "c",
            lsn: 12,
            tx_id: 11,
            source_ts: 1_767_225_600_002_003,
            kafka_topic: "experiments_events",
            kafka_partition: 3,
            kafka_offset: 42,
        };
        assert_eq!(row, expected);
    }

    #[test]
    fn an_envelope_inside_its_schema_is_the_same_row() {
        let wrapped =
            format!(r#"{{"schema":{{"type":"struct","fields":[]}},"payload":{ENVELOPE}}}"#);
        assert_eq!(mapped(Some(&wrapped)), mapped(Some(ENVELOPE)));
    }

    #[test]
    fn a_commit_time_is_taken_in_milliseconds_where_there_is_no_finer_one() {
        let older = ENVELOPE.replace(r#""ts_us":1767225600002003,"#, "");
        let Mapped::Row(row) = mapped(Some(&older)) else {
            panic!("no row")
        };
        assert_eq!(row.source_ts, 1_767_225_600_002_000);
    }

    #[test]
    fn pruning_is_ignored() {
        assert_eq!(mapped(None), Mapped::Ignored(Ignored::Tombstone));
        for (op, ignored) in [("d", Ignored::Delete), ("t", Ignored::Truncate)] {
            let value = ENVELOPE.replace(r#""op":"c""#, &format!(r#""op":"{op}""#));
            assert_eq!(mapped(Some(&value)), Mapped::Ignored(ignored));
        }
    }

    #[test]
    fn what_is_no_outbox_row_is_poison_with_its_reason() {
        for (was, is, kind, says) in [
            (ENVELOPE, "", "envelope", "EOF"),
            (ENVELOPE, "{}", "envelope", "missing field"),
            (
                ENVELOPE,
                "\u{0}\u{0}\u{0}\u{0}\u{5}avro",
                "envelope",
                "expected value",
            ),
            (r#""op":"c""#, r#""op":"u""#, "update", "never updated"),
            (r#""op":"c""#, r#""op":"m""#, "op", "\"m\""),
            (
                r#""table":"outbox_events""#,
                r#""table":"users""#,
                "table",
                "public.users",
            ),
            (r#""id":7"#, r#""id":-7"#, "row", "after: invalid value"),
            (r#""id":7"#, r#""id":"7""#, "row", "after: invalid type"),
            (
                r#""created_at":"2026"#,
                r#""created_at":"0001"#,
                "row",
                "created_at",
            ),
            (
                r#""ts_us":1767225600002003"#,
                r#""ts_us":9223372036854775807"#,
                "row",
                "ts_us",
            ),
            (
                r#"\"experiment_id\": 1"#,
                r#"\"experiment_id\": null"#,
                "row",
                "payload",
            ),
        ] {
            let value = ENVELOPE.replace(was, is);
            assert_ne!(value, ENVELOPE, "{was} is not there");
            let Mapped::Poison(poison) = mapped(Some(&value)) else {
                panic!("{is} passed")
            };
            assert_eq!(poison.kind, kind, "{is}: {}", poison.reason);
            assert!(poison.reason.contains(says), "{is}: {}", poison.reason);
        }
    }

    #[test]
    fn every_prefix_of_an_envelope_has_an_answer() {
        for end in 0..ENVELOPE.len() {
            assert!(
                matches!(mapped(Some(&ENVELOPE[..end])), Mapped::Poison(_)),
                "{end}"
            );
        }
    }
}
