//! The Kafka producer: idempotent, partitioned as Java's, its deliveries counted per batch.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{self, SyncSender};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use rdkafka::ClientConfig;
use rdkafka::producer::{BaseProducer, Producer};

use super::broker::RecordProducer;
use super::client::{base, fault};
use super::deliveries::Deliveries;
use super::native::{self, Inbox, Outbox};
use super::offsets::OffsetRecord;
use super::{properties, topics};
use crate::batch::Batch;
use crate::config::ConnectorConfig;
use crate::error::{EngineError, Result};
use crate::settings::WorkerSettings;

/// How long to wait for room in the client's queue before trying again.
const ROOM_WAIT: Duration = Duration::from_millis(50);

/// How long records wait for company in the client, if nobody says that there is none.
const LINGER_MS: &str = "5";

/// How much longer than a transaction is meant to last Kafka waits before it ends it.
const TIMEOUT_SPARE: Duration = Duration::from_secs(60);

/// For how long the client is told that there is none: it looks within that time.
const PUSH_HOLD_MS: i32 = 1;

/// A producer whose deliveries are counted per batch, on a thread of its own.
pub(crate) struct KafkaProducer {
    outbox: Mutex<Outbox>,
    client: native::Client,
    stop: Arc<AtomicBool>,
    /// Asks for a push; none for a producer that lets nothing wait, or as long as its user says.
    pushes: Option<SyncSender<()>>,
    threads: Vec<JoinHandle<()>>,
}

impl KafkaProducer {
    /// Starts a producer, which lets records wait until they are `pushed`. `doing` completes "while …".
    fn start(config: &ClientConfig, pushed: bool, doing: &str) -> Result<Arc<Self>> {
        let made: std::result::Result<BaseProducer<_>, _> =
            config.create_with_context(Deliveries::default());
        let client = Arc::new(made.map_err(|e| fault(doing, e))?);
        let (outbox, inbox) = native::ways(&client);
        let stop = Arc::new(AtomicBool::new(false));
        let until = Arc::clone(&stop);
        let mut threads = vec![thread(doing, "kafka-events", move || {
            take_events(inbox, &until);
        })?];
        let pushes = if pushed {
            let (ask, asked) = mpsc::sync_channel(1);
            let client = Arc::clone(&client);
            threads.push(thread(doing, "kafka-push", move || {
                asked
                    .iter()
                    .for_each(|()| native::push(&client, PUSH_HOLD_MS));
            })?);
            Some(ask)
        } else {
            None
        };
        Ok(Arc::new(Self {
            outbox: Mutex::new(outbox),
            client,
            stop,
            pushes,
            threads,
        }))
    }

    /// The wrapper's producer: for transactions and questions.
    pub(crate) fn client(&self) -> &BaseProducer<Deliveries> {
        &self.client
    }

    async fn wait_for_room(&self) -> Result<()> {
        // A delivery of a batch that is not the oldest makes room without a wake-up, hence the limit.
        let deliveries = self.deliveries();
        if tokio::time::timeout(ROOM_WAIT, deliveries.changed())
            .await
            .is_ok()
        {
            // Keep the wake-up for whoever waits for the acknowledgement itself.
            deliveries.wake();
        }
        deliveries.acked(u64::MAX).map(|_| ())
    }

    fn outbox(&self) -> MutexGuard<'_, Outbox> {
        self.outbox.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl RecordProducer for KafkaProducer {
    fn deliveries(&self) -> &Deliveries {
        self.client.client().context()
    }

    async fn await_topic(self: &Arc<Self>, topic: &Arc<str>) -> Result<()> {
        topics::await_partitions(self, topic).await
    }

    async fn send_batch(&self, batch: Batch) -> Result<()> {
        if batch.is_empty() {
            return Ok(());
        }
        self.outbox().begin(batch);
        while !self.outbox().go_on()? {
            self.wait_for_room().await?;
        }
        Ok(())
    }

    fn send_offset(&self, record: &OffsetRecord, seq: u64, value: &[u8]) -> Result<()> {
        let sent = self.client.send(record.with(seq, value)?);
        sent.map_err(|(e, _)| fault("handing the checkpoint to Kafka's client", e))
    }

    fn push(&self) {
        // When one is asked for already, it comes after what was sent.
        let _asked = self.pushes.as_ref().map(|pushes| pushes.try_send(()));
    }
}

impl Drop for KafkaProducer {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        native::interrupt(&self.client);
        drop(self.pushes.take());
        for thread in self.threads.drain(..) {
            if thread.join().is_err() {
                tracing::error!("a thread of a Kafka producer panicked");
            }
        }
    }
}

fn thread(doing: &str, name: &str, run: impl FnOnce() + Send + 'static) -> Result<JoinHandle<()>> {
    let started = thread::Builder::new().name(name.to_owned()).spawn(run);
    started.map_err(|e| EngineError::transient(format!("while {doing}: no thread")).because(e))
}

fn take_events(mut inbox: Inbox, until: &AtomicBool) {
    while !until.load(Ordering::Relaxed) {
        inbox.poll();
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
    let (name, lane) = (connector.connector(), connector.lane_number());
    let mut config = base(settings, &format!("connector-producer-{name}-{lane}"))?;
    config
        .set("acks", "all")
        .set("max.in.flight.requests.per.connection", "5")
        .set("compression.type", "lz4")
        .set("linger.ms", LINGER_MS)
        .set("batch.size", "1000000")
        .set("queue.buffering.max.kbytes", "16384")
        .set("queue.buffering.max.messages", "100000");
    let boundary = connector.transaction_boundary;
    let interval = boundary.interval(settings.offset_flush_interval);
    if let Some(interval) = interval {
        let timeout = interval + TIMEOUT_SPARE;
        config.set("transaction.timeout.ms", timeout.as_millis().to_string());
    }
    properties::apply(&mut config, &settings.producer)?;
    properties::apply(&mut config, &connector.producer_overrides)?;
    check_timeout(&config, interval)?;
    config
        .set("enable.idempotence", "true")
        .set("partitioner", "murmur2_random");
    match transactional_id {
        Some(id) => config.set("transactional.id", id),
        None => config.set("message.timeout.ms", "0"),
    };
    // Whoever sets a time to wait means it.
    let waits = |set: &BTreeMap<String, String>| {
        ["linger.ms", "queue.buffering.max.ms"]
            .iter()
            .any(|name| set.contains_key(*name))
    };
    let pushed = !waits(&settings.producer) && !waits(&connector.producer_overrides);
    KafkaProducer::start(&config, pushed, "making the Kafka producer")
}

/// The broker ends a transaction that lasts longer than its producer's timeout.
fn check_timeout(config: &ClientConfig, interval: Option<Duration>) -> Result<()> {
    let timeout = config.get("transaction.timeout.ms");
    let timeout = timeout
        .and_then(|ms| ms.parse().ok())
        .map(Duration::from_millis);
    match (interval, timeout) {
        (Some(interval), Some(timeout)) if timeout <= interval => {
            Err(EngineError::definite(format!(
                "the producer's transaction.timeout.ms ({} ms) is not longer than transaction.boundary.interval.ms ({} ms), so Kafka would abort every transaction; raise it, or leave it out",
                timeout.as_millis(),
                interval.as_millis()
            )))
        }
        _ => Ok(()),
    }
}

/// Makes the producer of a connector's checkpoints, with the worker's own settings as in Connect.
pub(crate) fn for_offsets(
    settings: &WorkerSettings,
    connector: &str,
    transactional_id: Option<&str>,
) -> Result<Arc<KafkaProducer>> {
    let mut config = base(settings, &format!("connector-offsets-{connector}"))?;
    config.set("queue.buffering.max.kbytes", "4096");
    properties::apply(&mut config, &settings.producer)?;
    config
        .set("linger.ms", "0")
        .set("acks", "all")
        .set("enable.idempotence", "true")
        .set("partitioner", "murmur2_random");
    match transactional_id {
        Some(id) => config
            .set("transactional.id", id)
            .set("transaction.timeout.ms", "10000"),
        None => config.set("message.timeout.ms", "0"),
    };
    KafkaProducer::start(&config, false, "making the checkpoints' Kafka producer")
}
