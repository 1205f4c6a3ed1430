//! Memory stays bounded, however much there is to read and however slowly it goes away.
//!
//! By hand: `WALCAST_BOUND_ROWS=10000000` for a larger transaction, `WALCAST_BOUND_STALL=600` for so
//! many seconds without a broker, and `--ignored` for thousands of tables.

use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use walcast_lab::{Lab, wait_for};
use walcast_tests::by_hand::number;
use walcast_tests::topic::Ends;
use walcast_tests::worker::{Worker, connector};

use super::{arrived, lab};

/// What a worker with one connector may take, in MB.
const PEAK_MB_MAX: u64 = 128;

/// Rows of one transaction.
const ROWS: i64 = 300_000;

/// Seconds without a broker, and rows that are written in each.
const STALL: i64 = 15;
const ROWS_PER_SECOND: i64 = 4_000;

const TABLES: i64 = 5_000;

/// How long all of it may take to arrive.
const ARRIVES_WITHIN: Duration = Duration::from_secs(600);

fn started(name: &str, tables: &str) -> Result<(Lab, Worker)> {
    let lab = lab(name, 18)?;
    let worker = Worker::start(&lab, "worker", name, false)?;
    let tables = [("table.include.list", tables)];
    worker.put(name, &connector(&lab, name, name, &tables))?;
    worker.wait_state(name, "RUNNING")?;
    Ok((lab, worker))
}

fn ensure_bounded(worker: &Worker, peak_mb_max: u64) -> Result<()> {
    let peak = worker.peak_mb()?;
    ensure!(peak <= peak_mb_max, "the worker took {peak} MB");
    Ok(())
}

#[test]
fn a_large_transaction_is_not_collected() -> Result<()> {
    let rows = number("WALCAST_BOUND_ROWS").unwrap_or(ROWS);
    let (lab, worker) = started("large", "public.t")?;
    super::insert(&lab, "large", 0..1, 1)?;
    arrived(&lab, "large", 0..1)?;
    let sql = format!(
        "insert into t select i, repeat(md5(i::text), 8) from generate_series(1, {rows}) i"
    );
    lab.postgres().query("large", &sql)?;
    let ends = Ends::of(&lab.kafka().bootstrap, "large.public.t", 1)?;
    wait_for("all rows of a transaction", ARRIVES_WITHIN, || {
        Ok((ends.now()? > rows).then_some(()))
    })?;
    ensure!(ends.now()? == rows + 1, "{} records", ends.now()?);
    ensure_bounded(&worker, PEAK_MB_MAX)
}

#[test]
fn a_stalled_broker_holds_the_stream_back() -> Result<()> {
    let seconds = number("WALCAST_BOUND_STALL").unwrap_or(STALL);
    let (lab, worker) = started("stall", "public.t")?;
    super::insert(&lab, "stall", 0..1, 1)?;
    arrived(&lab, "stall", 0..1)?;
    lab.kafka().pause()?;
    let begun = Instant::now();
    for second in 0..seconds {
        let (from, to) = (1 + second * ROWS_PER_SECOND, (second + 1) * ROWS_PER_SECOND);
        let sql = format!(
            "insert into t select i, repeat(md5(i::text), 32) from generate_series({from}, {to}) i"
        );
        lab.postgres().query("stall", &sql)?;
        let due = Duration::from_secs(u64::try_from(second)? + 1);
        thread::sleep(due.saturating_sub(begun.elapsed()));
    }
    ensure_bounded(&worker, PEAK_MB_MAX)?;
    lab.kafka().resume()?;
    arrived(&lab, "stall", 0..seconds * ROWS_PER_SECOND + 1)?;
    ensure_bounded(&worker, PEAK_MB_MAX)
}

#[test]
#[ignore = "by hand: so many topics take a broker some minutes"]
fn thousands_of_tables() -> Result<()> {
    let lab = lab("many", 18)?;
    let sql = format!(
        "do $$ begin for i in 1..{TABLES} loop \
           execute format('create table t%s(id bigint primary key, v text)', i); \
           execute format('insert into t%s values (1, ''snapshot'')', i); \
           if i % 100 = 0 then commit; end if; \
         end loop; end $$"
    );
    lab.postgres().query("many", &sql)?;
    let worker = Worker::start(&lab, "worker", "many", false)?;
    let tables = [("table.include.list", "public.t[0-9]+")];
    worker.put("many", &connector(&lab, "many", "many", &tables))?;
    all_have(&lab, 1)?;
    let sql = format!(
        "do $$ begin for i in 1..{TABLES} loop \
           execute format('insert into t%s values (2, ''stream'')', i); \
         end loop; end $$"
    );
    lab.postgres().query("many", &sql)?;
    all_have(&lab, 2)?;
    ensure_bounded(&worker, 2 * PEAK_MB_MAX)
}

/// Waits until each table's topic has so many records.
fn all_have(lab: &Lab, records: i64) -> Result<()> {
    let mut table = 1;
    wait_for("a record of every table", ARRIVES_WITHIN, || {
        while table <= TABLES {
            let name = format!("many.public.t{table}");
            let Ok(end) = Ends::of(&lab.kafka().bootstrap, &name, 1)?.now() else {
                return Ok(None);
            };
            if end < records {
                return Ok(None);
            }
            table += 1;
        }
        Ok(Some(()))
    })
}
