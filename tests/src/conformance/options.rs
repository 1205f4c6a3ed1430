//! The command line of the judge.

use std::path::PathBuf;
use std::thread;

use clap::Parser;

use super::target::HostPort;

/// Runs the cases of tests/conformance/cases and compares what reaches Kafka with what Debezium made
#[derive(Debug, Clone, Parser)]
#[command(name = "conformance")]
pub struct Options {
    /// Only these cases, with those that are not expected to pass; * stands for any text
    #[arg(long, value_name = "GLOB", value_delimiter = ',')]
    pub cases: Vec<String>,

    /// Cases at a time [default: the machine's cores]
    #[arg(short, long, value_name = "N", value_parser = clap::value_parser!(u8).range(1..=64))]
    pub jobs: Option<u8>,

    /// PostgreSQL's major version beside the worker that is started: 15 or 18
    #[arg(long, value_name = "VERSION", default_value_t = 18, value_parser = clap::value_parser!(u8).range(15..=18), conflicts_with = "connect")]
    pub pg: u8,

    /// Judge what answers at this URL as Kafka Connect's REST interface does, instead of a worker that
    /// is started with a PostgreSQL and a Kafka of its own
    #[arg(long, value_name = "URL")]
    pub connect: Option<String>,

    /// Kafka, with --connect
    #[arg(
        long,
        value_name = "HOST:PORT",
        default_value = "127.0.0.1:9092",
        requires = "connect"
    )]
    pub bootstrap: String,

    /// PostgreSQL, with --connect; it must let the user in without a password
    #[arg(
        long,
        value_name = "HOST:PORT",
        default_value = "127.0.0.1:5432",
        requires = "connect"
    )]
    pub pg_address: HostPort,

    /// A superuser of PostgreSQL, with --connect
    #[arg(
        long,
        value_name = "NAME",
        default_value = "postgres",
        requires = "connect"
    )]
    pub pg_user: String,

    /// The engine is Debezium itself: versions and the text of traces must be the same too
    #[arg(long)]
    pub same_engine: bool,

    /// Keep what the engine made in DIR, a folder per case
    #[arg(long, value_name = "DIR")]
    pub save: Option<PathBuf>,

    /// Seconds that a case may take, if it does not say itself
    #[arg(long, value_name = "S", default_value_t = 120)]
    pub timeout: u32,

    /// Seconds without a new record after which a missing one is given up
    #[arg(long, value_name = "S", default_value_t = 20)]
    pub quiet_timeout: u32,

    /// The folder of the cases
    #[arg(long, value_name = "DIR")]
    pub cases_dir: Option<PathBuf>,

    /// Print the cases, and run none
    #[arg(long)]
    pub list: bool,
}

impl Options {
    /// How many cases run at a time.
    pub(super) fn jobs(&self) -> usize {
        match self.jobs {
            Some(jobs) => jobs.into(),
            None => thread::available_parallelism().map_or(2, usize::from),
        }
    }
}
