//! What a component needs on the machine, and how the system's package manager brings it.
//!
//! All needs are looked at together, so that one run installs them or one message lists them.

use std::collections::BTreeSet;
use std::process::Command;

use anyhow::{Context, Result, bail};

use crate::bring::run_undisturbed;
use crate::{config, lock};

/// Something that must be on the machine.
pub struct Need {
    /// What it is called in messages.
    pub name: &'static str,
    /// The Debian packages that bring it.
    pub packages: &'static [&'static str],
    /// Whether it is there.
    pub is_met: fn() -> bool,
}

/// Looks for `needs`, and installs what is missing with apt where we are root.
///
/// # Errors
/// One message that lists all that is missing and the command that installs it.
pub fn ensure(needs: &[Need]) -> Result<()> {
    if missing(needs).is_empty() {
        return Ok(());
    }
    let _lock = lock::lock(&config::cache_dir()?.join("apt.lock"))?;
    // Another run may have installed it while we waited.
    let missing = missing(needs);
    if missing.is_empty() {
        return Ok(());
    }
    let names: BTreeSet<&str> = missing.iter().map(|need| need.name).collect();
    let names = Vec::from_iter(names).join(", ");
    let packages: BTreeSet<&str> = missing
        .iter()
        .flat_map(|need| need.packages)
        .copied()
        .collect();
    let packages = Vec::from_iter(packages);
    if !nix::unistd::geteuid().is_root() || config::on_path("apt-get").is_none() {
        bail!(
            "missing: {names}\ninstall it with\n  sudo apt-get install -y {}\n\
             or with your system's package manager",
            packages.join(" ")
        );
    }
    install(&packages).with_context(|| format!("install {names}"))
}

fn missing(needs: &[Need]) -> Vec<&Need> {
    needs.iter().filter(|need| !(need.is_met)()).collect()
}

fn install(packages: &[&str]) -> Result<()> {
    apt(&["update"])?;
    apt(&[&["install", "-y", "--no-install-recommends"], packages].concat())
}

fn apt(arguments: &[&str]) -> Result<()> {
    let mut apt = Command::new("apt-get");
    apt.env("DEBIAN_FRONTEND", "noninteractive")
        .arg("-q")
        .args(arguments);
    run_undisturbed(apt).map(drop)
}
