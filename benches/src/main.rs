//! `walcast-bench`: measures engines side by side on one machine, on real components of its own.
//!
//! Enters: which engines and scenarios, and the `walcast` to measure. Leaves: every run as JSON, a
//! table of medians and plots. `cargo xtask bench` builds and runs it; docs/src/measure.md says what
//! each figure means.
#![allow(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a command talks to its terminal"
)]

mod backlog;
mod clock;
mod connector;
mod database;
mod engine;
mod figures;
mod measure;
mod options;
mod process;
mod quiet;
mod report;
mod run;
mod sampler;
mod scenario;
mod stage;
mod topic;
mod worker;

use std::process::ExitCode;

use clap::Parser;

fn main() -> ExitCode {
    match run::all(&options::Options::parse()) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}
