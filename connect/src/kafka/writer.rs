//! Writes records to one topic and says where they landed.

use futures_util::future::try_join_all;
use rdkafka::producer::{FutureProducer, FutureRecord};

use super::log::WRITE_TIMEOUT;
use super::{Clients, KafkaFault, Record};

/// A producer for one topic.
pub(crate) struct TopicWriter {
    topic: String,
    producer: FutureProducer,
}

impl TopicWriter {
    /// Nothing is connected yet.
    pub(crate) fn new(clients: &Clients, topic: &str) -> Result<Self, KafkaFault> {
        let made = clients.writer().create();
        let producer =
            made.map_err(|e| KafkaFault::new(&format!("making a producer for topic {topic}"), e))?;
        Ok(Self {
            topic: topic.into(),
            producer,
        })
    }

    /// Writes records in order and returns partition and offset of each, all durable.
    ///
    /// # Errors
    /// A fault of Kafka. Some of the records may have been written.
    pub(crate) async fn write(&self, records: &[Record]) -> Result<Vec<(i32, i64)>, KafkaFault> {
        let sends = records.iter().map(|record| {
            let message = FutureRecord::to(&self.topic).key(&record.key);
            let message = match &record.value {
                Some(value) => message.payload(value),
                None => message,
            };
            self.producer.send(message, WRITE_TIMEOUT)
        });
        let deliveries = try_join_all(sends).await;
        let deliveries = deliveries
            .map_err(|(e, _)| KafkaFault::new(&format!("writing to topic {}", self.topic), e))?;
        // The client takes a record for delivered when a later one is, whatever the broker took.
        if deliveries.iter().any(|delivered| delivered.offset < 0) {
            let why = "a record was counted as delivered without an offset; it may not be there, so do the same again";
            return Err(KafkaFault::new(
                &format!("writing to topic {}", self.topic),
                why,
            ));
        }
        Ok(deliveries.iter().map(|d| (d.partition, d.offset)).collect())
    }
}
