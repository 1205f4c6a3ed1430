//! One run of one case: database, connector, steps, records, and away with all of it.
//!
//! Enters: a case and where to run it. Leaves: what came of it, also when a step failed. Every run
//! has names of its own, so runs do not meet; it never touches what another run made.

mod cleanup;
mod finish;
mod step;
mod wait;

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result, anyhow};
use serde_json::Value;
use tokio::time::timeout;

use super::case::{Case, ExpectedOutcome};
use super::kafka::{Collected, Collector};
use super::names::Names;
use super::plain::OwnWords;
use super::rest::Rest;
use super::sql::{self, Session};
use super::target::Target;

/// How long a run may take, and what it waits for.
#[derive(Debug, Clone, Copy)]
pub(super) struct Limits {
    /// A whole case, if it does not say itself.
    pub(super) case: Duration,
    /// How long a missing record is waited for after the last that came.
    pub(super) missing: Duration,
}

/// What came of a run.
#[derive(Debug, Default)]
pub(super) struct Outcome {
    /// Why it ended early.
    pub(super) error: Option<String>,
    /// The records and topics.
    pub(super) collected: Collected,
    /// Answers of the REST interface and of queries.
    pub(super) recordings: Vec<Value>,
    /// The last states of the connectors; null if it ended early.
    pub(super) last: Value,
    /// Begin and end, in milliseconds since 1970.
    pub(super) window: [i64; 2],
    /// What could not be put away.
    pub(super) left_over: Vec<String>,
}

/// What is expected of a run while it goes on.
#[derive(Clone, Copy)]
pub(super) struct Awaited<'a> {
    pub(super) outcome: &'a ExpectedOutcome,
    pub(super) own_words: OwnWords,
}

/// A run under way.
struct Run<'a> {
    case: &'a Case,
    target: &'a Target,
    names: Arc<Names>,
    rest: Rest,
    /// A session on the database `postgres`.
    server: Session,
    collector: Collector,
    /// Connectors that were created.
    connectors: BTreeSet<String>,
    /// Topics without the prefix that were created.
    topics: BTreeSet<String>,
    recordings: Vec<Value>,
}

/// Runs `case`.
pub(super) async fn run(
    case: &Case,
    target: &Target,
    awaited: Awaited<'_>,
    limits: Limits,
) -> Outcome {
    let begin = now_ms();
    let mut run = match Run::begin(case, target).await {
        Ok(run) => run,
        Err(error) => {
            return Outcome {
                error: Some(format!("{error:#}")),
                window: [begin, now_ms()],
                ..Outcome::default()
            };
        }
    };
    let limit = case.options.timeout;
    let limit = limit.map_or(limits.case, super::poll::seconds);
    let ended = timeout(limit, run.play(awaited, limits.missing)).await;
    let ended = ended.unwrap_or_else(|_| {
        Err(anyhow!(
            "the case takes more than {} s",
            limit.as_secs_f64()
        ))
    });
    let end = now_ms();
    let (error, last) = match ended {
        Ok(last) => (None, last),
        Err(error) => (Some(run.explained(&error)), Value::Null),
    };
    run.end(error, last, [begin, end]).await
}

impl<'a> Run<'a> {
    async fn begin(case: &'a Case, target: &'a Target) -> Result<Self> {
        let names = Arc::new(Names::fresh(target));
        Ok(Self {
            case,
            target,
            rest: Rest::new(target)?,
            server: Session::open(target, "postgres").await?,
            collector: Collector::start(target, &names, &case.options)?,
            names,
            connectors: BTreeSet::new(),
            topics: BTreeSet::new(),
            recordings: Vec::new(),
        })
    }

    /// Goes through all steps and gives the last states.
    async fn play(&mut self, awaited: Awaited<'_>, missing: Duration) -> Result<Value> {
        let create = format!(
            "create database {} template template0 encoding 'UTF8' locale '{}'",
            self.names.database(),
            self.case.options.locale
        );
        self.server.run(&create).await?;
        if let Some(setup) = &self.case.setup {
            self.sql(None, setup).await.context("setup.sql")?;
        }
        for (index, step) in self.case.steps.iter().enumerate() {
            let done = self.step(step).await;
            done.with_context(|| format!("step {} ({})", index + 1, step.name()))?;
        }
        self.finish(awaited, missing).await
    }

    /// Runs a script with placeholders, on the case's database if no other is named.
    async fn sql(&self, database: Option<&str>, script: &str) -> Result<String> {
        let database = database.map(|database| self.names.fill(database));
        let database = database.as_deref().unwrap_or(self.names.database());
        sql::run(self.target, database, &self.names.fill(script)).await
    }

    /// The error, and what the reader of the topics had to complain of.
    fn explained(&self, error: &anyhow::Error) -> String {
        match self.collector.error() {
            Some(reader) => format!("{error:#} (reader of the topics: {reader})"),
            None => format!("{error:#}"),
        }
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "the real time of a run, to compare the engine's times with"
)]
fn now_ms() -> i64 {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    let since = since.ok().map(|since| since.as_millis());
    since
        .and_then(|milliseconds| i64::try_from(milliseconds).ok())
        .unwrap_or_default()
}
