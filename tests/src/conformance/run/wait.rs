//! Waiting for a state of a connector or of its slot.

use anyhow::{Context, Result, bail};
use serde_json::Value;

use super::Run;
use crate::conformance::compare::short;
use crate::conformance::poll::{seconds, until};
use crate::conformance::rest::Answer;
use crate::conformance::steps::{State, Wait};

impl Run<'_> {
    pub(super) async fn wait(&self, wait: &Wait) -> Result<()> {
        let limit = seconds(wait.timeout.unwrap_or(60.0));
        let name = self.connector(wait.name.as_deref());
        let (mut last, what) = (Value::Null, format!("{:?}", wait.r#for));
        let reached = until(&what, limit, async || {
            let is_there = match wait.r#for {
                State::SlotInactive => self.slot().await? == "f",
                State::SlotActive => self.slot().await? == "t",
                State::SlotGone => self.slot().await?.is_empty(),
                state => {
                    let answer = self.rest.status(&name).await?;
                    last = answer.body.clone();
                    self.is_in(state, &answer).await?
                }
            };
            Ok(is_there.then_some(()))
        });
        let reached = reached.await;
        reached.with_context(|| format!("last status {}", short(&last.to_string(), 600)))
    }

    async fn is_in(&self, state: State, answer: &Answer) -> Result<bool> {
        if state == State::Gone {
            return Ok(answer.status == 404);
        }
        if answer.status != 200 {
            return Ok(false);
        }
        let (connector, tasks) = states(&answer.body);
        let all = |wanted: &str| tasks.iter().all(|task| *task == wanted);
        let both = |wanted: &str| connector == wanted && all(wanted);
        Ok(match state {
            State::Streaming => {
                if let Some(trace) = failure(&answer.body) {
                    bail!("connector or task FAILED: {}", short(trace, 400));
                }
                both("RUNNING") && !tasks.is_empty() && self.is_sent_to().await?
            }
            State::Running => both("RUNNING"),
            State::Failed => both("FAILED"),
            State::Paused => both("PAUSED"),
            State::Stopped => both("STOPPED"),
            State::TasksFailed => !tasks.is_empty() && all("FAILED"),
            State::TasksRunning => !tasks.is_empty() && all("RUNNING"),
            State::NoTasks => tasks.is_empty(),
            State::Gone | State::SlotInactive | State::SlotActive | State::SlotGone => false,
        })
    }

    /// `t` or `f`: whether the slot has a reader; nothing if there is no slot.
    async fn slot(&self) -> Result<String> {
        let query = format!(
            "select active from pg_replication_slots where slot_name = '{}'",
            self.names.slot()
        );
        self.server.run(&query).await
    }

    /// Whether the server sends to the slot.
    async fn is_sent_to(&self) -> Result<bool> {
        let query = format!(
            "select count(*) from pg_replication_slots s join pg_stat_replication r \
             on r.pid = s.active_pid \
             where s.slot_name = '{}' and r.state in ('streaming', 'catchup')",
            self.names.slot()
        );
        Ok(self.server.run(&query).await? == "1")
    }
}

/// The states of a connector and of its tasks.
pub(super) fn states(status: &Value) -> (&str, Vec<&str>) {
    let connector = status["connector"]["state"].as_str().unwrap_or_default();
    let tasks = status["tasks"].as_array().map(Vec::as_slice);
    let tasks = tasks.unwrap_or_default().iter();
    let tasks = tasks.map(|task| task["state"].as_str().unwrap_or_default());
    (connector, tasks.collect())
}

/// The first line of the trace of what has failed.
fn failure(status: &Value) -> Option<&str> {
    let tasks = status["tasks"].as_array().map(Vec::as_slice);
    let mut parts = [&status["connector"]]
        .into_iter()
        .chain(tasks.unwrap_or_default());
    let failed = parts.find(|part| part["state"] == "FAILED")?;
    failed["trace"]
        .as_str()
        .unwrap_or_default()
        .split('\n')
        .next()
}
