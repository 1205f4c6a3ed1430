//! A record of a topic, as the files of a case keep it.

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::names::Names;

/// A record. Text that the engine wrote is kept unparsed; names of the run are placeholders.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Record {
    /// Its topic.
    pub(super) topic: String,
    /// Its partition.
    pub(super) partition: i32,
    /// Its offset.
    pub(super) offset: i64,
    /// Its key; `None` is null, or not UTF-8.
    pub(super) raw_key: Option<String>,
    /// A key that is not UTF-8, in base64.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) raw_key_b64: Option<String>,
    /// Its value; `None` is null, or not UTF-8.
    pub(super) raw_value: Option<String>,
    /// A value that is not UTF-8, in base64.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) raw_value_b64: Option<String>,
    /// Names with a text, null, or `{"b64": …}` for what is not UTF-8.
    pub(super) headers: Vec<(String, Value)>,
    /// `CreateTime`, `LogAppendTime` or `NotAvailable`.
    pub(super) timestamp_type: String,
    /// Milliseconds since 1970.
    pub(super) timestamp: i64,
}

/// Bytes as text and as base64; one of them at most.
pub(super) fn split(bytes: Option<&[u8]>, names: &Names) -> (Option<String>, Option<String>) {
    match bytes.map(|bytes| (bytes, std::str::from_utf8(bytes))) {
        None => (None, None),
        Some((_, Ok(text))) => (Some(names.restore(text)), None),
        Some((bytes, Err(_))) => (None, Some(BASE64_STANDARD.encode(bytes))),
    }
}

/// A header's value.
pub(super) fn header(bytes: Option<&[u8]>, names: &Names) -> Value {
    match split(bytes, names) {
        (_, Some(b64)) => json!({ "b64": b64 }),
        (text, None) => text.into(),
    }
}
