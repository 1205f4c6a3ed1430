//! Signals from a topic: partition 0, records whose key is the topic prefix.
//!
//! The offset is kept in a consumer group, as Debezium keeps it. It is moved past a signal only when
//! the reader has taken it and something that the stream published after that is durable: so a crash
//! does not lose a signal that the checkpoint does not know of. A signal after which nothing is
//! published counts as done after a while.

use std::sync::Arc;
use std::time::Duration;

use rdkafka::config::ClientConfig;
use rdkafka::consumer::{CommitMode, Consumer, StreamConsumer};
use rdkafka::error::{KafkaError, KafkaResult};
use rdkafka::message::Message;
use rdkafka::{Offset, TopicPartitionList};
use tokio::sync::{mpsc, watch};
use tokio::task::JoinSet;
use tokio::time::{Instant, MissedTickBehavior};
use tokio_util::sync::CancellationToken;

use super::{Channel, Signal};
use crate::config::KafkaSignals;
use crate::error::{EngineError, Result};
use crate::progress::{Chain, Stage};
use crate::publish::Durable;
use crate::publish::client::{ReaderContext, base, fault};
use crate::publish::properties;
use crate::settings::WorkerSettings;
use crate::task::{Output, TaskContext};

/// How often it is looked whether signals are done with.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// When a signal counts as done although nothing was published after it.
const DONE_AFTER: Duration = Duration::from_secs(10);

/// The pause after trouble with Kafka, whose client goes on trying by itself.
const TROUBLE_PAUSE: Duration = Duration::from_secs(1);

type Reader = StreamConsumer<ReaderContext>;

/// Reads the topic until `closing`.
///
/// # Errors
/// Definite for properties that cannot be honoured.
pub(super) fn spawn(
    tasks: &mut JoinSet<()>,
    (config, context): (&KafkaSignals, &TaskContext),
    done: Done,
    closing: CancellationToken,
) -> Result<()> {
    let client = client(config, &context.output)?;
    let reader: Reader = client
        .create_with_context(ReaderContext)
        .map_err(|e| fault("making the consumer of signals", e))?;
    let mut plan = TopicPartitionList::new();
    plan.add_partition_offset(&config.topic, 0, Offset::Stored)
        .and_then(|()| reader.assign(&plan))
        .map_err(|e| fault("planning to read signals", e))?;
    tracing::info!(topic = config.topic, "reading signals from a topic");
    let channel = KafkaChannel {
        reader: Arc::new(reader),
        topic: config.topic.clone(),
        key: context.config.topic_prefix.clone(),
        done,
        trouble: String::new(),
    };
    tasks.spawn(channel.run(closing));
    Ok(())
}

/// The consumer's configuration: what `signal.consumer.*` sets comes before our own.
fn client(config: &KafkaSignals, output: &Output) -> Result<ClientConfig> {
    const CLIENT_ID: &str = "walcast-signals";
    let mut client = match (&config.bootstrap_servers, output) {
        (Some(servers), _) => base(&WorkerSettings::new(servers), CLIENT_ID)?,
        (None, Output::Kafka(settings)) => base(settings, CLIENT_ID)?,
        (None, Output::Stdout { .. }) => {
            return Err(EngineError::definite(
                "signal.enabled.channels has kafka, but records do not go to Kafka: set signal.kafka.bootstrap.servers",
            ));
        }
    };
    client
        .set("group.id", &config.group_id)
        .set("session.timeout.ms", "10000")
        .set("auto.offset.reset", "earliest")
        .set("topic.metadata.refresh.interval.ms", "5000")
        .set("queued.max.messages.kbytes", "1024");
    properties::apply(&mut client, &config.consumer)?;
    client
        .set("enable.auto.commit", "false")
        .set("enable.auto.offset.store", "false");
    Ok(client)
}

struct KafkaChannel {
    reader: Arc<Reader>,
    topic: String,
    /// The key that this connector's signals have.
    key: String,
    done: Done,
    /// What the client last complained of.
    trouble: String,
}

impl KafkaChannel {
    async fn run(mut self, closing: CancellationToken) {
        let mut look = tokio::time::interval(LOOK_EVERY);
        look.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let reader = Arc::clone(&self.reader);
        loop {
            tokio::select! {
                biased;
                () = closing.cancelled() => break,
                _ = look.tick() => self.commit().await,
                received = reader.recv() => match received {
                    Ok(message) => {
                        self.trouble.clear();
                        let signal = self.signal(&message);
                        let next = message.offset() + 1;
                        drop(message);
                        self.done.hand_on(signal, next, &closing).await;
                    }
                    Err(error) => self.tell(&error, &closing).await,
                },
            }
        }
        self.commit().await;
    }

    /// The signal in a record; what is for others, or no signal, is passed over.
    fn signal(&self, message: &impl Message) -> Option<Signal> {
        let offset = message.offset();
        let key = message.key().unwrap_or_default();
        if key != self.key.as_bytes() {
            let key = String::from_utf8_lossy(key);
            tracing::info!(
                offset,
                "Signal key '{key}' doesn't match the connector's name '{}'",
                self.key
            );
            return None;
        }
        let value = message.payload().filter(|value| !value.is_empty())?;
        match Signal::read(value, Channel::Kafka) {
            Ok(signal) => Some(signal),
            Err(error) => {
                let topic = &self.topic;
                tracing::warn!(topic, offset, %error, "a record that is no signal is passed over; send {{\"type\":…,\"data\":{{…}}}}");
                None
            }
        }
    }

    async fn tell(&mut self, error: &KafkaError, closing: &CancellationToken) {
        let text = error.to_string();
        if text != self.trouble {
            tracing::warn!(topic = self.topic, %error, "signals cannot be read; trying again");
            self.trouble = text;
        }
        tokio::select! {
            () = closing.cancelled() => {}
            () = tokio::time::sleep(TROUBLE_PAUSE) => {}
        }
    }

    /// Moves the group's offset past the signals that are done with.
    async fn commit(&mut self) {
        let Some(next) = self.done.up_to(Instant::now()) else {
            return;
        };
        let (reader, topic) = (Arc::clone(&self.reader), self.topic.clone());
        let written = tokio::task::spawn_blocking(move || write(&reader, &topic, next)).await;
        match written {
            Ok(Ok(())) => self.done.committed = next,
            Ok(Err(error)) => {
                tracing::warn!(topic = self.topic, %error, "the offset of the signals was not kept; trying again");
            }
            Err(error) => {
                tracing::error!(%error, "keeping the offset of the signals ended unexpectedly");
            }
        }
    }
}

fn write(reader: &Reader, topic: &str, next: i64) -> KafkaResult<()> {
    let mut place = TopicPartitionList::new();
    place.add_partition_offset(topic, 0, Offset::Offset(next))?;
    reader.commit(&place, CommitMode::Sync)
}

/// Which records of the topic are done with.
pub(super) struct Done {
    signals: mpsc::Sender<Signal>,
    durable: watch::Receiver<Durable>,
    chain: Arc<Chain>,
    /// The offset behind the last record that was handed on.
    next: i64,
    committed: i64,
    /// The last batch there was when all that was handed on had been taken, and when that was.
    taken: Option<(u64, Instant)>,
}

impl Done {
    pub(super) fn new(
        signals: mpsc::Sender<Signal>,
        durable: watch::Receiver<Durable>,
        chain: Arc<Chain>,
    ) -> Self {
        Self {
            signals,
            durable,
            chain,
            next: 0,
            committed: 0,
            taken: None,
        }
    }

    /// Hands a record's signal to the reader; when the reader has gone, the record stays undone.
    async fn hand_on(&mut self, signal: Option<Signal>, next: i64, closing: &CancellationToken) {
        if let Some(signal) = signal {
            tokio::select! {
                biased;
                () = closing.cancelled() => return,
                sent = self.signals.send(signal) => if sent.is_err() {
                    return closing.cancelled().await;
                }
            }
        }
        self.next = next;
        self.taken = None;
    }

    /// The offset that can be kept, when it is another than the one that is kept.
    fn up_to(&mut self, now: Instant) -> Option<i64> {
        if self.next == self.committed {
            return None;
        }
        let all_taken = self.signals.capacity() == self.signals.max_capacity();
        // A reader that has gone leaves an empty queue as well.
        if self.taken.is_none() && all_taken && !self.signals.is_closed() {
            self.taken = Some((self.chain.at(Stage::Received), now));
        }
        let (batch, since) = self.taken?;
        let durable = self.durable.borrow().seq > batch;
        (durable || now.saturating_duration_since(since) > DONE_AFTER).then_some(self.next)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use walcast_wire::lsn::Lsn;

    #[tokio::test]
    async fn a_signal_is_done_when_it_was_taken_and_what_came_of_it_is_durable() {
        let (signals, mut reader) = mpsc::channel(2);
        let (report, durable) = watch::channel(Durable::default());
        let chain = Arc::new(Chain::default());
        let mut done = Done::new(signals, durable, Arc::clone(&chain));
        let closing = CancellationToken::new();
        let mut now = Instant::now();
        let signal = || Some(Signal::new(None, "log", None));
        done.hand_on(signal(), 5, &closing).await;
        assert_eq!(done.up_to(now), None, "it waits");
        chain.advance(Stage::Received, 3).unwrap();
        reader.recv().await.unwrap();
        assert_eq!(done.up_to(now), None, "nothing was published since");
        let confirm = Lsn::ZERO;
        report.send_replace(Durable { seq: 3, confirm });
        assert_eq!(done.up_to(now), None, "that was before");
        report.send_replace(Durable { seq: 4, confirm });
        assert_eq!(done.up_to(now), Some(5));
        done.committed = 5;
        assert_eq!(done.up_to(now), None);

        chain.advance(Stage::Received, 4).unwrap();
        done.hand_on(None, 6, &closing).await;
        assert_eq!(done.up_to(now), None);
        now += DONE_AFTER * 2;
        assert_eq!(done.up_to(now), Some(6), "after a while");
        done.committed = 6;

        done.hand_on(signal(), 7, &closing).await;
        drop(reader);
        now += DONE_AFTER * 2;
        assert_eq!(done.up_to(now), None, "the reader left it");
    }

    #[test]
    fn the_consumer_is_configured_as_debeziums_but_for_commits() {
        let config = KafkaSignals {
            topic: "p-signal".into(),
            group_id: "kafka-signal".into(),
            bootstrap_servers: Some("a:1".into()),
            consumer: [
                ("auto.offset.reset", "latest"),
                ("enable.auto.commit", "true"),
                ("security.protocol", "SASL_SSL"),
                ("max.poll.records", "3"),
            ]
            .into_iter()
            .map(|(k, v)| (k.to_owned(), v.to_owned()))
            .collect(),
        };
        let output = Output::Stdout {
            offset_file: "x".into(),
        };
        let client = client(&config, &output).unwrap();
        for (name, value) in [
            ("bootstrap.servers", Some("a:1")),
            ("group.id", Some("kafka-signal")),
            ("auto.offset.reset", Some("latest")),
            ("enable.auto.commit", Some("false")),
            ("security.protocol", Some("sasl_ssl")),
            ("max.poll.records", None),
        ] {
            assert_eq!(client.get(name), value, "{name}");
        }
        let nowhere = KafkaSignals {
            bootstrap_servers: None,
            ..config
        };
        let error = super::client(&nowhere, &output).unwrap_err().to_string();
        assert!(error.contains("signal.kafka.bootstrap.servers"), "{error}");
    }
}
