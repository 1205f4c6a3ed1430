//! Any properties make a configuration under which changes become records or are refused, or are
//! themselves refused by name.

use std::collections::BTreeMap;

use walcast_cdc::ConnectorConfig;
use walcast_cdc::config::CONNECTOR_CLASS;
use walcast_cdc::config::properties::treatment;
use walcast_wire::catalog::{Column, ReplicaIdentity, Table, Types};
use walcast_wire::context::{ChangeContext, SnapshotMarker};
use walcast_wire::encoder::Encoder;
use walcast_wire::pgoutput::{Datum, decode};
use walcast_wire::record::Record;

use crate::input::CONTEXT;

/// Lines `property=value`; one that starts with `!` is the worker's. Needed ones have a value when
/// no line gives one.
pub fn config(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else {
        return;
    };
    let needed = [
        ("name", "c"),
        ("connector.class", CONNECTOR_CLASS),
        ("database.hostname", "db"),
        ("database.user", "u"),
        ("database.dbname", "d"),
        ("topic.prefix", "p"),
    ];
    let mut own: BTreeMap<String, String> = needed.map(owned).into();
    let mut workers = BTreeMap::new();
    for property in text.split('\n').filter_map(|line| line.split_once('=')) {
        match property.0.strip_prefix('!') {
            Some(name) => workers.extend([owned((name, property.1))]),
            None => own.extend([owned(property)]),
        }
    }
    match ConnectorConfig::parse(&own, &workers) {
        Ok(config) => accepted(&own, &config),
        Err(problems) => {
            assert!(!problems.is_empty(), "refused without a reason");
            for problem in problems {
                assert!(
                    !problem.message.is_empty(),
                    "{} is refused without a reason",
                    problem.property
                );
            }
        }
    }
}

fn owned((name, value): (&str, &str)) -> (String, String) {
    (name.to_owned(), value.to_owned())
}

/// No unknown property goes without a warning, and the encoder takes the configuration.
fn accepted(own: &BTreeMap<String, String>, config: &ConnectorConfig) {
    for name in own.keys().filter(|name| treatment(name).is_none()) {
        let warned = config
            .warnings
            .iter()
            .any(|warning| warning.property == *name);
        assert!(warned, "{name} is not known, and accepted without a word");
    }
    let mut encoder = Encoder::new((*config.encoder).clone());
    for table in [&ORDERS, &OUTBOX] {
        run(&mut encoder, table);
    }
}

/// A table: its name, its columns with their types, and a row.
struct Sample {
    oid: u8,
    name: &'static str,
    columns: &'static [(&'static str, u32, &'static str)],
}

const ORDERS: Sample = Sample {
    oid: 1,
    name: "orders",
    columns: &[
        ("id", 23, "7"),
        ("note", 25, "2024-03-15T12:00:00Z"),
        ("at", 1184, "2024-03-15 12:34:56.789012+00"),
        ("total", 1700, "99.50"),
        ("tags", 1009, "{a,NULL}"),
    ],
};

const OUTBOX: Sample = Sample {
    oid: 2,
    name: "outbox",
    columns: &[
        ("id", 2950, "a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11"),
        ("aggregatetype", 25, "order"),
        ("aggregateid", 25, "7"),
        ("type", 25, "Placed"),
        ("payload", 3802, "{\"a\": [1, null], \"b\": {\"c\": 1.5}}"),
    ],
};

/// Every kind of change of a table, through transforms and converters: each is a record or refused.
fn run(encoder: &mut Encoder, sample: &Sample) {
    let column = |&(name, type_oid, _): &(&str, u32, &str)| Column {
        name: name.to_owned(),
        type_oid,
        typmod: -1,
        ..Column::default()
    };
    let table = Table {
        oid: sample.oid.into(),
        schema: "public".to_owned(),
        name: sample.name.to_owned(),
        replica_identity: ReplicaIdentity::Full,
        columns: sample.columns.iter().map(column).collect(),
        key: vec!["id".to_owned()],
    };
    // A key column that does not exist is refused here, as a table can come later.
    if encoder.install(&table, &Types::new()).is_err() {
        return;
    }
    let sink = &mut |_: Record<'_>| {};
    let row = sample
        .columns
        .iter()
        .map(|(.., text)| Datum::Text(text.as_bytes()));
    let context = ChangeContext {
        snapshot: SnapshotMarker::True,
        ..CONTEXT
    };
    let _ = encoder.snapshot_row(table.oid, row.clone(), &context, sink);
    let nulls = row.clone().enumerate().map(|(index, datum)| match index {
        0 => datum,
        _ => Datum::Null,
    });
    let (row, nulls) = (tuple(row), tuple(nulls));
    let old = |row: &[u8]| [b"O", row].concat();
    let new = |row: &[u8]| [b"N", row].concat();
    let changes = [
        (b'I', new(&row)),
        (b'U', [old(&row), new(&nulls)].concat()),
        (b'U', [old(&nulls), new(&row)].concat()),
        (b'D', old(&row)),
    ];
    for (tag, rows) in changes {
        let bytes = [&[tag, 0, 0, 0, sample.oid][..], &rows].concat();
        let message = decode(&bytes).expect("a message that was built right");
        let _ = encoder.change(&message, &CONTEXT, sink);
    }
}

/// A row as pgoutput writes it.
fn tuple<'d>(row: impl Iterator<Item = Datum<'d>>) -> Vec<u8> {
    let mut out = Vec::new();
    let mut columns = 0_u16;
    for datum in row {
        columns += 1;
        match datum {
            Datum::Text(text) => {
                out.push(b't');
                out.extend((text.len() as u32).to_be_bytes());
                out.extend_from_slice(text);
            }
            _ => out.push(b'n'),
        }
    }
    [&columns.to_be_bytes(), out.as_slice()].concat()
}
