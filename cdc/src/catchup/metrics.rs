//! What is measured of reading a backlog, and what the log says of it.

use std::sync::atomic::{AtomicU64, Ordering};

use metrics::{Counter, Gauge, counter, gauge};
use tokio::time::Instant;

use super::fallback::Why;
use super::sizing::Standing;

/// How often the log says how far it is, in seconds.
const TELL_EVERY: u64 = 10;

/// Metrics of one backlog.
pub(super) struct Metrics {
    connector: String,
    active: Gauge,
    left: Gauge,
    batches: Counter,
    messages: Counter,
    temporary: Counter,
    begun: Instant,
    read: AtomicU64,
    /// When the log last said how far it is, in seconds since the begin.
    told: AtomicU64,
}

impl Metrics {
    pub(super) fn new(connector: &str) -> Self {
        let own = [("connector", connector.to_owned())];
        Self {
            connector: connector.to_owned(),
            active: gauge!("walcast_cdc_catchup_active", &own),
            left: gauge!("walcast_cdc_catchup_left_bytes", &own),
            batches: counter!("walcast_cdc_catchup_batches_total", &own),
            messages: counter!("walcast_cdc_catchup_messages_total", &own),
            temporary: counter!("walcast_cdc_catchup_temporary_bytes_total", &own),
            begun: Instant::now(),
            read: AtomicU64::new(0),
            told: AtomicU64::new(0),
        }
    }

    pub(super) fn connector(&self) -> &str {
        &self.connector
    }

    pub(super) fn begun(&self, standing: &Standing) {
        self.active.set(1.0);
        tracing::info!(
            connector = self.connector,
            bytes = standing.left(),
            from = %standing.position,
            to = %standing.end,
            "a backlog is read by SQL"
        );
    }

    pub(super) fn stands(&self, standing: &Standing) {
        self.left.set(standing.left() as f64);
    }

    pub(super) fn batch(&self, messages: u64) {
        self.batches.increment(1);
        self.messages.increment(messages);
        self.read.fetch_add(messages, Ordering::Relaxed);
    }

    pub(super) fn temporary(&self, bytes: u64) {
        self.temporary.increment(bytes);
    }

    /// Says how far it is, if that is due.
    pub(super) fn tell(&self, standing: &Standing) {
        let seconds = self.begun.elapsed().as_secs();
        if seconds < self.told.load(Ordering::Relaxed) + TELL_EVERY {
            return;
        }
        self.told.store(seconds, Ordering::Relaxed);
        tracing::info!(
            connector = self.connector,
            bytes_left = standing.left(),
            at = %standing.position,
            messages = self.read.load(Ordering::Relaxed),
            seconds,
            "the backlog is being read by SQL"
        );
    }

    /// Streaming goes on.
    pub(super) fn ended(&self, standing: &Standing, why: &Why) {
        tracing::info!(
            connector = self.connector,
            at = %standing.position,
            bytes_left = standing.left(),
            messages = self.read.load(Ordering::Relaxed),
            seconds = self.begun.elapsed().as_secs_f64(),
            "streaming goes on from here: {why}"
        );
    }
}

impl Drop for Metrics {
    fn drop(&mut self) {
        self.active.set(0.0);
        self.left.set(0.0);
    }
}
