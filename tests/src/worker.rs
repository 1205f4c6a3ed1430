//! A worker (`walcast connect`) under test, and its REST interface.

use std::fs;
use std::ops::Deref;
use std::path::Path;

use anyhow::{Context, Result};
use serde_json::{Value, json};
use walcast_lab::http::{self, Response};
use walcast_lab::{Lab, Port, Service, Spec};

use crate::binary;
use crate::rest::Rest;

/// The environment variable that tells a worker on which port it reaches the database.
const DATABASE_PORT: &str = "WALCAST_TEST_DATABASE_PORT";

/// The `database.port` of a connector that reaches the database as its worker does.
pub const WORKERS_DATABASE_PORT: &str = "${env:WALCAST_TEST_DATABASE_PORT}";

/// What a worker finds: how it reaches Kafka and the database, and how its group is divided.
pub struct Setup {
    /// Kafka's `bootstrap.servers`.
    pub bootstrap: String,
    /// The database's port on loopback.
    pub database_port: u16,
    /// Partitions of the offsets topic, which are the shards that workers share.
    pub shards: usize,
}

impl Setup {
    /// Nothing stands between the worker and the lab.
    pub fn direct(lab: &Lab) -> Self {
        Self {
            bootstrap: lab.kafka().bootstrap.clone(),
            database_port: lab.postgres().port,
            shards: 25,
        }
    }
}

/// A running worker.
pub struct Worker {
    client: Rest,
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
        let setup = Setup::direct(lab);
        Self::start_on(&setup, lab, name, group, exactly_once)
    }

    /// As [`Self::start`], with what is in `setup`.
    ///
    /// # Errors
    /// When it does not come up.
    pub fn start_on(
        setup: &Setup,
        lab: &Lab,
        name: &str,
        group: &str,
        exactly_once: bool,
    ) -> Result<Self> {
        let dir = lab.dir().join(name);
        fs::create_dir_all(&dir)?;
        let port = Port::reserve()?;
        let url = format!("http://127.0.0.1:{}", port.number());
        let file = dir.join("worker.properties");
        fs::write(&file, properties(setup, group, &url, exactly_once))?;
        let spec =
            Self::spec(name, &dir, &file)?.env(DATABASE_PORT, setup.database_port.to_string());
        let service = Self::service_of(spec, &url);
        service.start()?;
        Ok(Self {
            client: Rest::new(&url),
            service,
            _port: port,
        })
    }

    /// The URL of the worker's REST interface.
    pub fn url(&self) -> &str {
        self.client.url()
    }

    /// The most memory that the process has had resident since it started, in MB.
    ///
    /// # Errors
    /// When it does not run.
    pub fn peak_mb(&self) -> Result<u64> {
        let pid = self.pid().context("the worker does not run")?;
        let status = fs::read_to_string(format!("/proc/{pid}/status"))?;
        let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
        let kb = peak.and_then(|peak| peak.trim().strip_suffix(" kB"));
        Ok(kb.context("no VmHWM")?.parse::<u64>()? / 1024)
    }

    /// Sends a request to the worker's REST interface.
    ///
    /// # Errors
    /// When the worker cannot be reached.
    pub fn rest(&self, method: &str, path: &str, body: Option<&Value>) -> Result<Response> {
        self.client.request(method, path, body)
    }

    /// Creates or changes a connector.
    ///
    /// # Errors
    /// When the worker refuses it.
    pub fn put(&self, name: &str, config: &Value) -> Result<()> {
        let path = format!("/connectors/{name}/config");
        self.rest("PUT", &path, Some(config))?.ok().map(drop)
    }

    /// As [`Rest::status`].
    ///
    /// # Errors
    /// When there is none.
    pub fn status(&self, name: &str) -> Result<Value> {
        self.client.status(name)
    }

    /// As [`Rest::stop_connector`].
    ///
    /// # Errors
    /// When it is refused, or takes too long.
    pub fn stop_connector(&self, name: &str) -> Result<()> {
        self.client.stop_connector(name)
    }

    /// As [`Rest::wait_state`].
    ///
    /// # Errors
    /// When it fails instead, or takes too long.
    pub fn wait_state(&self, name: &str, state: &str) -> Result<String> {
        self.client.wait_state(name, state)
    }

    /// `walcast connect` as the properties file `settings` has it, not started yet; its log goes to
    /// `dir`. `url` is where it listens.
    ///
    /// # Errors
    /// When the program cannot be built.
    pub fn service(name: &str, dir: &Path, settings: &Path, url: &str) -> Result<Service> {
        Ok(Self::service_of(Self::spec(name, dir, settings)?, url))
    }

    fn spec(name: &str, dir: &Path, settings: &Path) -> Result<Spec> {
        let spec = Spec::new(name, binary::walcast()?, dir);
        Ok(spec.arg("connect").arg(settings))
    }

    fn service_of(spec: Spec, url: &str) -> Service {
        let address = url.to_owned();
        let answers = move |_| Ok(http::get(&address).is_ok_and(|answer| answer.status == 200));
        Service::new(spec, Box::new(answers))
    }
}

fn properties(setup: &Setup, group: &str, url: &str, exactly_once: bool) -> String {
    let Setup {
        bootstrap, shards, ..
    } = setup;
    let support = if exactly_once { "enabled" } else { "disabled" };
    format!(
        "bootstrap.servers={bootstrap}\ngroup.id={group}\nlisteners={url}\n\
         config.storage.topic={group}-configs\noffset.storage.topic={group}-offsets\nstatus.storage.topic={group}-status\n\
         config.storage.replication.factor=1\noffset.storage.replication.factor=1\nstatus.storage.replication.factor=1\n\
         offset.storage.partitions={shards}\noffset.flush.interval.ms=200\nexactly.once.source.support={support}\n\
         key.converter=org.apache.kafka.connect.json.JsonConverter\nkey.converter.schemas.enable=false\n\
         value.converter=org.apache.kafka.connect.json.JsonConverter\nvalue.converter.schemas.enable=false\n\
         config.providers=env\nconfig.providers.env.class=org.apache.kafka.common.config.provider.EnvVarConfigProvider\n"
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
