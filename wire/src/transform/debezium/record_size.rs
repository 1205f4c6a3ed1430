//! `io.debezium.transforms.EnforceRecordSize`: long texts and bytes cut until a record is small enough.
//!
//! Sizes are Debezium's estimate of Java's memory. It counts the entries of the record's offset, which
//! transforms do not see here: as many are taken as the connector's offsets have as a rule.

use std::mem;
use std::sync::Arc;

use super::super::{Options, Transform, TransformError};
use super::support::not_struct;
use crate::data::{DECIMAL, DataRecord, Kind, Schema, Struct, Value};

/// The transform.
#[derive(Debug)]
pub(crate) struct EnforceRecordSize {
    max_bytes: i64,
    ratio: f64,
    min_field: i64,
}

/// Java's sizes of what holds values.
const STRUCT: i64 = 56;
const STRING: i64 = 56;
const BYTES: i64 = 24;
const ARRAY: i64 = 64;
const MAP: i64 = 88;
const PRIMITIVE: i64 = 24;
const REFERENCE: i64 = 8;
const ENTRY: i64 = 100;

impl EnforceRecordSize {
    /// Reads its options.
    pub(crate) fn build(options: &mut Options) -> Self {
        let max_bytes = options.required("max.bytes");
        let max_bytes = if max_bytes.is_empty() {
            1
        } else {
            options.number_or("max.bytes", 1_i32)
        };
        let ratio = options.number_or("compression.ratio", 1.0);
        let min_field = options.number_or("min.field.size", 25_000_i32);
        if max_bytes <= 0 {
            let why = "Must be a positive integer";
            options.invalid("max.bytes", &max_bytes.to_string(), why);
        }
        if ratio <= 0.0 {
            let why = "Must be a positive number";
            options.invalid("compression.ratio", &format!("{ratio:?}"), why);
        }
        if min_field < 0 {
            let why = "Must be non-negative";
            options.invalid("min.field.size", &min_field.to_string(), why);
        }
        Self {
            max_bytes: max_bytes.into(),
            ratio,
            min_field: min_field.into(),
        }
    }

    /// The fields of one side that can be cut, and their lengths.
    fn long_fields(&self, event: &Struct, side: &str) -> Vec<(usize, i64)> {
        let Some(Value::Struct(row)) = event.get(side) else {
            return Vec::new();
        };
        let lengths = row
            .iter()
            .enumerate()
            .filter_map(|(place, (field, value))| {
                let length = match (value, &field.schema.kind) {
                    (Value::Null, _) => cut_length(field.schema.default.as_ref()?)?,
                    (_, Kind::Bytes) if field.schema.logical() == DECIMAL => return None,
                    (value, _) => cut_length(value)?,
                };
                (length > self.min_field).then_some((place, length))
            });
        lengths.collect()
    }
}

/// What can be cut has a length: a text in UTF-16, bytes.
fn cut_length(value: &Value) -> Option<i64> {
    match value {
        Value::String(text) => Some(count(text.encode_utf16().count())),
        Value::Bytes(bytes) => Some(count(bytes.len())),
        _ => None,
    }
}

fn count(length: usize) -> i64 {
    length.try_into().unwrap_or(i64::MAX)
}

fn float(number: i64) -> f64 {
    let number = u32::try_from(number).unwrap_or(u32::MAX);
    number.into()
}

/// The next whole number, as Java's `(long) Math.ceil`.
fn ceiling(number: f64) -> i64 {
    format!("{:.0}", number.ceil()).parse().unwrap_or(i64::MAX)
}

/// Debezium's estimate of a record's size.
fn record_size(record: &DataRecord) -> Result<i64, TransformError> {
    let half = |value: &Value| match value {
        Value::Struct(inner) => Ok(struct_size(inner)),
        Value::Null => Ok(0),
        other => Err(not_struct(other, "record size estimation")),
    };
    let headers = count(record.headers.len()) * ENTRY;
    let rest = entries(record) * ENTRY + headers + 8 + count(record.topic.len());
    Ok(rest + half(&record.key)? + half(&record.value)?)
}

/// How many entries the source partition and the offset have.
fn entries(record: &DataRecord) -> i64 {
    let event = record.value_struct();
    let source = event.and_then(|event| event.get("source"));
    let snapshot = source.and_then(Value::as_struct);
    let snapshot = snapshot.and_then(|source| source.get("snapshot"));
    let streamed = snapshot
        .and_then(Value::as_str)
        .is_none_or(|snapshot| snapshot == "false");
    let transaction = event.and_then(|event| event.get("transaction"));
    let in_transaction = transaction.is_some_and(|transaction| !transaction.is_null());
    7 + i64::from(streamed) + i64::from(in_transaction)
}

fn struct_size(inner: &Struct) -> i64 {
    let fields = inner.iter();
    let sizes = fields.map(|(field, value)| REFERENCE + value_size(&field.schema, value));
    STRUCT + sizes.sum::<i64>()
}

fn value_size(schema: &Schema, value: &Value) -> i64 {
    match (&schema.kind, value) {
        (Kind::String, Value::String(text)) => STRING + count(text.len()),
        (Kind::Bytes, Value::Bytes(bytes)) => BYTES + count(bytes.len()),
        (Kind::Struct(_), Value::Struct(inner)) => struct_size(inner),
        (Kind::Array(item), Value::Array(items)) => {
            let sizes = items
                .iter()
                .map(|value| REFERENCE + value_size(item, value));
            ARRAY + sizes.sum::<i64>()
        }
        (Kind::Map(key, item), Value::Map(entries)) => {
            let sizes = entries.iter().map(|(name, value)| {
                2 * REFERENCE + value_size(key, name) + value_size(item, value)
            });
            MAP + sizes.sum::<i64>()
        }
        (Kind::String | Kind::Bytes | Kind::Struct(_) | Kind::Array(_) | Kind::Map(..), _) => 0,
        _ => PRIMITIVE,
    }
}

/// Cuts a side's fields, each by its share.
fn cut(side: &mut Value, fields: &[(usize, i64)], excess: i64) {
    let total: i64 = fields.iter().map(|(_, length)| length).sum();
    if total == 0 || excess <= 0 {
        return;
    }
    let Value::Struct(row) = mem::take(side) else {
        return;
    };
    let schema = Arc::clone(row.schema());
    let mut values = row.into_values();
    for (place, length) in fields {
        let share = float(*length) / float(total);
        let length = (length - ceiling(share * float(excess))).max(0);
        let default = schema
            .fields()
            .get(*place)
            .and_then(|field| field.schema.default.as_ref());
        if let Some(value) = values.get_mut(*place) {
            if value.is_null() {
                *value = default.cloned().unwrap_or_default();
            }
            shorten(value, usize::try_from(length).unwrap_or(0));
        }
    }
    *side = Value::Struct(Struct::of(schema, values));
}

/// Cuts a text to so many UTF-16 units, never within a character, or bytes.
fn shorten(value: &mut Value, length: usize) {
    match value {
        Value::Bytes(bytes) => bytes.truncate(length),
        Value::String(text) => {
            let mut units = 0;
            let fits = |character: &char| {
                units += character.len_utf16();
                units <= length
            };
            let end: usize = text.chars().take_while(fits).map(char::len_utf8).sum();
            text.truncate(end);
        }
        _ => {}
    }
}

impl Transform for EnforceRecordSize {
    fn apply(&mut self, mut record: DataRecord) -> Result<Option<DataRecord>, TransformError> {
        let Value::Struct(event) = &record.value else {
            return Ok(Some(record));
        };
        let size = ceiling(float(record_size(&record)?) * self.ratio);
        let excess = size - self.max_bytes;
        let (before, after) = (
            self.long_fields(event, "before"),
            self.long_fields(event, "after"),
        );
        let sum = |fields: &[(usize, i64)]| fields.iter().map(|(_, length)| length).sum::<i64>();
        let total = sum(&before) + sum(&after);
        if excess <= 0 || total == 0 {
            return Ok(Some(record));
        }
        let share = |fields| ceiling(float(sum(fields)) / float(total) * float(excess));
        let schema = Arc::clone(event.schema());
        let mut values = event.values().to_vec();
        for (field, value) in schema.fields().iter().zip(&mut values) {
            match &*field.name {
                "before" => cut(value, &before, share(&before)),
                "after" => cut(value, &after, share(&after)),
                _ => {}
            }
        }
        record.value = Value::Struct(Struct::of(schema, values));
        Ok(Some(record))
    }
}

#[cfg(test)]
mod tests {
    use super::super::sample::{event, heartbeat, options, run, tombstone};
    use super::*;

    /// Lengths of `name` before and after, and whether the record is small enough then.
    fn check(op: &str, name: &str, lines: &str, expected: [Option<usize>; 2], small: bool) {
        let mut transform = EnforceRecordSize::build(&mut options(lines));
        let mut record = event(op, 1, name);
        if let Value::Struct(value) = &mut record.value
            && let Some(Value::Struct(mut before)) = value.get("before").cloned()
        {
            before.set("name", name.into());
            value.set("before", Value::Struct(before));
        }
        let record = transform.apply(record).expect("cut").expect("kept");
        let value = record.value_struct().expect("an event");
        let length = |side| {
            let row = value.get(side).and_then(Value::as_struct)?;
            row.get("name").and_then(Value::as_str).map(str::len)
        };
        assert_eq!(
            [length("before"), length("after")],
            expected,
            "{op} {lines}"
        );
        let size = record_size(&record).expect("a size");
        assert_eq!(size <= transform.max_bytes, small, "{op} {lines} {size}");
    }

    #[test]
    fn long_texts_are_cut() {
        let name = "x".repeat(5000);
        let max = |bytes: u32, more: &str| format!("max.bytes={bytes}\n{more}");
        // The null in `mail` stands for its default, which is cut to "", and that takes its place.
        let none = "min.field.size=0";
        check("c", &name, &max(2000, none), [None, Some(591)], false);
        check("c", &name, &max(2000, ""), [None, Some(5000)], false);
        check("c", &name, &max(9000, none), [None, Some(5000)], true);
        check("u", &name, &max(3000, none), [Some(717), Some(717)], false);
        let half = "min.field.size=0\ncompression.ratio=0.5";
        check("c", &name, &max(2000, half), [None, Some(3794)], false);
    }

    #[test]
    fn characters_stay_whole() {
        for (length, expected) in [(0, ""), (2, "a"), (3, "a\u{1f600}"), (9, "a\u{1f600}b")] {
            let mut value = Value::from("a\u{1f600}b");
            shorten(&mut value, length);
            assert_eq!(value, Value::from(expected), "{length}");
        }
    }

    #[test]
    fn other_records_pass_and_wrong_options_are_named() {
        let records = vec![tombstone(1), heartbeat()];
        assert_eq!(
            run(EnforceRecordSize::build, "max.bytes=1", records),
            "s.public.t {id:1} null -\ns.public.t {id:1} {ts_ms:1}"
        );
        let prefix = "for configuration transforms.t";
        assert_eq!(
            run(
                EnforceRecordSize::build,
                "max.bytes=0\ncompression.ratio=0\nmin.field.size=-1",
                Vec::new()
            ),
            format!(
                "Invalid value 0 {prefix}.max.bytes: Must be a positive integer\n\
                 Invalid value 0.0 {prefix}.compression.ratio: Must be a positive number\n\
                 Invalid value -1 {prefix}.min.field.size: Must be non-negative"
            )
        );
        assert_eq!(
            run(EnforceRecordSize::build, "", Vec::new()),
            "Missing required configuration \"transforms.t.max.bytes\" which has no default value."
        );
    }
}
