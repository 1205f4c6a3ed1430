//! Watches processes while a run lasts: CPU of the engine, of the PostgreSQL processes that serve it
//! and of the broker, apart, and the engine's peak memory.
//!
//! It looks 20 times a second, so that what a process used that has ended is known to within that.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::mpsc::{RecvTimeoutError, SyncSender, sync_channel};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use anyhow::{Context, Result};

use crate::process::{self, Machine};

/// How often processes are looked at.
const INTERVAL: Duration = Duration::from_millis(50);

/// Which processes belong to what.
#[derive(Clone, Debug)]
pub(crate) struct Watched {
    /// The PostgreSQL server.
    pub(crate) server: u32,
    /// Its processes for this database serve the engine, but for those that were there before.
    pub(crate) database: String,
    /// The Kafka broker.
    pub(crate) broker: u32,
}

/// CPU seconds so far.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Cpu {
    /// Of the engine, if it is a process that was named.
    pub(crate) engine_s: Option<f64>,
    /// Of the PostgreSQL processes that serve it.
    pub(crate) server_s: f64,
    /// Of the broker.
    pub(crate) broker_s: f64,
    /// Of the machine.
    pub(crate) machine: Machine,
}

#[derive(Debug)]
struct State {
    watched: Watched,
    engine: Option<u32>,
    ours: BTreeSet<u32>,
    seen: BTreeSet<u32>,
    serving: BTreeMap<u32, f64>,
    cpu: Cpu,
    peak_mb: Option<f64>,
}

/// The thread that looks.
pub(crate) struct Sampler {
    state: Arc<Mutex<State>>,
    stop: Option<SyncSender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Sampler {
    /// Begins to watch. Processes of the database that exist now do not serve the engine.
    pub(crate) fn start(watched: Watched) -> Result<Self> {
        let ours = process::children(watched.server).into_iter().collect();
        let state = Arc::new(Mutex::new(State {
            watched,
            engine: None,
            ours,
            seen: BTreeSet::new(),
            serving: BTreeMap::new(),
            cpu: Cpu::default(),
            peak_mb: None,
        }));
        let (stop, stopped) = sync_channel::<()>(1);
        let looked_at = Arc::clone(&state);
        let thread = thread::Builder::new()
            .name("sampler".into())
            .spawn(move || {
                while stopped.recv_timeout(INTERVAL) == Err(RecvTimeoutError::Timeout) {
                    lock(&looked_at).look();
                }
            })
            .context("start the thread that samples")?;
        Ok(Self {
            state,
            stop: Some(stop),
            thread: Some(thread),
        })
    }

    /// Says which process is the engine's. The peak of its memory is counted from now on.
    pub(crate) fn engine_is(&self, pid: u32) {
        process::forget_peak(pid);
        lock(&self.state).engine = Some(pid);
    }

    /// Counts this process, too, among those that serve the engine.
    pub(crate) fn also_serves(&self, pid: u32) {
        lock(&self.state).serving.insert(pid, 0.0);
    }

    /// Lets processes of the database that were there before serve the engine as well.
    pub(crate) fn all_serve(&self) {
        lock(&self.state).ours.clear();
    }

    /// CPU seconds as of now.
    pub(crate) fn cpu(&self) -> Cpu {
        let mut state = lock(&self.state);
        state.look();
        state.cpu
    }

    /// The engine's peak of resident memory in MB, if it could be seen.
    pub(crate) fn peak_mb(&self) -> Option<f64> {
        lock(&self.state).peak_mb
    }
}

impl Drop for Sampler {
    fn drop(&mut self) {
        self.stop = None;
        if let Some(thread) = self.thread.take() {
            // A panic there has been printed, and what it counted is told already.
            let _ = thread.join();
        }
    }
}

impl State {
    fn look(&mut self) {
        if let Some(cpu) = self.engine.and_then(process::cpu_s) {
            self.cpu.engine_s = Some(cpu);
        }
        if let Some(peak) = self.engine.and_then(process::peak_mb) {
            self.peak_mb = Some(peak);
        }
        if let Some(cpu) = process::cpu_s(self.watched.broker) {
            self.cpu.broker_s = cpu;
        }
        self.find_serving();
        for (pid, seconds) in &mut self.serving {
            if let Some(cpu) = process::cpu_s(*pid) {
                *seconds = cpu;
            }
        }
        self.cpu.server_s = self.serving.values().sum();
        self.cpu.machine = process::machine();
    }

    /// A new process is called after its database only when it has begun to serve it.
    fn find_serving(&mut self) {
        for pid in process::children(self.watched.server) {
            if self.ours.contains(&pid) || self.seen.contains(&pid) {
                continue;
            }
            let title = process::title(pid).unwrap_or_default();
            if serves(&title, &self.watched.database) {
                self.serving.insert(pid, 0.0);
                self.seen.insert(pid);
            }
        }
    }
}

/// Whether a PostgreSQL process that calls itself `title` serves a client of `database`, as in
/// `postgres: walsender USER DATABASE HOST(PORT) START_REPLICATION`.
fn serves(title: &str, database: &str) -> bool {
    title.starts_with("postgres:")
        && !title.contains("autovacuum")
        && title.split([' ', '\0']).any(|word| word == database)
}

fn lock(state: &Mutex<State>) -> MutexGuard<'_, State> {
    // A look that panicked leaves numbers of the look before.
    state.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clients_of_the_database_are_told_from_the_servers_own_processes() {
        let cases = [
            (
                "postgres: walsender postgres b1 127.0.0.1(4) START_REPLICATION\0",
                true,
            ),
            ("postgres: postgres b1 127.0.0.1(4) COPY", true),
            ("postgres: postgres b11 127.0.0.1(4) idle", false),
            ("postgres: autovacuum worker b1", false),
            ("postgres: checkpointer ", false),
            ("", false),
        ];
        for (title, expected) in cases {
            assert_eq!(serves(title, "b1"), expected, "{title}");
        }
    }

    #[test]
    fn cpu_of_this_process_grows() -> Result<()> {
        let this = std::process::id();
        let sampler = Sampler::start(Watched {
            server: this,
            database: "none".into(),
            broker: this,
        })?;
        sampler.engine_is(this);
        let before = sampler.cpu();
        let mut sum = 0_u64;
        let until = before.engine_s.map(|before| before + 0.05);
        while sampler.cpu().engine_s < until {
            sum = sum.wrapping_add(1);
        }
        assert!(sum > 0 && sampler.peak_mb().is_some());
        Ok(())
    }
}
