//! The command line of the judge.

use std::path::PathBuf;

use clap::Parser;

use super::target::HostPort;

/// Runs the cases of tests/conformance/cases and compares the records with those of Debezium
#[derive(Debug, Clone, Parser)]
#[command(name = "conformance")]
pub struct Options {
    /// Judge what answers at this URL of a Kafka Connect REST interface, instead of a worker that is
    /// started with its own PostgreSQL and Kafka
    #[arg(long, value_name = "URL", env = "WALCAST_CONFORMANCE_CONNECT_URL")]
    pub connect: Option<String>,

    /// Kafka, with --connect
    #[arg(long, value_name = "HOST:PORT", default_value = "127.0.0.1:9092")]
    pub bootstrap: String,

    /// PostgreSQL, with --connect; it must let the user in without a password
    #[arg(long, value_name = "HOST:PORT", default_value = "127.0.0.1:5432")]
    pub pg: HostPort,

    /// A superuser of PostgreSQL, with --connect
    #[arg(long, value_name = "NAME", default_value = "postgres")]
    pub pg_user: String,

    /// PostgreSQL's major version, without --connect
    #[arg(long, value_name = "15|18", default_value_t = 18, value_parser = clap::value_parser!(u8).range(15..=18))]
    pub pg_version: u8,

    /// Only these cases, with those that are not expected to pass; * stands for any text
    #[arg(long, value_name = "GLOB", value_delimiter = ',')]
    pub cases: Vec<String>,

    /// The folder of the cases
    #[arg(long, value_name = "DIR")]
    pub cases_dir: Option<PathBuf>,

    /// Cases at a time
    #[arg(short, long, value_name = "N", default_value_t = 2, value_parser = clap::value_parser!(u8).range(1..=64))]
    pub jobs: u8,

    /// Seconds that a case may take, if it does not say itself
    #[arg(long, value_name = "S", default_value_t = 120)]
    pub timeout: u32,

    /// Seconds without a new record after which a missing one is given up
    #[arg(long, value_name = "S", default_value_t = 20)]
    pub quiet_timeout: u32,

    /// The engine is Debezium itself: versions and the text of traces must be the same too
    #[arg(long)]
    pub same_engine: bool,

    /// Keep what the engine made in a folder per case
    #[arg(long, value_name = "DIR")]
    pub save: Option<PathBuf>,

    /// Print the cases, and run none
    #[arg(long)]
    pub list: bool,
}
