//! The WAL guard, and what a connector finds when it comes back: on servers of the tests' own.

use std::io::Write;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use serde_json::Value;
use walcast_lab::{Lab, http, wait_for};
use walcast_tests::SOON;
use walcast_tests::topic::Topic;
use walcast_tests::worker::{Worker, connector};

use super::{QUIET, arrived, insert, lab};

/// One field of the connector's slot; `None` when there is no such slot.
fn slot(lab: &Lab, name: &str, field: &str) -> Result<Option<String>> {
    let sql = format!(
        "select coalesce(({field})::text, '') from pg_replication_slots where slot_name = '{name}'"
    );
    let rows = lab.postgres().query(name, &sql)?;
    Ok(rows.first().and_then(|row| row.first()?.clone()))
}

/// Writes `mib` MiB of WAL in another database.
fn write_wal(lab: &Lab, mib: usize) -> Result<()> {
    for _ in 0..mib {
        let sql = "select pg_logical_emit_message(false, 'wal', repeat('x', 1048576))";
        lab.postgres().query("postgres", sql)?;
    }
    lab.postgres()
        .query("postgres", "select pg_switch_wal()")
        .map(drop)
}

fn set(lab: &Lab, setting: &str) -> Result<()> {
    let alter = format!("alter system set {setting}");
    lab.postgres().query("postgres", &alter)?;
    lab.postgres()
        .query("postgres", "select pg_reload_conf()")
        .map(drop)
}

/// Starts a connector on an empty table and waits until the slot is read.
fn streams(lab: &Lab, worker: &Worker, name: &str, extra: &[(&str, &str)]) -> Result<()> {
    worker.put(name, &connector(lab, name, name, extra))?;
    worker.wait_state(name, "RUNNING")?;
    wait_for("the slot to be read", SOON, || {
        Ok(slot(lab, name, "active")?.filter(|active| active == "true"))
    })
    .map(drop)
}

fn stop(lab: &Lab, worker: &Worker, name: &str) -> Result<()> {
    let path = format!("/connectors/{name}/stop");
    worker.rest("PUT", &path, None)?.ok()?;
    wait_for("the slot to be left", SOON, || {
        let active = slot(lab, name, "active")?;
        Ok((active.as_deref() != Some("true")).then_some(()))
    })
}

fn resume(worker: &Worker, name: &str) -> Result<()> {
    let path = format!("/connectors/{name}/resume");
    worker.rest("PUT", &path, None)?.ok().map(drop)
}

/// Starts it again with a new snapshot, and sees rows from before and after.
fn read_anew(lab: &Lab, worker: &Worker, name: &str, extra: &[(&str, &str)]) -> Result<()> {
    let needed = [&[("snapshot.mode", "when_needed")], extra].concat();
    worker.put(name, &connector(lab, name, name, &needed))?;
    resume(worker, name)?;
    wait_for("the new slot to be read", SOON, || {
        Ok(slot(lab, name, "active")?.filter(|active| active == "true"))
    })?;
    insert(lab, name, 20..30, 10)?;
    arrived(lab, name, 0..30).map(drop)
}

/// A value of the worker's metrics.
fn metric(worker: &Worker, series: &str) -> Result<f64> {
    wait_for(series, SOON, || {
        let text = http::get(&format!("{}/metrics", worker.url()))?.ok()?;
        let line = text.lines().find_map(|line| line.strip_prefix(series));
        Ok(line.and_then(|value| value.trim().parse().ok()))
    })
}

#[test]
fn a_lost_slot_is_refused_or_read_anew() -> Result<()> {
    let lab = lab("lost", 18)?;
    let worker = Worker::start(&lab, "worker", "lost", true)?;
    streams(&lab, &worker, "lost", &[])?;
    insert(&lab, "lost", 0..10, 10)?;
    arrived(&lab, "lost", 0..10)?;
    stop(&lab, &worker, "lost")?;
    insert(&lab, "lost", 10..20, 10)?;
    set(&lab, "max_slot_wal_keep_size = '16MB'")?;
    write_wal(&lab, 96)?;
    wait_for("the slot to be lost", SOON, || {
        lab.postgres().query("postgres", "checkpoint")?;
        Ok(slot(&lab, "lost", "wal_status")?.filter(|status| status == "lost"))
    })?;
    resume(&worker, "lost")?;
    let trace = worker.wait_state("lost", "FAILED")?;
    for words in [
        "no longer available",
        "max_slot_wal_keep_size",
        "snapshot.mode=when_needed",
    ] {
        assert!(trace.contains(words), "{trace}");
    }
    set(&lab, "max_slot_wal_keep_size = '-1'")?;
    read_anew(&lab, &worker, "lost", &[])
}

#[test]
fn an_invalidated_slot_is_refused_or_read_anew() -> Result<()> {
    let lab = lab("invalid", 18)?;
    let worker = Worker::start(&lab, "worker", "invalid", false)?;
    streams(&lab, &worker, "invalid", &[])?;
    insert(&lab, "invalid", 0..20, 10)?;
    arrived(&lab, "invalid", 0..20)?;
    stop(&lab, &worker, "invalid")?;
    set(&lab, "idle_replication_slot_timeout = '1s'")?;
    wait_for("the slot to be invalidated", SOON, || {
        lab.postgres().query("postgres", "checkpoint")?;
        Ok(slot(&lab, "invalid", "invalidation_reason")?.filter(|reason| !reason.is_empty()))
    })?;
    set(&lab, "idle_replication_slot_timeout = '0'")?;
    resume(&worker, "invalid")?;
    let trace = worker.wait_state("invalid", "FAILED")?;
    for words in ["idle_replication_slot_timeout", "snapshot.mode=when_needed"] {
        assert!(trace.contains(words), "{trace}");
    }
    read_anew(&lab, &worker, "invalid", &[])
}

/// A prepared transaction keeps the slot where it is, however fast the connector reads.
fn breach(lab: &Lab, worker: &Worker, name: &str, policy: &str) -> Result<String> {
    let guarded = [
        ("walcast.wal.guard.interval.ms", "100"),
        ("walcast.wal.guard.max.bytes", "16000000"),
        ("walcast.wal.guard.policy", policy),
    ];
    streams(lab, worker, name, &guarded)?;
    insert(lab, name, 0..20, 10)?;
    arrived(lab, name, 0..20)?;
    let held = metric(
        worker,
        &format!("walcast_cdc_slot_retained_bytes{{connector=\"{name}\"}}"),
    )?;
    assert!(held < 16e6, "{held}");
    let state = format!("walcast_cdc_slot_wal_status{{connector=\"{name}\",state=\"reserved\"}}");
    assert_eq!(metric(worker, &state)?, 1.0);
    let prepare = "begin; insert into t values (-1, 'held'); prepare transaction 'holds'";
    lab.postgres().query(name, prepare)?;
    write_wal(lab, 32)?;
    let trace = worker.wait_state(name, "FAILED")?;
    lab.postgres().query(name, "rollback prepared 'holds'")?;
    let named = [
        "retains",
        "walcast.wal.guard.max.bytes",
        "walcast.wal.guard.policy",
    ];
    for words in named {
        assert!(trace.contains(words), "{trace}");
    }
    Ok(trace)
}

#[test]
fn the_policy_fails_the_task() -> Result<()> {
    let lab = lab("guardfail", 18)?;
    let worker = Worker::start(&lab, "worker", "guardfail", false)?;
    let trace = breach(&lab, &worker, "guardfail", "fail")?;
    assert!(trace.contains("pg_drop_replication_slot"), "{trace}");
    assert!(
        slot(&lab, "guardfail", "active")?.is_some(),
        "the slot stays"
    );
    // With what held it gone, it goes on from the checkpoint.
    worker
        .rest("POST", "/connectors/guardfail/tasks/0/restart", None)?
        .ok()?;
    insert(&lab, "guardfail", 20..30, 10)?;
    arrived(&lab, "guardfail", 0..30).map(drop)
}

#[test]
fn the_policy_drops_the_slot() -> Result<()> {
    let lab = lab("guarddrop", 15)?;
    let worker = Worker::start(&lab, "worker", "guarddrop", true)?;
    let trace = breach(&lab, &worker, "guarddrop", "drop.slot")?;
    for words in ["changes after", "are lost", "snapshot.mode=when_needed"] {
        assert!(trace.contains(words), "{trace}");
    }
    assert_eq!(slot(&lab, "guarddrop", "active")?, None, "the slot went");
    read_anew(&lab, &worker, "guarddrop", &[])
}

#[test]
fn heartbeat_messages_move_the_slot_and_are_not_published() -> Result<()> {
    let lab = lab("beat", 18)?;
    let worker = Worker::start(&lab, "worker", "beat", false)?;
    let often = [("walcast.heartbeat.message.interval.ms", "50")];
    streams(&lab, &worker, "beat", &often)?;
    let emit = |prefix: &str| {
        let sql = format!("select pg_logical_emit_message(false, '{prefix}', 'x')");
        lab.postgres().query("beat", &sql)
    };
    emit("before")?;
    let at = slot(&lab, "beat", "pg_current_wal_lsn()")?.context("a slot")?;
    wait_for("the slot to pass its own messages", SOON, || {
        let passed = slot(&lab, "beat", &format!("confirmed_flush_lsn > '{at}'"))?;
        Ok(passed.filter(|passed| passed == "true"))
    })?;
    emit("after")?;
    let mut topic = Topic::open(&lab.kafka().bootstrap, "beat.message")?;
    let records = topic.read(2, QUIET)?;
    let prefixes: Vec<_> = records
        .iter()
        .map(|record| record.value["message"]["prefix"].as_str())
        .collect();
    assert_eq!(prefixes, [Some("before"), Some("after")]);
    Ok(())
}

#[test]
fn another_server_is_refused_or_read_anew() -> Result<()> {
    let lab = Lab::builder("moved")
        .postgres(18)
        .postgres(15)
        .kafka()
        .start()?;
    for version in [18, 15] {
        let server = lab.postgres_version(version);
        server.query("postgres", "create database moved")?;
        server.query("moved", "create table t(id bigint primary key, v text)")?;
    }
    let worker = Worker::start(&lab, "worker", "moved", true)?;
    streams(&lab, &worker, "moved", &[("slot.failover", "true")])?;
    assert_eq!(slot(&lab, "moved", "failover")?.as_deref(), Some("true"));
    insert(&lab, "moved", 0..10, 10)?;
    arrived(&lab, "moved", 0..10)?;
    stop(&lab, &worker, "moved")?;

    // The other one has written more, so that LSNs alone tell nothing.
    let other = lab.postgres_version(15);
    let fill = "insert into t select i, 'x' from generate_series(10, 19) i; \
                select pg_logical_emit_message(false, 'wal', repeat('x', 100000000))";
    other.query("moved", fill)?;
    other.query(
        "moved",
        "select pg_create_logical_replication_slot('moved', 'pgoutput')",
    )?;
    let port = other.port.to_string();
    let there = [
        ("database.port", &*port),
        ("slot.failover", "true"),
        ("offset.mismatch.strategy", "trust_slot"),
    ];
    worker.put("moved", &connector(&lab, "moved", "moved", &there))?;
    resume(&worker, "moved")?;
    let trace = worker.wait_state("moved", "FAILED")?;
    for words in [
        "database system",
        "walcast.accept.system.id=",
        "when_needed",
    ] {
        assert!(trace.contains(words), "{trace}");
    }
    let needed = [&[("snapshot.mode", "when_needed")], &there[..]].concat();
    worker.put("moved", &connector(&lab, "moved", "moved", &needed))?;
    arrived(&lab, "moved", 0..20).map(drop)
}

#[test]
fn a_slot_that_is_read_is_waited_for() -> Result<()> {
    let lab = lab("inuse", 18)?;
    let worker = Worker::start(&lab, "worker", "inuse", false)?;
    streams(&lab, &worker, "inuse", &[])?;
    let second = |retries| {
        let mut config = connector(&lab, "inuse", "second", &[("slot.name", "inuse")]);
        config["errors.max.retries"] = Value::from("0");
        config["slot.max.retries"] = Value::from(retries);
        config["slot.retry.delay.ms"] = Value::from("1000");
        config
    };
    worker.put("second", &second("0"))?;
    let trace = worker.wait_state("second", "FAILED")?;
    for words in [
        "is active for pid",
        "walcast inuse",
        "choose another slot.name",
    ] {
        assert!(trace.contains(words), "{trace}");
    }
    worker.put("second", &second("60"))?;
    worker.rest("DELETE", "/connectors/inuse", None)?.ok()?;
    wait_for("the second to read the slot", SOON, || {
        let sql = "select application_name from pg_stat_activity a join pg_replication_slots s on s.active_pid = a.pid";
        let rows = lab.postgres().query("inuse", sql)?;
        let reader = rows.first().and_then(|row| row.first()?.clone());
        Ok(reader.filter(|reader| reader == "walcast second of inuse"))
    })
    .map(drop)
}

/// Bytes of WAL that the server keeps for the slot.
fn retained(lab: &Lab, name: &str) -> Result<u64> {
    let bytes = slot(lab, name, "pg_current_wal_lsn() - restart_lsn")?;
    bytes
        .context("the slot is gone")?
        .parse()
        .context("a number of bytes")
}

const PINNED_MAX: u64 = 64 << 20;

/// A captured database without changes beside one that writes 2 MB a second or more.
fn idle_beside_a_busy_one(name: &str, exactly_once: bool) -> Result<(Lab, Worker)> {
    let lab = lab(name, 18)?;
    let worker = Worker::start(&lab, "worker", name, exactly_once)?;
    streams(&lab, &worker, name, &[])?;
    lab.postgres()
        .query("postgres", "create table busy(a text)")?;
    let wide = "insert into busy select string_agg(md5(random()::text), '') from generate_series(1, 320000) i group by i % 10000";
    let begun = lsn_bytes(&lab)?;
    while lsn_bytes(&lab)? - begun < 128 << 20 {
        lab.postgres().query("postgres", wide)?;
        lab.postgres().query("postgres", "select pg_switch_wal()")?;
    }
    Ok((lab, worker))
}

fn lsn_bytes(lab: &Lab) -> Result<u64> {
    let rows = lab
        .postgres()
        .query("postgres", "select pg_current_wal_lsn() - '0/0'")?;
    let text = rows.first().and_then(|row| row.first()?.clone());
    text.context("an LSN")?.parse().context("a number of bytes")
}

/// 20 KB of WAL that no compression makes less.
fn neighbour_writes(lab: &Lab) -> Result<()> {
    let sql = "insert into busy select string_agg(md5(random()::text), '') from generate_series(1, 640) i group by i % 20";
    lab.postgres().query("postgres", sql).map(drop)
}

fn ensure_idle_pins_nothing(name: &str, exactly_once: bool) -> Result<()> {
    let (lab, _worker) = idle_beside_a_busy_one(name, exactly_once)?;
    wait_for("the idle slot to let go of the WAL", SOON * 2, || {
        neighbour_writes(&lab)?;
        Ok((retained(&lab, name)? < PINNED_MAX).then_some(()))
    })
}

#[test]
fn an_idle_database_beside_a_busy_one_pins_no_wal() -> Result<()> {
    ensure_idle_pins_nothing("idlealo", false)
}

#[test]
fn an_idle_database_beside_a_busy_one_pins_no_wal_exactly_once() -> Result<()> {
    ensure_idle_pins_nothing("idleeos", true)
}

/// The long form: prints the most that was retained.
#[test]
#[ignore = "takes ten minutes"]
fn ten_minutes_beside_a_busy_database() -> Result<()> {
    let (lab, _worker) = idle_beside_a_busy_one("idlelong", false)?;
    let (begun, from) = (Instant::now(), lsn_bytes(&lab)?);
    let (mut most, mut low) = (0, begun);
    // Behind a checkpoint whole pages are written, many times as much: so it is not the height that
    // counts, but that it always comes down again.
    wait_for("ten minutes to pass", Duration::from_secs(660), || {
        neighbour_writes(&lab)?;
        let now = retained(&lab, "idlelong")?;
        most = most.max(now);
        if now < PINNED_MAX {
            low = Instant::now();
        }
        ensure!(low.elapsed() < SOON * 2, "{now} bytes are pinned");
        Ok((begun.elapsed() > Duration::from_secs(600)).then_some(()))
    })?;
    let written = lsn_bytes(&lab)? - from;
    writeln!(
        std::io::stdout(),
        "written {written} bytes, retained at most {most}"
    )?;
    Ok(())
}
