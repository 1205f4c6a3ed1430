//! A record that is read back and written again is the record that the encoder writes.

use proptest::prelude::*;
use std::sync::Arc;

use walcast_wire::catalog::{Column, ReplicaIdentity, Table, Types};
use walcast_wire::config::EncoderConfig;
use walcast_wire::context::{ChangeContext, SnapshotMarker};
use walcast_wire::converter::{Form, JsonOptions};
use walcast_wire::encoder::Encoder;
use walcast_wire::lsn::Lsn;
use walcast_wire::modes::{BinaryMode, DecimalMode, HstoreMode, IntervalMode, TimePrecisionMode};
use walcast_wire::pgoutput::decode;
use walcast_wire::pipeline::PipelineConfig;
use walcast_wire::record::Record;

/// Name, type, modifier, default and value of a column.
type Cell = (
    &'static str,
    u32,
    i32,
    Option<&'static str>,
    Option<&'static str>,
);

const COLUMNS: &[Cell] = &[
    ("id", 20, -1, None, Some("42")),
    (
        "name",
        25,
        -1,
        Some("'x'::text"),
        Some("Zoë \"☃\" 😀 \\ \u{1}"),
    ),
    ("nothing", 25, -1, Some("'x'::text"), None),
    ("flag", 16, -1, None, Some("t")),
    ("single", 700, -1, None, Some("3.4e+10")),
    ("ratio", 701, -1, None, Some("1.5e-07")),
    ("nan", 701, -1, None, Some("NaN")),
    (
        "price",
        1700,
        (10 << 16 | 2) + 4,
        Some("5.50"),
        Some("-12345.67"),
    ),
    (
        "amount",
        1700,
        -1,
        None,
        Some("123456789012345678901234567890123456789012.5"),
    ),
    ("small", 21, -1, Some("7"), Some("-3")),
    ("day", 1082, -1, None, Some("2024-03-15")),
    ("at", 1184, -1, None, Some("2024-03-15 13:14:15.123456+00")),
    ("seen", 1114, -1, None, Some("2024-03-15 13:14:15")),
    ("hour", 1083, -1, None, Some("13:14:15.5")),
    ("span", 1186, -1, None, Some("1 day 02:03:04.5")),
    ("data", 17, -1, None, Some("\\x00ff10")),
    ("bits", 1562, -1, None, Some("1010101010")),
    ("list", 1009, -1, None, Some("{a,\"b c\",NULL}")),
    ("numbers", 1231, -1, None, Some("{1.5,NULL}")),
    ("spot", 600, -1, None, Some("(1.5,-2.25)")),
    ("shape", 604, -1, None, Some("((0,0),(1,1),(1,0))")),
    ("doc", 3802, -1, None, Some("{\"a\": 1}")),
    ("money", 790, -1, None, Some("$1,234.50")),
];

fn table() -> Table {
    let column = |&(name, type_oid, typmod, default, _): &Cell| Column {
        name: name.to_owned(),
        type_oid,
        typmod,
        not_null: name == "id",
        default: default.map(str::to_owned),
        generated: false,
    };
    Table {
        oid: 1,
        schema: "public".to_owned(),
        name: "t".to_owned(),
        replica_identity: ReplicaIdentity::Full,
        columns: COLUMNS.iter().map(column).collect(),
        key: vec!["id".to_owned()],
    }
}

fn row(id: &str) -> Vec<u8> {
    let mut bytes = u16::try_from(COLUMNS.len())
        .expect("few")
        .to_be_bytes()
        .to_vec();
    for (name, .., value) in COLUMNS {
        let value = if *name == "id" { Some(id) } else { *value };
        let Some(value) = value else {
            bytes.push(b'n');
            continue;
        };
        bytes.push(b't');
        bytes.extend(u32::try_from(value.len()).expect("short").to_be_bytes());
        bytes.extend(value.as_bytes());
    }
    bytes
}

/// A record, kept.
#[derive(Debug, PartialEq)]
struct Kept {
    topic: String,
    key: Option<String>,
    value: Option<String>,
    headers: Vec<(String, Option<String>)>,
}

fn keep(record: Record<'_>) -> Kept {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    Kept {
        topic: record.topic.to_string(),
        key: record.key.map(text),
        value: record.value.map(text),
        headers: record
            .headers
            .iter()
            .map(|(name, value)| (name.to_owned(), value.map(text)))
            .collect(),
    }
}

fn records(config: EncoderConfig) -> Vec<Kept> {
    let mut encoder = Encoder::new(config);
    encoder.install(&table(), &Types::new()).expect("a plan");
    let context = ChangeContext {
        lsn: Lsn::new(1),
        last_commit: Some(Lsn::new(1)),
        txid: Some(1),
        source_ts_us: 1,
        now_ns: 1_234_567,
        snapshot: SnapshotMarker::False,
        xmin: None,
        origin: None,
        origin_lsn: None,
    };
    let (one, two) = (row("1"), row("2"));
    let message = [b"M\x01", &[0; 8][..], b"pre\0\0\0\0\x02hi"].concat();
    let messages = [
        [b"I\0\0\0\x01N", &one[..]].concat(),
        [b"U\0\0\0\x01O", &one[..], b"N", &one].concat(),
        [b"U\0\0\0\x01O", &one[..], b"N", &two].concat(),
        [b"D\0\0\0\x01O", &one[..]].concat(),
        b"T\0\0\0\x01\0\0\0\0\x01".to_vec(),
        message,
    ];
    let mut kept = Vec::new();
    let sink = &mut |record: Record<'_>| kept.push(keep(record));
    encoder.begin_transaction(&context, sink).expect("BEGIN");
    for message in &messages {
        let message = decode(message).expect("a message");
        encoder.change(&message, &context, sink).expect("records");
    }
    encoder.end_transaction(&context, sink).expect("END");
    encoder.heartbeat(7, sink).expect("a heartbeat");
    kept
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(100))]

    #[test]
    fn a_pipeline_without_transforms_changes_nothing(
        decimal in proptest::sample::select(DecimalMode::NAMES),
        time in proptest::sample::select(TimePrecisionMode::NAMES),
        interval in proptest::sample::select(IntervalMode::NAMES),
        hstore in proptest::sample::select(HstoreMode::NAMES),
        binary in proptest::sample::select(BinaryMode::NAMES),
        schemas in any::<(bool, bool)>(),
        replace_null_with_default in any::<bool>(),
    ) {
        let mut direct = EncoderConfig {
            logical_name: "p".to_owned(),
            heartbeat_topic: "beat".to_owned(),
            transaction_topic: Some("p.transaction".to_owned()),
            decimal: decimal.parse().expect("a mode"),
            time_precision: time.parse().expect("a mode"),
            interval: interval.parse().expect("a mode"),
            hstore: hstore.parse().expect("a mode"),
            binary: binary.parse().expect("a mode"),
            key_schemas_enable: schemas.0,
            value_schemas_enable: schemas.1,
            replace_null_with_default,
            ..EncoderConfig::default()
        };
        direct.skipped.truncate = false;
        let form = |schemas| Form::Json(JsonOptions {
            schemas,
            numeric_decimals: false,
            replace_null_with_default,
        });
        let piped = EncoderConfig {
            pipeline: Some(Arc::new(PipelineConfig {
                key: form(schemas.0),
                value: form(schemas.1),
                ..PipelineConfig::default()
            })),
            ..direct.clone()
        };
        for (piped, direct) in records(piped).into_iter().zip(records(direct)) {
            prop_assert_eq!(piped, direct);
        }
    }
}
