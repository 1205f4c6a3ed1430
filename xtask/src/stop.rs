//! Ctrl-C: it ends a start at once, and a running system in order.

use std::process;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::thread;
use std::time::Duration;

use anyhow::{Context, Result};
use nix::sys::signal::{SigSet, Signal};

/// The exit code of a command that was interrupted, as shells count it: 128 + SIGINT.
const INTERRUPTED: i32 = 130;

/// SIGINT, SIGTERM and SIGHUP, taken from the whole process.
pub(crate) struct Stop {
    asked: Receiver<()>,
    in_order: Arc<AtomicBool>,
}

impl Stop {
    /// Takes over the signals. To be called before any other thread is started.
    pub(crate) fn listen() -> Result<Self> {
        let signals = SigSet::from_iter([Signal::SIGINT, Signal::SIGTERM, Signal::SIGHUP]);
        signals.thread_block().context("block the stop signals")?;
        let (ask, asked) = sync_channel(1);
        let in_order = Arc::new(AtomicBool::new(false));
        let listener = Arc::clone(&in_order);
        thread::Builder::new()
            .name("signals".into())
            .spawn(move || wait(&signals, &listener, &ask))
            .context("start the thread that waits for signals")?;
        Ok(Self { asked, in_order })
    }

    /// Waits until a stop is asked for or `limit` has passed; says whether it was asked for.
    /// From the first call on, a stop is carried out by the caller.
    pub(crate) fn is_asked_within(&self, limit: Duration) -> bool {
        self.in_order.store(true, Ordering::SeqCst);
        !matches!(
            self.asked.recv_timeout(limit),
            Err(RecvTimeoutError::Timeout)
        )
    }
}

/// Passes the first signal on when somebody carries it out. Any other one ends the process, and
/// the kernel then ends all that it has started.
fn wait(signals: &SigSet, in_order: &AtomicBool, ask: &SyncSender<()>) {
    let mut first = true;
    while signals.wait().is_ok() {
        if !first || !in_order.load(Ordering::SeqCst) {
            break;
        }
        first = false;
        // The receiver lives as long as the command.
        let _ = ask.send(());
    }
    process::exit(INTERRUPTED);
}
