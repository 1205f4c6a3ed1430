//! The records that `cases.txt` names.

use std::sync::Arc;

use super::big::Big;
use crate::data::{
    DATE, DECIMAL, DataRecord, Field, Header, Kind, Schema, Struct, TIME, TIMESTAMP, Value,
};

const MILLIS: i64 = 1_710_512_345_678;

/// A record by its name.
pub(super) fn record(name: &str) -> DataRecord {
    let key = structure(vec![("id", int32())]).named("Key");
    let key = Value::Struct(Struct::of(Arc::new(key), vec![Value::Int32(7)]));
    let mut record = DataRecord {
        topic: "p.s.t".into(),
        partition: None,
        timestamp: None,
        key_schema: key.as_struct().map(|key| Arc::clone(key.schema())),
        key,
        value_schema: None,
        value: Value::Null,
        headers: vec![Header {
            name: "h".into(),
            schema: Some(Arc::new(Schema::new(Kind::String))),
            value: Value::from("one"),
        }],
    };
    let (schema, value) = match name {
        "row" => (row(), of(row(), full())),
        "bare" => {
            record.timestamp = Some(MILLIS);
            record.partition = Some(3);
            let tags = Value::Array(Vec::new());
            let values = vec![Value::Int32(1), Value::Null, Value::Null, tags];
            (row(), of(row(), values))
        }
        "types" => (types(), of(types(), typed())),
        "times" => (times(), of(times(), timed())),
        "nulltimes" => (times(), of(times(), untimed())),
        "hole" => {
            let text = with_default(Schema::new(Kind::String), "dd");
            let hole = structure(vec![("x", text)]);
            (hole.clone(), of(hole, vec![Value::Null]))
        }
        "map" => {
            let (key, value) = (Arc::new(Schema::new(Kind::String)), Arc::new(int32()));
            let map = structure(vec![("m", Schema::new(Kind::Map(key, value)))]);
            let entries = vec![(Value::from("a"), Value::Int32(1))];
            (map.clone(), of(map, vec![Value::Map(entries)]))
        }
        "empty" => (row(), Value::Null),
        "plain" => {
            record.key_schema = Some(Arc::new(Schema::new(Kind::Int64)));
            record.key = Value::Int64(5_000_000_000);
            (Schema::new(Kind::String), Value::from("12"))
        }
        "stamp" => {
            record.key_schema = Some(Arc::new(Schema::new(Kind::Int64).optional()));
            record.key = Value::Int64(MILLIS);
            (logical(TIMESTAMP).optional(), Value::Int64(MILLIS))
        }
        "schemaless" => {
            (record.key_schema, record.key) = (None, Value::Null);
            record.value = Value::from("text");
            return record;
        }
        _ if name.contains(':') => single(name),
        _ => {
            assert_eq!(name, "tombstone");
            return record;
        }
    };
    record.value_schema = Some(Arc::new(schema));
    record.value = value;
    record
}

/// A value alone: its type, a colon, the value.
fn single(name: &str) -> (Schema, Value) {
    let (kind, text) = name.split_once(':').unwrap_or_default();
    match kind {
        "text" => (Schema::new(Kind::String), Value::from(text)),
        "at" => (logical(TIMESTAMP), Value::Int64(text.parse().expect(name))),
        "double" => {
            let number = text.replace("Infinity", "inf").parse().expect(name);
            (Schema::new(Kind::Float64), Value::Float64(number))
        }
        _ => {
            let big = Big::parse(text).expect(name);
            (decimal(&big.scale.to_string()), Value::Bytes(big.bytes()))
        }
    }
}

fn of(schema: Schema, values: Vec<Value>) -> Value {
    Value::Struct(Struct::of(Arc::new(schema), values))
}

fn structure(fields: Vec<(&str, Schema)>) -> Schema {
    let fields = fields.into_iter();
    let fields = fields.map(|(name, schema)| Field::new(name, schema));
    Schema::new(Kind::Struct(fields.collect()))
}

fn int32() -> Schema {
    Schema::new(Kind::Int32)
}

fn with_default(schema: Schema, text: &str) -> Schema {
    Schema {
        default: Some(Value::from(text)),
        ..schema
    }
}

fn logical(name: &str) -> Schema {
    let kind = if name == TIMESTAMP {
        Kind::Int64
    } else {
        Kind::Int32
    };
    Schema::new(kind).named(name).versioned(1)
}

fn decimal(scale: &str) -> Schema {
    let mut schema = Schema::new(Kind::Bytes).named(DECIMAL).versioned(1);
    let parameter = ("scale".to_owned(), scale.to_owned());
    schema.parameters.push(parameter);
    schema
}

fn innermost() -> Schema {
    structure(vec![("d", Schema::new(Kind::Int64).optional())])
}

fn inner() -> Schema {
    let text = with_default(Schema::new(Kind::String).optional(), "bb");
    let fields = vec![("a", int32()), ("b", text), ("c", innermost())];
    structure(fields).named("Inner").versioned(2).optional()
}

fn row() -> Schema {
    let text = Arc::new(Schema::new(Kind::String).optional());
    let name = with_default(Schema::new(Kind::String).optional(), "none");
    let tags = Schema::new(Kind::Array(text)).named("T");
    let fields = vec![
        ("id", int32()),
        ("name", name),
        ("inner", inner()),
        ("tags", tags),
    ];
    Schema {
        doc: Some("rows".into()),
        parameters: vec![("p".to_owned(), "q".to_owned())],
        ..structure(fields).named("Row").versioned(3).optional()
    }
}

fn full() -> Vec<Value> {
    let nine = of(innermost(), vec![Value::Int64(9)]);
    let inner = of(inner(), vec![Value::Int32(2), Value::Null, nine]);
    let tags = Value::Array(vec![Value::from("x"), Value::from("y")]);
    vec![Value::Int32(1), Value::Null, inner, tags]
}

fn types() -> Schema {
    structure(vec![
        ("i8", Schema::new(Kind::Int8)),
        ("i16", Schema::new(Kind::Int16)),
        ("i32", int32().optional()),
        ("i64", Schema::new(Kind::Int64)),
        ("f32", Schema::new(Kind::Float32)),
        ("f64", Schema::new(Kind::Float64)),
        ("b", Schema::new(Kind::Boolean)),
        ("s", with_default(Schema::new(Kind::String), "41")),
        ("bytes", Schema::new(Kind::Bytes)),
        ("dec", decimal("2")),
        ("date", logical(DATE)),
        ("time", logical(TIME)),
        ("ts", logical(TIMESTAMP)),
        ("whole", decimal("0")),
    ])
    .named("Types")
}

fn typed() -> Vec<Value> {
    let big = |text| Value::Bytes(Big::parse(text).expect("a number").bytes());
    vec![
        Value::Int8(5),
        Value::Int16(300),
        Value::Int32(-70_000),
        Value::Int64(5_000_000_000),
        Value::Float32(1.5),
        Value::Float64(-3.0e9),
        Value::Boolean(true),
        Value::from("17"),
        Value::Bytes(vec![1, 2, 255]),
        big("-1234.50"),
        Value::Int32(19_797),
        Value::Int32(51_545_678),
        Value::Int64(MILLIS),
        big("300"),
    ]
}

fn times() -> Schema {
    let fields = vec![
        ("t", logical(TIMESTAMP).optional()),
        ("d", logical(DATE)),
        ("m", logical(TIME)),
        ("u", Schema::new(Kind::Int64)),
        ("s", Schema::new(Kind::String).optional()),
        ("i", int32()),
    ];
    structure(fields).named("Times").optional()
}

fn timed() -> Vec<Value> {
    vec![
        Value::Int64(MILLIS),
        Value::Int32(19_797),
        Value::Int32(51_545_678),
        Value::Int64(MILLIS),
        Value::from("2024-03-15 14:19"),
        Value::Int32(1),
    ]
}

fn untimed() -> Vec<Value> {
    let zero = Value::Int32(0);
    let minus = Value::Int64(-1);
    vec![
        Value::Null,
        zero.clone(),
        zero,
        minus,
        Value::Null,
        Value::Int32(1),
    ]
}
