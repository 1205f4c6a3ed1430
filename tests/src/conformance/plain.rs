//! Compares what is kept as plain JSON: answers of the REST interface, rows, states, topics.

use std::collections::BTreeSet;

use serde_json::Value;

use super::compare::short;

/// What stands for text that is the engine's own.
const OWN: &str = "<text>";

/// Adds what differs to `lines`; `path` leads to it. The order of fields is not looked at.
pub(super) fn compare(expected: &Value, actual: &Value, path: &str, lines: &mut Vec<String>) {
    match (expected, actual) {
        (Value::Object(want), Value::Object(got)) => {
            let names: BTreeSet<_> = want.keys().chain(got.keys()).collect();
            for name in names {
                match (want.get(name), got.get(name)) {
                    (Some(want), Some(got)) => {
                        compare(want, got, &format!("{path}.{name}"), lines);
                    }
                    (Some(want), None) => {
                        let want = short(&want.to_string(), 160);
                        lines.push(format!("{path}.{name}: missing (expected {want})"));
                    }
                    (None, got) => {
                        let got = got.map(|got| short(&got.to_string(), 160));
                        lines.push(format!("{path}.{name}: extra {}", got.unwrap_or_default()));
                    }
                }
            }
        }
        (Value::Array(want), Value::Array(got)) if want.len() == got.len() => {
            for (at, (want, got)) in want.iter().zip(got).enumerate() {
                compare(want, got, &format!("{path}[{at}]"), lines);
            }
        }
        (want, got) if want == got => {}
        (want, got) => {
            let (want, got) = (short(&want.to_string(), 500), short(&got.to_string(), 500));
            lines.push(format!("{path}: expected {want} got {got}"));
        }
    }
}

/// What of an answer is the engine's own and may differ from Debezium's. That it is there is still
/// compared.
#[derive(Debug, Clone, Copy)]
pub(super) struct OwnWords {
    /// The version of the engine and of Kafka Connect.
    pub(super) version: bool,
    /// The text of traces.
    pub(super) trace: bool,
}

impl OwnWords {
    /// An answer or recording, with what is the engine's own replaced.
    pub(super) fn hidden(self, value: &Value) -> Value {
        match value {
            Value::Object(fields) => {
                let fields = fields.iter().map(|(name, value)| {
                    let own =
                        (self.version && name == "version") || (self.trace && name == "trace");
                    let hidden = match value {
                        Value::String(_) if own => OWN.into(),
                        value => self.hidden(value),
                    };
                    (name.clone(), hidden)
                });
                Value::Object(fields.collect())
            }
            Value::Array(elements) => elements.iter().map(|value| self.hidden(value)).collect(),
            scalar => scalar.clone(),
        }
    }

    /// The same for last states: `[[name, state, [task states], traces…], …]`.
    pub(super) fn hidden_states(self, states: &Value) -> Value {
        let mut states = states.clone();
        if self.trace {
            let connectors = states.as_array_mut().into_iter().flatten();
            for connector in connectors.filter_map(Value::as_array_mut) {
                connector
                    .iter_mut()
                    .skip(3)
                    .for_each(|trace| *trace = OWN.into());
            }
        }
        states
    }
}

/// All traces in answers of the REST interface and in last states.
pub(super) fn traces<'a>(recordings: &'a [Value], states: &'a Value) -> Vec<&'a str> {
    let connectors = states.as_array().into_iter().flatten();
    let last = connectors
        .filter_map(Value::as_array)
        .flat_map(|connector| connector.iter().skip(3));
    let mut found: Vec<_> = last.filter_map(Value::as_str).collect();
    recordings
        .iter()
        .for_each(|recording| traces_below(recording, &mut found));
    found
}

fn traces_below<'a>(value: &'a Value, found: &mut Vec<&'a str>) {
    match value {
        Value::Object(fields) => {
            for (name, value) in fields {
                match value {
                    Value::String(trace) if name == "trace" => found.push(trace),
                    value => traces_below(value, found),
                }
            }
        }
        Value::Array(elements) => {
            for element in elements {
                traces_below(element, found);
            }
        }
        _ => {}
    }
}
