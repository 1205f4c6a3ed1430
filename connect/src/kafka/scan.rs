//! Reads all that is in a topic now, once.
//!
//! For topics that the worker does not follow: the offsets topic, which the connectors write.

use std::collections::HashSet;
use std::time::Duration;

use rdkafka::consumer::StreamConsumer;
use rdkafka::error::KafkaError;
use rdkafka::message::Message;

use super::client::Quiet;
use super::{Clients, KafkaFault, Record};

/// How long one scan may take.
const SCAN_TIMEOUT: Duration = Duration::from_secs(60);

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
    let left: HashSet<i32> = partitions.into_iter().collect();
    let reading = read(&consumer, left, keep);
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

async fn read(
    consumer: &StreamConsumer<Quiet>,
    mut left: HashSet<i32>,
    keep: impl Fn(&[u8]) -> bool,
) -> Result<Vec<Record>, KafkaError> {
    let mut records = Vec::new();
    while !left.is_empty() {
        match consumer.recv().await {
            Ok(message) if message.key().is_some_and(&keep) => {
                records.extend(Record::read(&message))
            }
            Ok(_) => {}
            Err(KafkaError::PartitionEOF(partition)) => {
                left.remove(&partition);
            }
            Err(error) => return Err(error),
        }
    }
    Ok(records)
}
