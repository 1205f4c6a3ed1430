//! `cargo xtask bench`: builds walcast and the program that measures engines side by side, and runs it.
//!
//! Enters: its options. Leaves: what it printed and saved. What engines and scenarios there are is the
//! program's to know (`benches/src`); options are passed on as they are given.

use std::path::PathBuf;
use std::process::Command;

use anyhow::{Result, ensure};
use clap::Args;
use walcast_lab::system::Part;
use walcast_lab::{target_dir, workspace_dir};

use crate::build::{BuildArgs, Profile};
use crate::test::cargo_ci;
use crate::test::conformance::attend;

/// Measures engines side by side: rows a second, CPU, memory, latency, start
///
/// It starts a PostgreSQL 18, a Kafka and what else is needed, and runs each engine in each scenario,
/// in turn, so many rounds. Every run goes to bench.json, medians to bench.md, plots to bench-*.svg.
/// What was not measured is left empty.
///
/// Engines: debezium (its defaults), debezium-tuned (larger batches, lz4), pg_recvlogical (one
/// walsender's limit, no Kafka), sql (SQL batches from a copy of the slot, no Kafka), walcast (at least
/// once, one stream), walcast-eos (exactly once), walcast-catchup (a backlog by SQL batches);
/// walcast-sink and clickhouse-kafka (ClickHouse's own Kafka engine); walcast-api and inserts (the
/// API's two inserts by SQL alone).
///
/// Scenarios: drain (a backlog of outbox rows), live-500, live-2000, live-5000 (transactions a second:
/// latency), one-transaction (the backlog in one), wide (rows of 8 KB), schemas
/// (schemas.enable=true), mixed (inserts, updates, deletes with REPLICA IDENTITY FULL), snapshot, start
/// (of the process, to the first record), idle; sink (a topic into ClickHouse); api-1, api-8, api-32
/// (events written by so many connections).
#[derive(Args)]
pub(crate) struct BenchArgs {
    /// The engines, in the order in which they take turns [default: all]
    #[arg(long, value_name = "ENGINE,ENGINE")]
    engines: Option<String>,

    /// The scenarios [default: all]
    #[arg(long, value_name = "SCENARIO,SCENARIO")]
    scenarios: Option<String>,

    /// Rows of a backlog [default: 1000000]
    #[arg(long, value_name = "N")]
    rows: Option<u64>,

    /// Runs of each engine in each scenario [default: 3]
    #[arg(long, value_name = "N")]
    rounds: Option<u32>,

    /// Seconds that a live scenario and the API are measured; idle takes twice as long [default: 30]
    #[arg(long, value_name = "S")]
    seconds: Option<u64>,

    /// Seconds that each run waits at most for the machine to be quiet [default: 10]
    #[arg(long, value_name = "S")]
    quiet_seconds: Option<u64>,

    /// Cargo profile to build walcast with
    #[arg(long, value_enum, default_value_t = Profile::Release)]
    profile: Profile,

    /// Measure this walcast instead of building one
    #[arg(long, value_name = "FILE", conflicts_with = "profile")]
    binary: Option<PathBuf>,

    /// Folder for the results [default: benches/results]
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
}

pub(crate) fn run(args: &BenchArgs) -> Result<bool> {
    let build = BuildArgs {
        profile: args.profile,
        binary: args.binary.clone(),
    };
    let walcast = build.prepare(&[Part::Connect])?;
    // The program that measures need not be built as what is measured; so it is built with the tests.
    let mut program = cargo_ci("build");
    program.args(["--bin", "walcast-bench"]);
    ensure!(attend(program)?, "the program that measures does not build");
    let out = args.out.clone();
    let out = out.unwrap_or_else(|| workspace_dir().join("benches/results"));
    let mut bench = Command::new(target_dir().join("ci/walcast-bench"));
    bench.args(args.given());
    bench.arg("--walcast").arg(walcast).arg("--out").arg(out);
    attend(bench)
}

impl BenchArgs {
    /// The program's arguments.
    fn given(&self) -> Vec<String> {
        let number = |value: Option<u64>| value.map(|value| value.to_string());
        let options = [
            ("--engines", self.engines.clone()),
            ("--scenarios", self.scenarios.clone()),
            ("--rows", number(self.rows)),
            ("--rounds", number(self.rounds.map(u64::from))),
            ("--seconds", number(self.seconds)),
            ("--quiet-seconds", number(self.quiet_seconds)),
        ];
        let given = options.into_iter();
        given
            .filter_map(|(name, value)| Some(format!("{name}={}", value?)))
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::BenchArgs;

    #[derive(Parser)]
    struct Cli {
        #[command(flatten)]
        args: BenchArgs,
    }

    #[test]
    fn options_are_passed_on_as_they_are_given() {
        let check = |line: &str, expected: Option<&str>| {
            let words = std::iter::once("xtask").chain(line.split_whitespace());
            let given = Cli::try_parse_from(words).ok();
            let given = given.map(|cli| cli.args.given().join(" "));
            assert_eq!(given.as_deref(), expected, "{line}");
        };
        check("", Some(""));
        check(
            "--engines walcast,sql --rows 5 --rounds 1 --profile ci",
            Some("--engines=walcast,sql --rows=5 --rounds=1"),
        );
        check(
            "--seconds 3 --quiet-seconds 0 --out d",
            Some("--seconds=3 --quiet-seconds=0"),
        );
        check("--binary b --profile ci", None);
        check("--rows many", None);
    }
}
