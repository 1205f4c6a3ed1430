//! What the sink knows about itself, for `/status`, `/healthz` and `/readyz`.
//!
//! Enters: facts from the workers and from the group. Leaves: copies of them, and two verdicts:
//! ready (records would land now) and healthy (the stream moves).

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use serde::Serialize;

use crate::envelope::Origin;
use crate::metrics;

/// Without a landed batch for this long, while records wait, the stream does not move.
const STALL_MAX: Duration = Duration::from_secs(120);
/// The group's thread looks at Kafka five times a second; past this it hangs.
const POLL_AGE_MAX: Duration = Duration::from_secs(60);

/// What a partition's worker is doing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum State {
    /// Comparing the group's position with what has landed.
    Starting,
    /// Sending a predecessor's pending range again.
    Recovering,
    /// Collecting and landing.
    Streaming,
    /// Trying again what ClickHouse or Kafka could not do just now.
    Retrying,
    /// Needs a human; nothing of this partition lands until the sink is started again.
    Stopped,
}

impl State {
    /// Every state, for the metric that has one series for each.
    pub const ALL: [State; 5] = [
        State::Starting,
        State::Recovering,
        State::Streaming,
        State::Retrying,
        State::Stopped,
    ];

    pub(crate) fn name(self) -> &'static str {
        match self {
            State::Starting => "starting",
            State::Recovering => "recovering",
            State::Streaming => "streaming",
            State::Retrying => "retrying",
            State::Stopped => "stopped",
        }
    }
}

/// One partition that this process owns.
#[derive(Debug, Clone, Serialize)]
pub struct PartitionStatus {
    /// Topic name.
    pub topic: String,
    /// Partition number.
    pub partition: i32,
    /// What its worker is doing.
    pub state: State,
    /// Why, when it is retrying or stopped, and what to do.
    pub detail: Option<String>,
    /// Every record below this offset has landed or is a dead letter.
    pub position: Option<i64>,
    /// Committed records in Kafka that have not landed yet; none until it has been measured.
    pub lag: Option<i64>,
    /// Rows that this worker has landed.
    pub rows: u64,
    /// Records that it has sent to the dead-letter topic.
    pub dead_letters: u64,
    #[serde(skip)]
    at_end: bool,
    #[serde(skip)]
    progressed: Instant,
}

/// The whole process, as `/status` shows it.
#[derive(Debug, Clone, Serialize)]
pub struct Report {
    /// Records would land now.
    pub ready: bool,
    /// The stream moves.
    pub healthy: bool,
    /// What keeps it from being ready or healthy.
    pub problems: Vec<String>,
    /// The partitions that this process owns.
    pub partitions: Vec<PartitionStatus>,
}

/// The facts, shared by everything in the process.
#[derive(Debug)]
pub struct Status {
    facts: Mutex<Facts>,
}

#[derive(Debug)]
struct Facts {
    /// Why ClickHouse cannot be used; none once the check at start has passed.
    clickhouse: Option<String>,
    kafka_reachable: bool,
    joined: bool,
    polled: Instant,
    partitions: BTreeMap<(String, i32), PartitionStatus>,
}

impl Default for Status {
    fn default() -> Self {
        Self {
            facts: Mutex::new(Facts {
                clickhouse: Some("ClickHouse has not been checked yet".into()),
                kafka_reachable: true,
                joined: false,
                polled: Instant::now(),
                partitions: BTreeMap::new(),
            }),
        }
    }
}

impl Status {
    fn facts(&self) -> MutexGuard<'_, Facts> {
        self.facts.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What the check at start has found; none when it has passed.
    pub(crate) fn set_clickhouse_problem(&self, problem: Option<String>) {
        let mut facts = self.facts();
        facts.clickhouse = problem;
        facts.polled = Instant::now();
    }

    /// Whether any broker answers.
    pub(crate) fn set_kafka_reachable(&self, reachable: bool) {
        self.facts().kafka_reachable = reachable;
    }

    /// The group's thread is alive.
    pub(crate) fn polled(&self) {
        self.facts().polled = Instant::now();
    }

    /// The group has given this process these partitions, and no others.
    pub(crate) fn assigned<'a>(&self, origins: impl Iterator<Item = &'a Origin>) {
        let mut facts = self.facts();
        facts.joined = true;
        facts.partitions = origins
            .map(|origin| (key(origin), PartitionStatus::new(origin)))
            .collect();
    }

    /// The group has taken all partitions back.
    pub(crate) fn revoked(&self) {
        let mut facts = self.facts();
        for status in facts.partitions.values() {
            metrics::partition_gone(&status.topic, status.partition);
        }
        facts.joined = false;
        facts.partitions.clear();
    }

    /// Changes what is known of a partition that this process owns.
    pub(crate) fn update(&self, origin: &Origin, change: impl FnOnce(&mut PartitionStatus)) {
        if let Some(status) = self.facts().partitions.get_mut(&key(origin)) {
            let state = status.state;
            change(status);
            if state != status.state {
                metrics::partition_state(&status.topic, status.partition, status.state);
            }
        }
    }

    /// Takes Kafka's measure of a partition: committed records end before `stable_end`, and the
    /// last end that was reached is `eof`.
    pub(crate) fn measured(&self, topic: &str, partition: i32, stable_end: i64, eof: i64) {
        let mut facts = self.facts();
        let Some(status) = facts.partitions.get_mut(&(topic.to_owned(), partition)) else {
            return;
        };
        // Transaction markers at the end are no records: an end that was reached counts as landed.
        let Some(position) = status.position.filter(|_| stable_end >= 0) else {
            return;
        };
        let reached = if status.at_end {
            position.max(eof)
        } else {
            position
        };
        let lag = (stable_end - reached).max(0);
        if lag == 0 {
            status.progressed = Instant::now();
        }
        status.lag = Some(lag);
        metrics::lag(topic, partition, lag);
    }

    /// A copy of everything, with the verdicts.
    pub fn report(&self) -> Report {
        let facts = self.facts();
        let mut unhealthy = Vec::new();
        if facts.polled.elapsed() > POLL_AGE_MAX {
            unhealthy.push("the consumer's thread hangs: restart the process".to_owned());
        }
        let mut unready: Vec<String> = facts.clickhouse.iter().cloned().collect();
        if !facts.kafka_reachable {
            unready.push("no Kafka broker answers".to_owned());
        }
        if facts.clickhouse.is_none() && !facts.joined {
            unready.push("not a member of the consumer group yet".to_owned());
        }
        for status in facts.partitions.values() {
            let PartitionStatus {
                topic, partition, ..
            } = status;
            let detail = status.detail.as_deref().unwrap_or_default();
            match status.state {
                State::Stopped => unhealthy.push(format!("{topic}/{partition} stopped: {detail}")),
                State::Retrying => unready.push(format!("{topic}/{partition} retrying: {detail}")),
                State::Recovering | State::Starting | State::Streaming => {}
            }
            if status.state != State::Stopped && status.progressed.elapsed() > STALL_MAX {
                unhealthy.push(format!("{topic}/{partition} does not move: {detail}"));
            }
        }
        Report {
            ready: unhealthy.is_empty() && unready.is_empty(),
            healthy: unhealthy.is_empty(),
            problems: unhealthy.into_iter().chain(unready).collect(),
            partitions: facts.partitions.values().cloned().collect(),
        }
    }
}

impl PartitionStatus {
    fn new(origin: &Origin) -> Self {
        metrics::partition_state(&origin.topic, origin.partition, State::Starting);
        Self {
            topic: origin.topic.to_string(),
            partition: origin.partition,
            state: State::Starting,
            detail: None,
            position: None,
            lag: None,
            rows: 0,
            dead_letters: 0,
            at_end: false,
            progressed: Instant::now(),
        }
    }

    pub(crate) fn set(&mut self, state: State, detail: Option<String>) {
        self.state = state;
        self.detail = detail;
    }

    /// Everything below `position` is done.
    pub(crate) fn advance(&mut self, position: i64) {
        self.position = Some(position);
        self.progressed = Instant::now();
    }

    /// Whether every record that Kafka had is taken and done.
    pub(crate) fn set_at_end(&mut self, at_end: bool) {
        self.at_end = at_end;
    }
}

fn key(origin: &Origin) -> (String, i32) {
    (origin.topic.to_string(), origin.partition)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn owning() -> (Status, Origin) {
        let status = Status::default();
        let origin = Origin {
            topic: "t".into(),
            partition: 0,
        };
        status.set_clickhouse_problem(None);
        status.assigned([&origin].into_iter());
        (status, origin)
    }

    #[test]
    fn ready_only_when_clickhouse_is_checked_and_the_group_joined() {
        let status = Status::default();
        assert!(!status.report().ready && status.report().healthy);
        status.set_clickhouse_problem(None);
        assert!(!status.report().ready);
        status.assigned(std::iter::empty());
        assert!(status.report().ready);
        status.revoked();
        assert!(!status.report().ready);
    }

    #[test]
    fn a_stopped_partition_is_neither_ready_nor_healthy_and_says_why() {
        let (status, origin) = owning();
        status.update(&origin, |p| p.set(State::Retrying, Some("busy".into())));
        assert!(!status.report().ready && status.report().healthy);
        status.update(&origin, |p| p.set(State::Stopped, Some("cure it".into())));
        let report = status.report();
        assert!(!report.ready && !report.healthy);
        assert_eq!(report.problems, ["t/0 stopped: cure it"]);
    }

    #[test]
    fn markers_at_the_end_of_a_partition_are_no_lag() {
        let (status, origin) = owning();
        status.measured("t", 0, 12, 12);
        assert_eq!(status.report().partitions[0].lag, None);
        status.update(&origin, |p| p.advance(10));
        status.measured("t", 0, 12, 12);
        assert_eq!(status.report().partitions[0].lag, Some(2));
        status.update(&origin, |p| p.set_at_end(true));
        status.measured("t", 0, 12, 12);
        assert_eq!(status.report().partitions[0].lag, Some(0));
        status.measured("t", 0, 15, 12);
        assert_eq!(status.report().partitions[0].lag, Some(3));
    }
}
