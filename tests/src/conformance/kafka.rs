//! Collects what reaches a case's topics, from their begin, while the case runs.
//!
//! Enters: the prefix that all its topics have in their name. Leaves: every record a `read_committed`
//! reader sees, and the number of partitions of each topic.

pub(super) mod admin;
mod decode;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use rdkafka::config::{ClientConfig, RDKafkaLogLevel};
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::{Offset, TopicPartitionList};
use tokio::task::JoinSet;

use super::case_options::Options;
use super::names::Names;
use super::patterns::{self, Pattern};
use super::record::Record;
use super::target::Target;

/// How often new topics are looked for.
const LIST_INTERVAL: Duration = Duration::from_millis(400);

/// How long the broker may take to list them.
const LIST_LIMIT: Duration = Duration::from_secs(5);

/// How long one wait for a record is.
const POLL_LIMIT: Duration = Duration::from_millis(50);

/// Collects in the background until it is finished.
pub(super) struct Collector {
    shared: Arc<Shared>,
    task: JoinSet<()>,
}

/// What was collected.
#[derive(Debug, Default)]
pub(super) struct Collected {
    /// The records, by topic, partition and offset.
    pub(super) records: Vec<Record>,
    /// The topics with their number of partitions.
    pub(super) topics: BTreeMap<String, usize>,
    /// Offsets that the topics have and that were not read: a record is missing here, not in Kafka.
    pub(super) unread: Vec<String>,
}

struct Shared {
    is_over: AtomicBool,
    state: Mutex<State>,
    names: Arc<Names>,
    options: Options,
}

struct State {
    collected: Collected,
    /// When the last record came that counts as progress.
    last: Instant,
    /// The last error of the reader.
    error: Option<String>,
}

impl Collector {
    /// Begins to collect.
    ///
    /// # Errors
    /// When no consumer can be made.
    pub(super) fn start(target: &Target, names: &Arc<Names>, options: &Options) -> Result<Self> {
        let consumer: BaseConsumer = client(target)
            .set("group.id", names.connector())
            .set("auto.offset.reset", "earliest")
            .set("enable.auto.commit", "false")
            .set("fetch.wait.max.ms", "50")
            .set("topic.metadata.refresh.interval.ms", "500")
            .set("allow.auto.create.topics", "false")
            .create()
            .context("make a consumer")?;
        let shared = Arc::new(Shared {
            is_over: AtomicBool::new(false),
            state: Mutex::new(State {
                collected: Collected::default(),
                last: Instant::now(),
                error: None,
            }),
            names: Arc::clone(names),
            options: options.clone(),
        });
        let (mut task, reader) = (JoinSet::new(), Arc::clone(&shared));
        task.spawn_blocking(move || reader.collect(&consumer));
        Ok(Self { shared, task })
    }

    /// How many records have come; only those in topics like `topic`.
    pub(super) fn count(&self, topic: Option<&Pattern>) -> usize {
        let state = self.shared.state();
        let records = state.collected.records.iter();
        let counted = records.filter(|record| {
            self.shared.counts(&record.topic)
                && topic.is_none_or(|topic| topic.matches(&record.topic))
        });
        counted.count()
    }

    /// For how long no record has come, since `begin` at most.
    pub(super) fn idle(&self, begin: Instant) -> Duration {
        self.shared.state().last.max(begin).elapsed()
    }

    /// The reader's last error.
    pub(super) fn error(&self) -> Option<String> {
        self.shared.state().error.clone()
    }

    /// Ends collecting.
    pub(super) async fn finish(mut self) -> Result<Collected> {
        self.shared.is_over.store(true, Ordering::Relaxed);
        while let Some(ended) = self.task.join_next().await {
            ended.context("the reader of the topics ended badly")?;
        }
        let mut collected = std::mem::take(&mut self.shared.state().collected);
        let order = |record: &Record| (record.topic.clone(), record.partition, record.offset);
        collected.records.sort_by_cached_key(order);
        Ok(collected)
    }
}

impl Drop for Collector {
    fn drop(&mut self) {
        self.shared.is_over.store(true, Ordering::Relaxed);
    }
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether records of a topic are progress: heartbeats and the like are not.
    fn counts(&self, topic: &str) -> bool {
        !patterns::any(&self.options.distinct_topics, topic)
    }

    fn collect(&self, consumer: &BaseConsumer) {
        let (mut assigned, mut next_list) = (BTreeSet::new(), Instant::now());
        while !self.is_over.load(Ordering::Relaxed) {
            if Instant::now() >= next_list {
                let result = self.assign(consumer, &mut assigned);
                self.note(result);
                next_list = Instant::now() + LIST_INTERVAL;
            }
            match consumer.poll(POLL_LIMIT) {
                None => {}
                Some(Err(error)) => self.note(Err(error.into())),
                Some(Ok(message)) => self.add(decode::record(&message, &self.names)),
            }
        }
        let unread = assigned.iter().filter_map(|(topic, partition)| {
            self.unread(consumer, topic, *partition)
                .unwrap_or_else(|error| {
                    self.note(Err(error));
                    None
                })
        });
        let unread = unread.collect();
        self.state().collected.unread = unread;
    }

    /// Which offsets of a partition were not read.
    fn unread(
        &self,
        consumer: &BaseConsumer,
        topic: &str,
        partition: i32,
    ) -> Result<Option<String>> {
        let (low, high) = consumer.fetch_watermarks(topic, partition, LIST_LIMIT)?;
        let name = self.names.restore(topic);
        let state = self.state();
        let read = state.collected.records.iter();
        let read = read.filter(|record| record.topic == name && record.partition == partition);
        let read: BTreeSet<i64> = read.map(|record| record.offset).collect();
        let missing: Vec<i64> = (low..high)
            .filter(|at| !read.contains(at))
            .take(10)
            .collect();
        let text = format!(
            "topic {name}, partition {partition}: not read of offsets {low}..{high}: {missing:?}"
        );
        Ok((!missing.is_empty()).then_some(text))
    }

    fn add(&self, record: Record) {
        let mut state = self.state();
        if self.counts(&record.topic) {
            state.last = Instant::now();
        }
        state.collected.records.push(record);
    }

    fn note(&self, result: Result<()>) {
        if let Err(error) = result {
            self.state().error = Some(format!("{error:#}"));
        }
    }

    /// Reads the case's new topics too.
    fn assign(
        &self,
        consumer: &BaseConsumer,
        assigned: &mut BTreeSet<(String, i32)>,
    ) -> Result<()> {
        let metadata = consumer.fetch_metadata(None, LIST_LIMIT)?;
        let mut new = TopicPartitionList::new();
        for topic in metadata.topics() {
            let name = self.names.restore(topic.name());
            let ignored = self.options.ignore_topics.as_ref();
            if !topic.name().contains(self.names.prefix())
                || ignored.is_some_and(|ignored| ignored.matches(&name))
            {
                continue;
            }
            let partitions = topic.partitions();
            self.state().collected.topics.insert(name, partitions.len());
            for partition in partitions {
                if assigned.insert((topic.name().to_owned(), partition.id())) {
                    new.add_partition_offset(topic.name(), partition.id(), Offset::Beginning)?;
                }
            }
        }
        if new.count() > 0 {
            consumer.incremental_assign(&new)?;
        }
        Ok(())
    }
}

/// The settings of every client of the target's Kafka.
pub(super) fn client(target: &Target) -> ClientConfig {
    let mut config = ClientConfig::new();
    config.set("bootstrap.servers", &target.bootstrap);
    config.set_log_level(RDKafkaLogLevel::Critical);
    config
}
