//! `org.apache.kafka.connect.storage.StringConverter`: what Java's `toString` says of a value.

use std::sync::Arc;

use super::json::scale;
use crate::data::{DATE, DECIMAL, Schema, TIME, TIMESTAMP, Value, decimal};
use crate::json;
use crate::value::{civil_from_days, write_f32, write_f64};

const DAY_MS: i64 = 86_400_000;

/// Appends a value's text; `false` is null.
pub(super) fn convert(schema: Option<&Arc<Schema>>, value: &Value, out: &mut Vec<u8>) -> bool {
    if value.is_null() {
        return false;
    }
    write(schema.map(|schema| &**schema), value, out);
    true
}

/// Appends what `String.valueOf` gives.
pub(crate) fn write(schema: Option<&Schema>, value: &Value, out: &mut Vec<u8>) {
    let logical = schema.map_or("", Schema::logical);
    match value {
        Value::Null => out.extend_from_slice(b"null"),
        Value::Boolean(flag) => json::bool(*flag, out),
        Value::Int8(number) => json::int(*number, out),
        Value::Int16(number) => json::int(*number, out),
        Value::Int32(number) => match logical {
            DATE => java_date(i64::from(*number) * DAY_MS, out),
            TIME => java_date(i64::from(*number), out),
            _ => json::int(*number, out),
        },
        Value::Int64(number) if logical == TIMESTAMP => java_date(*number, out),
        Value::Int64(number) => json::int(*number, out),
        Value::Float32(number) => unquoted(|out| write_f32(*number, out), out),
        Value::Float64(number) => unquoted(|out| write_f64(*number, out), out),
        Value::String(text) => out.extend_from_slice(text.as_bytes()),
        Value::Bytes(bytes) => match schema {
            Some(schema) if logical == DECIMAL => {
                out.extend_from_slice(decimal::java(bytes, scale(schema)).as_bytes());
            }
            _ => {
                let length = bytes.len();
                let text = format!("java.nio.HeapByteBuffer[pos=0 lim={length} cap={length}]");
                out.extend_from_slice(text.as_bytes());
            }
        },
        Value::Array(elements) => array(schema, elements, out),
        Value::Map(entries) => map(schema, entries, out),
        Value::Struct(inner) => structure(inner, out),
    }
}

/// What JSON writes in quotes (NaN, infinities), without them.
fn unquoted(write: impl Fn(&mut Vec<u8>), out: &mut Vec<u8>) {
    let start = out.len();
    write(out);
    if out.get(start) == Some(&b'"') {
        out.pop();
        out.remove(start);
    }
}

fn array(schema: Option<&Schema>, elements: &[Value], out: &mut Vec<u8>) {
    use crate::data::Kind;
    let element = schema.and_then(|schema| match &schema.kind {
        Kind::Array(element) => Some(&**element),
        _ => None,
    });
    out.push(b'[');
    for (index, value) in elements.iter().enumerate() {
        if index > 0 {
            out.extend_from_slice(b", ");
        }
        write(element, value, out);
    }
    out.push(b']');
}

fn map(schema: Option<&Schema>, entries: &[(Value, Value)], out: &mut Vec<u8>) {
    use crate::data::Kind;
    let (key_schema, value_schema) = schema
        .and_then(|schema| match &schema.kind {
            Kind::Map(key, value) => Some((&**key, &**value)),
            _ => None,
        })
        .unzip();
    out.push(b'{');
    for (index, (key, value)) in entries.iter().enumerate() {
        if index > 0 {
            out.extend_from_slice(b", ");
        }
        write(key_schema, key, out);
        out.push(b'=');
        write(value_schema, value, out);
    }
    out.push(b'}');
}

/// `Struct.toString`: fields that hold nothing are left out.
fn structure(inner: &crate::data::Struct, out: &mut Vec<u8>) {
    out.extend_from_slice(b"Struct{");
    let mut first = true;
    for (field, value) in inner.iter().filter(|(_, value)| !value.is_null()) {
        if !first {
            out.push(b',');
        }
        first = false;
        out.extend_from_slice(field.name.as_bytes());
        out.push(b'=');
        write(Some(&field.schema), value, out);
    }
    out.push(b'}');
}

/// `java.util.Date.toString` in UTC: `Thu Jan 01 00:00:00 UTC 1970`.
fn java_date(ms: i64, out: &mut Vec<u8>) {
    const DAYS: [&str; 7] = ["Thu", "Fri", "Sat", "Sun", "Mon", "Tue", "Wed"];
    const MONTHS: [&str; 12] = [
        "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
    ];
    let (days, in_day) = (ms.div_euclid(DAY_MS), ms.rem_euclid(DAY_MS) / 1000);
    let (year, month, day) = civil_from_days(days);
    let pick = |names: &[&'static str], index: i64| {
        let index = usize::try_from(index).unwrap_or(0);
        names.get(index).copied().unwrap_or_default()
    };
    let text = format!(
        "{} {} {day:02} {:02}:{:02}:{:02} UTC {year:04}",
        pick(&DAYS, days.rem_euclid(7)),
        pick(&MONTHS, month - 1),
        in_day / 3600,
        in_day / 60 % 60,
        in_day % 60
    );
    out.extend_from_slice(text.as_bytes());
}
