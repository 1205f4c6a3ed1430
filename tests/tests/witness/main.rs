//! Programs that nobody here wrote. They read our topics: Kafka's own consumer with Kafka Connect's own
//! JsonConverter, Kafka's console consumer, and ClickHouse; what they read is what was written. And a
//! published client of Kafka Connect's REST API drives our worker.

mod clickhouse;
mod connect_client;
mod table;

use std::collections::BTreeMap;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use serde::Deserialize;
use serde_json::Value;
use walcast_lab::{Lab, run};
use walcast_tests::topic::Topic;
use walcast_tests::worker::{Worker, connector};

use self::table::{COLUMNS, Row};

/// How long a topic must stay silent before its snapshot is taken to be complete.
const QUIET: Duration = Duration::from_millis(500);

const DATABASE: &str = "witness";

/// The program that reads as a sink connector does.
const WITNESS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/witness/Witness.java");

/// Rows that a snapshot reads.
const SNAPSHOT: usize = 20;

/// Records by operation: reads, creates, updates, deletes; a tombstone follows each delete. An update
/// of a key is a delete and a create.
const COUNTS: [(&str, usize); 5] = [("", 14), ("c", 102), ("d", 14), ("r", 20), ("u", 12)];

/// A record as the witness tells it.
#[derive(Debug, Deserialize)]
struct Decoded {
    key: Row,
    /// Whether the converter makes the same bytes of it again.
    same: bool,
    #[serde(default)]
    op: String,
    before: Option<Row>,
    after: Option<Row>,
    #[serde(default)]
    schemas: BTreeMap<String, String>,
}

#[test]
fn readers_of_others_read_what_was_written() -> Result<()> {
    let lab = Lab::builder(DATABASE).postgres(18).kafka().clickhouse();
    let lab = lab.start()?;
    lab.postgres()
        .query("postgres", &format!("create database {DATABASE}"))?;
    table::create(&lab, DATABASE)?;
    table::insert(&lab, DATABASE, 1, SNAPSHOT)?;
    let worker = Worker::start(&lab, "worker", DATABASE, true)?;
    follow(&lab, &worker, "schemas", true)?;
    follow(&lab, &worker, "plain", false)?;
    change(&lab)?;

    let operations = connect_reads(&lab)?;
    console_reads(&lab, &operations)?;
    clickhouse::reads(&lab)
}

/// Starts a connector named `name`, and waits until its snapshot is in Kafka.
fn follow(lab: &Lab, worker: &Worker, name: &str, schemas: bool) -> Result<()> {
    let schemas = schemas.to_string();
    let options = [
        ("time.precision.mode", "connect"),
        (
            "key.converter",
            "org.apache.kafka.connect.json.JsonConverter",
        ),
        ("key.converter.schemas.enable", &schemas),
        (
            "value.converter",
            "org.apache.kafka.connect.json.JsonConverter",
        ),
        ("value.converter.schemas.enable", &schemas),
    ];
    worker.put(name, &connector(lab, DATABASE, name, &options))?;
    worker.wait_state(name, "RUNNING")?;
    let mut topic = Topic::open(&lab.kafka().bootstrap, &topic(name))?;
    topic.read(SNAPSHOT, QUIET).map(drop)
}

fn topic(name: &str) -> String {
    format!("{name}.public.kinds")
}

/// Changes of each kind, as [`COUNTS`] has them.
fn change(lab: &Lab) -> Result<()> {
    table::insert(lab, DATABASE, 21, 120)?;
    for sql in [
        "update kinds set words = 'now ' || id, amount = -amount, tags = null where id % 10 = 3",
        "update kinds set id = id + 1000 where id in (5, 55)",
        "delete from kinds where id % 10 = 7",
    ] {
        lab.postgres().query(DATABASE, sql)?;
    }
    Ok(())
}

/// Kafka Connect's converter finds every schema block sound, and the rows as PostgreSQL has them. Gives
/// the operations with their keys, in order.
fn connect_reads(lab: &Lab) -> Result<Vec<(String, String)>> {
    let mut witness = lab.kafka().java()?;
    let count = COUNTS.iter().map(|(_, count)| count).sum::<usize>();
    witness.arg(WITNESS).args([
        &lab.kafka().bootstrap,
        &topic("schemas"),
        &count.to_string(),
    ]);
    let (mut rows, mut operations) = (BTreeMap::new(), Vec::new());
    for line in run(witness)?.lines() {
        let record: Decoded = serde_json::from_str(line).with_context(|| format!("read {line}"))?;
        ensure!(record.same, "Kafka Connect encodes it otherwise: {line}");
        let id = record.key.get("id").cloned().flatten().context("no id")?;
        if let Some(after) = &record.after {
            ensure!(
                after.get("id") == Some(&Some(id.clone())),
                "another key: {line}"
            );
        }
        operations.push((record.op.clone(), id.clone()));
        apply(&mut rows, &id, record)?;
    }
    assert_eq!(counted(&operations), BTreeMap::from(COUNTS));
    assert_eq!(rows, table::rows(lab, DATABASE)?);
    Ok(operations)
}

/// Does to `rows` what a record says was done. What it says was before must have been there.
fn apply(rows: &mut BTreeMap<String, Row>, id: &str, record: Decoded) -> Result<()> {
    let before = rows.remove(id);
    if record.op.is_empty() {
        ensure!(
            before.is_none(),
            "a tombstone for {id}, which was not deleted"
        );
        return Ok(());
    }
    ensure!(
        before == record.before,
        "before {id}: {before:?}, not {:?}",
        record.before
    );
    for column in COLUMNS {
        let schema = record.schemas.get(column.name).map(String::as_str);
        ensure!(schema == Some(column.schema), "{}: {schema:?}", column.name);
    }
    rows.extend(record.after.map(|after| (id.to_owned(), after)));
    Ok(())
}

/// The console consumer prints the records without schemas: the same operations in the same order.
fn console_reads(lab: &Lab, operations: &[(String, String)]) -> Result<()> {
    let mut console = lab.kafka().java()?;
    console
        .arg("org.apache.kafka.tools.consumer.ConsoleConsumer")
        .args(["--bootstrap-server", &lab.kafka().bootstrap])
        .args(["--topic", &topic("plain"), "--from-beginning"])
        .args(["--isolation-level", "read_committed"])
        .args(["--property", "print.key=true"])
        .args(["--max-messages", &operations.len().to_string()])
        .args(["--timeout-ms", "30000"]);
    let printed = run(console)?;
    let mut read = Vec::new();
    for line in printed.lines() {
        let (key, value) = line
            .split_once('\t')
            .with_context(|| format!("no key: {line}"))?;
        let (key, value): (Value, Value) =
            (serde_json::from_str(key)?, serde_json::from_str(value)?);
        let operation = value["op"].as_str().unwrap_or_default().to_owned();
        read.push((operation, key["id"].to_string()));
    }
    assert_eq!(read, operations);
    Ok(())
}

fn counted(operations: &[(String, String)]) -> BTreeMap<&str, usize> {
    let mut counts = BTreeMap::new();
    for (operation, _) in operations {
        *counts.entry(operation.as_str()).or_default() += 1;
    }
    counts
}
