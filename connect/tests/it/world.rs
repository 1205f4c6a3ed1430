//! A worker with topics of its own, and a client of its REST API.

use std::net::SocketAddr;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use metrics_exporter_prometheus::PrometheusBuilder;
use rdkafka::admin::{AdminClient, AdminOptions, NewTopic, TopicReplication};
use rdkafka::client::DefaultClientContext;
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::error::KafkaError;
use rdkafka::message::Message;
use rdkafka::producer::{FutureProducer, FutureRecord};
use rdkafka::{ClientConfig, Offset, TopicPartitionList};
use serde_json::{Value, json};
use walcast_connect::config::{Properties, WorkerConfig};
use walcast_connect::logging::Loggers;
use walcast_connect::worker::{Surroundings, Worker};
use walcast_lab::Lab;

use crate::engine::Fake;

/// How long a condition is waited for.
const DEADLINE: Duration = Duration::from_secs(20);

/// An answer: status, content type, body (null when there is none).
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) content_type: Option<String>,
    pub(crate) location: Option<String>,
    pub(crate) body: Value,
}

/// A worker under test.
pub(crate) struct World {
    pub(crate) fake: Arc<Fake>,
    pub(crate) props: Properties,
    prefix: String,
    worker: Option<Worker>,
    client: reqwest::Client,
}

/// The brokers: those of `WALCAST_TEST_KAFKA`, or one of ours for the life of the process.
pub(crate) fn brokers() -> &'static str {
    static BROKERS: OnceLock<(String, Option<Lab>)> = OnceLock::new();
    let (brokers, _lab) = BROKERS.get_or_init(|| {
        #[expect(clippy::disallowed_methods, reason = "the tests' one setting")]
        let given = std::env::var("WALCAST_TEST_KAFKA");
        given.map(|brokers| (brokers, None)).unwrap_or_else(|_| {
            let lab = Lab::builder("connect")
                .kafka()
                .start()
                .expect("Kafka starts");
            (lab.kafka().bootstrap.clone(), Some(lab))
        })
    });
    brokers
}

impl World {
    /// Starts a worker for a test.
    pub(crate) async fn start() -> Self {
        let mut world = Self::new();
        world.start_worker().await;
        world
    }

    /// A world whose worker does not run yet.
    pub(crate) fn new() -> Self {
        let prefix = format!("it-{}", uuid::Uuid::now_v7().simple());
        let mut props: Properties = [
            ("bootstrap.servers", brokers()),
            ("group.id", &prefix),
            (
                "key.converter",
                "org.apache.kafka.connect.json.JsonConverter",
            ),
            (
                "value.converter",
                "org.apache.kafka.connect.json.JsonConverter",
            ),
            ("listeners", "http://127.0.0.1:0"),
        ]
        .into_iter()
        .map(|(k, v)| (k.to_owned(), v.to_owned()))
        .collect();
        for kind in ["config", "offset", "status"] {
            props.insert(format!("{kind}.storage.topic"), format!("{prefix}-{kind}"));
            props.insert(format!("{kind}.storage.replication.factor"), "1".into());
        }
        let client = reqwest::Client::new();
        Self {
            fake: Arc::default(),
            props,
            prefix,
            worker: None,
            client,
        }
    }

    /// A world whose worker, which does not run yet, is of the same group.
    pub(crate) fn beside(&self) -> Self {
        Self {
            fake: Arc::default(),
            props: self.props.clone(),
            prefix: self.prefix.clone(),
            worker: None,
            client: self.client.clone(),
        }
    }

    pub(crate) async fn try_start_worker(&mut self) -> anyhow::Result<()> {
        let config = WorkerConfig::from_properties(self.props.clone())?;
        let given = Surroundings {
            engine: Arc::clone(&self.fake) as Arc<_>,
            loggers: Arc::new(Loggers::new("info", |_| {})),
            metrics: PrometheusBuilder::new().build_recorder().handle(),
            now_ms: || 1_700_000_000_000,
        };
        self.worker = Some(Worker::start(config, given).await?);
        Ok(())
    }

    pub(crate) async fn start_worker(&mut self) {
        self.try_start_worker().await.expect("the worker starts");
    }

    pub(crate) async fn stop_worker(&mut self) {
        let worker = self.worker.take().expect("a worker runs");
        worker.stop().await.expect("the worker stops cleanly");
    }

    /// Stops the worker and deletes the topics.
    pub(crate) async fn end(mut self) {
        if self.worker.is_some() {
            self.stop_worker().await;
        }
        let topics = ["config", "offset", "status"].map(|kind| self.topic(kind));
        let topics = topics.each_ref().map(String::as_str);
        admin()
            .delete_topics(&topics, &AdminOptions::new())
            .await
            .expect("topics are deleted");
    }

    /// The name of an internal topic: `config`, `offset` or `status`.
    pub(crate) fn topic(&self, kind: &str) -> String {
        format!("{}-{kind}", self.prefix)
    }

    pub(crate) fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.addresses()[0])
    }

    /// The ordinary listeners, the advertised one first.
    pub(crate) fn addresses(&self) -> &[SocketAddr] {
        self.worker.as_ref().expect("a worker runs").addresses()
    }

    pub(crate) fn admin_addresses(&self) -> &[SocketAddr] {
        let worker = self.worker.as_ref().expect("a worker runs");
        worker.admin_addresses()
    }

    /// A request without a body, to be completed and sent.
    pub(crate) fn request(&self, method: &str, path: &str) -> reqwest::RequestBuilder {
        let method = reqwest::Method::from_bytes(method.as_bytes()).unwrap();
        self.client.request(method, self.url(path))
    }

    /// A request; `body` null sends none.
    pub(crate) async fn ask(&self, method: &str, path: &str, body: Value) -> Answer {
        let method = reqwest::Method::from_bytes(method.as_bytes()).unwrap();
        let mut request = self.client.request(method, self.url(path));
        if !body.is_null() {
            request = request.json(&body);
        }
        self.send(request).await
    }

    /// A request with a body that is no JSON value.
    pub(crate) async fn ask_raw(
        &self,
        method: &str,
        path: &str,
        media: &str,
        body: &str,
    ) -> Answer {
        let method = reqwest::Method::from_bytes(method.as_bytes()).unwrap();
        let request = self.client.request(method, self.url(path));
        self.send(request.header("content-type", media).body(body.to_owned()))
            .await
    }

    pub(crate) async fn send(&self, request: reqwest::RequestBuilder) -> Answer {
        let response = request.send().await.expect("the worker answers");
        let header = |name: &str| {
            response
                .headers()
                .get(name)
                .map(|value| value.to_str().unwrap().to_owned())
        };
        let (status, content_type, location) = (
            response.status().as_u16(),
            header("content-type"),
            header("location"),
        );
        let text = response.text().await.unwrap();
        let body = if text.is_empty() {
            Value::Null
        } else {
            serde_json::from_str(&text).unwrap_or(Value::String(text))
        };
        Answer {
            status,
            content_type,
            location,
            body,
        }
    }

    pub(crate) async fn get(&self, path: &str) -> Answer {
        self.ask("GET", path, Value::Null).await
    }

    pub(crate) async fn put(&self, path: &str) -> Answer {
        self.ask("PUT", path, Value::Null).await
    }

    /// Creates a connector with `extra` properties and waits until it has a status.
    pub(crate) async fn create(&self, name: &str, extra: Value) {
        let answer = self
            .ask(
                "POST",
                "/connectors",
                json!({"name": name, "config": props(extra)}),
            )
            .await;
        assert_eq!(answer.status, 201, "{answer:?}");
        self.until(&format!("/connectors/{name}/status"), |answer| {
            answer.status == 200
        })
        .await;
    }

    /// Waits until connector and task have these states.
    pub(crate) async fn until_state(&self, name: &str, connector: &str, tasks: &[&str]) -> Value {
        let path = format!("/connectors/{name}/status");
        let found = self.until(&path, |answer| {
            let states = answer.body["tasks"].as_array().into_iter().flatten();
            let states: Vec<_> = states.filter_map(|task| task["state"].as_str()).collect();
            answer.body["connector"]["state"] == connector && states == tasks
        });
        found.await.body
    }

    /// Asks until the answer is as wanted.
    pub(crate) async fn until(&self, path: &str, good: impl Fn(&Answer) -> bool) -> Answer {
        self.until_at(0, path, good).await
    }

    /// As [`Self::until`], on the listener with this index.
    pub(crate) async fn until_at(
        &self,
        listener: usize,
        path: &str,
        good: impl Fn(&Answer) -> bool,
    ) -> Answer {
        let url = format!("http://{}{path}", self.addresses()[listener]);
        let deadline = tokio::time::Instant::now() + DEADLINE;
        loop {
            let answer = self.send(self.client.get(&url)).await;
            if good(&answer) {
                return answer;
            }
            assert!(
                tokio::time::Instant::now() < deadline,
                "{path} stays {answer:?}"
            );
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    /// Everything in an internal topic now, as text, in order.
    pub(crate) async fn records(&self, kind: &str) -> Vec<(String, Option<String>)> {
        let topic = self.topic(kind);
        tokio::task::spawn_blocking(move || read(&topic))
            .await
            .unwrap()
    }

    /// Writes a record as another worker would.
    pub(crate) async fn write(&self, kind: &str, key: &str, value: Option<&str>) {
        let producer: FutureProducer = client().create().unwrap();
        let topic = self.topic(kind);
        let mut record = FutureRecord::to(&topic).key(key);
        if let Some(value) = value {
            record = record.payload(value);
        }
        producer
            .send(record, DEADLINE)
            .await
            .expect("the record is written");
    }

    /// Makes an internal topic before the worker does.
    pub(crate) async fn make_topic(&self, kind: &str, partitions: i32, policy: &str) {
        let name = self.topic(kind);
        let topic = NewTopic::new(&name, partitions, TopicReplication::Fixed(1))
            .set("cleanup.policy", policy);
        let options = AdminOptions::new().operation_timeout(Some(DEADLINE));
        let made = admin().create_topics([&topic], &options).await.unwrap();
        made.into_iter()
            .for_each(|result| assert!(result.is_ok(), "{result:?}"));
    }
}

/// Properties of a connector that the catalogue has nothing against, changed by `extra`.
pub(crate) fn props(extra: Value) -> Value {
    let mut props = json!({
        "connector.class": "io.debezium.connector.postgresql.PostgresConnector",
        "tasks.max": "1",
        "database.hostname": "db",
        "database.user": "u",
        "database.dbname": "d",
        "topic.prefix": "p",
    });
    for (key, value) in extra.as_object().into_iter().flatten() {
        props[key] = value.clone();
    }
    props
}

fn client() -> ClientConfig {
    let mut client = ClientConfig::new();
    client
        .set("bootstrap.servers", brokers())
        .set("partitioner", "murmur2_random")
        .set("group.id", "it-reader")
        .set("enable.auto.commit", "false")
        .set("enable.partition.eof", "true");
    client
}

fn admin() -> AdminClient<DefaultClientContext> {
    client().create().unwrap()
}

fn read(topic: &str) -> Vec<(String, Option<String>)> {
    let consumer: BaseConsumer = client().create().unwrap();
    let metadata = consumer.fetch_metadata(Some(topic), DEADLINE).unwrap();
    let mut plan = TopicPartitionList::new();
    for partition in metadata.topics().iter().flat_map(|t| t.partitions()) {
        plan.add_partition_offset(topic, partition.id(), Offset::Beginning)
            .unwrap();
    }
    let mut left = plan.count();
    consumer.assign(&plan).unwrap();
    let mut records = Vec::new();
    let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
    while left > 0 {
        match consumer.poll(DEADLINE).expect("the broker answers") {
            Ok(message) => {
                records.push((text(message.key().unwrap()), message.payload().map(text)));
            }
            Err(KafkaError::PartitionEOF(_)) => left -= 1,
            Err(error) => panic!("{error}"),
        }
    }
    records
}
