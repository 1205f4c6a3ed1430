//! Starts processes that the kernel kills when this process dies, in whatever way it dies.
//!
//! Enters: a command and the signal that its process shall get. Leaves: a child in a process
//! group of its own. Linux sends a parent-death signal when the *thread* that made the child ends,
//! so one thread that lives as long as the process makes them all.

use std::io;
use std::os::unix::process::CommandExt;
use std::process::{Child, Command};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Mutex, OnceLock};
use std::thread;

use anyhow::{Context, Result, anyhow};
use nix::sys::prctl;
use nix::sys::signal::{SigSet, Signal};
use nix::unistd::{Pid, getpid, getppid};

/// A command to start, and where its child goes.
struct Order {
    command: Command,
    reply: SyncSender<io::Result<Child>>,
}

/// Starts `command` in its own process group; it gets `death_signal`, if any, when we end.
///
/// # Errors
/// When the program cannot be started.
pub fn spawn(mut command: Command, death_signal: Option<Signal>) -> Result<Child> {
    static SPAWNER: OnceLock<Mutex<SyncSender<Order>>> = OnceLock::new();
    let program = command.get_program().to_string_lossy().into_owned();
    command.process_group(0);
    let parent = getpid();
    // SAFETY: between fork and exec the closure makes system calls only, and allocates nothing.
    unsafe { command.pre_exec(move || prepare_child(parent, death_signal)) };

    let (reply, child) = sync_channel(1);
    let spawner = SPAWNER.get_or_init(start_spawner);
    let gone = || anyhow!("the thread that starts processes is gone");
    spawner
        .lock()
        .map_err(|_| gone())?
        .send(Order { command, reply })
        .map_err(|_| gone())?;
    let child = child.recv().map_err(|_| gone())?;
    child.with_context(|| format!("start {program}"))
}

/// Runs in the child, before the program.
fn prepare_child(parent: Pid, death_signal: Option<Signal>) -> io::Result<()> {
    // Signals that our caller has blocked for itself would stay blocked in the program.
    SigSet::empty().thread_set_mask()?;
    if let Some(signal) = death_signal {
        prctl::set_pdeathsig(signal)?;
        // A parent that was gone before that would never cause the signal.
        if getppid() != parent {
            return Err(io::ErrorKind::BrokenPipe.into());
        }
    }
    Ok(())
}

fn start_spawner() -> Mutex<SyncSender<Order>> {
    let (orders, receiver) = sync_channel(1);
    // When the thread cannot be made, the receiver is dropped and `spawn` reports it.
    let _ = thread::Builder::new()
        .name("lab-spawner".into())
        .spawn(move || serve(&receiver));
    Mutex::new(orders)
}

fn serve(orders: &Receiver<Order>) {
    for mut order in orders {
        // A caller that has gone away drops the child, which then ends with this process.
        let _ = order.reply.send(order.command.spawn());
    }
}
