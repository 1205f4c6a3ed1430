//! The initial snapshot and what follows it.

use anyhow::Result;
use serde_json::{Value, json};
use walcast_tests::worker::{Worker, connector};

use super::{QUIET, arrived, insert, lab, topic};

#[test]
fn rows_come_as_reads_and_changes_follow_in_order() -> Result<()> {
    let lab = lab("snap", 18)?;
    insert(&lab, "snap", 1..4, 10)?;
    let worker = Worker::start(&lab, "worker", "snap", false)?;
    worker.put("snap", &connector(&lab, "snap", "snap", &[]))?;
    worker.wait_state("snap", "RUNNING")?;
    let mut records = topic(&lab, "snap")?;
    records.read(3, QUIET)?;
    lab.postgres()
        .query("snap", "insert into t values (9, null)")?;
    lab.postgres()
        .query("snap", "update t set v = 'é' where id = 9")?;
    lab.postgres().query("snap", "delete from t where id = 9")?;
    let records = records.read(7, QUIET)?;
    let seen: Vec<(Value, Value, Value)> = records
        .iter()
        .map(|r| {
            (
                r.key["id"].clone(),
                r.value["op"].clone(),
                r.value["source"]["snapshot"].clone(),
            )
        })
        .collect();
    let expected = [
        (1, json!("r"), json!("first")),
        (2, json!("r"), json!("true")),
        (3, json!("r"), json!("last")),
        (9, json!("c"), json!("false")),
        (9, json!("u"), json!("false")),
        (9, json!("d"), json!("false")),
        (9, Value::Null, Value::Null),
    ];
    assert_eq!(
        seen,
        expected
            .map(|(id, op, mark)| (json!(id), op, mark))
            .to_vec()
    );
    assert_eq!(records[4].value["after"], json!({"id": 9, "v": "é"}));
    let names: Vec<_> = records[3].headers.keys().map(String::as_str).collect();
    assert_eq!(names.len(), 4, "{names:?}");
    Ok(())
}

#[test]
fn no_data_reads_no_rows() -> Result<()> {
    let lab = lab("nodata", 15)?;
    insert(&lab, "nodata", 1..4, 10)?;
    let worker = Worker::start(&lab, "worker", "nodata", true)?;
    worker.put(
        "nodata",
        &connector(&lab, "nodata", "nodata", &[("snapshot.mode", "no_data")]),
    )?;
    worker.wait_state("nodata", "RUNNING")?;
    insert(&lab, "nodata", 4..5, 1)?;
    let mut records = topic(&lab, "nodata")?;
    let records = records.read(1, QUIET)?;
    assert_eq!(records.len(), 1);
    assert_eq!(records[0].value["after"]["id"], 4);
    Ok(())
}

#[test]
fn a_snapshot_beside_a_slot_loses_nothing_and_leaves_no_slot_behind() -> Result<()> {
    let lab = lab("again", 18)?;
    insert(&lab, "again", 0..3, 10)?;
    let worker = Worker::start(&lab, "worker", "again", false)?;
    let always = connector(&lab, "again", "again", &[("snapshot.mode", "always")]);
    worker.put("again", &always)?;
    arrived(&lab, "again", 0..3)?;
    worker.stop()?;
    insert(&lab, "again", 3..6, 1)?;
    worker.start()?;
    worker.wait_state("again", "RUNNING")?;
    insert(&lab, "again", 6..9, 1)?;
    // The second snapshot reads the first rows again; what it reads does not come as a change, too.
    let counts = arrived(&lab, "again", 0..9)?;
    assert!(counts.range(3..).all(|(_, n)| *n == 1), "{counts:?}");
    assert_eq!(counts.get(&0), Some(&2), "{counts:?}");
    let slots = lab
        .postgres()
        .query("again", "select slot_name from pg_replication_slots")?;
    assert_eq!(slots, vec![vec![Some("again".to_owned())]]);
    Ok(())
}
