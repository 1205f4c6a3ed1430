//! The lanes of a task: one context for each slot, run together.
//!
//! An attempt is one of all lanes: when one fails the others stop with what they have in flight done,
//! and all begin again, each from its checkpoint.

use std::sync::Arc;

use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use super::line::Line;
use super::{Output, TaskContext, session};
use crate::error::{EngineError, Result};
use crate::guard::Guard;
use crate::guard::watchdog::Stall;
use crate::metrics::TaskMetrics;

/// All lanes of a connector.
pub(super) struct Lanes {
    first: Arc<TaskContext>,
    further: Vec<Arc<TaskContext>>,
}

impl Lanes {
    /// The lanes beside `first`, as its configuration has them.
    pub(super) fn beside(first: TaskContext) -> Self {
        let numbers = first.config.slots.further();
        let further = numbers.map(|number| Arc::new(further(&first, number)));
        Self {
            further: further.collect(),
            first: Arc::new(first),
        }
    }

    /// Lane 0's, which speaks for the connector.
    pub(super) fn first(&self) -> &TaskContext {
        &self.first
    }

    /// The stalls of all lanes' streams.
    pub(super) fn stalls(&self) -> Vec<watch::Receiver<Option<Stall>>> {
        self.all().map(|lane| lane.guard.stall()).collect()
    }

    fn all(&self) -> impl Iterator<Item = &Arc<TaskContext>> {
        std::iter::once(&self.first).chain(&self.further)
    }

    /// One attempt, until `stop` or an error.
    pub(super) async fn attempt(&self, stop: &CancellationToken) -> Result<()> {
        let until = stop.child_token();
        if self.further.is_empty() {
            let attempt = Box::pin(session::attempt(&self.first, Line::Alone, &until));
            return self.first.guard.over(&until, attempt).await;
        }
        self.check_output()?;
        let mut running = JoinSet::new();
        for (lane, line) in self.all().zip(Line::draw(1 + self.further.len())) {
            let (lane, until) = (Arc::clone(lane), until.child_token());
            running.spawn(async move {
                let attempt = Box::pin(session::attempt(&lane, line, &until));
                let ended = lane.guard.over(&until, attempt).await;
                (lane.config.slot.name.clone(), ended)
            });
        }
        let mut failed = None;
        while let Some(ended) = running.join_next().await {
            until.cancel();
            let Err(error) = of_lane(ended) else {
                continue;
            };
            if failed.is_none() {
                failed = Some(error);
                continue;
            }
            let (connector, error) = (&self.first.config.name, error.trace());
            tracing::warn!(
                connector,
                error,
                "another slot's part of the task failed too"
            );
        }
        if self.all().any(|lane| lane.guard.has_breached()) {
            self.follow().await;
        }
        failed.map_or(Ok(()), Err)
    }

    /// Waits until the guard of a slot must act.
    pub(super) async fn breached(&self) {
        let mut waiting = JoinSet::new();
        for lane in self.all() {
            let lane = Arc::clone(lane);
            waiting.spawn(async move { lane.guard.breached().await });
        }
        let _one = waiting.join_next().await;
    }

    /// Acts by the policy, for all slots; says what was done.
    pub(super) async fn act(&self) -> EngineError {
        let acting = self.all().find(|lane| lane.guard.has_breached());
        let error = acting.unwrap_or(&self.first).guard.act().await;
        self.follow().await;
        error
    }

    /// One slot's guard has acted: the others follow.
    async fn follow(&self) {
        for lane in self.all() {
            lane.guard.follow().await;
        }
    }

    /// Refuses outputs that keep one checkpoint.
    fn check_output(&self) -> Result<()> {
        let with_topic = matches!(&self.first.output, Output::Kafka(settings) if settings.offsets_file.is_none());
        if with_topic {
            return Ok(());
        }
        Err(EngineError::definite(
            "walcast.slots.count above 1 needs a checkpoint for each slot, which are kept in a topic of Kafka only; run the connector with `walcast connect`, or set it to 1",
        ))
    }
}

/// A lane's error says of which slot it is.
fn of_lane(ended: Result<(String, Result<()>), tokio::task::JoinError>) -> Result<()> {
    let (slot, ended) = ended.map_err(|panic| {
        EngineError::transient("a slot's part of the task ended unexpectedly").because(panic)
    })?;
    ended.inspect_err(|error| tracing::debug!(slot, error = error.trace(), "a lane failed"))
}

/// The context of a lane beyond the first: its own slot, guard and metrics.
fn further(first: &TaskContext, number: u32) -> TaskContext {
    let config = first.config.of_lane(number);
    let prefix = format!("{}/{number}", config.topic_prefix);
    let clock = Arc::clone(&first.clock);
    TaskContext {
        guard: Guard::start(&config),
        output: first.output.clone(),
        metrics: Arc::new(TaskMetrics::new(&config.name, &prefix, Arc::clone(&clock))),
        snapshots: Arc::clone(&first.snapshots),
        clock,
        bar: false,
        doorway: watch::Sender::new(None),
        run_id: first.run_id.clone(),
        topics_used: first.topics_used.clone(),
        events: first.events.clone(),
        config,
    }
}
