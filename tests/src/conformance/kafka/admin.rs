//! Creates, fills and deletes topics.

use std::collections::BTreeSet;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use rdkafka::admin::{AdminClient, AdminOptions, NewTopic, TopicReplication};
use rdkafka::client::DefaultClientContext;
use rdkafka::producer::{FutureProducer, FutureRecord};
use rdkafka::types::RDKafkaErrorCode;
use tokio::time::sleep;

use super::client;
use crate::conformance::target::Target;

/// How long one request may take.
const LIMIT: Duration = Duration::from_secs(15);

/// How often topics are deleted that come again: a producer that ends may still create one.
const ATTEMPTS: usize = 4;

/// Creates a topic.
///
/// # Errors
/// When Kafka refuses it.
pub(in super::super) async fn create(target: &Target, name: &str, partitions: i32) -> Result<()> {
    let admin: AdminClient<DefaultClientContext> = client(target).create()?;
    let topic = NewTopic::new(name, partitions, TopicReplication::Fixed(1));
    let options = AdminOptions::new().operation_timeout(Some(LIMIT));
    for result in admin.create_topics([&topic], &options).await? {
        if let Err((topic, code)) = result {
            bail!("create topic {topic}: {code}");
        }
    }
    Ok(())
}

/// Writes one record.
///
/// # Errors
/// When Kafka does not take it.
pub(in super::super) async fn produce(
    target: &Target,
    topic: &str,
    key: Option<&str>,
    value: Option<&str>,
) -> Result<()> {
    let producer: FutureProducer = client(target).create()?;
    let record = FutureRecord::<str, str> {
        key,
        payload: value,
        ..FutureRecord::to(topic)
    };
    let sent = producer.send(record, LIMIT).await;
    sent.map_err(|(error, _)| error)
        .with_context(|| format!("produce to {topic}"))?;
    Ok(())
}

/// Deletes all topics with `prefix` in their name, and those of `others` that exist.
///
/// # Errors
/// When some cannot be deleted or come again.
pub(in super::super) async fn delete(
    target: &Target,
    prefix: &str,
    others: &BTreeSet<String>,
) -> Result<()> {
    let admin: AdminClient<DefaultClientContext> = client(target).create()?;
    let options = AdminOptions::new().operation_timeout(Some(LIMIT));
    for attempt in 0..=ATTEMPTS {
        let topics = topics(&admin, prefix, others)?;
        if topics.is_empty() {
            return Ok(());
        }
        if attempt == ATTEMPTS {
            bail!("topics that are still there: {}", topics.join(", "));
        }
        let names: Vec<&str> = topics.iter().map(String::as_str).collect();
        for result in admin.delete_topics(&names, &options).await? {
            match result {
                Ok(_) | Err((_, RDKafkaErrorCode::UnknownTopicOrPartition)) => {}
                Err((topic, code)) => bail!("delete topic {topic}: {code}"),
            }
        }
        sleep(crate::conformance::poll::INTERVAL).await;
    }
    Ok(())
}

fn topics(
    admin: &AdminClient<DefaultClientContext>,
    prefix: &str,
    others: &BTreeSet<String>,
) -> Result<Vec<String>> {
    let metadata = admin.inner().fetch_metadata(None, LIMIT)?;
    let names = metadata.topics().iter().map(|topic| topic.name());
    let ours = names.filter(|name| name.contains(prefix) || others.contains(*name));
    Ok(ours.map(str::to_owned).collect())
}
