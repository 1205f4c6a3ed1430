//! Makes topics before the first record goes to them, by `topic.creation.*` (KIP-158).
//!
//! Without that setting the broker's own auto-creation decides, as in Kafka Connect.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use rdkafka::admin::{AdminClient, AdminOptions, NewTopic, TopicReplication};
use rdkafka::client::DefaultClientContext;
use rdkafka::error::RDKafkaErrorCode;

use super::client::{base, fault};
use crate::batch::Batch;
use crate::config::{TopicCreation, TopicGroups};
use crate::error::{EngineError, Result};
use crate::settings::WorkerSettings;

const TIMEOUT: Duration = Duration::from_secs(30);

/// Topics this session has seen, and how to make new ones.
pub(crate) struct Topics {
    settings: Arc<WorkerSettings>,
    creation: Option<TopicGroups>,
    seen: HashSet<Arc<str>>,
    last: Option<Arc<str>>,
}

impl Topics {
    pub(crate) fn new(settings: Arc<WorkerSettings>, creation: Option<TopicGroups>) -> Self {
        Self {
            settings,
            creation,
            seen: HashSet::new(),
            last: None,
        }
    }

    /// Makes the topics of `batch` that are new to this session and do not exist.
    pub(crate) async fn ensure(&mut self, batch: &Batch) -> Result<()> {
        let Some(creation) = self.creation.clone() else {
            return Ok(());
        };
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
                create(&self.settings, topic, creation.of(topic)).await?;
            }
        }
        Ok(())
    }
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
    let results = admin
        .create_topics([&new], &options)
        .await
        .map_err(|e| fault(&doing, e))?;
    for result in results {
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
