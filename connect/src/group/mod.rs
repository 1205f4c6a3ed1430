//! The group of workers: which of them runs which connectors.
//!
//! Workers with one `group.id` are members of one Kafka consumer group, subscribed to the offsets
//! topic. Nothing is consumed through it: the topic's partitions are shards, a connector belongs to
//! the shard that its name hashes to, and who is assigned the partition owns the connectors of the
//! shard. No further topic is needed, and the coordinator decides who is alive.
//!
//! A member's client id ends in the URL under which others reach its REST API, so that whoever takes
//! a request can ask the group who owns the connector.

mod assignment;
mod member;
mod places;

pub(crate) use member::{GroupEvent, Member};
pub(crate) use places::{Place, Places};

use std::collections::BTreeSet;

/// What this worker has been assigned.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Held {
    /// Whether the group has answered since it was last joined; an answer may be no shard at all.
    pub(crate) joined: bool,
    /// The shards whose connectors run here.
    pub(crate) shards: BTreeSet<i32>,
    /// Whether the last loss was abrupt: the group did not wait for this worker to give up.
    pub(crate) abrupt: bool,
    /// What keeps this worker out of the group, in a sentence with the cure.
    pub(crate) trouble: Option<String>,
}

/// How connectors are divided: into as many shards as the offsets topic has partitions.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Shards(i32);

impl Shards {
    /// `partitions` of the offsets topic; at least one.
    pub(crate) fn new(partitions: usize) -> Self {
        Self(i32::try_from(partitions).unwrap_or(i32::MAX).max(1))
    }

    /// How many there are.
    pub(crate) fn count(self) -> i32 {
        self.0
    }

    /// The shard of a connector: the same on every worker and in every version (FNV-1a, 64 bits).
    pub(crate) fn of(self, connector: &str) -> i32 {
        let hash = connector
            .bytes()
            .fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
                (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
            });
        let shard = hash % u64::from(self.0.unsigned_abs());
        i32::try_from(shard).unwrap_or(0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Workers of different versions must agree.
    #[test]
    fn shards_of_names_never_change() {
        let shards = Shards::new(25);
        let of: Vec<_> = [
            "",
            "a",
            "inventory-connector",
            "experiments-postgres-connector",
        ]
        .map(|name| shards.of(name))
        .to_vec();
        assert_eq!(of, [12, 21, 3, 21]);
    }

    #[test]
    fn names_spread_over_all_shards() {
        let shards = Shards::new(25);
        let mut counts = [0_usize; 25];
        for i in 0..10_000 {
            counts[usize::try_from(shards.of(&format!("connector-{i}"))).unwrap()] += 1;
        }
        assert!(counts.iter().all(|n| (300..500).contains(n)), "{counts:?}");
        assert_eq!(Shards::new(1).of("x"), 0);
        assert_eq!(Shards::new(0).count(), 1);
    }
}
