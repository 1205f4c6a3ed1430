//! The judge judged: what Debezium made passes, and one change anywhere in it fails.

use std::path::PathBuf;

use anyhow::{Context, Result, ensure};
use regex::Regex;
use serde_json::json;

use super::*;
use crate::conformance::json::{Node, parse};
use crate::conformance::kafka::Collected;

const CRUD: &str = "001-basic-crud";
const SCHEMAS: &str = "020-types-bytea-bytes";
const DOUBLES: &str = "012-types-numeric-double";

const STRICT: OwnWords = OwnWords {
    version: false,
    trace: false,
};

fn cases() -> PathBuf {
    walcast_lab::workspace_dir().join("tests/conformance/cases")
}

fn load(name: &str) -> Result<(Case, Expected)> {
    let case = Case::load(&cases().join(name))?;
    let expected = case.expected(18)?;
    Ok((case, expected))
}

/// A run that made just what is expected.
fn faithful(expected: &Expected) -> Outcome {
    Outcome {
        error: None,
        collected: Collected {
            records: expected.records.clone(),
            topics: expected.outcome.topics.clone(),
            unread: Vec::new(),
        },
        recordings: expected.outcome.recordings.clone(),
        last: expected.outcome.last.clone(),
        window: expected.outcome.window,
        left_over: Vec::new(),
    }
}

/// Asks that a run of `name` fails when `change` is made in what came of it.
fn fails(name: &str, what: &str, change: impl Fn(&mut Outcome)) -> Result<()> {
    let (case, expected) = load(name)?;
    let mut outcome = faithful(&expected);
    change(&mut outcome);
    let lines = differences(&case, &expected, &outcome, STRICT);
    ensure!(!lines.is_empty(), "{name} passes with another {what}");
    Ok(())
}

/// The same for a change in the value of one record: the first match of `pattern`.
fn value_fails(name: &str, record: usize, pattern: &str, replacement: &str) -> Result<()> {
    let regex = Regex::new(pattern)?;
    let (_, expected) = load(name)?;
    let value = expected.records[record].raw_value.clone();
    let value = value.context("a tombstone")?;
    let changed = regex.replace(&value, replacement).into_owned();
    ensure!(
        changed != value,
        "{pattern} is not in record {record} of {name}"
    );
    fails(name, pattern, |outcome| {
        outcome.collected.records[record].raw_value = Some(changed.clone());
    })
}

#[test]
fn what_debezium_made_passes() -> Result<()> {
    // Of a large case only a hash is kept.
    let cases = Case::all(&cases())?.into_iter();
    for case in cases.filter(|case| !case.options.digest) {
        let expected = case.expected(18)?;
        let lines = differences(&case, &expected, &faithful(&expected), STRICT);
        assert_eq!(lines, Vec::<String>::new(), "{}", case.id);
    }
    Ok(())
}

#[test]
fn another_run_of_the_same_passes() -> Result<()> {
    let (case, expected) = load(CRUD)?;
    let mut outcome = faithful(&expected);
    let hour_ms = 3_600_000;
    outcome.window = outcome.window.map(|time| time + hour_ms);
    // A UUID version 7 of the run's first millisecond.
    let time = format!("{:012x}", outcome.window[0]);
    let run_id = format!("{}-{}-7000-8000-000000000000", &time[..8], &time[8..]);
    let numbers = Regex::new(r#""(ts_ms|ts_us|ts_ns|lsn|txId)":(\d+)|\\"(\d+)\\""#)?;
    for record in &mut outcome.collected.records {
        record.timestamp += hour_ms;
        let later = record.raw_value.as_deref().map(|value| {
            let later = numbers.replace_all(value, |found: &regex::Captures<'_>| {
                let number = |group| {
                    found
                        .get(group)
                        .and_then(|n| n.as_str().parse::<i64>().ok())
                };
                let (name, by) = match found.get(1).map(|name| name.as_str()) {
                    Some("ts_ms") => ("ts_ms", hour_ms),
                    Some("ts_us") => ("ts_us", hour_ms * 1000),
                    Some("ts_ns") => ("ts_ns", hour_ms * 1_000_000),
                    Some(name) => (name, 1_000_000),
                    None => return format!("\\\"{}\\\"", number(3).unwrap_or(0) + 1_000_000),
                };
                format!("\"{name}\":{}", number(2).unwrap_or(0) + by)
            });
            later.into_owned()
        });
        record.raw_value = later;
        record.headers[3].1 = run_id.as_str().into();
    }
    let lines = differences(&case, &expected, &outcome, STRICT);
    assert_eq!(lines, Vec::<String>::new());
    Ok(())
}

/// All trees that differ from `node` in one place: another scalar, a field or element less, a field
/// with another name, two fields in another order.
fn mutants(node: &Node) -> Vec<Node> {
    match node {
        Node::Scalar(text) => vec![Node::Scalar(other_scalar(text))],
        Node::Array(elements) => {
            let mut all = Vec::new();
            for at in 0..elements.len() {
                let mut fewer = elements.clone();
                fewer.remove(at);
                all.push(Node::Array(fewer));
                for mutant in mutants(&elements[at]) {
                    let mut changed = elements.clone();
                    changed[at] = mutant;
                    all.push(Node::Array(changed));
                }
            }
            all
        }
        Node::Object(fields) => {
            let mut all = Vec::new();
            for at in 0..fields.len() {
                let mut fewer = fields.clone();
                fewer.remove(at);
                all.push(Node::Object(fewer));
                let mut renamed = fields.clone();
                renamed[at].0.push('_');
                all.push(Node::Object(renamed));
                if at > 0 {
                    let mut swapped = fields.clone();
                    swapped.swap(at - 1, at);
                    all.push(Node::Object(swapped));
                }
                for mutant in mutants(&fields[at].1) {
                    let mut changed = fields.clone();
                    changed[at].1 = mutant;
                    all.push(Node::Object(changed));
                }
            }
            all
        }
    }
}

/// A scalar of another type, or another text.
fn other_scalar(text: &str) -> String {
    match text {
        "null" => "0".into(),
        "true" => "false".into(),
        "false" => "null".into(),
        text => match text.strip_suffix('"') {
            Some(begin) => format!("{begin}~\""),
            None => format!("\"{text}\""),
        },
    }
}

/// Asks that every mutant of some records' keys and values fails; gives their number.
fn every_mutant_fails(name: &str, chosen: &[usize]) -> Result<usize> {
    let (case, expected) = load(name)?;
    let window = expected.outcome.window;
    let records: Vec<_> = chosen
        .iter()
        .map(|at| expected.records[*at].clone())
        .collect();
    let wanted = groups(&case, &records, window, STRICT);
    let mut count = 0;
    let mut fails = |records: &[Record], text: &str| {
        count += 1;
        let lines = compare(&wanted, &groups(&case, records, window, STRICT));
        ensure!(!lines.is_empty(), "{name} passes with {text}");
        Ok(())
    };
    for (at, record) in records.iter().enumerate() {
        let parsed = |text: &Option<String>| text.as_deref().and_then(parse);
        let mut changed = records.clone();
        for mutant in parsed(&record.raw_key).iter().flat_map(mutants) {
            changed[at].raw_key = Some(mutant.text());
            fails(&changed, &mutant.text())?;
        }
        changed[at].raw_key.clone_from(&record.raw_key);
        for mutant in parsed(&record.raw_value).iter().flat_map(mutants) {
            changed[at].raw_value = Some(mutant.text());
            fails(&changed, &mutant.text())?;
        }
    }
    Ok(count)
}

#[test]
fn one_change_of_any_field_fails() -> Result<()> {
    // A snapshot's record, an update, a delete.
    assert!(every_mutant_fails(CRUD, &[0, 4, 6])? > 300);
    Ok(())
}

#[test]
fn one_change_of_any_field_of_a_schema_fails() -> Result<()> {
    assert!(every_mutant_fails(SCHEMAS, &[0])? > 300);
    Ok(())
}

#[test]
fn the_form_of_text_is_compared() -> Result<()> {
    value_fails(CRUD, 2, "ë", r"\u00eb")?;
    value_fails(CRUD, 0, r#""op":"r""#, r#""op": "r""#)?;
    value_fails(CRUD, 0, "$", "\n")?;
    value_fails(DOUBLES, 0, r":1\.5\b", ":1.50")?;
    value_fails(DOUBLES, 0, r"1\.0E300", "1e300")
}

#[test]
fn relations_of_volatile_values_are_compared() -> Result<()> {
    value_fails(CRUD, 3, r#""ts_us":\d+"#, r#""ts_us":1700000000000000"#)?;
    value_fails(CRUD, 3, r#""ts_ns":(\d+)\d{3}"#, r#""ts_ns":${1}9999"#)?;
    value_fails(CRUD, 4, r#"\\",\\"(\d)"#, r#"\",\"9$1"#)?;
    value_fails(CRUD, 4, r#"\[\\"\d+\\""#, "[null")?;
    value_fails(CRUD, 3, r#""lsn":\d"#, r#""lsn":9"#)?;
    value_fails(CRUD, 9, r#""txId":(\d+)"#, r#""txId":${1}1"#)?;
    value_fails(CRUD, 0, "3.7.0.Final", "3.6.0.Final")?;
    fails(CRUD, "time of the run", |outcome| outcome.window[1] = 0)
}

#[test]
fn what_surrounds_a_value_is_compared() -> Result<()> {
    fails(CRUD, "header", |outcome| {
        outcome.collected.records[0].headers[1].1 = "1".into();
    })?;
    fails(CRUD, "order of headers", |outcome| {
        outcome.collected.records[0].headers.swap(0, 1);
    })?;
    fails(CRUD, "version of a run id", |outcome| {
        outcome.collected.records[0].headers[3].1 = "11111111-1111-1111-1111-111111111111".into();
    })?;
    fails(CRUD, "age of a run id", |outcome| {
        outcome.collected.records[0].headers[3].1 = "01000000-0000-7000-8000-000000000000".into();
    })?;
    fails(CRUD, "partition", |outcome| {
        outcome.collected.records[0].partition = 1;
    })?;
    fails(CRUD, "kind of timestamp", |outcome| {
        outcome.collected.records[0].timestamp_type = "LogAppendTime".into();
    })?;
    fails(CRUD, "timestamp", |outcome| {
        outcome.collected.records[0].timestamp = 0;
    })?;
    fails(CRUD, "tombstone", |outcome| {
        let records = &mut outcome.collected.records;
        for record in records
            .iter_mut()
            .filter(|record| record.raw_value.is_none())
        {
            record.raw_value = Some(String::new());
        }
    })?;
    fails(CRUD, "kind of bytes", |outcome| {
        outcome.collected.records[0].raw_key_b64 = Some("/w==".into());
    })
}

#[test]
fn number_and_order_of_records_are_compared() -> Result<()> {
    fails(CRUD, "number of records (one less)", |outcome| {
        outcome.collected.records.remove(3);
    })?;
    fails(CRUD, "number of records (one more)", |outcome| {
        let last = outcome.collected.records.last().cloned();
        outcome.collected.records.extend(last);
    })?;
    fails(CRUD, "order", |outcome| {
        outcome.collected.records.swap(0, 1);
    })?;
    fails(CRUD, "topic", |outcome| {
        outcome.collected.records[0].topic.push('x');
    })
}

#[test]
fn what_is_beside_the_records_is_compared() -> Result<()> {
    fails(CRUD, "state", |outcome| {
        outcome.last[0][1] = "PAUSED".into()
    })?;
    fails(CRUD, "trace", |outcome| {
        let connector = outcome.last[0].as_array_mut();
        connector
            .into_iter()
            .for_each(|parts| parts.push("Oh".into()));
    })?;
    fails(CRUD, "list of topics", |outcome| {
        outcome.collected.topics.insert("more".into(), 1);
    })?;
    fails(CRUD, "number of partitions", |outcome| {
        outcome
            .collected
            .topics
            .values_mut()
            .for_each(|count| *count += 1);
    })?;
    fails(CRUD, "end", |outcome| outcome.error = Some("step 1".into()))
}

#[test]
fn recordings_are_compared() -> Result<()> {
    let (case, mut expected) = load(CRUD)?;
    let answer =
        json!({"id": "get", "status": 200, "body": {"version": "1", "trace": "a", "n": [1]}});
    expected.outcome.recordings.push(answer);
    let check = |change: &dyn Fn(&mut Vec<Value>), own: OwnWords| {
        let mut outcome = faithful(&expected);
        change(&mut outcome.recordings);
        differences(&case, &expected, &outcome, own)
    };
    assert_eq!(check(&|_| {}, STRICT), Vec::<String>::new());
    let status = check(&|made| made[0]["status"] = 204.into(), STRICT);
    assert_eq!(status, ["recording[get].status: expected 200 got 204"]);
    let element = check(&|made| made[0]["body"]["n"][0] = 2.into(), STRICT);
    assert_eq!(element, ["recording[get].body.n[0]: expected 1 got 2"]);
    let missing = check(&Vec::clear, STRICT);
    assert_eq!(missing, ["recording[get]: missing (step not reached)"]);

    let own = OwnWords {
        version: true,
        trace: true,
    };
    let words = check(&|made| made[0]["body"]["trace"] = "b".into(), own);
    assert_eq!(words, Vec::<String>::new());
    let none = check(&|made| made[0]["body"]["trace"] = Value::Null, own);
    assert_eq!(none.len(), 1);
    Ok(())
}

#[test]
fn own_words_must_name_cause_and_cure() -> Result<()> {
    let (_, expected) = load(CRUD)?;
    let mut outcome = faithful(&expected);
    let names = [
        Pattern::new("slot s .* in use")?,
        Pattern::new("slot.name")?,
    ];
    assert_eq!(unnamed(&outcome, &names), Vec::<String>::new());
    let words = "slot s is in use: give another slot.name";
    outcome.last = json!([["c", "RUNNING", ["FAILED"], words]]);
    assert_eq!(unnamed(&outcome, &names), Vec::<String>::new());
    outcome.recordings = vec![json!({"body": {"tasks": [{"trace": "slot s is in use"}]}})];
    assert_eq!(
        unnamed(&outcome, &names),
        ["trace: expected words that match slot.name got slot s is in use"]
    );
    Ok(())
}

#[test]
fn a_difference_is_told_by_its_field() -> Result<()> {
    let (case, expected) = load(CRUD)?;
    let mut outcome = faithful(&expected);
    let record = &mut outcome.collected.records[3];
    record.raw_value = record
        .raw_value
        .as_ref()
        .map(|value| value.replace("Dora", "Nora"));
    let lines = differences(&case, &expected, &outcome, STRICT);
    let expected = [
        "1 differing record(s)",
        "topic ${PREFIX}.public.customers: 11 records expected, 11 got",
        "  #3 key {\"id\":4}",
        "      value.after.name: expected \"Dora\" got \"Nora\"",
    ];
    assert_eq!(lines, expected);
    Ok(())
}
