//! Queries to ClickHouse under a time limit; every failure is one 503.

use std::time::Duration;

use ::clickhouse::query::Query;
use ::clickhouse::{Client, RowOwned, RowRead};
use tokio::time::timeout;

use crate::config::ClickhouseConfig;
use crate::problem::{self, Problem};

/// The analytics store, or a stand-in that says that none is configured.
pub(crate) struct Clickhouse {
    client: Option<Client>,
    timeout: Duration,
}

impl Clickhouse {
    /// A client that connects when first used.
    pub(crate) fn new(config: Option<&ClickhouseConfig>) -> Self {
        let Some(config) = config else {
            return Self {
                client: None,
                timeout: Duration::ZERO,
            };
        };
        let client = Client::default()
            .with_url(&config.url)
            .with_database(&config.database)
            .with_user(&config.user)
            .with_password(config.password.expose())
            .with_setting(
                "max_execution_time",
                config.timeout.as_secs().max(1).to_string(),
            )
            .with_setting("readonly", "2");
        Self {
            client: Some(client),
            timeout: config.timeout,
        }
    }

    /// A query to which parameters can be given.
    pub(super) fn query(&self, sql: &str) -> Result<Query, Problem> {
        let none = || Problem::new(problem::NO_ANALYTICS, "clickhouse_url is not configured");
        Ok(self.client.as_ref().ok_or_else(none)?.query(sql))
    }

    /// All rows of a query.
    pub(super) async fn rows<T: RowOwned + RowRead>(
        &self,
        query: Query,
    ) -> Result<Vec<T>, Problem> {
        let detail = match timeout(self.timeout, query.fetch_all::<T>()).await {
            Ok(Ok(rows)) => return Ok(rows),
            Ok(Err(error)) => {
                metrics::counter!("walcast_api_analytics_errors_total").increment(1);
                return Err(unavailable("ClickHouse did not answer; try again").because(error));
            }
            Err(_) => format!(
                "ClickHouse did not answer within {} ms",
                self.timeout.as_millis()
            ),
        };
        metrics::counter!("walcast_api_analytics_errors_total").increment(1);
        Err(unavailable(&detail))
    }

    /// Whether ClickHouse answers; `None` when none is configured.
    pub(crate) async fn ping(&self) -> Option<Result<(), String>> {
        let client = self.client.as_ref()?;
        let answer = timeout(
            Duration::from_secs(1),
            client.query("SELECT 1").fetch_one::<u8>(),
        )
        .await;
        Some(match answer {
            Ok(Ok(_)) => Ok(()),
            Ok(Err(error)) => Err(error.to_string()),
            Err(_) => Err("no answer within 1 s".to_owned()),
        })
    }
}

fn unavailable(detail: &str) -> Problem {
    Problem::new(problem::NO_ANALYTICS, detail).retry_after_s(2)
}
