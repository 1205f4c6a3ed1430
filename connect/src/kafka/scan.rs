//! Reads all that is in a topic now, once.
//!
//! For topics that the worker does not follow: the offsets topic, which the connectors write.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use rdkafka::consumer::{Consumer, StreamConsumer};
use rdkafka::error::KafkaError;
use rdkafka::message::Message;

use super::client::Quiet;
use super::{Clients, KafkaFault, Record};

/// How long one scan may take.
const SCAN_TIMEOUT: Duration = Duration::from_secs(60);

/// How long the question for a partition's end may take.
const END_TIMEOUT: Duration = Duration::from_secs(10);

/// Every committed record of `topic` that `keep` accepts, in each partition's order.
///
/// # Errors
/// A fault of Kafka, or that the end was not reached in a minute.
pub(crate) async fn scan(
    clients: &Clients,
    topic: &str,
    keep: impl Fn(&[u8]) -> bool,
) -> Result<Vec<Record>, KafkaFault> {
    let doing = format!("reading topic {topic}");
    let (consumer, partitions) = clients.reader(topic).await?;
    let consumer = Arc::new(consumer);
    let (asked, name) = (Arc::clone(&consumer), topic.to_owned());
    let ends = tokio::task::spawn_blocking(move || ends(&asked, &name, &partitions)).await;
    let ends = ends.unwrap_or(Err(KafkaError::Canceled));
    let ends = ends.map_err(|e| KafkaFault::new(&doing, e))?;
    let reading = read(&consumer, ends, keep);
    match tokio::time::timeout(SCAN_TIMEOUT, reading).await {
        Ok(records) => records.map_err(|e| KafkaFault::new(&doing, e)),
        Err(_) => Err(KafkaFault::new(
            &doing,
            format!(
                "its end was not reached in {} s; check the brokers",
                SCAN_TIMEOUT.as_secs()
            ),
        )),
    }
}

/// Where each partition ends now; those that hold nothing are left out.
fn ends(
    consumer: &StreamConsumer<Quiet>,
    topic: &str,
    partitions: &[i32],
) -> Result<HashMap<i32, i64>, KafkaError> {
    let mut ends = HashMap::new();
    for partition in partitions {
        let (low, end) = consumer.fetch_watermarks(topic, *partition, END_TIMEOUT)?;
        if low < end {
            ends.insert(*partition, end);
        }
    }
    Ok(ends)
}

/// Reads up to `left`. A partition that is written to all the time has no end that is reported.
async fn read(
    consumer: &StreamConsumer<Quiet>,
    mut left: HashMap<i32, i64>,
    keep: impl Fn(&[u8]) -> bool,
) -> Result<Vec<Record>, KafkaError> {
    let mut records = Vec::new();
    while !left.is_empty() {
        match consumer.recv().await {
            Ok(message) => {
                if message.key().is_some_and(&keep) {
                    records.extend(Record::read(&message));
                }
                let (partition, next) = (message.partition(), message.offset() + 1);
                if left.get(&partition).is_some_and(|end| next >= *end) {
                    left.remove(&partition);
                }
            }
            Err(KafkaError::PartitionEOF(partition)) => {
                left.remove(&partition);
            }
            Err(error) => return Err(error),
        }
    }
    Ok(records)
}
