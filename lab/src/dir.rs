//! The folder of one lab: made under the folder of all labs, owned by a lock, removed at the end.
//!
//! The folders of labs that died are removed by the next one. A part that another user must reach
//! lies elsewhere when the lab's own folder is closed to others, with a link to it.

use std::fs::{self, File};
use std::os::unix::fs::{MetadataExt, symlink};
use std::path::{Path, PathBuf};
use std::thread;

use anyhow::{Context, Result};
use nix::fcntl::Flock;

use crate::service::Identity;
use crate::{config, lock};

/// Name of the locked file in a lab's folder.
const OWNER: &str = ".owner";

/// A lab's folder, locked for as long as this lives.
#[derive(Debug)]
pub(crate) struct LabDir {
    path: PathBuf,
    _owner: Flock<File>,
}

impl LabDir {
    /// Makes a new folder whose name begins with `name`, after removing those of dead labs.
    pub(crate) fn create(name: &str) -> Result<Self> {
        let labs = config::labs_dir();
        // While this is held no other lab makes a folder, so one without an owner is dead.
        let _making = lock::lock(&labs.join(".lock"))?;
        remove_dead(&labs)?;
        let pid = std::process::id();
        let mut path = labs.join(format!("{name}-{pid}"));
        for number in 2.. {
            if !path.exists() {
                break;
            }
            path = labs.join(format!("{name}-{pid}-{number}"));
        }
        fs::create_dir(&path).with_context(|| format!("create {}", path.display()))?;
        let path = path.canonicalize().context("resolve the lab's folder")?;
        let owner = lock::lock(&path.join(OWNER))?;
        Ok(Self {
            path,
            _owner: owner,
        })
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Makes a sub-folder for a component that runs as `identity`, and which that user can reach.
    pub(crate) fn part(&self, name: &str, identity: Option<Identity>) -> Result<PathBuf> {
        let inside = self.path.join(name);
        let Some(identity) = identity else {
            fs::create_dir(&inside).with_context(|| format!("create {}", inside.display()))?;
            return Ok(inside);
        };
        let part = if is_open_to_all(&self.path) {
            fs::create_dir(&inside).with_context(|| format!("create {}", inside.display()))?;
            inside
        } else {
            let lab = self.path.file_name().unwrap_or_default().to_string_lossy();
            let outside = std::env::temp_dir().join(format!("walcast-lab-{lab}-{name}"));
            fs::create_dir(&outside).with_context(|| format!("create {}", outside.display()))?;
            symlink(&outside, &inside).with_context(|| format!("link {}", inside.display()))?;
            outside
        };
        std::os::unix::fs::chown(&part, Some(identity.uid), Some(identity.gid))
            .with_context(|| format!("give {} to user {}", part.display(), identity.uid))?;
        Ok(part)
    }
}

impl Drop for LabDir {
    fn drop(&mut self) {
        // After a failure the logs are what one wants to read; the next lab removes them.
        if !config::keep_dirs() && !thread::panicking() {
            // What cannot be removed now is removed by the next lab.
            let _ = remove(&self.path);
        }
    }
}

/// Whether every user may pass through each folder of `path`.
pub(crate) fn is_open_to_all(path: &Path) -> bool {
    path.ancestors()
        .all(|dir| fs::metadata(dir).is_ok_and(|found| found.mode() & 0o001 != 0))
}

fn remove_dead(labs: &Path) -> Result<()> {
    if config::keep_dirs() {
        return Ok(());
    }
    for entry in fs::read_dir(labs).with_context(|| format!("list {}", labs.display()))? {
        let path = entry?.path();
        if path.is_dir() && lock::try_lock(&path.join(OWNER))?.is_some() {
            remove(&path)?;
        }
    }
    Ok(())
}

/// Removes a lab's folder and what its links lead to.
fn remove(lab: &Path) -> Result<()> {
    for entry in fs::read_dir(lab).with_context(|| format!("list {}", lab.display()))? {
        let path = entry?.path();
        if path.is_symlink() {
            let outside = fs::read_link(&path).context("read a lab's link")?;
            if outside.exists() {
                fs::remove_dir_all(&outside)
                    .with_context(|| format!("remove {}", outside.display()))?;
            }
        }
    }
    fs::remove_dir_all(lab).with_context(|| format!("remove {}", lab.display()))
}
