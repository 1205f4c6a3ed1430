//! Topics: made, watched to their end, read, removed.

use std::time::{Duration, Instant};

use anyhow::{Context, Result, anyhow, ensure};
use rdkafka::admin::{AdminClient, AdminOptions, NewTopic, TopicReplication};
use rdkafka::client::DefaultClientContext;
use rdkafka::config::ClientConfig;
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::message::BorrowedMessage;
use rdkafka::producer::{BaseProducer, BaseRecord, Producer};
use rdkafka::{Offset, TopicPartitionList};
use tokio::runtime::Builder;
use walcast_lab::wait_for;

/// How long a broker may take for one answer.
const CALL: Duration = Duration::from_secs(20);

/// How long one look at the broker for the next record takes at most.
const POLL: Duration = Duration::from_millis(50);

/// The only partition: so the topic has one order.
const PARTITION: i32 = 0;

/// Records that a broker takes before anything is measured, and their size. In small batches they are
/// some thousand requests, after which Java has compiled what a broker does most.
const WARM_UP: (u32, usize) = (200_000, 600);

/// Lets the broker work until it is warm, so that the first run is not the one that warms it.
pub(crate) fn warm_up(bootstrap: &str) -> Result<()> {
    let topic = Topic::create(bootstrap, "bench_warm_up", false)?;
    let producer: BaseProducer = ClientConfig::new()
        .set("bootstrap.servers", bootstrap)
        .set("acks", "all")
        .set("batch.size", "16384")
        .create()
        .context("make a producer")?;
    let (count, size) = WARM_UP;
    let value = vec![b'x'; size];
    for _ in 0..count {
        let mut record = BaseRecord::<(), _>::to(&topic.name).payload(&value);
        while let Err((error, back)) = producer.send(record) {
            ensure!(
                error.rdkafka_error_code() == Some(RDKafkaErrorCode::QueueFull),
                "warm up the broker: {error}"
            );
            producer.poll(POLL);
            record = back;
        }
    }
    producer.flush(CALL).context("warm up the broker")
}

/// A topic with one partition, watched from outside. It goes with this value.
pub(crate) struct Topic {
    name: String,
    bootstrap: String,
    consumer: BaseConsumer,
}

impl Topic {
    /// Makes a topic. With `append_time` the broker stamps records when it takes them.
    pub(crate) fn create(bootstrap: &str, name: &str, append_time: bool) -> Result<Self> {
        let mut topic = NewTopic::new(name, 1, TopicReplication::Fixed(1));
        if append_time {
            topic = topic.set("message.timestamp.type", "LogAppendTime");
        }
        let admin = admin(bootstrap)?;
        let made = waiting()?.block_on(admin.create_topics([&topic], &AdminOptions::new()));
        for one in made.with_context(|| format!("make topic {name}"))? {
            one.map_err(|(name, code)| anyhow!("make topic {name}: {code}"))?;
        }
        let topic = Self {
            name: name.to_owned(),
            bootstrap: bootstrap.to_owned(),
            consumer: consumer(bootstrap)?,
        };
        wait_for(&format!("a leader of {name}"), CALL, || topic.end())?;
        Ok(topic)
    }

    /// How many records it holds, and marks of transactions; `None` while no broker leads it.
    pub(crate) fn end(&self) -> Result<Option<i64>> {
        match self.consumer.fetch_watermarks(&self.name, PARTITION, CALL) {
            Ok((_, end)) => Ok(Some(end)),
            Err(error) if error.rdkafka_error_code().is_some_and(is_leaderless) => Ok(None),
            Err(error) => Err(error).context("ask for the end of a topic"),
        }
    }

    /// A reader that stands at `offset` and has seen whether more is there.
    pub(crate) fn reader(&self, offset: i64) -> Result<Reader> {
        let consumer = consumer(&self.bootstrap)?;
        let mut list = TopicPartitionList::new();
        list.add_partition_offset(&self.name, PARTITION, Offset::Offset(offset))?;
        consumer.assign(&list).context("read a topic")?;
        Ok(Reader { consumer })
    }
}

impl Drop for Topic {
    fn drop(&mut self) {
        // What stays goes with the broker's folder.
        let _ = waiting().and_then(|waiting| {
            let admin = admin(&self.bootstrap)?;
            let gone = admin.delete_topics(&[&self.name], &AdminOptions::new());
            waiting.block_on(gone).context("remove a topic")
        });
    }
}

/// Reads what a `read_committed` consumer sees.
pub(crate) struct Reader {
    consumer: BaseConsumer,
}

impl Reader {
    /// The next record, if one comes soon.
    pub(crate) fn next(&self) -> Result<Option<BorrowedMessage<'_>>> {
        match self.consumer.poll(POLL) {
            None => Ok(None),
            Some(Ok(message)) => Ok(Some(message)),
            // The client connects again by itself, and the end is no error.
            Some(Err(
                KafkaError::PartitionEOF(_)
                | KafkaError::MessageConsumption(RDKafkaErrorCode::AllBrokersDown),
            )) => Ok(None),
            Some(Err(error)) => Err(error).context("read a topic"),
        }
    }

    /// Waits until the reader stands at the end, so that the next record comes without delay.
    pub(crate) fn wait_for_end(&self) -> Result<()> {
        let begun = Instant::now();
        loop {
            ensure!(begun.elapsed() < CALL, "the reader does not reach the end");
            if let Some(Err(KafkaError::PartitionEOF(_))) = self.consumer.poll(POLL) {
                return Ok(());
            }
        }
    }
}

/// A topic has no leader for a moment after it was made, and when a broker was too busy to say that it
/// lives.
fn is_leaderless(code: RDKafkaErrorCode) -> bool {
    matches!(
        code,
        RDKafkaErrorCode::NotLeaderForPartition
            | RDKafkaErrorCode::LeaderNotAvailable
            | RDKafkaErrorCode::UnknownTopicOrPartition
            | RDKafkaErrorCode::UnknownPartition
            | RDKafkaErrorCode::UnknownTopic
    )
}

fn consumer(bootstrap: &str) -> Result<BaseConsumer> {
    ClientConfig::new()
        .set("bootstrap.servers", bootstrap)
        .set("group.id", "walcast-bench")
        .set("enable.auto.commit", "false")
        .set("enable.partition.eof", "true")
        .set("fetch.wait.max.ms", "100")
        .set("fetch.min.bytes", "1")
        .create()
        .context("make a consumer")
}

fn admin(bootstrap: &str) -> Result<AdminClient<DefaultClientContext>> {
    ClientConfig::new()
        .set("bootstrap.servers", bootstrap)
        .create()
        .context("make a client for topics")
}

fn waiting() -> Result<tokio::runtime::Runtime> {
    Builder::new_current_thread()
        .build()
        .context("make a runtime")
}
