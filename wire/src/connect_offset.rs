//! Kafka Connect's source offset of a PostgreSQL connector, as Debezium writes it.

/// One stored offset; a field that is `None` is absent in the JSON.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Offset {
    /// `lsn_proc`: LSN of the last change that was fully processed.
    pub lsn_proc: Option<i64>,
    /// `lsn_commit`: commit LSN of the last complete transaction.
    pub lsn_commit: Option<i64>,
    /// `lsn`: LSN of the last change or message seen.
    pub lsn: Option<i64>,
    /// `lsn_events_processed`: how many changes at `lsn` are done (many may share one LSN).
    pub lsn_events_processed: Option<i64>,
    /// `messageType`: `INSERT`, `UPDATE`, `DELETE`, `TRUNCATE`, `MESSAGE`, `BEGIN`, `COMMIT`.
    pub message_type: Option<String>,
    /// `txId`: transaction id.
    pub tx_id: Option<i64>,
    /// `ts_usec`: time of the change, microseconds since 1970-01-01 UTC.
    pub ts_usec: Option<i64>,
    /// `transaction_id`, with transaction metadata.
    pub transaction_id: Option<String>,
    /// `last_snapshot_record`.
    pub last_snapshot_record: Option<bool>,
    /// `snapshot`: for example `INITIAL`; present while or right after a snapshot.
    pub snapshot: Option<String>,
    /// `snapshot_completed`.
    pub snapshot_completed: Option<bool>,
}

/// The record key: `["<connector>",{"server":"<topic.prefix>"}]`.
pub fn key(connector: &str, topic_prefix: &str) -> Vec<u8> {
    serde_json::json!([connector, { "server": topic_prefix }])
        .to_string()
        .into_bytes()
}
