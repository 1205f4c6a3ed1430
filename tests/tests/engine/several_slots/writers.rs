//! Writers at random whose every row tells which change it is, and what a topic must say of them.

use std::sync::atomic::{AtomicBool, Ordering};

use super::super::chance::Chance;
use super::*;

/// Keys of one writer: no other touches them, so a key's versions grow in the order of commits.
pub(super) const KEYS: i64 = 1500;

/// Two tables: one with a plain key, one whose key has two columns of other types.
pub(super) const TABLES: [&str; 2] = ["t", "s"];

pub(super) fn prepare(lab: &Lab, name: &str, writers: i64) -> Result<()> {
    let rows = KEYS * writers;
    let sql = format!(
        "create table s(code varchar(20), part uuid, v text, primary key (code, part)); \
         insert into t select i, '0' from generate_series(0, {rows} - 1) i where i % 3 > 0; \
         insert into s select 'c' || i, md5(i::text)::uuid, '0' from generate_series(0, {rows} - 1) i where i % 5 = 0"
    );
    lab.postgres().query(name, &sql).map(drop)
}

/// Changes random rows of writer `number` until told to stop: some get another key, and so maybe
/// another slot.
pub(super) fn write(lab: &Lab, name: &str, number: i64, stop: &AtomicBool) -> Result<()> {
    let mut chance = Chance::new(u64::try_from(number)?);
    let mut version = 0;
    while !stop.load(Ordering::Acquire) {
        let statements: Vec<_> = (0..20)
            .map(|_| {
                version += 1;
                statement(&mut chance, number, version)
            })
            .collect();
        lab.postgres().query(name, &statements.join("; "))?;
    }
    Ok(())
}

fn statement(chance: &mut Chance, number: i64, version: i64) -> String {
    let mut key = || number * KEYS + i64::try_from(chance.below(KEYS as u64)).unwrap_or(0);
    let (id, other) = (key(), key());
    match chance.below(8) {
        0 => format!("delete from t where id = {id}"),
        1 | 2 => format!(
            "update t set id = {other}, v = '{version}' where id = {id} \
             and not exists (select from t where id = {other})"
        ),
        3 | 4 => format!("update t set v = '{version}' where id = {id}"),
        5 => format!(
            "insert into s values ('c{id}', md5('{id}')::uuid, '{version}') \
             on conflict (code, part) do update set v = excluded.v"
        ),
        6 => format!("delete from s where code = 'c{id}'"),
        _ => format!(
            "insert into t values ({id}, '{version}') on conflict (id) do update set v = excluded.v"
        ),
    }
}

/// What the table holds: its rows' versions by key, as the topic's keys have it.
fn held(lab: &Lab, name: &str, table: &str) -> Result<BTreeMap<String, String>> {
    let key = match table {
        "t" => "json_build_object('id', id)",
        _ => "json_build_object('code', code, 'part', part)",
    };
    let rows = lab
        .postgres()
        .query(name, &format!("select {key}::text, v from {table}"))?;
    let mut held = BTreeMap::new();
    for row in rows {
        if let [Some(key), Some(v)] = &row[..] {
            held.insert(serde_json::from_str::<Value>(key)?.to_string(), v.clone());
        }
    }
    Ok(held)
}

/// Writes the markers and reads the table's topic until all of them have come.
pub(super) fn all_records(lab: &Lab, name: &str, table: &str) -> Result<Vec<Record>> {
    let row = match table {
        "t" => "-i",
        _ => "'m' || i, md5(i::text)::uuid",
    };
    let sql =
        format!("insert into {table} select {row}, 'marker' from generate_series(1, {MARKERS}) i");
    lab.postgres().query(name, &sql)?;
    let mut records = Topic::open(&lab.kafka().bootstrap, &format!("{name}.public.{table}"))?;
    let mut left: std::collections::BTreeSet<String> = std::collections::BTreeSet::new();
    let all = records.read_until(QUIET, |record| {
        if record.value["after"]["v"] == "marker" {
            left.insert(record.key.to_string());
        }
        i64::try_from(left.len()).is_ok_and(|seen| seen == MARKERS)
    })?;
    Ok(all.to_vec())
}

/// The last record of each key says what the table holds.
pub(super) fn ensure_ends_as_the_table(
    lab: &Lab,
    name: &str,
    table: &str,
    records: &[Record],
) -> Result<()> {
    let mut last = BTreeMap::new();
    for record in records {
        let after = &record.value["after"]["v"];
        match after.as_str() {
            Some(v) => last.insert(record.key.to_string(), v.to_owned()),
            None => last.remove(&record.key.to_string()),
        };
    }
    let held = held(lab, name, table)?;
    let wrong: Vec<_> = (held.iter().filter(|(key, v)| last.get(*key) != Some(v)))
        .map(|(key, v)| (key, v, last.get(key)))
        .take(5)
        .collect();
    ensure!(
        wrong.is_empty(),
        "{table} differs (key, table, topic): {wrong:?}"
    );
    let extra: Vec<_> = last
        .keys()
        .filter(|key| !held.contains_key(*key))
        .take(5)
        .collect();
    ensure!(extra.is_empty(), "{table} does not have {extra:?}");
    Ok(())
}

/// The streamed versions of each key grow. What is sent again after a kill begins before where it
/// was, and brings nothing new until it is past that; exactly once there is no such thing.
pub(super) fn ensure_in_order(records: &[Record], exactly_once: bool) -> Result<()> {
    let mut keys: BTreeMap<String, Vec<&Record>> = BTreeMap::new();
    let streamed = records
        .iter()
        .filter(|record| record.value["op"] != "r" && !record.value.is_null());
    for record in streamed {
        keys.entry(record.key.to_string()).or_default().push(record);
    }
    for (key, records) in keys {
        let mut seen: Vec<i64> = Vec::new();
        let mut exists = None;
        for record in records {
            let op = record.value["op"].as_str().unwrap_or_default();
            if exactly_once {
                let possible = exists.is_none_or(|exists| exists == (op != "c"));
                ensure!(possible, "{key}: {op} of a row that exists: {exists:?}");
            }
            exists = Some(op != "d");
            let version = record.value["after"]["v"]
                .as_str()
                .and_then(|v| v.parse().ok());
            let Some(version) = version else { continue };
            let grows = seen.iter().max().is_none_or(|newest| version > *newest);
            let again = !exactly_once && seen.contains(&version);
            ensure!(grows || again, "{key}: {version} after {seen:?}");
            seen.push(version);
        }
    }
    Ok(())
}
