//! Prometheus metrics, all under `walcast_sink_`.

use std::sync::OnceLock;

use metrics::{
    Counter, Histogram, counter, describe_counter, describe_gauge, describe_histogram, gauge,
    histogram,
};
use metrics_exporter_prometheus::{Matcher, PrometheusBuilder, PrometheusHandle};

use crate::envelope::Origin;
use crate::status::State;

const ROWS: &str = "walcast_sink_rows_total";
const BATCHES: &str = "walcast_sink_batches_total";
const BYTES: &str = "walcast_sink_bytes_total";
const INSERT_SECONDS: &str = "walcast_sink_insert_seconds";
const COMMIT_TO_QUERYABLE_SECONDS: &str = "walcast_sink_commit_to_queryable_seconds";
const LAG: &str = "walcast_sink_lag_records";
const STATE: &str = "walcast_sink_partition_state";
const DEAD_LETTERS: &str = "walcast_sink_dead_letters_total";
const IGNORED: &str = "walcast_sink_ignored_total";
const RESENT: &str = "walcast_sink_resent_ranges_total";
const RETRIES: &str = "walcast_sink_retries_total";

/// Upper bounds in seconds, from a millisecond to minutes.
const SECONDS: [f64; 16] = [
    0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.2, 0.3, 0.5, 1.0, 2.5, 5.0, 10.0, 60.0, 300.0,
];

static HANDLE: OnceLock<Option<PrometheusHandle>> = OnceLock::new();

/// Starts recording, once for the process; none when another recorder was there first.
pub(crate) fn start() -> Option<PrometheusHandle> {
    HANDLE.get_or_init(install).clone()
}

fn install() -> Option<PrometheusHandle> {
    let handle = PrometheusBuilder::new()
        .set_buckets_for_metric(Matcher::Suffix("_seconds".into()), &SECONDS)
        .and_then(PrometheusBuilder::install_recorder)
        .inspect_err(|error| tracing::warn!(%error, "metrics are not recorded"))
        .ok()?;
    describe_counter!(ROWS, "Rows landed");
    describe_counter!(BATCHES, "Batches landed");
    describe_counter!(
        BYTES,
        "Bytes of keys and values of landed batches, as they are in Kafka"
    );
    describe_histogram!(
        INSERT_SECONDS,
        "One insert, from the first byte sent to the answer"
    );
    describe_histogram!(
        COMMIT_TO_QUERYABLE_SECONDS,
        "From the commit in PostgreSQL to the row being there for queries"
    );
    describe_gauge!(LAG, "Committed records in Kafka that have not landed yet");
    describe_gauge!(
        STATE,
        "1 for the state that the partition is in, 0 for the others"
    );
    describe_counter!(DEAD_LETTERS, "Records sent to the dead-letter topic");
    describe_counter!(
        IGNORED,
        "Records of the outbox's pruning, which nothing lands for"
    );
    describe_counter!(
        RESENT,
        "Pending ranges of a predecessor that were sent again"
    );
    describe_counter!(
        RETRIES,
        "Tries that ClickHouse or Kafka could not do and that were repeated"
    );
    Some(handle)
}

/// The metrics of one partition's worker.
pub(crate) struct PartitionMetrics {
    origin: Origin,
    rows: Counter,
    batches: Counter,
    bytes: Counter,
    resent: Counter,
    insert_seconds: Histogram,
    commit_to_queryable_seconds: Histogram,
}

impl PartitionMetrics {
    pub(crate) fn new(origin: &Origin) -> Self {
        let labels = labels(&origin.topic, origin.partition);
        Self {
            origin: origin.clone(),
            rows: counter!(ROWS, &labels),
            batches: counter!(BATCHES, &labels),
            bytes: counter!(BYTES, &labels),
            resent: counter!(RESENT, &labels),
            insert_seconds: histogram!(INSERT_SECONDS, &labels),
            commit_to_queryable_seconds: histogram!(COMMIT_TO_QUERYABLE_SECONDS, &labels),
        }
    }

    pub(crate) fn landed(&self, rows: usize, bytes: usize, insert_seconds: f64) {
        self.rows.increment(rows as u64);
        self.bytes.increment(bytes as u64);
        self.batches.increment(1);
        self.insert_seconds.record(insert_seconds);
    }

    /// A row that was committed at `commit` is there at `now`; microseconds.
    pub(crate) fn queryable(&self, commit: i64, now: i64) {
        self.commit_to_queryable_seconds
            .record(now.saturating_sub(commit).max(0) as f64 / 1e6);
    }

    pub(crate) fn resent(&self) {
        self.resent.increment(1);
    }

    pub(crate) fn dead_letter(&self, kind: &'static str) {
        self.labelled(DEAD_LETTERS, "reason", kind).increment(1);
    }

    pub(crate) fn ignored(&self, kind: &'static str, records: u64) {
        self.labelled(IGNORED, "reason", kind).increment(records);
    }

    /// `cause` is ClickHouse's code, `unreachable`, `commit` or `dead-letter`.
    pub(crate) fn retried(&self, cause: String) {
        self.labelled(RETRIES, "cause", cause).increment(1);
    }

    fn labelled(
        &self,
        metric: &'static str,
        name: &'static str,
        value: impl Into<String>,
    ) -> Counter {
        let [topic, partition] = labels(&self.origin.topic, self.origin.partition);
        counter!(metric, &[topic, partition, (name, value.into())])
    }
}

/// The partition is in `state` now.
pub(crate) fn partition_state(topic: &str, partition: i32, state: State) {
    for each in State::ALL {
        let [topic, partition] = labels(topic, partition);
        let labels = [topic, partition, ("state", each.name().to_owned())];
        gauge!(STATE, &labels).set(if each == state { 1.0 } else { 0.0 });
    }
}

/// The partition has gone to another member, which reports it from now on.
pub(crate) fn partition_gone(topic: &str, partition: i32) {
    for each in State::ALL {
        let [topic, partition] = labels(topic, partition);
        gauge!(
            STATE,
            &[topic, partition, ("state", each.name().to_owned())]
        )
        .set(0.0);
    }
    gauge!(LAG, &labels(topic, partition)).set(0.0);
}

pub(crate) fn lag(topic: &str, partition: i32, records: i64) {
    gauge!(LAG, &labels(topic, partition)).set(records as f64);
}

fn labels(topic: &str, partition: i32) -> [(&'static str, String); 2] {
    [
        ("topic", topic.to_owned()),
        ("partition", partition.to_string()),
    ]
}
