//! The whole system on a lab: the components, and Walcast's roles from its binary, joined by the
//! demo's connector.
//!
//! Enters: the parts that are wanted and the `walcast` binary. Leaves: running parts, their
//! addresses, a token. It never builds anything.

mod connector;
mod part;
mod ready;
mod roles;
mod supervisor;

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result};

pub use self::part::Part;
use self::roles::Role;
pub use self::supervisor::Supervisor;
use crate::bring::run;
use crate::{Builder, Lab, Service};

/// The database in PostgreSQL and in ClickHouse.
const DATABASE: &str = "experiments";

/// The topic of the demo's connector.
const TOPIC: &str = "experiments_events";

/// How long the connector may take until it runs.
const CONNECTOR_LIMIT: Duration = Duration::from_secs(60);

/// A running system. Dropping it stops all and removes its folder.
pub struct System {
    // The roles stand before the components, so that they end first.
    api: Option<Role>,
    sink: Option<Role>,
    connect: Option<Role>,
    token: Option<String>,
    delivery: Delivery,
    lab: Lab,
}

/// How the demo's connector delivers to Kafka.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Delivery {
    /// Records and checkpoint in one Kafka transaction.
    #[default]
    ExactlyOnce,
    /// Without transactions: after a crash, records may come again.
    AtLeastOnce,
}

impl System {
    /// Starts `parts` and all that they need, and waits until every role is ready and the
    /// connector runs. `walcast` is the binary of the roles.
    ///
    /// # Errors
    /// What is missing on the machine, or what did not start, with the end of its log.
    pub fn start(name: &str, parts: &[Part], walcast: &Path, delivery: Delivery) -> Result<Self> {
        let parts = part::with_needs(parts);
        let wanted = |part| parts.contains(&part);
        let lab = builder(name, &parts).start()?;
        if wanted(Part::Postgres) {
            lab.postgres()
                .query("postgres", &format!("CREATE DATABASE {DATABASE}"))?;
        }
        if wanted(Part::Kafka) {
            // The connector makes it with the first record; the sink waits for it until then.
            lab.kafka().create_topic(TOPIC, 1)?;
        }
        let mut system = Self {
            api: None,
            sink: None,
            connect: None,
            token: None,
            delivery,
            lab,
        };
        let binary = Binary(walcast.into());
        if wanted(Part::Api) || wanted(Part::Connect) {
            binary.run(&[
                "migrate",
                "postgres",
                "--postgres-url",
                &system.postgres_url(),
            ])?;
        }
        if wanted(Part::Api) || wanted(Part::Sink) {
            let url = &system.lab.clickhouse().url;
            let to = ["--clickhouse-url", url, "--clickhouse-database", DATABASE];
            binary.run(&[&["migrate", "clickhouse"], &to[..]].concat())?;
        }
        if wanted(Part::Connect) {
            system.connect = Some(roles::connect(&system.lab, walcast, delivery)?);
        }
        if wanted(Part::Sink) {
            system.sink = Some(roles::sink(&system.lab, walcast)?);
        }
        if wanted(Part::Api) {
            let url = system.postgres_url();
            let token = ["token", "create", "--name", "lab", "--scope", "admin"];
            system.token = Some(binary.run(&[&token, &["--postgres-url", &url][..]].concat())?);
            system.api = Some(roles::api(&system.lab, &url, walcast)?);
        }
        system.wait_ready()?;
        Ok(system)
    }

    /// The components.
    pub fn lab(&self) -> &Lab {
        &self.lab
    }

    /// Everything that runs, by the name it has in the ready file.
    pub fn services(&self) -> Vec<(Part, &Service)> {
        let components = &self.lab.components;
        let all = [
            (Part::Api, self.api.as_deref()),
            (Part::Connect, self.connect.as_deref()),
            (Part::Sink, self.sink.as_deref()),
            (Part::Kafka, components.kafka.as_deref()),
            (
                Part::Postgres,
                components.postgres.first().map(|postgres| &**postgres),
            ),
            (Part::Clickhouse, components.clickhouse.as_deref()),
            (Part::Redis, components.redis.as_deref()),
        ];
        all.into_iter()
            .filter_map(|(part, service)| Some((part, service?)))
            .collect()
    }

    /// Stops the roles in order, as SIGTERM does; the components keep running.
    ///
    /// # Errors
    /// When one cannot be ended.
    pub fn stop_roles(&self) -> Result<()> {
        for role in [&self.api, &self.sink, &self.connect].into_iter().flatten() {
            role.stop()?;
        }
        Ok(())
    }

    /// One part's service, if it runs.
    pub fn service(&self, part: Part) -> Option<&Service> {
        let mut services = self.services().into_iter();
        services
            .find(|(found, _)| *found == part)
            .map(|(_, service)| service)
    }

    /// Addresses, token and process ids as JSON, as the ready file holds them.
    pub fn ready(&self) -> serde_json::Value {
        ready::document(self)
    }

    /// Writes [`System::ready`] to `file`, whole or not at all.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn write_ready_file(&self, file: &Path) -> Result<()> {
        ready::write(self, file)
    }

    /// The URL of the experimentation API and a token with scope admin.
    pub fn api(&self) -> Option<(&str, &str)> {
        Some((&self.api.as_ref()?.url, self.token.as_ref()?))
    }

    /// The URL of the worker's REST.
    pub fn connect_url(&self) -> Option<&str> {
        self.connect.as_ref().map(|connect| connect.url.as_str())
    }

    fn postgres_url(&self) -> String {
        self.lab.postgres().url_of(DATABASE)
    }

    fn wait_ready(&self) -> Result<()> {
        if let Some(connect) = &self.connect {
            connect.wait_ready()?;
            let postgres = self.lab.postgres();
            connector::start(&connect.url, postgres, self.delivery, CONNECTOR_LIMIT)
                .with_context(|| connect.spec().log_end())?;
        }
        for role in [&self.sink, &self.api].into_iter().flatten() {
            role.wait_ready()?;
        }
        Ok(())
    }
}

/// Brings what `parts` and all that they need lack on this machine, without starting anything.
///
/// # Errors
/// What is missing and cannot be installed or downloaded.
pub fn bring(parts: &[Part]) -> Result<()> {
    builder("bring", &part::with_needs(parts)).bring()
}

fn builder(name: &str, parts: &BTreeSet<Part>) -> Builder {
    let lab = Lab::builder(name);
    parts.iter().fold(lab, |lab, part| match part {
        Part::Postgres => lab.postgres(18),
        Part::Kafka => lab.kafka(),
        Part::Clickhouse => lab.clickhouse(),
        Part::Redis => lab.redis(),
        Part::Connect | Part::Sink | Part::Api => lab,
    })
}

/// The `walcast` binary, for its administrative commands.
struct Binary(PathBuf);

impl Binary {
    fn run(&self, arguments: &[&str]) -> Result<String> {
        let mut command = Command::new(&self.0);
        command.args(arguments);
        run(command)
    }
}
