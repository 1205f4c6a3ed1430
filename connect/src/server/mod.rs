//! `walcast cdc` with a Debezium Server configuration: one connector, its properties and variables as
//! Debezium Server reads them, its health where Quarkus has it.
//!
//! ```text
//!  application.properties ┐
//!  variables              ┴─► sources (expressions, profiles) ─► meaning ─► engine
//!                                                                  └─────► http: /q/health, /api/signals, /metrics
//! ```
//!
//! What is known is honoured, warned about or refused by name (`known`); nothing is silently ignored.

mod formats;
mod health;
mod http;
mod known;
mod meaning;
mod producer;
mod sources;

use std::path::Path;
use std::sync::Arc;

use anyhow::Context;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;
use walcast_cdc::{Output, Task, TaskState};

use crate::logging::{Loggers, ROOT};
use crate::run;
use health::Health;
use meaning::ServerConfig;

/// Runs the connector of a Debezium Server configuration until SIGINT or SIGTERM, or until it fails.
///
/// `file` is its `application.properties`; without one, everything comes from variables.
///
/// # Errors
/// A [`walcast_wire::usage::UsageError`] for a configuration that cannot be used, or the failure that
/// ended the task.
pub async fn run_server(file: Option<&Path>) -> anyhow::Result<()> {
    let props = sources::load(file)?;
    let config = ServerConfig::read(&props)?;
    for (logger, level) in &config.log_levels {
        // `ServerConfig` lets only known levels through.
        let _changed = Loggers::of_process().set(logger, level, run::now_ms());
    }
    for (property, why) in &config.warnings {
        tracing::warn!(property, "{why}");
    }
    let metrics = run::install_metrics()?;
    let (events, mut states) = mpsc::channel(16);
    let listener = http::bind(&config.http).await?;
    let output = Output::Kafka(Arc::new(config.worker));
    let mut task = Task::start_watched(config.connector, output, events);
    let health = Health::default();
    let stop = CancellationToken::new();
    let mut serving = JoinSet::new();
    if let Some(listener) = listener {
        let app = http::app(
            health.clone(),
            metrics,
            config.signals.then(|| task.handle()),
        );
        serving.spawn(http::serve(listener, app, stop.clone()));
    }
    let mut interrupt = signal(SignalKind::interrupt()).context("listening for SIGINT")?;
    let mut terminate = signal(SignalKind::terminate()).context("listening for SIGTERM")?;
    let ended = loop {
        tokio::select! {
            _ = interrupt.recv() => break Ok(()),
            _ = terminate.recv() => break Ok(()),
            Some(served) = serving.join_next() => {
                break served.context("serving the health")?.context("serving the health");
            }
            event = states.recv() => match event.map(|event| event.state) {
                Some(TaskState::Failed { trace }) => {
                    health.set(false);
                    task.wait().await;
                    break Err(anyhow::anyhow!(trace));
                }
                Some(TaskState::Running) => {
                    health.set(true);
                    tracing::info!("running");
                }
                Some(TaskState::Stopped) | None => break Ok(()),
            },
        }
    };
    tracing::info!("stopping");
    health.set(false);
    let drain = async { while states.recv().await.is_some() {} };
    tokio::join!(task.stop(), drain);
    stop.cancel();
    while serving.join_next().await.is_some() {}
    ended
}

/// The root logger's name, as the REST API has it.
fn root_logger() -> String {
    ROOT.to_owned()
}

#[cfg(test)]
mod tests;
