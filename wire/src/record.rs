//! What leaves the encoder: one Kafka record, borrowed from its buffers.

use std::sync::Arc;

/// Takes records as the encoder makes them.
pub trait RecordSink {
    /// Takes one record; what it borrows is overwritten by the next.
    fn record(&mut self, record: Record<'_>);

    /// Is told of a record that `errors.tolerance=all` leaves out.
    fn skipped(&mut self, skipped: Skipped<'_>) {
        let _ = skipped;
    }
}

/// A record that a transform or converter refused and that is left out for it.
#[derive(Debug, Clone)]
pub struct Skipped<'a> {
    /// The record as the encoder made it.
    pub record: Record<'a>,
    /// What was wrong with it.
    pub error: String,
    /// What of it may be written to the log.
    pub log: LogSkipped,
}

/// What the log says of records that are left out: `errors.log.enable` and
/// `errors.log.include.messages`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum LogSkipped {
    /// Nothing.
    #[default]
    Nothing,
    /// What was wrong, and with which topic's record.
    Error,
    /// That, and key and value.
    WithRecord,
}

impl<F: FnMut(Record<'_>)> RecordSink for F {
    fn record(&mut self, record: Record<'_>) {
        self(record);
    }
}

/// One record.
#[derive(Debug, Clone, Copy)]
pub struct Record<'a> {
    /// Its topic; shared by all records of a relation.
    pub topic: &'a Arc<str>,
    /// Its partition, where a transform chose it; else the producer does, by the key.
    pub partition: Option<i32>,
    /// Its time in milliseconds since 1970-01-01 UTC, where a transform chose it; else the time of
    /// sending.
    pub timestamp: Option<i64>,
    /// Its key; `None` is a null key.
    pub key: Option<&'a [u8]>,
    /// Its value; `None` is a tombstone.
    pub value: Option<&'a [u8]>,
    /// Its headers.
    pub headers: &'a Headers,
}

/// A record's headers, in order.
#[derive(Debug, Clone, Default)]
pub struct Headers {
    /// `__debezium.newkey` or `__debezium.oldkey`, before all others.
    key_change: Option<&'static str>,
    /// The key as JSON, and as the header's text.
    key: Vec<u8>,
    text: Vec<u8>,
    context: Arc<[(String, Option<Vec<u8>>)]>,
}

impl Headers {
    /// Headers that are the same on every record.
    pub fn new(context: Vec<(String, Vec<u8>)>) -> Self {
        let present = |(name, value)| (name, Some(value));
        Self::of(context.into_iter().map(present).collect())
    }

    /// Headers of one record; one without a value is `None`.
    pub(crate) fn of(headers: Vec<(String, Option<Vec<u8>>)>) -> Self {
        Self {
            key_change: None,
            key: Vec::new(),
            text: Vec::new(),
            context: headers.into(),
        }
    }

    /// Name and value of each; a header without a value is `None`.
    pub fn iter(&self) -> impl Iterator<Item = (&str, Option<&[u8]>)> {
        let first = self.key_change.map(|name| (name, Some(&*self.text)));
        first.into_iter().chain(self.context())
    }

    /// Those that are the same on every record.
    pub(crate) fn context(&self) -> impl Iterator<Item = (&str, Option<&[u8]>)> {
        self.context
            .iter()
            .map(|(name, value)| (&**name, value.as_deref()))
    }

    /// `__debezium.newkey` or `__debezium.oldkey`, with the key as JSON.
    pub(crate) fn key_change(&self) -> Option<(&'static str, &[u8])> {
        Some((self.key_change?, &self.key))
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.context.len() + usize::from(self.key_change.is_some())
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Puts `name` with the key whose JSON is `key` in front, in place of an earlier one.
    ///
    /// Connect's header converter writes keys like JSON, but escapes only quotes and backslashes
    /// in them.
    pub(crate) fn set_key_change(&mut self, name: &'static str, key: &[u8]) {
        self.key_change = Some(name);
        self.key.clear();
        self.key.extend_from_slice(key);
        self.text.clear();
        crate::json::unescape_controls(key, &mut self.text);
    }

    /// Takes that header away.
    pub(crate) const fn clear_key_change(&mut self) {
        self.key_change = None;
    }
}
