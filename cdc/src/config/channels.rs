//! `signal.enabled.channels`, and what belongs to single channels of signals.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use super::reader::{ConfigProblem, Reader};

const CHANNELS: &str = "signal.enabled.channels";

/// Where signals come from, besides REST.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SignalChannels {
    /// `source`: the table of `signal.data.collection`.
    pub source: bool,
    /// `kafka`, when it is on.
    pub kafka: Option<KafkaSignals>,
    /// `file`, when it is on.
    pub file: Option<FileSignals>,
}

/// A topic of signals.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KafkaSignals {
    /// `signal.kafka.topic`; partition 0 of it is read.
    pub topic: String,
    /// `signal.kafka.groupId`: under which name the offset is kept.
    pub group_id: String,
    /// `signal.kafka.bootstrap.servers`; `None` takes the worker's, with the worker's security.
    pub bootstrap_servers: Option<String>,
    /// `signal.consumer.*`, prefix removed.
    pub consumer: BTreeMap<String, String>,
}

/// A file of signals.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileSignals {
    /// `signal.file`.
    pub path: PathBuf,
    /// `signal.poll.interval.ms`: how often it is looked at.
    pub poll_interval: Duration,
}

pub(super) fn read(
    r: &mut Reader<'_>,
    topic_prefix: &str,
    warnings: &mut Vec<ConfigProblem>,
) -> SignalChannels {
    let kafka = KafkaSignals {
        topic: r.text_or("signal.kafka.topic", &format!("{topic_prefix}-signal")),
        group_id: r.text_or("signal.kafka.groupId", "kafka-signal"),
        bootstrap_servers: r.text("signal.kafka.bootstrap.servers").map(str::to_owned),
        consumer: r.with_prefix("signal.consumer."),
    };
    let file = FileSignals {
        path: r.text_or("signal.file", "file-signals.txt").into(),
        poll_interval: r.millis_or("signal.poll.interval.ms", 5000),
    };
    if file.poll_interval.is_zero() {
        let message = "The 'signal.poll.interval.ms' value is invalid: A positive, non-zero integer value is expected";
        r.problem("signal.poll.interval.ms", message);
    }
    let mut channels = SignalChannels {
        source: false,
        kafka: None,
        file: None,
    };
    for channel in r.text(CHANNELS).unwrap_or("source").split(',') {
        match channel.trim() {
            "" => {}
            "source" => channels.source = true,
            "kafka" => channels.kafka = Some(kafka.clone()),
            "file" => channels.file = Some(file.clone()),
            word @ ("jmx" | "in-process") => warnings.push(ConfigProblem {
                property: CHANNELS.into(),
                message: format!(
                    "the channel {word} is left out, as there is no JVM: POST to /connectors/NAME/signals, which is always on"
                ),
            }),
            other => {
                let message = format!(
                    "The '{CHANNELS}' value is invalid: Walcast has no channel {other}; use source, kafka or file"
                );
                r.problem(CHANNELS, message);
            }
        }
    }
    channels
}
