//! `notification.*`: where the connector tells what it does.

use super::reader::{ConfigProblem, Reader};

const CHANNELS: &str = "notification.enabled.channels";
const TOPIC: &str = "notification.sink.topic.name";

/// Where notifications go.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Notifications {
    /// `notification.sink.topic.name`, when the channel `sink` is on.
    pub topic: Option<String>,
    /// Whether the channel `log` is on.
    pub log: bool,
}

pub(super) fn read(r: &mut Reader<'_>, warnings: &mut Vec<ConfigProblem>) -> Notifications {
    let topic = r.text(TOPIC);
    let mut notifications = Notifications::default();
    for channel in r.text(CHANNELS).unwrap_or_default().split(',') {
        match channel.trim() {
            "" => {}
            "sink" => notifications.topic = Some(topic.unwrap_or_default().to_owned()),
            "log" => notifications.log = true,
            "jmx" => warnings.push(ConfigProblem {
                property: CHANNELS.into(),
                message: "the channel jmx is left out, as there is no JVM: use sink or log".into(),
            }),
            other => {
                let message = format!(
                    "The '{CHANNELS}' value is invalid: Walcast has no channel {other}; use sink or log"
                );
                r.problem(CHANNELS, message);
            }
        }
    }
    let allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.');
    match &notifications.topic {
        Some(topic) if topic.is_empty() => {
            let message = format!(
                "The '{TOPIC}' value is invalid: Notification topic name must be provided when kafka notification channel is enabled"
            );
            r.problem(TOPIC, message);
        }
        Some(topic) if !topic.chars().all(allowed) => {
            let message = format!(
                "The '{TOPIC}' value is invalid: {topic} has invalid format (only the underscore, hyphen, dot and alphanumeric characters are allowed)"
            );
            r.problem(TOPIC, message);
        }
        _ => {}
    }
    notifications
}
