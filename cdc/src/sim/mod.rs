//! Simulation: the engine against a server and a broker in memory, with time that only passes when
//! nothing else can happen, and faults that a seed repeats.
//!
//! Real are the replication session, the reader with its cursor, both publishers, the fenced
//! checkpoints, the count of deliveries, and what decides at the start. Simulated are the server
//! ([`server`], [`log`]), the broker and its client ([`broker`], [`client`]) and the time. A life of
//! the engine ends at any of its awaits ([`gate`], [`scenario`]).
//!
//! `WALCAST_SIM_SEED=N` runs one seed, `WALCAST_SIM_SEEDS=N` the first N; a failure prints its seed.

mod broker;
mod chance;
mod check;
mod client;
mod engine;
mod event;
mod gate;
mod log;
mod pgoutput;
mod run;
mod scenario;
mod server;
mod world;

use run::run;

/// Partitions of each topic.
const PARTITIONS: usize = 2;

/// Seeds that are run unless told otherwise.
const SEEDS: u64 = 500;

/// What is wrong on purpose, so that the simulation must find it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Broken {
    /// The slot takes for confirmed what was sent, not what is durable.
    ConfirmAhead,
    /// Records count as acknowledged as soon as they are handed over.
    AckEarly,
    /// An older instance's transactions and checkpoints are taken.
    NoFence,
    /// One change too many is skipped when the engine goes on inside of a transaction.
    SkipOne,
}

/// What a variable of the environment says, if it is set.
fn told(name: &str) -> Option<u64> {
    #[expect(
        clippy::disallowed_methods,
        reason = "a test has no configuration of its own"
    )]
    let text = std::env::var(name).ok()?;
    Some(text.parse().expect("a number of a seed, or of seeds"))
}

#[test]
fn nothing_is_lost_and_the_chain_holds_whatever_fails() {
    let seeds = match told("WALCAST_SIM_SEED") {
        Some(seed) => seed..seed + 1,
        None => 0..told("WALCAST_SIM_SEEDS").unwrap_or(SEEDS),
    };
    for seed in seeds {
        if let Err(trouble) = run(seed, None) {
            panic!("{trouble}\nseed {seed}: run it again with WALCAST_SIM_SEED={seed}");
        }
    }
}

#[test]
fn what_is_broken_is_found_soon() {
    for (broken, within) in [
        (Broken::ConfirmAhead, 5),
        (Broken::AckEarly, 5),
        (Broken::NoFence, 50),
        (Broken::SkipOne, 50),
    ] {
        let found = (0..within).find(|seed| run(*seed, Some(broken)).is_err());
        assert!(found.is_some(), "{broken:?} is not found in {within} seeds");
    }
}

#[test]
fn a_seed_is_repeated_exactly() {
    for seed in 0..20 {
        assert_eq!(run(seed, None), run(seed, None), "{seed}");
    }
}
