//! Workers killed in turn, one frozen and one cut off, while rows are written: nothing lost, one owner each, and soon.
//!
//! `WALCAST_DEATHS=20` kills so many times; `WALCAST_CONNECTORS=30` shares so many connectors.

use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use walcast_lab::{http, wait_for};
use walcast_tests::SOON;
use walcast_tests::by_hand::number;

use super::cluster::{Cluster, NOBODY, REMOTE};

const WORKERS: usize = 3;
const CONNECTORS: usize = 9;
const DEATHS: usize = 3;

/// How long the connectors of a worker may take to run elsewhere.
const AFTER_KILL: Duration = Duration::from_secs(10);
const AFTER_LOSS: Duration = Duration::from_secs(15);

#[test]
fn workers_die_in_turn_and_nothing_is_lost() -> Result<()> {
    let connectors = number("WALCAST_CONNECTORS").unwrap_or(CONNECTORS);
    let deaths = number("WALCAST_DEATHS").unwrap_or(DEATHS);
    let cluster = Cluster::start("deaths", WORKERS, connectors)?;
    let (stop, last) = (AtomicBool::new(false), AtomicI64::new(0));
    let moves = thread::scope(|scope| {
        let writer = scope.spawn(|| write(&cluster, &stop, &last));
        let moves = die(&cluster, deaths);
        stop.store(true, Ordering::Relaxed);
        let written = writer
            .join()
            .map_err(|_| anyhow::anyhow!("the writer broke"))?;
        written.and(moves)
    })?;
    let last = last.load(Ordering::Relaxed);
    let mut again = 0;
    for index in 0..connectors {
        again += cluster.read_all(index, last)?;
    }
    report("kill -9", moves.kills, AFTER_KILL)?;
    report("SIGSTOP", moves.freezes, AFTER_LOSS)?;
    report("a cut network", moves.cuts, AFTER_LOSS)?;
    tell(&format!(
        "{last} rows in each of {connectors} topics, {again} again, none lost"
    ));
    Ok(())
}

/// How long each connector took to run elsewhere.
#[derive(Default)]
struct Moves {
    kills: Vec<Duration>,
    freezes: Vec<Duration>,
    cuts: Vec<Duration>,
}

fn die(cluster: &Cluster, deaths: usize) -> Result<Moves> {
    let mut moves = Moves::default();
    for death in 0..deaths {
        let victim = death % WORKERS;
        let worker = &cluster.workers[victim];
        let begun = Instant::now();
        worker.kill9()?;
        moves.kills.extend(moved(cluster, victim, begun)?);
        worker.start()?;
        wait_takes_part(cluster, victim)?;
    }
    let frozen = &cluster.workers[0];
    moves.freezes = lost_for_a_while(cluster, 0, || frozen.pause(), || frozen.resume())?;
    let cut = || {
        cluster.cut();
        Ok(())
    };
    let mend = || {
        cluster.mend();
        Ok(())
    };
    moves.cuts = lost_for_a_while(cluster, REMOTE, cut, mend)?;
    Ok(moves)
}

/// Loses a worker that lives on and comes back; how long its connectors took to run elsewhere.
fn lost_for_a_while(
    cluster: &Cluster,
    victim: usize,
    lose: impl FnOnce() -> Result<()>,
    find: impl FnOnce() -> Result<()>,
) -> Result<Vec<Duration>> {
    let begun = Instant::now();
    lose()?;
    let times = moved(cluster, victim, begun)?;
    let owners = cluster.owners(victim)?;
    find()?;
    wait_takes_part(cluster, victim)?;
    // Whoever came back disturbs nobody: what did not move back is still run by the same worker.
    let after = wait_for("all to run", SOON, || Ok(cluster.owners(victim).ok()))?;
    for (name, owner) in owners {
        let now = &after[&name];
        ensure!(
            *now == owner || Some(&**now) == cluster.id(victim),
            "{name} went from {owner} to {now}"
        );
    }
    Ok(times)
}

/// Waits until all that the victim ran is run elsewhere; how long each took.
fn moved(cluster: &Cluster, victim: usize, begun: Instant) -> Result<Vec<Duration>> {
    let mut waiting: Vec<_> = cluster.connectors().iter().collect();
    let mut times = Vec::new();
    wait_for("the connectors to run elsewhere", SOON, || {
        one_reader_each(cluster)?;
        waiting.retain(|name| {
            let owner = cluster.owner(name, victim);
            let elsewhere = owner.is_some_and(|owner| Some(&*owner) != cluster.id(victim));
            if elsewhere {
                times.push(begun.elapsed());
            }
            !elsewhere
        });
        Ok(waiting.is_empty().then_some(()))
    })?;
    cluster.wait_running(victim)?;
    // Those of other workers never moved.
    times.retain(|time| *time > Duration::from_secs(2));
    Ok(times)
}

/// No slot is ever read twice: the server sees to that. No connector has two sessions either.
fn one_reader_each(cluster: &Cluster) -> Result<()> {
    let sql = "select application_name, count(*) from pg_stat_replication \
               where state = 'streaming' group by 1 having count(*) > 1";
    let rows = cluster.query(sql)?;
    ensure!(rows.is_empty(), "two owners: {rows:?}");
    Ok(())
}

/// Waits until the group has given a shard to a worker that is back, and all connectors run.
fn wait_takes_part(cluster: &Cluster, worker: usize) -> Result<()> {
    wait_for("the worker to take part again", SOON, || {
        let told = http::get(&format!("{}/metrics", cluster.workers[worker].url()))?.ok()?;
        let shards = told
            .lines()
            .find_map(|line| line.strip_prefix("walcast_connect_shards "));
        Ok(shards.filter(|shards| *shards != "0").map(drop))
    })?;
    cluster.wait_running(NOBODY)
}

/// Writes one row to every table, again and again.
fn write(cluster: &Cluster, stop: &AtomicBool, last: &AtomicI64) -> Result<()> {
    let tables = cluster.connectors().len();
    while !stop.load(Ordering::Relaxed) {
        let id = last.load(Ordering::Relaxed) + 1;
        let inserts: Vec<_> = (0..tables)
            .map(|i| format!("insert into t{i} values ({id})"))
            .collect();
        cluster.query(&inserts.join(";"))?;
        last.store(id, Ordering::Relaxed);
    }
    Ok(())
}

fn report(what: &str, mut times: Vec<Duration>, limit: Duration) -> Result<()> {
    times.sort_unstable();
    let at = |part: usize| times.get((times.len() * part / 100).min(times.len().saturating_sub(1)));
    let (half, most) = (at(50), at(99));
    tell(&format!(
        "after {what}: {} connectors moved, p50 {half:?}, p99 {most:?}",
        times.len()
    ));
    ensure!(
        most.is_some_and(|most| *most < limit),
        "after {what} moving took {most:?}, not less than {limit:?}"
    );
    Ok(())
}

#[expect(
    clippy::print_stdout,
    reason = "the figures that the test is asked for"
)]
fn tell(text: &str) {
    println!("{text}");
}
