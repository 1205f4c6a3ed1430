//! Dead letters: records that no table can take, sent on as they came, with where and why.
//!
//! Enters: poison records of a batch. Leaves: acknowledged records in the dead-letter topic, with
//! their own key, value and headers, and `walcast.topic`, `walcast.partition`, `walcast.offset`
//! and `walcast.reason` beside them. A batch that is sent again sends its letters again: topic,
//! partition and offset together tell the copies apart.

use std::time::Duration;

use futures_util::future::try_join_all;
use rdkafka::Message;
use rdkafka::admin::{AdminClient, AdminOptions, NewTopic, TopicReplication};
use rdkafka::client::DefaultClientContext;
use rdkafka::error::{KafkaError, KafkaResult};
use rdkafka::message::{Header, Headers, OwnedHeaders};
use rdkafka::producer::{FutureProducer, FutureRecord};
use rdkafka::types::RDKafkaErrorCode;

use crate::batch::DeadLetter;
use crate::config::Kafka;
use crate::kafka::{admin_config, producer_config};

/// How long one letter may wait for room in the producer's queue.
const QUEUE_WAIT_MAX: Duration = Duration::from_secs(30);
const ADMIN_WAIT_MAX: Duration = Duration::from_secs(10);

/// The dead-letter topic.
#[derive(Clone)]
pub(crate) struct DeadLetters {
    producer: FutureProducer,
    topic: String,
}

impl DeadLetters {
    pub(crate) fn new(kafka: &Kafka) -> KafkaResult<Self> {
        let producer = producer_config(kafka).create()?;
        Ok(Self {
            producer,
            topic: kafka.dead_letter_topic.clone(),
        })
    }

    pub(crate) fn topic(&self) -> &str {
        &self.topic
    }

    /// Sends all `letters`; returns when every one is acknowledged.
    pub(crate) async fn send(&self, letters: &[DeadLetter]) -> KafkaResult<()> {
        try_join_all(letters.iter().map(|letter| self.send_one(letter)))
            .await
            .map(drop)
    }

    async fn send_one(&self, letter: &DeadLetter) -> KafkaResult<()> {
        let record = &letter.record;
        let outgoing = FutureRecord {
            topic: &self.topic,
            partition: None,
            payload: record.payload(),
            key: record.key(),
            timestamp: record.timestamp().to_millis(),
            headers: Some(headers(letter)),
        };
        let sent = self.producer.send(outgoing, QUEUE_WAIT_MAX).await;
        sent.map(drop).map_err(|(error, _)| error)
    }
}

fn headers(letter: &DeadLetter) -> OwnedHeaders {
    let record = &letter.record;
    let mut headers = OwnedHeaders::new();
    if let Some(own) = record.headers() {
        for header in own.iter() {
            headers = headers.insert(header);
        }
    }
    let (partition, offset) = (record.partition().to_string(), record.offset().to_string());
    for (key, value) in [
        ("walcast.topic", record.topic()),
        ("walcast.partition", &partition),
        ("walcast.offset", &offset),
        ("walcast.reason", &letter.poison.reason),
    ] {
        headers = headers.insert(Header {
            key,
            value: Some(value),
        });
    }
    headers
}

/// Whether the same letter would be refused again, so that a human is needed.
pub(crate) fn is_refused(error: &KafkaError) -> bool {
    use RDKafkaErrorCode as Code;
    matches!(
        error.rdkafka_error_code(),
        Some(
            Code::MessageSizeTooLarge
                | Code::TopicAuthorizationFailed
                | Code::ClusterAuthorizationFailed
                | Code::InvalidTopic
                | Code::PolicyViolation
                | Code::InvalidRecord
                | Code::Fatal
        )
    )
}

/// Makes the dead-letter topic if it is not there, with one partition and the broker's defaults.
pub(crate) async fn ensure_topic(kafka: &Kafka) -> KafkaResult<()> {
    let admin: AdminClient<DefaultClientContext> = admin_config(kafka).create()?;
    let topic = NewTopic::new(&kafka.dead_letter_topic, 1, TopicReplication::Fixed(-1));
    let options = AdminOptions::new().operation_timeout(Some(ADMIN_WAIT_MAX));
    for made in admin.create_topics([&topic], &options).await? {
        match made {
            Ok(_) | Err((_, RDKafkaErrorCode::TopicAlreadyExists)) => {}
            Err((_, code)) => return Err(KafkaError::AdminOp(code)),
        }
    }
    Ok(())
}
