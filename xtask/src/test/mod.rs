//! `cargo xtask test`: the tiers, in order, each with its time, its counts and its time budget.

pub(crate) mod conformance;
pub(crate) mod cost;
mod counts;
mod session;
mod tiers;

use std::time::{Duration, Instant};

use anyhow::{Result, bail};
use clap::Args;

use self::counts::Counts;
use self::session::Session;
use self::tiers::{TIERS, Tier};
pub(crate) use self::tiers::{cargo_ci, end_to_end};

/// Runs all tests, or the named tiers
///
/// Tiers: fmt, tidy, deny, fence, build, clippy, doc, fuzz, unit, cost, lab, integration,
/// conformance, e2e. Each prints its name, time and counts; a tier over its time budget fails. The output of
/// the tools goes to target/xtask, and to the terminal where something failed. The last line is
/// the sum: `N passed, N failed`.
#[derive(Args)]
pub(crate) struct TestArgs {
    /// Only these tiers, in this order
    #[arg(value_name = "TIER")]
    tiers: Vec<String>,
}

pub(crate) fn run(args: &TestArgs) -> Result<bool> {
    let tiers = chosen(&args.tiers)?;
    let begun = Instant::now();
    let mut total = Counts::default();
    for tier in tiers {
        total += run_tier(tier)?;
    }
    println!("\nall tiers: {:.0} s", begun.elapsed().as_secs_f64());
    println!("{total}");
    Ok(total.failed == 0)
}

fn chosen(names: &[String]) -> Result<Vec<&'static Tier>> {
    if names.is_empty() {
        return Ok(TIERS.iter().filter(|tier| (tier.exists)()).collect());
    }
    let mut chosen = Vec::new();
    for name in names {
        let Some(tier) = TIERS.iter().find(|tier| tier.name == name) else {
            let known: Vec<_> = TIERS.iter().map(|tier| tier.name).collect();
            bail!("no tier {name}: the tiers are {}", known.join(", "));
        };
        chosen.push(tier);
    }
    Ok(chosen)
}

fn run_tier(tier: &Tier) -> Result<Counts> {
    println!("\n== {}: {}", tier.name, tier.what);
    let budget = Duration::from_secs(tier.budget_s);
    let begun = Instant::now();
    let mut session = Session::begin(tier.name, budget)?;
    if let Err(error) = (tier.run)(&mut session) {
        println!("{error:#}");
        session.fail();
    }
    if begun.elapsed() > budget {
        println!("over its budget of {} s; the slowest:", tier.budget_s);
        session.show_slowest()?;
        session.fail();
    }
    session.show_failures()?;
    let counts = session.counts();
    let word = if counts.failed == 0 { "ok" } else { "FAILED" };
    println!(
        "{}: {word}, {counts}, {:.1} s",
        tier.name,
        begun.elapsed().as_secs_f64()
    );
    Ok(counts)
}
