//! One internal topic: written, read back from its beginning, and followed.
//!
//! Records enter and are durable when [`TopicLog::write`] returns; every record of the topic, ours
//! and other workers', leaves through the `apply` callback in the topic's order. A write returns only
//! after its own records were applied, so what was written is seen by whoever reads next.

use std::collections::HashMap;
use std::time::Duration;

use rdkafka::consumer::StreamConsumer;
use rdkafka::error::KafkaError;
use rdkafka::message::{BorrowedMessage, Message};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use super::client::Quiet;
use super::writer::TopicWriter;
use super::{Clients, KafkaFault};

/// How long a write may wait for the broker and for its own read-back.
pub(super) const WRITE_TIMEOUT: Duration = Duration::from_secs(30);

/// A record as it stands in the topic.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Record {
    /// The key; Connect's internal topics have no record without.
    pub(crate) key: Vec<u8>,
    /// The value; `None` is a tombstone.
    pub(crate) value: Option<Vec<u8>>,
}

impl Record {
    /// Copies key and value; `None` for a record without a key, which Connect does not write.
    pub(super) fn read(message: &BorrowedMessage<'_>) -> Option<Self> {
        let key = message.key()?.to_vec();
        Some(Self {
            key,
            value: message.payload().map(<[u8]>::to_vec),
        })
    }
}

/// How far the reader is in one partition.
#[derive(Debug, Clone, Copy, Default)]
struct Progress {
    /// The offset after the last record applied.
    next: i64,
    /// Whether the end was reached once.
    read_once: bool,
}

type AllProgress = HashMap<i32, Progress>;

/// The writer's side, and the reader's progress.
pub(crate) struct TopicLog {
    topic: String,
    writer: TopicWriter,
    progress: watch::Receiver<AllProgress>,
}

/// The reader's side: run it on a task of the owner's.
pub(crate) struct Follower {
    topic: String,
    consumer: StreamConsumer<Quiet>,
    progress: watch::Sender<AllProgress>,
}

impl TopicLog {
    /// Opens `topic`, which must exist. Nothing is read until the [`Follower`] runs.
    pub(crate) async fn open(
        clients: &Clients,
        topic: &str,
    ) -> Result<(Self, Follower), KafkaFault> {
        let (consumer, partitions) = clients.reader(topic).await?;
        let writer = TopicWriter::new(clients, topic)?;
        let start = partitions
            .into_iter()
            .map(|p| (p, Progress::default()))
            .collect();
        let (progress, watched) = watch::channel(start);
        let follower = Follower {
            topic: topic.into(),
            consumer,
            progress,
        };
        Ok((
            Self {
                topic: topic.into(),
                writer,
                progress: watched,
            },
            follower,
        ))
    }

    /// Waits until the reader has reached the end of every partition once.
    pub(crate) async fn read_to_end(&self) -> Result<(), KafkaFault> {
        let mut progress = self.progress.clone();
        let done = progress
            .wait_for(|all| all.values().all(|p| p.read_once))
            .await;
        done.map(|_| ()).map_err(|_| self.closed())
    }

    /// Writes records in order and returns when they are durable and read back.
    ///
    /// # Errors
    /// A fault of Kafka. The records may or may not have been written; what is read back counts.
    pub(crate) async fn write(&self, records: &[Record]) -> Result<(), KafkaFault> {
        let written = self.writer.write(records).await?;
        let mut progress = self.progress.clone();
        let read_back = progress.wait_for(|all| {
            written
                .iter()
                .all(|(p, offset)| all.get(p).is_some_and(|at| at.next > *offset))
        });
        match tokio::time::timeout(WRITE_TIMEOUT, read_back).await {
            Ok(Ok(_)) => Ok(()),
            Ok(Err(_)) => Err(self.closed()),
            Err(_) => Err(KafkaFault::sentence(format!(
                "topic {} was written but not read back within {} s; check that its partitions have a leader",
                self.topic,
                WRITE_TIMEOUT.as_secs()
            ))),
        }
    }

    fn closed(&self) -> KafkaFault {
        KafkaFault::sentence(format!(
            "topic {} is no longer read: the worker is stopping",
            self.topic
        ))
    }
}

impl Follower {
    /// Applies every record until `stop`. A read error is logged and retried by the client itself.
    pub(crate) async fn run(self, stop: CancellationToken, mut apply: impl FnMut(Record)) {
        while let Some(received) = stop.run_until_cancelled(self.consumer.recv()).await {
            match received {
                Ok(message) => {
                    if let Some(record) = Record::read(&message) {
                        apply(record);
                    }
                    let (partition, next) = (message.partition(), message.offset() + 1);
                    self.progress
                        .send_modify(|all| all.entry(partition).or_default().next = next);
                }
                Err(KafkaError::PartitionEOF(partition)) => {
                    self.progress
                        .send_modify(|all| all.entry(partition).or_default().read_once = true);
                }
                Err(error) => {
                    tracing::warn!(topic = self.topic, %error, "reading an internal topic; it is retried");
                }
            }
        }
    }
}
