//! A connector's configuration: Debezium's JSON, read once and given meaning.
//!
//! String properties come in, a validated [`ConnectorConfig`] leaves, or the list of everything
//! that is wrong with them. Nothing here opens a connection.

mod channels;
mod columns;
mod converter;
mod database;
mod heartbeat;
mod kafka;
mod notifications;
mod pipeline;
pub mod properties;
mod publication;
mod reader;
mod topics;
mod transforms;
mod warnings;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use walcast_wire::config::EncoderConfig;

pub use channels::{FileSignals, KafkaSignals, SignalChannels};
pub use database::{DatabaseConfig, SslMode};
pub use heartbeat::HeartbeatConfig;
pub use kafka::{TopicCreation, TopicGroups};
pub use notifications::Notifications;
pub use publication::{AutoIdentity, IdentityRule, PublicationConfig, PublicationMode};
pub use reader::ConfigProblem;

use properties::Treatment;
use reader::Reader;

/// The only connector class there is.
pub const CONNECTOR_CLASS: &str = "io.debezium.connector.postgresql.PostgresConnector";

/// `snapshot.mode`, as far as this version supports it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SnapshotMode {
    /// A snapshot at every start.
    Always,
    /// A snapshot when no offset is known.
    Initial,
    /// A snapshot when no offset is known, then no streaming.
    InitialOnly,
    /// No rows are read; streaming starts at the slot.
    NoData,
    /// A snapshot when no offset is known or the slot no longer has what it asks for.
    WhenNeeded,
}

/// `offset.mismatch.strategy`: what to do when checkpoint and slot disagree.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OffsetMismatch {
    /// Start at the checkpoint, whatever the slot says (Debezium's default).
    NoValidation,
    /// The checkpoint is right; a slot past it is an error.
    TrustOffset,
    /// The slot is right.
    TrustSlot,
    /// The greater of the two is right.
    TrustGreaterLsn,
}

/// The replication slot.
#[derive(Debug, Clone)]
pub struct SlotConfig {
    /// `slot.name`.
    pub name: String,
    /// `slot.drop.on.stop`.
    pub drop_on_stop: bool,
    /// `slot.failover`: a failover slot on PostgreSQL 17 and later.
    pub failover: bool,
    /// `status.update.interval.ms`: how often the slot hears of progress at the latest.
    pub status_interval: Duration,
    /// `offset.mismatch.strategy`.
    pub mismatch: OffsetMismatch,
    /// `walcast.strict.offset`: refuse a slot that is past the checkpoint.
    pub strict_offset: bool,
}

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
    /// `publication.*`.
    pub publication: PublicationConfig,
    /// `snapshot.mode`.
    pub snapshot_mode: SnapshotMode,
    /// `snapshot.include.collection.list`: tables the snapshot reads; empty reads all captured.
    pub snapshot_include: String,
    /// `snapshot.delay.ms`.
    pub snapshot_delay: Duration,
    /// `streaming.delay.ms`.
    pub streaming_delay: Duration,
    /// `poll.interval.ms`: how long the definition of a table that appears in the stream is left to
    /// settle before it is read.
    pub poll_interval: Duration,
    /// `exactly.once.support=required`.
    pub exactly_once_required: bool,
    /// `heartbeat.*`.
    pub heartbeat: HeartbeatConfig,
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
    /// How records are encoded, but for the worker's converter defaults and the run's identity.
    pub encoder: Arc<EncoderConfig>,
    /// Properties that were accepted with a warning: name and why.
    pub warnings: Vec<ConfigProblem>,
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
        let problems = reader.into_problems();
        match config {
            Some(config) if problems.is_empty() => Ok(config),
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
    Some(ConnectorConfig {
        name,
        slot: read_slot(r),
        publication: publication::read(r, encoder.as_ref().map(|e| e.skipped).unwrap_or_default()),
        snapshot_mode: read_snapshot_mode(r),
        snapshot_include: r.text_or("snapshot.include.collection.list", ""),
        snapshot_delay: r.millis_or("snapshot.delay.ms", 0),
        streaming_delay: r.millis_or("streaming.delay.ms", 0),
        poll_interval: r.millis_or("poll.interval.ms", 500),
        exactly_once_required,
        heartbeat: heartbeat::read(r, &mut warnings),
        signal_channels: channels::read(r, &topic_prefix, &mut warnings),
        notifications,
        topic_creation: kafka::read_topic_creation(r),
        producer_overrides: r.with_prefix("producer.override."),
        retries: read_retries(r),
        encoder: Arc::new(encoder?),
        warnings,
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
    // Debezium's own default is decoderbufs; Walcast always reads pgoutput.
    r.one_of("plugin.name", &[("decoderbufs", ()), ("pgoutput", ())], ());
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

fn read_slot(r: &mut Reader<'_>) -> SlotConfig {
    let name = r.text_or("slot.name", "debezium");
    let allowed = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_';
    if !name.chars().all(allowed) || name.len() > 63 {
        r.problem("slot.name", "The 'slot.name' value is invalid: Valid replication slot name must contain only digits, lowercase characters and underscores with length <= 63");
    }
    let strategies = [
        ("no_validation", OffsetMismatch::NoValidation),
        ("trust_offset", OffsetMismatch::TrustOffset),
        ("trust_slot", OffsetMismatch::TrustSlot),
        ("trust_greater_lsn", OffsetMismatch::TrustGreaterLsn),
    ];
    SlotConfig {
        name,
        drop_on_stop: r.bool_or("slot.drop.on.stop", false),
        failover: r.bool_or("slot.failover", false),
        status_interval: r.millis_or("status.update.interval.ms", 10_000),
        mismatch: r.one_of(
            "offset.mismatch.strategy",
            &strategies,
            OffsetMismatch::NoValidation,
        ),
        strict_offset: r.bool_or("walcast.strict.offset", false),
    }
}

fn read_snapshot_mode(r: &mut Reader<'_>) -> SnapshotMode {
    if let Some(mode @ ("configuration_based" | "custom")) = r.text("snapshot.mode") {
        let message = format!(
            "snapshot.mode={mode} is not supported by this version of Walcast; use initial, always, initial_only, no_data or when_needed"
        );
        r.problem("snapshot.mode", message);
        return SnapshotMode::Initial;
    }
    let modes = [
        ("always", SnapshotMode::Always),
        ("initial_only", SnapshotMode::InitialOnly),
        ("when_needed", SnapshotMode::WhenNeeded),
        ("initial", SnapshotMode::Initial),
        ("no_data", SnapshotMode::NoData),
    ];
    r.one_of("snapshot.mode", &modes, SnapshotMode::Initial)
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
mod tests;
