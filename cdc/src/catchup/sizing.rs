//! How much the next batch takes, or why there is none. Pure.
//!
//! Each call decodes again from the copy's `restart_lsn`, which moves on only with the records of
//! running transactions that the server wrote into its WAL every 15 s or so. What is decoded again
//! gives no rows and costs about a twelfth of what is read for the first time; so a batch takes at
//! least a sixth of that distance, and no more than a third of the server's work is lost to it.
//! Larger batches would lose less, but the stream has nothing to do while one is decoded, once what
//! waits for it is used up, and the server writes temporary files for them. It waits for the whole of
//! the first batch, so the first ones are smaller.

use walcast_wire::lsn::Lsn;

use super::fallback::Why;
use crate::config::CatchupConfig;

/// A batch takes at least this part of the WAL that is decoded again for it.
const SHARE: u64 = 6;

/// The first batch is this many times halved; each further one is twice as large.
const HALVED: u32 = 3;

/// When no more than this part of a batch is left, streaming goes on.
const LEFT_SHARE: u64 = 4;

/// Bytes of WAL per change of the smallest rows there are; a batch takes no more changes.
const CHANGE_BYTES: u64 = 128;

/// Changes that a batch may always take.
const CHANGES_MIN: u64 = 1000;

/// Where catch-up stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Standing {
    /// All before is read.
    pub(super) position: Lsn,
    /// From here on a batch decodes again.
    pub(super) restart: Lsn,
    /// The end of the server's WAL.
    pub(super) end: Lsn,
}

/// What the next batch takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Limits {
    /// It ends with the first record that ends here or later.
    pub(super) upto: Lsn,
    /// It ends with the transaction that brings it to so many messages.
    pub(super) changes: i32,
}

impl Standing {
    /// Bytes of WAL that are left.
    pub(super) fn left(&self) -> u64 {
        distance(self.position, self.end)
    }

    /// The next batch after so many, or why streaming goes on from here.
    pub(super) fn next(&self, config: &CatchupConfig, done: u32) -> Result<Limits, Why> {
        if self.left() <= config.batch_bytes / LEFT_SHARE {
            return Err(Why::CaughtUp);
        }
        let again = distance(self.restart, self.position);
        if again > config.distance_max_bytes {
            return Err(Why::Distance {
                bytes: again,
                max: config.distance_max_bytes,
            });
        }
        let batch = config.batch_bytes >> HALVED.saturating_sub(done);
        let bytes = batch.max(again / SHARE);
        let changes = (bytes / CHANGE_BYTES).max(CHANGES_MIN);
        Ok(Limits {
            upto: Lsn::new(self.position.as_u64().saturating_add(bytes)),
            changes: i32::try_from(changes).unwrap_or(i32::MAX),
        })
    }
}

fn distance(from: Lsn, to: Lsn) -> u64 {
    to.as_u64().saturating_sub(from.as_u64())
}

#[cfg(test)]
mod tests {
    use super::*;

    const MIB: u64 = 1 << 20;

    fn config() -> CatchupConfig {
        CatchupConfig {
            enabled: true,
            min_bytes: 64 * MIB,
            batch_bytes: 64 * MIB,
            distance_max_bytes: 1024 * MIB,
        }
    }

    fn next(restart: u64, position: u64, end: u64) -> Result<(u64, i32), Why> {
        let standing = Standing {
            position: Lsn::new(position * MIB),
            restart: Lsn::new(restart * MIB),
            end: Lsn::new(end * MIB),
        };
        let limits = standing.next(&config(), HALVED);
        limits.map(|limits| (limits.upto.as_u64() / MIB, limits.changes))
    }

    #[test]
    fn a_batch_takes_a_sixth_of_what_is_decoded_again() {
        assert_eq!(next(100, 100, 900), Ok((164, 524_288)));
        assert_eq!(next(100, 400, 900), Ok((464, 524_288)), "300 / 6 < 64");
        assert_eq!(next(100, 1000, 9000), Ok((1150, 1_228_800)));
    }

    #[test]
    fn the_first_batches_are_smaller() {
        let standing = |restart| Standing {
            position: Lsn::new(1000 * MIB),
            restart: Lsn::new(restart * MIB),
            end: Lsn::new(9000 * MIB),
        };
        for (done, bytes) in [(0, 8), (1, 16), (2, 32), (3, 64), (u32::MAX, 64)] {
            let limits = standing(1000).next(&config(), done).unwrap();
            assert_eq!(limits.upto.as_u64(), (1000 + bytes) * MIB, "{done}");
        }
        let far = standing(400).next(&config(), 0).unwrap();
        assert_eq!(far.upto.as_u64(), 1100 * MIB, "600 / 6 > 8");
    }

    #[test]
    fn it_ends_when_little_is_left_or_too_much_is_decoded_again() {
        assert_eq!(next(100, 100, 116), Err(Why::CaughtUp));
        assert!(next(100, 100, 117).is_ok());
        assert_eq!(next(200, 300, 100), Err(Why::CaughtUp), "nothing is left");
        let far = next(100, 1125, 9000);
        let (bytes, max) = (1025 * MIB, 1024 * MIB);
        assert_eq!(far, Err(Why::Distance { bytes, max }));
    }

    #[test]
    fn small_batches_still_take_some_changes_and_large_ones_overflow_nothing() {
        let mut small = config();
        small.batch_bytes = 16 << 10;
        let mut standing = Standing {
            position: Lsn::new(0),
            restart: Lsn::new(0),
            end: Lsn::new(u64::MAX),
        };
        let limits = standing.next(&small, HALVED).map(|limits| limits.changes);
        assert_eq!(limits, Ok(1000));
        small.batch_bytes = u64::MAX / 2;
        standing.position = Lsn::new(u64::MAX / 3);
        standing.restart = standing.position;
        let huge = Limits {
            upto: Lsn::new(u64::MAX / 3 + u64::MAX / 2),
            changes: i32::MAX,
        };
        assert_eq!(standing.next(&small, HALVED), Ok(huge));
    }
}
