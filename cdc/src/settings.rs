//! What the worker gives every connector: where Kafka is, where offsets are kept, which guarantees.

use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;

/// Decides which worker of a group runs a connector.
#[async_trait]
pub trait Ownership: fmt::Debug + Send + Sync {
    /// Whether this worker is the one to run `connector`, as whoever decides it has it now. It is
    /// asked before an attempt fences older instances: a worker that was frozen may not know yet that
    /// it has lost the connector.
    ///
    /// # Errors
    /// Why that cannot be told now.
    async fn holds(&self, connector: &str) -> Result<bool, String>;
}

/// Settings shared by all connectors of one worker.
///
/// The names in the maps are Kafka's own client property names; those that librdkafka spells
/// differently are translated when the client is built.
#[derive(Debug, Clone)]
pub struct WorkerSettings {
    /// `bootstrap.servers`.
    pub bootstrap_servers: String,
    /// Client properties for every Kafka connection: `security.protocol`, `sasl.*`, `ssl.*`.
    pub kafka: BTreeMap<String, String>,
    /// The worker's `producer.*` properties, prefix removed.
    pub producer: BTreeMap<String, String>,
    /// `offset.storage.topic`.
    pub offsets_topic: String,
    /// `offset.storage.partitions`, used when the topic is created.
    pub offsets_partitions: i32,
    /// `offset.storage.replication.factor`, used when the topic is created.
    pub offsets_replication: i32,
    /// Keeps offsets in this file instead of a topic, as Kafka's `FileOffsetBackingStore` does.
    /// Not with `exactly_once`.
    pub offsets_file: Option<PathBuf>,
    /// `exactly.once.source.support=enabled`: records and checkpoint share one Kafka transaction.
    pub exactly_once: bool,
    /// `group.id`, part of the transactional id.
    pub group_id: String,
    /// Who decides that this worker may run a connector, where several share them.
    pub ownership: Option<Arc<dyn Ownership>>,
    /// `offset.flush.interval.ms`: how often a checkpoint is written outside of transactions.
    pub offset_flush_interval: Duration,
    /// The worker's `key.converter` and `key.converter.*`, under those names.
    pub key_converter: BTreeMap<String, String>,
    /// The worker's `value.converter` and `value.converter.*`, under those names.
    pub value_converter: BTreeMap<String, String>,
}

impl WorkerSettings {
    /// Settings with Kafka Connect's defaults.
    pub fn new(bootstrap_servers: impl Into<String>) -> Self {
        Self {
            bootstrap_servers: bootstrap_servers.into(),
            kafka: BTreeMap::new(),
            producer: BTreeMap::new(),
            offsets_topic: "connect-offsets".into(),
            offsets_partitions: 25,
            offsets_replication: 3,
            offsets_file: None,
            exactly_once: false,
            group_id: "walcast".into(),
            ownership: None,
            offset_flush_interval: Duration::from_secs(60),
            key_converter: BTreeMap::new(),
            value_converter: BTreeMap::new(),
        }
    }
}
