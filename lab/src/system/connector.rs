//! Starts the demo's connector the way its users do: Debezium's JSON, PUT to the worker.

use std::fs;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use serde_json::Value;

use super::Delivery;
use crate::{Postgres, config, http, wait_for};

/// The connector's name, and its file in deploy/connectors.
const NAME: &str = "experiments-postgres-connector";

/// Puts the connector and waits until it and its one task run.
pub(crate) fn start(
    connect_url: &str,
    postgres: &Postgres,
    delivery: Delivery,
    limit: Duration,
) -> Result<()> {
    let file = config::workspace_dir().join(format!("deploy/connectors/{NAME}.json"));
    let text = fs::read_to_string(&file).with_context(|| format!("read {}", file.display()))?;
    let mut settings: Value =
        serde_json::from_str(&text).with_context(|| format!("read {}", file.display()))?;
    // The file names docker-compose.yml's host; everything else stays as it is.
    settings["database.hostname"] = "127.0.0.1".into();
    settings["database.port"] = postgres.port.to_string().into();
    if delivery == Delivery::AtLeastOnce {
        settings["exactly.once.support"] = "requested".into();
    }

    let url = format!("{connect_url}/connectors/{NAME}");
    let json = [("Content-Type", "application/json")];
    http::request(
        "PUT",
        &format!("{url}/config"),
        &json,
        settings.to_string().as_bytes(),
    )
    .and_then(http::Response::ok)
    .with_context(|| format!("put the connector {NAME}"))?;
    wait_for(&format!("RUNNING of connector {NAME}"), limit, || {
        let status = http::get(&format!("{url}/status"))?;
        match status.status {
            200 => runs(&serde_json::from_str(&status.body).context("read the status")?),
            // The worker has taken the connector but not begun with it.
            404 | 409 => Ok(None),
            _ => status.ok().map(|_| None),
        }
    })
}

/// Whether the connector and its one task are RUNNING; a FAILED one is an error with its trace.
fn runs(status: &Value) -> Result<Option<()>> {
    let tasks = status["tasks"]
        .as_array()
        .map(Vec::as_slice)
        .unwrap_or_default();
    for part in tasks.iter().chain([&status["connector"]]) {
        if part["state"] == "FAILED" {
            bail!(
                "connector {NAME} failed: {}",
                part["trace"].as_str().unwrap_or_default()
            );
        }
    }
    let all_run = status["connector"]["state"] == "RUNNING"
        && matches!(tasks, [task] if task["state"] == "RUNNING");
    Ok(all_run.then_some(()))
}
