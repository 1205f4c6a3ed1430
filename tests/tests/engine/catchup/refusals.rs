//! When a backlog is streamed after all, and who may not read it at the same time.

use anyhow::{Result, ensure};
use walcast_lab::Lab;

use super::backlog::{Backlog, LAST};
use super::run::{Run, SMALL};
use super::{BEGINS, ENDS};

/// A database with a backlog and the slot `name`.
fn database<'a>(lab: &'a Lab, name: &'a str, transactions: u64) -> Result<Backlog<'a>> {
    let backlog = Backlog::new(lab, name)?;
    for part in 0..transactions {
        backlog.rows(1 + part * 2000, 2000)?;
    }
    backlog.end()?;
    backlog.slot(name)?;
    Ok(backlog)
}

/// The backlog is streamed, and the log says once why.
fn ensure_streamed(lab: &Lab, name: &str, extra: &[(&str, &str)], why: &str) -> Result<()> {
    let extra: Vec<_> = SMALL.iter().chain(extra).copied().collect();
    let run = Run::new(lab, name, name, &extra)?;
    run.service.start()?;
    run.wait_text(LAST)?;
    run.service.stop()?;
    let told = format!("the backlog is streamed: {why}");
    ensure!(run.logged(&told)? == 1, "no \"{told}\" in\n{}", run.log()?);
    let records = run.records()?.len();
    ensure!(records >= 20_000, "{records} records");
    Ok(())
}

#[test]
fn without_a_spare_slot_or_the_right_it_is_streamed() -> Result<()> {
    let lab = Lab::builder("catchupno").postgres(15).start()?;
    let backlog = database(&lab, "cn", 12)?;
    let spare = "alter system set max_replication_slots = 2";
    lab.postgres().query("postgres", spare)?;
    lab.postgres().restart()?;
    ensure_streamed(
        &lab,
        "cn",
        &[],
        "reading by SQL needs a spare replication slot",
    )?;
    lab.postgres()
        .query("postgres", "alter system reset max_replication_slots")?;
    lab.postgres().restart()?;
    backlog.sql(
        "revoke execute on function pg_copy_logical_replication_slot(name, name, bool) from public; \
         create role clerk login replication; grant select on all tables in schema public to clerk",
    )?;
    backlog.slot("cn2")?;
    let clerk = [("database.user", "clerk"), ("slot.name", "cn2")];
    let run = "the login may not read it by SQL: permission denied";
    let dir = lab.dir().join("cn");
    std::fs::remove_dir_all(dir)?;
    ensure_streamed(&lab, "cn", &clerk, run)
}

#[test]
fn an_old_transaction_that_is_decoded_again_and_again_ends_it() -> Result<()> {
    let lab = Lab::builder("catchupfar").postgres(18).start()?;
    database(&lab, "cf", 40)?;
    let few = ("walcast.catchup.distance.max.bytes", "1000000");
    ensure_streamed(&lab, "cf", &[few], "the server would decode")
}

#[test]
fn another_reader_ends_it() -> Result<()> {
    let lab = Lab::builder("catchupother").postgres(18).start()?;
    let backlog = database(&lab, "co", 300)?;
    let run = Run::new(&lab, "co", "co", &SMALL)?;
    run.service.start()?;
    run.wait_text(BEGINS)?;
    run.service.pause()?;
    // Walcast itself does not come that far.
    let second = Run::new(
        &lab,
        "co",
        "second",
        &[("slot.name", "co"), ("slot.max.retries", "0")],
    )?;
    second.service.start()?;
    second.wait_text("is active for pid")?;
    second.service.stop()?;
    backlog.sql("select pg_replication_slot_advance('co', pg_current_wal_lsn())")?;
    run.service.resume()?;
    run.wait_text("another reader has come to slot")?;
    ensure!(run.logged(ENDS)? == 0, "{}", run.log()?);
    run.service.stop()
}
