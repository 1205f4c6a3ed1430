//! Membership in the consumer group: partitions come and go here, and nowhere else.
//!
//! Enters: assignments and revocations from librdkafka, on the one thread that polls it. Leaves:
//! a worker for each partition that this member owns. Never: a return to the group before every
//! worker of the last assignment has ended and every commit of it has been answered; where that
//! takes too long the process ends, because the next generation must not carry this one's commits.

use std::sync::{Arc, Mutex, OnceLock, PoisonError, Weak};
use std::time::{Duration, Instant};

use anyhow::{Context as _, anyhow, bail};
use rdkafka::client::ClientContext;
use rdkafka::consumer::{BaseConsumer, Consumer, ConsumerContext};
use rdkafka::error::KafkaError;
use rdkafka::statistics::Statistics;
use rdkafka::types::{RDKafkaErrorCode, RDKafkaRespErr};
use rdkafka::{Offset, TopicPartitionList};
use tokio::runtime::Handle;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;
use walcast_wire::usage::UsageError;

use crate::config::Config;
use crate::envelope::Origin;
use crate::kafka::consumer_config;
use crate::metrics::PartitionMetrics;
use crate::offsets::{Gate, Offsets};
use crate::queue::RecordQueue;
use crate::range::decode_metadata;
use crate::worker::{Halt, Shared, Start, Worker};

/// The group's consumer.
pub(crate) type GroupConsumer = BaseConsumer<GroupContext>;

/// How often the polling thread looks up from Kafka.
const POLL: Duration = Duration::from_millis(100);
/// How long workers may take to finish what is under way when partitions are taken back.
const RELEASE_MAX: Duration = Duration::from_secs(30);
/// How long commits may then still take; librdkafka gives up on one within a session timeout.
const COMMITS_MAX: Duration = Duration::from_secs(30);
/// How long a fenced member may wait to be told so by the group.
const FENCED_MAX: Duration = Duration::from_secs(60);
/// How long one look-up of committed offsets may take.
const COMMITTED_MAX: Duration = Duration::from_secs(5);

/// What librdkafka calls back.
pub(crate) struct GroupContext {
    shared: Arc<Shared>,
    runtime: Handle,
    stop: CancellationToken,
    consumer: OnceLock<Weak<GroupConsumer>>,
    assignment: Mutex<Assignment>,
}

/// The workers of the present assignment.
#[derive(Default)]
struct Assignment {
    workers: JoinSet<Halt>,
    gate: Arc<Gate>,
    release: CancellationToken,
    fenced: Option<Instant>,
    /// Why the process must end.
    failed: Option<String>,
}

/// Polls until `stop`; blocks its thread. An error means that the process must end.
pub(crate) fn poll(
    config: &Config,
    shared: Arc<Shared>,
    runtime: Handle,
    stop: CancellationToken,
) -> anyhow::Result<()> {
    let context = GroupContext {
        shared: Arc::clone(&shared),
        runtime,
        stop: stop.clone(),
        consumer: OnceLock::new(),
        assignment: Mutex::default(),
    };
    let consumer: GroupConsumer = consumer_config(config)
        .create_with_context(context)
        .map_err(|error| UsageError::new(format!("kafka: {error}: mend the [kafka] table")))?;
    let consumer = Arc::new(consumer);
    let context = Arc::clone(consumer.context());
    if context.consumer.set(Arc::downgrade(&consumer)).is_err() {
        bail!("the consumer was made twice");
    }
    let topics: Vec<&str> = config.kafka.topics.iter().map(String::as_str).collect();
    consumer.subscribe(&topics).context("subscription")?;
    let mut failed = Ok(());
    while failed.is_ok() && !stop.is_cancelled() {
        shared.status.polled();
        failed = match consumer.poll(POLL) {
            None => Ok(()),
            Some(Ok(_)) => Err(anyhow!("a record came past its partition's queue")),
            Some(Err(error)) => report(error),
        }
        .and_then(|()| context.check_workers());
    }
    // Leaving the group revokes the assignment, in this thread, while the consumer is dropped.
    context.end_assignment(failed.is_err());
    failed.and(context.failure())
}

/// Errors of the client as a whole: most pass, and librdkafka goes on trying.
fn report(error: KafkaError) -> anyhow::Result<()> {
    match error {
        KafkaError::MessageConsumptionFatal(_) => Err(error).context("the Kafka consumer"),
        error => {
            let cure = match error.rdkafka_error_code() {
                Some(
                    RDKafkaErrorCode::UnknownTopicOrPartition | RDKafkaErrorCode::UnknownTopic,
                ) => "; waiting for the topic to be made",
                Some(RDKafkaErrorCode::TopicAuthorizationFailed) => "; grant READ on the topic",
                Some(RDKafkaErrorCode::GroupAuthorizationFailed) => "; grant READ on the group",
                _ => "",
            };
            tracing::warn!("Kafka: {error}{cure}");
            Ok(())
        }
    }
}

impl GroupContext {
    fn assignment(&self) -> std::sync::MutexGuard<'_, Assignment> {
        self.assignment
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    /// Looks at workers that have ended by themselves.
    fn check_workers(&self) -> anyhow::Result<()> {
        let mut assignment = self.assignment();
        while let Some(ended) = assignment.workers.try_join_next() {
            match ended {
                Ok(Halt::Fenced) => {
                    assignment.fenced.get_or_insert_with(Instant::now);
                }
                Ok(Halt::Crashed(step)) => bail!("crashed at {step}"),
                Ok(Halt::Released | Halt::Stopped(_)) => {}
                Err(error) => bail!("a partition's worker died: {error}"),
            }
        }
        if assignment
            .fenced
            .is_some_and(|since| since.elapsed() > FENCED_MAX)
        {
            bail!("fenced by the consumer group, which does not say why: start again");
        }
        drop(assignment);
        self.failure()
    }

    fn failure(&self) -> anyhow::Result<()> {
        match self.assignment().failed.clone() {
            Some(why) => Err(anyhow!(why)),
            None => Ok(()),
        }
    }

    /// Starts a worker for each partition, from where the group's last commit stands.
    fn assign(&self, list: &TopicPartitionList) -> anyhow::Result<()> {
        let consumer = self
            .consumer
            .get()
            .and_then(Weak::upgrade)
            .context("no consumer yet")?;
        let Some(committed) = self.read_committed(&consumer, list) else {
            return consumer.unassign().context("assignment given back");
        };
        let mut starts = Vec::new();
        let mut positioned = TopicPartitionList::new();
        for element in committed.elements() {
            let origin = Origin {
                topic: element.topic().into(),
                partition: element.partition(),
            };
            let (position, start) = start(element.offset(), element.metadata());
            positioned.add_partition_offset(&origin.topic, origin.partition, position)?;
            let queue = consumer
                .split_partition_queue(&origin.topic, origin.partition)
                .with_context(|| format!("no queue for {}/{}", origin.topic, origin.partition))?;
            starts.push((origin, start, RecordQueue::new(queue)));
        }
        consumer.assign(&positioned).context("assignment")?;
        self.shared
            .status
            .assigned(starts.iter().map(|(origin, ..)| origin));
        let mut assignment = self.assignment();
        assignment.gate = Arc::default();
        assignment.release = CancellationToken::new();
        for (origin, start, queue) in starts {
            let worker = self.worker(&assignment, &consumer, origin, start, queue);
            assignment.workers.spawn_on(worker.run(), &self.runtime);
        }
        Ok(())
    }

    fn worker(
        &self,
        assignment: &Assignment,
        consumer: &Arc<GroupConsumer>,
        origin: Origin,
        start: Start,
        queue: RecordQueue,
    ) -> Worker {
        tracing::info!(topic = %origin.topic, partition = origin.partition, ?start, "assigned");
        let offsets = Offsets::new(
            Arc::downgrade(consumer),
            Arc::clone(&assignment.gate),
            Arc::clone(&origin.topic),
            origin.partition,
        );
        Worker {
            shared: Arc::clone(&self.shared),
            metrics: PartitionMetrics::new(&origin),
            origin,
            start,
            queue,
            offsets,
            release: assignment.release.clone(),
            unsettled: None,
            collected: tokio::time::Instant::now(),
        }
    }

    /// The group's commits for `list`; none when this member is to leave or has lost the list.
    fn read_committed(
        &self,
        consumer: &GroupConsumer,
        list: &TopicPartitionList,
    ) -> Option<TopicPartitionList> {
        while !self.stop.is_cancelled() && !consumer.assignment_lost() {
            self.shared.status.polled();
            let asked = consumer
                .committed_offsets(list.clone(), COMMITTED_MAX)
                .and_then(|list| {
                    list.elements()
                        .iter()
                        .try_for_each(|element| element.error())?;
                    Ok(list)
                });
            match asked {
                Ok(committed) => return Some(committed),
                Err(error) => tracing::warn!("the group's offsets cannot be read yet: {error}"),
            }
            self.runtime.block_on(async {
                tokio::time::timeout(POLL, self.stop.cancelled()).await.ok();
            });
        }
        None
    }

    /// Ends every worker of the assignment; `abort` drops what they are at.
    fn end_assignment(&self, abort: bool) {
        let mut assignment = self.assignment();
        assignment.fenced = None;
        assignment.release.cancel();
        if abort {
            assignment.gate.close();
            assignment.workers.abort_all();
        }
        let mut workers = std::mem::take(&mut assignment.workers);
        let gate = Arc::clone(&assignment.gate);
        drop(assignment);
        let finished = self.runtime.block_on(async {
            let all = async { while workers.join_next().await.is_some() {} };
            tokio::time::timeout(RELEASE_MAX, all).await.is_ok()
        });
        gate.close();
        if !finished {
            tracing::warn!("workers take too long to let go: dropping what they are at");
            self.runtime.block_on(workers.shutdown());
        }
        if !gate.wait_idle(COMMITS_MAX) {
            self.assignment().failed = Some(
                "an offset commit of the last assignment is not answered: ending, so that it \
                 cannot be taken for one of the next"
                    .into(),
            );
        }
        self.shared.status.revoked();
    }
}

/// Where to read from, and what the worker is told, by the group's last commit.
fn start(offset: Offset, metadata: &str) -> (Offset, Start) {
    let Offset::Offset(offset) = offset else {
        return (
            Offset::Beginning,
            Start::At {
                offset: 0,
                pending: None,
            },
        );
    };
    let start = match decode_metadata(metadata) {
        Ok(pending) => Start::At { offset, pending },
        Err(why) => Start::Unreadable(why),
    };
    (Offset::Offset(offset), start)
}

impl ClientContext for GroupContext {
    fn stats(&self, statistics: Statistics) {
        let up = statistics
            .brokers
            .values()
            .any(|broker| broker.state == "UP");
        self.shared.status.set_kafka_reachable(up);
        for (topic, measures) in &statistics.topics {
            for (partition, measure) in &measures.partitions {
                self.shared.status.measured(
                    topic,
                    *partition,
                    measure.ls_offset,
                    measure.eof_offset,
                );
            }
        }
    }

    fn error(&self, error: KafkaError, reason: &str) {
        // The end of a partition is told as an error, too; its worker is told of it as well.
        if error.rdkafka_error_code() != Some(RDKafkaErrorCode::PartitionEOF) {
            tracing::warn!("Kafka: {error}: {reason}");
        }
    }
}

impl ConsumerContext for GroupContext {
    fn rebalance(
        &self,
        consumer: &BaseConsumer<Self>,
        event: RDKafkaRespErr,
        list: &mut TopicPartitionList,
    ) {
        let handled = if event == RDKafkaRespErr::RD_KAFKA_RESP_ERR__ASSIGN_PARTITIONS {
            self.assign(list)
        } else {
            self.end_assignment(consumer.assignment_lost());
            consumer.unassign().context("revocation")
        };
        if let Err(error) = handled {
            self.assignment().failed = Some(format!("rebalance: {error:#}"));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::range::{Range, encode_metadata};

    #[test]
    fn a_worker_starts_where_the_last_commit_stands() {
        let none = (
            Offset::Beginning,
            Start::At {
                offset: 0,
                pending: None,
            },
        );
        assert_eq!(start(Offset::Invalid, ""), none);
        let plain = (
            Offset::Offset(5),
            Start::At {
                offset: 5,
                pending: None,
            },
        );
        assert_eq!(start(Offset::Offset(5), ""), plain);
        assert_eq!(start(Offset::Offset(5), &encode_metadata(None)), plain);
        let pending = Some(Range { first: 5, last: 9 });
        assert_eq!(
            start(Offset::Offset(5), &encode_metadata(pending)),
            (Offset::Offset(5), Start::At { offset: 5, pending })
        );
        assert!(matches!(
            start(Offset::Offset(5), "{}").1,
            Start::Unreadable(_)
        ));
    }
}
