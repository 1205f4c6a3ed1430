//! What the caller asks for.

use std::path::PathBuf;
use std::time::Duration;

use clap::{Parser, value_parser};

use crate::engine::Engine;
use crate::scenario::Scenario;

/// Measures engines side by side.
#[derive(Debug, Parser)]
#[command(name = "walcast-bench", max_term_width = 100)]
pub(crate) struct Options {
    /// The walcast to measure
    #[arg(long, value_name = "FILE")]
    pub(crate) walcast: PathBuf,

    /// The engines, in the order in which they take turns [default: all]
    #[arg(long, value_enum, value_delimiter = ',', value_name = "ENGINE")]
    pub(crate) engines: Vec<Engine>,

    /// The scenarios [default: all]
    #[arg(long, value_enum, value_delimiter = ',', value_name = "SCENARIO")]
    pub(crate) scenarios: Vec<Scenario>,

    /// Rows of a backlog
    #[arg(long, default_value_t = 1_000_000, value_parser = value_parser!(u64).range(1000..))]
    pub(crate) rows: u64,

    /// Runs of each engine in each scenario; tables show the median
    #[arg(long, default_value_t = 3, value_parser = value_parser!(u32).range(1..))]
    pub(crate) rounds: u32,

    /// Seconds that the API and, after 5 s of warm-up, a live scenario are measured; idle takes twice
    /// as long
    #[arg(long, default_value_t = 30, value_parser = value_parser!(u64).range(1..))]
    pub(crate) seconds: u64,

    /// Seconds that a run waits at most for the machine to be quiet
    #[arg(long, default_value_t = 10)]
    pub(crate) quiet_seconds: u64,

    /// Folder for the results
    #[arg(long, value_name = "DIR")]
    pub(crate) out: PathBuf,
}

impl Options {
    /// How long a live scenario is measured.
    pub(crate) fn live(&self) -> Duration {
        Duration::from_secs(self.seconds)
    }

    /// How long an idle engine is watched.
    pub(crate) fn idle(&self) -> Duration {
        self.live() * 2
    }
}
