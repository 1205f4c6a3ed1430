//! `cargo xtask fuzz`: runs the fuzz targets under libFuzzer, one after the other.
//!
//! The compiler in use is enough: what libFuzzer needs of it are stable options.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, ensure};
use clap::Args;
use walcast_lab::{cargo, run as output, target_dir, workspace_dir};

/// What makes the compiler count edges and comparisons for libFuzzer.
const FLAGS: &str = "--cfg fuzzing -Cpasses=sancov-module \
    -Cllvm-args=-sanitizer-coverage-level=4 \
    -Cllvm-args=-sanitizer-coverage-inline-8bit-counters \
    -Cllvm-args=-sanitizer-coverage-pc-table \
    -Cllvm-args=-sanitizer-coverage-trace-compares";

/// All targets; each has a corpus of its name in fuzz/corpus.
const TARGETS: [&str; 5] = ["decode", "change", "values", "patterns", "config"];

/// Fuzzes the decoder, the value encoders, patterns and the reading of configurations
///
/// A finding stops its target, is kept in fuzz/artifacts, and makes the exit code 1. The kept corpus
/// is also a test of its own, which needs no fuzzer: `cargo test -p walcast-fuzzed`.
#[derive(Args)]
pub(crate) struct FuzzArgs {
    /// Only these targets
    #[arg(value_name = "TARGET", value_parser = TARGETS)]
    targets: Vec<String>,

    /// Seconds for each target
    #[arg(long, value_name = "S", default_value_t = 60)]
    seconds: u32,

    /// Add inputs that reach new code to fuzz/corpus
    #[arg(long)]
    keep: bool,
}

/// Whether there was no finding.
pub(crate) fn run(args: &FuzzArgs) -> Result<bool> {
    let programs = build()?;
    let chosen = TARGETS.iter().filter(|target| {
        let named = args.targets.iter().any(|name| name == *target);
        args.targets.is_empty() || named
    });
    let mut sound = true;
    for target in chosen {
        sound &= fuzz(&programs, target, args)?;
    }
    Ok(sound)
}

/// Builds all targets; returns the folder with the programs.
fn build() -> Result<PathBuf> {
    let mut rustc = Command::new("rustc");
    rustc.arg("-vV");
    let told = output(rustc)?;
    let host = told.lines().find_map(|line| line.strip_prefix("host: "));
    let host = host.context("rustc -vV names no host")?;
    let target = target_dir().join("fuzz");
    // With a target named, the flags are for the programs alone, not for macros and build scripts.
    let status = cargo()
        .args([
            "build",
            "--locked",
            "--release",
            "--bins",
            "--features=config",
        ])
        .args(["--target", host, "--target-dir"])
        .arg(&target)
        .env("RUSTFLAGS", FLAGS)
        .current_dir(workspace_dir().join("fuzz"))
        .status()
        .context("start cargo")?;
    ensure!(status.success(), "the fuzz targets do not build");
    Ok(target.join(host).join("release"))
}

/// Runs one target; whether it found nothing.
fn fuzz(programs: &Path, target: &str, args: &FuzzArgs) -> Result<bool> {
    let fuzz = workspace_dir().join("fuzz");
    let kept = fuzz.join("corpus").join(target);
    let grown = target_dir().join("fuzz/corpus").join(target);
    let artifacts = fuzz.join("artifacts").join(target);
    for folder in [&kept, &grown, &artifacts] {
        fs::create_dir_all(folder).with_context(|| format!("make {}", folder.display()))?;
    }
    println!("\n== {target}: {} s", args.seconds);
    let program = programs.join(target);
    let status = Command::new(&program)
        .args([&grown, &kept])
        .arg(format!("-max_total_time={}", args.seconds))
        .arg(format!("-artifact_prefix={}/", artifacts.display()))
        .args(["-timeout=20", "-print_final_stats=1", "-verbosity=0"])
        .status()
        .with_context(|| format!("start {}", program.display()))?;
    if args.keep {
        let merged = Command::new(&program)
            .arg("-merge=1")
            .args([&kept, &grown])
            .status()
            .with_context(|| format!("start {}", program.display()))?;
        ensure!(
            merged.success(),
            "the corpus of {target} could not be merged"
        );
    }
    let word = if status.success() {
        "no finding"
    } else {
        "A FINDING, see above"
    };
    println!("{target}: {word}");
    Ok(status.success())
}
