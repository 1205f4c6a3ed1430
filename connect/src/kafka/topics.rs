//! Creates missing internal topics and checks those that are there.

use std::time::Duration;

use rdkafka::admin::{AdminClient, AdminOptions, NewTopic, ResourceSpecifier, TopicReplication};
use rdkafka::client::DefaultClientContext;
use rdkafka::types::RDKafkaErrorCode;
use walcast_wire::usage::UsageError;

use super::{Clients, KafkaFault};
use crate::config::TopicConfig;

const ADMIN_TIMEOUT: Duration = Duration::from_secs(30);

/// An internal topic and its kind: `config`, `offset` or `status`, as in the property names.
pub(crate) type Internal<'a> = (&'static str, &'a TopicConfig);

/// Creates topics as Connect does (compacted), or checks that what is there can keep the state.
///
/// # Errors
/// A [`UsageError`] when a topic loses records or cannot be created as configured; else a
/// [`KafkaFault`].
pub(crate) async fn ensure(clients: &Clients, topics: &[Internal<'_>]) -> anyhow::Result<()> {
    let fault = |e| KafkaFault::new("preparing the internal topics", e);
    let admin: AdminClient<DefaultClientContext> = clients.admin().create().map_err(fault)?;
    let options = AdminOptions::new()
        .request_timeout(Some(ADMIN_TIMEOUT))
        .operation_timeout(Some(ADMIN_TIMEOUT));
    let new: Vec<NewTopic<'_>> = topics.iter().map(|(_, topic)| new_topic(topic)).collect();
    let results = admin.create_topics(&new, &options).await.map_err(fault)?;
    let mut present = Vec::new();
    for (internal, result) in topics.iter().zip(results) {
        let (kind, topic) = internal;
        match result {
            Err((_, RDKafkaErrorCode::TopicAlreadyExists)) => present.push(*internal),
            Err((_, code)) => return Err(refused(kind, topic, code).into()),
            Ok(name) => {
                tracing::info!(
                    topic = name,
                    partitions = topic.partitions,
                    "created internal topic"
                );
            }
        }
    }
    let checked = check_all(clients, &admin, &options, &present).await;
    // Its end waits for a poll of its thread; nothing else has to.
    drop(tokio::task::spawn_blocking(move || drop(admin)));
    checked
}

fn new_topic(topic: &TopicConfig) -> NewTopic<'_> {
    let replication = TopicReplication::Fixed(topic.replication);
    let new = NewTopic::new(&topic.name, topic.partitions, replication);
    let settings = topic
        .settings
        .iter()
        .filter(|(name, _)| *name != "cleanup.policy");
    settings.fold(
        new.set("cleanup.policy", "compact"),
        |new, (name, value)| new.set(name, value),
    )
}

fn refused(kind: &str, topic: &TopicConfig, code: RDKafkaErrorCode) -> UsageError {
    let name = &topic.name;
    UsageError::new(match code {
        RDKafkaErrorCode::InvalidReplicationFactor => format!(
            "topic {name} cannot be created: the cluster has fewer than {} brokers; set {kind}.storage.replication.factor to at most their number",
            topic.replication
        ),
        RDKafkaErrorCode::TopicAuthorizationFailed
        | RDKafkaErrorCode::ClusterAuthorizationFailed => format!(
            "topic {name} cannot be created: not authorized; grant Create on it, or create it with cleanup.policy=compact"
        ),
        _ => {
            format!("topic {name} cannot be created: {code}; check the {kind}.storage.* properties")
        }
    })
}

async fn check_all(
    clients: &Clients,
    admin: &AdminClient<DefaultClientContext>,
    options: &AdminOptions,
    present: &[Internal<'_>],
) -> anyhow::Result<()> {
    let mut partitions = Vec::new();
    for (_, topic) in present {
        partitions.push(clients.partitions(&topic.name).await?.len());
    }
    let resources = present
        .iter()
        .map(|(_, topic)| ResourceSpecifier::Topic(&topic.name));
    let resources: Vec<_> = resources.collect();
    let described = match resources.is_empty() {
        true => Vec::new(),
        false => admin
            .describe_configs(&resources, options)
            .await
            .unwrap_or_default(),
    };
    let policy_of = |name: &str| {
        let resources = described
            .iter()
            .filter_map(|resource| resource.as_ref().ok());
        let mut named = resources.filter(|r| matches!(&r.specifier, rdkafka::admin::OwnedResourceSpecifier::Topic(t) if t == name));
        named.find_map(|resource| resource.get("cleanup.policy")?.value.clone())
    };
    for ((kind, topic), partitions) in present.iter().zip(partitions) {
        check(
            kind,
            &topic.name,
            policy_of(&topic.name).as_deref(),
            partitions,
        )?;
    }
    Ok(())
}

/// Without the right to read its settings, a topic is taken as it is, as Connect does.
fn check(
    kind: &str,
    name: &str,
    policy: Option<&str>,
    partitions: usize,
) -> Result<(), UsageError> {
    match policy {
        Some("compact") => {}
        Some(policy) => {
            return Err(UsageError::new(format!(
                "Topic '{name}' supplied via the '{kind}.storage.topic' property is required to have 'cleanup.policy=compact' to guarantee consistency and durability of its contents, but found the topic currently has 'cleanup.policy={policy}'. Continuing would likely result in eventually losing them. Change the topic's cleanup.policy to compact, or name another topic"
            )));
        }
        None => tracing::warn!(
            topic = name,
            "cannot read the topic's settings; make sure that it has cleanup.policy=compact"
        ),
    }
    if kind == "config" && partitions != 1 {
        return Err(UsageError::new(format!(
            "Topic '{name}' supplied via the 'config.storage.topic' property is required to have a single partition in order to guarantee consistency of connector configurations; name another topic"
        )));
    }
    Ok(())
}
