//! The chain of the second promise: `confirmed ≤ checkpoint ≤ acked ≤ published ≤ received`.
//!
//! Each stage is the number of the last batch of this session that passed it, without a gap before
//! it. A stage only grows, and never passes the one before it. This is checked in release builds:
//! confirming too far loses data, so a broken chain stops the task.

use std::sync::atomic::{AtomicU64, Ordering};

use crate::error::{EngineError, Result};

/// The stages of a batch, in the order they are passed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Stage {
    /// Decoded, encoded and cut into a batch.
    Received,
    /// Handed to Kafka's client.
    Published,
    /// Acknowledged by Kafka, with all before it.
    Acked,
    /// Covered by a durable checkpoint.
    Checkpointed,
    /// Told to the slot.
    Confirmed,
}

const NAMES: [&str; 5] = [
    "received",
    "published",
    "acked",
    "checkpointed",
    "confirmed",
];

/// How far each stage has come in one session.
#[derive(Debug, Default)]
pub(crate) struct Chain {
    stages: [AtomicU64; 5],
}

impl Chain {
    /// Moves `stage` on to batch `seq`.
    ///
    /// # Errors
    /// Definite when the stage would go back or pass the one before it; that is a fault of Walcast.
    pub(crate) fn advance(&self, stage: Stage, seq: u64) -> Result<()> {
        let index = stage as usize;
        let ahead = match index.checked_sub(1) {
            Some(before) => self.stages[before].load(Ordering::Acquire),
            None => u64::MAX,
        };
        let now = self.stages[index].load(Ordering::Acquire);
        if seq < now || seq > ahead {
            return Err(EngineError::definite(format!(
                "the chain of progress is broken: {} would move from batch {now} to {seq} with {} at {ahead}; nothing was confirmed to the slot. This is a fault of Walcast, please report it",
                NAMES[index],
                index
                    .checked_sub(1)
                    .map_or("nothing", |before| NAMES[before]),
            )));
        }
        self.stages[index].store(seq, Ordering::Release);
        Ok(())
    }

    /// The last batch that passed `stage`; 0 before the first.
    pub(crate) fn at(&self, stage: Stage) -> u64 {
        self.stages[stage as usize].load(Ordering::Acquire)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stages_follow_each_other() {
        let chain = Chain::default();
        for stage in [
            Stage::Received,
            Stage::Published,
            Stage::Acked,
            Stage::Checkpointed,
            Stage::Confirmed,
        ] {
            assert!(chain.advance(stage, 2).is_ok(), "{stage:?}");
            assert_eq!(chain.at(stage), 2);
        }
    }

    #[test]
    fn a_stage_never_passes_the_one_before_it_nor_goes_back() {
        let chain = Chain::default();
        chain.advance(Stage::Received, 5).unwrap();
        assert!(chain.advance(Stage::Published, 6).is_err());
        chain.advance(Stage::Published, 5).unwrap();
        assert!(chain.advance(Stage::Published, 4).is_err());
        assert!(
            chain.advance(Stage::Checkpointed, 1).is_err(),
            "nothing was acked"
        );
        let text = chain.advance(Stage::Acked, 9).unwrap_err().to_string();
        assert!(
            text.contains("acked would move from batch 0 to 9 with published at 5"),
            "{text}"
        );
    }
}
