//! The lab on the real components: it starts, keeps its data, and leaves nothing behind.
#![allow(
    clippy::print_stderr,
    reason = "how long each step took, and what the caller tells its test"
)]

mod caller;

use std::time::Instant;

use anyhow::{Context, Result};
use walcast_lab::{Lab, Service, http};

fn all(name: &str) -> walcast_lab::Builder {
    Lab::builder(name).postgres(18).kafka().clickhouse().redis()
}

fn services(lab: &Lab) -> [&Service; 4] {
    [lab.postgres(), lab.kafka(), lab.clickhouse(), lab.redis()]
}

#[test]
fn every_component_comes_back_with_its_data_on_its_port_after_kill_9() -> Result<()> {
    let begun = Instant::now();
    let lab = all("kill9").start()?;
    eprintln!("started after {:?}", begun.elapsed());
    lab.postgres().query(
        "postgres",
        "CREATE TABLE t (a int); INSERT INTO t VALUES (7)",
    )?;
    lab.kafka().create_topic("t", 3)?;
    lab.clickhouse().query("CREATE DATABASE d")?;
    lab.clickhouse()
        .query("CREATE TABLE d.t (a Int32) ENGINE = MergeTree ORDER BY a")?;
    lab.clickhouse().query("INSERT INTO d.t VALUES (7)")?;

    for service in services(&lab) {
        let begun = Instant::now();
        let before = service.pid().context("it runs")?;
        service.kill9()?;
        assert_eq!(service.pid(), None);
        service.restart()?;
        assert_ne!(service.pid(), Some(before));
        eprintln!("{} back after {:?}", service.spec().name(), begun.elapsed());
    }
    lab.kafka().create_topic("t", 1)?;
    let rows = lab.postgres().query("postgres", "SELECT a FROM t")?;
    assert_eq!(rows, [[Some("7".to_owned())]]);
    assert_eq!(lab.clickhouse().query("SELECT a FROM d.t")?, "7\n");
    Ok(())
}

#[test]
fn a_paused_component_does_not_answer_until_it_is_resumed() -> Result<()> {
    let lab = Lab::builder("pause").postgres(15).start()?;
    let postgres = lab.postgres();
    postgres.pause()?;
    std::thread::scope(|scope| {
        let query = scope.spawn(|| postgres.query("postgres", "SELECT 1"));
        assert!(!query.is_finished());
        postgres.resume()?;
        let answer = query.join().expect("the query's thread ends");
        assert_eq!(answer?, [[Some("1".to_owned())]]);
        Ok(())
    })
}

#[test]
fn debezium_offers_its_connector() -> Result<()> {
    let lab = Lab::builder("debezium").debezium().start()?;
    let plugins = http::get(&format!("{}/connector-plugins", lab.debezium().url))?.ok()?;
    assert!(
        plugins.contains("io.debezium.connector.postgresql.PostgresConnector"),
        "{plugins}"
    );
    Ok(())
}

#[test]
fn two_labs_at_once_do_not_meet_and_stop_clean() -> Result<()> {
    let (one, two) = std::thread::scope(|scope| {
        let one = scope.spawn(|| all("pair").start());
        let two = all("pair").start();
        (one.join().expect("the other lab's thread ends"), two)
    });
    let (one, two) = (one?, two?);
    assert_ne!(one.dir(), two.dir());
    one.clickhouse().query("CREATE DATABASE only_in_one")?;
    let found = two
        .clickhouse()
        .query("SELECT count() FROM system.databases WHERE name LIKE 'only%'");
    assert_eq!(found?, "0\n");
    let dir = two.dir().to_owned();
    for service in services(&two) {
        service.stop()?;
        assert_eq!(service.pid(), None);
    }
    drop(two);
    assert!(!dir.exists(), "the folder of a lab goes with it");
    one.postgres().query("postgres", "SELECT 1")?;
    Ok(())
}
