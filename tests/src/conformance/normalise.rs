//! What differs from run to run is replaced by a placeholder that keeps what must not differ.
//!
//! Enters: records, and the time in which they were made. Leaves: records whose text can be compared
//! byte by byte, so that the order of fields, the form of numbers, escapes, null or absent, and blanks
//! are all compared. It never looks at a schema: that is compared as it is.
//!
//! | placeholder | stands for | still compared |
//! |---|---|---|
//! | `<lsn:int#R>` | the LSN of a streamed change | its JSON type; `R`: its rank among the LSNs of all changes, so `==` and `<` of any two |
//! | `<snaplsn:int#R@K>` | the LSN of a snapshot's record | the type, its rank among its kind, and `K`: how many LSNs of changes are smaller |
//! | `<commitlsn:…>` | the first LSN of `source.sequence` | the same |
//! | `<endlsn:…>`, `<msglsn:…>` | the LSN of a transaction's end, of a message outside transactions | the same |
//! | `<txid:int#R>` | a transaction id | its type and rank |
//! | `<runid:uuid7#R>` | the task's run id | UUID version 7, made during the run; its rank |
//! | `<ts_ms:int>`, `<ts_us:…>`, `<ts_ns:…>` | a time | its type; within the run ± 2 minutes; the same instant in all three units; the same in one transaction; not before the commit |
//! | `<xmin:int>`, `<int:int>` | a number | its type |
//! | `<uuid:str>`, `<str>`, `<any>` | what a case calls volatile | the shape, the type, nothing |
//! | `<now>` | a record's timestamp during the run | that it is |
//!
//! A broken relation adds `!` and the reason to the placeholder.

mod ids;
mod objects;
mod places;
mod rule;
mod scalar;
mod structs;

use serde_json::Value;

use self::ids::{Pass, Ranks, Survey};
use self::places::Walk;
pub(super) use self::rule::Rule;
use super::json::{self, Node};
use super::record::Record;

/// How far a time may lie outside of the run: clocks of several machines, in milliseconds.
const SLACK_MS: i64 = 120_000;

/// A record that can be compared with that of another run.
#[derive(Debug, Clone)]
pub(super) struct Normal {
    pub(super) topic: String,
    pub(super) partition: i32,
    pub(super) key: Text,
    pub(super) value: Text,
    pub(super) headers: Vec<(String, Value)>,
    pub(super) timestamp_type: String,
    /// `<now>`, or milliseconds.
    pub(super) timestamp: Value,
}

/// A key or a value.
#[derive(Debug, Clone)]
pub(super) struct Text {
    /// `None` is null, or not UTF-8.
    pub(super) text: Option<String>,
    /// The same as a tree, if it is JSON.
    pub(super) tree: Option<Node>,
    /// Bytes that are not UTF-8, in base64.
    pub(super) b64: Option<String>,
}

/// How records are normalised.
#[derive(Debug, Clone, Copy)]
pub(super) struct Normalise<'a> {
    /// Begin and end of the run, in milliseconds since 1970.
    pub(super) window: [i64; 2],
    /// What else is volatile in this case.
    pub(super) rules: &'a [Rule],
    /// Whether `source.version` is the engine's own business.
    pub(super) any_version: bool,
}

impl Normalise<'_> {
    /// Normalises all records of a run.
    pub(super) fn all(&self, records: &[Record]) -> Vec<Normal> {
        let mut survey = Survey::default();
        let mut walk = Walk::new(*self, Pass::Survey(&mut survey));
        for record in records {
            walk.record(record);
        }
        let ranks = Ranks::new(survey, self.window);
        let mut walk = Walk::new(*self, Pass::Mask(&ranks));
        records.iter().map(|record| walk.record(record)).collect()
    }
}

/// Drops the ranks: what is left is the same for two records that differ only in how their LSNs and
/// transaction ids relate to those of other records.
pub(super) fn loose(text: &str) -> String {
    scalar::RANK.replace_all(text, "<$1").into_owned()
}

/// The text of `node`, marked if `raw` is not compact.
fn text_of(node: Node, raw: &str, compact_length: usize) -> Text {
    let mark = if compact_length == raw.len() {
        ""
    } else {
        "<NOT COMPACT>"
    };
    Text {
        text: Some(format!("{mark}{}", node.text())),
        tree: Some(node),
        b64: None,
    }
}

/// Reads JSON and says how long it is without blanks.
fn read(raw: &str) -> Option<(Node, usize)> {
    let node = json::parse(raw)?;
    let length = node.text().len();
    Some((node, length))
}
