//! Runs ClickHouse's own HTTP and native listeners from its embeddable library, for tests.
//!
//! Enters: the path of `libchdb.so`, a data folder and two ports. Leaves: a ClickHouse server on
//! loopback, until SIGTERM or SIGINT. It is never linked into the product and never downloads.
//!
//! The library is `clickhouse-local` behind a C function that takes its command line. One script
//! opens the listeners and then reads a pipe that stays silent; closing our end of that pipe ends
//! the script, and with it the server, in an orderly way.

mod cli;
mod library;

use std::io::Write;
use std::os::fd::{AsRawFd, OwnedFd};
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use anyhow::{Context, Result, ensure};
use nix::sys::signal::{SigSet, Signal};

use crate::cli::{Command, Options, USAGE};

fn main() -> ExitCode {
    match cli::parse(std::env::args().skip(1)) {
        Ok(Command::Help) => {
            say(USAGE);
            ExitCode::SUCCESS
        }
        Ok(Command::Serve(options)) => match serve(&options) {
            Ok(()) => ExitCode::SUCCESS,
            Err(error) => {
                complain(&format!("{error:#}"));
                ExitCode::FAILURE
            }
        },
        Err(error) => {
            complain(&format!("{error}\n\n{USAGE}"));
            ExitCode::from(2)
        }
    }
}

/// Serves until SIGTERM or SIGINT, then closes the data folder and returns.
fn serve(options: &Options) -> Result<()> {
    // Blocked here, before the library starts its threads, so that every thread inherits the mask
    // and only `end_on_signal` ever sees these signals, whatever handlers the library installs.
    let stops = SigSet::from_iter([Signal::SIGTERM, Signal::SIGINT]);
    stops.thread_block().context("block SIGTERM and SIGINT")?;
    std::fs::create_dir_all(&options.data)
        .with_context(|| format!("create the data folder {}", options.data.display()))?;
    let (silent, ours) = nix::unistd::pipe().context("make the pipe that keeps the server open")?;
    let stopping = Arc::new(AtomicBool::new(false));
    let asked = Arc::clone(&stopping);
    thread::Builder::new()
        .name("signals".into())
        .spawn(move || end_on_signal(&stops, &asked, ours))
        .context("start the thread that waits for signals")?;
    library::run(&options.library, &arguments(options, &silent))?;
    // The library prints some failures (a locked data folder) and returns as if all were well.
    ensure!(
        stopping.load(Ordering::SeqCst),
        "ClickHouse ended by itself; its own message stands above"
    );
    Ok(())
}

/// Waits for a stop signal and closes the pipe that the script reads.
fn end_on_signal(stops: &SigSet, stopping: &AtomicBool, ours: OwnedFd) {
    if let Err(error) = stops.wait() {
        complain(&format!(
            "waiting for a signal failed, so the server stops: {error}"
        ));
    }
    stopping.store(true, Ordering::SeqCst);
    drop(ours);
}

/// The command line for `clickhouse-local`. What follows `--` overrides server settings.
fn arguments(options: &Options, silent: &OwnedFd) -> Vec<String> {
    let script = format!(
        "SYSTEM START LISTEN HTTP; SYSTEM START LISTEN TCP; \
         SELECT count() FROM file('/dev/fd/{}', 'LineAsString') FORMAT Null",
        silent.as_raw_fd()
    );
    vec![
        "clickhouse-local".into(),
        format!("--path={}", options.data.display()),
        "--query".into(),
        script,
        "--".into(),
        format!("--listen_host={}", options.listen_host),
        format!("--http_port={}", options.http_port),
        format!("--tcp_port={}", options.tcp_port),
    ]
}

fn say(text: &str) {
    // A closed standard output is the reader's choice, not a failure of ours.
    let _ = writeln!(std::io::stdout(), "{text}");
}

fn complain(text: &str) {
    // There is nowhere left to report a standard error that cannot be written.
    let _ = writeln!(std::io::stderr(), "walcast-clickhouse-embedded: {text}");
}
