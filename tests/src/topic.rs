//! Reads topics as a `read_committed` consumer sees them.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use rdkafka::config::ClientConfig;
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::message::{BorrowedMessage, Headers, Message};
use rdkafka::{Offset, TopicPartitionList};
use serde_json::Value;

const CALL: Duration = Duration::from_secs(20);

/// A record, decoded.
#[derive(Debug, Clone, PartialEq)]
pub struct Record {
    /// Its partition.
    pub partition: i32,
    /// Its key; null is `Value::Null`.
    pub key: Value,
    /// Its value; a tombstone is `Value::Null`.
    pub value: Value,
    /// Its headers as text.
    pub headers: BTreeMap<String, String>,
}

/// Reads `topic` from its beginning.
pub struct Topic {
    consumer: BaseConsumer,
    name: String,
    records: Vec<Record>,
}

impl Topic {
    /// Opens the topic, waiting until it exists.
    ///
    /// # Errors
    /// When it does not come into being.
    pub fn open(bootstrap: &str, name: &str) -> Result<Self> {
        let consumer: BaseConsumer = ClientConfig::new()
            .set("bootstrap.servers", bootstrap)
            .set("group.id", "walcast-tests")
            .set("enable.auto.commit", "false")
            .set("isolation.level", "read_committed")
            .set("auto.offset.reset", "earliest")
            .set("allow.auto.create.topics", "false")
            .create()?;
        let partitions = walcast_lab::wait_for(&format!("topic {name}"), crate::SOON, || {
            let metadata = consumer.fetch_metadata(Some(name), CALL)?;
            let found = metadata
                .topics()
                .iter()
                .find(|t| t.name() == name && t.error().is_none());
            let ids = found.map(|t| t.partitions().iter().map(|p| p.id()).collect::<Vec<_>>());
            Ok(ids.filter(|ids| !ids.is_empty()))
        })?;
        let mut list = TopicPartitionList::new();
        for partition in partitions {
            list.add_partition_offset(name, partition, Offset::Beginning)?;
        }
        consumer.assign(&list)?;
        Ok(Self {
            consumer,
            name: name.to_owned(),
            records: Vec::new(),
        })
    }

    /// Reads until `count` records are there, then until `quiet` passes without a further one.
    ///
    /// # Errors
    /// When fewer come in time.
    pub fn read(&mut self, count: usize, quiet: Duration) -> Result<&[Record]> {
        let mut left = count.saturating_sub(self.records.len());
        if left > 0 {
            self.read_until(quiet, |_| {
                left = left.saturating_sub(1);
                left == 0
            })?;
            ensure!(
                left == 0,
                "{} of {count} records came on {}",
                self.records.len(),
                self.name
            );
        }
        self.read_rest(quiet)
    }

    /// Reads until `is_last` says so of a record, or no record comes in time; then until `quiet`
    /// passes without a further one.
    ///
    /// # Errors
    /// When Kafka cannot be read.
    pub fn read_until(
        &mut self,
        quiet: Duration,
        mut is_last: impl FnMut(&Record) -> bool,
    ) -> Result<&[Record]> {
        let mut deadline = Instant::now() + crate::SOON;
        while Instant::now() < deadline {
            if !self.poll()? {
                continue;
            }
            deadline = Instant::now() + crate::SOON;
            if self.records.last().is_some_and(&mut is_last) {
                break;
            }
        }
        self.read_rest(quiet)
    }

    /// What was read so far.
    pub fn records(&self) -> &[Record] {
        &self.records
    }

    fn read_rest(&mut self, quiet: Duration) -> Result<&[Record]> {
        let mut last = Instant::now();
        while last.elapsed() < quiet {
            if self.poll()? {
                last = Instant::now();
            }
        }
        Ok(&self.records)
    }

    /// Takes one record if there is one.
    fn poll(&mut self) -> Result<bool> {
        let Some(message) = self.consumer.poll(Duration::from_millis(50)) else {
            return Ok(false);
        };
        // The client connects again by itself.
        if let Err(KafkaError::MessageConsumption(RDKafkaErrorCode::AllBrokersDown)) = message {
            return Ok(false);
        }
        self.records
            .push(decode(&message.context("reading a record")?)?);
        Ok(true)
    }
}

/// How many records `topic` holds, those of open and aborted transactions and the marks of
/// transactions included.
pub struct Ends {
    consumer: BaseConsumer,
    topic: String,
    partitions: i32,
}

impl Ends {
    /// Of a topic that has so many partitions.
    ///
    /// # Errors
    /// When the client cannot be made.
    pub fn of(bootstrap: &str, topic: &str, partitions: i32) -> Result<Self> {
        let consumer = ClientConfig::new()
            .set("bootstrap.servers", bootstrap)
            .set("group.id", "walcast-tests")
            .set("isolation.level", "read_uncommitted")
            .create()?;
        Ok(Self {
            consumer,
            topic: topic.to_owned(),
            partitions,
        })
    }

    /// As of now.
    ///
    /// # Errors
    /// When Kafka does not answer.
    pub fn now(&self) -> Result<i64> {
        let end = |partition| {
            let marks = self
                .consumer
                .fetch_watermarks(&self.topic, partition, CALL)?;
            Ok(marks.1)
        };
        (0..self.partitions).map(end).sum()
    }
}

fn decode(message: &BorrowedMessage<'_>) -> Result<Record> {
    let json = |bytes: Option<&[u8]>| match bytes {
        None => Ok(Value::Null),
        Some(bytes) => serde_json::from_slice(bytes),
    };
    let mut headers = BTreeMap::new();
    if let Some(all) = message.headers() {
        for header in all.iter() {
            let text = String::from_utf8_lossy(header.value.unwrap_or_default()).into_owned();
            headers.insert(header.key.to_owned(), text);
        }
    }
    Ok(Record {
        partition: message.partition(),
        key: json(message.key()).context("a key that is no JSON")?,
        value: json(message.payload()).context("a value that is no JSON")?,
        headers,
    })
}
