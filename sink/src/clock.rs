//! The wall clock, for measurements only: nothing that lands depends on it.

/// Microseconds since the Unix epoch.
pub(crate) fn unix_micros() -> i64 {
    let now = time::OffsetDateTime::now_utc().unix_timestamp_nanos() / 1_000;
    i64::try_from(now).unwrap_or(i64::MAX)
}
