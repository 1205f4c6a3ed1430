//! `heartbeat.*` and `walcast.heartbeat.*`: how often the connector says that it lives.

use std::time::Duration;

use super::reader::{ConfigProblem, Reader};

/// How often heartbeats are emitted, and what is run with each.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct HeartbeatConfig {
    /// `heartbeat.interval.ms`; `None` is 0, no heartbeats.
    pub interval: Option<Duration>,
    /// `heartbeat.action.query`.
    pub action: Option<String>,
    /// `walcast.heartbeat.message.interval.ms`: how often a message is written to the source's WAL;
    /// `None` is 0, never.
    pub message_interval: Option<Duration>,
}

pub(super) fn read(r: &mut Reader<'_>, warnings: &mut Vec<ConfigProblem>) -> HeartbeatConfig {
    const ACTION: &str = "heartbeat.action.query";
    let interval = Some(r.millis_or("heartbeat.interval.ms", 0)).filter(|i| !i.is_zero());
    let action = r.text(ACTION).map(str::to_owned);
    if interval.is_none() && action.is_some() {
        warnings.push(ConfigProblem {
            property: ACTION.into(),
            message: "is run with heartbeats only: set heartbeat.interval.ms".into(),
        });
    }
    let message = r.millis_or("walcast.heartbeat.message.interval.ms", 0);
    HeartbeatConfig {
        interval,
        action,
        message_interval: Some(message).filter(|i| !i.is_zero()),
    }
}
