//! Records of one partition, in offset order, until a batch is full.
//!
//! Enters: records one by one. Leaves: the batch with its range, rows and dead letters. Pure: what
//! a batch holds follows from the records alone, so that its range read again gives it again.

use std::collections::BTreeMap;

use rdkafka::Message;
use rdkafka::message::{BorrowedMessage, OwnedMessage};

use crate::envelope::{self, Ignored, Mapped, Origin, OutboxTable, Poison};
use crate::range::Range;
use crate::rows::Rows;

/// When a batch is full, besides its age.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Limits {
    /// Records, of whatever kind.
    pub(crate) rows_max: usize,
    /// Bytes of keys and values as they are in Kafka.
    pub(crate) bytes_max: usize,
}

/// A record that cannot land, to be sent on as it came.
#[derive(Debug)]
pub(crate) struct DeadLetter {
    pub(crate) record: OwnedMessage,
    pub(crate) poison: Poison,
}

/// What is collected so far; nothing of it has left the process.
#[derive(Debug, Default)]
pub(crate) struct Batch {
    range: Option<Range>,
    records: usize,
    bytes: usize,
    pub(crate) rows: Rows,
    pub(crate) dead_letters: Vec<DeadLetter>,
    pub(crate) ignored: BTreeMap<Ignored, u64>,
}

impl Batch {
    /// First and last offset; none while the batch is empty.
    pub(crate) fn range(&self) -> Option<Range> {
        self.range
    }

    /// Bytes of keys and values that it holds.
    pub(crate) fn bytes(&self) -> usize {
        self.bytes
    }

    pub(crate) fn is_full(&self, limits: &Limits) -> bool {
        self.records >= limits.rows_max || self.bytes >= limits.bytes_max
    }

    /// Takes the next record of the partition.
    pub(crate) fn push(
        &mut self,
        record: &BorrowedMessage<'_>,
        outbox: &OutboxTable,
        origin: &Origin,
    ) {
        let size = record.payload_len() + record.key_len();
        let mapped = envelope::map(record.payload(), outbox, origin, record.offset());
        self.count(record.offset(), size);
        match mapped {
            Mapped::Row(row) => self.rows.push(&row),
            Mapped::Ignored(kind) => *self.ignored.entry(kind).or_default() += 1,
            Mapped::Poison(poison) => {
                self.dead_letters.push(DeadLetter {
                    record: record.detach(),
                    poison,
                });
            }
        }
    }

    fn count(&mut self, offset: i64, size: usize) {
        let first = self.range.map_or(offset, |range| range.first);
        self.range = Some(Range {
            first,
            last: offset,
        });
        self.records += 1;
        self.bytes += size;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMITS: Limits = Limits {
        rows_max: 3,
        bytes_max: 100,
    };

    #[test]
    fn a_range_spans_gaps_and_ends_at_the_last_record() {
        let mut batch = Batch::default();
        assert_eq!(batch.range(), None);
        for offset in [5, 6, 9] {
            batch.count(offset, 1);
        }
        assert_eq!(batch.range(), Some(Range { first: 5, last: 9 }));
    }

    #[test]
    fn a_batch_is_full_by_records_or_by_bytes() {
        for (sizes, full) in [
            (vec![1, 1], false),
            (vec![1, 1, 1], true),
            (vec![99], false),
            (vec![99, 1], true),
            (vec![1_000], true),
        ] {
            let mut batch = Batch::default();
            for (offset, size) in (0..).zip(&sizes) {
                batch.count(offset, *size);
            }
            assert_eq!(batch.is_full(&LIMITS), full, "{sizes:?}");
        }
    }
}
