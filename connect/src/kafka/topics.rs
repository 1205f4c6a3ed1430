//! Creates a missing internal topic and checks one that is there.

use std::time::Duration;

use rdkafka::admin::{AdminClient, AdminOptions, NewTopic, ResourceSpecifier, TopicReplication};
use rdkafka::client::DefaultClientContext;
use rdkafka::types::RDKafkaErrorCode;
use walcast_wire::usage::UsageError;

use super::{Clients, KafkaFault};
use crate::config::TopicConfig;

const ADMIN_TIMEOUT: Duration = Duration::from_secs(30);

/// Creates `topic` as Connect does (compacted), or checks that what is there can keep the state.
///
/// `kind` is `config`, `offset` or `status`, as in the property names.
///
/// # Errors
/// A [`UsageError`] when the topic loses records or cannot be created as configured; else a
/// [`KafkaFault`].
pub(crate) async fn ensure(
    clients: &Clients,
    kind: &str,
    topic: &TopicConfig,
) -> anyhow::Result<()> {
    let doing = format!("preparing topic {}", topic.name);
    let admin: AdminClient<DefaultClientContext> = clients
        .admin()
        .create()
        .map_err(|e| KafkaFault::new(&doing, e))?;
    let options = AdminOptions::new()
        .request_timeout(Some(ADMIN_TIMEOUT))
        .operation_timeout(Some(ADMIN_TIMEOUT));
    let mut new = NewTopic::new(
        &topic.name,
        topic.partitions,
        TopicReplication::Fixed(topic.replication),
    );
    new = new.set("cleanup.policy", "compact");
    for (name, value) in topic
        .settings
        .iter()
        .filter(|(name, _)| *name != "cleanup.policy")
    {
        new = new.set(name, value);
    }
    let results = admin
        .create_topics([&new], &options)
        .await
        .map_err(|e| KafkaFault::new(&doing, e))?;
    match results.into_iter().next() {
        Some(Err((_, RDKafkaErrorCode::TopicAlreadyExists))) => {
            check(clients, &admin, &options, kind, topic).await
        }
        Some(Err((_, code))) => Err(refused(kind, topic, code).into()),
        _ => {
            tracing::info!(
                topic = topic.name,
                partitions = topic.partitions,
                "created internal topic"
            );
            Ok(())
        }
    }
}

fn refused(kind: &str, topic: &TopicConfig, code: RDKafkaErrorCode) -> UsageError {
    let name = &topic.name;
    UsageError::new(match code {
        RDKafkaErrorCode::InvalidReplicationFactor => format!(
            "topic {name} cannot be created: the cluster has fewer than {} brokers; set {kind}.storage.replication.factor to at most their number",
            topic.replication
        ),
        RDKafkaErrorCode::TopicAuthorizationFailed
        | RDKafkaErrorCode::ClusterAuthorizationFailed => {
            format!(
                "topic {name} cannot be created: not authorized; grant Create on it, or create it with cleanup.policy=compact"
            )
        }
        _ => {
            format!("topic {name} cannot be created: {code}; check the {kind}.storage.* properties")
        }
    })
}

async fn check(
    clients: &Clients,
    admin: &AdminClient<DefaultClientContext>,
    options: &AdminOptions,
    kind: &str,
    topic: &TopicConfig,
) -> anyhow::Result<()> {
    let name = &topic.name;
    let partitions = clients.partitions(name).await?;
    let described = admin
        .describe_configs([&ResourceSpecifier::Topic(name)], options)
        .await;
    let policy = match described.map(|mut all| all.pop()) {
        Ok(Some(Ok(resource))) => resource
            .get("cleanup.policy")
            .and_then(|entry| entry.value.clone())
            .unwrap_or_default(),
        // Without the right to describe it, the topic is taken as it is, as Connect does.
        Ok(_) | Err(_) => {
            tracing::warn!(
                topic = name,
                "cannot read the topic's settings; make sure that it has cleanup.policy=compact"
            );
            return Ok(());
        }
    };
    if policy != "compact" {
        let text = format!(
            "Topic '{name}' supplied via the '{kind}.storage.topic' property is required to have 'cleanup.policy=compact' to guarantee consistency and durability of its contents, but found the topic currently has 'cleanup.policy={policy}'. Continuing would likely result in eventually losing them. Change the topic's cleanup.policy to compact, or name another topic"
        );
        return Err(UsageError::new(text).into());
    }
    if kind == "config" && partitions.len() != 1 {
        let text = format!(
            "Topic '{name}' supplied via the 'config.storage.topic' property is required to have a single partition in order to guarantee consistency of connector configurations; name another topic"
        );
        return Err(UsageError::new(text).into());
    }
    Ok(())
}
