//! What the environment says about where the lab keeps its files. The only reader of variables here.

use std::env;
use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context, Result};

/// Folder of the labs: each gets a sub-folder with its data and logs.
/// `WALCAST_LAB_DIR`, else `lab` in Cargo's target folder.
pub(crate) fn labs_dir() -> PathBuf {
    path("WALCAST_LAB_DIR").unwrap_or_else(|| target_dir().join("lab"))
}

/// Cargo's target folder of this workspace.
pub fn target_dir() -> PathBuf {
    match path("CARGO_TARGET_DIR") {
        Some(dir) if dir.is_absolute() => dir,
        Some(dir) => workspace_dir().join(dir),
        None => workspace_dir().join("target"),
    }
}

/// The root of the workspace that this crate was built in.
pub fn workspace_dir() -> PathBuf {
    let here = PathBuf::from(env!("CARGO_MANIFEST_DIR"));
    here.parent().map(PathBuf::from).unwrap_or(here)
}

/// Folder of what was downloaded, shared by all checkouts and runs on the machine:
/// `WALCAST_LAB_CACHE`, else for root `/var/cache/walcast-lab` (PostgreSQL refuses to run as root,
/// and its own user cannot reach files below root's home), else the user's cache folder.
///
/// # Errors
/// When there is no home folder to put it in.
pub fn cache_dir() -> Result<PathBuf> {
    if let Some(dir) = path("WALCAST_LAB_CACHE") {
        return Ok(dir);
    }
    if nix::unistd::geteuid().is_root() {
        return Ok(PathBuf::from("/var/cache/walcast-lab"));
    }
    path("XDG_CACHE_HOME")
        .or_else(|| path("HOME").map(|home| home.join(".cache")))
        .map(|dir| dir.join("walcast-lab"))
        .context("no folder for downloads: set WALCAST_LAB_CACHE to one")
}

/// Whether the folder of a lab is left as it is when the lab ends: `WALCAST_LAB_KEEP` is set.
pub(crate) fn keep_dirs() -> bool {
    path("WALCAST_LAB_KEEP").is_some()
}

/// A command of the `cargo` that runs us, or of the one on the path.
///
/// What a cargo that runs us says of our own package is taken out: build scripts that look at it
/// would run again, and with them be built all that depends on them, each time that somebody builds by
/// hand in between.
pub fn cargo() -> Command {
    let mut cargo = Command::new(path("CARGO").unwrap_or_else(|| PathBuf::from("cargo")));
    for (name, _) in env::vars_os() {
        let of_us = name.to_str().is_some_and(|name| {
            name.starts_with("CARGO_PKG_") || name.starts_with("CARGO_MANIFEST_")
        });
        if of_us {
            cargo.env_remove(name);
        }
    }
    cargo
}

/// The file that `program` names on the search path.
pub fn on_path(program: &str) -> Option<PathBuf> {
    let found = |dir: PathBuf| Some(dir.join(program)).filter(|file| file.is_file());
    env::split_paths(&env::var_os("PATH")?).find_map(found)
}

fn path(variable: &str) -> Option<PathBuf> {
    env::var_os(variable)
        .filter(|value| !value.is_empty())
        .map(PathBuf::from)
}
