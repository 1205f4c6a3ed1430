//! The slot hears of progress, also when nothing captured happens.

use anyhow::{Context, Result};
use walcast_lab::{Lab, wait_for};
use walcast_tests::SOON;
use walcast_tests::worker::{Worker, connector};

use super::lab;

/// Bytes of WAL that the slot has not confirmed.
fn behind(lab: &Lab, slot: &str) -> Result<i64> {
    let sql = format!(
        "select pg_current_wal_lsn() - confirmed_flush_lsn from pg_replication_slots where slot_name = '{slot}'"
    );
    let rows = lab.postgres().query(slot, &sql)?;
    let text = rows
        .first()
        .and_then(|row| row.first()?.clone())
        .context("the slot is gone")?;
    text.parse().context("a number of bytes")
}

#[test]
fn an_idle_table_beside_a_busy_database_pins_no_wal() -> Result<()> {
    let lab = lab("idle", 18)?;
    let worker = Worker::start(&lab, "worker", "idle", true)?;
    worker.put("idle", &connector(&lab, "idle", "idle", &[]))?;
    worker.wait_state("idle", "RUNNING")?;
    lab.postgres()
        .query("postgres", "create table busy(a text)")?;
    for _ in 0..20 {
        let sql = "insert into busy select repeat('x', 1000) from generate_series(1, 5000)";
        lab.postgres().query("postgres", sql)?;
    }
    wait_for("the slot to follow", SOON, || {
        Ok((behind(&lab, "idle")? < 1024 * 1024).then_some(()))
    })
}

#[test]
fn a_slot_that_is_dropped_on_stop_goes() -> Result<()> {
    let lab = lab("dropped", 18)?;
    let worker = Worker::start(&lab, "worker", "dropped", false)?;
    worker.put(
        "dropped",
        &connector(&lab, "dropped", "dropped", &[("slot.drop.on.stop", "true")]),
    )?;
    worker.wait_state("dropped", "RUNNING")?;
    wait_for("the stream to open", SOON, || {
        Ok(behind(&lab, "dropped").ok())
    })?;
    worker.rest("DELETE", "/connectors/dropped", None)?.ok()?;
    wait_for("the slot to go", SOON, || {
        let rows = lab
            .postgres()
            .query("dropped", "select 1 from pg_replication_slots")?;
        Ok(rows.is_empty().then_some(()))
    })
}
