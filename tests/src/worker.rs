//! A worker (`walcast connect`) under test, and its REST interface.

use std::fs;
use std::ops::Deref;

use anyhow::{Context, Result, bail};
use serde_json::{Value, json};
use walcast_lab::http::{self, Response};
use walcast_lab::{Lab, Port, Service, Spec, wait_for};

use crate::{SOON, binary};

/// A running worker.
pub struct Worker {
    url: String,
    service: Service,
    _port: Port,
}

impl Deref for Worker {
    type Target = Service;

    fn deref(&self) -> &Service {
        &self.service
    }
}

impl Worker {
    /// Starts a worker named `name` on the lab's Kafka. Workers with one `group` are the same worker
    /// to Kafka: they share topics and transactional ids.
    ///
    /// # Errors
    /// When it does not come up.
    pub fn start(lab: &Lab, name: &str, group: &str, exactly_once: bool) -> Result<Self> {
        let dir = lab.dir().join(name);
        fs::create_dir_all(&dir)?;
        let port = Port::reserve()?;
        let url = format!("http://127.0.0.1:{}", port.number());
        let file = dir.join("worker.properties");
        fs::write(
            &file,
            properties(&lab.kafka().bootstrap, group, &url, exactly_once),
        )?;
        let spec = Spec::new(name, binary::walcast()?, &dir)
            .arg("connect")
            .arg(&file);
        let address = url.clone();
        let answers = move |_| Ok(http::get(&address).is_ok_and(|answer| answer.status == 200));
        let service = Service::new(spec, Box::new(answers));
        service.start()?;
        Ok(Self {
            url,
            service,
            _port: port,
        })
    }

    /// The URL of the worker's REST interface.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Sends a request to the worker's REST interface.
    ///
    /// # Errors
    /// When the worker cannot be reached.
    pub fn rest(&self, method: &str, path: &str, body: Option<&Value>) -> Result<Response> {
        let headers = [
            ("Content-Type", "application/json"),
            ("Accept", "application/json"),
        ];
        let body = body.map(Value::to_string).unwrap_or_default();
        http::request(
            method,
            &format!("{}{path}", self.url),
            &headers,
            body.as_bytes(),
        )
    }

    /// Creates or changes a connector.
    ///
    /// # Errors
    /// When the worker refuses it.
    pub fn put(&self, name: &str, config: &Value) -> Result<()> {
        let path = format!("/connectors/{name}/config");
        self.rest("PUT", &path, Some(config))?.ok().map(drop)
    }

    /// The connector's status.
    ///
    /// # Errors
    /// When there is none.
    pub fn status(&self, name: &str) -> Result<Value> {
        let text = self
            .rest("GET", &format!("/connectors/{name}/status"), None)?
            .ok()?;
        serde_json::from_str(&text).context("reading a status")
    }

    /// Waits until the connector's only task is in `state`, and returns its trace.
    ///
    /// # Errors
    /// When it fails instead, or takes too long.
    pub fn wait_state(&self, name: &str, state: &str) -> Result<String> {
        wait_for(&format!("{name} to be {state}"), SOON, || {
            let Ok(status) = self.status(name) else {
                return Ok(None);
            };
            let task = &status["tasks"][0];
            let trace = task["trace"].as_str().unwrap_or_default();
            match task["state"].as_str() {
                Some(now) if now == state => Ok(Some(trace.to_owned())),
                Some("FAILED") => bail!("{name} FAILED: {trace}"),
                _ => Ok(None),
            }
        })
    }
}

fn properties(bootstrap: &str, group: &str, url: &str, exactly_once: bool) -> String {
    let support = if exactly_once { "enabled" } else { "disabled" };
    format!(
        "bootstrap.servers={bootstrap}\ngroup.id={group}\nlisteners={url}\n\
         config.storage.topic={group}-configs\noffset.storage.topic={group}-offsets\nstatus.storage.topic={group}-status\n\
         config.storage.replication.factor=1\noffset.storage.replication.factor=1\nstatus.storage.replication.factor=1\n\
         offset.storage.partitions=25\noffset.flush.interval.ms=200\nexactly.once.source.support={support}\n\
         key.converter=org.apache.kafka.connect.json.JsonConverter\nkey.converter.schemas.enable=false\n\
         value.converter=org.apache.kafka.connect.json.JsonConverter\nvalue.converter.schemas.enable=false\n"
    )
}

/// A connector's configuration for `database` of the lab's first PostgreSQL, named after `name`.
pub fn connector(lab: &Lab, database: &str, name: &str, extra: &[(&str, &str)]) -> Value {
    let mut config = json!({
        "connector.class": "io.debezium.connector.postgresql.PostgresConnector",
        "plugin.name": "pgoutput",
        "database.hostname": "127.0.0.1",
        "database.port": lab.postgres().port.to_string(),
        "database.user": "postgres",
        "database.password": "postgres",
        "database.dbname": database,
        "topic.prefix": name,
        "slot.name": name,
        "publication.name": name,
        "publication.autocreate.mode": "filtered",
        "retriable.restart.connector.wait.ms": "500",
        "status.update.interval.ms": "1000",
    });
    for (property, value) in extra {
        config[*property] = json!(value);
    }
    config
}
