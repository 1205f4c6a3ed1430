//! ClickHouse reads the records without schemas through its own Kafka engine, into typed columns.

use std::collections::BTreeMap;

use anyhow::{Context, Result};
use walcast_lab::{Lab, wait_for};
use walcast_tests::SOON;

use super::table::{self, Row};
use super::{COUNTS, DATABASE, topic};

/// Columns with their type in ClickHouse, and how they become the text that PostgreSQL gives.
const READ: [(&str, &str, &str); 11] = [
    ("id", "Int64", "toString(after.id)"),
    ("small", "Nullable(Int16)", "toString(after.small)"),
    ("whole", "Int32", "toString(after.whole)"),
    (
        "double",
        "Nullable(Float64)",
        "lower(leftPad(hex(reinterpretAsUInt64(assumeNotNull(after.double))), 16, '0'))",
    ),
    ("flag", "Nullable(Bool)", "toString(after.flag)"),
    ("words", "Nullable(String)", "after.words"),
    (
        "day",
        "Int32",
        "toString(toDate32('1970-01-01') + after.day)",
    ),
    ("instant", "Nullable(String)", "after.instant"),
    ("who", "Nullable(UUID)", "toString(after.who)"),
    ("doc", "Nullable(String)", "after.doc"),
    (
        "mood",
        "Enum('' = 0, 'calm' = 1, 'cross' = 2)",
        "toString(after.mood)",
    ),
];

/// ClickHouse sees each record once, and the rows as PostgreSQL has them.
pub(super) fn reads(lab: &Lab) -> Result<()> {
    let clickhouse = lab.clickhouse();
    let columns: Vec<_> = READ.map(|(name, kind, _)| format!("{name} {kind}")).into();
    let row = format!("op String, after Tuple({})", columns.join(", "));
    let (bootstrap, topic) = (&lab.kafka().bootstrap, topic("plain"));
    for statement in [
        format!(
            "create table seen ({row}, position UInt64, key String) engine = MergeTree order by position"
        ),
        format!(
            "create table queue ({row}) engine = Kafka('{bootstrap}', '{topic}', 'clickhouse', 'JSONEachRow') \
             settings kafka_flush_interval_ms = 500"
        ),
        "create materialized view reader to seen \
         as select op, after, _offset as position, _key as key from queue"
            .into(),
    ] {
        clickhouse.query(&statement)?;
    }
    // A tombstone is no row.
    let mut expected = BTreeMap::from(COUNTS);
    expected.remove("");
    let rows = expected.values().sum::<usize>().to_string();
    wait_for("all records in ClickHouse", SOON, || {
        let seen = clickhouse.query("select count() from seen")?;
        Ok((seen.trim() == rows).then_some(()))
    })?;
    let counts = clickhouse.query("select op, count() from seen group by op order by op")?;
    let expected = expected.iter().map(|(op, count)| format!("{op}\t{count}"));
    assert_eq!(counts.trim(), expected.collect::<Vec<_>>().join("\n"));
    assert_eq!(last_rows(lab)?, written(lab)?);
    Ok(())
}

/// The rows that were not deleted last, by id, as ClickHouse read them.
fn last_rows(lab: &Lab) -> Result<BTreeMap<String, Row>> {
    let columns: Vec<_> = READ
        .map(|(name, _, text)| format!("{text} as {name}"))
        .into();
    let rows = lab.clickhouse().query(&format!(
        "select {} from (select argMax(op, position) as op, argMax(after, position) as after \
         from seen group by key) where op <> 'd' format JSONEachRow",
        columns.join(", ")
    ))?;
    let rows = rows.lines().map(|line| {
        let row: Row = serde_json::from_str(line).with_context(|| format!("read {line}"))?;
        let id = row
            .get("id")
            .cloned()
            .flatten()
            .context("a row without id")?;
        Ok((id, row))
    });
    rows.collect()
}

/// The same columns of the rows in PostgreSQL.
fn written(lab: &Lab) -> Result<BTreeMap<String, Row>> {
    let mut rows = table::rows(lab, DATABASE)?;
    for row in rows.values_mut() {
        row.retain(|name, _| READ.iter().any(|(read, _, _)| read == name));
    }
    Ok(rows)
}
