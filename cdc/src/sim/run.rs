//! Runs one seed: lives of the engine that end one after the other, and one that comes to the end.

use std::sync::Arc;
use std::time::Duration;

use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use super::Broken;
use super::chance::Chance;
use super::check;
use super::engine::Life;
use super::gate::{Gate, Stepped};
use super::scenario::{Fate, Scenario};
use super::world::World;

/// Within which the engine comes to the log's end once nothing fails any more.
const CALM_MAX: Duration = Duration::from_secs(300);

/// How long a life is waited for that takes no more steps.
const LIFE_MAX: Duration = Duration::from_secs(5);

/// How often is looked whether the end has come.
const LOOK: Duration = Duration::from_millis(10);

/// Runs one seed; the answer says what happened, or what must not have.
pub(super) fn run(seed: u64, broken: Option<Broken>) -> Result<String, String> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .build()
        .map_err(|e| e.to_string())?;
    runtime.block_on(async {
        let mut chance = Chance::new(seed);
        let scenario = Scenario::new(&mut chance, broken);
        let world = World::new(scenario, chance);
        let ended = live_and_die(&world).await;
        world.tasks.lock().unwrap().abort_all();
        ended?;
        check::topics(&world)?;
        Ok(world.summary())
    })
}

async fn live_and_die(world: &Arc<World>) -> Result<(), String> {
    let mut haunts = JoinSet::new();
    for (steps, fate) in &world.scenario.fates {
        let mut process = Process::start(world, *steps);
        let gate = Arc::clone(&process.gate);
        tokio::select! {
            biased;
            () = gate.shut() => {}
            ended = process.ended() => ended?,
            () = tokio::time::sleep(LIFE_MAX) => {}
        }
        world.troubled()?;
        match fate {
            Fate::Kill => process.kill().await,
            Fate::Freeze { after_ms, steps } => {
                haunts.spawn(process.haunt(*after_ms, *steps));
            }
            Fate::Stop => process.stop().await?,
            Fate::ServerCrash => {
                world.state().slot.crash();
                process.gate.open(*steps);
                process.stop().await?;
            }
        }
    }
    while haunts.join_next().await.is_some() {}
    world.state().calm = true;
    let mut last = Process::start(world, u64::MAX);
    let end = world.log.end();
    let begun = tokio::time::Instant::now();
    while world.state().slot.confirmed < end {
        tokio::select! {
            biased;
            ended = last.ended() => ended?,
            () = tokio::time::sleep(LOOK) => {}
        }
        world.troubled()?;
        if begun.elapsed() > CALM_MAX {
            let confirmed = world.state().slot.confirmed;
            return Err(format!("it is stuck at {confirmed:#x} of {end:#x}"));
        }
    }
    last.stop().await?;
    world.troubled()
}

/// A running life of the engine.
struct Process {
    gate: Arc<Gate>,
    stop: CancellationToken,
    cut: CancellationToken,
    task: JoinSet<Result<(), String>>,
}

impl Process {
    fn start(world: &Arc<World>, steps: u64) -> Self {
        let gate = Gate::new(world, steps);
        let (stop, cut) = (CancellationToken::new(), CancellationToken::new());
        let life = Life {
            world: Arc::clone(world),
            gate: Arc::clone(&gate),
            stop: stop.clone(),
            cut: cut.clone(),
        };
        let mut task = JoinSet::new();
        task.spawn(Stepped::new(&gate, life.live()));
        Self {
            gate,
            stop,
            cut,
            task,
        }
    }

    /// Waits for its end; that it is killed is none.
    async fn ended(&mut self) -> Result<(), String> {
        match self.task.join_next().await {
            Some(Ok(ended)) => ended,
            Some(Err(error)) if error.is_panic() => Err(error.to_string()),
            Some(Err(_)) | None => Ok(()),
        }
    }

    /// All it has in memory is gone, and its connections with it.
    async fn kill(mut self) {
        self.cut.cancel();
        self.task.shutdown().await;
    }

    /// Stops it as an operator does, and lets it take the steps it needs.
    async fn stop(mut self) -> Result<(), String> {
        self.stop.cancel();
        self.gate.open(u64::MAX);
        self.ended().await
    }

    /// Goes on after a while, when another instance runs, and dies after some steps.
    async fn haunt(self, after_ms: u64, steps: u64) {
        tokio::time::sleep(Duration::from_millis(after_ms)).await;
        self.gate.open(steps);
        tokio::select! {
            biased;
            () = self.gate.shut() => {}
            () = tokio::time::sleep(LIFE_MAX) => {}
        }
        self.kill().await;
    }
}
