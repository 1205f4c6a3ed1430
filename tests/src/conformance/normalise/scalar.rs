//! One volatile scalar and its placeholder.

use std::fmt::{self, Display, Formatter};
use std::sync::LazyLock;

use regex::{Captures, Regex};

use super::ids::{Log, Pass};
use crate::conformance::patterns::constant as regex;

/// What a volatile scalar is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Lsn(Log),
    TxId,
    Time(Unit),
    Xmin,
    Int,
    Uuid,
    Str,
    Text,
    /// `"<transaction id>:<LSN>"`.
    TxRef(Log),
    /// `"[<commit LSN>,<LSN>]"`.
    Sequence(Log),
}

/// The unit of a time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Unit {
    Ms,
    Us,
    Ns,
}

/// The JSON type of a whole number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Shape {
    /// A number.
    Int,
    /// A string of digits.
    Str,
}

/// A UUID, with or without quotes.
pub(super) static UUID: LazyLock<Regex> = LazyLock::new(|| {
    regex(r#"^"?[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}"?$"#)
});

/// `"<transaction id>:<LSN>"`.
pub(super) static TX_REF: LazyLock<Regex> = LazyLock::new(|| regex(r#"^"([0-9]+):([0-9]+)"$"#));

/// `"[null,\"1\"]"`.
static SEQUENCE: LazyLock<Regex> =
    LazyLock::new(|| regex(r#"^"\[(?:null|\\"([0-9]+)\\"),(?:null|\\"([0-9]+)\\")\]"$"#));

/// The rank in a placeholder; group 1 is what is before it.
pub(super) static RANK: LazyLock<Regex> =
    LazyLock::new(|| regex(r"<([a-z0-9_]+:[a-z0-9_]+)#[0-9]+(?:@[0-9]+)?"));

/// What is volatile inside a text, and what stands for it; in this order.
static IN_TEXT: LazyLock<[(Regex, &str); 3]> = LazyLock::new(|| {
    [
        (
            regex(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}(:[0-9]{2}(\.[0-9]+)?)?Z"),
            "<instant>",
        ),
        (
            regex(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}"),
            "<uuid>",
        ),
        (regex(r"[0-9]{4,}"), "<digits>"),
    ]
});

impl Unit {
    pub(super) const ALL: [Self; 3] = [Self::Ms, Self::Us, Self::Ns];

    /// Its field.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Ms => "ts_ms",
            Self::Us => "ts_us",
            Self::Ns => "ts_ns",
        }
    }

    /// The unit of a field.
    pub(super) fn of(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|unit| unit.name() == name)
    }

    fn per_millisecond(self) -> i128 {
        match self {
            Self::Ms => 1,
            Self::Us => 1000,
            Self::Ns => 1_000_000,
        }
    }
}

impl Display for Shape {
    fn fmt(&self, formatter: &mut Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Int => "int",
            Self::Str => "str",
        })
    }
}

/// The placeholder of `text`, with `flaw` in it. `None`: it stays as it is, because it is not of this
/// kind (and so differs from what was expected), or because this pass replaces nothing.
pub(super) fn placeholder(
    pass: &mut Pass<'_>,
    kind: Kind,
    text: &str,
    flaw: &str,
) -> Option<String> {
    match kind {
        Kind::Lsn(log) => {
            let (lsn, shape) = integer(text)?;
            Some(flawed(pass.lsn(log, lsn, shape)?, flaw))
        }
        Kind::TxId => {
            let (id, shape) = integer(text)?;
            Some(flawed(pass.tx_id(id, shape)?, flaw))
        }
        Kind::Time(unit) => {
            let (time, shape) = integer(text)?;
            let outside = pass.time_flaw(time.div_euclid(unit.per_millisecond()))?;
            Some(format!("<{}:{shape}{flaw}{outside}>", unit.name()))
        }
        Kind::Xmin => integer(text).and_then(|(_, shape)| pass.constant(format!("<xmin:{shape}>"))),
        Kind::Int => integer(text).and_then(|(_, shape)| pass.constant(format!("<int:{shape}>"))),
        Kind::Uuid => match UUID.is_match(text) {
            true => pass.constant("<uuid:str>".into()),
            false => None,
        },
        Kind::Str => match text.starts_with('"') {
            true => pass.constant("<str>".into()),
            false => None,
        },
        Kind::Text => {
            let masked = IN_TEXT.iter().fold(text.to_owned(), |text, (what, name)| {
                what.replace_all(&text, *name).into_owned()
            });
            pass.constant(masked)
        }
        Kind::TxRef(log) => tx_ref(pass, log, text),
        Kind::Sequence(log) => sequence(pass, log, text, flaw),
    }
}

fn tx_ref(pass: &mut Pass<'_>, log: Log, text: &str) -> Option<String> {
    let parts = TX_REF.captures(text)?;
    let id = pass.tx_id(number(&parts, 1)?, Shape::Str);
    let lsn = pass.lsn(log, number(&parts, 2)?, Shape::Str);
    Some(format!("\"{}:{}\"", id?, lsn?))
}

fn sequence(pass: &mut Pass<'_>, log: Log, text: &str, flaw: &str) -> Option<String> {
    let parts = SEQUENCE.captures(text)?;
    let mut element = |log, group| match number(&parts, group) {
        None => pass.constant("null".into()),
        Some(lsn) => Some(format!("\\\"{}\\\"", pass.lsn(log, lsn, Shape::Str)?)),
    };
    let (commit, own) = (element(Log::Commit, 1), element(log, 2));
    Some(format!("\"[{},{}]{flaw}\"", commit?, own?))
}

/// The LSN that `sequence` names second.
pub(super) fn sequence_lsn(sequence: &str) -> Option<String> {
    let parts = SEQUENCE.captures(sequence)?;
    parts.get(2).map(|lsn| lsn.as_str().to_owned())
}

/// A whole number and how it is written.
pub(super) fn integer(text: &str) -> Option<(i128, Shape)> {
    let (digits, shape) = match text.strip_prefix('"') {
        Some(rest) => (rest.strip_suffix('"')?, Shape::Str),
        None => (text, Shape::Int),
    };
    let plain = digits.strip_prefix('-').unwrap_or(digits);
    let is_number = !plain.is_empty() && plain.bytes().all(|byte| byte.is_ascii_digit());
    is_number.then(|| digits.parse().ok())?.map(|n| (n, shape))
}

/// The number in a group of `captures`.
pub(super) fn number(captures: &Captures<'_>, group: usize) -> Option<i128> {
    captures.get(group)?.as_str().parse().ok()
}

/// Writes `flaw` into the end of a placeholder.
fn flawed(mut placeholder: String, flaw: &str) -> String {
    placeholder.insert_str(placeholder.len() - 1, flaw);
    placeholder
}

#[cfg(test)]
mod tests;
