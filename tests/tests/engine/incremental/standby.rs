//! A connector that reads a hot standby: the slot is there, what is written comes from the primary.

use anyhow::Result;
use serde_json::json;
use walcast_lab::{Lab, Postgres, wait_for};
use walcast_tests::SOON;
use walcast_tests::worker::{Worker, connector};

use super::super::{QUIET, insert, lab, new_id, topic};
use super::race::{CHUNK, ROWS, race_in};
use super::signal;

#[test]
fn an_incremental_snapshot_of_a_standby() -> Result<()> {
    let name = "incstandby";
    let (lab, _standby, worker) = started_on_standby(name, ROWS)?;
    race_in(&lab, name)?;
    worker.wait_state(name, "RUNNING").map(drop)
}

/// A standby does not say which transactions run. One that ends while a chunk is read was not seen by
/// the chunk's query, and its record, which comes first, is the newer.
#[test]
fn what_ends_while_a_chunk_of_a_standby_is_read() -> Result<()> {
    let name = "incunseen";
    let (lab, standby, _worker) = started_on_standby(name, 20)?;
    let open = "begin; update t set v = 'newer' where id = 7; prepare transaction 'open'";
    lab.postgres().query(name, open)?;
    // A younger one has ended, so the open one lies below what the query sees.
    insert(&lab, name, 20..21, 1)?;
    let slow = json!({
        "data-collections": ["public.t"],
        "type": "incremental",
        "additional-conditions": [{
            "data-collection": "public.t",
            "filter": "pg_sleep(0.2) is not null",
        }],
    });
    signal(&lab, name, "slow", "execute-snapshot", &slow)?;
    let reads = "select 1 from pg_stat_activity where state = 'active' and wait_event = 'PgSleep' \
                 and query like 'COPY%' and query not like '%DESC%'";
    wait_for("the chunk to be read", SOON, || {
        let reads = standby.query("postgres", reads)?;
        Ok((!reads.is_empty()).then_some(()))
    })?;
    lab.postgres().query(name, "commit prepared 'open'")?;
    let mut records = topic(&lab, name)?;
    let (mut snapshot, mut told) = (false, false);
    let records = records.read_until(QUIET, |record| {
        snapshot |= record.value["op"] == "r" && new_id(record) == Some(19);
        told |= record.value["op"] == "u";
        snapshot && told
    })?;
    let of_row = records.iter().filter(|record| record.key["id"] == 7);
    let values: Vec<_> = of_row
        .map(|record| record.value["after"]["v"].clone())
        .collect();
    assert_eq!(values.last(), Some(&json!("newer")), "{values:?}");
    Ok(())
}

/// A primary whose table holds `0..rows`, its standby, and a connector that reads the standby.
fn started_on_standby(name: &str, rows: i64) -> Result<(Lab, Postgres, Worker)> {
    let lab = lab(name, 18)?;
    let prepare = format!(
        "create table signals(id varchar(60) primary key, type varchar(32), data text); \
         create publication {name} for table t, signals"
    );
    lab.postgres().query(name, &prepare)?;
    insert(&lab, name, 0..rows, rows)?;
    let standby = lab.postgres().standby(&lab)?;
    let worker = Worker::start(&lab, "worker", name, false)?;
    let port = standby.port.to_string();
    let properties = [
        ("database.port", &*port),
        ("publication.autocreate.mode", "disabled"),
        ("read.only", "true"),
        ("snapshot.mode", "no_data"),
        ("signal.data.collection", "public.signals"),
        ("table.include.list", "public.t"),
        CHUNK,
    ];
    worker.put(name, &connector(&lab, name, name, &properties))?;
    wait_for_slot(&lab, &standby, name)?;
    Ok((lab, standby, worker))
}

/// Waits until the slot on the standby is read. Its making waits for the primary to write down which
/// transactions run, which it does when it is asked to.
fn wait_for_slot(lab: &Lab, standby: &Postgres, slot: &str) -> Result<()> {
    let sql = format!(
        "select 1 from pg_replication_slots where slot_name = '{slot}' and active and confirmed_flush_lsn is not null"
    );
    wait_for("the slot on the standby", SOON, || {
        lab.postgres()
            .query("postgres", "select pg_log_standby_snapshot()")?;
        let found = standby.query("postgres", &sql)?;
        Ok((!found.is_empty()).then_some(()))
    })
}
