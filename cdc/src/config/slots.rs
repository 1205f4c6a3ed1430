//! `walcast.slots.*`: several slots for one connector.
//!
//! The connector's tables are split into lanes. Each lane has a slot, a publication, a checkpoint and
//! a publisher of its own; lane 0 is the connector as it is with one slot.

use std::sync::Arc;

use walcast_wire::connect_offset;
use walcast_wire::filter::NameFilter;
use walcast_wire::pattern::PatternList;

use super::reader::Reader;
use super::{
    ConnectorConfig, HeartbeatConfig, Notifications, PublicationMode, SignalChannels, SnapshotMode,
};
use crate::error::{EngineError, Result};

const COUNT: &str = "walcast.slots.count";
const SPLIT: &str = "walcast.slots.split";

/// The most slots a connector may have.
const COUNT_MAX: u32 = 16;

/// Bytes that PostgreSQL keeps of a name.
const NAME_MAX: usize = 63;

/// What the classes of transforms end with that give a record another key than its row's.
const KEY_CHANGING: [&str; 3] = [".EventRouter", ".ValueToKey", "$Key"];

/// `walcast.slots.split`: what a lane has of the captured tables.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Split {
    /// Of every table the rows whose key hashes to the lane.
    Rows,
    /// Whole tables.
    Tables,
}

/// How many slots the connector has, and what each gets.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SlotsConfig {
    /// `walcast.slots.count`.
    pub count: u32,
    /// `walcast.slots.split`.
    pub split: Split,
}

/// Which lane a configuration is of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lane {
    /// From 1: lane 0 has the connector's own configuration.
    pub number: u32,
    /// The connector's name.
    pub connector: String,
}

pub(super) fn read(r: &mut Reader<'_>) -> SlotsConfig {
    let count: u32 = r.parse_or(COUNT, 1);
    let is_valid = (1..=COUNT_MAX).contains(&count);
    if !is_valid {
        let message =
            format!("The '{COUNT}' value is invalid: write a number from 1 to {COUNT_MAX}");
        r.problem(COUNT, message);
    }
    let splits = [("rows", Split::Rows), ("tables", Split::Tables)];
    SlotsConfig {
        count: if is_valid { count } else { 1 },
        split: r.one_of(SPLIT, &splits, Split::Rows),
    }
}

/// Refuses what cannot be right with several slots.
pub(super) fn check(r: &mut Reader<'_>, config: &ConnectorConfig) {
    let SlotsConfig { count, split } = config.slots;
    if count == 1 {
        return;
    }
    let several = format!("with {COUNT}={count}");
    if !matches!(
        config.publication.mode,
        PublicationMode::Filtered | PublicationMode::Disabled
    ) {
        r.problem("publication.autocreate.mode", format!("must be filtered or disabled {several}: each slot has a publication of its part of the tables"));
    }
    if !matches!(
        config.snapshot.mode,
        SnapshotMode::Initial | SnapshotMode::NoData
    ) {
        r.problem(
            "snapshot.mode",
            format!("must be initial or no_data {several}"),
        );
    }
    if config.signal.table.is_some() {
        r.problem("signal.data.collection", format!("cannot be used {several}: a signal has a place in one stream only; remove it, and add tables by a restart"));
    }
    if config.signal_channels.kafka.is_some() || config.signal_channels.file.is_some() {
        r.problem(
            "signal.enabled.channels",
            format!("kafka and file cannot be used {several}; remove them"),
        );
    }
    if config.encoder.transaction_topic.is_some() {
        r.problem("provide.transaction.metadata", format!("cannot be used {several}: a transaction's changes come by several slots, and none can count them; set it to false"));
    }
    if config.slot.requires_decoderbufs {
        r.problem(
            "plugin.name",
            format!("must be pgoutput {several}: the split is made by publications"),
        );
    }
    for (property, name) in [
        ("slot.name", &config.slot.name),
        ("publication.name", &config.publication.name),
    ] {
        if lane_name(name, count - 1).len() > NAME_MAX {
            r.problem(property, format!("is too long {several}: {name}_{} must not have more than {NAME_MAX} characters; choose a shorter one", count - 1));
        }
    }
    if split == Split::Rows {
        check_rows(r, config, &several);
    }
}

/// Refuses what cannot be right when a table's rows come by several slots.
fn check_rows(r: &mut Reader<'_>, config: &ConnectorConfig, several: &str) {
    let split = format!("{several} and {SPLIT}=rows");
    if !config.encoder.skipped.truncate {
        r.problem("skipped.operations", format!("must hold t {split}: every slot would tell of a TRUNCATE, and rows of other slots would overtake it"));
    }
    let own_keys = config.encoder.message_key_columns.is_empty();
    let types = r.with_prefix("transforms.");
    for (name, class) in types.iter().filter(|(name, _)| name.ends_with(".type")) {
        let changes = KEY_CHANGING.iter().any(|ending| class.ends_with(ending));
        if own_keys && changes {
            let short = class.rsplit('.').next().unwrap_or_default();
            r.problem(&format!("transforms.{name}"), format!("{short} gives records another key than their rows have, whose order would be lost {split}: name the columns that the new key is made of in message.key.columns, or set {SPLIT}=tables"));
        }
    }
}

/// The name that lane `number` has where the connector has `name`.
pub(crate) fn lane_name(name: &str, number: u32) -> String {
    match number {
        0 => name.to_owned(),
        _ => format!("{name}_{number}"),
    }
}

impl ConnectorConfig {
    /// The configuration of lane `number`. Lanes beyond the first only stream: lane 0 takes the
    /// snapshot, and tells what a connector tells once.
    pub(crate) fn of_lane(&self, number: u32) -> Self {
        if number == 0 {
            return self.clone();
        }
        let mut lane = self.clone();
        lane.lane = Some(Lane {
            number,
            connector: self.name.clone(),
        });
        lane.name = format!("{}/{number}", self.name);
        lane.slot.name = lane_name(&self.slot.name, number);
        lane.publication.name = lane_name(&self.publication.name, number);
        lane.snapshot.mode = SnapshotMode::NoData;
        lane.heartbeat = HeartbeatConfig::default();
        lane.notifications = Notifications::default();
        lane.signal_channels = SignalChannels::default();
        lane.warnings.clear();
        let mut encoder = (*self.encoder).clone();
        encoder.notification_topic = None;
        encoder.message_prefixes = NameFilter::Include(PatternList::default());
        lane.encoder = Arc::new(encoder);
        lane
    }

    /// The connector's name, of whichever lane this is.
    pub(crate) fn connector(&self) -> &str {
        self.lane
            .as_ref()
            .map_or(&self.name, |lane| &lane.connector)
    }

    /// From 0.
    pub(crate) fn lane_number(&self) -> u32 {
        self.lane.as_ref().map_or(0, |lane| lane.number)
    }

    /// The key of the lane's checkpoint; lane 0 has Debezium's.
    pub(crate) fn offset_key(&self) -> Vec<u8> {
        match &self.lane {
            None => connect_offset::key(&self.name, &self.topic_prefix),
            Some(lane) => {
                let of = self.slots.key(lane.number);
                connect_offset::lane_key(&lane.connector, &self.topic_prefix, &of)
            }
        }
    }
}

impl SlotsConfig {
    /// The numbers of the lanes beyond the first.
    pub(crate) fn further(self) -> std::ops::Range<u32> {
        1..self.count
    }

    /// What lane `number` calls itself in its checkpoint's key. It has the count, so that another
    /// split is not taken for this one.
    fn key(self, number: u32) -> String {
        format!("{number}/{}", self.count)
    }

    /// Checks the lanes that checkpoints were found of against this split. `own` is whether lane 0
    /// has one.
    ///
    /// # Errors
    /// Definite when they are of another split: what to do.
    pub(crate) fn check_stored(self, connector: &str, own: bool, stored: &[String]) -> Result<()> {
        let wanted: Vec<_> = self.further().map(|number| self.key(number)).collect();
        let other = stored.iter().find(|lane| !wanted.contains(lane));
        let missing = wanted.iter().find(|lane| own && !stored.contains(lane));
        let found = match (other, missing) {
            (None, None) => return Ok(()),
            (Some(other), _) => {
                let count = other.split_once('/').map_or("another", |(_, count)| count);
                format!("was split over {count} slots")
            }
            (None, Some(_)) if stored.is_empty() => "has a checkpoint of one slot".to_owned(),
            (None, Some(lane)) => format!("has lost the checkpoint of its slot {lane}"),
        };
        Err(EngineError::definite(format!(
            "connector {connector} {found}, and {COUNT}={}: going on would lose changes or send them twice. Set {COUNT} back; or take a new snapshot with it: stop the connector, DELETE /connectors/{connector}/offsets, drop slots and publications that are no longer used, and resume it",
            self.count
        )))
    }
}

#[cfg(test)]
mod tests;
