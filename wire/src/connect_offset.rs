//! Kafka Connect's source offset of a PostgreSQL connector, as Debezium 3.7 writes it.
//!
//! Enters and leaves the JSON value of a record of the worker's offsets topic, so that a connector
//! can move between Debezium and this engine. It decides nothing about where to resume.
//!
//! # What a live Debezium writes
//!
//! Every LSN is that of the frame (`XLogData`'s start) in which pgoutput sent the message: a
//! change's own LSN; for `Begin` the LSN of the transaction's first change; for `Commit` the
//! commit record's **end** LSN. Connect stores the offset that came with the last *delivered*
//! record, and `Begin` and `Commit` deliver none, so the states on the topic are:
//!
//! | last delivered record | fields |
//! |---|---|
//! | snapshot row | `last_snapshot_record` false, `lsn` the snapshot's, `txId`, `ts_usec`, `snapshot` `INITIAL`, `snapshot_completed` false |
//! | last snapshot row | the same, both flags true |
//! | change, first transaction seen | `lsn` = `lsn_proc` = its LSN, `lsn_events_processed`, `messageType`, `txId`, `ts_usec` = commit time; no `lsn_commit` |
//! | change, later transaction | the same, and `lsn_commit` = end LSN of the transaction **before** it |
//! | transactional message | as a change, `messageType` `MESSAGE`, no count; `lsn_proc` stays what it was when a change came before it |
//! | message outside of a transaction | `lsn` = `lsn_proc` = `lsn_commit` = its LSN; no `txId`; `ts_usec` stays that of the event before |
//! | heartbeat after a commit | `lsn` = `lsn_proc` = `lsn_commit` = commit end LSN, `messageType` `COMMIT`, no count |
//!
//! So the last transaction's own commit is missing until something follows it, and an offset whose
//! `lsn` lies past `lsn_commit` may stand in the middle of a transaction or at its end.
//!
//! `lsn_events_processed` counts the changes at `lsn` that were seen, this one included: many may
//! share one LSN (`COPY` and multi-row inserts share a log record). It restarts at 1 with each new
//! LSN and is absent after a commit (the count is reset). Changes of tables that are not captured
//! do not count; skipped operations do. `lsn_proc` = `lsn` even in the middle of such a
//! group; only the count tells. `lsn_commit` of one transaction can equal the `lsn` of the first
//! change of the next one. When `lsn_commit` is absent Debezium takes `lsn_proc` in its place.
//!
//! With `provide.transaction.metadata` an offset inside a transaction has `transaction_id` and
//! `transaction_data_collection_order_<table>` (see [`Offset::extra`]), an incremental snapshot
//! adds `incremental_snapshot_*`. Field order is that of Java's `HashMap`, computed here.

use std::fmt;

use serde_json::{Map, Value};

use crate::java::{bucket_count, hash_spread};

/// One stored offset; a field that is `None` is absent in the JSON.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Offset {
    /// `lsn_proc`: LSN of the last change or commit that was processed.
    pub lsn_proc: Option<u64>,
    /// `lsn_commit`: end LSN of the last complete transaction.
    pub lsn_commit: Option<u64>,
    /// `lsn`: LSN of the last message; of the snapshot's start while in one.
    pub lsn: Option<u64>,
    /// `lsn_events_processed`: how many changes at `lsn` are done.
    pub lsn_events_processed: Option<u64>,
    /// `messageType`: `INSERT`, `UPDATE`, `DELETE`, `TRUNCATE`, `MESSAGE`, `BEGIN` or `COMMIT`.
    pub message_type: Option<String>,
    /// `txId`: transaction id.
    pub tx_id: Option<u64>,
    /// `xmin` of the slot, with `xmin.fetch.interval.ms`.
    pub xmin: Option<u64>,
    /// `ts_usec`: commit time, microseconds since 1970-01-01 UTC; a snapshot row's read time.
    pub ts_usec: Option<i64>,
    /// `transaction_id`, with transaction metadata, inside a transaction.
    pub transaction_id: Option<String>,
    /// `last_snapshot_record`: whether the snapshot's last row is delivered.
    pub last_snapshot_record: Option<bool>,
    /// `snapshot`: for example `INITIAL`; only while or right after a snapshot.
    pub snapshot: Option<String>,
    /// `snapshot_completed`.
    pub snapshot_completed: Option<bool>,
    /// Fields that have no place above, kept as they are.
    pub extra: Map<String, Value>,
}

/// A stored value that is no offset of this connector.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the stored offset cannot be read: {0}; reset the connector's offsets or correct them")]
pub struct OffsetError(String);

/// The record key: `["<connector>",{"server":"<topic.prefix>"}]`.
pub fn key(connector: &str, topic_prefix: &str) -> Vec<u8> {
    serde_json::json!([connector, { "server": topic_prefix }])
        .to_string()
        .into_bytes()
}

/// The record key of one of several slots of a connector, which calls itself `lane`.
pub fn lane_key(connector: &str, topic_prefix: &str, lane: &str) -> Vec<u8> {
    serde_json::json!([connector, { "server": topic_prefix, "lane": lane }])
        .to_string()
        .into_bytes()
}

/// The lane that a record key is of, if it is one of this connector's.
pub fn lane_of(key: &[u8], connector: &str, topic_prefix: &str) -> Option<String> {
    let (name, partition): (String, Map<String, Value>) = serde_json::from_slice(key).ok()?;
    let is_ours = name == connector && partition.get("server")?.as_str()? == topic_prefix;
    let lane = partition.get("lane")?.as_str()?;
    is_ours.then(|| lane.to_owned())
}

impl Offset {
    /// Reads the record value.
    pub fn parse(json: &[u8]) -> Result<Self, OffsetError> {
        let map: Map<String, Value> =
            serde_json::from_slice(json).map_err(|error| OffsetError(error.to_string()))?;
        Self::from_map(map)
    }

    /// From the fields, as the REST interface takes them.
    pub fn from_map(mut map: Map<String, Value>) -> Result<Self, OffsetError> {
        let mut fields = Fields { map: &mut map };
        let mut offset = Self {
            lsn_proc: fields.take("lsn_proc", Value::as_u64)?,
            lsn_commit: fields.take("lsn_commit", Value::as_u64)?,
            lsn: fields.take("lsn", Value::as_u64)?,
            lsn_events_processed: fields.take("lsn_events_processed", Value::as_u64)?,
            message_type: fields.take("messageType", text)?,
            tx_id: fields.take("txId", Value::as_u64)?,
            xmin: fields.take("xmin", Value::as_u64)?,
            ts_usec: fields.take("ts_usec", Value::as_i64)?,
            transaction_id: fields.take("transaction_id", text)?,
            last_snapshot_record: fields.take("last_snapshot_record", Value::as_bool)?,
            snapshot: fields.take("snapshot", text)?,
            snapshot_completed: fields.take("snapshot_completed", Value::as_bool)?,
            extra: Map::new(),
        };
        offset.extra = map;
        Ok(offset)
    }

    /// The record value, its fields in the order Debezium's come in.
    pub fn to_json(&self) -> Vec<u8> {
        Value::Object(self.to_map()).to_string().into_bytes()
    }

    /// The fields in that order.
    pub fn to_map(&self) -> Map<String, Value> {
        let known = [
            ("lsn_proc", self.lsn_proc.map(Value::from)),
            ("lsn_commit", self.lsn_commit.map(Value::from)),
            ("lsn", self.lsn.map(Value::from)),
            (
                "lsn_events_processed",
                self.lsn_events_processed.map(Value::from),
            ),
            ("messageType", self.message_type.clone().map(Value::from)),
            ("txId", self.tx_id.map(Value::from)),
            ("xmin", self.xmin.map(Value::from)),
            ("ts_usec", self.ts_usec.map(Value::from)),
            (
                "transaction_id",
                self.transaction_id.clone().map(Value::from),
            ),
            (
                "last_snapshot_record",
                self.last_snapshot_record.map(Value::from),
            ),
            ("snapshot", self.snapshot.clone().map(Value::from)),
            (
                "snapshot_completed",
                self.snapshot_completed.map(Value::from),
            ),
        ];
        let mut fields: Vec<(String, Value)> = known
            .into_iter()
            .filter_map(|(name, value)| value.map(|value| (name.to_owned(), value)))
            .chain(self.extra.clone())
            .collect();
        let buckets = bucket_count(fields.len());
        fields.sort_by_key(|(name, _)| hash_spread(name) & (buckets - 1));
        fields.into_iter().collect()
    }
}

impl fmt::Display for Offset {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", Value::Object(self.to_map()))
    }
}

struct Fields<'m> {
    map: &'m mut Map<String, Value>,
}

impl Fields<'_> {
    fn take<T>(
        &mut self,
        name: &str,
        read: impl Fn(&Value) -> Option<T>,
    ) -> Result<Option<T>, OffsetError> {
        match self.map.shift_remove(name) {
            None | Some(Value::Null) => Ok(None),
            Some(value) => match read(&value) {
                Some(read) => Ok(Some(read)),
                None => Err(OffsetError(format!("field {name} has the value {value}"))),
            },
        }
    }
}

fn text(value: &Value) -> Option<String> {
    value.as_str().map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Values as a live Debezium 3.7.0.Final wrote them, in the order of the module's table.
    const LIVE: &[&str] = &[
        r#"{"last_snapshot_record":false,"lsn":90377672,"txId":793,"ts_usec":1795468218911548,"snapshot":"INITIAL","snapshot_completed":false}"#,
        r#"{"last_snapshot_record":true,"lsn":38267168,"txId":786,"ts_usec":1795468137066107,"snapshot":"INITIAL","snapshot_completed":true}"#,
        r#"{"lsn_proc":38267520,"lsn_events_processed":1,"messageType":"INSERT","lsn":38267520,"txId":787,"ts_usec":1795468161516368}"#,
        r#"{"lsn_proc":38268024,"lsn_events_processed":1,"messageType":"DELETE","lsn_commit":38267696,"lsn":38268024,"txId":788,"ts_usec":1795468164054976}"#,
        r#"{"lsn_proc":38268136,"lsn_events_processed":3,"messageType":"INSERT","lsn_commit":38268136,"lsn":38268136,"txId":789,"ts_usec":1795468166613495}"#,
        r#"{"lsn_proc":38268600,"messageType":"MESSAGE","lsn_commit":38268600,"lsn":38268600,"ts_usec":1795468166613495}"#,
        r#"{"lsn_proc":38268664,"messageType":"MESSAGE","lsn_commit":38268600,"lsn":38268664,"txId":790,"ts_usec":1795468171704719}"#,
        r#"{"lsn_proc":90548488,"messageType":"COMMIT","lsn_commit":90548488,"lsn":90548488,"txId":797,"ts_usec":1795468237927824}"#,
    ];

    #[test]
    fn a_live_offset_survives_the_way_through_byte_for_byte() {
        for json in LIVE {
            let offset = Offset::parse(json.as_bytes()).expect(json);
            assert_eq!(offset.extra.len(), 0);
            assert_eq!(String::from_utf8_lossy(&offset.to_json()), **json);
        }
    }

    #[test]
    fn unknown_fields_are_kept() {
        let json = r#"{"transaction_id":"5:6","lsn":6,"transaction_data_collection_order_a.b":2}"#;
        let offset = Offset::parse(json.as_bytes()).expect(json);
        assert_eq!(offset.extra.len(), 1);
        assert_eq!(Offset::parse(&offset.to_json()), Ok(offset));
    }

    #[test]
    fn a_field_of_another_kind_is_refused_by_name() {
        let error = Offset::parse(br#"{"lsn":"1"}"#).expect_err("text for a number");
        assert!(
            error.to_string().contains("field lsn has the value \"1\""),
            "{error}"
        );
        assert!(Offset::parse(b"[]").is_err() && Offset::parse(b"").is_err());
    }

    #[test]
    fn the_key_is_an_array_of_name_and_server() {
        assert_eq!(key("a\"b", "p"), br#"["a\"b",{"server":"p"}]"#);
    }
}
