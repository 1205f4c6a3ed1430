//! Any properties make a configuration that the encoder takes, or are refused by name.

use std::collections::BTreeMap;

use walcast_cdc::ConnectorConfig;
use walcast_cdc::config::CONNECTOR_CLASS;
use walcast_cdc::config::properties::treatment;
use walcast_wire::catalog::{Column, Table, Types};
use walcast_wire::encoder::Encoder;

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
    let column = |name: &str, type_oid| Column {
        name: name.to_owned(),
        type_oid,
        typmod: -1,
        ..Column::default()
    };
    let table = Table {
        oid: 1,
        schema: "public".to_owned(),
        name: "orders".to_owned(),
        columns: vec![column("id", 23), column("note", 25)],
        key: vec!["id".to_owned()],
        ..Table::default()
    };
    let mut encoder = Encoder::new((*config.encoder).clone());
    // A key column that does not exist is refused here, as a table can come later.
    let _ = encoder.install(&table, &Types::new());
}
