//! What an incremental snapshot measures.

use metrics::{Counter, Gauge, counter, gauge};

/// Metrics of one connector's incremental snapshots.
pub(crate) struct SnapshotMetrics {
    running: Gauge,
    paused: Gauge,
    left: Gauge,
    rows: Counter,
    chunks: Counter,
}

impl SnapshotMetrics {
    pub(crate) fn new(connector: &str, topic_prefix: &str) -> Self {
        let own = [("connector", connector.to_owned())];
        let debezium = [
            ("context", "snapshot".to_owned()),
            ("name", topic_prefix.to_owned()),
            ("plugin", "postgres".to_owned()),
        ];
        Self {
            running: gauge!("walcast_cdc_incremental_snapshot_running", &own),
            paused: gauge!("debezium_metrics_SnapshotPaused", &debezium),
            left: gauge!("walcast_cdc_incremental_snapshot_tables_left", &own),
            rows: counter!("walcast_cdc_incremental_snapshot_rows_total", &own),
            chunks: counter!("walcast_cdc_incremental_snapshot_chunks_total", &own),
        }
    }

    /// A chunk of so many rows was read.
    pub(crate) fn chunk(&self, rows: usize) {
        self.chunks.increment(1);
        self.rows.increment(rows as u64);
    }

    /// How it stands: so many tables are left, none when no snapshot runs.
    pub(crate) fn state(&self, tables_left: usize, is_paused: bool) {
        self.running.set(if tables_left > 0 { 1.0 } else { 0.0 });
        self.left.set(tables_left as f64);
        self.paused.set(if is_paused { 1.0 } else { 0.0 });
    }
}
