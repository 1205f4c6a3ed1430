//! What a running snapshot tells: a line in the log at least every 10 s, metrics, and a bar in a
//! terminal.

use std::sync::Arc;
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressStyle};
use tokio::sync::mpsc;
use tokio::time::{Interval, MissedTickBehavior, interval_at};

use super::metrics::SnapshotMetrics;
use super::plan::Plan;

/// How often progress is logged.
const LOG_EVERY: Duration = Duration::from_secs(10);

/// How the bar looks.
const BAR: &str = "{prefix} [{wide_bar}] {percent}% of blocks, {msg}, {eta} left";

/// Progress of one snapshot.
pub(crate) struct Progress {
    metrics: Arc<SnapshotMetrics>,
    tick: Interval,
    begun: Instant,
    /// Names, and rows so far, of the tables.
    tables: Vec<(String, u64)>,
    left: usize,
    /// Rows that were handed on before an interruption.
    before: u64,
    rows: u64,
    blocks: u64,
    blocks_all: u64,
    bar: Option<ProgressBar>,
}

impl Progress {
    /// Begins to tell of `plan`; `before` rows were handed on by an earlier run.
    pub(crate) fn new(plan: &Plan, before: u64, metrics: Arc<SnapshotMetrics>, bar: bool) -> Self {
        let mut tick = interval_at(tokio::time::Instant::now() + LOG_EVERY, LOG_EVERY);
        tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let names = plan.tables.iter();
        let tables: Vec<_> = names.map(|t| (t.table.id(), 0)).collect();
        let blocks_all = plan.blocks();
        metrics.begin(tables.len());
        Self {
            metrics,
            tick,
            begun: Instant::now(),
            left: tables.len(),
            tables,
            before,
            rows: 0,
            blocks: 0,
            blocks_all,
            bar: bar.then(|| new_bar(blocks_all)),
        }
    }

    /// The next event; while none comes, the log goes on saying where the snapshot stands.
    pub(crate) async fn next<T>(&mut self, events: &mut mpsc::Receiver<T>) -> Option<T> {
        loop {
            tokio::select! {
                biased;
                _ = self.tick.tick() => self.log(),
                event = events.recv() => return event,
            }
        }
    }

    /// Rows of a table are on their way.
    pub(crate) fn rows(&mut self, table: usize, count: u64) {
        self.rows += count;
        if let Some((name, rows)) = self.tables.get_mut(table) {
            *rows += count;
            self.metrics.rows(name, *rows, count);
        }
    }

    /// A piece of `blocks` blocks is read.
    pub(crate) fn read(&mut self, blocks: u64) {
        self.blocks += blocks;
        self.tell();
        if let Some(bar) = &self.bar {
            bar.set_position(self.blocks);
            bar.set_message(format!("{} rows, {} rows/s", self.row_count(), self.rate()));
        }
    }

    /// A table is complete; `held` of its rows are still to be handed on. Returns how many it has.
    pub(crate) fn complete(&mut self, table: usize, held: u64) -> u64 {
        self.left = self.left.saturating_sub(1);
        self.metrics.left(self.left);
        let Some((name, rows)) = self.tables.get(table) else {
            return 0;
        };
        let rows = rows + held;
        tracing::info!(
            table = name,
            rows,
            tables_left = self.left,
            "a table is complete"
        );
        rows
    }

    /// All rows handed on, those before an interruption included.
    pub(crate) fn row_count(&self) -> u64 {
        self.before + self.rows
    }

    /// The snapshot is complete.
    pub(crate) fn end(&self) {
        self.tell();
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
        tracing::info!(
            rows = self.row_count(),
            seconds = self.begun.elapsed().as_secs(),
            rows_per_second = self.rate(),
            "snapshot ends"
        );
    }

    fn tell(&self) {
        let (rows, elapsed) = (self.row_count(), self.begun.elapsed());
        self.metrics.position(rows, self.percent(), elapsed);
    }

    fn log(&self) {
        self.tell();
        tracing::info!(
            rows = self.row_count(),
            rows_per_second = self.rate(),
            percent = self.percent(),
            seconds_left = self.seconds_left(),
            tables_left = self.left,
            "snapshot goes on"
        );
    }

    fn rate(&self) -> u64 {
        (self.rows as f64 / self.begun.elapsed().as_secs_f64().max(0.001)).round() as u64
    }

    fn percent(&self) -> u64 {
        (self.blocks * 100)
            .checked_div(self.blocks_all)
            .unwrap_or(0)
    }

    /// By the blocks that are left; `None` while nothing is known.
    fn seconds_left(&self) -> Option<u64> {
        let left = self.blocks_all.saturating_sub(self.blocks) as f64;
        let per_block = self.begun.elapsed().as_secs_f64() / self.blocks as f64;
        (self.blocks > 0).then(|| (left * per_block).round() as u64)
    }
}

fn new_bar(blocks: u64) -> ProgressBar {
    let bar = ProgressBar::new(blocks).with_prefix("snapshot");
    match ProgressStyle::with_template(BAR) {
        Ok(style) => bar.with_style(style),
        Err(_) => bar,
    }
}
