//! Connect's records.

use std::sync::Arc;

use super::{Schema, Value};

/// A record on its way through transforms: Connect's `SourceRecord`.
#[derive(Debug, Clone, PartialEq)]
pub struct DataRecord {
    /// Where it goes.
    pub topic: Arc<str>,
    /// Its partition; `None` lets the producer choose.
    pub partition: Option<i32>,
    /// Its time in milliseconds since 1970-01-01 UTC; `None` is the time of sending.
    pub timestamp: Option<i64>,
    /// The key's schema; `None` is a key without one.
    pub key_schema: Option<Arc<Schema>>,
    /// The key.
    pub key: Value,
    /// The value's schema; `None` is a value without one: a tombstone.
    pub value_schema: Option<Arc<Schema>>,
    /// The value.
    pub value: Value,
    /// The headers, in order; names may repeat.
    pub headers: Vec<Header>,
}

/// A header of a record.
#[derive(Debug, Clone, PartialEq)]
pub struct Header {
    /// Its name.
    pub name: Arc<str>,
    /// Its value's schema.
    pub schema: Option<Arc<Schema>>,
    /// Its value.
    pub value: Value,
}

impl DataRecord {
    /// The value, if it is a struct.
    pub const fn value_struct(&self) -> Option<&super::Struct> {
        self.value.as_struct()
    }

    /// The key, if it is a struct.
    pub const fn key_struct(&self) -> Option<&super::Struct> {
        self.key.as_struct()
    }

    /// The last header of a name.
    pub fn last_header(&self, name: &str) -> Option<&Header> {
        self.headers.iter().rfind(|header| &*header.name == name)
    }
}
