//! What the handlers share: the stores, the caches and the limits of one server.

use std::sync::Arc;

use anyhow::Context;
use metrics_exporter_prometheus::PrometheusHandle;

use crate::analytics::Clickhouse;
use crate::auth::Tokens;
use crate::cache::Cache;
use crate::config::Config;
use crate::experiments::Experiments;
use crate::limits::RateLimits;
use crate::postgres::{self, Postgres};
use crate::{assignments, auth, events, migrate};

/// One server's shared state.
pub(crate) struct App {
    pub(crate) config: Config,
    pub(crate) postgres: Postgres,
    pub(crate) cache: Cache,
    pub(crate) experiments: Experiments,
    pub(crate) tokens: Tokens,
    pub(crate) limits: RateLimits,
    pub(crate) clickhouse: Clickhouse,
    pub(crate) metrics: PrometheusHandle,
}

impl App {
    /// Connects to PostgreSQL, which must be there with its schema; the rest may be down.
    pub(crate) async fn new(
        config: Config,
        metrics: PrometheusHandle,
    ) -> anyhow::Result<Arc<Self>> {
        let postgres = Postgres::new(&config.postgres)?;
        let place = || postgres::place(config.postgres.url.expose());
        postgres
            .check(migrate::latest_version())
            .await
            .with_context(place)?;
        let hot = [auth::FIND_TOKEN, events::RECORD, assignments::RECORD];
        postgres.warm(&hot).await.with_context(place)?;
        let row = postgres
            .query("SELECT id::text FROM installation", &[])
            .await?;
        let row = row
            .first()
            .context("the table installation is empty; it must hold one row")?;
        let installation: String = row.try_get(0)?;
        Ok(Arc::new(Self {
            cache: Cache::new(config.redis.as_ref(), &installation)?,
            experiments: Experiments::new(postgres.clone()),
            tokens: Tokens::new(&config.limits),
            limits: RateLimits::new(&config.limits),
            clickhouse: Clickhouse::new(config.clickhouse.as_ref()),
            postgres,
            metrics,
            config,
        }))
    }
}
