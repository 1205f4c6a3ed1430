//! Builds Kafka clients from the worker's properties, and waits for Kafka at the start.

use std::sync::Arc;
use std::time::Duration;

use rdkafka::consumer::{BaseConsumer, Consumer, ConsumerContext, StreamConsumer};
use rdkafka::error::KafkaError;
use rdkafka::groups::GroupMemberInfo;
use rdkafka::types::RDKafkaErrorCode;
use rdkafka::{ClientConfig, ClientContext, Offset, TopicPartitionList};
use walcast_wire::usage::UsageError;

use super::KafkaFault;
use crate::config::WorkerConfig;

const METADATA_TIMEOUT: Duration = Duration::from_secs(5);

/// How long a topic may take until all brokers know it, and how often they are asked.
const TOPIC_TIMEOUT: Duration = Duration::from_secs(30);
const TOPIC_PAUSE: Duration = Duration::from_millis(50);

/// Passes the client's log on. That the end of a partition was reached is no error: readers ask for
/// it.
pub(super) struct Quiet;

impl ClientContext for Quiet {
    fn error(&self, error: KafkaError, reason: &str) {
        if error.rdkafka_error_code() != Some(RDKafkaErrorCode::PartitionEOF) {
            tracing::warn!(%error, reason, "Kafka's client reports an error; it goes on by itself");
        }
    }
}

impl ConsumerContext for Quiet {}

/// A member of the workers' group.
#[derive(Debug, Clone)]
pub(crate) struct GroupMember {
    /// Its `client.id`.
    pub(crate) client_id: String,
    /// `ConsumerProtocolAssignment`.
    pub(crate) assignment: Vec<u8>,
}

/// Makes the worker's Kafka clients. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Clients {
    config: Arc<WorkerConfig>,
    base: ClientConfig,
    metadata: Arc<BaseConsumer<Quiet>>,
}

impl Clients {
    /// # Errors
    /// [`UsageError`] when a client property is wrong. Nothing is connected yet.
    pub(crate) fn new(config: Arc<WorkerConfig>) -> Result<Self, UsageError> {
        let mut base = ClientConfig::new();
        base.set("bootstrap.servers", &config.bootstrap_servers)
            .set("client.id", &config.client_id)
            .set("log.connection.close", "false")
            .set("socket.keepalive.enable", "true")
            .set("reconnect.backoff.max.ms", "1000");
        walcast_cdc::apply_kafka_properties(&mut base, &config.kafka)
            .map_err(|e| UsageError::new(e.to_string()))?;
        let metadata = base.create_with_context(Quiet).map_err(|e| {
            // The value, which the error itself would show, may be a password.
            let why = match &e {
                KafkaError::ClientConfig(_, why, property, _) => format!("{why} ({property})"),
                other => other.to_string(),
            };
            UsageError::new(format!(
                "the worker's Kafka client properties are wrong: {why}"
            ))
        })?;
        Ok(Self {
            config,
            base,
            metadata: Arc::new(metadata),
        })
    }

    /// A reader of a whole topic, assigned to all its partitions from their beginning: committed
    /// records only, ends are reported, nothing is committed.
    ///
    /// # Errors
    /// As [`Clients::partitions`].
    pub(super) async fn reader(
        &self,
        topic: &str,
    ) -> Result<(StreamConsumer<Quiet>, Vec<i32>), KafkaFault> {
        let doing = format!("reading topic {topic}");
        let fault = |e: KafkaError| KafkaFault::new(&doing, e);
        let mut client = self.base.clone();
        client
            .set(
                "group.id",
                format!("{}-{topic}-reader", self.config.group_id),
            )
            .set("enable.auto.commit", "false")
            .set("enable.auto.offset.store", "false")
            .set("auto.offset.reset", "earliest")
            .set("enable.partition.eof", "true")
            .set("isolation.level", "read_committed")
            .set("fetch.wait.max.ms", "100")
            .set("queued.max.messages.kbytes", "8192");
        let consumer: StreamConsumer<Quiet> = client.create_with_context(Quiet).map_err(fault)?;
        // A client that knows the topic's leaders before it is assigned starts at once; otherwise it
        // looks for them at intervals of half a second.
        let consumer = Arc::new(consumer);
        let partitions = partitions(&consumer, topic).await?;
        let mut plan = TopicPartitionList::new();
        for partition in &partitions {
            plan.add_partition_offset(topic, *partition, Offset::Beginning)
                .map_err(fault)?;
        }
        consumer.assign(&plan).map_err(fault)?;
        let consumer = Arc::into_inner(consumer)
            .ok_or_else(|| KafkaFault::new(&doing, "the client is still in use"))?;
        Ok((consumer, partitions))
    }

    /// A writer that loses and reorders nothing and partitions as Java's clients do.
    pub(super) fn writer(&self) -> ClientConfig {
        let mut client = self.base.clone();
        client
            .set("acks", "all")
            .set("enable.idempotence", "true")
            .set("partitioner", "murmur2_random")
            .set("linger.ms", "0")
            .set("message.timeout.ms", "30000");
        client
    }

    /// An administrator of topics.
    pub(super) fn admin(&self) -> ClientConfig {
        self.base.clone()
    }

    /// A member of the workers' group, which others reach at `url`; and the topic it subscribes to.
    ///
    /// Rebalances are cooperative (KIP-429): only what moves is interrupted.
    pub(crate) fn group_member(&self, url: &str) -> (ClientConfig, String) {
        let config = &self.config;
        let group = &config.group;
        let millis = |time: Duration| time.as_millis().to_string();
        let mut client = self.base.clone();
        client
            .set("client.id", format!("{}@{url}", config.client_id))
            .set("group.id", &config.group_id)
            .set("partition.assignment.strategy", "cooperative-sticky")
            .set("session.timeout.ms", millis(group.session_timeout))
            .set("heartbeat.interval.ms", millis(group.heartbeat_interval))
            .set("max.poll.interval.ms", millis(group.rebalance_timeout))
            .set("enable.auto.commit", "false")
            .set("enable.auto.offset.store", "false")
            .set("auto.offset.reset", "latest")
            .set("queued.max.messages.kbytes", "1024");
        (client, config.offset_topic.name.clone())
    }

    /// `group.id`.
    pub(crate) fn group_id(&self) -> &str {
        &self.config.group_id
    }

    /// The group's members as its coordinator has them; without assignments while it rebalances.
    ///
    /// # Errors
    /// Kafka does not answer, or refuses.
    pub(crate) async fn group_members(&self) -> Result<Vec<GroupMember>, KafkaFault> {
        let (client, group) = (Arc::clone(&self.metadata), self.config.group_id.clone());
        let asked = tokio::task::spawn_blocking(move || {
            let list = client.fetch_group_list(Some(&group), METADATA_TIMEOUT)?;
            let members = list.groups().iter().flat_map(|group| group.members());
            let member = |member: &GroupMemberInfo| GroupMember {
                client_id: member.client_id().to_owned(),
                assignment: member.assignment().unwrap_or_default().to_vec(),
            };
            Ok(members.map(member).collect())
        });
        let answered = asked.await.unwrap_or(Err(KafkaError::Canceled));
        answered.map_err(|e| KafkaFault::new("asking for the members of the workers' group", e))
    }

    /// The partitions of a topic that exists. Waits while the brokers have not all heard of it.
    ///
    /// # Errors
    /// Kafka does not answer, or does not know the topic and a leader of each partition in time.
    pub(crate) async fn partitions(&self, topic: &str) -> Result<Vec<i32>, KafkaFault> {
        partitions(&self.metadata, topic).await
    }

    async fn cluster_id(&self) -> Result<String, KafkaError> {
        let client = Arc::clone(&self.metadata);
        let asked = tokio::task::spawn_blocking(move || {
            client.fetch_metadata(None, METADATA_TIMEOUT)?;
            Ok(client
                .client()
                .fetch_cluster_id(METADATA_TIMEOUT)
                .unwrap_or_default())
        });
        asked.await.unwrap_or(Err(KafkaError::Canceled))
    }
}

async fn partitions<C>(client: &Arc<C>, topic: &str) -> Result<Vec<i32>, KafkaFault>
where
    C: Consumer<Quiet> + Send + Sync + 'static,
{
    let doing = format!("asking for the partitions of topic {topic}");
    let deadline = tokio::time::Instant::now() + TOPIC_TIMEOUT;
    loop {
        let (client, name) = (Arc::clone(client), topic.to_owned());
        let asked = tokio::task::spawn_blocking(move || partitions_now(&*client, &name)).await;
        let answered = asked.unwrap_or(Err(KafkaError::Canceled));
        match answered.map_err(|e| KafkaFault::new(&doing, e))? {
            Some(partitions) => return Ok(partitions),
            None if tokio::time::Instant::now() >= deadline => {
                let cure = "it does not exist, or a partition of it has no leader; create it, or look at the brokers";
                return Err(KafkaFault::new(&doing, cure));
            }
            None => tokio::time::sleep(TOPIC_PAUSE).await,
        }
    }
}

/// The partitions, when every one has a leader.
fn partitions_now(
    client: &impl Consumer<Quiet>,
    topic: &str,
) -> Result<Option<Vec<i32>>, KafkaError> {
    let metadata = client.fetch_metadata(Some(topic), METADATA_TIMEOUT)?;
    let partitions = metadata
        .topics()
        .iter()
        .flat_map(|topic| topic.partitions());
    let ids: Option<Vec<i32>> = partitions
        .map(|p| (p.leader() >= 0).then(|| p.id()))
        .collect();
    Ok(ids.filter(|ids| !ids.is_empty()))
}

/// Waits until Kafka answers and returns the cluster's id.
///
/// # Errors
/// One sentence with the cure when it does not answer within the configured time.
pub(crate) async fn connect(clients: &Clients) -> Result<String, KafkaFault> {
    let config = &clients.config;
    let deadline = tokio::time::Instant::now() + config.start_timeout;
    loop {
        let error = match clients.cluster_id().await {
            Ok(id) => return Ok(id),
            Err(error) => error,
        };
        if tokio::time::Instant::now() >= deadline {
            return Err(KafkaFault::sentence(format!(
                "Kafka at {} did not answer for {} s ({error}); check bootstrap.servers, that a broker runs there, and security.protocol; its advertised.listeners must be reachable from here",
                config.bootstrap_servers,
                config.start_timeout.as_secs()
            )));
        }
        tracing::warn!(bootstrap_servers = config.bootstrap_servers, %error, "Kafka does not answer; trying again");
        tokio::time::sleep(Duration::from_secs(1)).await;
    }
}
