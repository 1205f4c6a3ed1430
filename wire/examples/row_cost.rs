//! Decodes and encodes one kind of change over and over, for a profiler that counts instructions.
//!
//! `row_cost CASE ROUNDS`; without arguments it names the cases. The difference between two numbers
//! of rounds is what the rounds cost: buffers have grown by then, and nothing is read or written.
#![allow(clippy::print_stdout, reason = "a command talks to its terminal")]

use std::collections::BTreeMap;
use std::hint::black_box;
use std::process::ExitCode;
use std::sync::Arc;

use walcast_wire::catalog::{Column, ReplicaIdentity, Table, Types};
use walcast_wire::config::EncoderConfig;
use walcast_wire::context::{ChangeContext, SnapshotMarker};
use walcast_wire::encoder::Encoder;
use walcast_wire::lsn::Lsn;
use walcast_wire::pgoutput::decode;
use walcast_wire::pipeline::PipelineConfig;
use walcast_wire::record::Record;
use walcast_wire::transform::Link;

/// Name, type, modifier and value of a column.
type Cell = (&'static str, u32, i32, &'static str);

/// A row of the outbox table that the benchmarks write.
const OUTBOX: &[Cell] = &[
    ("id", 2950, -1, "7d1f0e4c-53a4-4a7e-9b3c-2f6d0c8e1a55"),
    ("aggregate_type", 25, -1, "experiment"),
    ("aggregate_id", 25, -1, "417"),
    ("event_type", 25, -1, "page_view"),
    (
        "payload",
        3802,
        -1,
        "{\"id\": \"0b6a1c1e-7a8e-4c58-8f0e-6d3c5b1f9a02\", \"ts_us\": 1767225600123456, \
         \"user_id\": \"c2b7e6d4-1f35-4b0a-9c68-7e5a4d3b2c10\", \"event_type\": \"page_view\", \
         \"properties\": {\"page\": \"/x\", \"duration\": 15.2}, \
         \"session_id\": \"5e4d3c2b-1a09-4f8e-b7d6-c5b4a3928170\", \"experiment_id\": 1}",
    ),
    ("created_at", 1184, -1, "2026-01-01 00:00:00.123456+00"),
];

/// One column of most kinds of types.
const MIXED: &[Cell] = &[
    ("id", 20, -1, "4211"),
    ("name", 25, -1, "Zoë \"☃\" 😀"),
    ("flag", 16, -1, "t"),
    ("single", 700, -1, "3.4e+10"),
    ("ratio", 701, -1, "1.5e-07"),
    ("price", 1700, (10 << 16 | 2) + 4, "-12345.67"),
    ("amount", 1700, -1, "12345678901234567890123.5"),
    ("day", 1082, -1, "2024-03-15"),
    ("hour", 1083, -1, "13:14:15.5"),
    ("at", 1184, -1, "2024-03-15 13:14:15.123456+00"),
    ("seen", 1114, -1, "2024-03-15 13:14:15"),
    ("span", 1186, -1, "1 day 02:03:04.5"),
    ("data", 17, -1, "\\x00ff10"),
    ("bits", 1562, -1, "1010101010"),
    ("list", 1009, -1, "{a,\"b c\",NULL}"),
    ("spot", 600, -1, "(1.5,-2.25)"),
    ("doc", 3802, -1, "{\"a\": 1}"),
];

const CASES: [&str; 5] = [
    "outbox",
    "outbox-schemas",
    "mixed",
    "update-full",
    "event-router",
];

fn table(name: &str, columns: &[Cell]) -> Table {
    let column = |&(name, type_oid, typmod, _): &Cell| Column {
        name: name.to_owned(),
        type_oid,
        typmod,
        not_null: true,
        default: None,
        generated: false,
    };
    Table {
        oid: 16_384,
        schema: "public".to_owned(),
        name: name.to_owned(),
        replica_identity: ReplicaIdentity::Full,
        columns: columns.iter().map(column).collect(),
        key: vec!["id".to_owned()],
    }
}

fn tuple(columns: &[Cell]) -> Vec<u8> {
    let count = u16::try_from(columns.len()).unwrap_or(u16::MAX);
    let mut bytes = count.to_be_bytes().to_vec();
    for (_, _, _, value) in columns {
        bytes.push(b't');
        bytes.extend(u32::try_from(value.len()).unwrap_or(u32::MAX).to_be_bytes());
        bytes.extend(value.as_bytes());
    }
    bytes
}

fn insert(columns: &[Cell]) -> Vec<u8> {
    [&b"I\0\0\x40\0N"[..], &tuple(columns)].concat()
}

fn update(columns: &[Cell]) -> Vec<u8> {
    let row = tuple(columns);
    [&b"U\0\0\x40\0O"[..], &row, b"N", &row].concat()
}

fn event_router() -> PipelineConfig {
    let options = [
        ("table.field.event.id", "id"),
        ("table.field.event.key", "aggregate_id"),
        ("table.field.event.type", "event_type"),
        ("table.field.event.payload", "payload"),
        ("route.by.field", "aggregate_type"),
        ("table.expand.json.payload", "true"),
    ];
    let own = |(name, value): (&str, &str)| (name.to_owned(), value.to_owned());
    let link = Link {
        alias: "outbox".to_owned(),
        class: "io.debezium.transforms.outbox.EventRouter".to_owned(),
        options: options.map(own).into_iter().collect::<BTreeMap<_, _>>(),
        predicate: None,
    };
    PipelineConfig {
        links: vec![link],
        ..PipelineConfig::default()
    }
}

/// The table, the change and the configuration of a case.
fn case(name: &str) -> Option<(Table, Vec<u8>, EncoderConfig)> {
    let config = EncoderConfig {
        logical_name: "experiments".to_owned(),
        database: "experiments".to_owned(),
        run_id: "01936f0c-0000-7000-8000-000000000000".to_owned(),
        ..EncoderConfig::default()
    };
    let outbox = || (table("outbox", OUTBOX), insert(OUTBOX));
    let ((table, change), config) = match name {
        "outbox" => (outbox(), config),
        "outbox-schemas" => {
            let with_schemas = EncoderConfig {
                key_schemas_enable: true,
                value_schemas_enable: true,
                ..config
            };
            (outbox(), with_schemas)
        }
        "mixed" => ((table("mixed", MIXED), insert(MIXED)), config),
        "update-full" => ((table("outbox", OUTBOX), update(OUTBOX)), config),
        "event-router" => {
            let pipeline = Some(Arc::new(event_router()));
            (outbox(), EncoderConfig { pipeline, ..config })
        }
        _ => return None,
    };
    Some((table, change, config))
}

/// The circumstances of the change of a round; as in a transaction, the LSN moves.
fn context(round: u64) -> ChangeContext<'static> {
    ChangeContext {
        lsn: Lsn::new(0x1_2345_6789 + round * 8),
        last_commit: Some(Lsn::new(0x1_2345_0000)),
        txid: Some(74_113),
        source_ts_us: 1_767_225_600_123_456,
        now_ns: 1_767_225_600_223_456_789,
        snapshot: SnapshotMarker::False,
        xmin: None,
        origin: None,
        origin_lsn: None,
    }
}

fn run(name: &str, rounds: u64) -> Result<usize, Box<dyn std::error::Error>> {
    let (table, change, config) = case(name).ok_or("no such case")?;
    let mut encoder = Encoder::new(config);
    encoder.install(&table, &Types::new())?;
    let mut bytes = 0;
    for round in 0..rounds {
        let message = decode(black_box(&change))?;
        let sink = &mut |record: Record<'_>| {
            bytes += record.value.map_or(0, <[u8]>::len);
        };
        encoder.change(&message, &context(round), sink)?;
    }
    Ok(bytes)
}

fn main() -> ExitCode {
    let mut arguments = std::env::args().skip(1);
    let (Some(case), Some(rounds)) = (arguments.next(), arguments.next()) else {
        CASES.iter().for_each(|name| println!("{name}"));
        return ExitCode::SUCCESS;
    };
    let rounds = rounds.parse().unwrap_or(1);
    match run(&case, rounds) {
        Ok(bytes) => {
            println!("{bytes} bytes");
            ExitCode::SUCCESS
        }
        Err(error) => {
            println!("{error}");
            ExitCode::FAILURE
        }
    }
}
