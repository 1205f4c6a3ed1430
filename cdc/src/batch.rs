//! A batch of encoded records on its way from the stream to the publisher.
//!
//! Keys, values and headers lie in one arena, so that a batch costs a handful of allocations however
//! many rows it holds. A batch carries what becomes true once it is durable: the source offset to
//! checkpoint and the LSN the slot may be told.

use std::ops::Range;
use std::sync::Arc;

use walcast_wire::connect_offset::Offset;
use walcast_wire::lsn::Lsn;
use walcast_wire::record::{LogSkipped, Record, RecordSink, Skipped};

/// Bytes of records after which a batch is handed on.
pub(crate) const BATCH_BYTES_MAX: usize = 128 * 1024;

/// When a mark is to be checkpointed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Urgency {
    /// With `offset.flush.interval.ms`.
    Interval,
    /// A little later at the most: work would be done again without it.
    Soon,
    /// Without a pause: it is waited for.
    AtOnce,
}

/// Where the engine stands when a batch is durable.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Mark {
    /// The source offset to checkpoint.
    pub(crate) offset: Offset,
    /// The end of the last transaction that is complete: what the slot may be told.
    pub(crate) confirm: Lsn,
    pub(crate) urgency: Urgency,
}

/// Encoded records, and what is true once they are durable.
#[derive(Debug, Default)]
pub(crate) struct Batch {
    /// The batch's place in its session, from 1.
    pub(crate) seq: u64,
    /// What is true once this batch is durable; none while a snapshot has no offset yet.
    pub(crate) mark: Option<Mark>,
    /// Commit time of the last record's transaction, in microseconds since the Unix epoch; 0 when
    /// the batch holds no streamed record.
    pub(crate) commit_us: i64,
    arena: Vec<u8>,
    records: Vec<Entry>,
    headers: Vec<HeaderEntry>,
}

#[derive(Debug)]
struct Entry {
    topic: Arc<str>,
    partition: Option<i32>,
    timestamp: Option<i64>,
    key: Option<Range<usize>>,
    value: Option<Range<usize>>,
    headers: Range<usize>,
}

#[derive(Debug)]
struct HeaderEntry {
    name: Range<usize>,
    value: Option<Range<usize>>,
}

/// A record as it lies in a batch.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Published<'a> {
    batch: &'a Batch,
    entry: &'a Entry,
}

impl<'a> Published<'a> {
    pub(crate) fn topic(&self) -> &'a Arc<str> {
        &self.entry.topic
    }

    /// The partition that a transform chose.
    pub(crate) const fn partition(&self) -> Option<i32> {
        self.entry.partition
    }

    /// The time that a transform chose, in milliseconds since 1970-01-01 UTC.
    pub(crate) const fn timestamp(&self) -> Option<i64> {
        self.entry.timestamp
    }

    pub(crate) fn key(&self) -> Option<&'a [u8]> {
        self.entry.key.clone().map(|range| &self.batch.arena[range])
    }

    pub(crate) fn value(&self) -> Option<&'a [u8]> {
        self.entry
            .value
            .clone()
            .map(|range| &self.batch.arena[range])
    }

    /// Whether both have the same headers, as far as that can be told without looking at them.
    pub(crate) fn shares_headers_with(&self, other: Published<'_>) -> bool {
        std::ptr::eq(self.batch, other.batch) && self.entry.headers == other.entry.headers
    }

    /// Names and values, in order.
    pub(crate) fn headers(&self) -> impl ExactSizeIterator<Item = (&'a str, Option<&'a [u8]>)> {
        let arena = &self.batch.arena;
        self.batch.headers[self.entry.headers.clone()]
            .iter()
            .map(move |header| {
                let name = std::str::from_utf8(&arena[header.name.clone()]).unwrap_or_default();
                (name, header.value.clone().map(|range| &arena[range]))
            })
    }
}

impl Batch {
    /// Whether it holds no record; its mark may still say something.
    pub(crate) fn is_empty(&self) -> bool {
        self.records.is_empty()
    }

    /// An empty one with room for what this one holds and a little more: batches of a backlog are
    /// alike, and a buffer that grows is copied each time.
    pub(crate) fn another(&self) -> Self {
        let room = |length: usize| length + length / 8;
        Self {
            arena: Vec::with_capacity(room(self.arena.len())),
            records: Vec::with_capacity(room(self.records.len())),
            ..Self::default()
        }
    }

    /// How many records it holds.
    pub(crate) fn len(&self) -> usize {
        self.records.len()
    }

    /// Bytes of keys, values and headers.
    pub(crate) fn bytes(&self) -> usize {
        self.arena.len()
    }

    /// Whether it should be handed on.
    pub(crate) fn is_full(&self) -> bool {
        self.arena.len() >= BATCH_BYTES_MAX
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = Published<'_>> {
        self.records
            .iter()
            .map(|entry| Published { batch: self, entry })
    }

    /// A batch of records without key and headers.
    #[cfg(test)]
    pub(crate) fn of_values(seq: u64, values: &[&[u8]]) -> Self {
        let mut batch = Self {
            seq,
            ..Self::default()
        };
        for value in values {
            batch.record(Record {
                topic: &"topic".into(),
                partition: None,
                timestamp: None,
                key: None,
                value: Some(value),
                headers: &walcast_wire::record::Headers::default(),
            });
        }
        batch
    }

    fn store(&mut self, bytes: &[u8]) -> Range<usize> {
        let start = self.arena.len();
        self.arena.extend_from_slice(bytes);
        start..self.arena.len()
    }

    /// Stores the record's headers, or points at the previous record's when they are the same.
    fn store_headers(&mut self, record: &Record<'_>) -> Range<usize> {
        if let Some(last) = self.records.last() {
            let previous = Published {
                batch: self,
                entry: last,
            };
            if previous.headers().eq(record.headers.iter()) {
                return last.headers.clone();
            }
        }
        let start = self.headers.len();
        for (name, value) in record.headers.iter() {
            let name = self.store(name.as_bytes());
            let value = value.map(|value| self.store(value));
            self.headers.push(HeaderEntry { name, value });
        }
        start..self.headers.len()
    }
}

impl RecordSink for Batch {
    fn record(&mut self, record: Record<'_>) {
        let headers = self.store_headers(&record);
        let key = record.key.map(|key| self.store(key));
        let value = record.value.map(|value| self.store(value));
        self.records.push(Entry {
            topic: Arc::clone(record.topic),
            partition: record.partition,
            timestamp: record.timestamp,
            key,
            value,
            headers,
        });
    }

    fn skipped(&mut self, skipped: Skipped<'_>) {
        let Skipped { record, error, log } = skipped;
        let topic = &**record.topic;
        metrics::counter!("walcast_cdc_records_skipped_total", "topic" => topic.to_owned())
            .increment(1);
        let text = |bytes: Option<&[u8]>| bytes.map(|b| String::from_utf8_lossy(b).into_owned());
        match log {
            LogSkipped::Nothing => {}
            LogSkipped::Error => {
                tracing::error!(topic, error, "a record is left out (errors.tolerance=all)");
            }
            LogSkipped::WithRecord => tracing::error!(
                topic,
                error,
                key = text(record.key),
                value = text(record.value),
                "a record is left out (errors.tolerance=all)"
            ),
        }
    }
}
