//! The records of the engine against those that a real Debezium made: see
//! `tests/conformance/README.md`. `cargo test -p walcast-tests --test conformance -- --help`.

use std::process::ExitCode;

use clap::Parser as _;
use walcast_tests::conformance::{options::Options, suite};

fn main() -> anyhow::Result<ExitCode> {
    let all_passed = suite::run(&Options::parse())?;
    Ok(if all_passed {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}
