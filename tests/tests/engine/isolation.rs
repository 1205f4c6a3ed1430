//! One connector's failure or slowness never touches another's; failures by policy.

use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use serde_json::{Value, json};
use walcast_lab::{Lab, wait_for};
use walcast_tests::SOON;
use walcast_tests::topic::Topic;
use walcast_tests::worker::{Worker, connector};

use super::{arrived, insert, lab};

/// Changes whose way is measured, one after the other.
const MEASURED: i64 = 40;

/// How much slower the median may become beside connectors in trouble: noise of a shared machine, and
/// far less than any of the timeouts that they run into.
const SLOWER_MAX: Duration = Duration::from_millis(150);

/// Inserts rows one by one and waits for each in Kafka; the median time.
fn median(lab: &Lab, records: &mut Topic, ids: std::ops::Range<i64>) -> Result<Duration> {
    let mut times = Vec::new();
    for id in ids {
        let begun = Instant::now();
        lab.postgres()
            .query("good", &format!("insert into t values ({id}, 'x')"))?;
        let all = records.read_until(Duration::ZERO, |record| {
            record.value["after"]["id"] == json!(id)
        })?;
        times.push(begun.elapsed());
        let last = all.last().context("no record came")?;
        anyhow::ensure!(last.value["after"]["id"] == json!(id), "{id} did not come");
    }
    times.sort();
    times.get(times.len() / 2).copied().context("no times")
}

/// A database `name` with `public.t` on the PostgreSQL of `version`.
fn database(lab: &Lab, version: u8, name: &str) -> Result<()> {
    let server = lab.postgres_version(version);
    server.query("postgres", &format!("create database {name}"))?;
    server.query(name, "create table t(id bigint primary key, v text)")?;
    Ok(())
}

/// A connector for a database of the PostgreSQL of `version`.
fn on(lab: &Lab, version: u8, name: &str, extra: &[(&str, &str)]) -> Value {
    let mut config = connector(lab, name, name, extra);
    config["database.port"] = json!(lab.postgres_version(version).port.to_string());
    config
}

/// A transform that refuses every record.
const REFUSES: [(&str, &str); 3] = [
    ("transforms", "t"),
    (
        "transforms.t.type",
        "org.apache.kafka.connect.transforms.ExtractField$Value",
    ),
    ("transforms.t.field", "missing"),
];

#[test]
fn a_frozen_database_and_a_failing_transform_touch_no_other_connector() -> Result<()> {
    let lab = Lab::builder("apart")
        .postgres(18)
        .postgres(15)
        .kafka()
        .start()?;
    for (version, name) in [(18, "good"), (18, "refused"), (15, "frozen")] {
        database(&lab, version, name)?;
    }
    let worker = Worker::start(&lab, "worker", "apart", false)?;
    worker.put("good", &on(&lab, 18, "good", &[]))?;
    worker.put(
        "frozen",
        &on(
            &lab,
            15,
            "frozen",
            &[("walcast.watchdog.timeout.ms", "3000")],
        ),
    )?;
    worker.wait_state("good", "RUNNING")?;
    worker.wait_state("frozen", "RUNNING")?;
    insert(&lab, "good", 0..1, 1)?;
    let mut records = Topic::open(&lab.kafka().bootstrap, "good.public.t")?;
    median(&lab, &mut records, 1..11)?;
    let alone = median(&lab, &mut records, 100..100 + MEASURED)?;

    worker.put("refused", &on(&lab, 18, "refused", &REFUSES))?;
    worker.wait_state("refused", "RUNNING")?;
    insert(&lab, "refused", 0..10, 1)?;
    let trace = worker.wait_state("refused", "FAILED")?;
    anyhow::ensure!(trace.contains("transform t"), "{trace}");
    lab.postgres_version(15).pause()?;
    let beside = median(&lab, &mut records, 200..200 + MEASURED)?;
    let found = wait_for("the watchdog to find the frozen stream", SOON, || {
        let health: Value = serde_json::from_str(&worker.rest("GET", "/health", None)?.ok()?)?;
        Ok(health["stalled"]["frozen"].as_str().map(str::to_owned))
    });
    lab.postgres_version(15).resume()?;
    anyhow::ensure!(found?.contains("the server has sent nothing"), "words");
    anyhow::ensure!(
        beside < alone + SLOWER_MAX,
        "the median went from {alone:?} to {beside:?}"
    );

    worker.wait_state("good", "RUNNING")?;
    let sql = "insert into t select i, 'v' from generate_series(0, 99) i";
    lab.postgres_version(15).query("frozen", sql)?;
    arrived(&lab, "frozen", 0..100).map(drop)
}

#[test]
fn what_a_transform_refuses_is_left_out_where_that_is_tolerated() -> Result<()> {
    let lab = lab("tolerant", 18)?;
    let worker = Worker::start(&lab, "worker", "tolerant", false)?;
    // Only rows with v = 'odd' become something that the cast refuses.
    let extra = [
        ("errors.tolerance", "all"),
        ("errors.log.enable", "true"),
        ("transforms", "unwrap,cast"),
        (
            "transforms.unwrap.type",
            "io.debezium.transforms.ExtractNewRecordState",
        ),
        (
            "transforms.cast.type",
            "org.apache.kafka.connect.transforms.Cast$Value",
        ),
        ("transforms.cast.spec", "v:int32"),
    ];
    worker.put("tolerant", &connector(&lab, "tolerant", "tolerant", &extra))?;
    worker.wait_state("tolerant", "RUNNING")?;
    let sql = "insert into t values (1, '10'), (2, 'odd'), (3, '30')";
    lab.postgres().query("tolerant", sql)?;
    let mut records = Topic::open(&lab.kafka().bootstrap, "tolerant.public.t")?;
    let came = records.read(2, super::QUIET)?;
    let ids: Vec<_> = came
        .iter()
        .map(|record| record.value["id"].clone())
        .collect();
    anyhow::ensure!(ids == [1, 3], "{ids:?}");
    let metrics = worker.rest("GET", "/metrics", None)?.ok()?;
    let counted = "walcast_cdc_records_skipped_total{topic=\"tolerant.public.t\"} 1";
    anyhow::ensure!(metrics.contains(counted), "{metrics}");
    worker.wait_state("tolerant", "RUNNING").map(drop)
}

#[test]
fn a_failed_task_is_started_again_as_often_as_its_policy_says() -> Result<()> {
    let lab = lab("policy", 18)?;
    let worker = Worker::start(&lab, "worker", "policy", false)?;
    let mut extra = REFUSES.to_vec();
    extra.extend([
        ("walcast.task.restart.max.attempts", "2"),
        ("walcast.task.restart.delay.initial.ms", "200"),
    ]);
    insert(&lab, "policy", 0..1, 1)?;
    worker.put("policy", &connector(&lab, "policy", "policy", &extra))?;
    let status = wait_for("the restarts to be used up", SOON, || {
        let Ok(status) = worker.status("policy") else {
            return Ok(None);
        };
        let task = &status["tasks"][0];
        let trace = task["trace"].as_str().unwrap_or_default();
        let over = task["state"] == "FAILED" && !trace.contains("is started again");
        Ok(over.then(|| status.clone()))
    })?;
    anyhow::ensure!(status["tasks"][0]["walcast_restarts"] == 2, "{status}");
    let metrics = worker.rest("GET", "/metrics", None)?.ok()?;
    let counted = "walcast_connect_task_restarts_total{connector=\"policy\"} 2";
    anyhow::ensure!(metrics.contains(counted), "{metrics}");
    Ok(())
}
