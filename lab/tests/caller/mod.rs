//! What becomes of a lab whose caller ends without stopping it: killed, interrupted.
//!
//! The caller is this test binary again, running only [`holds_a_lab_until_it_dies`].

use std::fs;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use anyhow::{Context, Result};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use walcast_lab::wait_for;

use crate::{all, services};

/// What the caller prints before each id of a component's process.
const PID: &str = "component pid ";

#[test]
#[ignore = "the caller of the other tests here"]
fn holds_a_lab_until_it_dies() -> Result<()> {
    let lab = all("caller").start()?;
    lab.postgres()
        .query("postgres", "SELECT pg_backend_pid()")?;
    for service in services(&lab) {
        eprintln!("{PID}{}", service.pid().context("it runs")?);
    }
    eprintln!("{PID}0");
    loop {
        std::thread::park();
    }
}

#[test]
fn a_killed_caller_leaves_nothing_running() -> Result<()> {
    nothing_outlives(Signal::SIGKILL)
}

#[test]
fn an_interrupted_caller_leaves_nothing_running() -> Result<()> {
    nothing_outlives(Signal::SIGINT)
}

fn nothing_outlives(signal: Signal) -> Result<()> {
    // A shell's background job ignores SIGINT, and so would what it starts.
    let mut caller = Command::new("env")
        .arg("--default-signal=INT")
        .arg(std::env::current_exe()?)
        .args([
            "--ignored",
            "--exact",
            "caller::holds_a_lab_until_it_dies",
            "--nocapture",
        ])
        .stderr(Stdio::piped())
        .spawn()
        .context("start the caller")?;
    let stderr = caller
        .stderr
        .take()
        .context("its standard error is piped")?;
    let pids: Vec<String> = BufReader::new(stderr)
        .lines()
        .map_while(Result::ok)
        .filter_map(|line| line.strip_prefix(PID).map(str::to_owned))
        .take_while(|pid| pid != "0")
        .collect();
    assert_eq!(pids.len(), 4, "the caller started all components");
    let everything = with_children(&pids)?;
    assert!(everything.len() > pids.len(), "PostgreSQL has children");

    kill(Pid::from_raw(caller.id().try_into()?), signal)?;
    caller.wait()?;
    wait_for("the end of all processes", Duration::from_secs(10), || {
        let left = everything.iter().any(|pid| runs(pid));
        Ok((!left).then_some(()))
    })
}

/// These processes and their direct children.
fn with_children(pids: &[String]) -> Result<Vec<String>> {
    let mut all = pids.to_vec();
    for pid in pids {
        for task in fs::read_dir(format!("/proc/{pid}/task"))? {
            let children = fs::read_to_string(task?.path().join("children"))?;
            all.extend(children.split_whitespace().map(str::to_owned));
        }
    }
    Ok(all)
}

/// Whether a process runs; one that only waits to be reaped does not.
fn runs(pid: &str) -> bool {
    let status = fs::read_to_string(Path::new("/proc").join(pid).join("status"));
    status.is_ok_and(|status| !status.contains("State:\tZ"))
}
