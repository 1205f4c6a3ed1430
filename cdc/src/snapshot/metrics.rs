//! What a snapshot measures: Debezium's names, and Walcast's beside them.

use std::time::Duration;

use metrics::{Counter, Gauge, Label, counter, gauge};
use tokio::sync::watch;

/// Where a connector's last snapshot stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct SnapshotStatus {
    /// Whether it runs, or how it ended.
    pub phase: SnapshotPhase,
    /// Whether it went on with one that was interrupted: what had not been durable was read again as
    /// of a later moment.
    pub resumed: bool,
    /// How often a reading connection was lost and opened again on the same snapshot.
    pub reopened: u64,
    /// Tables to be read, and those of them that are left.
    pub tables: usize,
    /// Tables that are not complete.
    pub tables_left: usize,
    /// Rows handed on, those before an interruption included.
    pub rows: u64,
    /// Percent of the blocks that are read.
    pub percent: u64,
    /// How long it has run.
    pub elapsed: Duration,
}

/// Whether a snapshot runs, or how it ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum SnapshotPhase {
    /// None was taken since the task began.
    #[default]
    None,
    /// It runs.
    Running,
    /// All rows are read.
    Completed,
    /// It failed or was stopped.
    Aborted,
}

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
    reopened: Counter,
    status: watch::Sender<SnapshotStatus>,
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
            reopened: counter!("walcast_cdc_snapshot_streams_reopened_total", own.clone()),
            status: watch::Sender::new(SnapshotStatus::default()),
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
        self.status.send_replace(SnapshotStatus {
            phase: SnapshotPhase::Running,
            resumed,
            ..SnapshotStatus::default()
        });
    }

    /// Where the last snapshot stands.
    pub(crate) fn status(&self) -> SnapshotStatus {
        *self.status.borrow()
    }

    /// It ended, completely or not.
    pub(crate) fn ended(&self, complete: bool) {
        self.running.set(0.0);
        self.completed.set(f64::from(u8::from(complete)));
        self.aborted.set(f64::from(u8::from(!complete)));
        let phase = match complete {
            true => SnapshotPhase::Completed,
            false => SnapshotPhase::Aborted,
        };
        self.status.send_modify(|status| status.phase = phase);
    }

    /// A stream was lost and is opened again.
    pub(super) fn reopened(&self) {
        self.reopened.increment(1);
        self.status.send_modify(|status| status.reopened += 1);
    }

    /// It is known how many tables are to be read.
    pub(super) fn begin(&self, tables: usize) {
        self.total.set(tables as f64);
        self.remaining.set(tables as f64);
        self.status.send_modify(|status| {
            status.tables = tables;
            status.tables_left = tables;
        });
    }

    /// How many tables are left.
    pub(super) fn left(&self, tables: usize) {
        self.remaining.set(tables as f64);
        self.status
            .send_modify(|status| status.tables_left = tables);
    }

    /// `new` rows of `table` were read, `all` so far.
    pub(super) fn rows(&self, table: &str, all: u64, new: u64) {
        self.rows.increment(new);
        let mut labels = self.debezium.clone();
        labels.push(Label::new("table", table.to_owned()));
        gauge!("debezium_metrics_RowsScanned", labels).set(all as f64);
    }

    /// How far it is: rows, percent of the blocks, time.
    pub(super) fn position(&self, rows: u64, percent: u64, elapsed: Duration) {
        self.seconds.set(elapsed.as_secs_f64().round());
        self.status.send_modify(|status| {
            status.rows = rows;
            status.percent = percent;
            status.elapsed = elapsed;
        });
    }
}
