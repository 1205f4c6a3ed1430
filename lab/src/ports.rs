//! Reserves loopback ports that nobody else on the machine is given, until they are dropped.
//!
//! A port found by binding port 0 can be taken by any outgoing connection between two runs of a
//! component, so ports come from below the kernel's ephemeral range, and a locked file per port
//! keeps other labs away from it for as long as we live, even while the component is down.

use std::fs::File;
use std::net::TcpListener;
use std::ops::Range;
use std::path::Path;

use anyhow::{Result, bail};

use crate::{config, lock};

/// Below Linux's ephemeral ports (32768 and up), above what common services use.
const RANGE: Range<u16> = 20_000..32_000;

/// A loopback port that is ours until this is dropped.
#[derive(Debug)]
pub struct Port {
    number: u16,
    _lock: nix::fcntl::Flock<File>,
}

impl Port {
    /// Reserves a free port.
    ///
    /// # Errors
    /// When the lock files cannot be written or every port of the range is taken.
    pub fn reserve() -> Result<Self> {
        let dir = config::cache_dir()?.join("ports");
        // Labs begin at different places, so that they rarely meet.
        let count = u32::from(RANGE.end - RANGE.start);
        let begin = std::process::id().wrapping_mul(37) % count;
        for step in 0..count {
            let offset = u16::try_from((begin + step) % count)?;
            if let Some(port) = Self::take(&dir, RANGE.start + offset)? {
                return Ok(port);
            }
        }
        bail!("no free port from {} to {}", RANGE.start, RANGE.end);
    }

    /// The number.
    pub fn number(&self) -> u16 {
        self.number
    }

    fn take(dir: &Path, number: u16) -> Result<Option<Self>> {
        let Some(lock) = lock::try_lock(&dir.join(number.to_string()))? else {
            return Ok(None);
        };
        // Bound and closed at once: it only tells whether a stranger listens there.
        let free = TcpListener::bind(("127.0.0.1", number)).is_ok();
        Ok(free.then_some(Self {
            number,
            _lock: lock,
        }))
    }
}
