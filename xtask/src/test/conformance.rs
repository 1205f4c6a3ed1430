//! The records against those of Debezium: the program that judges them, as a command of its own and
//! as a tier.
//!
//! Enters: the judge's options. Leaves: what it printed. What the options mean is the judge's to know
//! (`tests/src/conformance/options.rs`); they are passed on as they are given.

use std::path::PathBuf;
use std::process::{Command, Stdio};

use anyhow::{Context, Result, ensure};
use clap::Args;
use nix::sys::signal::Signal;
use serde_json::Value;
use walcast_lab::{spawn, workspace_dir};

use super::session::{Kind, Session};
use super::tiers::{build_workspace, cargo_ci, tests, walcast};
use crate::tools;

/// The test target that judges.
pub(super) const TARGET: &str = "conformance";

/// The versions of PostgreSQL that the tier runs on.
const VERSIONS: [&str; 2] = ["18", "15"];

/// Compares the records that reach Kafka with those of a real Debezium, case by case
///
/// Without --connect it starts a Walcast worker with a PostgreSQL and a Kafka of its own. Without
/// --cases it runs all cases that are expected to pass. It prints PASS or FAIL per case, with each
/// field that differs (its path, what was expected, what came), and `N passed, N failed` as its last
/// line. The exit code is 0 if all passed.
#[derive(Args)]
pub(crate) struct ConformanceArgs {
    /// Only these cases, with those that are not expected to pass; * stands for any text
    #[arg(long, value_name = "GLOB,GLOB")]
    cases: Option<String>,

    /// Cases at a time [default: the machine's cores]
    #[arg(short, long, value_name = "N")]
    jobs: Option<u8>,

    /// PostgreSQL's major version beside the worker that is started: 18 or 15 [default: 18]
    #[arg(long, value_name = "VERSION", conflicts_with = "connect")]
    pg: Option<String>,

    /// Judge what answers at this URL as Kafka Connect's REST interface does: Walcast, Debezium or
    /// another engine
    #[arg(long, value_name = "URL", requires_all = ["bootstrap", "pg_address"])]
    connect: Option<String>,

    /// Its Kafka
    #[arg(long, value_name = "HOST:PORT", requires = "connect")]
    bootstrap: Option<String>,

    /// Its PostgreSQL; it must let the user in without a password
    #[arg(long, value_name = "HOST:PORT", requires = "connect")]
    pg_address: Option<String>,

    /// A superuser there [default: postgres]
    #[arg(long, value_name = "NAME", requires = "connect")]
    pg_user: Option<String>,

    /// The engine is Debezium itself: versions and the text of traces must be the same too
    #[arg(long)]
    same_engine: bool,

    /// Keep what the engine made in DIR, a folder per case, as in the expected files
    #[arg(long, value_name = "DIR")]
    save: Option<String>,

    /// Seconds that a case may take, if it does not say itself [default: 120]
    #[arg(long, value_name = "S")]
    timeout: Option<String>,

    /// Print the cases, and run none
    #[arg(long)]
    list: bool,
}

/// Builds the judge, and the worker if one is to be started, and runs it on our own terminal.
pub(crate) fn run(args: &ConformanceArgs) -> Result<bool> {
    walcast_lab::ensure(&tools::FOR_BUILDING)?;
    if args.connect.is_none() && !args.list {
        let mut build = cargo_ci("build");
        build.args(["--bin", "walcast"]);
        ensure!(attend(build)?, "walcast does not build");
    }
    let mut judge = Command::new(program()?);
    judge.args(args.given()).env("WALCAST_BINARY", walcast());
    attend(judge)
}

/// Cases at a time in the tier: a case mostly waits, so two cores carry more than two.
const JOBS: &str = "--jobs=4";

/// All that is expected to pass, on each version of PostgreSQL.
pub(super) fn both_versions(session: &mut Session) -> Result<()> {
    build_workspace(session)?;
    VERSIONS.iter().try_for_each(|version| {
        let judge = tests(&["--test", TARGET, "--", JOBS, "--pg", version]);
        session.run(Kind::Tests, judge)
    })
}

impl ConformanceArgs {
    /// The judge's arguments.
    fn given(&self) -> Vec<String> {
        let jobs = self.jobs.map(|jobs| jobs.to_string());
        let options = [
            ("--cases", &self.cases),
            ("--jobs", &jobs),
            ("--pg", &self.pg),
            ("--connect", &self.connect),
            ("--bootstrap", &self.bootstrap),
            ("--pg-address", &self.pg_address),
            ("--pg-user", &self.pg_user),
            ("--save", &self.save),
            ("--timeout", &self.timeout),
        ];
        let options = options.iter().filter_map(|(name, value)| {
            let value = value.as_ref()?;
            Some(format!("{name}={value}"))
        });
        let flags = [("--same-engine", self.same_engine), ("--list", self.list)];
        let flags = flags.iter().filter(|(_, given)| *given);
        options
            .chain(flags.map(|(name, _)| (*name).to_owned()))
            .collect()
    }
}

/// Builds the judge and tells where it is: cargo itself would say more after its last line.
fn program() -> Result<PathBuf> {
    let mut build = cargo_ci("test");
    build
        .args(["--test", TARGET, "--no-run"])
        .arg("--message-format=json-render-diagnostics")
        .stdout(Stdio::piped());
    let built = spawn(build, Some(Signal::SIGTERM))?.wait_with_output()?;
    ensure!(
        built.status.success(),
        "the judge of records does not build"
    );
    let messages = String::from_utf8_lossy(&built.stdout).into_owned();
    let found = messages
        .lines()
        .filter_map(|line| serde_json::from_str::<Value>(line).ok())
        .filter(|message| message["target"]["name"] == TARGET)
        .find_map(|message| message["executable"].as_str().map(PathBuf::from));
    found.with_context(|| format!("{} has no test target {TARGET}", workspace_dir().display()))
}

/// Runs `command` on our own terminal to its end. It ends with us.
pub(crate) fn attend(command: Command) -> Result<bool> {
    let status = spawn(command, Some(Signal::SIGTERM))?.wait()?;
    Ok(status.success())
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::ConformanceArgs;

    #[derive(Parser)]
    struct Cli {
        #[command(flatten)]
        args: ConformanceArgs,
    }

    /// What the judge is given for a command line; `None`: the command line is refused.
    fn given(line: &str) -> Option<String> {
        let words = std::iter::once("xtask").chain(line.split_whitespace());
        let cli = Cli::try_parse_from(words).ok()?;
        Some(cli.args.given().join(" "))
    }

    #[test]
    fn options_are_passed_on_as_they_are_given() {
        let cases = [
            ("", Some("")),
            (
                "--cases 0*,713* -j 3 --pg 15",
                Some("--cases=0*,713* --jobs=3 --pg=15"),
            ),
            (
                "--connect http://h:1 --bootstrap k:2 --pg-address p:3 --same-engine",
                Some("--connect=http://h:1 --bootstrap=k:2 --pg-address=p:3 --same-engine"),
            ),
            (
                "--save d --timeout 9 --list",
                Some("--save=d --timeout=9 --list"),
            ),
            ("--connect http://h:1", None),
            ("--bootstrap k:2", None),
            (
                "--connect http://h:1 --bootstrap k:2 --pg-address p:3 --pg 15",
                None,
            ),
        ];
        for (line, expected) in cases {
            assert_eq!(given(line).as_deref(), expected, "{line}");
        }
    }
}
