//! Locks between processes: a locked file is free again as soon as its owner is gone.

use std::fs::{self, File, OpenOptions};
use std::path::Path;

use anyhow::{Context, Result, bail};
use nix::errno::Errno;
use nix::fcntl::{Flock, FlockArg};

/// Takes the lock `file`, or says that somebody else has it.
pub(crate) fn try_lock(file: &Path) -> Result<Option<Flock<File>>> {
    match Flock::lock(open(file)?, FlockArg::LockExclusiveNonblock) {
        Ok(lock) => Ok(Some(lock)),
        Err((_, Errno::EWOULDBLOCK)) => Ok(None),
        Err((_, error)) => bail!("lock {}: {error}", file.display()),
    }
}

/// Takes the lock `file`, waiting for whoever has it.
pub(crate) fn lock(file: &Path) -> Result<Flock<File>> {
    Flock::lock(open(file)?, FlockArg::LockExclusive)
        .map_err(|(_, error)| error)
        .with_context(|| format!("lock {}", file.display()))
}

fn open(file: &Path) -> Result<File> {
    if let Some(dir) = file.parent() {
        fs::create_dir_all(dir).with_context(|| format!("create {}", dir.display()))?;
    }
    let mut options = OpenOptions::new();
    options.create(true).truncate(false).write(true);
    options
        .open(file)
        .with_context(|| format!("open the lock file {}", file.display()))
}
