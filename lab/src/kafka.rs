//! Apache Kafka: one broker that is its own KRaft controller.

mod install;
mod request;

use std::fs;
use std::ops::Deref;
use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result};

pub(crate) use self::install::Kafka as Installed;
use crate::bring::need::Need;
use crate::dir::LabDir;
use crate::ports::Port;
use crate::service::{Service, Spec};

/// A running Kafka broker.
pub struct Kafka {
    /// `127.0.0.1:<port>`.
    pub bootstrap: String,
    service: Service,
    ports: Ports,
}

/// The ports of a broker.
pub(crate) struct Ports {
    broker: Port,
    controller: Port,
    detour: Port,
    told: Port,
}

impl Ports {
    pub(crate) fn reserve() -> Result<Self> {
        Ok(Self {
            broker: Port::reserve()?,
            controller: Port::reserve()?,
            detour: Port::reserve()?,
            told: Port::reserve()?,
        })
    }
}

/// A second way to the broker, for whoever wants to stand between it and a client.
#[derive(Clone, Copy, Debug)]
pub struct Detour {
    /// The loopback port on which the broker listens.
    pub listens: u16,
    /// The loopback port that it tells clients who came this way. It is reserved, and nothing
    /// listens there yet.
    pub told: u16,
}

impl Kafka {
    pub(crate) fn needs() -> Vec<Need> {
        Installed::needs()
    }

    pub(crate) fn bring() -> Result<()> {
        Installed::find()?.prepared().map(drop)
    }

    pub(crate) fn start(lab: &LabDir) -> Result<Self> {
        let installed = Installed::find()?;
        let dir = lab.part("kafka", None)?;
        let ports = Ports::reserve()?;
        let settings = dir.join("server.properties");
        let data = dir.join("data");
        let text = properties(&ports, &data);
        fs::write(&settings, text).with_context(|| format!("write {}", settings.display()))?;
        let prepared = installed.prepared()?;
        prepared.format(&data)?;
        let java = installed.java("kafka", &dir).arg(format!(
            "-XX:SharedArchiveFile={}",
            prepared.classes.display()
        ));
        let service = broker(java, &settings, &ports.broker);
        service.start()?;
        let bootstrap = format!("127.0.0.1:{}", ports.broker.number());
        Ok(Self {
            bootstrap,
            service,
            ports,
        })
    }

    /// The way in on which somebody may stand between the broker and its clients.
    pub fn detour(&self) -> Detour {
        Detour {
            listens: self.ports.detour.number(),
            told: self.ports.told.number(),
        }
    }

    /// A Java with Kafka, its tools and Kafka Connect on its class path; add options, a class or a
    /// source file, and arguments.
    ///
    /// # Errors
    /// When there is no Java with a compiler and none can be brought.
    pub fn java(&self) -> Result<Command> {
        Installed::find()?.compiling_java()
    }

    /// Makes a topic without replicas; one that is there already is left as it is.
    ///
    /// # Errors
    /// When the broker cannot be reached or refuses.
    pub fn create_topic(&self, name: &str, partitions: u32) -> Result<()> {
        request::create_topic(self.ports.broker.number(), name, partitions)
            .with_context(|| format!("make topic {name}"))
    }
}

impl Deref for Kafka {
    type Target = Service;

    fn deref(&self) -> &Service {
        &self.service
    }
}

/// A broker on `port`; `java` has Kafka on its class path.
fn broker(java: Spec, settings: &Path, port: &Port) -> Service {
    let port = port.number();
    let spec = java
        .args(["-XX:+UseSerialGC", "-Xmx384m", "kafka.Kafka"])
        .arg(settings);
    Service::new(spec, Box::new(move |_| Ok(request::answers(port))))
}

/// After a kill the controller lets the broker in again only when its old session has ended, so
/// sessions are short.
fn properties(ports: &Ports, data: &Path) -> String {
    let [broker, controller, detour, told] =
        [&ports.broker, &ports.controller, &ports.detour, &ports.told].map(Port::number);
    format!(
        "process.roles=broker,controller\n\
         node.id=1\n\
         controller.quorum.voters=1@127.0.0.1:{controller}\n\
         listeners=PLAINTEXT://127.0.0.1:{broker},DETOUR://127.0.0.1:{detour},CONTROLLER://127.0.0.1:{controller}\n\
         advertised.listeners=PLAINTEXT://127.0.0.1:{broker},DETOUR://127.0.0.1:{told}\n\
         inter.broker.listener.name=PLAINTEXT\n\
         controller.listener.names=CONTROLLER\n\
         listener.security.protocol.map=CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT,DETOUR:PLAINTEXT\n\
         log.dirs={}\n\
         num.partitions=1\n\
         offsets.topic.replication.factor=1\n\
         transaction.state.log.replication.factor=1\n\
         transaction.state.log.min.isr=1\n\
         transaction.abort.timed.out.transaction.cleanup.interval.ms=1000\n\
         group.initial.rebalance.delay.ms=0\n\
         broker.heartbeat.interval.ms=200\n\
         broker.session.timeout.ms=1000\n",
        data.display()
    )
}
