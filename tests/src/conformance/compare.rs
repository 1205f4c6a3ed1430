//! Compares the records of a run with those that were expected, topic by topic.
//!
//! Enters: normalised records of both. Leaves: lines that name the fields that differ; none if all is
//! equal.

mod digest;
mod fields;
mod groups;

use std::collections::BTreeSet;

use similar::{Algorithm, DiffOp, capture_diff_slices};

pub(super) use self::digest::digests;
pub(super) use self::fields::short;
use self::groups::signature;
pub(super) use self::groups::{Groups, group};
use super::normalise::Normal;

/// Records of a topic whose differences are shown.
const SHOWN_RECORDS: usize = 6;

/// Lines of a record that are shown.
const SHOWN_LINES: usize = 14;

/// A record that differs.
struct Difference {
    head: String,
    lines: Vec<String>,
}

/// What differs, as lines. Empty: nothing.
pub(super) fn compare(expected: &Groups, actual: &Groups) -> Vec<String> {
    let topics: BTreeSet<_> = expected.keys().chain(actual.keys()).collect();
    let (mut lines, mut differing) = (Vec::new(), 0);
    for topic in topics {
        let side = |groups: &'_ Groups| groups.get(topic).cloned().unwrap_or_default();
        let (expected, actual) = (side(expected), side(actual));
        let differences = topic_differences(&expected, &actual);
        if differences.is_empty() {
            continue;
        }
        differing += differences.len();
        let (want, got) = (expected.len(), actual.len());
        lines.push(format!("topic {topic}: {want} records expected, {got} got"));
        for difference in differences.iter().take(SHOWN_RECORDS) {
            lines.push(format!("  {}", difference.head));
            let shown = difference.lines.iter().take(SHOWN_LINES);
            lines.extend(shown.map(|line| format!("      {line}")));
        }
        if let Some(more @ 1..) = differences.len().checked_sub(SHOWN_RECORDS) {
            lines.push(format!("  … {more} more"));
        }
    }
    if differing > 0 {
        lines.insert(0, format!("{differing} differing record(s)"));
    }
    lines
}

/// Records are lined up without looking at ranks; ranks are compared when all else is equal.
fn topic_differences(expected: &[Normal], actual: &[Normal]) -> Vec<Difference> {
    let signatures = |records: &[Normal], loosely| -> Vec<String> {
        let all = records.iter();
        all.map(|record| signature(record, loosely)).collect()
    };
    if signatures(expected, false) == signatures(actual, false) {
        return Vec::new();
    }
    let (want, got) = (signatures(expected, true), signatures(actual, true));
    if want == got {
        let pairs = expected.iter().zip(actual).enumerate();
        let found = pairs.map(|(at, (want, got))| Difference {
            head: format!("{} [LSN/txid relation]", head(at, want)),
            lines: fields::differences(want, got, false),
        });
        return found.filter(|found| !found.lines.is_empty()).collect();
    }
    let mut found = Vec::new();
    for op in capture_diff_slices(Algorithm::Myers, &want, &got) {
        line_up(op, expected, actual, &mut found);
    }
    found
}

fn line_up(op: DiffOp, expected: &[Normal], actual: &[Normal], found: &mut Vec<Difference>) {
    if matches!(op, DiffOp::Equal { .. }) {
        return;
    }
    let (want, got) = (op.old_range(), op.new_range());
    let pairs = want.len().min(got.len());
    for (at, to) in want.clone().zip(got.clone()) {
        found.push(Difference {
            head: head(at, &expected[at]),
            lines: fields::differences(&expected[at], &actual[to], true),
        });
    }
    for at in want.skip(pairs) {
        found.push(alone(&format!("#{at} MISSING"), &expected[at]));
    }
    for at in got.skip(pairs) {
        found.push(alone(&format!("EXTRA at {at}"), &actual[at]));
    }
}

fn head(at: usize, record: &Normal) -> String {
    format!("#{at} key {}", shown(record.key.text.as_deref(), 80))
}

fn alone(what: &str, record: &Normal) -> Difference {
    let key = shown(record.key.text.as_deref(), 80);
    let value = shown(record.value.text.as_deref(), 200);
    Difference {
        head: format!("{what} key {key} value {value}"),
        lines: Vec::new(),
    }
}

fn shown(text: Option<&str>, length: usize) -> String {
    text.map_or_else(|| "null".into(), |text| short(text, length))
}
