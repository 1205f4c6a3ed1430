//! From the backlog to the stream while nothing of it is durable yet.

use std::fs::{self, File};
use std::process::{Child, Command, Stdio};

use anyhow::{Result, ensure};
use walcast_lab::{Lab, wait_for};
use walcast_tests::{SOON, binary};

use super::ENDS;
use super::backlog::Backlog;
use super::run::{Run, SMALL};

/// Ends the process with the test.
struct Ended(Child);

impl Drop for Ended {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ended = self.0.kill().and_then(|()| self.0.wait());
    }
}

/// Nobody takes the records, so none is durable: the slot must not be told of them when the stream
/// begins behind them.
#[test]
fn a_stream_behind_what_is_not_durable_does_not_confirm_it() -> Result<()> {
    let lab = Lab::builder("catchuphandover").postgres(18).start()?;
    let backlog = Backlog::new(&lab, "ch")?;
    for part in 0..5 {
        backlog.rows(1 + part * 1000, 1000)?;
    }
    backlog.slot("ch")?;
    let confirmed = "select confirmed_flush_lsn from pg_replication_slots where slot_name = 'ch'";
    let before = backlog.figure(confirmed)?;
    // Only for its files.
    let _files = Run::new(&lab, "ch", "ch", &SMALL)?;
    let dir = lab.dir().join("ch");
    let log = dir.join("blocked.log");
    let mut command = Command::new(binary::walcast()?);
    command
        .args(["cdc", "--publish", "stdout", "--config"])
        .arg(dir.join("connector.json"))
        .arg("--offset-file")
        .arg(dir.join("offset.json"))
        .stdout(Stdio::piped())
        .stderr(File::create(&log)?);
    let _blocked = Ended(command.spawn()?);
    wait_for("the stream to begin", SOON, || {
        Ok(fs::read_to_string(&log)?.contains(ENDS).then_some(()))
    })?;
    let told = "select count(*) from pg_stat_replication where reply_time is not null";
    wait_for("the server to be told a position", SOON, || {
        Ok((backlog.figure(told)? == "1").then_some(()))
    })?;
    let after = backlog.figure(confirmed)?;
    ensure!(
        before == after,
        "the slot was moved from {before} to {after}"
    );
    Ok(())
}
