//! Topics: made, watched to their end, read, removed.

use std::time::{Duration, Instant};

use anyhow::{Context, Result, anyhow, ensure};
use rdkafka::admin::{AdminClient, AdminOptions, NewTopic, TopicReplication};
use rdkafka::client::DefaultClientContext;
use rdkafka::config::ClientConfig;
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::message::BorrowedMessage;
use rdkafka::{Offset, TopicPartitionList};
use tokio::runtime::Builder;

/// How long a broker may take for one answer.
const CALL: Duration = Duration::from_secs(20);

/// How long one look at the broker for the next record takes at most.
const POLL: Duration = Duration::from_millis(50);

/// The only partition: so the topic has one order.
const PARTITION: i32 = 0;

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
        Ok(Self {
            name: name.to_owned(),
            bootstrap: bootstrap.to_owned(),
            consumer: consumer(bootstrap)?,
        })
    }

    /// How many records it holds, and marks of transactions.
    pub(crate) fn end(&self) -> Result<i64> {
        let marks = self.consumer.fetch_watermarks(&self.name, PARTITION, CALL);
        Ok(marks.context("ask for the end of a topic")?.1)
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
