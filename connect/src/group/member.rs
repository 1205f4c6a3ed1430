//! This worker's membership: joins the group, tells what is gained and lost, leaves.

use std::collections::BTreeSet;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use rdkafka::ClientContext;
use rdkafka::consumer::{BaseConsumer, Consumer, ConsumerContext, Rebalance};
use rdkafka::error::KafkaError;
use rdkafka::topic_partition_list::TopicPartitionList;
use rdkafka::types::RDKafkaErrorCode;
use tokio::sync::{mpsc, oneshot, watch};
use tokio_util::sync::CancellationToken;

use super::{Held, Shards};
use crate::kafka::{Clients, KafkaFault};

/// How long one look for the group's events takes, and so how soon a stop is seen.
const LOOK: Duration = Duration::from_millis(100);

/// How often the log says what keeps the worker out of the group.
const TELL_EVERY: Duration = Duration::from_secs(10);

/// A change of what this worker owns.
#[derive(Debug)]
pub(crate) enum GroupEvent {
    /// There are more connectors to be run.
    Gained,
    /// The connectors of these shards are being stopped by their runners.
    Lost {
        shards: BTreeSet<i32>,
        /// To be told when nothing of them runs.
        done: oneshot::Sender<()>,
    },
}

/// The membership; [`Member::run`] it on a thread of its own.
pub(crate) struct Member {
    consumer: BaseConsumer<Callbacks>,
    topic: String,
}

impl Member {
    /// Prepares a member that others reach at `url`. Nothing is connected yet.
    ///
    /// # Errors
    /// A Kafka property that the client does not take.
    pub(crate) fn new(
        clients: &Clients,
        url: &str,
        shards: Shards,
        held: watch::Sender<Held>,
        events: mpsc::Sender<GroupEvent>,
    ) -> Result<Self, KafkaFault> {
        let (client, topic) = clients.group_member(url);
        let callbacks = Callbacks {
            group: clients.group_id().to_owned(),
            shards,
            held,
            events,
            told: Mutex::new(None),
        };
        let consumer = client.create_with_context(callbacks);
        let consumer = consumer.map_err(|e| KafkaFault::new("making the group's client", e))?;
        Ok(Self { consumer, topic })
    }

    /// Joins, and stays until `stop`; then gives everything up and leaves.
    pub(crate) fn run(self, stop: &CancellationToken) {
        if let Err(error) = self.consumer.subscribe(&[&self.topic]) {
            self.consumer.context().trouble(&error);
        }
        while !stop.is_cancelled() {
            if let Some(Err(error)) = self.consumer.poll(LOOK) {
                self.consumer.context().trouble(&error);
            }
        }
        // Dropping the consumer revokes what is left and leaves the group.
    }
}

/// Hears of rebalances while the consumer is polled.
struct Callbacks {
    group: String,
    shards: Shards,
    held: watch::Sender<Held>,
    events: mpsc::Sender<GroupEvent>,
    told: Mutex<Option<Instant>>,
}

impl ClientContext for Callbacks {
    fn error(&self, error: KafkaError, reason: &str) {
        match error.rdkafka_error_code() {
            Some(code) if is_trouble(code) => self.trouble(&error),
            _ => {
                tracing::warn!(%error, reason, "the group's client reports an error; it goes on by itself")
            }
        }
    }
}

impl ConsumerContext for Callbacks {
    fn pre_rebalance(&self, consumer: &BaseConsumer<Self>, rebalance: &Rebalance<'_>) {
        match rebalance {
            Rebalance::Revoke(list) => self.give_up(ids(list), consumer.assignment_lost()),
            Rebalance::Error(error) => self.trouble(error),
            Rebalance::Assign(_) => {}
        }
    }

    fn post_rebalance(&self, consumer: &BaseConsumer<Self>, rebalance: &Rebalance<'_>) {
        if let Rebalance::Assign(list) = rebalance {
            // Nothing is read through the group.
            if let Err(error) = consumer.pause(list) {
                tracing::warn!(%error, "cannot pause reading the offsets topic; what comes is not looked at");
            }
            self.take(ids(list));
        }
    }
}

impl Callbacks {
    fn take(&self, gained: BTreeSet<i32>) {
        let count = self.shards.count();
        if gained.iter().any(|shard| *shard >= count) {
            tracing::error!(
                shards = count,
                "the offsets topic has got more partitions since this worker started; restart all workers of the group, so that they agree on which of them runs which connector"
            );
        }
        if !gained.is_empty() {
            tracing::info!(shards = ?gained, "the group gives this worker connectors to run");
        }
        self.held.send_modify(|held| {
            held.joined = true;
            held.trouble = None;
            held.shards.extend(gained);
        });
        self.meter();
        // Without a herder the worker is stopping, and the group hears of it soon.
        drop(self.events.blocking_send(GroupEvent::Gained));
    }

    /// Returns when nothing of the shards runs any more.
    fn give_up(&self, lost: BTreeSet<i32>, abrupt: bool) {
        if abrupt {
            tracing::warn!(shards = ?lost, "the group has not heard of this worker for session.timeout.ms and gives its connectors away; they stop at once");
        } else {
            tracing::info!(shards = ?lost, "the group takes connectors from this worker");
        }
        self.held.send_modify(|held| {
            held.joined &= !abrupt;
            held.abrupt = abrupt;
            held.shards.retain(|shard| !lost.contains(shard));
        });
        self.meter();
        let (done, stopped) = oneshot::channel();
        let event = GroupEvent::Lost { shards: lost, done };
        if self.events.blocking_send(event).is_ok() && stopped.blocking_recv().is_err() {
            tracing::debug!("the herder has ended; nothing runs");
        }
    }

    /// Says in `/metrics` how many shards are held.
    fn meter(&self) {
        let shards = self.held.borrow().shards.len();
        metrics::gauge!("walcast_connect_shards").set(shards as f64);
    }

    /// Tells what keeps this worker out of the group; it tries again by itself.
    fn trouble(&self, error: &KafkaError) {
        let text = explain(&self.group, error);
        let mut told = self.told.lock().unwrap_or_else(PoisonError::into_inner);
        if told.is_none_or(|at| at.elapsed() >= TELL_EVERY) {
            *told = Some(Instant::now());
            tracing::warn!("{text}");
        }
        drop(told);
        self.held.send_modify(|held| held.trouble = Some(text));
    }
}

fn ids(list: &TopicPartitionList) -> BTreeSet<i32> {
    list.elements().iter().map(|e| e.partition()).collect()
}

/// Errors that keep a worker out until somebody acts.
fn is_trouble(code: RDKafkaErrorCode) -> bool {
    matches!(
        code,
        RDKafkaErrorCode::InconsistentGroupProtocol
            | RDKafkaErrorCode::GroupAuthorizationFailed
            | RDKafkaErrorCode::InvalidSessionTimeout
    )
}

fn explain(group: &str, error: &KafkaError) -> String {
    let cure = match error.rdkafka_error_code() {
        Some(RDKafkaErrorCode::InconsistentGroupProtocol) => {
            "a Kafka Connect worker still holds the group; stop it (after a kill it goes in session.timeout.ms)"
        }
        Some(RDKafkaErrorCode::GroupAuthorizationFailed) => {
            "the worker's Kafka user may not join it; grant Read on the group"
        }
        Some(RDKafkaErrorCode::InvalidSessionTimeout) => {
            "the broker does not take its session timeout; set session.timeout.ms within the broker's group.min.session.timeout.ms and group.max.session.timeout.ms"
        }
        _ => return format!("group {group}: {error}; trying again"),
    };
    format!("cannot join group {group} ({error}): {cure}")
}
