//! Kafka Connect with the real Debezium, to compare Walcast with.

use std::fs;
use std::ops::Deref;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

use crate::bring::{cached, maven};
use crate::dir::LabDir;
use crate::kafka::{Installed, Kafka};
use crate::ports::Port;
use crate::service::Service;
use crate::{http, versions};

/// A running Kafka Connect worker whose plugin is Debezium's PostgreSQL connector.
pub struct Debezium {
    /// `http://127.0.0.1:<port>`.
    pub url: String,
    service: Service,
    _port: Port,
}

impl Debezium {
    pub(crate) fn bring() -> Result<()> {
        plugins().map(drop)
    }

    pub(crate) fn start(lab: &LabDir, kafka: &Kafka) -> Result<Self> {
        let dir = lab.part("debezium", None)?;
        let port = Port::reserve()?;
        let url = format!("http://127.0.0.1:{}", port.number());
        let settings = dir.join("connect.properties");
        fs::write(&settings, properties(&kafka.bootstrap, &url, &plugins()?))
            .with_context(|| format!("write {}", settings.display()))?;
        let service = Self::worker(&dir, &settings, &url)?;
        service.start()?;
        Ok(Self {
            url,
            service,
            _port: port,
        })
    }

    /// Kafka Connect as the properties file `settings` has it, not started yet; its log goes to
    /// `dir`. `url` is where it listens; its `plugin.path` is to be [`Debezium::plugins`].
    ///
    /// # Errors
    /// When Java or Kafka Connect is missing and cannot be brought.
    pub fn worker(dir: &Path, settings: &Path, url: &str) -> Result<Service> {
        let spec = Installed::find()?
            .java("debezium", dir)
            .args(["-Xmx1g", "org.apache.kafka.connect.cli.ConnectDistributed"])
            .arg(settings);
        let root = url.to_owned();
        let ready = move |_| Ok(http::get(&root).is_ok_and(|answer| answer.status == 200));
        Ok(Service::new(spec, Box::new(ready)))
    }

    /// The folder with Debezium's plugin.
    ///
    /// # Errors
    /// When it cannot be brought.
    pub fn plugins() -> Result<PathBuf> {
        plugins()
    }
}

impl Deref for Debezium {
    type Target = Service;

    fn deref(&self) -> &Service {
        &self.service
    }
}

/// The folder with Debezium's plugin.
fn plugins() -> Result<PathBuf> {
    cached(&format!("debezium-{}", versions::DEBEZIUM), |dir| {
        let artifact = "io.debezium:debezium-connector-postgres";
        maven::unpack(
            &format!("{artifact}:{}:tar.gz:plugin", versions::DEBEZIUM),
            dir,
        )
    })
}

fn properties(bootstrap: &str, url: &str, plugins: &Path) -> String {
    format!(
        "bootstrap.servers={bootstrap}\n\
         group.id=connect\n\
         key.converter=org.apache.kafka.connect.json.JsonConverter\n\
         value.converter=org.apache.kafka.connect.json.JsonConverter\n\
         key.converter.schemas.enable=false\n\
         value.converter.schemas.enable=false\n\
         offset.storage.topic=connect-offsets\n\
         config.storage.topic=connect-configs\n\
         status.storage.topic=connect-status\n\
         offset.storage.replication.factor=1\n\
         config.storage.replication.factor=1\n\
         status.storage.replication.factor=1\n\
         offset.flush.interval.ms=1000\n\
         exactly.once.source.support=enabled\n\
         connector.client.config.override.policy=All\n\
         listeners={url}\n\
         plugin.path={}\n",
        plugins.display()
    )
}
