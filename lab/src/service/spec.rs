//! How a component is started and stopped: program, arguments, user, log, signals, limits.

use std::ffi::OsString;
use std::fs::{self, OpenOptions};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use anyhow::{Context, Result};
use nix::sys::signal::Signal;

/// How many lines of a log an error shows.
const TAIL_LINES: usize = 15;

/// The user and group that a process runs as.
#[derive(Clone, Copy, Debug)]
pub struct Identity {
    /// User id.
    pub uid: u32,
    /// Group id.
    pub gid: u32,
}

/// How a component is started and stopped.
#[derive(Clone, Debug)]
pub struct Spec {
    pub(crate) name: String,
    pub(crate) stop_signal: Signal,
    pub(crate) death_signal: Signal,
    pub(crate) start_limit: Duration,
    pub(crate) stop_limit: Duration,
    program: PathBuf,
    arguments: Vec<OsString>,
    variables: Vec<(String, OsString)>,
    log: PathBuf,
    dir: PathBuf,
    identity: Option<Identity>,
}

impl Spec {
    /// Runs `program` in the folder `dir`, with its output appended to `<name>.log` there.
    /// It is stopped by SIGTERM, and killed when we die.
    pub fn new(name: &str, program: impl Into<PathBuf>, dir: &Path) -> Self {
        Self {
            name: name.into(),
            stop_signal: Signal::SIGTERM,
            death_signal: Signal::SIGKILL,
            start_limit: Duration::from_secs(60),
            stop_limit: Duration::from_secs(20),
            program: program.into(),
            arguments: Vec::new(),
            variables: Vec::new(),
            log: dir.join(format!("{name}.log")),
            dir: dir.into(),
            identity: None,
        }
    }

    /// Adds one argument.
    pub fn arg(mut self, argument: impl Into<OsString>) -> Self {
        self.arguments.push(argument.into());
        self
    }

    /// Adds arguments.
    pub fn args<A: Into<OsString>>(mut self, arguments: impl IntoIterator<Item = A>) -> Self {
        self.arguments.extend(arguments.into_iter().map(Into::into));
        self
    }

    /// Sets an environment variable.
    pub fn env(mut self, name: &str, value: impl Into<OsString>) -> Self {
        self.variables.push((name.into(), value.into()));
        self
    }

    /// Runs it as another user; only root may.
    pub fn identity(mut self, identity: Option<Identity>) -> Self {
        self.identity = identity;
        self
    }

    /// The signal that stops it in order, and the one that ends it when its data is not needed
    /// any more or this process dies.
    pub fn signals(mut self, stop: Signal, death: Signal) -> Self {
        self.stop_signal = stop;
        self.death_signal = death;
        self
    }

    /// Its name in messages.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Where its output goes.
    pub fn log(&self) -> &Path {
        &self.log
    }

    pub(crate) fn command(&self) -> Result<Command> {
        let log = OpenOptions::new()
            .create(true)
            .append(true)
            .open(&self.log)
            .with_context(|| format!("open the log {}", self.log.display()))?;
        let mut command = Command::new(&self.program);
        command
            .args(&self.arguments)
            .envs(self.variables.iter().map(|(name, value)| (name, value)))
            .current_dir(&self.dir)
            .stdin(Stdio::null())
            .stdout(log.try_clone().context("share the log")?)
            .stderr(log);
        if let Some(Identity { uid, gid }) = self.identity {
            command.uid(uid).gid(gid);
        }
        Ok(command)
    }

    /// The end of the log, to stand before an error's cause.
    pub(crate) fn log_end(&self) -> String {
        format!("{}'s log ends with:\n{}", self.name, self.log_tail())
    }

    /// The last lines of the log.
    fn log_tail(&self) -> String {
        let text = fs::read(&self.log).unwrap_or_default();
        let text = String::from_utf8_lossy(&text);
        let lines: Vec<&str> = text.lines().collect();
        let tail = lines.get(lines.len().saturating_sub(TAIL_LINES)..);
        tail.unwrap_or_default().join("\n")
    }
}
