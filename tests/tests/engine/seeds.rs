//! Random tables, writers, kinds of snapshot and kills: in the end the last record of each key is what
//! the table holds, and nothing is missing.
//!
//! `WALCAST_SEEDS=200` runs so many seeds; `WALCAST_SEED=N` runs one, which a failure names. Both
//! together run so many from that one on.

mod world;

use std::collections::BTreeMap;
use std::io::Write as _;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use serde_json::{Value, json};
use walcast_lab::{Lab, wait_for};
use walcast_tests::by_hand::number;
use walcast_tests::topic::{Record, Topic};
use walcast_tests::worker::{Worker, connector};
use world::{Plan, Table};

use super::QUIET;
use super::chance::Chance;

/// Seeds of an ordinary run.
const SEEDS: u64 = 4;

/// How long a topic may take to say what its table holds.
const EQUAL_WITHIN: Duration = Duration::from_secs(90);

/// What a column that was not sent holds.
const UNAVAILABLE: &str = "__debezium_unavailable_value";

#[test]
fn the_last_record_of_each_key_is_what_the_table_holds() -> Result<()> {
    let lab = Lab::builder("seeds").postgres(18).kafka().start()?;
    lab.postgres().query("postgres", "create database seeds")?;
    let first = number("WALCAST_SEED");
    let count = number("WALCAST_SEEDS").unwrap_or(if first.is_some() { 1 } else { SEEDS });
    let first = first.unwrap_or(0);
    let workers = [
        Worker::start(&lab, "once", "once", true)?,
        Worker::start(&lab, "atleast", "atleast", false)?,
    ];
    for seed in first..first + count {
        let begun = Instant::now();
        let plan = Plan::of(seed);
        let worker = &workers[usize::from(!plan.exactly_once)];
        run(&lab, worker, &plan)
            .with_context(|| format!("WALCAST_SEED={seed} repeats this: {plan:?}"))?;
        let seconds = begun.elapsed().as_secs_f64();
        writeln!(std::io::stderr(), "seed {seed}: {seconds:.1} s, {plan:?}")?;
    }
    Ok(())
}

fn run(lab: &Lab, worker: &Worker, plan: &Plan) -> Result<()> {
    lab.postgres().query("seeds", &plan.setup())?;
    let stop = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let writers: Vec<_> = (0..plan.writers)
            .map(|writer| {
                let stop = &stop;
                scope.spawn(move || write(lab, plan, writer, stop))
            })
            .collect();
        let done = drive(lab, worker, plan);
        stop.store(true, Ordering::Release);
        for writer in writers {
            writer
                .join()
                .map_err(|_| anyhow::anyhow!("a writer panicked"))??;
        }
        done
    })?;
    for table in &plan.tables {
        wait_until_equal(lab, plan, table)?;
    }
    clean(lab, worker, plan)
}

/// Starts the connector, asks for a snapshot, and kills the worker as the plan says.
fn drive(lab: &Lab, worker: &Worker, plan: &Plan) -> Result<()> {
    let name = plan.name();
    let extra: Vec<(&str, &str)> = plan.properties.iter().map(|(k, v)| (&**k, &**v)).collect();
    let mut config = connector(lab, "seeds", &name, &extra);
    config["table.include.list"] = json!(plan.include_list());
    worker.put(&name, &config)?;
    if plan.incremental {
        worker.wait_state(&name, "RUNNING")?;
        ask(worker, plan)?;
    }
    for pause in &plan.kills {
        std::thread::sleep(*pause);
        worker.kill9()?;
        worker.start()?;
    }
    worker.wait_state(&name, "RUNNING")?;
    // A signal that was taken and not yet checkpointed when the worker was killed is not remembered.
    if plan.incremental && !plan.kills.is_empty() {
        ask(worker, plan)?;
    }
    Ok(())
}

/// Asks for an incremental snapshot of all tables; a connector that does not stream yet is asked again.
fn ask(worker: &Worker, plan: &Plan) -> Result<()> {
    let path = format!("/connectors/{}/signals", plan.name());
    let data = json!({"data-collections": [plan.pattern()]});
    let body = json!({"type": "execute-snapshot", "data": data});
    wait_for("the signal to be taken", EQUAL_WITHIN, || {
        let answer = worker.rest("POST", &path, Some(&body))?;
        match answer.status {
            202 => Ok(Some(())),
            409 => Ok(None),
            other => bail!("a signal was answered with {other}: {}", answer.body),
        }
    })
}

/// Removes the connector and what it and the seed left behind.
fn clean(lab: &Lab, worker: &Worker, plan: &Plan) -> Result<()> {
    let name = plan.name();
    worker
        .rest("DELETE", &format!("/connectors/{name}"), None)?
        .ok()?;
    let free = format!("select 1 from pg_replication_slots where slot_name = '{name}' and active");
    wait_for("the slot to be free", EQUAL_WITHIN, || {
        let active = lab.postgres().query("seeds", &free)?;
        Ok(active.is_empty().then_some(()))
    })?;
    lab.postgres().query("seeds", &plan.teardown()).map(drop)
}

/// Writes until told to stop.
fn write(lab: &Lab, plan: &Plan, writer: u64, stop: &AtomicBool) -> Result<()> {
    let mut chance = Chance::new(plan.seed ^ (writer + 1).wrapping_mul(0x9e37_79b9));
    while !stop.load(Ordering::Acquire) {
        let table = &plan.tables[chance.below(plan.tables.len() as u64) as usize];
        lab.postgres().query("seeds", &table.change(&mut chance))?;
    }
    Ok(())
}

/// Reads the topic until it says what the table holds.
fn wait_until_equal(lab: &Lab, plan: &Plan, table: &Table) -> Result<()> {
    let expected = held(lab, table)?;
    let topic = format!("{}.public.{}", plan.name(), table.name);
    let mut records = Topic::open(&lab.kafka().bootstrap, &topic)?;
    let begun = Instant::now();
    loop {
        let got = fold(records.read_until(QUIET, |_| true)?);
        if got == expected {
            return Ok(());
        }
        if begun.elapsed() > EQUAL_WITHIN {
            bail!("{topic}: {}", difference(&expected, &got));
        }
    }
}

type Rows = BTreeMap<String, (Option<String>, Option<String>)>;

/// What the table holds: `v` and `big` by key.
fn held(lab: &Lab, table: &Table) -> Result<Rows> {
    let rows = lab.postgres().query("seeds", &table.all())?;
    let mut held = Rows::new();
    for row in rows {
        let [Some(key), v, big] = &row[..] else {
            bail!("a row without a key in {}", table.name);
        };
        held.insert(key.clone(), (v.clone(), big.clone()));
    }
    Ok(held)
}

/// What a consumer that keeps the newest row of each key holds. A column that was not sent is taken
/// from the row before, which after a change of the key is that of the old key.
fn fold(records: &[Record]) -> Rows {
    let (mut rows, mut gone) = (Rows::new(), Rows::new());
    for record in records {
        let key = world::key_text(&record.key);
        let after = &record.value["after"];
        if after.is_null() {
            let row = rows.remove(&key);
            gone.extend(row.map(|row| (key, row)));
            continue;
        }
        let text = |field: &str| after[field].as_str().map(str::to_owned);
        let before = rows.get(&key).or_else(|| gone.get(&old_key(record)?));
        let big = match text("big") {
            Some(big) if big == UNAVAILABLE => before.and_then(|(_, big)| big.clone()),
            big => big,
        };
        rows.insert(key, (text("v"), big));
    }
    rows
}

/// The key that a row had before this record changed it.
fn old_key(record: &Record) -> Option<String> {
    let header = record.headers.get("__debezium.oldkey")?;
    let key: Value = serde_json::from_str(header).ok()?;
    // The header's form is its converter's: with a schema beside the payload, or without.
    Some(world::key_text(key.get("payload").unwrap_or(&key)))
}

fn difference(expected: &Rows, got: &Rows) -> String {
    let short = |row: Option<&(Option<String>, Option<String>)>| {
        row.map(|(v, big)| (v.clone(), big.as_ref().map(String::len)))
    };
    let keys = expected.keys().chain(got.keys());
    let wrong: Vec<_> = keys
        .filter(|key| expected.get(*key) != got.get(*key))
        .map(|key| (key, short(expected.get(key)), short(got.get(key))))
        .collect();
    format!(
        "{} of {} rows differ (key, table, topic): {:?}",
        wrong.len(),
        expected.len(),
        wrong.iter().take(5).collect::<Vec<_>>()
    )
}
