//! The records of the engine against those that a real Debezium made: see
//! `tests/conformance/README.md`. `cargo test -p walcast-tests --test conformance -- --help`.

use std::io::Write as _;
use std::process::ExitCode;

use clap::Parser as _;
use walcast_tests::conformance::{options::Options, suite};

fn main() -> std::io::Result<ExitCode> {
    match suite::run(&Options::parse()) {
        Ok(true) => Ok(ExitCode::SUCCESS),
        Ok(false) => Ok(ExitCode::FAILURE),
        Err(error) => {
            writeln!(std::io::stderr(), "conformance: {error:#}")?;
            Ok(ExitCode::FAILURE)
        }
    }
}
