//! Starts the role and stops it cleanly: listens, answers, keeps house, drains.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};
use tokio::task::JoinSet;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

use crate::config::{ApiArgs, Config};
use crate::state::App;
use crate::{metrics, outbox, router};

/// `walcast api`: serves until SIGINT or SIGTERM.
///
/// # Errors
/// The configuration cannot be used, the address is taken, or PostgreSQL cannot be used.
pub async fn run(args: ApiArgs) -> anyhow::Result<()> {
    let config = args.load()?;
    let listener = TcpListener::bind(config.listen).await.with_context(|| {
        format!(
            "cannot listen on {}: choose another `listen`, or stop who has it",
            config.listen
        )
    })?;
    let stop = CancellationToken::new();
    let mut tasks = JoinSet::new();
    let (mut interrupt, mut terminate) = (
        signal(SignalKind::interrupt())?,
        signal(SignalKind::terminate())?,
    );
    let signalled = stop.clone();
    tasks.spawn(async move {
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
        }
        tracing::info!("stopping: open requests are answered first");
        signalled.cancel();
    });
    serve(config, listener, stop).await
}

/// Serves on `listener` until `stop`, then answers what is open, for as long as configured.
///
/// # Errors
/// PostgreSQL cannot be used at start, or the listener fails.
pub async fn serve(
    config: Config,
    listener: TcpListener,
    stop: CancellationToken,
) -> anyhow::Result<()> {
    let shutdown_timeout = config.shutdown_timeout;
    let app = App::new(config, metrics::install()?).await?;
    tracing::info!(listen = %listener.local_addr()?, "the experimentation API is ready");
    let mut tasks = JoinSet::new();
    tasks.spawn(outbox::housekeeping(Arc::clone(&app), stop.clone()));
    let service = router::router(app).into_make_service_with_connect_info::<SocketAddr>();
    let drained =
        axum::serve(listener, service).with_graceful_shutdown(stop.clone().cancelled_owned());
    let drained = drain(drained.into_future(), &stop, shutdown_timeout).await;
    stop.cancel();
    while let Some(ended) = tasks.join_next().await {
        ended.context("a background task failed")?;
    }
    drained
}

async fn drain(
    serving: impl Future<Output = std::io::Result<()>>,
    stop: &CancellationToken,
    limit: Duration,
) -> anyhow::Result<()> {
    tokio::pin!(serving);
    tokio::select! {
        ended = &mut serving => return ended.context("the listener failed"),
        () = stop.cancelled() => {}
    }
    match timeout(limit, serving).await {
        Ok(ended) => ended.context("the listener failed"),
        Err(_) => {
            tracing::warn!(
                "requests were still open after {} ms; they are cut",
                limit.as_millis()
            );
            Ok(())
        }
    }
}
