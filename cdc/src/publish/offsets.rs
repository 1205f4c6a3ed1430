//! Kafka Connect's offsets topic: reading a connector's offset and writing it.
//!
//! Key and value are Connect's own (see `walcast_wire::connect_offset`), so that a connector moves
//! between Debezium and Walcast with no snapshot, loss or gap. Which database system the offset is of
//! stands in a header, where Connect and Debezium do not look.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::time::Duration;

use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::error::KafkaError;
use rdkafka::message::{BorrowedMessage, Header, Headers, OwnedHeaders};
use rdkafka::producer::BaseRecord;
use rdkafka::{Message, Offset as Place, TopicPartitionList};
use walcast_wire::connect_offset::{self, Offset};

use super::broker::RecordProducer;
use super::client::{ReaderContext, base, fault, let_go};
use super::deliveries::Tag;
use super::topics;
use crate::config::{ConnectorConfig, TopicCreation};
use crate::error::{EngineError, Result};
use crate::postgres::server::System;
use crate::settings::WorkerSettings;

/// Header of an offset's record: `<system id>/<timeline>`.
const SYSTEM_HEADER: &str = "walcast.system";

const TIMEOUT: Duration = Duration::from_secs(30);

/// How long a broker may wait for more records before it tells that a partition has ended.
const END_WAIT_MS: &str = "5";

/// How long open transactions of others may hide the end of the topic.
const STABLE_TIMEOUT: Duration = Duration::from_secs(90);

type Reader = BaseConsumer<ReaderContext>;

/// Writes one connector's offset.
pub(crate) struct OffsetRecord {
    topic: String,
    key: Vec<u8>,
    headers: OwnedHeaders,
}

/// An offset as it was stored.
pub(crate) struct Stored {
    pub(crate) offset: Offset,
    /// The system that its LSNs are of; `None` when something else than Walcast stored it.
    pub(crate) system: Option<System>,
}

/// What is stored of a connector.
pub(crate) struct Loaded {
    /// The offset under the key that was asked for; `None` when there is none or it was reset.
    pub(crate) own: Option<Stored>,
    /// The lanes of the connector that offsets are stored of.
    pub(crate) lanes: Vec<String>,
}

/// A record's value and what its header says.
type Found = (Option<Vec<u8>>, Option<System>);

impl OffsetRecord {
    /// Offsets under `key`, whose LSNs are those of `system`.
    pub(crate) fn new(settings: &WorkerSettings, key: Vec<u8>, system: Option<System>) -> Self {
        let system = system.map(|system| system.to_string());
        let headers = system.into_iter().fold(OwnedHeaders::new(), |all, system| {
            all.insert(Header {
                key: SYSTEM_HEADER,
                value: Some(&system),
            })
        });
        Self {
            topic: settings.offsets_topic.clone(),
            key,
            headers,
        }
    }

    /// Sends the offset as a further record of batch `seq`, the last one begun, and waits until all up
    /// to it is delivered. Within a transaction it is durable with its commit.
    pub(crate) async fn write(
        &self,
        producer: &impl RecordProducer,
        seq: u64,
        offset: &Offset,
    ) -> Result<()> {
        let deliveries = producer.deliveries();
        deliveries.expect_one_more(seq);
        producer.send_offset(self, seq, &offset.to_json())?;
        producer.push();
        deliveries.settled(seq).await
    }

    /// The record of an offset, whose delivery is expected with batch `seq`.
    pub(super) fn with<'a>(
        &'a self,
        seq: u64,
        value: &'a [u8],
    ) -> Result<BaseRecord<'a, [u8], [u8], usize>> {
        let record = BaseRecord::with_opaque_to(&self.topic, Tag::of(seq).pack()?);
        let record = record.key(&self.key[..]).payload(value);
        Ok(record.headers(self.headers.clone()))
    }
}

/// Makes the offsets topic when it is missing, with the settings Connect gives it.
pub(crate) async fn ensure_topic(settings: &WorkerSettings) -> Result<()> {
    let creation = TopicCreation {
        partitions: settings.offsets_partitions,
        replication_factor: settings.offsets_replication,
        configs: BTreeMap::from([("cleanup.policy".to_owned(), "compact".to_owned())]),
    };
    topics::create(settings, &settings.offsets_topic, &creation).await
}

/// Reads the newest offset of the connector, or of one lane of it, and which further lanes have one.
///
/// # Errors
/// Transient when Kafka cannot be read, definite when the stored value is no offset.
pub(crate) async fn load(
    settings: &Arc<WorkerSettings>,
    config: &ConnectorConfig,
) -> Result<Loaded> {
    let settings = Arc::clone(settings);
    let own = config.offset_key();
    let (connector, server) = (config.connector().to_owned(), config.topic_prefix.clone());
    let of_lane = move |key: &[u8]| connect_offset::lane_of(key, &connector, &server);
    let (key, lane) = (own.clone(), of_lane.clone());
    let read = move || {
        let reader = consumer(&settings, Some("walcast-offsets-reader"), "read_committed")?;
        let wanted = |found: &[u8]| found == key || lane(found).is_some();
        let found = read_topic(&settings, &reader, wanted);
        let_go(reader);
        found
    };
    let found = tokio::task::spawn_blocking(read)
        .await
        .map_err(|e| EngineError::transient(format!("reading the offsets topic: {e}")))??;
    let kept = found.iter().filter(|(_, (value, _))| value.is_some());
    let lanes = kept.filter_map(|(key, _)| of_lane(key)).collect();
    let Some((Some(value), system)) = found.get(&own).cloned() else {
        return Ok(Loaded { own: None, lanes });
    };
    let parsed = Offset::parse(&value);
    let connector = config.connector();
    let stored = parsed.map(|offset| Stored { offset, system });
    let own = stored.map_err(|e| {
        let text = String::from_utf8_lossy(&value).into_owned();
        EngineError::definite(format!(
            "the offset stored for this connector cannot be read: {text}; reset it with DELETE /connectors/{connector}/offsets on the stopped connector"
        ))
        .because(e)
    })?;
    Ok(Loaded {
        own: Some(own),
        lanes,
    })
}

/// A consumer; one without a group cannot read, only ask, and ends at once.
fn consumer(settings: &WorkerSettings, group: Option<&str>, isolation: &str) -> Result<Reader> {
    let mut config = base(settings, "walcast-offsets-reader")?;
    if let Some(group) = group {
        config.set("group.id", group);
    }
    config
        .set("fetch.wait.max.ms", END_WAIT_MS)
        .set("enable.auto.commit", "false")
        .set("enable.partition.eof", "true")
        .set("auto.offset.reset", "earliest")
        .set("queued.max.messages.kbytes", "4096")
        .set("isolation.level", isolation);
    config
        .create_with_context(ReaderContext)
        .map_err(|e| fault("making a Kafka consumer", e))
}

/// The system that a record's header names.
fn system_of(message: &BorrowedMessage<'_>) -> Option<System> {
    let mut headers = message.headers()?.iter();
    let header = headers.find(|header| header.key == SYSTEM_HEADER)?;
    std::str::from_utf8(header.value?).ok()?.parse().ok()
}

/// Reads the whole topic up to its present end and returns the last record of each key that is
/// `wanted`.
fn read_topic(
    settings: &WorkerSettings,
    reader: &Reader,
    wanted: impl Fn(&[u8]) -> bool,
) -> Result<HashMap<Vec<u8>, Found>> {
    let topic = &settings.offsets_topic;
    let metadata = reader
        .fetch_metadata(Some(topic), TIMEOUT)
        .map_err(|e| fault(&format!("reading topic {topic}"), e))?;
    let partitions: Vec<i32> = metadata
        .topics()
        .iter()
        .flat_map(|t| {
            t.partitions()
                .iter()
                .map(rdkafka::metadata::MetadataPartition::id)
        })
        .collect();
    let mut plan = TopicPartitionList::new();
    let mut left = wait_stable(settings, reader, &partitions)?;
    for (partition, _) in &left {
        plan.add_partition_offset(topic, *partition, Place::Beginning)
            .map_err(|e| fault("planning to read offsets", e))?;
    }
    reader
        .assign(&plan)
        .map_err(|e| fault("reading offsets", e))?;
    let mut newest: HashMap<Vec<u8>, Newest> = HashMap::new();
    while !left.is_empty() {
        match reader.poll(TIMEOUT) {
            Some(Ok(message)) => {
                if let Some(key) = message.key().filter(|key| wanted(key)) {
                    let at = message.timestamp().to_millis().unwrap_or(0);
                    let value = message.payload().map(<[u8]>::to_vec);
                    let seen = (value, system_of(&message));
                    let newest = newest.entry(key.to_vec()).or_default();
                    newest.see(message.partition(), at, seen);
                }
                // A partition that another connector goes on writing to has no end to come to.
                let (partition, next) = (message.partition(), message.offset() + 1);
                left.retain(|(p, end)| *p != partition || next < *end);
            }
            Some(Err(KafkaError::PartitionEOF(partition))) => {
                left.retain(|(p, _)| *p != partition);
            }
            Some(Err(error)) => return Err(fault(&format!("reading topic {topic}"), error)),
            None => {
                return Err(EngineError::transient(format!(
                    "while reading topic {topic}: no answer from Kafka for 30 s"
                )));
            }
        }
    }
    let found = |(key, newest): (_, Newest)| newest.0.map(|(_, _, found)| (key, found));
    Ok(newest.into_iter().filter_map(found).collect())
}

/// The newest record of a key: of its partition the last one, whatever its time; of two partitions,
/// which it has when their number was changed, the later one.
#[derive(Default)]
struct Newest(Option<(i32, i64, Found)>);

impl Newest {
    fn see(&mut self, partition: i32, at: i64, found: Found) {
        let before = self.0.as_ref();
        if before.is_none_or(|(other, newest, _)| *other == partition || at >= *newest) {
            self.0 = Some((partition, at, found));
        }
    }
}

/// Waits until what is in the topic now is no longer hidden by open transactions; returns the
/// partitions that hold anything, and where each ends.
fn wait_stable(
    settings: &WorkerSettings,
    committed: &Reader,
    partitions: &[i32],
) -> Result<Vec<(i32, i64)>> {
    let topic = &settings.offsets_topic;
    let raw = consumer(settings, None, "read_uncommitted")?;
    let failed = |e| fault(&format!("reading the ends of topic {topic}"), e);
    let mut filled = Vec::new();
    for &partition in partitions {
        let (low, end) = raw
            .fetch_watermarks(topic, partition, TIMEOUT)
            .map_err(failed)?;
        if low == end {
            continue;
        }
        filled.push((partition, end));
        let deadline = std::time::Instant::now() + STABLE_TIMEOUT;
        while committed
            .fetch_watermarks(topic, partition, TIMEOUT)
            .map_err(failed)?
            .1
            < end
        {
            if std::time::Instant::now() > deadline {
                return Err(EngineError::transient(format!(
                    "a transaction has been open on topic {topic}, partition {partition}, for over 90 s and hides offsets behind it; it ends with its producer's transaction.timeout.ms, or abort it with kafka-transactions.sh"
                )));
            }
            // Polling the consumer serves its events while the broker finishes the transaction.
            let _nothing_assigned = committed.poll(Duration::from_millis(100));
        }
    }
    Ok(filled)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clock_that_was_set_back_makes_no_offset_old() {
        let found = |text: &str| (Some(text.as_bytes().to_vec()), None);
        let mut newest = Newest::default();
        for (partition, at, text) in [(0, 50, "a"), (0, 20, "b"), (1, 10, "c"), (1, 30, "d")] {
            newest.see(partition, at, found(text));
        }
        assert_eq!(newest.0, Some((1, 30, found("d"))));
        newest.see(1, 5, found("e"));
        assert_eq!(newest.0, Some((1, 5, found("e"))));
    }
}
