//! Volatile parts of text that is no JSON: Java's `Struct{op=c,ts_ms=1,…}`, as StringConverter writes.

use std::sync::LazyLock;

use regex::{Captures, Regex};

use super::ids::{Log, Pass};
use super::scalar::{Kind, Shape, Unit, placeholder};
use crate::conformance::patterns::constant as regex;

static PARTS: LazyLock<Regex> = LazyLock::new(|| {
    regex(
        r#"\b(?<name>ts_ms|ts_us|ts_ns|lsn|txId)=(?<number>[0-9]+)|\bsequence=\[(?:null|"(?<commit>[0-9]+)"),(?:null|"(?<own>[0-9]+)")\]|\bid=(?<tx>[0-9]+):(?<at>[0-9]+)"#,
    )
});

/// Whether `text` is such text.
pub(super) fn is_struct(text: &str) -> bool {
    text.contains("Struct{")
}

/// Replaces the volatile parts; `log` is whose LSN the record has.
pub(super) fn mask(pass: &mut Pass<'_>, log: Log, text: &str) -> String {
    let log = match log {
        Log::Snapshot => Log::Snapshot,
        _ => Log::Change,
    };
    let replace = |found: &Captures<'_>| {
        let replaced = if found.name("name").is_some() {
            field(pass, log, found)
        } else if found.name("tx").is_some() {
            reference(pass, found)
        } else {
            sequence(pass, log, found)
        };
        replaced.unwrap_or_else(|| found[0].to_owned())
    };
    PARTS.replace_all(text, replace).into_owned()
}

fn field(pass: &mut Pass<'_>, log: Log, found: &Captures<'_>) -> Option<String> {
    let name = &found["name"];
    let kind = match name {
        "lsn" => Kind::Lsn(log),
        "txId" => Kind::TxId,
        _ => Kind::Time(Unit::of(name)?),
    };
    let replaced = placeholder(pass, kind, &found["number"], "")?;
    Some(format!("{name}={replaced}"))
}

fn sequence(pass: &mut Pass<'_>, log: Log, found: &Captures<'_>) -> Option<String> {
    let mut element = |log, group: &str| match found.name(group) {
        None => pass.constant("null".into()),
        Some(lsn) => {
            let lsn = pass.lsn(log, lsn.as_str().parse().ok()?, Shape::Str)?;
            Some(format!("\"{lsn}\""))
        }
    };
    let (commit, own) = (element(Log::Commit, "commit"), element(log, "own"));
    Some(format!("sequence=[{},{}]", commit?, own?))
}

fn reference(pass: &mut Pass<'_>, found: &Captures<'_>) -> Option<String> {
    let group = |name| found.name(name).and_then(|text| text.as_str().parse().ok());
    let id = pass.tx_id(group("tx")?, Shape::Str);
    let at = pass.lsn(Log::Commit, group("at")?, Shape::Str);
    Some(format!("id={}:{}", id?, at?))
}
