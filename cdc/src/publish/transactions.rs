//! Kafka transactions of one connector: taken over, begun, committed.
//!
//! Between two transactions there is a short rest. A newer instance with the same transactional id
//! fences an older one, whose next call then fails.

use std::sync::Arc;
use std::time::Duration;

use rdkafka::error::{KafkaError, KafkaResult};
use rdkafka::producer::Producer;
use tokio::time::Instant;

use super::broker::Transactional;
use super::client::fault;
use super::producer::KafkaProducer;
use crate::config::ConnectorConfig;
use crate::error::{EngineError, Result};

/// How long one call on the coordinator may take before it is tried again.
const CALL_TIMEOUT: Duration = Duration::from_secs(10);

/// The rest after a commit, as a multiple of the time that the commit took.
///
/// The coordinator answers a commit when it has decided, and writes the markers afterwards. A new
/// transaction before they are written is answered CONCURRENT_TRANSACTIONS, and Kafka's client waits
/// at least 20 ms then, which costs more than the rest. The markers take about as long as the answer.
const REST_FACTOR: u32 = 2;

/// The shortest and the longest rest.
const REST_LIMITS: (Duration, Duration) = (Duration::from_millis(3), Duration::from_millis(20));

/// How often, and how many times, the client's count of outstanding messages is looked at.
const FLUSHED_LOOK_EVERY: Duration = Duration::from_millis(1);
const FLUSHED_LOOKS_MAX: usize = 50;

/// How often a call is tried that only times out.
pub(crate) const CALL_ATTEMPTS: usize = 6;

/// A transactional producer that has taken over its id.
pub(crate) struct Transactions {
    producer: Arc<KafkaProducer>,
    /// When the next transaction may begin.
    rested: Instant,
}

/// The transactional id of a connector, as Connect's `Worker` names that of a task; each lane has
/// that of the task of its number.
pub(crate) fn transactional_id(group_id: &str, connector: &ConnectorConfig) -> String {
    let (name, lane) = (connector.connector(), connector.lane_number());
    format!("{group_id}-{name}-{lane}")
}

impl Transactions {
    /// Takes over the transactional id: waits for or aborts what an older instance left open, and
    /// fences it. Offsets are read only after this. The coordinator is asked so many times for up to
    /// 10 s.
    ///
    /// # Errors
    /// Definite without the right to the id, else transient.
    pub(crate) async fn take_over(producer: Arc<KafkaProducer>, attempts: usize) -> Result<Self> {
        let doing = "taking over the connector's transactional id";
        let run = |p: &KafkaProducer| {
            // Without a broker the client would look for the coordinator only after 500 ms again. When
            // none is found, the call itself says so.
            let _found = p.client().client().fetch_cluster_id(CALL_TIMEOUT);
            p.client().init_transactions(CALL_TIMEOUT)
        };
        call(&producer, attempts, doing, run).await?;
        Ok(Self {
            producer,
            rested: Instant::now(),
        })
    }

    /// Waits until the client, too, counts no message as outstanding, which it does a moment after it
    /// told of the delivery. A commit in that moment would wait in the client's own flush, which looks
    /// only every 100 ms; past the limit that is what happens.
    async fn wait_until_flushed(&self) {
        for _ in 0..FLUSHED_LOOKS_MAX {
            if self.producer.client().in_flight_count() == 0 {
                return;
            }
            tokio::time::sleep(FLUSHED_LOOK_EVERY).await;
        }
    }
}

impl Transactional for Transactions {
    type Producer = KafkaProducer;

    fn producer(&self) -> &Arc<KafkaProducer> {
        &self.producer
    }

    /// Begins a transaction, after a rest.
    async fn begin(&mut self) -> Result<()> {
        tokio::time::sleep_until(self.rested).await;
        self.producer
            .client()
            .begin_transaction()
            .map_err(|e| fault("beginning a Kafka transaction", e))
    }

    async fn commit(&mut self) -> Result<()> {
        self.wait_until_flushed().await;
        let begun = Instant::now();
        let run = |p: &KafkaProducer| p.client().commit_transaction(CALL_TIMEOUT);
        call(
            &self.producer,
            CALL_ATTEMPTS,
            "committing a Kafka transaction",
            run,
        )
        .await?;
        let (shortest, longest) = REST_LIMITS;
        let rest = begun.elapsed().saturating_mul(REST_FACTOR);
        self.rested = Instant::now() + rest.clamp(shortest, longest);
        Ok(())
    }
}

/// Runs a blocking transaction call off the runtime; tries again when it only timed out.
async fn call(
    producer: &Arc<KafkaProducer>,
    attempts: usize,
    doing: &'static str,
    run: impl Fn(&KafkaProducer) -> KafkaResult<()> + Send + Clone + 'static,
) -> Result<()> {
    let mut last = None;
    for _ in 0..attempts {
        let (producer, run) = (Arc::clone(producer), run.clone());
        let ended = tokio::task::spawn_blocking(move || run(&producer)).await;
        match ended.map_err(|e| EngineError::transient(format!("while {doing}: {e}")))? {
            Ok(()) => return Ok(()),
            Err(KafkaError::Transaction(e)) if e.is_retriable() => {
                tracing::warn!(error = %e, "{doing} takes long");
                last = Some(KafkaError::Transaction(e));
            }
            Err(error) => return Err(fault(doing, error)),
        }
    }
    match last {
        Some(error) => Err(fault(doing, error)),
        None => Err(EngineError::transient(format!(
            "while {doing}: no attempt was made"
        ))),
    }
}
