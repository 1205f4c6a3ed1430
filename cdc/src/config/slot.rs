//! `slot.*` and what else decides how the replication slot is used.

use std::time::Duration;

use super::reader::{ConfigProblem, Reader};

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
    /// `plugin.name=decoderbufs` was asked for: the server must have that plugin, as for Debezium,
    /// though pgoutput is read.
    pub requires_decoderbufs: bool,
    /// `slot.name`.
    pub name: String,
    /// `slot.drop.on.stop`.
    pub drop_on_stop: bool,
    /// `slot.failover`: a failover slot on PostgreSQL 17 and later.
    pub failover: bool,
    /// `status.update.interval.ms`: how often the slot hears of progress at the latest.
    pub status_interval: Duration,
    /// `slot.max.retries`: tries beyond the first to get a slot that another session reads.
    pub max_retries: u32,
    /// `slot.retry.delay.ms`: the pause before each of them.
    pub retry_delay: Duration,
    /// `offset.mismatch.strategy`.
    pub mismatch: OffsetMismatch,
    /// `walcast.strict.offset`: refuse a slot that is past the checkpoint.
    pub strict_offset: bool,
    /// `walcast.accept.system.id`: the system that may go on from a checkpoint of another.
    pub accepted_system: Option<u64>,
}

pub(super) fn read(r: &mut Reader<'_>, warnings: &mut Vec<ConfigProblem>) -> SlotConfig {
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
    let retries: i64 = r.parse_or("slot.max.retries", 6);
    let accepted: u64 = r.parse_or("walcast.accept.system.id", 0);
    // Debezium's own default is decoderbufs; only where it is asked for must the server have it.
    let plugins = [("decoderbufs", true), ("pgoutput", false)];
    let requires_decoderbufs = r.one_of("plugin.name", &plugins, false);
    if requires_decoderbufs {
        warnings.push(ConfigProblem {
            property: "plugin.name".into(),
            message: "is decoderbufs: the stream is pgoutput all the same; set pgoutput".into(),
        });
    }
    SlotConfig {
        requires_decoderbufs,
        name,
        drop_on_stop: r.bool_or("slot.drop.on.stop", false),
        failover: r.bool_or("slot.failover", false),
        status_interval: r.millis_or("status.update.interval.ms", 10_000),
        max_retries: u32::try_from(retries.max(0)).unwrap_or(u32::MAX),
        retry_delay: r.millis_or("slot.retry.delay.ms", 10_000),
        mismatch: r.one_of(
            "offset.mismatch.strategy",
            &strategies,
            OffsetMismatch::NoValidation,
        ),
        strict_offset: r.bool_or("walcast.strict.offset", false),
        accepted_system: Some(accepted).filter(|id| *id != 0),
    }
}
