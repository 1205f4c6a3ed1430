//! One test's topic, group and database, and what is in them.

use std::sync::Arc;
use std::time::Duration;

use rdkafka::admin::{AdminClient, AdminOptions, NewTopic, TopicReplication};
use rdkafka::client::DefaultClientContext;
use rdkafka::consumer::{BaseConsumer, CommitMode, Consumer};
use rdkafka::producer::{FutureProducer, FutureRecord};
use rdkafka::{ClientConfig, Offset, TopicPartitionList};
use walcast_sink::SinkArgs;
use walcast_sink::hook::StepHook;
use walcast_sink::migrate::{self, MigrateClickhouseArgs};

use super::{Running, clickhouse_url, kafka, until};

/// A test's own corner of the shared servers.
pub(crate) struct Case {
    pub(crate) name: String,
    pub(crate) clickhouse_url: String,
    producer: FutureProducer,
    http: reqwest::Client,
}

/// What has landed, in every table that a record reaches.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Counts {
    pub(crate) landed: u64,
    pub(crate) events: u64,
    pub(crate) assignments: u64,
    pub(crate) events_daily: u64,
    pub(crate) user_totals: u64,
    pub(crate) assignments_daily: u64,
}

impl Counts {
    /// Each table's count when so many events and assignments have landed once.
    pub(crate) fn of(events: u64, assignments: u64) -> Self {
        Self {
            landed: events + assignments,
            events,
            assignments,
            events_daily: events,
            user_totals: events,
            assignments_daily: assignments,
        }
    }
}

impl Case {
    /// A topic of `partitions` and a migrated database, both named after the test.
    pub(crate) async fn new(name: &str, partitions: i32) -> Self {
        Self::on(name, partitions, clickhouse_url()).await
    }

    /// The same with ClickHouse elsewhere.
    pub(crate) async fn on(name: &str, partitions: i32, clickhouse_url: &str) -> Self {
        // A subscriber that another test of this process has set is as good.
        tracing_subscriber::fmt()
            .with_writer(std::io::stderr)
            .with_ansi(false)
            .try_init()
            .ok();
        let nanos = time::OffsetDateTime::now_utc().unix_timestamp_nanos();
        let case = Self {
            name: format!("sink_{name}_{nanos}"),
            clickhouse_url: clickhouse_url.to_owned(),
            producer: client().set("enable.idempotence", "true").create().unwrap(),
            http: reqwest::Client::new(),
        };
        case.create_topic(partitions).await;
        migrate::run(case.migrate_args()).await.unwrap();
        case
    }

    async fn create_topic(&self, partitions: i32) {
        let topic = NewTopic::new(&self.name, partitions, TopicReplication::Fixed(1));
        let made = admin()
            .create_topics([&topic], &AdminOptions::new())
            .await
            .unwrap();
        assert!(made[0].is_ok(), "{made:?}");
    }

    pub(crate) fn migrate_args(&self) -> MigrateClickhouseArgs {
        MigrateClickhouseArgs {
            clickhouse_url: self.clickhouse_url.clone(),
            clickhouse_database: self.name.clone(),
            clickhouse_user: "default".into(),
            clickhouse_password: None,
            clickhouse_password_file: None,
        }
    }

    /// The sink's arguments for this case.
    pub(crate) fn sink_args(&self) -> SinkArgs {
        SinkArgs {
            bootstrap_servers: Some(kafka().to_owned()),
            group_id: Some(self.name.clone()),
            topics: Some(vec![self.name.clone()]),
            dead_letter_topic: Some(self.dead_letter_topic()),
            clickhouse_url: Some(self.clickhouse_url.clone()),
            clickhouse_database: Some(self.name.clone()),
            kafka: vec![
                "session.timeout.ms=6000".into(),
                "heartbeat.interval.ms=1000".into(),
            ],
            ..SinkArgs::default()
        }
    }

    pub(crate) fn dead_letter_topic(&self) -> String {
        format!("{}.dead-letter", self.name)
    }

    /// Starts a sink on this case.
    pub(crate) async fn start(&self) -> Running {
        Running::start(self.sink_args(), Arc::new(walcast_sink::hook::NoHook)).await
    }

    /// Starts a sink that is held or failed by `hook`.
    pub(crate) async fn start_with(&self, hook: Arc<dyn StepHook>) -> Running {
        Running::start(self.sink_args(), hook).await
    }

    /// Puts `values` into `partition`, in order, and returns when all are acknowledged.
    pub(crate) async fn produce(&self, partition: i32, values: impl IntoIterator<Item = String>) {
        let mut sent = Vec::new();
        for value in values {
            let record = FutureRecord::to(&self.name)
                .partition(partition)
                .key(r#"{"id":1}"#)
                .payload(&value);
            sent.push(
                self.producer
                    .send_result(record)
                    .map_err(|(error, _)| error)
                    .unwrap(),
            );
        }
        for delivery in sent {
            delivery.await.unwrap().map_err(|(error, _)| error).unwrap();
        }
    }

    pub(crate) async fn produce_tombstone(&self, partition: i32) {
        let record: FutureRecord<'_, str, str> = FutureRecord::to(&self.name)
            .partition(partition)
            .key(r#"{"id":1}"#);
        self.producer
            .send(record, Duration::from_secs(10))
            .await
            .unwrap();
    }

    /// Runs `sql` in the case's database; the answer as tab-separated text, or the error's.
    pub(crate) async fn query(&self, sql: &str) -> Result<String, String> {
        let answer = self
            .http
            .post(format!("{}/?database={}", self.clickhouse_url, self.name))
            .body(sql.to_owned())
            .send()
            .await
            .map_err(|error| error.to_string())?;
        let good = answer.status().is_success();
        let text = answer
            .text()
            .await
            .map_err(|error| error.to_string())?
            .trim_end()
            .to_owned();
        if good { Ok(text) } else { Err(text) }
    }

    /// One number.
    pub(crate) async fn number(&self, sql: &str) -> u64 {
        self.query(sql).await.unwrap().parse().unwrap()
    }

    /// What has landed; none while ClickHouse does not answer.
    pub(crate) async fn counts(&self) -> Option<Counts> {
        let sql = "SELECT (SELECT count() FROM outbox_events), (SELECT count() FROM events), \
             (SELECT count() FROM assignments), (SELECT countMerge(events) FROM events_daily), \
             (SELECT countMerge(events) FROM user_totals), \
             (SELECT countMerge(assignments) FROM assignments_daily)";
        let text = self.query(sql).await.ok()?;
        let mut numbers = text.split('\t').map(|number| number.parse().unwrap());
        let mut next = || numbers.next().unwrap();
        Some(Counts {
            landed: next(),
            events: next(),
            assignments: next(),
            events_daily: next(),
            user_totals: next(),
            assignments_daily: next(),
        })
    }

    /// Waits for the group to have settled `position`, then checks every table's count.
    pub(crate) async fn expect(&self, positions: &[(i32, i64)], expected: Counts) {
        for (partition, position) in positions {
            until(&format!("{partition} settled at {position}"), || async {
                self.committed(*partition) == Some((*position, r#"{"v":1}"#.to_owned()))
            })
            .await;
        }
        assert_eq!(self.counts().await, Some(expected));
    }

    /// The group's committed offset and its metadata.
    pub(crate) fn committed(&self, partition: i32) -> Option<(i64, String)> {
        let mut list = TopicPartitionList::new();
        list.add_partition(&self.name, partition);
        let list = self
            .outsider()
            .committed_offsets(list, Duration::from_secs(10))
            .unwrap();
        let element = list.find_partition(&self.name, partition).unwrap();
        match element.offset() {
            Offset::Offset(offset) => Some((offset, element.metadata().to_owned())),
            _ => None,
        }
    }

    /// Commits as an operator does while no member is in the group.
    pub(crate) fn set_committed(&self, partition: i32, offset: i64, metadata: &str) {
        let mut list = TopicPartitionList::new();
        let mut element = list.add_partition(&self.name, partition);
        element.set_offset(Offset::Offset(offset)).unwrap();
        element.set_metadata(metadata);
        self.outsider().commit(&list, CommitMode::Sync).unwrap();
    }

    /// A client of the case's group that is no member of it.
    fn outsider(&self) -> BaseConsumer {
        client().set("group.id", &self.name).create().unwrap()
    }

    /// Every record of the dead-letter topic, as a reader finds them.
    pub(crate) fn dead_letters(&self, expected: usize) -> Vec<rdkafka::message::OwnedMessage> {
        let consumer: BaseConsumer = client()
            .set("group.id", format!("{}-reader", self.name))
            .set("enable.partition.eof", "true")
            .create()
            .unwrap();
        let mut list = TopicPartitionList::new();
        list.add_partition_offset(&self.dead_letter_topic(), 0, Offset::Beginning)
            .unwrap();
        consumer.assign(&list).unwrap();
        let mut found = Vec::new();
        while found.len() < expected {
            match consumer
                .poll(Duration::from_secs(30))
                .expect("a dead letter in time")
            {
                Ok(record) => found.push(record.detach()),
                Err(rdkafka::error::KafkaError::PartitionEOF(_)) => {}
                Err(error) => panic!("{error}"),
            }
        }
        found
    }

    /// Removes the records below `offset`, as retention does.
    pub(crate) async fn delete_records(&self, partition: i32, offset: i64) {
        let mut list = TopicPartitionList::new();
        list.add_partition_offset(&self.name, partition, Offset::Offset(offset))
            .unwrap();
        admin()
            .delete_records(&list, &AdminOptions::new())
            .await
            .unwrap();
    }

    /// Drops the database and the topics.
    pub(crate) async fn drop(self) {
        self.query(&format!("DROP DATABASE {}", self.name))
            .await
            .unwrap();
        let topics = [self.name.as_str(), &self.dead_letter_topic()];
        admin()
            .delete_topics(&topics, &AdminOptions::new())
            .await
            .unwrap();
    }
}

pub(crate) fn client() -> ClientConfig {
    let mut config = ClientConfig::new();
    config.set("bootstrap.servers", kafka());
    config
}

fn admin() -> AdminClient<DefaultClientContext> {
    client().create().unwrap()
}
