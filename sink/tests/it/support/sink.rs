//! A sink inside the test's process.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use walcast_sink::hook::{Step, StepHook, Verdict};
use walcast_sink::{Config, SinkArgs};

use super::until;

/// A running sink and its listener's address.
pub(crate) struct Running {
    address: SocketAddr,
    stop: CancellationToken,
    task: JoinHandle<anyhow::Result<()>>,
}

impl Running {
    #[allow(clippy::disallowed_methods, reason = "a test awaits what it spawns")]
    pub(crate) async fn start(mut args: SinkArgs, hook: Arc<dyn StepHook>) -> Self {
        let address = free_address();
        args.listen = Some(address);
        let config = Config::load(args).unwrap();
        let stop = CancellationToken::new();
        let task = tokio::spawn(walcast_sink::serve(config, stop.clone(), hook));
        Self {
            address,
            stop,
            task,
        }
    }

    /// The body and the status of one of its pages; none while it does not listen.
    pub(crate) async fn get(&self, path: &str) -> Option<(u16, String)> {
        let answer = reqwest::get(format!("http://{}{path}", self.address))
            .await
            .ok()?;
        Some((answer.status().as_u16(), answer.text().await.ok()?))
    }

    /// Waits until `/status` says so much; returns it.
    pub(crate) async fn status_with(&self, text: &str) -> String {
        let mut last = String::new();
        until(&format!("{text} in /status"), || async {
            self.get("/status")
                .await
                .is_some_and(|(_, body)| body.contains(text))
        })
        .await;
        if let Some((_, body)) = self.get("/status").await {
            last = body;
        }
        last
    }

    /// Asks it to stop, and returns what it ended with.
    pub(crate) async fn stop(self) -> anyhow::Result<()> {
        self.stop.cancel();
        self.task.await.unwrap()
    }

    /// Waits for it to end by itself.
    pub(crate) async fn ended(self) -> anyhow::Result<()> {
        tokio::time::timeout(super::DEADLINE, self.task)
            .await
            .expect("it ends in time")
            .unwrap()
    }
}

pub(crate) fn free_address() -> SocketAddr {
    let listener = std::net::TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    listener.local_addr().unwrap()
}

/// Crashes the first worker that reaches a step.
pub(crate) struct CrashAt {
    step: Step,
    done: AtomicBool,
}

impl CrashAt {
    pub(crate) fn new(step: Step) -> Arc<Self> {
        Arc::new(Self {
            step,
            done: AtomicBool::new(false),
        })
    }
}

impl StepHook for CrashAt {
    fn reached(&self, step: Step, _: &str, _: i32) -> Verdict {
        if step == self.step && !self.done.swap(true, Ordering::SeqCst) {
            return Verdict::Crash;
        }
        Verdict::Continue
    }
}
