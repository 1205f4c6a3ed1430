//! `walcast check` says what a connector lacks, with the cure.

use std::fs;
use std::process::Command;

use anyhow::{Result, ensure};
use serde_json::json;
use walcast_lab::Lab;
use walcast_tests::binary;
use walcast_tests::worker::connector;

/// What the check prints for a connector whose login is `clerk`.
fn check(lab: &Lab, extra: &[(&str, &str)]) -> Result<String> {
    let mut config = connector(lab, "check", "check", extra);
    config["name"] = json!("check");
    config["database.user"] = json!("clerk");
    config["database.password"] = json!("clerk");
    config["signal.data.collection"] = json!("public.signals");
    let file = lab.dir().join("connector.json");
    fs::write(&file, config.to_string())?;
    let ran = Command::new(binary::walcast()?)
        .args(["check", "--config"])
        .arg(&file)
        .output()?;
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    Ok(text(&ran.stdout) + &text(&ran.stderr))
}

#[test]
fn the_right_to_write_watermarks_is_looked_at() -> Result<()> {
    let lab = Lab::builder("check").postgres(15).start()?;
    let query = |database: &str, sql: &str| lab.postgres().query(database, sql);
    query("postgres", "create database \"check\"")?;
    query(
        "check",
        "create role clerk login replication; create table t(id int primary key)",
    )?;
    let says = |sql: &str, extra: &[(&str, &str)], expected: &str| -> Result<()> {
        query("check", sql)?;
        let told = check(&lab, extra)?;
        ensure!(told.contains(expected), "no line {expected:?} in:\n{told}");
        Ok(())
    };
    says(
        "",
        &[],
        "warn  signal.data.collection \"public\".\"signals\" does not exist",
    )?;
    let table = "create table signals(id varchar(64) primary key, type varchar(32), data text)";
    says(table, &[], "GRANT INSERT ON \"public\".\"signals\"")?;
    says("select 1", &[("read.only", "true")], "ok    signal table")?;
    says(
        "grant insert on signals to clerk",
        &[],
        "ok    the login may write watermarks",
    )?;
    let delete = (
        "incremental.snapshot.watermarking.strategy",
        "insert_delete",
    );
    says("select 1", &[delete], "GRANT INSERT, DELETE ON")?;
    says("select 1", &[], "ok    a large backlog can be read by SQL")?;
    let revoke = "revoke execute on function pg_replication_slot_advance(name, pg_lsn) from public";
    let cannot = "warn  a large backlog will be streamed: the login may not read it by SQL: no EXECUTE on pg_replication_slot_advance";
    says(revoke, &[], cannot)
}
