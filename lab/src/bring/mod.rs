//! Brings what is not on the machine through its ordinary package client, once for all checkouts.
//!
//! Enters: a name and a recipe that fills a folder. Leaves: that folder in the machine's cache,
//! whole or not at all: it is filled under another name and renamed. A lock per name lets two runs
//! at once fetch it only once.

pub(crate) mod maven;
pub(crate) mod need;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail};
use nix::sys::signal::Signal;

use crate::{config, lock, spawn};

/// The folder `name` of the cache, filled by `recipe` when it is not there yet.
///
/// # Errors
/// When the cache cannot be written or the recipe fails.
pub fn cached(name: &str, recipe: impl FnOnce(&Path) -> Result<()>) -> Result<PathBuf> {
    let cache = config::cache_dir()?;
    let dir = cache.join(name);
    if dir.is_dir() {
        return Ok(dir);
    }
    let _lock = lock::lock(&cache.join(format!("{name}.lock")))?;
    if dir.is_dir() {
        return Ok(dir);
    }
    let unfinished = cache.join(format!("{name}.unfinished"));
    if unfinished.exists() {
        fs::remove_dir_all(&unfinished)
            .with_context(|| format!("remove {}", unfinished.display()))?;
    }
    fs::create_dir_all(&unfinished).with_context(|| format!("create {}", unfinished.display()))?;
    recipe(&unfinished).with_context(|| format!("bring {name}"))?;
    fs::rename(&unfinished, &dir).with_context(|| format!("move {} in place", dir.display()))?;
    Ok(dir)
}

/// Whether the folder `name` is in the cache.
pub(crate) fn is_cached(name: &str) -> bool {
    config::cache_dir().is_ok_and(|cache| cache.join(name).is_dir())
}

/// Runs `command` to its end and gives what it printed. It ends with us.
///
/// # Errors
/// When it cannot be started or fails, with all that it printed.
pub fn run(command: Command) -> Result<String> {
    run_until(command, Some(Signal::SIGTERM))
}

/// Runs `command` to its end, even if we die meanwhile: half of its work would be harm.
pub(crate) fn run_undisturbed(command: Command) -> Result<String> {
    run_until(command, None)
}

fn run_until(mut command: Command, death_signal: Option<Signal>) -> Result<String> {
    let line = format!("{command:?}");
    command
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    let output = spawn(command, death_signal)?
        .wait_with_output()
        .with_context(|| format!("read the output of {line}"))?;
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).trim().to_owned();
    if !output.status.success() {
        let (said, complained) = (text(&output.stdout), text(&output.stderr));
        bail!("{line} failed: {}\n{said}\n{complained}", output.status);
    }
    Ok(text(&output.stdout))
}
