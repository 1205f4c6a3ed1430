//! The validated worker configuration and how it is read from properties.

use std::path::Path;
use std::time::Duration;

use indexmap::IndexMap;
use walcast_wire::usage::UsageError;

use super::known::{Treatment, treatment};
use super::listeners::AdvertisedUrl;
use super::properties;
use super::providers::Providers;
use super::reader::Reader;
use super::rest::RestConfig;

/// String properties in the order they were given.
pub type Properties = IndexMap<String, String>;

/// Properties as a client gives them; null is told from absent.
pub type GivenProperties = IndexMap<String, Option<String>>;

/// An internal topic: its name and how it is created when missing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TopicConfig {
    /// `*.storage.topic`.
    pub name: String,
    /// `*.storage.partitions`; the config topic has 1 always.
    pub partitions: i32,
    /// `*.storage.replication.factor`; -1 takes the broker's default.
    pub replication: i32,
    /// Other `*.storage.*` settings, such as `min.insync.replicas`.
    pub settings: Properties,
}

/// Membership of the group of workers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GroupConfig {
    /// `session.timeout.ms`: a worker that the group has not heard of for so long has lost its
    /// connectors. 6 s unless given, which is the least that brokers take by default.
    pub session_timeout: Duration,
    /// `heartbeat.interval.ms`; also how soon the others hear that something moves.
    pub heartbeat_interval: Duration,
    /// `rebalance.timeout.ms`: how long a worker may take to give its connectors up.
    pub rebalance_timeout: Duration,
}

/// A worker's configuration.
#[derive(Debug, Clone)]
pub struct WorkerConfig {
    /// `bootstrap.servers`.
    pub bootstrap_servers: String,
    /// `group.id`.
    pub group_id: String,
    /// How the worker belongs to its group.
    pub group: GroupConfig,
    /// `client.id` of the worker's own clients.
    pub client_id: String,
    /// Properties of every Kafka client: `security.protocol`, `sasl.*`, `ssl.*`.
    pub kafka: Properties,
    /// `producer.*`, prefix removed.
    pub producer: Properties,
    /// Connectors and their target states.
    pub config_topic: TopicConfig,
    /// Checkpoints of the connectors.
    pub offset_topic: TopicConfig,
    /// Statuses of connectors and tasks.
    pub status_topic: TopicConfig,
    /// `key.converter` and its options, full names.
    pub key_converter: Properties,
    /// `value.converter` and its options, full names.
    pub value_converter: Properties,
    /// `header.converter` and its options, full names.
    pub header_converter: Properties,
    /// Where the REST API listens, who may use it, and what its answers carry.
    pub rest: RestConfig,
    /// `exactly.once.source.support=enabled`.
    pub exactly_once: bool,
    /// `offset.flush.interval.ms`.
    pub offset_flush_interval: Duration,
    /// `task.shutdown.graceful.timeout.ms`: how long a stop waits for a task.
    pub stop_timeout: Duration,
    /// `topic.tracking.enable`.
    pub topic_tracking: bool,
    /// `topic.tracking.allow.reset`.
    pub topic_tracking_reset: bool,
    /// `connector.client.config.override.policy` is not `None`: `producer.override.*` is allowed.
    pub client_overrides: bool,
    /// `walcast.kafka.start.timeout.ms`: how long the start waits for Kafka.
    pub start_timeout: Duration,
    /// `config.providers`, for connectors' properties too.
    pub providers: Providers,
    /// Properties that were accepted with a warning: name and why.
    pub warnings: Vec<(String, String)>,
}

impl WorkerConfig {
    /// Reads `file`, if any, then the environment's `CONNECT_*` variables, which count more.
    ///
    /// # Errors
    /// [`UsageError`] that names the file or property and what to do.
    pub fn load(file: Option<&Path>) -> Result<Self, UsageError> {
        let mut props = Properties::new();
        if let Some(path) = file {
            let unreadable = |what: String| UsageError::new(format!("{}: {what}", path.display()));
            let text = std::fs::read_to_string(path)
                .map_err(|e| unreadable(format!("cannot be read: {e}")))?;
            props.extend(properties::parse(&text).map_err(|e| unreadable(e.to_string()))?);
        }
        props.extend(super::env::worker_properties());
        Self::from_properties(props)
    }

    /// Gives properties their meaning.
    ///
    /// # Errors
    /// [`UsageError`] that names the property and what to do.
    pub fn from_properties(props: Properties) -> Result<Self, UsageError> {
        let usage = |e: super::providers::ProviderError| UsageError::new(e.to_string());
        let providers = Providers::from_worker(&props).map_err(usage)?;
        let props = providers.resolve(&props).map_err(usage)?;
        let mut warnings = treat_all(&props);
        let reader = Reader { props: &props };
        let rest = RestConfig::read(&reader)?;
        warnings.extend(rest.warnings());
        warnings.extend(providers.unread(&props));
        Ok(Self {
            bootstrap_servers: reader.text_or("bootstrap.servers", "localhost:9092"),
            group_id: reader.text_or("group.id", "walcast"),
            group: reader.group()?,
            client_id: reader.text_or("client.id", "walcast-connect"),
            kafka: reader.kafka_properties(),
            producer: reader.family("producer."),
            config_topic: reader.topic("config", "connect-configs", Some(1))?,
            offset_topic: reader.topic("offset", "connect-offsets", None)?,
            status_topic: reader.topic("status", "connect-status", None)?,
            key_converter: reader.named("key.converter"),
            value_converter: reader.named("value.converter"),
            header_converter: reader.named("header.converter"),
            rest,
            exactly_once: reader.exactly_once()?,
            offset_flush_interval: reader.millis("offset.flush.interval.ms", 60_000)?,
            stop_timeout: reader.millis("task.shutdown.graceful.timeout.ms", 5_000)?,
            topic_tracking: reader.flag("topic.tracking.enable", true)?,
            topic_tracking_reset: reader.flag("topic.tracking.allow.reset", true)?,
            client_overrides: reader.override_policy()?,
            start_timeout: reader.millis("walcast.kafka.start.timeout.ms", 60_000)?,
            providers,
            warnings,
        })
    }

    /// The URL under which other workers and clients reach this worker; `bound_port` is the port
    /// that the advertised listener got.
    #[must_use]
    pub fn advertised_url(&self, bound_port: u16) -> AdvertisedUrl {
        self.rest.listeners.advertised_url(bound_port)
    }
}

/// Applies the table of known properties. What of them cannot be honoured is refused where it is read.
fn treat_all(props: &Properties) -> Vec<(String, String)> {
    let mut warnings = Vec::new();
    for name in props.keys() {
        match treatment(name) {
            Some(Treatment::Honoured) => {}
            Some(Treatment::NoEffect(why)) => {
                warnings.push((name.clone(), format!("has no effect: {why}")));
            }
            None => warnings.push((
                name.clone(),
                "is not a worker property Walcast knows; check its spelling".into(),
            )),
        }
    }
    warnings
}

impl Reader<'_> {
    /// What every Kafka client is given. `ssl.*` may be there for the listeners alone: a client that
    /// speaks no TLS is not given it, as Java's does not look at it.
    fn kafka_properties(&self) -> Properties {
        let protocol = self.text_or("security.protocol", "PLAINTEXT");
        let encrypted = protocol.to_ascii_uppercase().ends_with("SSL");
        let ours = |(k, _): &(&String, &String)| match k.as_str() {
            "security.protocol" => true,
            "ssl.client.auth" => false,
            k => k.starts_with("sasl.") || (encrypted && k.starts_with("ssl.")),
        };
        self.props
            .iter()
            .filter(ours)
            .map(|(k, v)| (k.clone(), v.clone()))
            .collect()
    }

    fn topic(&self, kind: &str, name: &str, fixed: Option<i32>) -> Result<TopicConfig, UsageError> {
        let prefix = format!("{kind}.storage.");
        let default_partitions = if kind == "offset" { 25 } else { 5 };
        let partitions = self
            .number(&format!("{prefix}partitions"))?
            .unwrap_or(default_partitions);
        let replication = self
            .number(&format!("{prefix}replication.factor"))?
            .unwrap_or(3);
        for (what, value) in [
            ("partitions", partitions),
            ("replication.factor", replication),
        ] {
            if value != -1 && value < 1 {
                return Err(UsageError::new(format!(
                    "{prefix}{what}={value}: give at least 1, or -1 for the broker's default"
                )));
            }
        }
        let mut settings = self.family(&prefix);
        settings
            .retain(|k, _| !matches!(k.as_str(), "topic" | "partitions" | "replication.factor"));
        Ok(TopicConfig {
            name: self.text_or(&format!("{prefix}topic"), name),
            partitions: fixed.unwrap_or(partitions),
            replication,
            settings,
        })
    }

    fn group(&self) -> Result<GroupConfig, UsageError> {
        Ok(GroupConfig {
            session_timeout: self.millis("session.timeout.ms", 6_000)?,
            heartbeat_interval: self.millis("heartbeat.interval.ms", 1_000)?,
            rebalance_timeout: self.millis("rebalance.timeout.ms", 60_000)?,
        })
    }

    fn exactly_once(&self) -> Result<bool, UsageError> {
        match self
            .text("exactly.once.source.support")
            .map(str::to_ascii_lowercase)
            .as_deref()
        {
            None | Some("disabled" | "preparing") => Ok(false),
            Some("enabled") => Ok(true),
            Some(other) => Err(UsageError::new(format!(
                "exactly.once.source.support={other}: give enabled, preparing or disabled"
            ))),
        }
    }

    fn override_policy(&self) -> Result<bool, UsageError> {
        let name = "connector.client.config.override.policy";
        match self.text(name).unwrap_or("All") {
            "All" => Ok(true),
            "None" => Ok(false),
            other => Err(UsageError::new(format!(
                "{name}={other}: Walcast has All and None"
            ))),
        }
    }
}
