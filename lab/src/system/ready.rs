//! The ready file: addresses, token and process ids of what runs, as one JSON object.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result};
use serde_json::{Map, Value, json};

use super::{DATABASE, System};

/// The document. A part that was not asked for has no entry.
pub(crate) fn document(system: &System) -> Value {
    let mut all = Map::new();
    let mut add = |name: &str, value| all.insert(name.into(), value);
    if let Some((url, token)) = system.api() {
        add("api", json!({ "url": url, "token": token }));
    }
    if let Some(url) = system.connect_url() {
        add("connect", json!({ "url": url }));
    }
    let components = &system.lab.components;
    if let Some(kafka) = &components.kafka {
        add("kafka", json!({ "bootstrap": kafka.bootstrap }));
    }
    if let Some(postgres) = components.postgres.first() {
        add("postgres", json!({ "url": postgres.url_of(DATABASE) }));
    }
    if let Some(clickhouse) = &components.clickhouse {
        let (user, password) = ("default", "");
        let url = &clickhouse.url;
        let access =
            json!({ "url": url, "database": DATABASE, "user": user, "password": password });
        add("clickhouse", access);
    }
    if let Some(redis) = &components.redis {
        add("redis", json!({ "url": redis.url }));
    }
    let pids = system.services().into_iter();
    let pids = pids.map(|(part, service)| (part.name().to_owned(), json!(service.pid())));
    add("pids", Value::Object(pids.collect()));
    add("dir", json!(system.lab.dir()));
    Value::Object(all)
}

/// Writes the document beside `file` and moves it there, so that no reader sees half of it.
pub(crate) fn write(system: &System, file: &Path) -> Result<()> {
    let mut name = file
        .file_name()
        .context("the ready file has no name")?
        .to_owned();
    name.push(format!(".{}", std::process::id()));
    let unfinished = file.with_file_name(name);
    let text = serde_json::to_vec_pretty(&document(system)).context("render the ready file")?;
    fs::write(&unfinished, text).with_context(|| format!("write {}", unfinished.display()))?;
    fs::rename(&unfinished, file).with_context(|| format!("write {}", file.display()))
}
