//! Logging: set up once, changed while running through `/admin/loggers`.
//!
//! Logger names of Kafka Connect and Debezium stand for our parts, so that the usual scripts work.

use std::collections::BTreeMap;
use std::io::IsTerminal;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use clap::ValueEnum;
use serde::Serialize;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{EnvFilter, Layer, Registry, fmt, reload};
use walcast_wire::usage::UsageError;

/// How log lines look.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum LogFormat {
    /// For people.
    Plain,
    /// One JSON object a line.
    Json,
}

/// The level of one logger.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct LoggerLevel {
    level: String,
    /// Milliseconds since the epoch; none while it is as at the start.
    last_modified: Option<i64>,
}

/// The levels, and how to apply them.
pub struct Loggers {
    base: String,
    levels: Mutex<BTreeMap<String, LoggerLevel>>,
    apply: Box<dyn Fn(EnvFilter) + Send + Sync>,
}

/// Connect's level names and ours.
const LEVELS: &[(&str, &str)] = &[
    ("OFF", "off"),
    ("FATAL", "error"),
    ("ERROR", "error"),
    ("WARN", "warn"),
    ("INFO", "info"),
    ("DEBUG", "debug"),
    ("TRACE", "trace"),
    ("ALL", "trace"),
];

/// Names of Java loggers and the part of Walcast that does their work.
const PARTS: &[(&str, &str)] = &[
    ("io.debezium", "walcast_cdc"),
    ("org.apache.kafka.connect", "walcast_connect"),
    ("org.apache.kafka.clients", "librdkafka"),
];

pub(crate) const ROOT: &str = "root";

/// The loggers of the process, once they are started.
static PROCESS: OnceLock<Arc<Loggers>> = OnceLock::new();

/// Starts logging to standard error for the whole process.
///
/// # Errors
/// [`UsageError`] when `filter` is no filter, or logging has been started already.
pub fn start(filter: &str, format: LogFormat) -> Result<(), UsageError> {
    let parsed = EnvFilter::try_new(filter).map_err(|e| {
        UsageError::new(format!(
            "--log {filter}: {e}; write info, or target=level with commas between"
        ))
    })?;
    let (filter_layer, handle) = reload::Layer::<EnvFilter, Registry>::new(parsed);
    let lines = fmt::layer()
        .with_ansi(std::io::stderr().is_terminal())
        .with_writer(std::io::stderr);
    let lines = match format {
        LogFormat::Plain => lines.boxed(),
        LogFormat::Json => lines.json().boxed(),
    };
    let subscriber = tracing_subscriber::registry()
        .with(filter_layer)
        .with(lines);
    subscriber
        .try_init()
        .map_err(|e| UsageError::new(format!("logging is set up already: {e}")))?;
    let loggers = Loggers::new(filter, move |filter| {
        if let Err(error) = handle.reload(filter) {
            tracing::warn!(%error, "cannot change the log levels");
        }
    });
    let unset = PROCESS.set(Arc::new(loggers));
    unset.map_err(|_| UsageError::new("logging is set up already"))
}

impl Loggers {
    /// The loggers that [`start`] has set up; without it, levels can be asked for but not changed.
    pub(crate) fn of_process() -> Arc<Self> {
        PROCESS.get().cloned().unwrap_or_else(|| {
            Arc::new(Self::new("info", |_| {
                tracing::warn!("this process has fixed log levels; the change has no effect");
            }))
        })
    }

    /// `apply` makes a filter count.
    pub fn new(base: &str, apply: impl Fn(EnvFilter) + Send + Sync + 'static) -> Self {
        let plain = LEVELS
            .iter()
            .find(|(_, ours)| base.eq_ignore_ascii_case(ours));
        let level = plain.map_or("INFO", |(level, _)| level).to_owned();
        let root = LoggerLevel {
            level,
            last_modified: None,
        };
        Self {
            base: base.to_owned(),
            levels: Mutex::new(BTreeMap::from([(ROOT.to_owned(), root)])),
            apply: Box::new(apply),
        }
    }

    /// All loggers whose level is known.
    pub(crate) fn all(&self) -> BTreeMap<String, LoggerLevel> {
        self.lock().clone()
    }

    /// One logger.
    pub(crate) fn get(&self, name: &str) -> Option<LoggerLevel> {
        self.lock().get(name).cloned()
    }

    /// Sets the level of a logger and of those below it; the ones that it changed, or `None` when
    /// there is no such level.
    pub(crate) fn set(&self, name: &str, level: &str, now_ms: i64) -> Option<Vec<String>> {
        if !LEVELS.iter().any(|(known, _)| *known == level) {
            return None;
        }
        let mut levels = self.lock();
        let below = format!("{name}.");
        let children = levels.keys().filter(|child| child.starts_with(&below));
        let mut changed: Vec<String> = children.cloned().chain([name.to_owned()]).collect();
        changed.retain(|name| levels.get(name).is_none_or(|now| now.level != level));
        changed.sort();
        if changed.is_empty() {
            return Some(changed);
        }
        for name in &changed {
            let entry = LoggerLevel {
                level: level.to_owned(),
                last_modified: Some(now_ms),
            };
            levels.insert(name.clone(), entry);
        }
        (self.apply)(EnvFilter::new(self.directives(&levels)));
        Some(changed)
    }

    /// The start's filter, then what was changed since.
    fn directives(&self, levels: &BTreeMap<String, LoggerLevel>) -> String {
        let changed = levels.iter().filter(|(_, l)| l.last_modified.is_some());
        let directives = changed.filter_map(|(name, level)| {
            let (_, ours) = LEVELS.iter().find(|(known, _)| *known == level.level)?;
            Some(if name == ROOT {
                (*ours).to_owned()
            } else {
                format!("{}={ours}", target(name))
            })
        });
        std::iter::once(self.base.clone())
            .chain(directives)
            .collect::<Vec<_>>()
            .join(",")
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<String, LoggerLevel>> {
        self.levels.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The tracing target that a logger's name stands for.
fn target(logger: &str) -> String {
    let part = PARTS.iter().find(|(java, _)| logger.starts_with(java));
    part.map_or_else(|| logger.replace('.', "::"), |(_, ours)| (*ours).to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn java_logger_names_stand_for_our_parts() {
        for (logger, expected) in [
            ("io.debezium.connector.postgresql", "walcast_cdc"),
            (
                "org.apache.kafka.connect.runtime.WorkerTask",
                "walcast_connect",
            ),
            ("walcast_connect.rest", "walcast_connect::rest"),
        ] {
            assert_eq!(target(logger), expected);
        }
    }

    #[test]
    fn changes_are_applied_over_the_start_and_unknown_levels_are_not() {
        let (seen, filters) = std::sync::mpsc::sync_channel(4);
        let loggers = Loggers::new("warn", move |filter| {
            drop(seen.try_send(filter.to_string()))
        });
        assert_eq!(loggers.get("root").unwrap().level, "WARN");
        assert_eq!(loggers.set("io.debezium", "LOUD", 1), None);
        assert!(loggers.get("io.debezium").is_none());
        let set = |name: &str, level: &str, now| loggers.set(name, level, now).unwrap();
        assert_eq!(set("io.debezium", "DEBUG", 5), ["io.debezium"]);
        assert!(set("io.debezium", "DEBUG", 6).is_empty());
        assert!(filters.recv().unwrap().contains("walcast_cdc=debug"));
        assert_eq!(loggers.get("io.debezium").unwrap().last_modified, Some(5));
        assert_eq!(set("root", "ERROR", 7), ["root"]);
        assert!(filters.recv().unwrap().contains("error"));
        set("a.b", "ERROR", 8);
        assert_eq!(set("a", "WARN", 9), ["a", "a.b"]);
        assert_eq!(loggers.get("a.b").unwrap().level, "WARN");
    }
}
