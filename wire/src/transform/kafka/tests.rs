//! All transforms and predicates against what Kafka 4.1 itself made of the same records.
//!
//! `cases.txt` has them: a line says class, options and record, the indented one after it what
//! Kafka answered. Records are built below, and shown as the table shows them.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::big::Big;
use super::samples;
use crate::data::{DECIMAL, DataRecord, Kind, Schema, Value};
use crate::transform::{Half, Options, predicate};

#[test]
fn records_leave_as_they_leave_kafka() {
    let mut lines = include_str!("cases.txt").lines();
    let mut wrong = Vec::new();
    let mut cases = 0;
    while let Some(line) = lines.next() {
        if line.starts_with('#') || line.is_empty() {
            continue;
        }
        let expected = lines.next().expect(line).trim_start();
        let actual = outcome(line);
        cases += 1;
        if actual != expected {
            wrong.push(format!("{line}\n  Kafka: {expected}\n  here:  {actual}"));
        }
    }
    let count = wrong.len();
    assert!(wrong.is_empty(), "{count} of {cases}\n{}", wrong.join("\n"));
}

/// Where Kafka's converters fail on what a transform made, or a transform fails without saying
/// why.
#[test]
fn what_kafka_cannot_do_has_an_error_of_its_own() {
    let check = |line: &str, expected: &str| assert_eq!(outcome(line), expected);
    check(
        "MaskField$Value @ fields=dec @ types",
        "error: Decimal value has mismatching scale for given Decimal schema. Schema has scale \
         2, value has scale 0.",
    );
    check(
        "HeaderFrom$Value @ fields=x ; headers=h ; operation=copy @ row",
        "error: Cannot make a header of the field x: there is no such field",
    );
    check(
        "TimestampRouter @  @ row",
        "error: Timestamp missing on record: ConnectRecord{topic='p.s.t'}",
    );
    check(
        "TimestampRouter @ timestamp.format=foo @ bare",
        "config: Invalid value foo for configuration timestamp.format: Illegal pattern \
         character 'f'",
    );
    check(
        "RegexRouter @ regex=( ; replacement=x @ row",
        "config: Invalid value ( for configuration regex: Invalid regex: `(` cannot be used: \
         Parsing error at position 1: Opening parenthesis without closing parenthesis",
    );
}

#[test]
fn each_class_is_built_and_no_other() {
    let mut options = Options::new("", BTreeMap::new());
    for class in super::CLASSES {
        let (name, half) = split(class);
        assert!(super::build(name, half, &mut options).is_some(), "{class}");
        let other = half.is_none().then_some(Half::Key);
        assert!(super::build(name, other, &mut options).is_none(), "{class}");
    }
    assert!(predicate::build("TopicNameMatches", &mut options).is_none());
}

fn split(class: &str) -> (&str, Option<Half>) {
    match class.split_once('$') {
        Some((name, "Key")) => (name, Some(Half::Key)),
        Some((name, _)) => (name, Some(Half::Value)),
        None => (class, None),
    }
}

fn outcome(line: &str) -> String {
    let parts: Vec<_> = line.splitn(3, " @ ").collect();
    let [class, given, record] = parts[..] else {
        return "not a case".to_owned();
    };
    let given = given.split(" ; ").filter_map(|pair| pair.split_once('='));
    let given = given.map(|(name, value)| (name.trim().to_owned(), value.to_owned()));
    let mut options = Options::new("", given.collect::<BTreeMap<_, _>>());
    let record = samples::record(record);
    let result = if let Some(name) = class.strip_prefix("predicates.") {
        let class = format!("{}{name}", predicate::PACKAGE);
        let predicate = predicate::build(&class, &mut options).expect(line);
        predicate.test(&record).to_string()
    } else {
        let (name, half) = split(class);
        assert!(super::CLASSES.contains(&class), "{class}");
        let mut transform = super::build(name, half, &mut options).expect(line);
        match transform.apply(record) {
            Ok(Some(record)) => show_record(&record),
            Ok(None) => "dropped".to_owned(),
            Err(error) => format!("error: {error}"),
        }
    };
    let (problems, unknown) = options.finish();
    assert_eq!(unknown, Vec::<String>::new(), "{line}");
    match problems.first() {
        Some(problem) => format!("config: {}", problem.message),
        None => result,
    }
}

fn show_record(record: &DataRecord) -> String {
    let half = |schema: &Option<Arc<Schema>>, value| {
        let schema = schema.as_deref();
        let shown = schema.map_or("-".to_owned(), show_schema);
        format!("{shown} {}", show(schema, value))
    };
    let mut parts = vec![
        record.topic.to_string(),
        half(&record.key_schema, &record.key),
        half(&record.value_schema, &record.value),
    ];
    let headers = record.headers.iter();
    parts.extend(
        headers.map(|header| format!("{} {}", header.name, half(&header.schema, &header.value))),
    );
    parts.join(" | ")
}

fn show_schema(schema: &Schema) -> String {
    let mut out = schema.type_name().to_owned();
    if schema.optional {
        out.push('?');
    }
    let mut add = |mark: &str, text: Option<String>| {
        if let Some(text) = text {
            out.push_str(mark);
            out.push_str(&text);
        }
    };
    add(":", schema.name.as_ref().map(ToString::to_string));
    add("#", schema.version.map(|version| version.to_string()));
    add("~", schema.doc.as_ref().map(ToString::to_string));
    for (name, value) in &schema.parameters {
        add("+", Some(format!("{name}:{value}")));
    }
    add(
        "",
        match &schema.kind {
            Kind::Struct(fields) => {
                let fields = fields.iter();
                let fields: Vec<_> = fields
                    .map(|field| format!("{} {}", field.name, show_schema(&field.schema)))
                    .collect();
                Some(format!("<{}>", fields.join(", ")))
            }
            Kind::Array(element) => Some(format!("[{}]", show_schema(element))),
            Kind::Map(key, value) => {
                Some(format!("[{}->{}]", show_schema(key), show_schema(value)))
            }
            _ => None,
        },
    );
    let default = schema.default.as_ref();
    add("=", default.map(|default| show(Some(schema), default)));
    out
}

fn show(schema: Option<&Schema>, value: &Value) -> String {
    let logical = schema.map_or("", Schema::logical);
    let many = |values: &[Value], schema: Option<&Schema>| {
        let shown: Vec<_> = values.iter().map(|value| show(schema, value)).collect();
        format!("[{}]", shown.join(", "))
    };
    match (value, schema.map(|schema| &schema.kind)) {
        (Value::Null, _) => "null".to_owned(),
        (Value::Struct(inner), _) => {
            let fields = inner.iter();
            let fields: Vec<_> = fields
                .map(|(field, value)| {
                    format!("{}={}", field.name, show(Some(&field.schema), value))
                })
                .collect();
            format!("{{{}}}", fields.join(", "))
        }
        (Value::Bytes(bytes), _) if logical == DECIMAL => {
            Big::of(bytes, schema.expect("a Decimal has a schema")).text()
        }
        (Value::Bytes(bytes), _) => {
            let hex = bytes.iter().map(|byte| format!("{byte:02x}"));
            format!("x{}", hex.collect::<String>())
        }
        (Value::Array(values), Some(Kind::Array(element))) => many(values, Some(element)),
        (Value::Array(values), _) => many(values, None),
        (Value::Map(entries), kind) => {
            let (key, value) = match kind {
                Some(Kind::Map(key, value)) => (Some(&**key), Some(&**value)),
                _ => (None, None),
            };
            let entries = entries.iter();
            let entries: Vec<_> = entries
                .map(|entry| format!("{}->{}", show(key, &entry.0), show(value, &entry.1)))
                .collect();
            format!("({})", entries.join(", "))
        }
        (Value::String(text), _) => format!("'{text}'"),
        (Value::Boolean(truth), _) => truth.to_string(),
        (Value::Float32(number), _) => java(|out| crate::value::write_f32(*number, out)),
        (Value::Float64(number), _) => java(|out| crate::value::write_f64(*number, out)),
        (whole, _) => whole.as_i64().unwrap_or_default().to_string(),
    }
}

fn java(write: impl FnOnce(&mut Vec<u8>)) -> String {
    let mut out = Vec::new();
    write(&mut out);
    let text = String::from_utf8_lossy(&out);
    text.trim_matches('"').to_owned()
}
