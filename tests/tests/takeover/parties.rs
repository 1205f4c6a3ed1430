//! The two workers: Kafka Connect with Debezium, and Walcast, on one properties file.

use std::fs;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use rdkafka::ClientConfig;
use rdkafka::consumer::{BaseConsumer, Consumer};
use serde_json::Value;
use walcast_lab::{Debezium, Lab, Port, Service, wait_for};
use walcast_tests::SOON;
use walcast_tests::rest::Rest;
use walcast_tests::worker::Worker;

/// Who runs the connectors.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Party {
    Debezium,
    Walcast,
}

impl Party {
    pub(super) const fn other(self) -> Self {
        match self {
            Self::Debezium => Self::Walcast,
            Self::Walcast => Self::Debezium,
        }
    }

    /// What the party says of itself in statuses.
    const fn version(self) -> &'static str {
        match self {
            Self::Debezium => "3.7.0.Final",
            Self::Walcast => env!("CARGO_PKG_VERSION"),
        }
    }
}

/// How a worker ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum End {
    Stop,
    Kill,
}

/// Both workers.
pub(super) struct Parties {
    pub(super) rest: Rest,
    debezium: Service,
    walcast: Service,
    group: String,
    groups: BaseConsumer,
    _port: Port,
}

const CALL: Duration = Duration::from_secs(10);

impl Parties {
    /// None of them runs yet.
    pub(super) fn on(lab: &Lab, group: &str) -> Result<Self> {
        let dir = lab.dir().join("workers");
        fs::create_dir_all(&dir)?;
        let groups = ClientConfig::new()
            .set("bootstrap.servers", &lab.kafka().bootstrap)
            .create()?;
        let port = Port::reserve()?;
        let url = format!("http://127.0.0.1:{}", port.number());
        let file = dir.join("connect-distributed.properties");
        fs::write(&file, properties(lab, group, &url)?)?;
        Ok(Self {
            rest: Rest::new(&url),
            debezium: Debezium::worker(&dir, &file, &url)?,
            walcast: Worker::service("walcast", &dir, &file, &url)?,
            group: group.to_owned(),
            groups,
            _port: port,
        })
    }

    /// Starts a worker. Kafka Connect ends by itself while the group still holds a killed worker of
    /// another protocol, so that one's session is waited for.
    pub(super) fn start(&self, party: Party) -> Result<()> {
        if party == Party::Debezium {
            wait_for("the group to be empty", SOON, || {
                let list = self.groups.fetch_group_list(Some(&self.group), CALL)?;
                let mut groups = list.groups().iter();
                Ok(groups.all(|group| group.members().is_empty()).then_some(()))
            })?;
        }
        self.service(party).start()
    }

    pub(super) fn end(&self, party: Party, end: End) -> Result<()> {
        match end {
            End::Stop => self.service(party).stop(),
            End::Kill => self.service(party).kill9(),
        }
    }

    fn service(&self, party: Party) -> &Service {
        match party {
            Party::Debezium => &self.debezium,
            Party::Walcast => &self.walcast,
        }
    }

    /// Waits until `party` says that it runs the connector and its task. A status alone would not do:
    /// that of the worker before has the same address.
    pub(super) fn wait_running(&self, party: Party, name: &str) -> Result<()> {
        let running = |part: &Value| {
            part["state"] == "RUNNING" && part["version"].as_str() == Some(party.version())
        };
        wait_for(&format!("{name} to run on {party:?}"), SOON, || {
            let Ok(status) = self.rest.status(name) else {
                return Ok(None);
            };
            let task = &status["tasks"][0];
            if task["state"] == "FAILED" && task["version"].as_str() == Some(party.version()) {
                bail!("{name} FAILED on {party:?}: {}", task["trace"]);
            }
            Ok((running(&status["connector"]) && running(task)).then_some(()))
        })
        .with_context(|| format!("it says {:?}", self.rest.status(name)))
    }

    /// Waits until the connector itself is in a state in which it has no running task.
    pub(super) fn wait_resting(&self, name: &str, state: &str) -> Result<()> {
        wait_for(&format!("{name} to be {state}"), SOON, || {
            let Ok(status) = self.rest.status(name) else {
                return Ok(None);
            };
            let mut tasks = status["tasks"].as_array().into_iter().flatten();
            let rests = tasks.all(|task| task["state"] == state);
            Ok((rests && status["connector"]["state"] == state).then_some(()))
        })
        .with_context(|| format!("it says {:?}", self.rest.status(name)))
    }
}

/// What an operator has for `connect-distributed.sh`. Sessions and transactions of a killed worker end
/// soon: Kafka Connect reads the offsets topic only when no open transaction hides a part of it.
fn properties(lab: &Lab, group: &str, url: &str) -> Result<String> {
    Ok(format!(
        "bootstrap.servers={}\n\
         group.id={group}\n\
         key.converter=org.apache.kafka.connect.json.JsonConverter\n\
         value.converter=org.apache.kafka.connect.json.JsonConverter\n\
         key.converter.schemas.enable=false\n\
         value.converter.schemas.enable=false\n\
         offset.storage.topic={group}-offsets\n\
         offset.storage.partitions=25\n\
         offset.storage.replication.factor=1\n\
         config.storage.topic={group}-configs\n\
         config.storage.replication.factor=1\n\
         status.storage.topic={group}-status\n\
         status.storage.replication.factor=1\n\
         offset.flush.interval.ms=500\n\
         exactly.once.source.support=enabled\n\
         connector.client.config.override.policy=All\n\
         session.timeout.ms=6000\n\
         heartbeat.interval.ms=2000\n\
         scheduled.rebalance.max.delay.ms=0\n\
         producer.transaction.timeout.ms=15000\n\
         listeners={url}\n\
         plugin.discovery=service_load\n\
         plugin.path={}\n",
        lab.kafka().bootstrap,
        Debezium::plugins()?.display()
    ))
}
