//! Headers that a delete and its tombstone have in common.
//!
//! Debezium makes both records with one list of headers. A transform that adds to the list of the
//! delete adds to the tombstone's as well.

use std::sync::Arc;

use super::support::is_envelope;
use crate::data::{DataRecord, Header, Value};

/// What was added to the headers of the delete that came last.
#[derive(Debug, Default)]
pub(super) struct SharedHeaders {
    deleted: Option<Deleted>,
}

#[derive(Debug)]
struct Deleted {
    topic: Arc<str>,
    key: Value,
    added: Vec<Header>,
}

impl SharedHeaders {
    /// Gives a tombstone what its delete got. Each record must come by here.
    pub(super) fn inherit(&mut self, record: &mut DataRecord) {
        let Some(deleted) = self.deleted.take() else {
            return;
        };
        let tombstone = record.value.is_null() && record.value_schema.is_none();
        if tombstone && deleted.topic == record.topic && deleted.key == record.key {
            record.headers.extend(deleted.added);
        }
    }

    /// Adds headers to a record, and remembers them for the tombstone that may follow.
    pub(super) fn add(&mut self, record: &mut DataRecord, added: Vec<Header>) {
        let value = record.value_struct().filter(|_| is_envelope(record));
        let op = value.and_then(|value| value.get("op"));
        if op.and_then(Value::as_str) == Some("d") && !record.key.is_null() {
            self.deleted = Some(Deleted {
                topic: Arc::clone(&record.topic),
                key: record.key.clone(),
                added: added.clone(),
            });
        }
        record.headers.extend(added);
    }
}
