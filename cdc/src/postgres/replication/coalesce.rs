//! Fewer, larger reads while much is coming.
//!
//! A walsender sends each row by itself. A reader that is woken for each pays for it with more time
//! than for all the rest, and so does the sender, who wakes it. While rows come fast, the kernel is
//! therefore asked to wake the reader only for a whole lot of them; it does so for TCP only.

use std::io;
use std::os::fd::{AsRawFd, OwnedFd};
use std::time::Duration;

use tokio::time::Instant;

/// Bytes for which the reader is woken while much is coming.
const LOT_BYTES: libc::c_int = 64 * 1024;

/// The longest a byte waits for others.
pub(super) const WAIT_MAX: Duration = Duration::from_millis(1);

/// Bytes in a second that are much: more than ten thousand rows.
const MUCH: u64 = 6 * 1024 * 1024;

/// Over how long the rate is taken.
const WINDOW: Duration = Duration::from_millis(5);

/// Watches the rate of one socket, and sets how it wakes its reader.
#[derive(Debug)]
pub(super) struct Coalescer {
    /// The socket; none where the kernel cannot do it.
    socket: Option<OwnedFd>,
    /// Whether it wakes for whole lots only.
    pub(super) on: bool,
    since: Instant,
    bytes: u64,
}

impl Coalescer {
    pub(super) fn new(socket: Option<OwnedFd>) -> Self {
        Self {
            socket,
            on: false,
            since: Instant::now(),
            bytes: 0,
        }
    }

    /// Takes note of a read.
    pub(super) fn read(&mut self, bytes: usize) -> io::Result<()> {
        if self.on || self.socket.is_none() {
            return Ok(());
        }
        self.bytes += bytes as u64;
        let passed = self.since.elapsed();
        if passed >= WINDOW {
            let much = u128::from(self.bytes) * 1_000_000 >= u128::from(MUCH) * passed.as_micros();
            (self.bytes, self.since) = (0, Instant::now());
            if much {
                self.wake_for(LOT_BYTES)?;
                self.on = true;
            }
        }
        Ok(())
    }

    /// A lot did not come together: what is there is to wake the reader.
    pub(super) fn give_up(&mut self) -> io::Result<()> {
        self.on = false;
        (self.bytes, self.since) = (0, Instant::now());
        self.wake_for(1)
    }

    fn wake_for(&self, bytes: libc::c_int) -> io::Result<()> {
        let Some(socket) = &self.socket else {
            return Ok(());
        };
        // SAFETY: the descriptor is open while `socket` is borrowed; the option's value is one C int,
        // whose address and size are given; the kernel only reads it.
        let done = unsafe {
            libc::setsockopt(
                socket.as_raw_fd(),
                libc::SOL_SOCKET,
                libc::SO_RCVLOWAT,
                std::ptr::from_ref(&bytes).cast(),
                size_of::<libc::c_int>() as libc::socklen_t,
            )
        };
        if done == 0 {
            Ok(())
        } else {
            Err(io::Error::last_os_error())
        }
    }
}
