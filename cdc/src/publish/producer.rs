//! The Kafka producer: idempotent, partitioned as Java's, its deliveries counted per batch.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use rdkafka::ClientContext;
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::message::{DeliveryResult, Header, Message, OwnedHeaders};
use rdkafka::producer::{BaseRecord, Producer, ProducerContext, ThreadedProducer};
use tokio::sync::Notify;

use super::client::{base, fault};
use super::properties;
use crate::batch::{Batch, Published};
use crate::config::ConnectorConfig;
use crate::error::{EngineError, Result};
use crate::settings::WorkerSettings;

/// How long to wait for room in the client's queue before trying again.
const ROOM_WAIT: Duration = Duration::from_millis(50);

/// A producer that counts deliveries per batch.
pub(crate) type KafkaProducer = ThreadedProducer<Deliveries>;

/// Counts outstanding deliveries per batch, in the order batches were begun.
#[derive(Default)]
pub(crate) struct Deliveries {
    state: Mutex<State>,
    changed: Notify,
}

#[derive(Default)]
struct State {
    /// Batch number and records not yet delivered, oldest first.
    outstanding: VecDeque<(u64, usize)>,
    /// The first delivery that failed.
    failed: Option<KafkaError>,
    /// Whether the client has counted a record as delivered that no broker has given an offset.
    unproven: bool,
}

impl Deliveries {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Expects `records` more deliveries for batch `seq`; call before sending them.
    pub(crate) fn expect(&self, seq: u64, records: usize) {
        let mut state = self.state();
        match state.outstanding.back_mut() {
            Some((last, left)) if *last == seq => *left += records,
            _ => state.outstanding.push_back((seq, records)),
        }
    }

    /// Waits until all up to batch `seq`, the last one begun, is delivered.
    ///
    /// The client's own flush would do, but it looks only every 100 ms.
    pub(crate) async fn settled(&self, seq: u64) -> Result<()> {
        while self.acked(seq)? < seq {
            self.changed().await;
        }
        Ok(())
    }

    /// The last batch of the contiguous prefix that is delivered, given the last one begun.
    pub(crate) fn acked(&self, begun: u64) -> Result<u64> {
        let mut state = self.state();
        if let Some(error) = state.failed.clone() {
            return Err(fault("delivering records to Kafka", error));
        }
        if state.unproven {
            return Err(EngineError::transient(
                "Kafka's client took a record for delivered because a later one was, but no broker has given it an offset; all is sent again from the checkpoint",
            ));
        }
        while state
            .outstanding
            .front()
            .is_some_and(|(_, left)| *left == 0)
        {
            state.outstanding.pop_front();
        }
        Ok(state.outstanding.front().map_or(begun, |(seq, _)| seq - 1))
    }

    /// Waits until a delivery has come in since the last call.
    pub(crate) async fn changed(&self) {
        self.changed.notified().await;
    }
}

impl ClientContext for Deliveries {}

impl ProducerContext for Deliveries {
    type DeliveryOpaque = usize;

    fn delivery(&self, result: &DeliveryResult<'_>, seq: usize) {
        let mut state = self.state();
        match result {
            // The client takes what it is about to send again for delivered as soon as a later record
            // is. A partition that has just become its leader's takes the later one, however.
            Ok(message) if message.offset() < 0 => state.unproven = true,
            Ok(_) => {
                let seq = seq as u64;
                if let Some(entry) = state.outstanding.iter_mut().find(|(s, _)| *s == seq) {
                    entry.1 = entry.1.saturating_sub(1);
                }
            }
            Err((error, _)) if state.failed.is_none() => state.failed = Some(error.clone()),
            Err(_) => {}
        }
        let broken = state.failed.is_some() || state.unproven;
        let wake = broken || state.outstanding.front().is_some_and(|(_, n)| *n == 0);
        drop(state);
        if wake {
            self.changed.notify_one();
        }
    }
}

/// Makes the connector's producer; with `transactional_id`, a transactional one.
///
/// Defaults are those of Connect's producers (idempotence, acks=all, no delivery time limit), with
/// lz4; the worker's `producer.*` and the connector's `producer.override.*` come on top.
pub(crate) fn make(
    settings: &WorkerSettings,
    connector: &ConnectorConfig,
    transactional_id: Option<&str>,
) -> Result<Arc<KafkaProducer>> {
    let mut config = base(
        settings,
        &format!("connector-producer-{}-0", connector.name),
    )?;
    config
        .set("acks", "all")
        .set("max.in.flight.requests.per.connection", "5")
        .set("compression.type", "lz4")
        .set("linger.ms", "0")
        .set("batch.size", "262144")
        .set("queue.buffering.max.kbytes", "16384")
        .set("queue.buffering.max.messages", "100000");
    properties::apply(&mut config, &settings.producer)?;
    properties::apply(&mut config, &connector.producer_overrides)?;
    config
        .set("enable.idempotence", "true")
        .set("partitioner", "murmur2_random");
    match transactional_id {
        Some(id) => config.set("transactional.id", id),
        None => config.set("message.timeout.ms", "0"),
    };
    let made = config.create_with_context(Deliveries::default());
    made.map(Arc::new)
        .map_err(|e| fault("making the Kafka producer", e))
}

/// Makes the producer of a connector's checkpoints, with the worker's own settings as in Connect.
pub(crate) fn for_offsets(
    settings: &WorkerSettings,
    connector: &str,
    transactional_id: Option<&str>,
) -> Result<Arc<KafkaProducer>> {
    let mut config = base(settings, &format!("connector-offsets-{connector}"))?;
    config
        .set("linger.ms", "0")
        .set("queue.buffering.max.kbytes", "4096");
    properties::apply(&mut config, &settings.producer)?;
    config
        .set("acks", "all")
        .set("enable.idempotence", "true")
        .set("partitioner", "murmur2_random");
    match transactional_id {
        Some(id) => config
            .set("transactional.id", id)
            .set("transaction.timeout.ms", "10000"),
        None => config.set("message.timeout.ms", "0"),
    };
    let made = config.create_with_context(Deliveries::default());
    made.map(Arc::new)
        .map_err(|e| fault("making the checkpoints' Kafka producer", e))
}

/// Sends all records of a batch; waits for room when the client's queue is full.
pub(crate) async fn send_batch(producer: &KafkaProducer, batch: &Batch) -> Result<()> {
    if batch.is_empty() {
        return Ok(());
    }
    producer.context().expect(batch.seq, batch.len());
    for record in batch.iter() {
        send(producer, batch.seq, &record).await?;
    }
    Ok(())
}

async fn send(producer: &KafkaProducer, seq: u64, record: &Published<'_>) -> Result<()> {
    loop {
        match producer.send(kafka_record(seq, record)?) {
            Ok(()) => return Ok(()),
            Err((KafkaError::MessageProduction(RDKafkaErrorCode::QueueFull), _)) => {
                wait_for_room(producer).await?;
            }
            Err((error, _)) => {
                let size = record.value().map_or(0, <[u8]>::len);
                let doing = format!(
                    "handing a record of {size} bytes for topic {} to Kafka's client",
                    record.topic()
                );
                return Err(fault(&doing, error));
            }
        }
    }
}

async fn wait_for_room(producer: &KafkaProducer) -> Result<()> {
    // A delivery of a batch that is not the oldest makes room without a wake-up, hence the limit.
    let deliveries = producer.context();
    if tokio::time::timeout(ROOM_WAIT, deliveries.changed())
        .await
        .is_ok()
    {
        // Keep the wake-up for whoever waits for the acknowledgement itself.
        deliveries.changed.notify_one();
    }
    deliveries.acked(u64::MAX).map(|_| ())
}

/// What a delivery brings back: the number of its batch.
pub(crate) fn opaque(seq: u64) -> Result<usize> {
    usize::try_from(seq)
        .map_err(|e| EngineError::definite("the batch number passed the address width").because(e))
}

fn kafka_record<'a>(seq: u64, record: &Published<'a>) -> Result<BaseRecord<'a, [u8], [u8], usize>> {
    let headers = record.headers();
    let mut owned = OwnedHeaders::new_with_capacity(headers.len());
    for (key, value) in headers {
        owned = owned.insert(Header { key, value });
    }
    let topic: &'a str = record.topic();
    let mut made = BaseRecord::with_opaque_to(topic, opaque(seq)?).headers(owned);
    made.key = record.key();
    made.payload = record.value();
    made.partition = record.partition();
    made.timestamp = record.timestamp();
    Ok(made)
}
