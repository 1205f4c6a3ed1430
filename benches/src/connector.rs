//! The connector's configuration: the same for every engine, but for what makes it that engine.

use serde_json::{Value, json};
use walcast_lab::Postgres;

use crate::backlog::publication;
use crate::engine::Engine;
use crate::scenario::Scenario;

/// A connector called `name`, whose slot and topic prefix are called so too.
pub(crate) fn config(
    postgres: &Postgres,
    database: &str,
    name: &str,
    engine: Engine,
    scenario: Scenario,
) -> Value {
    let snapshot = if scenario == Scenario::Snapshot {
        "initial"
    } else {
        "no_data"
    };
    let mut config = json!({
        "connector.class": "io.debezium.connector.postgresql.PostgresConnector",
        "tasks.max": "1",
        "database.hostname": "127.0.0.1",
        "database.port": postgres.port.to_string(),
        "database.user": "postgres",
        "database.password": "postgres",
        "database.dbname": database,
        "topic.prefix": name,
        "plugin.name": "pgoutput",
        "slot.name": name,
        "publication.name": publication(engine.slots()),
        "publication.autocreate.mode": "disabled",
        "snapshot.mode": snapshot,
        "table.include.list": "public.outbox",
    });
    for (property, value) in engine.properties() {
        config[*property] = json!(value);
    }
    if scenario == Scenario::Schemas {
        for part in ["key", "value"] {
            let converter = format!("{part}.converter");
            config[format!("{converter}.schemas.enable")] = json!("true");
            config[converter] = json!("org.apache.kafka.connect.json.JsonConverter");
        }
    }
    config
}

/// The topic that the outbox table's changes go to.
pub(crate) fn topic(name: &str) -> String {
    format!("{name}.public.outbox")
}
