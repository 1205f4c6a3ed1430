//! A process and everything below it, as /proc shows them.
//!
//! A process group is not enough: each PostgreSQL backend makes a session of its own.

use std::collections::HashMap;
use std::fs;

use anyhow::{Context, Result, bail};
use nix::errno::Errno;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

/// `pid` and all its descendants, parents first.
pub(crate) fn family(pid: Pid) -> Result<Vec<Pid>> {
    let mut children: HashMap<Pid, Vec<Pid>> = HashMap::new();
    for entry in fs::read_dir("/proc").context("list /proc")? {
        let name = entry.context("list /proc")?.file_name();
        let Some(child) = name.to_str().and_then(|name| name.parse().ok()) else {
            continue;
        };
        if let Some((_, parent)) = state_and_parent(Pid::from_raw(child)) {
            children
                .entry(parent)
                .or_default()
                .push(Pid::from_raw(child));
        }
    }
    let mut family = vec![pid];
    let mut next = 0;
    while let Some(&parent) = family.get(next) {
        family.extend(children.remove(&parent).unwrap_or_default());
        next += 1;
    }
    Ok(family)
}

/// Sends `signal` to each process; one that is gone already is no error.
pub(crate) fn signal_all(family: &[Pid], signal: Signal) -> Result<()> {
    for &pid in family {
        match kill(pid, signal) {
            Ok(()) | Err(Errno::ESRCH) => {}
            Err(error) => bail!("send {signal} to process {pid}: {error}"),
        }
    }
    Ok(())
}

/// Whether the process runs no more. One that only waits to be reaped does not run.
pub(crate) fn is_gone(pid: Pid) -> bool {
    state_and_parent(pid).is_none_or(|(state, _)| matches!(state, 'Z' | 'X'))
}

/// Reads `/proc/<pid>/stat`, see proc_pid_stat(5): the name stands in parentheses and may hold
/// anything, so the fields begin after the last one that closes.
fn state_and_parent(pid: Pid) -> Option<(char, Pid)> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    let mut fields = stat.get(stat.rfind(')')? + 1..)?.split_whitespace();
    let state = fields.next()?.chars().next()?;
    let parent = fields.next()?.parse().ok()?;
    Some((state, Pid::from_raw(parent)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn our_own_process_is_in_its_parents_family() -> Result<()> {
        let family = family(nix::unistd::getppid())?;
        assert!(family.contains(&nix::unistd::getpid()));
        assert!(!is_gone(nix::unistd::getpid()));
        Ok(())
    }
}
