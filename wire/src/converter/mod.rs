//! Converters: the data model to bytes, as Kafka Connect's do it.
//!
//! Enters a schema and a value, leaves what Kafka holds. Records that no transform looks at and that
//! go out as JSON never come here: the encoder writes them itself.

mod bytes;
mod cloud_events;
mod header;
mod json;
mod string;

use std::fmt;
use std::sync::Arc;

use crate::data::{Schema, Value};
use crate::transform::Options;
use cloud_events::CloudEvents;
pub use cloud_events::CloudEventsOptions;
pub(crate) use header::HeaderConverter;
use json::JsonConverter;

/// Why a value could not be converted.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct ConvertError(pub(crate) String);

/// A key or value converter.
#[derive(Debug)]
pub(crate) enum Converter {
    Json(JsonConverter),
    String,
    ByteArray,
    CloudEvents(CloudEvents),
}

const JSON: &str = "org.apache.kafka.connect.json.JsonConverter";
const STRING: &str = "org.apache.kafka.connect.storage.StringConverter";
const BYTE_ARRAY: &str = "org.apache.kafka.connect.converters.ByteArrayConverter";
const CLOUD_EVENTS: &str = "io.debezium.converters.CloudEventsConverter";

/// The converters there are, by class.
pub const CONVERTERS: [&str; 4] = [JSON, STRING, BYTE_ARRAY, CLOUD_EVENTS];

/// The form that a converter writes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Form {
    /// `org.apache.kafka.connect.json.JsonConverter`
    Json(JsonOptions),
    /// `org.apache.kafka.connect.storage.StringConverter`
    String,
    /// `org.apache.kafka.connect.converters.ByteArrayConverter`
    ByteArray,
    /// `io.debezium.converters.CloudEventsConverter`
    CloudEvents(CloudEventsOptions),
}

/// The options of `JsonConverter`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct JsonOptions {
    /// `schemas.enable`
    pub schemas: bool,
    /// `decimal.format=NUMERIC`
    pub numeric_decimals: bool,
    /// `replace.null.with.default`
    pub replace_null_with_default: bool,
}

impl Default for JsonOptions {
    fn default() -> Self {
        Self {
            schemas: true,
            numeric_decimals: false,
            replace_null_with_default: true,
        }
    }
}

impl Default for Form {
    fn default() -> Self {
        Self::Json(JsonOptions::default())
    }
}

impl Form {
    /// Reads a converter of a class with its options. Problems go to `options`.
    pub fn read(class: &str, options: &mut Options) -> Option<Self> {
        options.ignore(&["converter.type"]);
        match class {
            JSON => {
                options.ignore(&["schemas.cache.size"]);
                let formats = [("BASE64", false), ("NUMERIC", true)];
                Some(Self::Json(JsonOptions {
                    schemas: options.bool_or("schemas.enable", true),
                    numeric_decimals: options.one_of("decimal.format", &formats, false),
                    replace_null_with_default: options.bool_or("replace.null.with.default", true),
                }))
            }
            STRING => {
                let utf8 = [("UTF-8", ()), ("UTF8", ())];
                options.one_of("converter.encoding", &utf8, ());
                Some(Self::String)
            }
            BYTE_ARRAY => Some(Self::ByteArray),
            CLOUD_EVENTS => Some(Self::CloudEvents(CloudEventsOptions::read(options))),
            _ => None,
        }
    }
}

impl Converter {
    pub(crate) fn new(form: &Form) -> Self {
        match form {
            Form::Json(options) => Self::Json(JsonConverter::new(*options)),
            Form::String => Self::String,
            Form::ByteArray => Self::ByteArray,
            Form::CloudEvents(options) => Self::CloudEvents(CloudEvents::new(*options)),
        }
    }

    /// Writes a value in place of what was in `out`; `false` is null: no bytes at all.
    pub(crate) fn convert(
        &mut self,
        schema: Option<&Arc<Schema>>,
        value: &Value,
        out: &mut Vec<u8>,
    ) -> Result<bool, ConvertError> {
        out.clear();
        match self {
            Self::Json(json) => json.convert(schema, value, out),
            Self::String => Ok(string::convert(schema, value, out)),
            Self::ByteArray => bytes::convert(schema, value, out),
            Self::CloudEvents(events) => events.convert(schema, value, out),
        }
    }
}

impl ConvertError {
    fn new(text: impl fmt::Display) -> Self {
        Self(text.to_string())
    }
}

/// Appends what Java's `toString` shows of a value.
pub(crate) fn to_text(schema: Option<&Schema>, value: &Value, out: &mut Vec<u8>) {
    string::write(schema, value, out);
}
