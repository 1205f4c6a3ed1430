//! The landing table's row, as it is sent.
//!
//! Field names and order are the columns of `clickhouse/0001_outbox_events.sql`, but for
//! `landed_at`, which the server sets: nothing that this process sends depends on the time.

use std::sync::Arc;

use clickhouse::Row;
use serde::Serialize;

/// One row of `outbox_events`. Times are microseconds since the Unix epoch, UTC.
#[derive(Debug, Clone, PartialEq, Row, Serialize)]
pub(crate) struct LandingRow {
    pub(crate) id: u64,
    pub(crate) aggregate_type: String,
    pub(crate) aggregate_id: String,
    pub(crate) event_type: String,
    pub(crate) payload: String,
    pub(crate) created_at: i64,
    pub(crate) op: &'static str,
    pub(crate) lsn: u64,
    pub(crate) tx_id: u64,
    pub(crate) source_ts: i64,
    pub(crate) kafka_topic: Arc<str>,
    pub(crate) kafka_partition: u32,
    pub(crate) kafka_offset: u64,
}
