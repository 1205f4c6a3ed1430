//! `cargo xtask up`: the system in the foreground, with its dead parts started again.

use std::fs;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use clap::Args;
use walcast_lab::system::{Delivery, Part, Supervisor, System};

use crate::build::BuildArgs;
use crate::stop::Stop;

/// How often the parts are looked at.
const LOOK_INTERVAL: Duration = Duration::from_millis(20);

/// Starts the components and the system, and keeps them running until Ctrl-C
///
/// A part that dies or is killed is started again within a second, on the same port and with its
/// data, as an orchestrator would do.
#[derive(Args)]
pub(crate) struct UpArgs {
    /// Only these parts and what they need: postgres, kafka, clickhouse, redis, connect, sink, api
    #[arg(long, value_name = "PART", value_delimiter = ',')]
    only: Vec<Part>,

    /// Write addresses, token and process ids to this JSON file when all is ready, and again
    /// whenever a process id changes
    #[arg(long, value_name = "FILE")]
    ready_file: Option<PathBuf>,

    /// Let the connector deliver at least once, without Kafka's transactions: less latency, and after
    /// a crash records may come again
    #[arg(long)]
    at_least_once: bool,

    #[command(flatten)]
    build: BuildArgs,
}

pub(crate) fn run(args: &UpArgs) -> Result<()> {
    let stop = Stop::listen()?;
    let parts = if args.only.is_empty() {
        Part::ALL.to_vec()
    } else {
        args.only.clone()
    };
    if let Some(file) = args.ready_file.as_ref().filter(|file| file.exists()) {
        fs::remove_file(file).with_context(|| format!("remove the old {}", file.display()))?;
    }
    let walcast = args.build.prepare(&parts)?;
    let delivery = if args.at_least_once {
        Delivery::AtLeastOnce
    } else {
        Delivery::ExactlyOnce
    };
    let begun = Instant::now();
    let system = System::start("up", &parts, &walcast, delivery)?;
    println!("{:#}", system.ready());
    println!(
        "ready after {:.1} s; Ctrl-C stops it",
        begun.elapsed().as_secs_f64()
    );
    keep_up(&system, args.ready_file.as_deref(), &stop)
}

/// Keeps the system running until a stop is asked for.
pub(crate) fn keep_up(
    system: &System,
    ready_file: Option<&std::path::Path>,
    stop: &Stop,
) -> Result<()> {
    let write = || ready_file.map_or(Ok(()), |file| system.write_ready_file(file));
    let mut supervisor = Supervisor::default();
    write()?;
    while !stop.is_asked_within(LOOK_INTERVAL) {
        let restarted = supervisor.look(system)?;
        if restarted.is_empty() {
            continue;
        }
        write()?;
        for (part, end) in restarted {
            println!("{part} ended ({end}) and was started again");
        }
    }
    println!("stopping");
    system.stop_roles()
}
