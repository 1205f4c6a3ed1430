//! Lets futures of the engine take so many steps, and then none: where one stops, it is frozen or dies.

use std::pin::Pin;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Waker};

use tokio::sync::Notify;

use super::world::World;
use crate::error::Result;
use crate::progress::{Chain, Stage};
use crate::publish::{Publisher, Wiring};

/// Shared by all futures of one life of the engine.
pub(super) struct Gate {
    world: Arc<World>,
    left: AtomicU64,
    shut: Notify,
    waiting: Mutex<Vec<Waker>>,
    /// The session's progress, looked at after each step.
    pub(super) chain: Mutex<Arc<Chain>>,
}

impl Gate {
    pub(super) fn new(world: &Arc<World>, steps: u64) -> Arc<Self> {
        Arc::new(Self {
            world: Arc::clone(world),
            left: AtomicU64::new(steps),
            shut: Notify::new(),
            waiting: Mutex::default(),
            chain: Mutex::default(),
        })
    }

    /// Waits until there are no more steps.
    pub(super) async fn shut(&self) {
        while self.left.load(Ordering::Relaxed) > 0 {
            self.shut.notified().await;
        }
    }

    /// Allows so many more steps.
    pub(super) fn open(&self, steps: u64) {
        self.left.store(steps, Ordering::Relaxed);
        let waiting = std::mem::take(&mut *self.waiting.lock().unwrap());
        waiting.into_iter().for_each(Waker::wake);
    }

    /// Takes a step, or sees to it that the future is woken when there are more.
    fn pass(&self, context: &Context<'_>) -> bool {
        let less = |left: u64| left.checked_sub(1);
        let passed = self
            .left
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, less)
            .is_ok();
        if !passed {
            self.shut.notify_one();
            let mut waiting = self.waiting.lock().unwrap();
            waiting.push(context.waker().clone());
        }
        passed
    }

    /// Every stage is behind the one before it.
    fn check(&self) {
        let chain = self.chain.lock().unwrap();
        let stages = [
            Stage::Received,
            Stage::Published,
            Stage::Acked,
            Stage::Checkpointed,
            Stage::Confirmed,
        ];
        let stages = stages.map(|stage| chain.at(stage));
        if !stages.is_sorted_by(|before, after| before >= after) {
            let text = format!("received, published, acked, checkpointed, confirmed: {stages:?}");
            self.world.trouble(&text);
        }
    }
}

/// A future that takes its steps as the gate allows.
pub(super) struct Stepped<T> {
    gate: Arc<Gate>,
    inner: Pin<Box<dyn Future<Output = T> + Send>>,
}

impl<T> Stepped<T> {
    pub(super) fn new(gate: &Arc<Gate>, inner: impl Future<Output = T> + Send + 'static) -> Self {
        Self {
            gate: Arc::clone(gate),
            inner: Box::pin(inner),
        }
    }
}

impl<T> Future for Stepped<T> {
    type Output = T;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<T> {
        if !self.gate.pass(context) {
            return Poll::Pending;
        }
        let polled = self.inner.as_mut().poll(context);
        self.gate.check();
        polled
    }
}

/// A publisher that takes its steps as the gate allows.
pub(super) struct SteppedPublisher {
    pub(super) gate: Arc<Gate>,
    pub(super) inner: Box<dyn Publisher>,
}

impl Publisher for SteppedPublisher {
    fn run(self: Box<Self>, wiring: Wiring) -> Pin<Box<dyn Future<Output = Result<()>> + Send>> {
        Box::pin(Stepped::new(&self.gate, self.inner.run(wiring)))
    }
}
