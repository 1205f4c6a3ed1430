//! Records of the config topic, byte for byte as Kafka Connect writes them.
//!
//! Keys and values are those of Connect's `KafkaConfigBackingStore`. A record that is not understood
//! decodes as [`ConfigRecord::Other`] and is left alone: it belongs to a Connect worker.

use serde_json::{Value, json};

use crate::config::Properties;
use crate::kafka::Record;

/// What the operator wants a connector to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum TargetState {
    /// Run.
    #[default]
    Started,
    /// Keep the tasks, do nothing.
    Paused,
    /// Have no tasks.
    Stopped,
}

impl TargetState {
    /// Connect's word for it.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Started => "STARTED",
            Self::Paused => "PAUSED",
            Self::Stopped => "STOPPED",
        }
    }

    fn parse(text: &str) -> Option<Self> {
        [Self::Started, Self::Paused, Self::Stopped]
            .into_iter()
            .find(|s| s.as_str() == text)
    }
}

/// A record of the config topic.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum ConfigRecord {
    /// `connector-NAME`: a connector's properties, or that it is deleted.
    Connector {
        name: String,
        props: Option<Properties>,
    },
    /// `target-state-NAME`.
    Target {
        name: String,
        state: Option<TargetState>,
    },
    /// `task-NAME-INDEX`: a task's properties, effective with the next commit.
    Task {
        name: String,
        index: u32,
        props: Properties,
    },
    /// `commit-NAME`: how many of the task configurations count.
    Commit { name: String, tasks: u32 },
    /// `restart-connector-NAME`.
    Restart {
        name: String,
        include_tasks: bool,
        only_failed: bool,
    },
    /// `logger-cluster-NAME`: the level of a logger in all workers.
    Logger { name: String, level: String },
    /// Anything else, such as the session key or fencing records.
    Other,
}

impl ConfigRecord {
    /// The record as it stands in the topic; `None` for [`ConfigRecord::Other`].
    pub(crate) fn encode(&self) -> Option<Record> {
        let (key, value) = match self {
            Self::Connector { name, props } => (
                format!("connector-{name}"),
                props.as_ref().map(|p| json!({"properties": p})),
            ),
            Self::Target { name, state } => {
                (format!("target-state-{name}"), state.map(target_value))
            }
            Self::Task { name, index, props } => (
                format!("task-{name}-{index}"),
                Some(json!({"properties": props})),
            ),
            Self::Commit { name, tasks } => {
                (format!("commit-{name}"), Some(json!({"tasks": tasks})))
            }
            Self::Restart {
                name,
                include_tasks,
                only_failed,
            } => {
                let value = json!({"include-tasks": include_tasks, "only-failed": only_failed});
                (format!("restart-connector-{name}"), Some(value))
            }
            Self::Logger { name, level } => (
                format!("logger-cluster-{name}"),
                Some(json!({"level": level})),
            ),
            Self::Other => return None,
        };
        let value = value.map(|v| v.to_string().into_bytes());
        Some(Record {
            key: key.into_bytes(),
            value,
        })
    }

    /// Reads a record; what cannot be read is [`ConfigRecord::Other`].
    pub(crate) fn decode(record: &Record) -> Self {
        Self::try_decode(record).unwrap_or(Self::Other)
    }

    fn try_decode(record: &Record) -> Option<Self> {
        let key = std::str::from_utf8(&record.key).ok()?;
        let value: Option<Value> = record
            .value
            .as_deref()
            .and_then(|bytes| serde_json::from_slice(bytes).ok());
        // A value that is no JSON is not a tombstone.
        if record.value.is_some() && value.is_none() {
            return None;
        }
        if let Some(name) = key.strip_prefix("connector-") {
            let props = value
                .as_ref()
                .map(properties)
                .map_or(Some(None), |p| p.map(Some))?;
            return Some(Self::Connector {
                name: name.into(),
                props,
            });
        }
        if let Some(name) = key.strip_prefix("target-state-") {
            let state = value
                .as_ref()
                .map(target_state)
                .map_or(Some(None), |s| s.map(Some))?;
            return Some(Self::Target {
                name: name.into(),
                state,
            });
        }
        let value = value?;
        let flag = |field: &str| value.get(field).and_then(Value::as_bool).unwrap_or(false);
        if let Some(name) = key.strip_prefix("restart-connector-") {
            let (include_tasks, only_failed) = (flag("include-tasks"), flag("only-failed"));
            return Some(Self::Restart {
                name: name.into(),
                include_tasks,
                only_failed,
            });
        }
        if let Some(name) = key.strip_prefix("logger-cluster-") {
            let level = value.get("level")?.as_str()?.to_owned();
            return Some(Self::Logger {
                name: name.into(),
                level,
            });
        }
        if let Some(name) = key.strip_prefix("commit-") {
            let tasks = u32::try_from(value.get("tasks")?.as_u64()?).ok()?;
            return Some(Self::Commit {
                name: name.into(),
                tasks,
            });
        }
        if key.starts_with("task-count-record-") {
            return None;
        }
        let (name, index) = key.strip_prefix("task-")?.rsplit_once('-')?;
        let index = index.parse().ok()?;
        Some(Self::Task {
            name: name.into(),
            index,
            props: properties(&value)?,
        })
    }
}

/// Workers older than Kafka 3.5 read `state` and know no STOPPED; newer ones read `state.v2`.
fn target_value(state: TargetState) -> Value {
    let v1 = if state == TargetState::Stopped {
        TargetState::Paused
    } else {
        state
    };
    json!({"state": v1.as_str(), "state.v2": state.as_str()})
}

fn target_state(value: &Value) -> Option<TargetState> {
    let text = value.get("state.v2").or_else(|| value.get("state"))?;
    TargetState::parse(text.as_str()?)
}

fn properties(value: &Value) -> Option<Properties> {
    let object = value.get("properties")?.as_object()?;
    let pairs = object.iter().map(|(k, v)| match v {
        Value::String(text) => Some((k.clone(), text.clone())),
        _ => None,
    });
    pairs.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(key: &str, value: Option<&str>) -> Record {
        Record {
            key: key.as_bytes().to_vec(),
            value: value.map(|v| v.as_bytes().to_vec()),
        }
    }

    fn props(pairs: &[(&str, &str)]) -> Properties {
        pairs
            .iter()
            .map(|(k, v)| ((*k).to_owned(), (*v).to_owned()))
            .collect()
    }

    /// Both ways, with bytes that Kafka Connect 4.1 wrote.
    fn check(key: &str, value: Option<&str>, meaning: ConfigRecord) {
        let bytes = record(key, value);
        assert_eq!(ConfigRecord::decode(&bytes), meaning, "decoding {key}");
        assert_eq!(meaning.encode(), Some(bytes), "encoding {key}");
    }

    #[test]
    fn connects_own_bytes_both_ways() {
        let name = || "cw-probe".to_owned();
        check(
            "connector-cw-probe",
            Some(
                r#"{"properties":{"connector.class":"io.debezium.connector.postgresql.PostgresConnector","tasks.max":"1","name":"cw-probe"}}"#,
            ),
            ConfigRecord::Connector {
                name: name(),
                props: Some(props(&[
                    (
                        "connector.class",
                        "io.debezium.connector.postgresql.PostgresConnector",
                    ),
                    ("tasks.max", "1"),
                    ("name", "cw-probe"),
                ])),
            },
        );
        check(
            "connector-cw-probe",
            None,
            ConfigRecord::Connector {
                name: name(),
                props: None,
            },
        );
        check(
            "task-cw-probe-0",
            Some(
                r#"{"properties":{"task.class":"io.debezium.connector.postgresql.PostgresConnectorTask"}}"#,
            ),
            ConfigRecord::Task {
                name: name(),
                index: 0,
                props: props(&[(
                    "task.class",
                    "io.debezium.connector.postgresql.PostgresConnectorTask",
                )]),
            },
        );
        check(
            "commit-cw-probe",
            Some(r#"{"tasks":1}"#),
            ConfigRecord::Commit {
                name: name(),
                tasks: 1,
            },
        );
    }

    #[test]
    fn connects_target_states_and_restarts_both_ways() {
        let name = || "cw-probe".to_owned();
        for (value, state) in [
            (
                r#"{"state":"PAUSED","state.v2":"PAUSED"}"#,
                TargetState::Paused,
            ),
            (
                r#"{"state":"STARTED","state.v2":"STARTED"}"#,
                TargetState::Started,
            ),
            (
                r#"{"state":"PAUSED","state.v2":"STOPPED"}"#,
                TargetState::Stopped,
            ),
        ] {
            let meaning = ConfigRecord::Target {
                name: name(),
                state: Some(state),
            };
            check("target-state-cw-probe", Some(value), meaning);
        }
        check(
            "target-state-cw-probe",
            None,
            ConfigRecord::Target {
                name: name(),
                state: None,
            },
        );
        check(
            "restart-connector-cw-probe",
            Some(r#"{"include-tasks":true,"only-failed":false}"#),
            ConfigRecord::Restart {
                name: name(),
                include_tasks: true,
                only_failed: false,
            },
        );
    }

    #[test]
    fn an_old_workers_target_state_is_read() {
        let old = record("target-state-x", Some(r#"{"state":"PAUSED"}"#));
        let meaning = ConfigRecord::Target {
            name: "x".into(),
            state: Some(TargetState::Paused),
        };
        assert_eq!(ConfigRecord::decode(&old), meaning);
    }

    #[test]
    fn what_belongs_to_others_is_left_alone() {
        for (key, value) in [
            (
                "session-key",
                Some(r#"{"key":"k4Hv=","algorithm":"HmacSHA256","creation-timestamp":1}"#),
            ),
            ("task-count-record-cw-probe", Some(r#"{"task-count":1}"#)),
            ("task-cw-probe-x", Some(r#"{"properties":{}}"#)),
            ("connector-x", Some("not json")),
            ("connector-x", Some(r#"{"properties":{"a":1}}"#)),
            ("commit-x", None),
            ("commit-x", Some(r#"{"tasks":-1}"#)),
            ("target-state-x", Some(r#"{"state":"DANCING"}"#)),
            ("", None),
        ] {
            assert_eq!(
                ConfigRecord::decode(&record(key, value)),
                ConfigRecord::Other,
                "{key}"
            );
        }
    }

    proptest::proptest! {
        #[test]
        fn decoding_is_total(key: Vec<u8>, value: Option<Vec<u8>>) {
            ConfigRecord::decode(&Record { key, value });
        }
    }
}
