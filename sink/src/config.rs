//! What the sink is told: a TOML file, then the environment, then flags.
//!
//! Enters: text. Leaves: a [`Config`] whose every value has been checked, or a usage error that
//! names the key and the cure. Secrets are never printed.

use std::collections::BTreeMap;
use std::fmt;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use walcast_wire::usage::UsageError;

use crate::batch::Limits;
use crate::envelope::OutboxTable;
use crate::kafka;

mod raw;

pub use raw::SinkArgs;

/// The sink's configuration, checked.
#[derive(Debug, Clone)]
pub struct Config {
    /// Where `/healthz`, `/readyz`, `/metrics` and `/status` listen.
    pub listen: SocketAddr,
    pub(crate) kafka: Kafka,
    pub(crate) clickhouse: ClickHouse,
    pub(crate) limits: Limits,
    /// How long a record may wait for company.
    pub(crate) batch_age_max: Duration,
    pub(crate) outbox: OutboxTable,
}

/// Where records come from.
#[derive(Debug, Clone)]
pub(crate) struct Kafka {
    pub(crate) bootstrap_servers: String,
    pub(crate) group_id: String,
    pub(crate) topics: Vec<String>,
    pub(crate) dead_letter_topic: String,
    /// Further properties of librdkafka; none that the sink sets itself. May hold secrets.
    pub(crate) properties: Properties,
}

/// Properties of librdkafka, whose values are not printed.
#[derive(Clone, Default)]
pub(crate) struct Properties(pub(crate) BTreeMap<String, String>);

impl fmt::Debug for Properties {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.0.keys()).finish()
    }
}

/// Where rows go.
#[derive(Debug, Clone)]
pub(crate) struct ClickHouse {
    pub(crate) url: String,
    pub(crate) database: String,
    pub(crate) user: String,
    pub(crate) password: Secret,
}

impl ClickHouse {
    /// The command that makes the tables which are missing.
    pub(crate) fn migrate_command(&self) -> String {
        format!(
            "walcast migrate clickhouse --clickhouse-url {} --clickhouse-database {}",
            self.url, self.database
        )
    }
}

/// Text that is not printed.
#[derive(Clone, Default)]
pub(crate) struct Secret(String);

impl Secret {
    pub(crate) fn expose(&self) -> &str {
        &self.0
    }
}

impl From<String> for Secret {
    fn from(text: String) -> Self {
        Self(text)
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.0.is_empty() {
            "(none)"
        } else {
            "(hidden)"
        })
    }
}

impl Config {
    /// Reads the file that `args` names, if any, and lays environment and flags over it.
    pub fn load(args: SinkArgs) -> Result<Self, UsageError> {
        let values = raw::merge(args)?;
        let properties = properties(values.kafka)?;
        Ok(Self {
            listen: values.listen,
            kafka: Kafka {
                bootstrap_servers: required("bootstrap_servers", values.bootstrap_servers)?,
                group_id: required("group_id", Some(values.group_id))?,
                topics: topics(values.topics)?,
                dead_letter_topic: required("dead_letter_topic", Some(values.dead_letter_topic))?,
                properties,
            },
            clickhouse: ClickHouse {
                url: clickhouse_url(required("clickhouse_url", values.clickhouse_url)?)?,
                database: required("clickhouse_database", Some(values.clickhouse_database))?,
                user: values.clickhouse_user,
                password: password(values.clickhouse_password, values.clickhouse_password_file)?,
            },
            limits: Limits {
                rows_max: bounded("batch_rows_max", values.batch_rows_max, 1, 1_000_000)?,
                bytes_max: bounded("batch_bytes_max", values.batch_bytes_max, 1, 1 << 30)?,
            },
            batch_age_max: Duration::from_millis(bounded(
                "batch_age_ms_max",
                values.batch_age_ms_max,
                0,
                60_000,
            )?),
            outbox: outbox_table(&values.outbox_table)?,
        })
        .and_then(Config::checked)
    }

    fn checked(self) -> Result<Self, UsageError> {
        if self.kafka.topics.contains(&self.kafka.dead_letter_topic) {
            return Err(UsageError::new(format!(
                "dead_letter_topic {:?} is one of topics: dead letters would be read again; \
                 give it a name of its own",
                self.kafka.dead_letter_topic
            )));
        }
        Ok(self)
    }
}

fn required(key: &str, value: Option<String>) -> Result<String, UsageError> {
    value
        .filter(|value| !value.trim().is_empty())
        .ok_or_else(|| {
            UsageError::new(format!(
                "{key} is not set: give --{}, WALCAST_SINK_{} or {key} in the file",
                key.replace('_', "-"),
                key.to_uppercase()
            ))
        })
}

fn bounded<T: PartialOrd + fmt::Display>(
    key: &str,
    value: T,
    lowest: T,
    highest: T,
) -> Result<T, UsageError> {
    if value < lowest || value > highest {
        return Err(UsageError::new(format!(
            "{key} is {value}: it must be from {lowest} to {highest}"
        )));
    }
    Ok(value)
}

fn topics(topics: Vec<String>) -> Result<Vec<String>, UsageError> {
    let topics: Vec<String> = topics
        .into_iter()
        .map(|topic| topic.trim().to_owned())
        .collect();
    if topics.is_empty() || topics.iter().any(String::is_empty) {
        return Err(UsageError::new(
            "topics is empty or holds an empty name: name the outbox topic",
        ));
    }
    if let Some(pattern) = topics.iter().find(|topic| topic.starts_with('^')) {
        return Err(UsageError::new(format!(
            "topics has the pattern {pattern:?}: name each topic, so that none joins unseen"
        )));
    }
    Ok(topics)
}

fn clickhouse_url(url: String) -> Result<String, UsageError> {
    if url.starts_with("http://") || url.starts_with("https://") {
        return Ok(url);
    }
    Err(UsageError::new(format!(
        "clickhouse_url {url:?} is not the HTTP interface: write http://host:8123 or https://host:8443"
    )))
}

pub(crate) fn password(
    password: Option<String>,
    file: Option<PathBuf>,
) -> Result<Secret, UsageError> {
    match (password, file) {
        (Some(_), Some(_)) => Err(UsageError::new(
            "clickhouse_password and clickhouse_password_file are both set: keep one",
        )),
        (Some(password), None) => Ok(Secret(password)),
        (None, Some(path)) => secret_file("clickhouse_password_file", &path).map(Secret),
        (None, None) => Ok(Secret::default()),
    }
}

fn secret_file(key: &str, path: &Path) -> Result<String, UsageError> {
    std::fs::read_to_string(path)
        .map(|text| text.trim_end_matches(['\r', '\n']).to_owned())
        .map_err(|error| UsageError::new(format!("{key} {}: {error}", path.display())))
}

fn outbox_table(name: &str) -> Result<OutboxTable, UsageError> {
    match name.split_once('.') {
        Some((schema, table)) if !schema.is_empty() && !table.is_empty() => Ok(OutboxTable {
            schema: schema.into(),
            table: table.into(),
        }),
        _ => Err(UsageError::new(format!(
            "outbox_table {name:?} is not schema.table, such as public.outbox_events"
        ))),
    }
}

/// The `[kafka]` table: `<property>_file` reads the property's value from a file.
fn properties(given: BTreeMap<String, raw::Scalar>) -> Result<Properties, UsageError> {
    let mut properties = BTreeMap::new();
    for (key, value) in given {
        let (name, value) = match key.strip_suffix("_file") {
            Some(name) => (
                name.to_owned(),
                secret_file(&format!("kafka.{key}"), value.to_string().as_ref())?,
            ),
            None => (key, value.to_string()),
        };
        kafka::check_property(&name)?;
        if properties.insert(name.clone(), value).is_some() {
            return Err(UsageError::new(format!(
                "kafka.{name} is set twice: keep one"
            )));
        }
    }
    Ok(Properties(properties))
}

#[cfg(test)]
mod tests;
