//! Records of the status topic, byte for byte as Kafka Connect writes them.
//!
//! Keys and values are those of Connect's `KafkaStatusBackingStore`.

use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::kafka::Record;

/// The state of a connector or of a task.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub(crate) enum State {
    /// No worker runs it.
    Unassigned,
    /// It runs.
    Running,
    /// It waits to be resumed.
    Paused,
    /// It has no tasks until it is resumed.
    Stopped,
    /// It stands still until someone acts; the trace says why.
    Failed,
    /// It is being started again.
    Restarting,
}

impl State {
    /// Connect's word for it.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Unassigned => "UNASSIGNED",
            Self::Running => "RUNNING",
            Self::Paused => "PAUSED",
            Self::Stopped => "STOPPED",
            Self::Failed => "FAILED",
            Self::Restarting => "RESTARTING",
        }
    }
}

/// A status as the topic has it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Status {
    pub(crate) state: State,
    #[serde(default)]
    pub(crate) trace: Option<String>,
    /// `host:port` of the worker that wrote it.
    pub(crate) worker_id: String,
    /// The worker group's generation.
    #[serde(default)]
    pub(crate) generation: i32,
    /// The plugin's version; none where nothing runs.
    #[serde(default)]
    pub(crate) version: Option<String>,
    /// How often a task was started again by itself, or is about to be. Walcast's own: there only
    /// where `walcast.task.restart.max.attempts` allows it and the task has failed.
    #[serde(
        default,
        skip_serializing_if = "Option::is_none",
        rename = "walcast_restarts"
    )]
    pub(crate) restarts: Option<u32>,
}

/// Whose status a record holds.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) enum StatusKey {
    /// `status-connector-NAME`.
    Connector(String),
    /// `status-task-NAME-INDEX`.
    Task(String, u32),
    /// `status-topic-TOPIC:connector-NAME`: the connector has written to the topic.
    Topic { topic: String, connector: String },
}

/// The value of a status record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum StatusValue {
    /// Of a connector or task.
    Status(Status),
    /// Of a topic in use: milliseconds since the epoch when that was seen.
    TopicSeen { task: u32, at_ms: i64 },
}

impl StatusKey {
    /// The record that sets or, with `None`, clears this status.
    pub(crate) fn encode(&self, value: Option<&StatusValue>) -> Record {
        let key = match self {
            Self::Connector(name) => format!("status-connector-{name}"),
            Self::Task(name, index) => format!("status-task-{name}-{index}"),
            Self::Topic { topic, connector } => {
                format!("status-topic-{topic}:connector-{connector}")
            }
        };
        let value = value.map(|value| match (value, self) {
            (StatusValue::Status(status), _) => json!(status).to_string(),
            (StatusValue::TopicSeen { task, at_ms }, Self::Topic { topic, connector }) => json!({
                "topic": {"name": topic, "connector": connector, "task": task, "discoverTimestamp": at_ms}
            })
            .to_string(),
            (StatusValue::TopicSeen { .. }, _) => "null".into(),
        });
        Record {
            key: key.into_bytes(),
            value: value.map(String::into_bytes),
        }
    }

    /// Reads a record; `None` when it is not understood.
    pub(crate) fn decode(record: &Record) -> Option<(Self, Option<StatusValue>)> {
        let key = std::str::from_utf8(&record.key).ok()?;
        let key = if let Some(name) = key.strip_prefix("status-connector-") {
            Self::Connector(name.into())
        } else if let Some(rest) = key.strip_prefix("status-task-") {
            let (name, index) = rest.rsplit_once('-')?;
            Self::Task(name.into(), index.parse().ok()?)
        } else {
            let (topic, connector) = key
                .strip_prefix("status-topic-")?
                .split_once(":connector-")?;
            Self::Topic {
                topic: topic.into(),
                connector: connector.into(),
            }
        };
        let Some(bytes) = &record.value else {
            return Some((key, None));
        };
        let value = match key {
            Self::Topic { .. } => {
                let value: serde_json::Value = serde_json::from_slice(bytes).ok()?;
                let topic = value.get("topic")?;
                StatusValue::TopicSeen {
                    task: u32::try_from(topic.get("task")?.as_u64()?).ok()?,
                    at_ms: topic.get("discoverTimestamp")?.as_i64()?,
                }
            }
            _ => StatusValue::Status(serde_json::from_slice(bytes).ok()?),
        };
        Some((key, Some(value)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Both ways, with bytes that Kafka Connect 4.1 wrote.
    fn check(key: &str, value: Option<&str>, meaning: (StatusKey, Option<StatusValue>)) {
        let record = Record {
            key: key.as_bytes().to_vec(),
            value: value.map(|v| v.as_bytes().to_vec()),
        };
        assert_eq!(
            StatusKey::decode(&record).as_ref(),
            Some(&meaning),
            "decoding {key}"
        );
        assert_eq!(
            meaning.0.encode(meaning.1.as_ref()),
            record,
            "encoding {key}"
        );
    }

    fn status(
        state: State,
        trace: Option<&str>,
        generation: i32,
        version: Option<&str>,
    ) -> Option<StatusValue> {
        Some(StatusValue::Status(Status {
            state,
            trace: trace.map(str::to_owned),
            worker_id: "127.0.0.1:18083".into(),
            generation,
            version: version.map(str::to_owned),
            restarts: None,
        }))
    }

    #[test]
    fn connects_own_bytes_both_ways() {
        let connector = || StatusKey::Connector("cw-probe".into());
        let task = || StatusKey::Task("cw-probe".into(), 0);
        check(
            "status-connector-cw-probe",
            Some(
                r#"{"state":"RUNNING","trace":null,"worker_id":"127.0.0.1:18083","generation":2,"version":"3.7.0.Final"}"#,
            ),
            (
                connector(),
                status(State::Running, None, 2, Some("3.7.0.Final")),
            ),
        );
        check(
            "status-task-cw-probe-0",
            Some(
                r#"{"state":"UNASSIGNED","trace":null,"worker_id":"127.0.0.1:18083","generation":3,"version":null}"#,
            ),
            (task(), status(State::Unassigned, None, 3, None)),
        );
        check(
            "status-task-cw-probe-0",
            Some(
                r#"{"state":"FAILED","trace":"a\n\tat \"b\"","worker_id":"127.0.0.1:18083","generation":13,"version":"3.7.0.Final"}"#,
            ),
            (
                task(),
                status(
                    State::Failed,
                    Some("a\n\tat \"b\""),
                    13,
                    Some("3.7.0.Final"),
                ),
            ),
        );
        check("status-task-cw-probe-0", None, (task(), None));
        check(
            "status-topic-cwprobe.public.t:connector-cw-probe5",
            Some(
                r#"{"topic":{"name":"cwprobe.public.t","connector":"cw-probe5","task":0,"discoverTimestamp":1795467667953}}"#,
            ),
            (
                StatusKey::Topic {
                    topic: "cwprobe.public.t".into(),
                    connector: "cw-probe5".into(),
                },
                Some(StatusValue::TopicSeen {
                    task: 0,
                    at_ms: 1_795_467_667_953,
                }),
            ),
        );
    }

    #[test]
    fn an_older_workers_status_without_version_is_read() {
        let record = Record {
            key: b"status-connector-x".to_vec(),
            value: Some(
                br#"{"state":"RUNNING","trace":null,"worker_id":"w:1","generation":2}"#.to_vec(),
            ),
        };
        assert!(matches!(
            StatusKey::decode(&record),
            Some((_, Some(StatusValue::Status(_))))
        ));
    }

    proptest::proptest! {
        #[test]
        fn decoding_is_total(key: Vec<u8>, value: Option<Vec<u8>>) {
            let _read = StatusKey::decode(&Record { key, value });
        }
    }
}
