//! The commands of one tier: run with their output in a file, counted, ended at the deadline.

use std::fs::{self, File, OpenOptions};
use std::io::{Read, Seek, SeekFrom};
use std::os::unix::process::ExitStatusExt;
use std::path::PathBuf;
use std::process::{Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use nix::sys::signal::{Signal, killpg};
use nix::unistd::Pid;
use walcast_lab::{cargo, spawn, target_dir, wait_for, workspace_dir};

use super::counts::Counts;

/// How many lines of a failed command are shown.
const SHOWN_LINES: usize = 150;

/// How many of the slowest test programs are shown.
const SLOWEST: usize = 10;

/// What a command's output is counted by.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// One check that passes or fails.
    Check,
    /// Tests, which the output counts. None at all is a failure.
    Tests,
}

/// A tier under way.
pub(crate) struct Session {
    log: PathBuf,
    deadline: Instant,
    counts: Counts,
    failures: Vec<(String, String)>,
}

impl Session {
    pub(crate) fn begin(name: &str, budget: Duration) -> Result<Self> {
        let dir = target_dir().join("xtask");
        fs::create_dir_all(&dir).with_context(|| format!("create {}", dir.display()))?;
        let log = dir.join(format!("{name}.log"));
        File::create(&log).with_context(|| format!("create {}", log.display()))?;
        let deadline = Instant::now() + budget;
        Ok(Self {
            log,
            deadline,
            counts: Counts::default(),
            failures: Vec::new(),
        })
    }

    /// Runs cargo with `arguments` in the workspace.
    pub(crate) fn cargo(&mut self, kind: Kind, arguments: &[&str]) -> Result<()> {
        let mut command = cargo();
        command.args(arguments).current_dir(workspace_dir());
        self.run(kind, command)
    }

    /// Runs `command` to its end or to the tier's deadline, and counts what it tells.
    pub(crate) fn run(&mut self, kind: Kind, command: Command) -> Result<()> {
        let line = shown(&command);
        let (status, output) = self.finish(command)?;
        let counted = if kind == Kind::Tests {
            Counts::of(&output)
        } else {
            None
        };
        let mut counts = match (counted, kind) {
            (Some(counts), _) => counts,
            (None, Kind::Check) => Counts {
                passed: status.success().into(),
                failed: 0,
            },
            (None, Kind::Tests) => Counts {
                passed: 0,
                failed: 1,
            },
        };
        for closing in output
            .lines()
            .filter(|line| Counts::of_line(line).is_some())
        {
            println!("{closing}");
        }
        if !status.success() {
            counts.failed = counts.failed.max(1);
        }
        if counts.failed > 0 {
            self.failures.push((format!("{line}: {status}"), output));
        }
        self.counts += counts;
        Ok(())
    }

    /// Counts one check that was made here.
    pub(crate) fn check(&mut self, what: &str, holds: bool) {
        if holds {
            self.counts.passed += 1;
        } else {
            println!("{what}");
            self.counts.failed += 1;
        }
    }

    /// Counts one failure more.
    pub(crate) fn fail(&mut self) {
        self.counts.failed += 1;
    }

    pub(crate) fn counts(&self) -> Counts {
        self.counts
    }

    /// The time that is left.
    pub(crate) fn left(&self) -> Duration {
        self.deadline.saturating_duration_since(Instant::now())
    }

    /// Shows the end of what the failed commands printed.
    pub(crate) fn show_failures(&self) -> Result<()> {
        for (line, output) in &self.failures {
            println!("-- {line}");
            let lines: Vec<_> = output.lines().collect();
            for line in lines.iter().skip(lines.len().saturating_sub(SHOWN_LINES)) {
                println!("{line}");
            }
            println!("-- all of it is in {}", self.log.display());
        }
        Ok(())
    }

    /// Shows the test programs that took longest, as they tell it themselves.
    pub(crate) fn show_slowest(&self) -> Result<()> {
        let log = fs::read(&self.log).context("read the tier's log")?;
        let log = String::from_utf8_lossy(&log);
        let (mut program, mut times) = ("", Vec::new());
        for line in log.lines().map(str::trim) {
            if line.starts_with("Running ") || line.starts_with("Doc-tests ") {
                program = line;
            } else if let Some((_, time)) = line.split_once("finished in ") {
                let seconds: f64 = time.trim_end_matches('s').parse().unwrap_or_default();
                times.push((seconds, program));
            }
        }
        times.sort_by(|one, other| other.0.total_cmp(&one.0));
        for (seconds, program) in times.iter().take(SLOWEST) {
            println!("{seconds:8.1} s  {program}");
        }
        Ok(())
    }

    fn finish(&self, mut command: Command) -> Result<(ExitStatus, String)> {
        ensure!(
            !self.left().is_zero(),
            "no time left for {}",
            shown(&command)
        );
        let mut log = OpenOptions::new().read(true).append(true).open(&self.log)?;
        let begin = log.seek(SeekFrom::End(0))?;
        command
            .stdin(Stdio::null())
            .stdout(log.try_clone()?)
            .stderr(log.try_clone()?);
        let mut child = spawn(command, Some(Signal::SIGTERM))?;
        let ended = wait_for("the end", self.left(), || Ok(child.try_wait()?));
        let status = match ended {
            Ok(status) => status,
            Err(_) => {
                killpg(Pid::from_raw(child.id().try_into()?), Signal::SIGKILL)?;
                child.wait()?;
                ExitStatus::from_raw(Signal::SIGKILL as i32)
            }
        };
        log.seek(SeekFrom::Start(begin))?;
        let mut output = Vec::new();
        log.read_to_end(&mut output)?;
        Ok((status, String::from_utf8_lossy(&output).into_owned()))
    }
}

fn shown(command: &Command) -> String {
    let words = [command.get_program()]
        .into_iter()
        .chain(command.get_args());
    words
        .map(|word| word.to_string_lossy())
        .collect::<Vec<_>>()
        .join(" ")
}
