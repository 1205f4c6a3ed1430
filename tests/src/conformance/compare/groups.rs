//! Records by topic, with what a case says about each topic.

use std::collections::{BTreeMap, HashSet};

use serde_json::Value;

use super::fields::headers_text;
use crate::conformance::case_options::Options;
use crate::conformance::normalise::{Normal, Text, loose};
use crate::conformance::patterns;
use crate::conformance::python::dumps;

/// Records by topic.
pub(in super::super) type Groups = BTreeMap<String, Vec<Normal>>;

/// Groups `records` as the options of their case say.
pub(in super::super) fn group(options: &Options, records: Vec<Normal>) -> Groups {
    let records = if options.allow_duplicates {
        without_repeats(records)
    } else {
        records
    };
    let mut groups = Groups::new();
    for record in records {
        let topic = record.topic.clone();
        groups.entry(topic).or_default().push(record);
    }
    for (topic, records) in &mut groups {
        if patterns::any(&options.distinct_topics, topic) {
            let mut seen = HashSet::new();
            records.retain(|record| seen.insert(signature(record, true)));
            loosen(records);
        }
        if patterns::any(&options.loose_topics, topic) {
            loosen(records);
        }
        if patterns::any(&options.unordered_topics, topic) {
            records.sort_by_cached_key(|record| signature(record, true));
        }
    }
    groups
}

/// All of a record that is compared, as one text; without ranks if `loosely`.
pub(super) fn signature(record: &Normal, loosely: bool) -> String {
    let text = |text: &str| {
        if loosely {
            loose(text)
        } else {
            text.to_owned()
        }
    };
    let optional = |value: &Option<String>| value.as_deref().map_or(Value::Null, Value::from);
    let side = |side: &Text| {
        side.text
            .as_deref()
            .map(text)
            .map_or(Value::Null, Value::from)
    };
    dumps(&Value::from(vec![
        record.partition.into(),
        side(&record.key),
        side(&record.value),
        text(&headers_text(record)).into(),
        record.timestamp_type.as_str().into(),
        record.timestamp.clone(),
        optional(&record.key.b64),
        optional(&record.value.b64),
    ]))
}

fn loosen(records: &mut [Normal]) {
    for record in records {
        for side in [&mut record.key, &mut record.value] {
            side.text = side.text.as_deref().map(loose);
            side.tree = None;
        }
    }
}

/// Leaves the first of all records that are the same, LSN included. A tombstone has no LSN: it
/// belongs to the record before it.
fn without_repeats(records: Vec<Normal>) -> Vec<Normal> {
    let mut seen = HashSet::new();
    let mut kept: Vec<Normal> = Vec::new();
    for record in records {
        let before = match &record.value.text {
            Some(_) => None,
            None => kept.last().and_then(|last| last.value.text.clone()),
        };
        let id = (record.topic.clone(), signature(&record, false), before);
        if seen.insert(id) {
            kept.push(record);
        }
    }
    kept
}
