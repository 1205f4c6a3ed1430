//! Makes topics before the first record goes to them, by `topic.creation.*` (KIP-158).
//!
//! Without that setting the broker's own auto-creation decides, as in Kafka Connect. Either way the
//! producer knows a topic's partitions before it is handed a record: records for a topic that it
//! does not know yet wait apart, and Kafka's client may send them minutes later, behind newer ones.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use rdkafka::admin::{AdminClient, AdminOptions, NewTopic, TopicReplication};
use rdkafka::client::DefaultClientContext;
use rdkafka::error::{KafkaResult, RDKafkaErrorCode};
use rdkafka::producer::Producer as _;
use tokio::time::Instant;

use super::broker::RecordProducer;
use super::client::{base, fault, let_go};
use super::producer::KafkaProducer;
use super::used::{Notes, TopicsUsed};
use crate::batch::Batch;
use crate::config::{TopicCreation, TopicGroups};
use crate::error::{EngineError, Result};
use crate::settings::WorkerSettings;

const TIMEOUT: Duration = Duration::from_secs(30);

/// How long one question for a topic's partitions may take.
const ANSWER: Duration = Duration::from_secs(5);

/// The pause between two such questions.
const PAUSE: Duration = Duration::from_millis(20);

/// For how long a topic that does not exist is waited for; then Kafka's client tells what is wrong
/// when it sends the record.
const APPEARANCE: Duration = Duration::from_secs(30);

/// Topics this session has seen, and how to make new ones.
pub(crate) struct Topics {
    settings: Arc<WorkerSettings>,
    creation: Option<TopicGroups>,
    seen: HashSet<Arc<str>>,
    last: Option<Arc<str>>,
    notes: Notes,
}

impl Topics {
    pub(crate) fn new(
        settings: Arc<WorkerSettings>,
        creation: Option<TopicGroups>,
        used: TopicsUsed,
    ) -> Self {
        Self {
            settings,
            creation,
            seen: HashSet::new(),
            last: None,
            notes: Notes::new(used),
        }
    }

    /// Makes the topics of `batch` that are new to this session and do not exist, and waits until
    /// `producer` knows their partitions. Notes that they are used.
    pub(crate) async fn ensure(
        &mut self,
        producer: &Arc<impl RecordProducer>,
        batch: &Batch,
    ) -> Result<()> {
        // A topic that goes on being used is noted again with a later batch.
        self.last = None;
        for record in batch.iter() {
            let topic = record.topic();
            if self
                .last
                .as_ref()
                .is_some_and(|last| Arc::ptr_eq(last, topic))
            {
                continue;
            }
            self.last = Some(Arc::clone(topic));
            if self.seen.insert(Arc::clone(topic)) {
                if let Some(creation) = &self.creation {
                    create(&self.settings, topic, creation.of(topic)).await?;
                }
                producer.await_topic(topic).await?;
            }
            self.notes.note(topic);
        }
        Ok(())
    }
}

/// Waits until the producer knows the topic's partitions and who leads them.
pub(super) async fn await_partitions(
    producer: &Arc<KafkaProducer>,
    topic: &Arc<str>,
) -> Result<()> {
    let begun = Instant::now();
    let mut warned = begun;
    loop {
        let (asked, name) = (Arc::clone(producer), Arc::clone(topic));
        let answer = tokio::task::spawn_blocking(move || partitions(&asked, &name)).await;
        let answer = answer.map_err(|e| {
            EngineError::transient("the question for a topic's partitions broke off").because(e)
        })?;
        let missing = match answer {
            Ok(true) => return Ok(()),
            Ok(false) if begun.elapsed() > APPEARANCE => return Ok(()),
            Ok(false) => "it has no leader or does not exist yet".to_owned(),
            Err(error) => error.to_string(),
        };
        if warned.elapsed() > ANSWER {
            warned = Instant::now();
            let topic = &**topic;
            tracing::warn!(topic, "waiting for the topic's partitions: {missing}");
        }
        tokio::time::sleep(PAUSE).await;
    }
}

/// Whether all partitions of the topic have a leader, as far as the producer knows, and the leaders
/// know it too.
///
/// Brokers tell of a new partition's leader a moment before that leader takes records. A first record
/// in this moment is refused and a second one taken, out of order; and Kafka's client then counts the
/// first one as delivered. So each leader is asked for the partition's end.
fn partitions(producer: &KafkaProducer, topic: &str) -> KafkaResult<bool> {
    let client = producer.client().client();
    let metadata = client.fetch_metadata(Some(topic), ANSWER)?;
    let Some(found) = metadata.topics().iter().find(|found| found.name() == topic) else {
        return Ok(false);
    };
    let partitions = found.partitions();
    let led = partitions
        .iter()
        .all(|partition| partition.error().is_none() && partition.leader() >= 0);
    if found.error().is_some() || partitions.is_empty() || !led {
        return Ok(false);
    }
    let knows = |id| client.fetch_watermarks(topic, id, ANSWER).is_ok();
    Ok(partitions.iter().all(|partition| knows(partition.id())))
}

/// Makes `topic` unless it exists.
///
/// # Errors
/// Transient when Kafka cannot be reached, definite when it refuses the settings.
pub(crate) async fn create(
    settings: &WorkerSettings,
    topic: &str,
    creation: &TopicCreation,
) -> Result<()> {
    let doing = format!("creating topic {topic}");
    let config = base(settings, "walcast-admin")?;
    let admin: AdminClient<DefaultClientContext> = config.create().map_err(|e| fault(&doing, e))?;
    let replication = TopicReplication::Fixed(creation.replication_factor);
    let mut new = NewTopic::new(topic, creation.partitions, replication);
    for (name, value) in &creation.configs {
        new = new.set(name, value);
    }
    let options = AdminOptions::new()
        .operation_timeout(Some(TIMEOUT))
        .request_timeout(Some(TIMEOUT));
    let results = admin.create_topics([&new], &options).await;
    let_go(admin);
    for result in results.map_err(|e| fault(&doing, e))? {
        match result {
            Ok(name) => tracing::info!(topic = name, "created the topic"),
            Err((_, RDKafkaErrorCode::TopicAlreadyExists)) => {}
            Err((_, code)) => {
                return Err(EngineError::definite(format!(
                    "while {doing}: Kafka answered {code}; check topic.creation.default.partitions and .replication.factor against the cluster, and the right to create topics"
                )));
            }
        }
    }
    Ok(())
}
