//! Stored assignments, remembered in Redis.
//!
//! In come rows that are committed and never change. Out comes the same row, or nothing: when Redis
//! is down, slow or wrong, callers read PostgreSQL instead. It never decides anything.

use std::time::Duration;

use redis::aio::{ConnectionManager, ConnectionManagerConfig};
use redis::{AsyncCommands, Client, RedisError};
use tokio::time::timeout;
use walcast_wire::usage::UsageError;

use crate::breaker::Breaker;
use crate::config::RedisConfig;

/// The cache, or a stand-in that knows nothing.
pub(crate) struct Cache {
    redis: Option<Redis>,
}

struct Redis {
    connection: ConnectionManager,
    breaker: Breaker,
    timeout: Duration,
    life: Duration,
    prefix: String,
}

impl Cache {
    /// A cache whose entries belong to `installation`; it connects when first used.
    pub(crate) fn new(
        config: Option<&RedisConfig>,
        installation: &str,
    ) -> Result<Self, UsageError> {
        let Some(config) = config else {
            return Ok(Self { redis: None });
        };
        let unusable = |e: RedisError| UsageError::new(format!("redis_url cannot be used: {e}"));
        let client = Client::open(config.url.expose()).map_err(unusable)?;
        let manager = ConnectionManagerConfig::new()
            .set_connection_timeout(Some(config.timeout.max(Duration::from_millis(500))))
            .set_response_timeout(Some(config.timeout))
            .set_number_of_retries(1)
            .set_pipeline_buffer_size(256);
        let connection =
            ConnectionManager::new_lazy_with_config(client, manager).map_err(unusable)?;
        Ok(Self {
            redis: Some(Redis {
                connection,
                breaker: Breaker::default(),
                timeout: config.timeout,
                life: config.assignment_life,
                prefix: format!("walcast:{installation}:assignment"),
            }),
        })
    }

    /// The JSON kept for the user's assignment.
    pub(crate) async fn get(&self, experiment_id: i64, user_id: &str) -> Option<String> {
        let redis = self.redis.as_ref()?;
        let key = redis.key(experiment_id, user_id);
        let mut connection = redis.connection.clone();
        let found: Option<Option<String>> = redis.attempt(connection.get(key)).await;
        let result = match &found {
            None => "error",
            Some(None) => "miss",
            Some(Some(_)) => "hit",
        };
        metrics::counter!("walcast_api_cache_reads_total", "result" => result).increment(1);
        found.flatten()
    }

    /// Keeps the JSON of the user's assignment, if Redis can.
    pub(crate) async fn put(&self, experiment_id: i64, user_id: &str, json: String) {
        let Some(redis) = &self.redis else { return };
        let key = redis.key(experiment_id, user_id);
        let mut connection = redis.connection.clone();
        let stored: Option<()> = redis
            .attempt(connection.set_ex(key, json, redis.life.as_secs()))
            .await;
        let result = if stored.is_some() { "stored" } else { "error" };
        metrics::counter!("walcast_api_cache_writes_total", "result" => result).increment(1);
    }

    /// Whether Redis answers; `None` when none is configured.
    pub(crate) async fn ping(&self) -> Option<Result<(), String>> {
        let redis = self.redis.as_ref()?;
        let mut connection = redis.connection.clone();
        let answer = timeout(Duration::from_secs(1), connection.ping::<()>()).await;
        Some(match answer {
            Ok(Ok(())) => Ok(()),
            Ok(Err(error)) => Err(error.to_string()),
            Err(_) => Err("no answer within 1 s".to_owned()),
        })
    }
}

impl Redis {
    fn key(&self, experiment_id: i64, user_id: &str) -> String {
        format!("{}:{experiment_id}:{user_id}", self.prefix)
    }

    /// One call under the breaker and the time limit; `None` when it was skipped or failed.
    async fn attempt<T>(&self, call: impl Future<Output = Result<T, RedisError>>) -> Option<T> {
        if !self.breaker.allows() {
            return None;
        }
        let error = match timeout(self.timeout, call).await {
            Ok(Ok(value)) => {
                if self.breaker.succeeded() {
                    tracing::info!("Redis answers again");
                }
                return Some(value);
            }
            Ok(Err(error)) => error.to_string(),
            Err(_) => format!("no answer within {} ms", self.timeout.as_millis()),
        };
        if self.breaker.failed() {
            tracing::warn!("Redis is not used for now, PostgreSQL answers instead: {error}");
        }
        None
    }
}
