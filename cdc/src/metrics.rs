//! What a running connector measures: under `walcast_cdc_` names, and beside them the names that
//! alerts written for Debezium's JMX exporter already use.

use metrics::{Counter, Gauge, Histogram, counter, gauge, histogram};
use walcast_wire::lsn::Lsn;

use crate::clock::SharedClock;

/// Metrics of one connector.
pub(crate) struct TaskMetrics {
    clock: SharedClock,
    records: Counter,
    bytes: Counter,
    checkpoints: Counter,
    changes: Counter,
    filtered: Counter,
    commit_to_received: Histogram,
    commit_to_acked: Histogram,
    received_lsn: Gauge,
    confirmed_lsn: Gauge,
    server_lsn: Gauge,
    connected: Gauge,
    behind_ms: Gauge,
    events_seen: Counter,
}

/// Changes that came in.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Changes {
    all: u64,
    /// Those of which no record came.
    filtered: u64,
}

impl Changes {
    /// One more; whether a record comes of it.
    pub(crate) fn count(&mut self, passed: bool) {
        self.all += 1;
        self.filtered += u64::from(!passed);
    }
}

impl TaskMetrics {
    pub(crate) fn new(connector: &str, topic_prefix: &str, clock: SharedClock) -> Self {
        let own = [("connector", connector.to_owned())];
        let debezium = [
            ("context", "streaming".to_owned()),
            ("name", topic_prefix.to_owned()),
            ("plugin", "postgres".to_owned()),
        ];
        Self {
            clock,
            records: counter!("walcast_cdc_records_published_total", &own),
            bytes: counter!("walcast_cdc_bytes_published_total", &own),
            checkpoints: counter!("walcast_cdc_checkpoints_total", &own),
            changes: counter!("walcast_cdc_changes_received_total", &own),
            filtered: counter!("walcast_cdc_changes_filtered_total", &own),
            commit_to_received: histogram!("walcast_cdc_commit_to_received_seconds", &own),
            commit_to_acked: histogram!("walcast_cdc_commit_to_acked_seconds", &own),
            received_lsn: gauge!("walcast_cdc_received_lsn_bytes", &own),
            confirmed_lsn: gauge!("walcast_cdc_confirmed_lsn_bytes", &own),
            server_lsn: gauge!("walcast_cdc_server_lsn_bytes", &own),
            connected: gauge!("debezium_metrics_Connected", &debezium),
            behind_ms: gauge!("debezium_metrics_MilliSecondsBehindSource", &debezium),
            events_seen: counter!("debezium_metrics_TotalNumberOfEventsSeen", &debezium),
        }
    }

    /// The stream is open, or not.
    pub(crate) fn connected(&self, open: bool) {
        self.connected.set(if open { 1.0 } else { 0.0 });
    }

    /// Records were handed to the sink.
    pub(crate) fn published(&self, records: usize, bytes: usize) {
        self.records.increment(records as u64);
        self.bytes.increment(bytes as u64);
    }

    /// Changes came in.
    pub(crate) fn changes(&self, changes: Changes) {
        if changes.all > 0 {
            self.changes.increment(changes.all);
            self.events_seen.increment(changes.all);
        }
        if changes.filtered > 0 {
            self.filtered.increment(changes.filtered);
        }
    }

    /// A transaction that was committed at `commit_us` was read to its end at `lsn`.
    pub(crate) fn received(&self, commit_us: i64, lsn: Lsn) {
        let behind = self.since_us(commit_us);
        self.commit_to_received.record(behind);
        self.behind_ms.set((behind * 1000.0).round());
        self.received_lsn.set(lsn.as_u64() as f64);
    }

    /// A batch whose last commit was at `commit_us` is readable in the sink.
    pub(crate) fn acked(&self, commit_us: i64) {
        if commit_us != 0 {
            self.commit_to_acked.record(self.since_us(commit_us));
        }
    }

    pub(crate) fn checkpointed(&self) {
        self.checkpoints.increment(1);
    }

    pub(crate) fn confirmed(&self, lsn: Lsn) {
        self.confirmed_lsn.set(lsn.as_u64() as f64);
    }

    /// The server's end of WAL, as its messages tell it.
    pub(crate) fn server(&self, lsn: Lsn) {
        self.server_lsn.set(lsn.as_u64() as f64);
    }

    fn since_us(&self, commit_us: i64) -> f64 {
        ((self.clock.now_ns() / 1000 - commit_us) as f64 / 1e6).max(0.0)
    }
}
