//! What a snapshot measures: Debezium's names, and Walcast's beside them.

use std::time::Duration;

use metrics::{Counter, Gauge, Label, counter, gauge};

/// Metrics of a connector's snapshots.
pub(crate) struct SnapshotMetrics {
    debezium: Vec<Label>,
    running: Gauge,
    completed: Gauge,
    aborted: Gauge,
    total: Gauge,
    remaining: Gauge,
    seconds: Gauge,
    rows: Counter,
    resumed: Gauge,
}

impl SnapshotMetrics {
    pub(crate) fn new(connector: &str, topic_prefix: &str) -> Self {
        let own = vec![Label::new("connector", connector.to_owned())];
        let debezium = vec![
            Label::new("context", "snapshot"),
            Label::new("name", topic_prefix.to_owned()),
            Label::new("plugin", "postgres"),
        ];
        let of = |name: &'static str| gauge!(name, debezium.clone());
        Self {
            running: of("debezium_metrics_SnapshotRunning"),
            completed: of("debezium_metrics_SnapshotCompleted"),
            aborted: of("debezium_metrics_SnapshotAborted"),
            total: of("debezium_metrics_TotalTableCount"),
            remaining: of("debezium_metrics_RemainingTableCount"),
            seconds: of("debezium_metrics_SnapshotDurationInSeconds"),
            rows: counter!("walcast_cdc_snapshot_rows_total", own.clone()),
            resumed: gauge!("walcast_cdc_snapshot_resumed", own),
            debezium,
        }
    }

    /// A snapshot begins; `resumed` when it goes on with one that was interrupted.
    pub(crate) fn started(&self, resumed: bool) {
        self.running.set(1.0);
        self.completed.set(0.0);
        self.aborted.set(0.0);
        self.resumed.set(f64::from(u8::from(resumed)));
    }

    /// It ended, completely or not.
    pub(crate) fn ended(&self, complete: bool) {
        self.running.set(0.0);
        self.completed.set(f64::from(u8::from(complete)));
        self.aborted.set(f64::from(u8::from(!complete)));
    }

    /// It is known how many tables are to be read.
    pub(super) fn begin(&self, tables: usize) {
        self.total.set(tables as f64);
        self.remaining.set(tables as f64);
    }

    /// How many tables are left.
    pub(super) fn left(&self, tables: usize) {
        self.remaining.set(tables as f64);
    }

    /// `new` rows of `table` were read, `all` so far.
    pub(super) fn rows(&self, table: &str, all: u64, new: u64) {
        self.rows.increment(new);
        let mut labels = self.debezium.clone();
        labels.push(Label::new("table", table.to_owned()));
        gauge!("debezium_metrics_RowsScanned", labels).set(all as f64);
    }

    pub(super) fn seconds(&self, elapsed: Duration) {
        self.seconds.set(elapsed.as_secs_f64().round());
    }
}
