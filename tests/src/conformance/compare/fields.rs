//! The differences between two records, field by field.

use serde_json::Value;

use crate::conformance::json::Node;
use crate::conformance::normalise::{Normal, Text, loose};
use crate::conformance::python::dumps;

/// Differences that are collected for one text.
const LINES_MAX: usize = 12;

/// What differs between two records; ranks are not looked at if `loosely`.
pub(super) fn differences(expected: &Normal, actual: &Normal, loosely: bool) -> Vec<String> {
    let mut lines = Vec::new();
    let mut plain = |name: &str, want: String, got: String| {
        if want != got {
            let (want, got) = (short(&want, 400), short(&got, 400));
            lines.push(format!("{name}: expected {want} got {got}"));
        }
    };
    let partition = |record: &Normal| record.partition.to_string();
    plain("partition", partition(expected), partition(actual));
    let headers = |record: &Normal| {
        let text = headers_text(record);
        if loosely { loose(&text) } else { text }
    };
    plain("headers", headers(expected), headers(actual));
    let kind = |record: &Normal| record.timestamp_type.clone();
    plain("timestamp_type", kind(expected), kind(actual));
    let time = |record: &Normal| record.timestamp.to_string();
    plain("timestamp", time(expected), time(actual));
    let base64 = |text: &Text| text.b64.clone().unwrap_or_else(|| "none".into());
    plain("key_b64", base64(&expected.key), base64(&actual.key));
    plain("value_b64", base64(&expected.value), base64(&actual.value));
    texts("key", &expected.key, &actual.key, loosely, &mut lines);
    texts("value", &expected.value, &actual.value, loosely, &mut lines);
    lines
}

/// Headers as they are compared.
pub(super) fn headers_text(record: &Normal) -> String {
    let headers = record.headers.iter();
    let pairs = headers.map(|(name, value)| Value::from(vec![name.as_str().into(), value.clone()]));
    dumps(&pairs.collect())
}

fn texts(name: &str, expected: &Text, actual: &Text, loosely: bool, lines: &mut Vec<String>) {
    let side = |text: &Text| {
        let text = text.text.clone();
        if loosely {
            text.as_deref().map(loose)
        } else {
            text
        }
    };
    let (want, got) = (side(expected), side(actual));
    if want == got {
        return;
    }
    let before = lines.len();
    if let (Some(expected), Some(actual)) = (&expected.tree, &actual.tree) {
        tree(expected, actual, name, loosely, lines);
        if lines.len() > before {
            return;
        }
    }
    let shown = |text: Option<String>| text.map_or_else(|| "null".into(), |text| short(&text, 400));
    let (want, got) = (shown(want), shown(got));
    lines.push(format!("{name}: expected {want} got {got}"));
}

/// Differences between two trees; `path` leads to them.
fn tree(expected: &Node, actual: &Node, path: &str, loosely: bool, lines: &mut Vec<String>) {
    if lines.len() > LINES_MAX {
        return;
    }
    match (expected, actual) {
        (Node::Object(_), Node::Object(_)) => object(expected, actual, path, loosely, lines),
        (Node::Array(want), Node::Array(got)) => {
            if want.len() != got.len() {
                let (wanted, found) = (want.len(), got.len());
                let (want, got) = (shown(expected), shown(actual));
                lines.push(format!(
                    "{path}: expected {wanted} elements got {found}: {want} / {got}"
                ));
            }
            for (at, (want, got)) in want.iter().zip(got).enumerate() {
                tree(want, got, &format!("{path}[{at}]"), loosely, lines);
            }
        }
        _ if is_same(expected, actual, loosely) => {}
        _ => {
            let (want, got) = (shown(expected), shown(actual));
            lines.push(format!("{path}: expected {want} got {got}"));
        }
    }
}

fn object(expected: &Node, actual: &Node, path: &str, loosely: bool, lines: &mut Vec<String>) {
    let names = |node: &Node| -> Vec<String> {
        let fields = node.fields().iter();
        fields.map(|(name, _)| name.clone()).collect()
    };
    let (want, got) = (names(expected), names(actual));
    let only = |these: &[String], those: &[String]| -> Vec<String> {
        let these = these.iter().filter(|name| !those.contains(name));
        these.cloned().collect()
    };
    let (missing, extra) = (only(&want, &got), only(&got, &want));
    if !missing.is_empty() {
        lines.push(format!("{path}: missing field(s) {missing:?}"));
    }
    if !extra.is_empty() {
        lines.push(format!("{path}: extra field(s) {extra:?}"));
    }
    if missing.is_empty() && extra.is_empty() && want != got {
        lines.push(format!("{path}: field ORDER expected {want:?} got {got:?}"));
    }
    for (name, value) in expected.fields() {
        if let Some(other) = actual.get(name) {
            tree(value, other, &format!("{path}.{name}"), loosely, lines);
        }
    }
}

fn is_same(expected: &Node, actual: &Node, loosely: bool) -> bool {
    expected == actual || (loosely && loose(&expected.text()) == loose(&actual.text()))
}

fn shown(node: &Node) -> String {
    short(&node.text(), 160)
}

/// `text`, at most about `length` characters of it: its begin and its end.
pub(in super::super) fn short(text: &str, length: usize) -> String {
    let count = text.chars().count();
    if count <= length {
        return text.to_owned();
    }
    let begin: String = text.chars().take(length / 2).collect();
    let end: String = text.chars().skip(count - length / 4).collect();
    format!("{begin}…({count} chars)…{end}")
}
