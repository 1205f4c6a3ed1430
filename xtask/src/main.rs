//! The project's own commands, as `cargo xtask …`.
//!
//! It installs what the others need to be built, so it needs little itself: no Kafka client, no
//! TLS, no async runtime.
#![allow(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a command talks to its terminal"
)]

mod bench;
mod build;
mod demo;
mod fuzz;
mod stop;
mod test;
mod tools;
mod up;

use std::process::ExitCode;

use anyhow::Result;
use clap::{Parser, Subcommand};

/// Walcast's own commands. Every component that they need is found on the machine or brought
/// through its ordinary package client, once, and runs on loopback without Docker.
#[derive(Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask")]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    Up(up::UpArgs),
    Demo(demo::DemoArgs),
    Test(test::TestArgs),
    Bench(bench::BenchArgs),
    Fuzz(fuzz::FuzzArgs),
    Conformance(test::conformance::ConformanceArgs),
    Cost(test::cost::CostArgs),
}

fn main() -> ExitCode {
    match run(Cli::parse().command) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

/// Whether what the command looked at is as it should be.
fn run(command: Command) -> Result<bool> {
    match command {
        Command::Up(args) => up::run(&args).map(|()| true),
        Command::Demo(args) => demo::run(&args),
        Command::Test(args) => test::run(&args),
        Command::Bench(args) => bench::run(&args),
        Command::Fuzz(args) => fuzz::run(&args),
        Command::Conformance(args) => test::conformance::run(&args),
        Command::Cost(args) => test::cost::run(&args),
    }
}
