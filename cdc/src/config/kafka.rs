//! `topic.creation.default.*`: how topics that do not exist yet are made (KIP-158).

use std::collections::BTreeMap;

use super::reader::Reader;

/// How a missing topic is created.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TopicCreation {
    /// `partitions`; -1 takes the broker's default.
    pub partitions: i32,
    /// `replication.factor`; -1 takes the broker's default.
    pub replication_factor: i32,
    /// Any other topic setting, such as `cleanup.policy`.
    pub configs: BTreeMap<String, String>,
}

pub(super) fn read_topic_creation(r: &mut Reader<'_>) -> Option<TopicCreation> {
    const PREFIX: &str = "topic.creation.default.";
    let mut configs = r.with_prefix(PREFIX);
    if configs.is_empty() {
        return None;
    }
    let creation = TopicCreation {
        partitions: r.parse_or(&format!("{PREFIX}partitions"), -1),
        replication_factor: r.parse_or(&format!("{PREFIX}replication.factor"), -1),
        configs: {
            configs.remove("partitions");
            configs.remove("replication.factor");
            configs.remove("include");
            configs.remove("exclude");
            configs
        },
    };
    for (name, value) in [
        ("partitions", creation.partitions),
        ("replication.factor", creation.replication_factor),
    ] {
        if value != -1 && value < 1 {
            r.problem(
                &format!("{PREFIX}{name}"),
                "must be -1 for the broker's default, or at least 1",
            );
        }
    }
    Some(creation)
}
