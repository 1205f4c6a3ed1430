//! Volatile headers: the task's run id, fields that a transform added, what a case names.

use serde_json::Value;

use super::super::rule::Where;
use super::super::scalar::{Kind, UUID, integer, placeholder};
use super::super::structs;
use super::Walk;

/// The header with the task's run id.
const RUN_ID: &str = "__debezium.context.runId";

impl Walk<'_> {
    pub(super) fn header_value(&mut self, name: &str, value: &Value) -> Value {
        match value {
            Value::String(text) => self.header(name, text).into(),
            other => other.clone(),
        }
    }

    fn header(&mut self, name: &str, text: &str) -> String {
        let masked = if name == RUN_ID {
            self.run_id(text)
        } else if let Some(kind) = self.added(name) {
            placeholder(&mut self.pass, kind, &as_json(text), "")
        } else if let Some(kind) = self.header_rule(name) {
            placeholder(&mut self.pass, kind, &as_json(text), "")
        } else if structs::is_struct(text) {
            Some(structs::mask(&mut self.pass, self.of.log, text))
        } else {
            None
        };
        masked.unwrap_or_else(|| text.to_owned())
    }

    fn header_rule(&self, name: &str) -> Option<Kind> {
        let mut rules = self.options.rules.iter();
        let rule = rules.find(|rule| rule.r#where == Where::Header && rule.path.text == name)?;
        rule.kind.in_record(self.of.log)
    }

    /// A UUID version 7, quoted or not: its first 48 bits are milliseconds since 1970 (RFC 9562).
    fn run_id(&mut self, text: &str) -> Option<String> {
        if let Some(id) = text.strip_prefix('"').and_then(|id| id.strip_suffix('"')) {
            return self.run_id(id).map(|id| format!("\"{id}\""));
        }
        if !UUID.is_match(text) || text.get(14..15) != Some("7") {
            return None;
        }
        let time = text.get(..8)?.to_owned() + text.get(9..13)?;
        self.pass
            .run_id(text, i128::from_str_radix(&time, 16).ok()?)
    }
}

/// A header as JSON would write it.
fn as_json(text: &str) -> String {
    match integer(text) {
        Some(_) if !text.starts_with('"') => text.to_owned(),
        _ => Value::from(text).to_string(),
    }
}
