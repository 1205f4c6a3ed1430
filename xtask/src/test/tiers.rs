//! The tiers. Cheap ones first, so that what is plainly wrong is said early.
//!
//! All of cargo's work is done with the profile `ci`, so that the C libraries are built once.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, anyhow};
use serde_json::Value;
use walcast_lab::system::{Delivery, Part, System};
use walcast_lab::{Lab, cargo, ensure, run, target_dir, workspace_dir};

use super::session::{Kind, Session};
use super::{conformance, cost};
use crate::tools;

/// One part of the tests.
pub(crate) struct Tier {
    pub(crate) name: &'static str,
    pub(crate) what: &'static str,
    /// Seconds it may take on 2 cores, cold.
    pub(crate) budget_s: u64,
    pub(crate) exists: fn() -> bool,
    pub(crate) run: fn(&mut Session) -> Result<()>,
}

const fn tier(
    name: &'static str,
    what: &'static str,
    budget_s: u64,
    run: fn(&mut Session) -> Result<()>,
) -> Tier {
    Tier {
        name,
        what,
        budget_s,
        exists: || true,
        run,
    }
}

/// In the order in which they run.
pub(crate) const TIERS: [Tier; 14] = [
    tier("fmt", "the sources are formatted", 60, |session| {
        session.cargo(Kind::Check, &["fmt", "--all", "--check"])
    }),
    tier("tidy", "the house's rules on its sources", 240, |session| {
        session.cargo(
            Kind::Tests,
            &["test", "--locked", "--package", "walcast-tidy"],
        )
    }),
    tier(
        "deny",
        "licences, bans and sources of dependencies",
        120,
        deny,
    ),
    tier("fence", "the pure crate reaches no runtime", 60, fence),
    tier(
        "build",
        "what is needed is brought, and all is built",
        1500,
        build_all,
    ),
    tier("clippy", "no lint warns", 600, |session| {
        session.cargo(
            Kind::Check,
            &[
                "clippy",
                "--locked",
                "--workspace",
                "--all-targets",
                "--profile=ci",
                "--",
                "-Dwarnings",
            ],
        )
    }),
    tier(
        "doc",
        "the documentation builds without a warning",
        360,
        |session| {
            let mut doc = cargo();
            doc.args([
                "doc",
                "--locked",
                "--workspace",
                "--no-deps",
                "--profile=ci",
            ])
            .env("RUSTDOCFLAGS", "-Dwarnings")
            .current_dir(workspace_dir());
            session.run(Kind::Check, doc)
        },
    ),
    Tier {
        exists: || workspace_dir().join("fuzz/Cargo.toml").is_file(),
        ..tier("fuzz", "the fuzz targets compile", 480, fuzz)
    },
    tier("unit", "tests that need no server", 480, unit),
    tier(
        "cost",
        "a row takes no more instructions than it did",
        120,
        cost::check,
    ),
    tier(
        "lab",
        "components start, keep their data and leave nothing behind",
        240,
        |session| session.run(Kind::Tests, tests(&["--test=lab"])),
    ),
    tier(
        "integration",
        "the roles against real components, with faults",
        1_500,
        |session| {
            build_workspace(session)?;
            session.run(Kind::Tests, tests(&["--test=it", "--test=witness"]))
        },
    ),
    tier(
        conformance::TARGET,
        "the records against those of Debezium, on PostgreSQL 18 and 15",
        900,
        conformance::both_versions,
    ),
    tier(
        "e2e",
        "one journey from the API to the analytics, counted at every stage",
        300,
        e2e,
    ),
];

/// Test targets that have a tier of their own.
const WITH_TIER: [&str; 5] = ["tidy", "lab", "it", "witness", conformance::TARGET];

/// A command of cargo for the whole workspace: another choice of packages would be another choice of
/// features, and so another build of everything.
pub(crate) fn cargo_ci(command: &str) -> Command {
    let mut cargo = cargo();
    cargo
        .args([command, "--locked", "--workspace", "--profile=ci"])
        .current_dir(workspace_dir());
    cargo
}

/// `cargo test`, with `arguments` to choose from the workspace's tests.
pub(super) fn tests(arguments: &[&str]) -> Command {
    let mut command = cargo_ci("test");
    command.args(arguments).env("WALCAST_BINARY", walcast());
    command
}

/// The binary that [`build_workspace`] makes.
pub(super) fn walcast() -> PathBuf {
    target_dir().join("ci/walcast")
}

/// Builds all programs and tests, with the features that [`tests`] has too.
pub(super) fn build_workspace(session: &mut Session) -> Result<()> {
    let mut build = cargo_ci("build");
    build.arg("--all-targets");
    session.run(Kind::Check, build)
}

fn unit(session: &mut Session) -> Result<()> {
    let mut programs = vec!["--lib".into(), "--bins".into()];
    for target in test_targets()? {
        if !WITH_TIER.contains(&target.as_str()) {
            programs.push(format!("--test={target}"));
        }
    }
    let programs: Vec<&str> = programs.iter().map(String::as_str).collect();
    session.run(Kind::Tests, tests(&programs))?;
    session.run(Kind::Tests, tests(&["--doc"]))
}

/// The names of all test targets of the workspace.
fn test_targets() -> Result<Vec<String>> {
    let mut metadata = cargo();
    metadata
        .args(["metadata", "--locked", "--no-deps", "--format-version=1"])
        .current_dir(workspace_dir());
    let metadata: Value = serde_json::from_str(&run(metadata)?).context("read cargo's metadata")?;
    let packages = metadata["packages"].as_array().context("no packages")?;
    let targets = packages
        .iter()
        .filter_map(|package| package["targets"].as_array())
        .flatten();
    let names = targets
        .filter(|target| target["kind"][0] == "test")
        .filter_map(|target| target["name"].as_str());
    Ok(names.map(str::to_owned).collect())
}

fn deny(session: &mut Session) -> Result<()> {
    let mut deny = Command::new(tools::cargo_deny()?);
    deny.args(["--workspace", "check", "bans", "licenses", "sources"])
        .current_dir(workspace_dir());
    session.run(Kind::Check, deny)
}

/// What the pure crate must not reach: runtimes, sockets, clocks of others.
const FENCED_OUT: [&str; 5] = ["tokio", "rdkafka", "tokio-postgres", "reqwest", "hyper"];

fn fence(session: &mut Session) -> Result<()> {
    let mut tree = cargo();
    tree.args([
        "tree",
        "--locked",
        "--package=walcast-wire",
        "--edges=normal",
        "--prefix=none",
    ])
    .current_dir(workspace_dir());
    let reached = run(tree)?;
    session.check(
        "cargo tree shows nothing",
        reached.starts_with("walcast-wire "),
    );
    for name in FENCED_OUT {
        let found = reached
            .lines()
            .any(|line| line.split(' ').next() == Some(name));
        session.check(&format!("walcast-wire depends on {name}"), !found);
    }
    Ok(())
}

/// Builds everything; meanwhile what the later tiers need is downloaded.
fn build_all(session: &mut Session) -> Result<()> {
    ensure(&tools::FOR_BUILDING)?;
    ensure(&[tools::PYTHON])?;
    let components = Lab::builder("bring")
        .postgres(15)
        .postgres(18)
        .debezium()
        .clickhouse()
        .redis();
    std::thread::scope(|scope| {
        let bringing = scope.spawn(|| components.bring());
        build_workspace(session)?;
        let brought = bringing.join();
        brought.map_err(|_| anyhow!("the thread that downloads panicked"))??;
        session.check("components are there", true);
        Ok(())
    })
}

fn fuzz(session: &mut Session) -> Result<()> {
    let target = format!("--target-dir={}", target_dir().join("fuzz").display());
    let manifest = format!(
        "--manifest-path={}",
        workspace_dir().join("fuzz/Cargo.toml").display()
    );
    session.cargo(Kind::Check, &["check", "--bins", &manifest, &target])
}

fn e2e(session: &mut Session) -> Result<()> {
    build_workspace(session)?;
    let system = System::start("e2e", &Part::ALL, &walcast(), Delivery::default())?;
    let ready_file = system.lab().dir().join("ready.json");
    system.write_ready_file(&ready_file)?;
    session.run(Kind::Tests, end_to_end(&ready_file))
}

/// The end-to-end test on the system that `ready_file` tells of.
pub(crate) fn end_to_end(ready_file: &Path) -> Command {
    let mut python = Command::new("python3");
    python
        .arg(workspace_dir().join("tests/end-to-end/test_end_to_end_flow.py"))
        .arg("--ready-file")
        .arg(ready_file)
        .env("PYTHONDONTWRITEBYTECODE", "1");
    python
}
