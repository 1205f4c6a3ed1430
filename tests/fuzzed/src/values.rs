//! Whatever a column of any type holds, in every mode: its record is JSON that fits its schema, the
//! payload does not depend on whether the schema is written, nor any byte on whether the record goes
//! through the data model; or the value is refused.

use std::sync::Arc;

use serde_json::Value;
use walcast_wire::catalog::{Column, ReplicaIdentity, Table};
use walcast_wire::config::{EncoderConfig, SkippedOperations};
use walcast_wire::context::{ChangeContext, SnapshotMarker};
use walcast_wire::converter::{Form, JsonOptions};
use walcast_wire::encoder::{EncodeError, Encoder, Outcome};
use walcast_wire::modes::{
    BinaryMode, DecimalMode, HstoreMode, IntervalMode, NameAdjustment, TimePrecisionMode,
};
use walcast_wire::pgoutput::{Datum, decode};
use walcast_wire::pipeline::PipelineConfig;
use walcast_wire::record::Record;

use crate::fits::fits;
use crate::input::{CONTEXT, Input};
use crate::types::{OIDS, TYPES};

/// A type, modes, a way in, and after them the value's text, a NUL, and the default's or old
/// value's.
pub fn values(bytes: &[u8]) {
    let mut input = Input::new(bytes);
    let oid = OIDS[usize::from(input.two()) % OIDS.len()];
    let typmod = match input.four() {
        u32::MAX => -1,
        // A scale has 11 bits in PostgreSQL; more would only cost time.
        typmod => i32::from_ne_bytes((typmod & 0xFFFF_07FF).to_ne_bytes()),
    };
    let config = config(&mut input);
    let (flags, way) = (input.byte(), input.byte());
    let mut texts = input.rest().splitn(2, |byte| *byte == 0);
    let (value, other) = (texts.next().unwrap_or_default(), texts.next());
    let table = table(oid, typmod, flags, other);
    let row = Row {
        way,
        value: datum(value, flags),
        old: other.map_or(Datum::Null, Datum::Text),
    };

    let with = encode(&config, Way::encoded(true), &table, &row);
    let without = encode(&config, Way::encoded(false), &table, &row);
    for encoded in [&with, &without] {
        let piped = encode(
            &config,
            Way::piped(std::ptr::eq(encoded, &with)),
            &table,
            &row,
        );
        if !is_too_large(oid, &piped) {
            let (encoded, piped) = (shown(encoded), shown(&piped));
            assert_eq!(encoded, piped, "encoded, and read into the data model");
        }
    }
    match (with, without) {
        (Ok(with), Ok(without)) => compare(&with, &without),
        (Err(with), Err(without)) => assert_eq!(with, without),
        (with, without) => panic!("{with:?} with schemas, {without:?} without"),
    }
}

/// An integer that no column of its type can hold, so that no server sends it: the encoder takes its
/// digits as they are, the data model refuses it.
fn is_too_large(oid: u32, piped: &Result<Vec<Pair>, EncodeError>) -> bool {
    let small = matches!(oid, 21 | 23 | 1005 | 1007);
    small && matches!(piped, Err(EncodeError::Transform(text)) if text.contains("is no INT"))
}

/// How a record is written.
#[derive(Clone, Copy)]
struct Way {
    schemas: bool,
    /// Whether it is read into the data model and written by a converter.
    piped: bool,
}

impl Way {
    const fn encoded(schemas: bool) -> Self {
        Self {
            schemas,
            piped: false,
        }
    }

    const fn piped(schemas: bool) -> Self {
        Self {
            schemas,
            piped: true,
        }
    }
}

/// Records as text, for comparing.
fn shown(records: &Result<Vec<Pair>, EncodeError>) -> Result<Vec<[Option<String>; 2]>, String> {
    let text = |bytes: &Vec<u8>| String::from_utf8_lossy(bytes).into_owned();
    let pair = |pair: &Pair| pair.each_ref().map(|half| half.as_ref().map(text));
    match records {
        Ok(records) => Ok(records.iter().map(pair).collect()),
        Err(error) => Err(error.to_string()),
    }
}

/// A record's key and value.
type Pair = [Option<Vec<u8>>; 2];

/// What goes into a table's one column, and how.
struct Row<'a> {
    way: u8,
    value: Datum<'a>,
    old: Datum<'a>,
}

fn config(input: &mut Input<'_>) -> EncoderConfig {
    fn mode<T: std::str::FromStr>(input: &mut Input<'_>, names: &[&str]) -> T {
        input
            .one_of(names)
            .parse()
            .unwrap_or_else(|_| panic!("a mode of {names:?}"))
    }
    let decimal = mode(input, DecimalMode::NAMES);
    let time_precision = mode(input, TimePrecisionMode::NAMES);
    let binary = mode(input, BinaryMode::NAMES);
    let switches = input.byte();
    let pick = |bit: u8, names: &[&'static str]| names[usize::from(switches >> bit & 1)];
    let names = mode(input, NameAdjustment::NAMES);
    EncoderConfig {
        decimal,
        time_precision,
        binary,
        interval: pick(0, IntervalMode::NAMES).parse().expect("a mode"),
        hstore: pick(1, HstoreMode::NAMES).parse().expect("a mode"),
        include_unknown_datatypes: switches & 4 != 0,
        replace_null_with_default: switches & 8 == 0,
        extended_headers: switches & 16 == 0,
        skip_messages_without_change: switches & 32 != 0,
        tombstones_on_delete: switches & 64 == 0,
        money_fraction_digits: u16::from(switches >> 7) * 5 + 2,
        schema_name_adjustment: names,
        field_name_adjustment: names,
        skipped: SkippedOperations {
            truncate: false,
            ..SkippedOperations::default()
        },
        ..EncoderConfig::default()
    }
}

fn datum(value: &[u8], flags: u8) -> Datum<'_> {
    match flags >> 6 {
        0 | 1 => Datum::Text(value),
        2 => Datum::Null,
        _ => Datum::UnchangedToast,
    }
}

fn table(oid: u32, typmod: i32, flags: u8, default: Option<&[u8]>) -> Table {
    let default = default.filter(|_| flags & 1 != 0);
    let column = Column {
        name: "v-1".to_owned(),
        type_oid: oid,
        typmod,
        not_null: flags & 2 != 0,
        default: default.map(|text| String::from_utf8_lossy(text).into_owned()),
        generated: flags & 4 != 0,
    };
    Table {
        oid: 1,
        schema: "s".to_owned(),
        name: "t".to_owned(),
        replica_identity: if flags & 8 == 0 {
            ReplicaIdentity::Full
        } else {
            ReplicaIdentity::Default
        },
        key: if flags & 16 == 0 {
            Vec::new()
        } else {
            vec![column.name.clone()]
        },
        columns: vec![column],
    }
}

/// The records of the row, or why there are none.
fn encode(
    config: &EncoderConfig,
    way: Way,
    table: &Table,
    row: &Row<'_>,
) -> Result<Vec<Pair>, EncodeError> {
    let form = Form::Json(JsonOptions {
        schemas: way.schemas,
        replace_null_with_default: config.replace_null_with_default,
        ..JsonOptions::default()
    });
    let pipeline = PipelineConfig {
        key: form.clone(),
        value: form,
        ..PipelineConfig::default()
    };
    let mut encoder = Encoder::new(EncoderConfig {
        key_schemas_enable: way.schemas,
        value_schemas_enable: way.schemas,
        pipeline: way.piped.then(|| Arc::new(pipeline)),
        ..config.clone()
    });
    encoder.install(table, &TYPES).expect("a plan");
    let mut records = Vec::new();
    let mut sink = |record: Record<'_>| {
        records.push([record.key, record.value].map(|json| json.map(<[u8]>::to_vec)));
        for (name, value) in record.headers.iter() {
            assert!(!name.is_empty() && value.is_some());
        }
    };
    let mut outcome = hand_over(&mut encoder, row, &mut sink);
    if matches!(outcome, Err(EncodeError::StaleEnum { .. })) {
        // The second time, with the type read again, an unknown label passes.
        encoder.install(table, &TYPES).expect("a plan");
        outcome = hand_over(&mut encoder, row, &mut sink);
        assert!(
            !matches!(outcome, Err(EncodeError::StaleEnum { .. })),
            "stale twice"
        );
    }
    let outcome = outcome?;
    assert_eq!(
        outcome.records as usize,
        records.len(),
        "the count of records"
    );
    Ok(records)
}

fn hand_over(
    encoder: &mut Encoder,
    row: &Row<'_>,
    sink: &mut impl FnMut(Record<'_>),
) -> Result<Outcome, EncodeError> {
    let stream = |encoder: &mut Encoder, sink: &mut _, parts: &[(u8, Datum<'_>)], tag| {
        let message = message(tag, parts);
        let message = decode(&message).expect("a message that was built right");
        encoder.change(&message, &CONTEXT, sink)
    };
    let snapshot = |encoder: &mut Encoder, sink: &mut _, snapshot| {
        let context = ChangeContext {
            snapshot,
            ..CONTEXT
        };
        encoder.snapshot_row(1, [row.value].into_iter(), &context, sink)
    };
    match row.way % 7 {
        0 => snapshot(encoder, sink, SnapshotMarker::True),
        1 => snapshot(encoder, sink, SnapshotMarker::Incremental),
        2 => stream(encoder, sink, &[(b'N', row.value)], b'I'),
        3 => stream(encoder, sink, &[(b'O', row.old), (b'N', row.value)], b'U'),
        4 => stream(encoder, sink, &[(b'K', row.old), (b'N', row.value)], b'U'),
        5 => stream(encoder, sink, &[(b'O', row.value)], b'D'),
        _ => stream(encoder, sink, &[(b'K', row.value)], b'D'),
    }
}

/// A change of relation 1 as pgoutput writes it.
fn message(tag: u8, parts: &[(u8, Datum<'_>)]) -> Vec<u8> {
    let mut out = vec![tag, 0, 0, 0, 1];
    for (kind, datum) in parts {
        out.extend([*kind, 0, 1]);
        match datum {
            Datum::Null => out.push(b'n'),
            Datum::UnchangedToast => out.push(b'u'),
            Datum::Text(text) | Datum::Binary(text) => {
                out.push(b't');
                out.extend((text.len() as u32).to_be_bytes());
                out.extend_from_slice(text);
            }
        }
    }
    out
}

fn compare(with: &[Pair], without: &[Pair]) {
    assert_eq!(
        with.len(),
        without.len(),
        "records with schemas and without"
    );
    let sides = with.iter().flatten().zip(without.iter().flatten());
    for (with, without) in sides {
        match (with, without) {
            (Some(with), Some(without)) => one(with, without),
            (None, None) => {}
            (with, without) => panic!("{with:?} with schemas, {without:?} without"),
        }
    }
}

fn one(with: &[u8], without: &[u8]) {
    let bare = json(without);
    let whole = json(with);
    if whole.is_null() {
        return assert!(bare.is_null());
    }
    let (schema, payload) = (&whole["schema"], &whole["payload"]);
    assert_eq!(*payload, bare, "payloads with schemas and without");
    fits(schema, payload, "record");
}

fn json(bytes: &[u8]) -> Value {
    serde_json::from_slice(bytes)
        .unwrap_or_else(|error| panic!("{error}: {}", String::from_utf8_lossy(bytes)))
}
