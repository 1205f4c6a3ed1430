//! The sink as a process: start, serve, stop.

use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;
use walcast_wire::usage::UsageError;

use crate::backoff::Backoff;
use crate::check::{CheckError, check};
use crate::config::{ClickHouse, Config, SinkArgs};
use crate::dead_letter::{self, DeadLetters};
use crate::group;
use crate::hook::{NoHook, StepHook};
use crate::landing::Landing;
use crate::status::Status;
use crate::worker::Shared;
use crate::{http, metrics};

/// How often recorded latencies are folded into their histograms.
const METRICS_UPKEEP: Duration = Duration::from_secs(5);

/// Runs `walcast sink` until SIGINT or SIGTERM.
pub async fn run(args: SinkArgs) -> anyhow::Result<()> {
    let config = Config::load(args)?;
    let stop = CancellationToken::new();
    let mut interrupt = signal(SignalKind::interrupt()).context("SIGINT")?;
    let mut terminate = signal(SignalKind::terminate()).context("SIGTERM")?;
    let serving = serve(config, stop.clone(), Arc::new(NoHook));
    tokio::pin!(serving);
    tokio::select! {
        ended = &mut serving => return ended,
        _ = interrupt.recv() => tracing::info!("SIGINT: stopping"),
        _ = terminate.recv() => tracing::info!("SIGTERM: stopping"),
    }
    stop.cancel();
    serving.await
}

/// Runs the sink until `stop`; `hook` is told of every step of every batch.
pub async fn serve(
    config: Config,
    stop: CancellationToken,
    hook: Arc<dyn StepHook>,
) -> anyhow::Result<()> {
    let listener = TcpListener::bind(config.listen)
        .await
        .map_err(|error| UsageError::new(format!("listen {}: {error}", config.listen)))?;
    let handle = metrics::start();
    let status = Arc::new(Status::default());
    let mut tasks = JoinSet::new();
    let http_stop = CancellationToken::new();
    let _stop_http = http_stop.clone().drop_guard();
    tasks.spawn(http::serve(
        listener,
        Arc::clone(&status),
        handle.clone(),
        http_stop,
    ));
    if let Some(handle) = handle {
        tasks.spawn(async move {
            loop {
                tokio::time::sleep(METRICS_UPKEEP).await;
                handle.run_upkeep();
            }
        });
    }
    let Some(token_window) = wait_for_clickhouse(&config.clickhouse, &status, &stop).await? else {
        return Ok(());
    };
    tracing::info!(listen = %config.listen, topics = ?config.kafka.topics, "sink started");
    let shared = Arc::new(Shared {
        landing: Landing::new(&config.clickhouse),
        token_window,
        dead_letters: DeadLetters::new(&config.kafka).context("the dead-letter producer")?,
        limits: config.limits,
        batch_age_max: config.batch_age_max,
        outbox: config.outbox.clone(),
        kafka: config.kafka.clone(),
        status,
        hook,
    });
    follow(config, shared, stop, tasks).await
}

/// Follows the group until it ends; a listener that ends before is an error.
async fn follow(
    config: Config,
    shared: Arc<Shared>,
    stop: CancellationToken,
    mut tasks: JoinSet<std::io::Result<()>>,
) -> anyhow::Result<()> {
    let kafka = config.kafka.clone();
    tasks.spawn(async move {
        if let Err(error) = dead_letter::ensure_topic(&kafka).await {
            let topic = &kafka.dead_letter_topic;
            tracing::warn!(%topic, "the dead-letter topic cannot be made yet: {error}");
        }
        std::future::pending().await
    });
    let runtime = tokio::runtime::Handle::current();
    let group_stop = stop.clone();
    let mut following =
        tokio::task::spawn_blocking(move || group::poll(&config, shared, runtime, group_stop));
    let ended = tokio::select! {
        ended = &mut following => return ended.context("the consumer's thread")?,
        ended = tasks.join_next() => ended,
    };
    stop.cancel();
    following.await.context("the consumer's thread")??;
    match ended {
        Some(Ok(Err(error))) => Err(error).context("the HTTP listener"),
        Some(Err(error)) => Err(error).context("a background task"),
        Some(Ok(Ok(()))) | None => Ok(()),
    }
}

/// Tries until ClickHouse answers and its tables fit; gives their window, or none when stopped
/// before.
async fn wait_for_clickhouse(
    config: &ClickHouse,
    status: &Status,
    stop: &CancellationToken,
) -> anyhow::Result<Option<u64>> {
    let mut backoff = Backoff::new();
    loop {
        let checked = tokio::select! {
            () = stop.cancelled() => return Ok(None),
            checked = check(config) => checked,
        };
        let error = match checked {
            Ok(window) => {
                status.set_clickhouse_problem(None);
                return Ok(Some(window));
            }
            Err(CheckError::Wrong(why)) => return Err(UsageError::new(why).into()),
            Err(CheckError::Unavailable(error)) => error,
        };
        let problem = format!("ClickHouse at {} cannot be used yet: {error}", config.url);
        tracing::warn!("{problem}; nothing is read from Kafka until it can");
        status.set_clickhouse_problem(Some(problem));
        tokio::select! {
            () = stop.cancelled() => return Ok(None),
            () = tokio::time::sleep(backoff.next()) => {}
        }
    }
}
