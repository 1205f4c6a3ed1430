//! Which transactions a chunk's query saw.
//!
//! A transaction writes its commit to the log a moment before others see it, and with synchronous
//! replication a long moment. So the stream can have brought a commit that a later query does not
//! show. What the query saw is told by its own snapshot, as the server prints it.

/// A snapshot of `txid_current_snapshot()`, with 32-bit transaction ids as the stream has them.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Visibility {
    /// The first id that was not given yet.
    next: u32,
    /// Ids below it that had not ended.
    running: Vec<u32>,
}

impl Visibility {
    /// From `xmin:xmax:xip,xip…`, on a standby where `in_recovery` is set. A standby prints no running
    /// transactions, although there are some; so none from `xmin` on is taken to be seen there. That is
    /// safe: a standby streams a commit only after its queries see it, and the rows of a transaction
    /// that is wrongly taken to be unseen are told by the stream.
    pub(crate) fn parse(text: &str, in_recovery: bool) -> Option<Self> {
        let (oldest, rest) = text.split_once(':')?;
        let (next, running) = rest.split_once(':')?;
        // The epoch lies above the 32 bits that the stream has.
        let id = |text: &str| Some((text.parse::<u64>().ok()? & u64::from(u32::MAX)) as u32);
        if in_recovery {
            return Some(Self {
                next: id(oldest)?,
                running: Vec::new(),
            });
        }
        let running = running.split(',').filter(|id| !id.is_empty());
        Some(Self {
            next: id(next)?,
            running: running.map(id).collect::<Option<_>>()?,
        })
    }

    /// Whether what `xid` did, which has been committed since, was seen.
    pub(crate) fn sees(&self, xid: u32) -> bool {
        let began_before = self.next.wrapping_sub(xid).wrapping_sub(1) < u32::MAX / 2;
        began_before && !self.running.contains(&xid)
    }

    /// Whether one of `committed` had not ended.
    pub(crate) fn misses_one_of<'x>(&self, mut committed: impl Iterator<Item = &'x u32>) -> bool {
        !self.running.is_empty() && committed.any(|xid| self.running.contains(xid))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_ended_before_is_seen() {
        let seen = Visibility::parse("100:110:100,105", false).unwrap();
        for (xid, expected) in [
            (7, true),
            (99, true),
            (100, false),
            (101, true),
            (105, false),
            (109, true),
            (110, false),
            (2_000, false),
        ] {
            assert_eq!(seen.sees(xid), expected, "{xid}");
        }
        assert!(seen.misses_one_of([3, 105].iter()));
        assert!(!seen.misses_one_of([3, 104, 110].iter()));
    }

    #[test]
    fn ids_wrap() {
        let seen = Visibility::parse("4294967300:4294967301:", false).unwrap();
        assert_eq!(seen.next, 5);
        assert!(seen.sees(4) && seen.sees(u32::MAX) && !seen.sees(5));
        for text in ["1:2", "a:b:c"] {
            assert!(Visibility::parse(text, false).is_none(), "{text}");
        }
    }

    #[test]
    fn on_a_standby_only_what_is_older_than_all_running_is_seen() {
        let seen = Visibility::parse("100:110:", true).unwrap();
        assert!(seen.sees(99) && !seen.sees(100) && !seen.sees(105) && !seen.sees(110));
        assert!(!seen.misses_one_of([100, 105].iter()));
    }
}
