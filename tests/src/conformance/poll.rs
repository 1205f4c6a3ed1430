//! Waiting for a condition with a deadline.

use std::time::Duration;

use anyhow::{Result, bail};
use tokio::time::{Instant, sleep};

/// How often a condition is looked at.
pub(super) const INTERVAL: Duration = Duration::from_millis(100);

/// Looks at `condition` until it gives a value; `what` says what is waited for.
///
/// # Errors
/// The condition's own, or that `limit` has passed.
pub(super) async fn until<T>(
    what: &str,
    limit: Duration,
    mut condition: impl AsyncFnMut() -> Result<Option<T>>,
) -> Result<T> {
    let deadline = Instant::now() + limit;
    loop {
        if let Some(value) = condition().await? {
            return Ok(value);
        }
        if Instant::now() >= deadline {
            bail!("{what} did not happen within {} s", limit.as_secs_f64());
        }
        sleep(INTERVAL).await;
    }
}

/// Seconds of a case's file as a duration; nonsense is zero.
pub(super) fn seconds(number: f64) -> Duration {
    Duration::try_from_secs_f64(number).unwrap_or_default()
}
