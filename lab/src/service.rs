//! One running component: started, waited for, killed, paused and started again on the same ports
//! and data. Everything that it started ends with it, and it ends with this process.

mod spec;

use std::process::{Child, ExitStatus};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use anyhow::{Context, Result, bail};
use nix::sys::signal::Signal;
use nix::unistd::Pid;

pub use self::spec::{Identity, Spec};
use crate::wait::wait_for;
use crate::{spawn, tree};

/// How long a killed process may take to vanish.
const REAP_LIMIT: Duration = Duration::from_secs(10);

/// Tells whether the process with this id answers. An error ends the wait.
pub type Ready = Box<dyn Fn(u32) -> Result<bool> + Send + Sync>;

/// A component's process.
pub struct Service {
    spec: Spec,
    ready: Ready,
    child: Mutex<Option<Child>>,
}

impl Service {
    /// A service that does not run yet. `ready` says when it answers.
    pub fn new(spec: Spec, ready: Ready) -> Self {
        let child = Mutex::new(None);
        Self { spec, ready, child }
    }

    /// Starts it and waits until it answers.
    ///
    /// # Errors
    /// When it cannot be started, ends by itself (with the end of its log) or is not ready in time.
    pub fn start(&self) -> Result<()> {
        self.launch()?;
        self.wait_ready()
    }

    /// Starts it without waiting. Does nothing when it runs.
    ///
    /// # Errors
    /// When the program cannot be started.
    pub fn launch(&self) -> Result<()> {
        let mut child = self.child();
        if !runs(&mut child)? {
            *child = Some(spawn(self.spec.command()?, Some(self.spec.death_signal))?);
        }
        Ok(())
    }

    /// Waits until it answers.
    ///
    /// # Errors
    /// As [`Service::start`].
    pub fn wait_ready(&self) -> Result<()> {
        let what = format!("the start of {}", self.spec.name);
        wait_for(&what, self.spec.start_limit, || self.is_ready())
            .with_context(|| self.spec.log_end())
    }

    /// The process's id, or `None` when it does not run.
    pub fn pid(&self) -> Option<u32> {
        self.child().as_ref().map(Child::id)
    }

    /// How it ended, when it has ended by itself or was killed from outside.
    ///
    /// # Errors
    /// When the system will not tell.
    pub fn exited(&self) -> Result<Option<ExitStatus>> {
        match self.child().as_mut() {
            Some(child) => child.try_wait().context("ask for a child's state"),
            None => Ok(None),
        }
    }

    /// Stops it in its own way, with everything that it started. Does nothing when it is down.
    ///
    /// # Errors
    /// When it is still there after SIGKILL.
    pub fn stop(&self) -> Result<()> {
        self.end(self.spec.stop_signal, self.spec.stop_limit)
    }

    /// Kills it and everything that it started, as `kill -9` does.
    ///
    /// # Errors
    /// When it is still there after SIGKILL.
    pub fn kill9(&self) -> Result<()> {
        self.end(Signal::SIGKILL, REAP_LIMIT)
    }

    /// Stops it if it runs, and starts it with the same data on the same ports.
    ///
    /// # Errors
    /// As [`Service::stop`] and [`Service::start`].
    pub fn restart(&self) -> Result<()> {
        self.stop()?;
        self.start()
    }

    /// Freezes it and everything that it started (SIGSTOP).
    ///
    /// # Errors
    /// When it does not run.
    pub fn pause(&self) -> Result<()> {
        self.signal(Signal::SIGSTOP)
    }

    /// Lets it go on after [`Service::pause`].
    ///
    /// # Errors
    /// When it does not run.
    pub fn resume(&self) -> Result<()> {
        self.signal(Signal::SIGCONT)
    }

    /// What it is and how it is started.
    pub fn spec(&self) -> &Spec {
        &self.spec
    }

    fn signal(&self, signal: Signal) -> Result<()> {
        let Some(pid) = self.pid() else {
            bail!("{} does not run", self.spec.name);
        };
        tree::signal_all(&tree::family(as_pid(pid)?)?, signal)
    }

    fn is_ready(&self) -> Result<Option<()>> {
        if let Some(status) = self.exited()? {
            bail!("{} ended: {status}", self.spec.name);
        }
        let Some(pid) = self.pid() else {
            bail!("{} does not run", self.spec.name);
        };
        Ok((self.ready)(pid)?.then_some(()))
    }

    /// Sends `signal`, gives it `limit`, and then kills what is left of its family.
    fn end(&self, signal: Signal, limit: Duration) -> Result<()> {
        let mut held = self.child();
        let Some(child) = held.as_mut() else {
            return Ok(());
        };
        let pid = as_pid(child.id())?;
        let family = tree::family(pid)?;
        if signal == Signal::SIGKILL {
            tree::signal_all(&family, signal)?;
        } else if child.try_wait()?.is_none() {
            tree::signal_all(&[pid], signal)?;
            // Not in time: what is left is killed below.
            let _ = wait_for("the end", limit, || Ok(child.try_wait()?));
            tree::signal_all(&still_there(&family), Signal::SIGKILL)?;
        }
        child
            .wait()
            .with_context(|| format!("wait for {}", self.spec.name))?;
        *held = None;
        wait_for(
            &format!("the end of {}", self.spec.name),
            REAP_LIMIT,
            || Ok(still_there(&family).is_empty().then_some(())),
        )
    }

    fn child(&self) -> MutexGuard<'_, Option<Child>> {
        // What is behind the lock is whole at every moment, so a panic elsewhere does not matter.
        self.child.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        // Nobody is left to tell, and the kernel ends it with this process at the latest.
        let _ = self.end(self.spec.death_signal, REAP_LIMIT);
    }
}

fn runs(child: &mut Option<Child>) -> Result<bool> {
    match child {
        Some(child) => Ok(child
            .try_wait()
            .context("ask for a child's state")?
            .is_none()),
        None => Ok(false),
    }
}

fn still_there(family: &[Pid]) -> Vec<Pid> {
    family
        .iter()
        .copied()
        .filter(|&pid| !tree::is_gone(pid))
        .collect()
}

fn as_pid(id: u32) -> Result<Pid> {
    Ok(Pid::from_raw(
        id.try_into().context("a process id out of range")?,
    ))
}
