//! `walcast connect`: from the command line to a clean exit.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use anyhow::Context;
use clap::Args;
use metrics_exporter_prometheus::{PrometheusBuilder, PrometheusHandle};
use tokio::signal::unix::{SignalKind, signal};

use crate::cdc_engine::CdcEngine;
use crate::config::WorkerConfig;
use crate::logging::Loggers;
use crate::worker::{Surroundings, Worker};

/// Runs connectors behind Kafka Connect's REST API.
#[derive(Debug, Args)]
pub struct ConnectArgs {
    /// A Kafka Connect distributed worker's properties file. CONNECT_* variables count more.
    pub properties: Option<PathBuf>,
}

/// Runs the worker until SIGINT or SIGTERM.
///
/// # Errors
/// A [`walcast_wire::usage::UsageError`] for bad configuration; any other fault that ends the worker.
pub async fn run(args: ConnectArgs) -> anyhow::Result<()> {
    let config = WorkerConfig::load(args.properties.as_deref())?;
    for (property, why) in &config.warnings {
        tracing::warn!(property, "{why}");
    }
    let metrics = install_metrics()?;
    let engine = Arc::new(CdcEngine::new(&config));
    let given = Surroundings {
        engine,
        loggers: Loggers::of_process(),
        metrics,
        now_ms,
    };
    let mut terminate = signal(SignalKind::terminate()).context("listening for SIGTERM")?;
    let mut interrupt = signal(SignalKind::interrupt()).context("listening for SIGINT")?;
    let mut worker = tokio::select! {
        started = Worker::start(config, given) => started?,
        _ = terminate.recv() => return Ok(()),
        _ = interrupt.recv() => return Ok(()),
    };
    let failed = tokio::select! {
        failed = worker.run() => failed,
        _ = terminate.recv() => Ok(()),
        _ = interrupt.recv() => Ok(()),
    };
    tracing::info!("stopping");
    failed.and(worker.stop().await)
}

/// Starts recording the process's metrics.
pub(crate) fn install_metrics() -> anyhow::Result<PrometheusHandle> {
    PrometheusBuilder::new()
        .set_buckets_for_metric(
            metrics_exporter_prometheus::Matcher::Suffix("_seconds".into()),
            &[
                0.001, 0.0025, 0.005, 0.01, 0.02, 0.03, 0.06, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0, 60.0,
                300.0,
            ],
        )
        .context("setting up metrics")?
        .install_recorder()
        .context("setting up metrics")
}

#[expect(
    clippy::disallowed_methods,
    reason = "the one place of the worker that reads the clock"
)]
pub(crate) fn now_ms() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    since
        .ok()
        .and_then(|d| i64::try_from(d.as_millis()).ok())
        .unwrap_or(0)
}
