//! Places that one case calls volatile.

use regex::Regex;
use serde::{Deserialize, Deserializer, de};

use super::ids::Log;
use super::scalar::{Kind, Unit};

/// A volatile place: `{"where": "value", "path": "after.id", "kind": "uuid"}`.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(in super::super) struct Rule {
    pub(super) r#where: Where,
    /// Names joined by dots; `*` stands for any one name. Of a header: its name.
    pub(super) path: Path,
    pub(super) kind: RuleKind,
}

/// The part of a record.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Where {
    Key,
    Value,
    Header,
}

/// What is there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum RuleKind {
    Lsn,
    TxId,
    #[serde(rename = "ts_ms")]
    TsMs,
    #[serde(rename = "ts_us")]
    TsUs,
    #[serde(rename = "ts_ns")]
    TsNs,
    Uuid,
    TxRef,
    Sequence,
    Int,
    Str,
    /// Long numbers, UUIDs and instants inside a text.
    Text,
    /// Not compared at all; only in the source block.
    Any,
}

impl RuleKind {
    /// What that is in a record whose LSNs are of `log`.
    pub(super) fn in_record(self, log: Log) -> Option<Kind> {
        let plain_log = match log {
            Log::Snapshot => Log::Snapshot,
            _ => Log::Change,
        };
        let sequence_log = match log {
            Log::Message => Log::Message,
            _ => Log::Change,
        };
        Some(match self {
            Self::Lsn => Kind::Lsn(plain_log),
            Self::TxId => Kind::TxId,
            Self::TsMs => Kind::Time(Unit::Ms),
            Self::TsUs => Kind::Time(Unit::Us),
            Self::TsNs => Kind::Time(Unit::Ns),
            Self::Uuid => Kind::Uuid,
            Self::TxRef => Kind::TxRef(Log::Change),
            Self::Sequence => Kind::Sequence(sequence_log),
            Self::Int => Kind::Int,
            Self::Str => Kind::Str,
            Self::Text => Kind::Text,
            Self::Any => return None,
        })
    }
}

/// A rule's path.
#[derive(Debug, Clone)]
pub(super) struct Path {
    pub(super) text: String,
    regex: Regex,
}

impl Path {
    pub(super) fn matches(&self, path: &str) -> bool {
        self.regex.is_match(path)
    }
}

impl<'de> Deserialize<'de> for Path {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        let pattern = regex::escape(&text).replace(r"\*", "[^.]+");
        let regex = Regex::new(&format!("^{pattern}$")).map_err(de::Error::custom)?;
        Ok(Self { text, regex })
    }
}
