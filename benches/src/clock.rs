//! The only reader of the clock on the wall: latencies are counted from the server's time in a row.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// Microseconds since 1970. Server and reader run on one machine, so they share this clock.
#[expect(
    clippy::disallowed_methods,
    reason = "a measurement compares with the time that PostgreSQL wrote"
)]
pub(crate) fn now_us() -> i64 {
    let since = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or(Duration::ZERO);
    i64::try_from(since.as_micros()).unwrap_or(i64::MAX)
}
