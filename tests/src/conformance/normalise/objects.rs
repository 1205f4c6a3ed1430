//! What must hold between the times and positions of one object.

use super::scalar::{Unit, integer, sequence_lsn};
use crate::conformance::json::Node;

/// How much earlier than the commit an event may be said to have been handled, in microseconds:
/// the clocks of two processes.
const CLOCKS_US: i128 = 2000;

/// What is wrong between `<prefix>ts_ms`, `<prefix>ts_us` and `<prefix>ts_ns`.
pub(super) fn times(object: &Node, prefix: &str) -> String {
    let time = |unit: Unit| whole(object, &format!("{prefix}{}", unit.name()));
    let mut flaw = String::new();
    if let (Some(us), Some(ms)) = (time(Unit::Us), time(Unit::Ms))
        && us.div_euclid(1000) != ms
    {
        flaw.push_str("!us/1000 != ms");
    }
    if let (Some(us), Some(ns)) = (time(Unit::Us), time(Unit::Ns))
        && ns.div_euclid(1000) != us
    {
        flaw.push_str("!ns/1000 != us");
    }
    flaw
}

/// What is wrong between an envelope's time and its source's.
pub(super) fn envelope(envelope: &Node) -> &'static str {
    let source = envelope
        .get("source")
        .and_then(|source| whole(source, "ts_us"));
    match (source, whole(envelope, "ts_us")) {
        (Some(source), Some(own)) if source > own + CLOCKS_US => "!before source.ts",
        _ => "",
    }
}

/// What is wrong between a source's `sequence` and `lsn`.
pub(super) fn sequence(source: &Node) -> &'static str {
    let named = source.scalar("sequence").and_then(sequence_lsn);
    match (named, source.scalar("lsn")) {
        (Some(named), Some(lsn)) if named != lsn => "!sequence[1] != lsn",
        _ => "",
    }
}

/// A field that is a number (and no text).
fn whole(object: &Node, name: &str) -> Option<i128> {
    let text = object.scalar(name).filter(|text| !text.starts_with('"'))?;
    integer(text).map(|(number, _)| number)
}
