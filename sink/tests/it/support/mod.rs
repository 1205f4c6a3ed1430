//! What a test needs: servers, a case of its own, records, a running sink, counts.

pub(crate) mod case;
pub(crate) mod proxy;
pub(crate) mod records;
pub(crate) mod servers;
pub(crate) mod sink;

pub(crate) use case::{Case, Counts};
pub(crate) use records::{assignment, event, event_at, outbox};
pub(crate) use servers::{clickhouse_url, kafka};
pub(crate) use sink::{CrashAt, Running};

use std::time::Duration;

use tokio::time::Instant;

/// No condition of a test takes longer than this on a busy machine.
pub(crate) const DEADLINE: Duration = Duration::from_secs(180);

/// Looks until `condition` holds; fails the test with `what` at the deadline.
pub(crate) async fn until<F: Future<Output = bool>>(what: &str, mut condition: impl FnMut() -> F) {
    let deadline = Instant::now() + DEADLINE;
    while !condition().await {
        assert!(Instant::now() < deadline, "not within {DEADLINE:?}: {what}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}
