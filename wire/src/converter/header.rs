//! Header converters; Connect's default is `SimpleHeaderConverter`, Java's `Values` as text.

use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::json::scale;
use super::{ConvertError, Converter, Form, string};
use crate::data::{DATE, DECIMAL, Kind, Schema, TIME, TIMESTAMP, Value, decimal};
use crate::json;
use crate::value::{civil_from_days, write_f32, write_f64};

const DAY_MS: i64 = 86_400_000;

/// Turns a header's value into bytes.
#[derive(Debug)]
pub(crate) enum HeaderConverter {
    /// `org.apache.kafka.connect.storage.SimpleHeaderConverter`
    Simple,
    /// Another converter that can be used for headers too.
    Other(Converter),
}

impl HeaderConverter {
    /// `None` is the default.
    pub(crate) fn new(form: Option<&Form>) -> Self {
        form.map_or(Self::Simple, |form| Self::Other(Converter::new(form)))
    }

    /// A header's bytes; `None` is a header without a value.
    pub(crate) fn convert(
        &mut self,
        schema: Option<&Arc<Schema>>,
        value: &Value,
    ) -> Result<Option<Vec<u8>>, ConvertError> {
        let mut out = Vec::new();
        let written = match self {
            Self::Simple if value.is_null() => false,
            Self::Simple => {
                append(schema.map(|schema| &**schema), value, false, &mut out);
                true
            }
            Self::Other(converter) => converter.convert(schema, value, &mut out)?,
        };
        Ok(written.then_some(out))
    }
}

/// `Values.append`: like JSON, but escaping quotes and backslashes only. `embedded` is inside a
/// struct, list or map.
fn append(schema: Option<&Schema>, value: &Value, embedded: bool, out: &mut Vec<u8>) {
    let logical = schema.map_or("", Schema::logical);
    let quote = |out: &mut Vec<u8>| {
        if embedded {
            out.push(b'"');
        }
    };
    match value {
        Value::Null => out.extend_from_slice(b"null"),
        Value::String(text) if embedded => quoted(text, out),
        Value::String(text) => out.extend_from_slice(text.as_bytes()),
        Value::Bytes(bytes) => match schema {
            Some(schema) if logical == DECIMAL => {
                out.extend_from_slice(decimal::java(bytes, scale(schema)).as_bytes());
            }
            _ => {
                quote(out);
                out.extend_from_slice(STANDARD.encode(bytes).as_bytes());
                quote(out);
            }
        },
        Value::Int32(days) if logical == DATE => moment(i64::from(*days) * DAY_MS, out),
        Value::Int32(ms) if logical == TIME => moment(i64::from(*ms), out),
        Value::Int64(ms) if logical == TIMESTAMP => moment(*ms, out),
        Value::Float32(number) => bare(|out| write_f32(*number, out), out),
        Value::Float64(number) => bare(|out| write_f64(*number, out), out),
        Value::Array(elements) => {
            let element = schema.and_then(|schema| match &schema.kind {
                Kind::Array(element) => Some(&**element),
                _ => None,
            });
            list(
                elements.iter(),
                |value, out| append(element, value, true, out),
                b"[]",
                out,
            );
        }
        Value::Map(entries) => {
            let schemas = schema.and_then(|schema| match &schema.kind {
                Kind::Map(key, value) => Some((&**key, &**value)),
                _ => None,
            });
            let (key_schema, value_schema) = schemas.unzip();
            let entry = |(key, value): &(Value, Value), out: &mut Vec<u8>| {
                append(key_schema, key, true, out);
                out.push(b':');
                append(value_schema, value, true, out);
            };
            list(entries.iter(), entry, b"{}", out);
        }
        Value::Struct(inner) => {
            let field = |(field, value): (&crate::data::Field, &Value), out: &mut Vec<u8>| {
                quoted(&field.name, out);
                out.push(b':');
                let value = match (value, &field.schema.default) {
                    (Value::Null, Some(default)) => default,
                    _ => value,
                };
                append(Some(&field.schema), value, true, out);
            };
            list(inner.iter(), field, b"{}", out);
        }
        plain => string::write(schema, plain, out),
    }
}

fn list<T>(
    items: impl Iterator<Item = T>,
    mut write: impl FnMut(T, &mut Vec<u8>),
    brackets: &[u8; 2],
    out: &mut Vec<u8>,
) {
    let [open, close] = *brackets;
    out.push(open);
    for (index, item) in items.enumerate() {
        if index > 0 {
            out.push(b',');
        }
        write(item, out);
    }
    out.push(close);
}

fn quoted(text: &str, out: &mut Vec<u8>) {
    out.push(b'"');
    for byte in text.bytes() {
        if matches!(byte, b'"' | b'\\') {
            out.push(b'\\');
        }
        out.push(byte);
    }
    out.push(b'"');
}

fn bare(write: impl Fn(&mut Vec<u8>), out: &mut Vec<u8>) {
    let mut text = Vec::new();
    write(&mut text);
    let inner = text
        .strip_prefix(b"\"")
        .and_then(|text| text.strip_suffix(b"\""));
    out.extend_from_slice(inner.unwrap_or(&text));
}

/// A `java.util.Date` in ISO 8601: a time when it is before 1970-01-02, a date when it is midnight,
/// else both, as `Values.dateFormatFor` chooses.
fn moment(ms: i64, out: &mut Vec<u8>) {
    let (days, in_day) = (ms.div_euclid(DAY_MS), ms.rem_euclid(DAY_MS));
    if ms >= DAY_MS {
        let (year, month, day) = civil_from_days(days);
        out.extend_from_slice(format!("{year:04}-{month:02}-{day:02}").as_bytes());
        if in_day == 0 {
            return;
        }
        out.push(b'T');
    }
    let (hour, minute) = (in_day / 3_600_000, in_day / 60_000 % 60);
    let (second, ms) = (in_day / 1000 % 60, in_day % 1000);
    out.extend_from_slice(format!("{hour:02}:{minute:02}:{second:02}.").as_bytes());
    json::int(ms / 100, out);
    out.extend_from_slice(format!("{:02}Z", ms % 100).as_bytes());
}
