//! What a Debezium Server configuration comes to mean: a connector, a worker's settings, an address.
//!
//! Properties with their final values enter, a validated [`ServerConfig`] leaves, or an error that
//! names the property and the cure.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use walcast_cdc::{ConnectorConfig, WorkerSettings};
use walcast_wire::usage::UsageError;

use super::known::{ENGINE, ENGINE_FAMILIES, Treatment, treatment};
use super::{formats, producer};
use crate::config::Properties;
use crate::config::providers::Providers;

type Props = BTreeMap<String, String>;

const SOURCE: &str = "debezium.source.";

/// Where health and signals are served.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct HttpConfig {
    /// `quarkus.http.host-enabled`.
    pub(super) enabled: bool,
    /// `quarkus.http.host`.
    pub(super) host: String,
    /// `quarkus.http.port`; 0 takes a free one.
    pub(super) port: u16,
}

/// Everything that is run.
#[derive(Debug)]
pub(super) struct ServerConfig {
    pub(super) connector: ConnectorConfig,
    pub(super) worker: WorkerSettings,
    pub(super) http: HttpConfig,
    /// `debezium.api.enabled`: signals are taken over HTTP.
    pub(super) signals: bool,
    /// Loggers and their levels, as the REST API names them.
    pub(super) log_levels: Vec<(String, &'static str)>,
    /// What was accepted though it has no effect: property and why.
    pub(super) warnings: Vec<(String, String)>,
}

impl ServerConfig {
    /// Gives properties their meaning.
    ///
    /// # Errors
    /// A [`UsageError`] that names the property and what to do.
    pub(super) fn read(props: &Properties) -> Result<Self, UsageError> {
        let mut warnings = Vec::new();
        check_sink(props)?;
        treat_all(props, &mut warnings)?;
        let source = source(props);
        let mut engine = Engine::split(source, &mut warnings);
        let mut worker = producer::settings(props)?;
        offsets(&engine.own, &mut worker)?;
        producer::same_cluster(&engine.own, &worker)?;
        engine.connector.extend(formats::converters(props)?);
        for family in ["transforms", "predicates"] {
            let name = format!("debezium.{family}");
            let options = format!("{name}.");
            let below = props
                .iter()
                .filter(|(k, _)| **k == name || k.starts_with(&options));
            let strip = |k: &String| k.trim_start_matches("debezium.").to_owned();
            engine
                .connector
                .extend(below.map(|(k, v)| (strip(k), v.clone())));
        }
        let connector = engine.connector()?;
        // All such engines may be named alike; what they publish tells them apart, and so the
        // transactional ids that fence their offsets.
        connector.topic_prefix.clone_into(&mut worker.group_id);
        Ok(Self {
            http: http(props)?,
            signals: flag(props, "debezium.api.enabled", false)?,
            log_levels: log_levels(props)?,
            connector,
            worker,
            warnings,
        })
    }
}

/// What is needed is there, and the sink is Kafka.
fn check_sink(props: &Properties) -> Result<(), UsageError> {
    match props.get("debezium.sink.type").map(|sink| sink.trim()) {
        Some("kafka") => Ok(()),
        Some(other) => Err(UsageError::new(format!(
            "debezium.sink.type={other}: Walcast publishes to Kafka; set debezium.sink.type=kafka with debezium.sink.kafka.producer.bootstrap.servers, or keep Debezium Server for this sink"
        ))),
        None => Err(UsageError::new(
            "debezium.sink.type is missing; give a configuration with --config FILE, or set debezium.sink.type=kafka in application.properties or DEBEZIUM_SINK_TYPE=kafka in the environment",
        )),
    }
}

fn treat_all(props: &Properties, warnings: &mut Vec<(String, String)>) -> Result<(), UsageError> {
    for name in props.keys() {
        match treatment(name) {
            Some(Treatment::Honoured) => {}
            Some(Treatment::NoEffect(why)) => {
                warnings.push((name.clone(), format!("has no effect: {why}")));
            }
            Some(Treatment::Refused(cure)) => {
                return Err(UsageError::new(format!("{name} is not supported: {cure}")));
            }
            None if name.starts_with("debezium.sink.") => {
                warnings.push((name.clone(), "has no effect: the sink is kafka".into()));
            }
            None => warnings.push((
                name.clone(),
                "is not a property Walcast knows; check its spelling".into(),
            )),
        }
    }
    Ok(())
}

/// `debezium.source.*` and its other name `quarkus.debezium.*`, prefix removed.
fn source(props: &Properties) -> Props {
    let below = |prefix: &'static str| {
        props
            .iter()
            .filter_map(move |(k, v)| Some((k.strip_prefix(prefix)?.to_owned(), v.clone())))
    };
    below("quarkus.debezium.").chain(below(SOURCE)).collect()
}

/// The source's properties, parted into the engine's and the connector's.
struct Engine {
    own: Props,
    connector: Props,
}

impl Engine {
    fn split(source: Props, warnings: &mut Vec<(String, String)>) -> Self {
        let (mut own, mut connector) = (Props::new(), Props::new());
        for (name, value) in source {
            let exact = ENGINE.iter().find(|(known, _)| *known == name);
            let family = || {
                ENGINE_FAMILIES
                    .iter()
                    .find(|(known, _)| name.starts_with(known))
            };
            match exact.or_else(family).map(|(_, treatment)| treatment) {
                None => drop(connector.insert(name, value)),
                Some(Treatment::NoEffect(why)) => {
                    warnings.push((format!("{SOURCE}{name}"), format!("has no effect: {why}")));
                }
                Some(_) => drop(own.insert(name, value)),
            }
        }
        // Debezium's engine is named after the sink, and so are its offsets.
        let name = own.get("name").filter(|name| !name.trim().is_empty());
        connector.insert(
            "name".into(),
            name.map_or("kafka", |name| name.trim()).into(),
        );
        if let Some(pause) = own.get("errors.retry.delay.max.ms") {
            let ours = "retriable.restart.connector.wait.ms";
            connector
                .entry(ours.into())
                .or_insert_with(|| pause.clone());
        }
        Self { own, connector }
    }

    /// The connector, with what its config providers look up.
    fn connector(self) -> Result<ConnectorConfig, UsageError> {
        let usage = |e: crate::config::providers::ProviderError| UsageError::new(e.to_string());
        let given: Properties = self.connector.into_iter().collect();
        let resolved = Providers::from_worker(&given).map_err(usage)?;
        let resolved = resolved.resolve(&given).map_err(usage)?;
        let connector: Props = resolved
            .into_iter()
            .filter(|(name, _)| {
                name != "config.providers" && !name.starts_with("config.providers.")
            })
            .collect();
        ConnectorConfig::parse(&connector, &Props::new()).map_err(|problems| {
            let lines: Vec<_> = problems.iter().map(|p| format!("  {SOURCE}{p}")).collect();
            UsageError::new(format!(
                "the configuration holds errors:\n{}",
                lines.join("\n")
            ))
        })
    }
}

/// `offset.storage.*` and `offset.flush.*`.
fn offsets(engine: &Props, worker: &mut WorkerSettings) -> Result<(), UsageError> {
    let text = |name: &str| engine.get(name).map(|v| v.trim()).filter(|v| !v.is_empty());
    let missing =
        |name: &str, why: &str| UsageError::new(format!("{SOURCE}{name} is missing: {why}"));
    let class = text("offset.storage").unwrap_or("FileOffsetBackingStore");
    match class.rsplit('.').next().unwrap_or_default() {
        "FileOffsetBackingStore" => {
            let file = text("offset.storage.file.filename").ok_or_else(|| {
                missing("offset.storage.file.filename", "name the file that keeps the offset, or set debezium.source.offset.storage=org.apache.kafka.connect.storage.KafkaOffsetBackingStore")
            })?;
            worker.offsets_file = Some(PathBuf::from(file));
        }
        "KafkaOffsetBackingStore" => {
            let topic = text("offset.storage.topic").ok_or_else(|| {
                missing(
                    "offset.storage.topic",
                    "name the topic that keeps the offset",
                )
            })?;
            topic.clone_into(&mut worker.offsets_topic);
            worker.offsets_partitions = number(engine, "offset.storage.partitions", 25)?;
            worker.offsets_replication = number(engine, "offset.storage.replication.factor", 3)?;
        }
        _ => {
            return Err(UsageError::new(format!(
                "{SOURCE}offset.storage={class}: Walcast has org.apache.kafka.connect.storage.FileOffsetBackingStore and KafkaOffsetBackingStore; use one of these"
            )));
        }
    }
    let always = match text("offset.commit.policy").map(|p| p.rsplit(['.', '$']).next()) {
        None | Some(Some("PeriodicCommitOffsetPolicy")) => false,
        Some(Some("AlwaysCommitOffsetPolicy")) => true,
        Some(_) => {
            return Err(UsageError::new(format!(
                "{SOURCE}offset.commit.policy: Walcast has PeriodicCommitOffsetPolicy and AlwaysCommitOffsetPolicy; use one of these"
            )));
        }
    };
    let flush: u64 = number(engine, "offset.flush.interval.ms", 60_000)?;
    let flush = if always { 0 } else { flush };
    worker.offset_flush_interval = Duration::from_millis(flush.max(1));
    Ok(())
}

fn number<T: std::str::FromStr>(props: &Props, name: &str, default: T) -> Result<T, UsageError> {
    let Some(text) = props.get(name).map(|v| v.trim()).filter(|v| !v.is_empty()) else {
        return Ok(default);
    };
    let wrong = |_| {
        UsageError::new(format!(
            "{SOURCE}{name}={text}: give a whole number in its range"
        ))
    };
    text.parse().map_err(wrong)
}

fn flag(props: &Properties, name: &str, default: bool) -> Result<bool, UsageError> {
    match props.get(name).map(|v| v.trim()) {
        None | Some("") => Ok(default),
        Some(t) if t.eq_ignore_ascii_case("true") => Ok(true),
        Some(t) if t.eq_ignore_ascii_case("false") => Ok(false),
        Some(t) => Err(UsageError::new(format!("{name}={t}: give true or false"))),
    }
}

fn http(props: &Properties) -> Result<HttpConfig, UsageError> {
    let text = |name: &str| props.get(name).map(|v| v.trim()).filter(|v| !v.is_empty());
    let port = text("quarkus.http.port").unwrap_or("8080");
    Ok(HttpConfig {
        enabled: flag(props, "quarkus.http.host-enabled", true)?,
        host: text("quarkus.http.host").unwrap_or("0.0.0.0").to_owned(),
        port: port.parse().map_err(|_| {
            UsageError::new(format!(
                "quarkus.http.port={port}: give a number from 0 to 65535"
            ))
        })?,
    })
}

/// `quarkus.log.level` and `quarkus.log.category."name".level`.
fn log_levels(props: &Properties) -> Result<Vec<(String, &'static str)>, UsageError> {
    let logger = |name: &str| {
        if name == "quarkus.log.level" {
            return Some(super::root_logger());
        }
        let category = name.strip_prefix("quarkus.log.category.")?;
        let category = category.strip_suffix(".level")?;
        Some(category.trim_matches('"').to_owned())
    };
    props
        .iter()
        .filter_map(|(name, value)| Some((name, logger(name)?, value.trim())))
        .map(|(name, logger, level)| {
            // JBoss LogManager's levels, and those of java.util.logging that it takes too.
            let level = match level.to_ascii_uppercase().as_str() {
                "OFF" => "OFF",
                "FATAL" | "ERROR" | "SEVERE" => "ERROR",
                "WARN" | "WARNING" => "WARN",
                "INFO" | "CONFIG" => "INFO",
                "DEBUG" | "FINE" => "DEBUG",
                "TRACE" | "FINER" | "FINEST" | "ALL" => "TRACE",
                _ => {
                    return Err(UsageError::new(format!(
                        "{name}={level}: give OFF, ERROR, WARN, INFO, DEBUG or TRACE"
                    )));
                }
            };
            Ok((logger, level))
        })
        .collect()
}
