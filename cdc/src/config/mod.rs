//! A connector's configuration: Debezium's JSON, read once and given meaning.
//!
//! String properties come in, a validated [`ConnectorConfig`] leaves, or the list of everything
//! that is wrong with them. Nothing here opens a connection.

mod boundary;
mod catchup;
mod channels;
mod columns;
mod converter;
mod database;
mod guard;
mod heartbeat;
mod kafka;
mod notifications;
mod pipeline;
pub mod properties;
mod publication;
mod reader;
mod restart;
mod signal;
mod slot;
mod slots;
mod snapshot;
mod topics;
mod transforms;
mod warnings;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use walcast_wire::config::EncoderConfig;

pub use boundary::TransactionBoundary;
pub use catchup::CatchupConfig;
pub use channels::{FileSignals, KafkaSignals, SignalChannels};
pub use database::{DatabaseConfig, SslMode};
pub use guard::{GuardConfig, GuardPolicy};
pub use heartbeat::HeartbeatConfig;
pub use kafka::{TopicCreation, TopicGroups};
pub use notifications::Notifications;
pub use publication::{AutoIdentity, IdentityRule, PublicationConfig, PublicationMode};
pub use reader::ConfigProblem;
pub use restart::RestartPolicy;
pub use signal::{SignalConfig, TableName, Watermarks};
pub use slot::{OffsetMismatch, SlotConfig};
pub(crate) use slots::lane_name;
pub use slots::{Lane, SlotsConfig, Split};
pub use snapshot::{SnapshotConfig, SnapshotMode, TableOrder};

use properties::Treatment;
use reader::Reader;

/// The only connector class there is.
pub const CONNECTOR_CLASS: &str = "io.debezium.connector.postgresql.PostgresConnector";

/// How often a failed task is started again.
#[derive(Debug, Clone, Copy)]
pub struct RetryConfig {
    /// `errors.max.retries`; `None` is without end (-1).
    pub max_retries: Option<u32>,
    /// `retriable.restart.connector.wait.ms`: the longest pause between two attempts.
    pub pause_max: Duration,
}

/// A validated connector configuration.
#[derive(Debug, Clone)]
pub struct ConnectorConfig {
    /// The connector's name.
    pub name: String,
    /// `database.*`.
    pub database: DatabaseConfig,
    /// `slot.*`.
    pub slot: SlotConfig,
    /// `walcast.slots.*`.
    pub slots: SlotsConfig,
    /// Which lane this is of; `None` for lane 0, and with one slot.
    pub lane: Option<Lane>,
    /// `walcast.wal.guard.*`.
    pub guard: GuardConfig,
    /// `walcast.watchdog.timeout.ms`: how long a stream may stand still while the server goes on;
    /// `None` is 0, for ever.
    pub watchdog_timeout: Option<Duration>,
    /// `walcast.catchup.*`.
    pub catchup: CatchupConfig,
    /// `publication.*`.
    pub publication: PublicationConfig,
    /// `snapshot.*`.
    pub snapshot: SnapshotConfig,
    /// `streaming.delay.ms`.
    pub streaming_delay: Duration,
    /// `poll.interval.ms`: how long the definition of a table that appears in the stream is left to
    /// settle before it is read.
    pub poll_interval: Duration,
    /// `exactly.once.support=required`.
    pub exactly_once_required: bool,
    /// `transaction.boundary`.
    pub transaction_boundary: TransactionBoundary,
    /// `heartbeat.*`.
    pub heartbeat: HeartbeatConfig,
    /// `signal.*`, `incremental.snapshot.*`, `read.only`.
    pub signal: SignalConfig,
    /// `notification.*`.
    pub notifications: Notifications,
    /// `signal.enabled.channels` and what belongs to single channels.
    pub signal_channels: SignalChannels,
    /// `topic.prefix`.
    pub topic_prefix: String,
    /// `topic.creation.*`, when set.
    pub topic_creation: Option<TopicGroups>,
    /// `producer.override.*`, prefix removed.
    pub producer_overrides: BTreeMap<String, String>,
    /// Retries of the task.
    pub retries: RetryConfig,
    /// `walcast.task.restart.*`: what the worker does when the task has failed all the same.
    pub restart: RestartPolicy,
    /// How records are encoded, but for the worker's converter defaults and the run's identity.
    pub encoder: Arc<EncoderConfig>,
    /// Properties that were accepted with a warning: name and why.
    pub warnings: Vec<ConfigProblem>,
    /// What Kafka Connect accepts and fails the task for when it starts: a transform's options.
    pub at_start: Vec<ConfigProblem>,
}

impl ConnectorConfig {
    /// Reads and validates a connector's properties. `defaults` holds the worker's converter
    /// settings (`key.converter`, `value.converter` and their options).
    ///
    /// # Errors
    /// Everything that is wrong, one entry per property and fault.
    pub fn parse(
        props: &BTreeMap<String, String>,
        defaults: &BTreeMap<String, String>,
    ) -> Result<Self, Vec<ConfigProblem>> {
        let mut reader = Reader::new(props);
        let warnings = warnings::treat_all(props, &mut reader);
        let config = read(&mut reader, props, defaults, warnings);
        if let Some(config) = &config {
            slots::check(&mut reader, config);
        }
        let at_start = reader.take_at_start();
        let problems = reader.into_problems();
        match config {
            Some(config) if problems.is_empty() => Ok(Self { at_start, ..config }),
            _ => Err(problems),
        }
    }
}

fn read(
    r: &mut Reader<'_>,
    props: &BTreeMap<String, String>,
    defaults: &BTreeMap<String, String>,
    mut warnings: Vec<ConfigProblem>,
) -> Option<ConnectorConfig> {
    check_class(r);
    let name = r.text_or("name", "");
    let topic_prefix = r.required("topic.prefix");
    check_prefix(r, &topic_prefix);
    let database = database::read(r);
    let exactly_once_required = r.one_of(
        "exactly.once.support",
        &[("requested", false), ("required", true)],
        false,
    );
    let mut encoder = converter::read(
        r,
        props,
        defaults,
        &topic_prefix,
        &database.dbname,
        &mut warnings,
    );
    let notifications = notifications::read(r, &mut warnings);
    if let Some(encoder) = &mut encoder {
        encoder.notification_topic.clone_from(&notifications.topic);
    }
    check_refresh(r);
    let signal = signal::read(r);
    let encoder = encoder.map(|mut encoder| {
        let table = signal.table.as_ref();
        encoder.filters.signal_table = table.map(|t| format!("{}.{}", t.schema, t.name));
        encoder
    });
    Some(ConnectorConfig {
        name,
        slot: slot::read(r, &mut warnings),
        slots: slots::read(r),
        lane: None,
        guard: guard::read(r, &mut warnings),
        watchdog_timeout: guard::read_watchdog(r),
        catchup: catchup::read(r),
        publication: publication::read(r, encoder.as_ref().map(|e| e.skipped).unwrap_or_default()),
        snapshot: snapshot::read(r),
        streaming_delay: r.millis_or("streaming.delay.ms", 0),
        poll_interval: r.millis_or("poll.interval.ms", 500),
        exactly_once_required,
        transaction_boundary: boundary::read(r),
        heartbeat: heartbeat::read(r, &mut warnings),
        signal,
        signal_channels: channels::read(r, &topic_prefix, &mut warnings),
        notifications,
        topic_creation: kafka::read_topic_creation(r),
        producer_overrides: r.with_prefix("producer.override."),
        retries: read_retries(r),
        restart: restart::read(r),
        encoder: Arc::new(encoder?),
        warnings,
        at_start: Vec::new(),
        database,
        topic_prefix,
    })
}

fn check_class(r: &mut Reader<'_>) {
    match r.text("connector.class") {
        Some(CONNECTOR_CLASS | "PostgresConnector" | "Postgres") => {}
        Some(other) => {
            let message = format!(
                "Failed to find any class that implements Connector and which name matches {other}; Walcast runs {CONNECTOR_CLASS}"
            );
            r.problem("connector.class", message);
        }
        None => {
            r.required("connector.class");
        }
    }
    let tasks: i64 = r.parse_or("tasks.max", 1);
    if tasks < 1 {
        r.problem(
            "tasks.max",
            format!("Invalid value {tasks} for configuration tasks.max: Value must be at least 1"),
        );
    }
}

fn check_prefix(r: &mut Reader<'_>, prefix: &str) {
    let allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.');
    if !prefix.chars().all(allowed) {
        let message = format!(
            "The 'topic.prefix' value is invalid: {prefix} has invalid format (only the underscore, hyphen, dot and alphanumeric characters are allowed)"
        );
        r.problem("topic.prefix", message);
    }
}

/// Both modes come to the same: pgoutput announces each change of a table before its rows.
fn check_refresh(r: &mut Reader<'_>) {
    let modes = [
        ("columns_diff", ()),
        ("columns_diff_exclude_unchanged_toast", ()),
    ];
    r.one_of("schema.refresh.mode", &modes, ());
}

fn read_retries(r: &mut Reader<'_>) -> RetryConfig {
    let retries: i64 = r.parse_or("errors.max.retries", -1);
    RetryConfig {
        max_retries: u32::try_from(retries).ok(),
        pause_max: r.millis_or("retriable.restart.connector.wait.ms", 10_000),
    }
}

#[cfg(test)]
mod documented;
#[cfg(test)]
pub(crate) mod tests;
