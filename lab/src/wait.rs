//! Waiting for a condition with a deadline. Never waits for a fixed time.

use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Result, bail};

/// How often a condition is looked at.
const POLL_INTERVAL: Duration = Duration::from_millis(10);

/// Looks at `condition` until it gives a value, fails, or `limit` has passed.
///
/// # Errors
/// The condition's own error, or that `what` did not happen within `limit`.
pub fn wait_for<T>(
    what: &str,
    limit: Duration,
    mut condition: impl FnMut() -> Result<Option<T>>,
) -> Result<T> {
    let begun = Instant::now();
    loop {
        if let Some(value) = condition()? {
            return Ok(value);
        }
        if begun.elapsed() >= limit {
            bail!("{what} did not happen within {} s", limit.as_secs_f64());
        }
        thread::sleep(POLL_INTERVAL);
    }
}
