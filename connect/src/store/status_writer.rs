//! Writes this worker's statuses to the status topic, newest values only.

use std::sync::Arc;
use std::time::Duration;

use tokio_util::sync::CancellationToken;

use super::statuses::StatusStore;
use crate::kafka::{Record, TopicLog};

/// Pause after Kafka refused a write.
const RETRY_PAUSE: Duration = Duration::from_secs(1);

/// Writes until `stop`, then writes what is left and returns. While Kafka cannot be written the
/// statuses are kept and counted as said; a failure is logged and tried again.
pub(crate) async fn run(store: Arc<StatusStore>, log: Arc<TopicLog>, stop: CancellationToken) {
    while stop
        .run_until_cancelled(store.wait_for_unwritten())
        .await
        .is_some()
    {
        if !write(&store, &log).await
            && stop
                .run_until_cancelled(tokio::time::sleep(RETRY_PAUSE))
                .await
                .is_none()
        {
            break;
        }
    }
    if !write(&store, &log).await {
        tracing::warn!(
            "the last statuses could not be written; they are stale until the worker starts again"
        );
    }
}

async fn write(store: &StatusStore, log: &TopicLog) -> bool {
    let unwritten = store.take_unwritten();
    if unwritten.is_empty() {
        return true;
    }
    let records: Vec<Record> = unwritten
        .iter()
        .map(|entry| entry.key.encode(entry.value.as_ref()))
        .collect();
    match log.write(&records).await {
        Ok(()) => {
            store.settle(&unwritten);
            true
        }
        Err(error) => {
            tracing::warn!(%error, "cannot write statuses; trying again");
            store.put_back(unwritten);
            false
        }
    }
}
