//! The end of a case: the expected number of records is there and no more come.

use std::time::{Duration, Instant};

use anyhow::Result;
use serde_json::{Value, json};
use tokio::time::sleep;

use super::wait::states;
use super::{Awaited, Run};
use crate::conformance::poll::{INTERVAL, seconds};
use crate::conformance::rest::mask;

/// How often the states are looked at while records are missing.
const STATES_INTERVAL: Duration = Duration::from_secs(2);

/// Silence after which a failed task is taken to write nothing more.
const FAILED_SILENCE: Duration = Duration::from_secs(3);

/// How long the last states may take to be as expected.
const STATES_LIMIT: Duration = Duration::from_secs(8);

impl Run<'_> {
    /// Waits for the end and gives the last states.
    pub(super) async fn finish(&self, awaited: Awaited<'_>, missing: Duration) -> Result<Value> {
        let begin = Instant::now();
        let mut next_states = begin + STATES_INTERVAL;
        let settle = seconds(self.case.options.settle);
        loop {
            sleep(INTERVAL).await;
            let idle = self.collector.idle(begin);
            let all_there = self.collector.count(None) >= awaited.outcome.count;
            if (all_there && idle >= settle) || idle > missing {
                break;
            }
            if !all_there && Instant::now() > next_states {
                next_states = Instant::now() + STATES_INTERVAL;
                let has_failed = |states: &Value| states.to_string().contains("FAILED");
                if idle > FAILED_SILENCE
                    && has_failed(&self.last_states().await?)
                    && !has_failed(&awaited.outcome.last)
                {
                    break;
                }
            }
        }
        self.settled_states(awaited).await
    }

    /// The states as soon as they are as expected, or what they are at the limit.
    async fn settled_states(&self, awaited: Awaited<'_>) -> Result<Value> {
        let deadline = Instant::now() + STATES_LIMIT;
        let wanted = awaited.own_words.hidden_states(&awaited.outcome.last);
        loop {
            let states = self.last_states().await?;
            let is_there = awaited.own_words.hidden_states(&states) == wanted;
            if is_there || Instant::now() >= deadline {
                return Ok(states);
            }
            sleep(INTERVAL).await;
        }
    }

    /// `[[name, state, [task states], first lines of traces…], …]`, or `[name, HTTP status]`.
    async fn last_states(&self) -> Result<Value> {
        let mut all = Vec::new();
        for name in &self.connectors {
            let answer = self.rest.status(name).await?;
            if answer.status != 200 {
                all.push(json!([name, answer.status]));
                continue;
            }
            let (state, task_states) = states(&answer.body);
            let mut connector = vec![json!(name), json!(state), json!(task_states)];
            let tasks = answer.body["tasks"].as_array().into_iter().flatten();
            for part in [&answer.body["connector"]].into_iter().chain(tasks) {
                if let Some(trace) = part["trace"].as_str().filter(|trace| !trace.is_empty()) {
                    connector.push(mask::first_line(self.target, trace).into());
                }
            }
            all.push(connector.into());
        }
        Ok(self.names.restore_json(&all.into()))
    }
}
