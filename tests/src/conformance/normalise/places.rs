//! Where volatile values are in a record.
//!
//! | place | known by |
//! |---|---|
//! | source block | an object with `connector`, `name`, `db`, `snapshot` |
//! | envelope | an object with `op` and `source` |
//! | transaction metadata | an object with `status` BEGIN or END and `id`; the key of such a record |
//! | heartbeat | a topic with `heartbeat` in its name |
//! | added field, header | `__ts_ms`, `__source_lsn`, `__txId`, … |
//! | text of a Struct | see [`super::structs`] |
//! | what a case says | its rules |

mod headers;

use std::collections::HashMap;
use std::sync::LazyLock;

use regex::Regex;
use serde_json::Value;

use super::ids::{Log, Pass};
use super::rule::{RuleKind, Where};
use super::scalar::{Kind, TX_REF, Unit, placeholder};
use super::{Normal, Normalise, Text, objects, read, structs, text_of};
use crate::conformance::json::Node;
use crate::conformance::patterns::constant as regex;
use crate::conformance::record::Record;

static TRANSACTION: LazyLock<Regex> = LazyLock::new(|| regex(r#""status":"(BEGIN|END)""#));
static READ: LazyLock<Regex> =
    LazyLock::new(|| regex(r#""[A-Za-z_]*(op|OPERATION)":"r"|[{,]op=r[,}]"#));

/// One pass over all records of a run.
pub(super) struct Walk<'a> {
    options: Normalise<'a>,
    pass: Pass<'a>,
    /// The first time seen of each transaction, apart for snapshot and stream.
    first_times: HashMap<(String, bool), String>,
    of: Hints,
}

/// What the whole record tells about its parts.
struct Hints {
    topic: String,
    is_transaction: bool,
    is_end: bool,
    /// Whose LSN an event of this record has.
    log: Log,
}

impl Hints {
    fn new(record: &Record) -> Self {
        let value = record.raw_value.as_deref().unwrap_or_default();
        let read = |(name, value): &(String, Value)| {
            name.ends_with("op") && (value == "r" || value == "\"r\"")
        };
        let log = if READ.is_match(value) || record.headers.iter().any(read) {
            Log::Snapshot
        } else if value.contains("\"op\":\"m\"") && value.contains("\"txId\":null") {
            Log::Message
        } else {
            Log::Change
        };
        Self {
            topic: record.topic.clone(),
            is_transaction: TRANSACTION.is_match(value),
            is_end: value.contains("\"status\":\"END\""),
            log,
        }
    }

    /// Whose LSN transaction metadata has in its id.
    fn boundary(&self) -> Log {
        if self.is_end { Log::End } else { Log::Change }
    }
}

impl<'a> Walk<'a> {
    pub(super) fn new(options: Normalise<'a>, pass: Pass<'a>) -> Self {
        let of = Hints {
            topic: String::new(),
            is_transaction: false,
            is_end: false,
            log: Log::Change,
        };
        Self {
            options,
            pass,
            first_times: HashMap::new(),
            of,
        }
    }

    /// Visits all volatile places of `record`.
    pub(super) fn record(&mut self, record: &Record) -> Normal {
        self.of = Hints::new(record);
        let mut key = self.text(record.raw_key.as_deref(), Where::Key);
        key.b64.clone_from(&record.raw_key_b64);
        let mut value = self.text(record.raw_value.as_deref(), Where::Value);
        value.b64.clone_from(&record.raw_value_b64);
        let headers = record.headers.iter();
        let headers = headers
            .map(|(name, value)| (name.clone(), self.header_value(name, value)))
            .collect();
        let in_run = self.pass.time_flaw(record.timestamp.into()) == Some("");
        Normal {
            topic: record.topic.clone(),
            partition: record.partition,
            key,
            value,
            headers,
            timestamp_type: record.timestamp_type.clone(),
            timestamp: match in_run {
                true => "<now>".into(),
                false => record.timestamp.into(),
            },
        }
    }

    fn text(&mut self, raw: Option<&str>, part: Where) -> Text {
        let Some(raw) = raw else {
            return Text {
                text: None,
                tree: None,
                b64: None,
            };
        };
        let Some((mut node, length)) = read(raw) else {
            return Text {
                text: Some(self.plain(raw, part)),
                tree: None,
                b64: None,
            };
        };
        match &mut node {
            Node::Object(fields) if is_message(fields) => self.node(&mut fields[1].1, part, ""),
            node => self.node(node, part, ""),
        }
        text_of(node, raw, length)
    }

    /// Text that is no JSON.
    fn plain(&mut self, raw: &str, part: Where) -> String {
        if structs::is_struct(raw) {
            return structs::mask(&mut self.pass, self.of.log, raw);
        }
        self.by_rule(part, "", raw).unwrap_or_else(|| raw.into())
    }

    fn node(&mut self, node: &mut Node, part: Where, path: &str) {
        match node {
            Node::Scalar(text) => {
                if let Some(masked) = self.by_rule(part, path, text) {
                    *text = masked;
                }
            }
            Node::Array(elements) => {
                for element in elements {
                    self.node(element, part, path);
                }
            }
            Node::Object(_) if node.has_all(&["connector", "name", "db", "snapshot"]) => {
                self.source(node);
            }
            Node::Object(_) => self.object(node, part, path),
        }
    }

    fn object(&mut self, node: &mut Node, part: Where, path: &str) {
        if node.has_all(&["op", "source"]) {
            self.envelope(node);
        } else if node.get("id").is_some()
            && matches!(node.scalar("status"), Some("\"BEGIN\"" | "\"END\""))
        {
            self.mask(node, "id", Kind::TxRef(self.of.boundary()), "");
            self.times(node, "");
        } else if self.of.topic.contains("heartbeat") {
            self.times(node, "");
        }
        if part == Where::Key && self.of.is_transaction && is_reference(node) {
            self.mask(node, "id", Kind::TxRef(self.of.boundary()), "");
        }
        let flaw = objects::times(node, "__source_") + &objects::times(node, "__");
        let Node::Object(fields) = node else { return };
        for (name, value) in fields {
            match (self.added(name), &mut *value) {
                (Some(kind), Node::Scalar(text)) => {
                    let flaw = if matches!(kind, Kind::Time(_)) {
                        &*flaw
                    } else {
                        ""
                    };
                    if let Some(masked) = placeholder(&mut self.pass, kind, text, flaw) {
                        *text = masked;
                    }
                }
                _ => {
                    let dot = if path.is_empty() { "" } else { "." };
                    self.node(value, part, &format!("{path}{dot}{name}"));
                }
            }
        }
    }

    fn envelope(&mut self, node: &mut Node) {
        let flaw = objects::times(node, "") + objects::envelope(node);
        self.times(node, &flaw);
        if let Node::Object(fields) = node {
            for (_, value) in fields.iter_mut().filter(|(name, _)| name == "transaction") {
                self.mask(value, "id", Kind::TxRef(Log::Change), "");
            }
        }
    }

    fn source(&mut self, node: &mut Node) {
        let flaw = objects::times(node, "") + self.transaction_time(node);
        let sequence_flaw = objects::sequence(node);
        let is_snapshot = !matches!(node.scalar("snapshot"), Some("\"false\"" | "null"));
        let log = match (is_snapshot, self.of.log) {
            (true, _) => Log::Snapshot,
            (false, Log::Message) => Log::Message,
            _ => Log::Change,
        };
        let Node::Object(fields) = node else { return };
        for (name, value) in fields {
            let Node::Scalar(text) = value else { continue };
            let masked = match name.as_str() {
                name if self.is_blind(name) => self.pass.constant("<any>".into()),
                "version" if self.options.any_version => Some("\"<version>\"".into()),
                "lsn" => placeholder(&mut self.pass, Kind::Lsn(log), text, ""),
                "txId" => placeholder(&mut self.pass, Kind::TxId, text, ""),
                "xmin" => placeholder(&mut self.pass, Kind::Xmin, text, ""),
                "sequence" => placeholder(&mut self.pass, Kind::Sequence(log), text, sequence_flaw),
                name => Unit::of(name)
                    .and_then(|unit| placeholder(&mut self.pass, Kind::Time(unit), text, &flaw)),
            };
            if let Some(masked) = masked {
                *text = masked;
            }
        }
    }

    /// Whether the case does not compare a field of the source block.
    fn is_blind(&self, name: &str) -> bool {
        let mut rules = self.options.rules.iter();
        rules.any(|rule| {
            rule.kind == RuleKind::Any && rule.path.text.strip_prefix("source.") == Some(name)
        })
    }

    /// What is wrong between this source's time and that of others of its transaction.
    fn transaction_time(&mut self, source: &Node) -> &'static str {
        let time = source.scalar("ts_us").or_else(|| source.scalar("ts_ms"));
        let (Some(id), Some(time)) = (source.scalar("txId").filter(|id| *id != "null"), time)
        else {
            return "";
        };
        let snapshot = source.scalar("snapshot");
        let is_stream = matches!(snapshot, Some("\"false\"" | "null"));
        let first = self.first_times.entry((id.to_owned(), is_stream));
        let first = first.or_insert_with(|| time.to_owned());
        if first != time && snapshot == Some("\"false\"") {
            return "!differs inside one transaction";
        }
        ""
    }

    fn times(&mut self, node: &mut Node, flaw: &str) {
        for unit in Unit::ALL {
            self.mask(node, unit.name(), Kind::Time(unit), flaw);
        }
    }

    /// Replaces the field `name` of `node`, if it is a scalar.
    fn mask(&mut self, node: &mut Node, name: &str, kind: Kind, flaw: &str) {
        let Node::Object(fields) = node else { return };
        for (field, value) in fields {
            if let Node::Scalar(text) = value
                && field == name
                && let Some(masked) = placeholder(&mut self.pass, kind, text, flaw)
            {
                *text = masked;
            }
        }
    }

    fn by_rule(&mut self, part: Where, path: &str, text: &str) -> Option<String> {
        let mut rules = self.options.rules.iter();
        let rule = rules.find(|rule| rule.r#where == part && rule.path.matches(path))?;
        let kind = rule.kind.in_record(self.of.log)?;
        placeholder(&mut self.pass, kind, text, "")
    }

    /// What a field or header is that a transform added: `__ts_ms`, `__source_lsn`, `__txId`, ….
    fn added(&self, name: &str) -> Option<Kind> {
        let name = name.strip_prefix("__")?;
        if name == "transaction_id" {
            return Some(Kind::TxRef(Log::Change));
        }
        let rule = match name.strip_prefix("source_").unwrap_or(name) {
            "lsn" => RuleKind::Lsn,
            "txId" => RuleKind::TxId,
            "sequence" if self.of.log == Log::Snapshot => {
                return Some(Kind::Sequence(Log::Snapshot));
            }
            "sequence" => RuleKind::Sequence,
            "xmin" => return Some(Kind::Xmin),
            name => return Unit::of(name).map(Kind::Time),
        };
        rule.in_record(self.of.log)
    }
}

/// Whether it is `{"schema": …, "payload": …}`.
fn is_message(fields: &[(String, Node)]) -> bool {
    matches!(fields, [(schema, _), (payload, _)] if schema == "schema" && payload == "payload")
}

/// Whether it is `{"id": "<transaction id>:<LSN>"}`.
fn is_reference(node: &Node) -> bool {
    node.fields().len() == 1 && node.scalar("id").is_some_and(|id| TX_REF.is_match(id))
}
