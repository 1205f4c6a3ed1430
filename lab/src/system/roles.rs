//! Walcast's roles as services: their configuration and when each is ready.

use std::fs;
use std::ops::Deref;
use std::path::Path;

use anyhow::{Context, Result};

use super::{DATABASE, Delivery};
use crate::{Lab, Port, Service, Spec, http};

/// A running role.
pub(crate) struct Role {
    /// `http://127.0.0.1:<port>`.
    pub(crate) url: String,
    service: Service,
    _port: Port,
}

impl Role {
    /// Launches the role `name`. `spec` makes it from its folder and the address to listen on; the
    /// role is ready when `ready_path` answers 200.
    fn launch(
        lab: &Lab,
        name: &str,
        ready_path: &str,
        spec: impl FnOnce(&Path, &str) -> Result<Spec>,
    ) -> Result<Self> {
        let dir = lab.dir.part(name, None)?;
        let port = Port::reserve()?;
        let address = format!("127.0.0.1:{}", port.number());
        let url = format!("http://{address}");
        let ready = format!("{url}{ready_path}");
        let ready = move |_| Ok(http::get(&ready).is_ok_and(|answer| answer.status == 200));
        let service = Service::new(spec(&dir, &address)?, Box::new(ready));
        service.launch()?;
        Ok(Self {
            url,
            service,
            _port: port,
        })
    }
}

impl Deref for Role {
    type Target = Service;

    fn deref(&self) -> &Service {
        &self.service
    }
}

/// `walcast connect` with a distributed worker's properties.
pub(crate) fn connect(lab: &Lab, walcast: &Path, delivery: Delivery) -> Result<Role> {
    let support = match delivery {
        Delivery::ExactlyOnce => "enabled",
        Delivery::AtLeastOnce => "disabled",
    };
    let spec = |dir: &Path, address: &str| {
        let file = dir.join("worker.properties");
        let text = format!(
            "bootstrap.servers={}\n\
             group.id=walcast-connect\n\
             offset.storage.topic=connect-offsets\n\
             config.storage.topic=connect-configs\n\
             status.storage.topic=connect-status\n\
             offset.storage.replication.factor=1\n\
             config.storage.replication.factor=1\n\
             status.storage.replication.factor=1\n\
             offset.flush.interval.ms=1000\n\
             exactly.once.source.support={support}\n\
             connector.client.config.override.policy=All\n\
             key.converter=org.apache.kafka.connect.json.JsonConverter\n\
             key.converter.schemas.enable=false\n\
             value.converter=org.apache.kafka.connect.json.JsonConverter\n\
             value.converter.schemas.enable=false\n\
             listeners=http://{address}\n",
            lab.kafka().bootstrap
        );
        write(&file, &text)?;
        Ok(Spec::new("connect", walcast, dir).arg("connect").arg(file))
    };
    Role::launch(lab, "connect", "/", spec)
}

/// `walcast sink`.
pub(crate) fn sink(lab: &Lab, walcast: &Path) -> Result<Role> {
    let spec = |dir: &Path, address: &str| {
        let file = dir.join("sink.toml");
        let text = format!(
            "listen = \"{address}\"\n\
             bootstrap_servers = \"{}\"\n\
             clickhouse_url = \"{}\"\n\
             clickhouse_database = \"{DATABASE}\"\n",
            lab.kafka().bootstrap,
            lab.clickhouse().url
        );
        write(&file, &text)?;
        Ok(Spec::new("sink", walcast, dir)
            .args(["sink", "--config"])
            .arg(file))
    };
    Role::launch(lab, "sink", "/readyz", spec)
}

/// `walcast api`.
pub(crate) fn api(lab: &Lab, postgres_url: &str, walcast: &Path) -> Result<Role> {
    let spec = |dir: &Path, address: &str| {
        let file = dir.join("api.toml");
        let text = format!(
            "listen = \"{address}\"\n\
             postgres_url = \"{postgres_url}\"\n\
             redis_url = \"{}\"\n\
             clickhouse_url = \"{}\"\n\
             clickhouse_database = \"{DATABASE}\"\n",
            lab.redis().url,
            lab.clickhouse().url
        );
        write(&file, &text)?;
        Ok(Spec::new("api", walcast, dir)
            .args(["api", "--config"])
            .arg(file))
    };
    Role::launch(lab, "api", "/readyz", spec)
}

fn write(file: &Path, text: &str) -> Result<()> {
    fs::write(file, text).with_context(|| format!("write {}", file.display()))
}
