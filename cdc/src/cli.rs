//! `walcast cdc`: one connector in the foreground, without REST and without a group of workers.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::Context;
use clap::{Args, ValueEnum};
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::mpsc;
use walcast_wire::usage::UsageError;

use crate::config::ConnectorConfig;
use crate::settings::WorkerSettings;
use crate::task::{Output, Task, TaskState};

/// Where records go.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Publish {
    /// Kafka topics.
    Kafka,
    /// One JSON object per record on standard output.
    Stdout,
}

/// Run one connector in the foreground.
#[derive(Debug, Args)]
pub struct CdcArgs {
    /// Connector configuration: Debezium's JSON, flat or as {"name","config"}, or a Debezium Server's
    /// application.properties. DEBEZIUM_* and QUARKUS_* variables count more than the latter, and are
    /// enough without a file
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Where records go
    #[arg(long, value_enum, default_value = "kafka")]
    publish: Publish,
    /// Kafka's bootstrap servers, host:port with commas between
    #[arg(long, value_name = "LIST", env = "WALCAST_CDC_BOOTSTRAP_SERVERS")]
    bootstrap_servers: Option<String>,
    /// Topic that keeps offsets, in Kafka Connect's format
    #[arg(long, value_name = "TOPIC", default_value = "connect-offsets")]
    offsets_topic: String,
    /// Replication factor of the offsets topic when it is made
    #[arg(long, value_name = "N", default_value_t = 3)]
    offsets_replication: i32,
    /// First part of the transactional id, as a worker's group.id
    #[arg(long, value_name = "NAME", default_value = "walcast")]
    group_id: String,
    /// Write records and checkpoint in one Kafka transaction
    #[arg(long)]
    exactly_once: bool,
    /// How often a checkpoint is written outside of transactions, in milliseconds
    #[arg(long, value_name = "MS", default_value_t = 60_000)]
    offset_flush_interval_ms: u64,
    /// With --publish stdout: the file that keeps the offset [default: NAME.offset.json]
    #[arg(long, value_name = "FILE")]
    offset_file: Option<PathBuf>,
}

impl CdcArgs {
    /// Whether a Debezium Server's configuration is meant, and its file: a properties file, or no file
    /// at all. It is not run here.
    ///
    /// # Errors
    /// A [`UsageError`] for options that such a configuration says itself.
    pub fn server(&self) -> Result<Option<Option<&Path>>, UsageError> {
        let file = self.config.as_deref();
        let ending = file.and_then(Path::extension).unwrap_or_default();
        match ending.to_ascii_lowercase().to_str() {
            Some("yaml" | "yml") => {
                return Err(UsageError::new(
                    "--config takes JSON or application.properties; write the YAML file's settings as properties",
                ));
            }
            Some("properties") => {}
            _ if file.is_none() => {}
            _ => return Ok(None),
        }
        if self.publish == Publish::Stdout || self.bootstrap_servers.is_some() {
            return Err(UsageError::new(
                "a Debezium Server configuration says itself where records go (debezium.sink.*); leave --publish and --bootstrap-servers out, or give a connector's JSON with --config",
            ));
        }
        Ok(Some(file))
    }
}

/// Runs the connector until SIGINT or SIGTERM, or until it fails.
///
/// # Errors
/// A configuration that cannot be used, or the failure that ended the task.
pub async fn run(args: CdcArgs) -> anyhow::Result<()> {
    let missing = |what: &str| UsageError::new(format!("{what} is missing; see --help"));
    let file = args.config.as_deref().ok_or_else(|| missing("--config"))?;
    if args.publish == Publish::Kafka && args.bootstrap_servers.is_none() {
        return Err(missing("--bootstrap-servers").into());
    }
    let config = read_config(file)?;
    let output = output(&args, &config.name);
    let (events, mut states) = mpsc::channel(16);
    let mut task = Task::start_watched(config, output, events);
    let mut interrupt = signal(SignalKind::interrupt()).context("listening for SIGINT")?;
    let mut terminate = signal(SignalKind::terminate()).context("listening for SIGTERM")?;
    loop {
        tokio::select! {
            _ = interrupt.recv() => break,
            _ = terminate.recv() => break,
            event = states.recv() => match event.map(|event| event.state) {
                Some(TaskState::Failed { trace }) => {
                    task.wait().await;
                    anyhow::bail!(trace);
                }
                Some(TaskState::Running) => tracing::info!("running"),
                Some(TaskState::Stopped) | None => return Ok(()),
            },
        }
    }
    tracing::info!("stopping");
    let drain = async { while states.recv().await.is_some() {} };
    tokio::join!(task.stop(), drain);
    Ok(())
}

fn output(args: &CdcArgs, name: &str) -> Output {
    if args.publish == Publish::Stdout {
        let file = PathBuf::from(format!("{name}.offset.json"));
        return Output::Stdout {
            offset_file: args.offset_file.clone().unwrap_or(file),
        };
    }
    let mut settings = WorkerSettings::new(args.bootstrap_servers.clone().unwrap_or_default());
    settings.offsets_topic.clone_from(&args.offsets_topic);
    settings.offsets_replication = args.offsets_replication;
    settings.group_id.clone_from(&args.group_id);
    settings.exactly_once = args.exactly_once;
    settings.offset_flush_interval =
        std::time::Duration::from_millis(args.offset_flush_interval_ms.max(1));
    Output::Kafka(Arc::new(settings))
}

/// Reads a connector's JSON.
pub(crate) fn read_config(path: &Path) -> anyhow::Result<ConnectorConfig> {
    let text = std::fs::read_to_string(path)
        .map_err(|e| UsageError::new(format!("cannot read {}: {e}", path.display())))?;
    let props = properties(&text).map_err(|e| {
        UsageError::new(format!(
            "{} is no connector configuration: {e}",
            path.display()
        ))
    })?;
    ConnectorConfig::parse(&props, &BTreeMap::new()).map_err(|problems| {
        let lines: Vec<_> = problems.iter().map(|p| format!("  {p}")).collect();
        UsageError::new(format!(
            "{} holds errors:\n{}",
            path.display(),
            lines.join("\n")
        ))
        .into()
    })
}

/// The properties of a flat object, or of `{"name","config"}`; numbers and booleans become text, as
/// Connect reads them.
fn properties(text: &str) -> Result<BTreeMap<String, String>, String> {
    use serde_json::Value;
    let value: Value = serde_json::from_str(text).map_err(|e| e.to_string())?;
    let Value::Object(mut object) = value else {
        return Err("expected a JSON object".into());
    };
    let mut name = None;
    if let Some(Value::Object(config)) = object.remove("config") {
        name = object.remove("name");
        object = config;
    }
    let mut props = BTreeMap::new();
    for (key, value) in object
        .into_iter()
        .chain(name.map(|name| ("name".to_owned(), name)))
    {
        let text = match value {
            Value::String(text) => text,
            Value::Number(number) => number.to_string(),
            Value::Bool(flag) => flag.to_string(),
            Value::Null => continue,
            Value::Array(_) | Value::Object(_) => return Err(format!("{key} must be text")),
        };
        props.insert(key, text);
    }
    if props.get("name").is_none_or(String::is_empty) {
        return Err("\"name\" is missing".into());
    }
    Ok(props)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_forms_are_read() {
        let flat =
            properties(r#"{"name":"a","database.port":5432,"slot.drop.on.stop":true}"#).unwrap();
        let nested = properties(
            r#"{"name":"a","config":{"database.port":"5432","slot.drop.on.stop":"true"}}"#,
        )
        .unwrap();
        assert_eq!(flat, nested);
        assert_eq!(properties("{}").unwrap_err(), "\"name\" is missing");
        assert_eq!(
            properties(r#"{"name":"a","x":[1]}"#).unwrap_err(),
            "x must be text"
        );
    }
}
