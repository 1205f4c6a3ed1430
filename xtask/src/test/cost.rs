//! `cargo xtask cost`, and the tier of that name: how many instructions decoding and encoding a row
//! takes.
//!
//! valgrind counts them, so neither the machine's speed nor its load matters. That they are the same
//! on every machine rests on three things: valgrind shows programs one and the same processor, the C
//! library is told to use no more of it than every x86-64 processor has, and the profile is fixed.

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context, Result};
use clap::Args;
use walcast_lab::{ensure, on_path, run as output, target_dir, workspace_dir};

use super::session::{Kind, Session};
use super::tiers::cargo_ci;
use crate::tools;

/// The example of `walcast-wire` that is measured.
const PROGRAM: &str = "row_cost";

/// Rounds of the two runs whose difference counts: in the shorter one buffers grow.
const ROUNDS: (u64, u64) = (500, 1_500);

/// How many percent more than the baseline is a failure.
const PERCENT_MAX: u64 = 5;

/// Keeps the C library from choosing its functions by what the processor can do.
const TUNABLES: &str = "glibc.cpu.hwcaps=-AVX512F,-AVX512VL,-AVX2,-AVX_Fast_Unaligned_Load,-ERMS";

/// Counts the instructions that decoding and encoding a row takes
///
/// A count more than 5 % over wire/examples/row_cost.json is a failure.
#[derive(Args)]
pub(crate) struct CostArgs {
    /// Make today's counts the baseline
    #[arg(long)]
    rewrite: bool,
}

/// Instructions of a row, by case.
type Counts = BTreeMap<String, u64>;

/// Whether no count is too high.
pub(crate) fn run(args: &CostArgs) -> Result<bool> {
    ensure(&[tools::VALGRIND])?;
    let mut build = cargo_ci("build");
    build.arg("--example").arg(PROGRAM);
    output(build)?;
    let counts = measure()?;
    if args.rewrite {
        let text = serde_json::to_string_pretty(&counts)? + "\n";
        fs::write(baseline_file(), text).context("write the baseline")?;
    }
    let baseline = baseline()?;
    show(&counts, &baseline);
    Ok(counts.keys().all(|case| is_kept(case, &counts, &baseline)))
}

/// The tier.
pub(super) fn check(session: &mut Session) -> Result<()> {
    if !cfg!(all(target_arch = "x86_64", target_env = "gnu")) {
        println!("skipped: the baseline was counted on x86-64 with glibc");
        return Ok(());
    }
    if on_path("valgrind").is_none() && on_path("apt-get").is_none() {
        println!("skipped: there is no valgrind, and no apt-get to bring it");
        return Ok(());
    }
    ensure(&[tools::VALGRIND])?;
    let mut build = cargo_ci("build");
    build.arg("--example").arg(PROGRAM);
    session.run(Kind::Check, build)?;
    let (counts, baseline) = (measure()?, baseline()?);
    show(&counts, &baseline);
    for case in baseline.keys().chain(counts.keys()) {
        let what = format!(
            "{case}: more than {PERCENT_MAX} % over the baseline, or not in it; \
             `cargo xtask cost --rewrite` makes another, if that is meant"
        );
        session.check(&what, is_kept(case, &counts, &baseline));
    }
    Ok(())
}

fn show(counts: &Counts, baseline: &Counts) {
    println!("instructions per row: now, baseline");
    for (case, count) in counts {
        let before = baseline.get(case).copied().unwrap_or(0);
        println!("{case:>16} {count:>8} {before:>8}");
    }
}

fn is_kept(case: &str, counts: &Counts, baseline: &Counts) -> bool {
    match (counts.get(case), baseline.get(case)) {
        (Some(now), Some(before)) => now * 100 <= before * (100 + PERCENT_MAX),
        _ => false,
    }
}

fn baseline_file() -> PathBuf {
    workspace_dir().join("wire/examples/row_cost.json")
}

fn baseline() -> Result<Counts> {
    let file = baseline_file();
    let text = fs::read(&file).with_context(|| format!("read {}", file.display()))?;
    serde_json::from_slice(&text).with_context(|| format!("read {}", file.display()))
}

/// The counts of all cases.
fn measure() -> Result<Counts> {
    let program = target_dir().join("ci/examples").join(PROGRAM);
    let cases = output(Command::new(&program))?;
    let of_case = |case: &str| {
        let (few, many) = (collected(case, ROUNDS.0)?, collected(case, ROUNDS.1)?);
        let rounds = ROUNDS.1 - ROUNDS.0;
        Ok((case.to_owned(), many.saturating_sub(few) / rounds))
    };
    cases.lines().map(of_case).collect()
}

/// All instructions of one run.
fn collected(case: &str, rounds: u64) -> Result<u64> {
    let mut valgrind = Command::new("valgrind");
    valgrind
        .args([
            "--tool=callgrind",
            "--callgrind-out-file=/dev/null",
            "--log-fd=1",
        ])
        .arg(target_dir().join("ci/examples").join(PROGRAM))
        .args([case, &rounds.to_string()])
        .env("GLIBC_TUNABLES", TUNABLES);
    let told = output(valgrind)?;
    let count = told.lines().find_map(|line| {
        let (_, count) = line.split_once("Collected :")?;
        count.trim().parse().ok()
    });
    count.with_context(|| format!("valgrind counted nothing:\n{told}"))
}
