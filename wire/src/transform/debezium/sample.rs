//! Records for the tests of this folder, and records as text.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::super::{Options, Transform};
use crate::data::{DataRecord, Field, Header, Kind, Schema, Struct, Value};

/// Options as they are written in a configuration, one `name=value` a line.
pub(super) fn options(lines: &str) -> Options {
    let pairs = lines.lines().map(str::trim).filter(|line| !line.is_empty());
    let pairs = pairs.map(|line| line.split_once('=').expect("name=value"));
    let given: BTreeMap<_, _> = pairs
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .collect();
    Options::new("transforms.t.", given)
}

/// What a transform makes of records, a line for each; problems of its options instead.
pub(super) fn run<T: Transform>(
    build: fn(&mut Options) -> T,
    lines: &str,
    records: Vec<DataRecord>,
) -> String {
    let mut options = options(lines);
    let mut transform = build(&mut options);
    let (problems, unknown) = options.finish();
    if !problems.is_empty() {
        let texts: Vec<_> = problems
            .into_iter()
            .map(|problem| problem.message)
            .collect();
        return texts.join("\n");
    }
    assert!(unknown.is_empty(), "not read: {unknown:?}");
    let results = records
        .into_iter()
        .map(|record| match transform.apply(record) {
            Ok(Some(record)) => text(&record),
            Ok(None) => "dropped".to_owned(),
            Err(error) => format!("error: {error}"),
        });
    results.collect::<Vec<_>>().join("\n")
}

/// A record as a line: topic, partition, key, value with its schema's mark, headers.
pub(super) fn text(record: &DataRecord) -> String {
    let mut line = record.topic.to_string();
    if let Some(partition) = record.partition {
        line += &format!("-{partition}");
    }
    line += &format!(" {} {}", shown(&record.key), shown(&record.value));
    line += match &record.value_schema {
        None => " -",
        Some(schema) if schema.optional => "?",
        Some(_) => "",
    };
    for header in &record.headers {
        line += &format!(" {}={}", header.name, shown(&header.value));
    }
    line
}

/// A value as text; nulls of a struct are shown, names of structs not.
pub(super) fn shown(value: &Value) -> String {
    let joined = |parts: Vec<String>| parts.join(",");
    match value {
        Value::Null => "null".to_owned(),
        Value::Boolean(value) => value.to_string(),
        Value::Int8(value) => value.to_string(),
        Value::Int16(value) => value.to_string(),
        Value::Int32(value) => value.to_string(),
        Value::Int64(value) => value.to_string(),
        Value::Float32(value) => value.to_string(),
        Value::Float64(value) => value.to_string(),
        Value::String(text) => text.clone(),
        Value::Bytes(bytes) => format!("{bytes:02x?}"),
        Value::Array(items) => format!("[{}]", joined(items.iter().map(shown).collect())),
        Value::Map(entries) => {
            let pair = |(key, value)| format!("{}:{}", shown(key), shown(value));
            let entries = entries.iter().map(|(key, value)| pair((key, value)));
            format!("({})", joined(entries.collect()))
        }
        Value::Struct(inner) => {
            let pair = |(field, value): (&Field, _)| format!("{}:{}", field.name, shown(value));
            format!("{{{}}}", joined(inner.iter().map(pair).collect()))
        }
    }
}

/// A schema as text: fields with their types, `?` where null is a value, the name in front.
pub(super) fn schema_text(schema: &Schema) -> String {
    let mut text = schema.logical().to_owned();
    text += &match &schema.kind {
        Kind::Struct(fields) => {
            let field = |field: &Field| format!("{}:{}", field.name, schema_text(&field.schema));
            let fields: Vec<_> = fields.iter().map(field).collect();
            format!("{{{}}}", fields.join(","))
        }
        Kind::Array(items) => format!("[{}]", schema_text(items)),
        _ => schema.type_name().to_owned(),
    };
    if schema.optional {
        text.push('?');
    }
    text
}

/// The schema of the sample table: `id`, `name` and `mail`, which has a default.
pub(super) fn row_schema() -> Schema {
    let mut mail = Schema::new(Kind::String).optional();
    mail.default = Some("none".into());
    let fields = vec![
        Field::new("id", Schema::new(Kind::Int32)),
        Field::new("name", Schema::new(Kind::String).optional()),
        Field::new("mail", mail),
    ];
    Schema::new(Kind::Struct(fields))
        .optional()
        .named("s.public.t.Value")
}

/// A row of the sample table.
pub(super) fn row(id: i32, name: &str) -> Value {
    let values = vec![Value::Int32(id), name.into(), Value::Null];
    Value::Struct(Struct::of(Arc::new(row_schema()), values))
}

/// A change of the sample table; `op` decides which sides there are, `t` has none.
pub(super) fn event(op: &str, id: i32, name: &str) -> DataRecord {
    let old = matches!(op, "u" | "d").then(|| row(id, "Old"));
    let new = matches!(op, "c" | "r" | "u").then(|| row(id, name));
    let key = Struct::of(
        Arc::new(
            Schema::new(Kind::Struct(vec![Field::new(
                "id",
                Schema::new(Kind::Int32),
            )]))
            .named("s.public.t.Key"),
        ),
        vec![Value::Int32(id)],
    );
    let value = envelope(row_schema(), old, new, op);
    DataRecord {
        topic: "s.public.t".into(),
        partition: None,
        timestamp: None,
        key_schema: Some(Arc::clone(key.schema())),
        key: Value::Struct(key),
        value_schema: Some(Arc::clone(value.schema())),
        value: Value::Struct(value),
        headers: Vec::new(),
    }
}

/// The tombstone after a delete of [`event`].
pub(super) fn tombstone(id: i32) -> DataRecord {
    DataRecord {
        value_schema: None,
        value: Value::Null,
        ..event("d", id, "")
    }
}

/// A record without an envelope: a heartbeat.
pub(super) fn heartbeat() -> DataRecord {
    let fields = vec![Field::new("ts_ms", Schema::new(Kind::Int64))];
    let schema = Schema::new(Kind::Struct(fields)).named("io.debezium.connector.common.Heartbeat");
    let value = Struct::of(Arc::new(schema), vec![Value::Int64(1)]);
    DataRecord {
        value_schema: Some(Arc::clone(value.schema())),
        value: Value::Struct(value),
        ..event("c", 1, "")
    }
}

/// A change event of any row.
pub(super) fn envelope(
    row: Schema,
    before: Option<Value>,
    after: Option<Value>,
    op: &str,
) -> Struct {
    let mut snapshot = Schema::new(Kind::String).optional();
    snapshot.default = Some("false".into());
    let source = Schema::new(Kind::Struct(vec![
        Field::new("ts_ms", Schema::new(Kind::Int64)),
        Field::new("snapshot", snapshot),
        Field::new("table", Schema::new(Kind::String)),
    ]))
    .named("io.debezium.connector.postgresql.Source");
    let transaction = Schema::new(Kind::Struct(vec![
        Field::new("id", Schema::new(Kind::String)),
        Field::new("total_order", Schema::new(Kind::Int64)),
    ]))
    .optional();
    let row = Arc::new(row);
    let source = Arc::new(source);
    let schema = Schema::new(Kind::Struct(vec![
        Field::new("before", Arc::clone(&row)),
        Field::new("after", row),
        Field::new("source", Arc::clone(&source)),
        Field::new("transaction", transaction),
        Field::new("op", Schema::new(Kind::String)),
        Field::new("ts_ms", Schema::new(Kind::Int64).optional()),
    ]))
    .named("s.public.t.Envelope");
    let source = Struct::of(source, vec![Value::Int64(5), Value::Null, "t".into()]);
    Struct::of(
        Arc::new(schema),
        vec![
            before.unwrap_or_default(),
            after.unwrap_or_default(),
            Value::Struct(source),
            Value::Null,
            op.into(),
            Value::Int64(7),
        ],
    )
}

/// A header with an array of texts.
pub(super) fn list_header(name: &str, items: &[&str]) -> Header {
    let item = Schema::new(Kind::String).optional();
    let items = items.iter().map(|item| Value::from(*item)).collect();
    Header {
        name: name.into(),
        schema: Some(Arc::new(
            Schema::new(Kind::Array(Arc::new(item))).optional(),
        )),
        value: Value::Array(items),
    }
}
