//! The workers that run connectors: Kafka Connect with Debezium, and `walcast connect`, with the same
//! properties.

use std::fs;
use std::ops::Deref;
use std::path::Path;

use anyhow::{Context, Result};
use serde_json::Value;
use walcast_lab::http;
use walcast_lab::{Debezium, Lab, Port, Service, Spec};
use walcast_tests::rest::Rest;

use crate::engine::{Engine, Runner};

/// A worker that runs.
pub(crate) struct Worker {
    rest: Rest,
    service: Service,
    _port: Port,
}

impl Worker {
    /// Starts the worker for `engine`.
    pub(crate) fn start(lab: &Lab, walcast: &Path, engine: Engine) -> Result<Self> {
        let group = match engine.runner() {
            Runner::Walcast => format!("bench-{}", engine.name()),
            _ => "bench-connect".into(),
        };
        let dir = lab.dir().join(&group);
        fs::create_dir_all(&dir).with_context(|| format!("create {}", dir.display()))?;
        let port = Port::reserve()?;
        let url = format!("http://127.0.0.1:{}", port.number());
        let file = dir.join("worker.properties");
        let mut text = properties(&lab.kafka().bootstrap, &group, &url, engine);
        let service = if engine.runner() == Runner::Walcast {
            let spec = Spec::new(&group, walcast, &dir).arg("connect").arg(&file);
            let root = url.clone();
            let ready = move |_| Ok(http::get(&root).is_ok_and(|answer| answer.status == 200));
            Service::new(spec, Box::new(ready))
        } else {
            let plugins = Debezium::plugins()?;
            text.push_str(&format!("plugin.path={}\n", plugins.display()));
            Debezium::worker(&dir, &file, &url)?
        };
        fs::write(&file, text).with_context(|| format!("write {}", file.display()))?;
        service.start()?;
        Ok(Self {
            rest: Rest::new(&url),
            service,
            _port: port,
        })
    }

    /// Puts a connector. Both go when the value goes.
    pub(crate) fn put(&self, name: &str, config: &Value) -> Result<()> {
        self.rest.put(name, config)
    }

    /// Waits until the connector's task runs.
    pub(crate) fn wait_running(&self, name: &str) -> Result<()> {
        self.rest.wait_state(name, "RUNNING").map(drop)
    }

    /// Removes a connector; its task has been stopped then or will be soon.
    pub(crate) fn delete(&self, name: &str) -> Result<()> {
        self.rest
            .change("DELETE", &format!("/connectors/{name}"), None)
    }

    /// What the status of a connector's task says, for an error's text.
    pub(crate) fn told(&self, name: &str) -> String {
        match self.rest.status(name) {
            Ok(status) => format!("its status: {status}"),
            Err(error) => format!("no status: {error:#}"),
        }
    }

    /// The versions of the worker and of its connector.
    pub(crate) fn versions(&self) -> Result<Value> {
        let plugins = self.rest.get("/connector-plugins")?;
        let root = self.rest.get("/")?;
        Ok(serde_json::json!({ "worker": root["version"], "plugin": plugins[0]["version"] }))
    }
}

impl Deref for Worker {
    type Target = Service;

    fn deref(&self) -> &Service {
        &self.service
    }
}

fn properties(bootstrap: &str, group: &str, url: &str, engine: Engine) -> String {
    let support = if engine.is_exactly_once() {
        "enabled"
    } else {
        "disabled"
    };
    format!(
        "bootstrap.servers={bootstrap}\n\
         group.id={group}\n\
         key.converter=org.apache.kafka.connect.json.JsonConverter\n\
         value.converter=org.apache.kafka.connect.json.JsonConverter\n\
         key.converter.schemas.enable=false\n\
         value.converter.schemas.enable=false\n\
         offset.storage.topic={group}-offsets\n\
         config.storage.topic={group}-configs\n\
         status.storage.topic={group}-status\n\
         offset.storage.replication.factor=1\n\
         config.storage.replication.factor=1\n\
         status.storage.replication.factor=1\n\
         offset.flush.interval.ms=1000\n\
         exactly.once.source.support={support}\n\
         connector.client.config.override.policy=All\n\
         listeners={url}\n"
    )
}
