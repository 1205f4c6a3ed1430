//! All chosen cases, a few at a time, against a target or a worker of our own.

use std::collections::VecDeque;
use std::path::PathBuf;
use std::sync::mpsc::{SyncSender, sync_channel};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;
use std::{io, thread};

use anyhow::{Context, Error, Result, ensure};
use tokio::runtime::Runtime;
use walcast_lab::Lab;

use super::case::Case;
use super::check::{Judge, Verdict};
use super::expectations::Expectations;
use super::options::Options;
use super::patterns::{self, Pattern};
use super::plain::OwnWords;
use super::report::{Counts, Report};
use super::run::Limits;
use super::sql;
use super::target::{HostPort, Target};
use crate::worker::Worker;

/// Runs what the options ask for; says whether all passed.
///
/// # Errors
/// When it cannot begin: a case's files are wrong, no case is chosen, a component does not start.
pub fn run(options: &Options) -> Result<bool> {
    let all = Case::all(&cases_dir(options))?;
    let expectations = match options.cases_dir {
        Some(_) => Expectations::default(),
        None => Expectations::load(&folder().join("expectations.toml"), &all)?,
    };
    if options.list {
        Report::new(io::stdout().lock()).list(&all, &expectations)?;
        return Ok(true);
    }
    let number = all.len();
    let chosen = chosen(options, &expectations, all)?;
    let left_out = if options.cases.is_empty() {
        number - chosen.len()
    } else {
        0
    };
    // A lab of our own lives until all cases are over.
    let (target, _own) = match &options.connect {
        Some(url) => (given(options, url), None),
        None => {
            let (target, own) = own(options.pg)?;
            (target, Some(own))
        }
    };
    let counts = play(options, target, &expectations, chosen, left_out)?;
    Ok(counts.failed == 0 && counts.passed > 0)
}

fn folder() -> PathBuf {
    walcast_lab::workspace_dir().join("tests/conformance")
}

fn cases_dir(options: &Options) -> PathBuf {
    let given = options.cases_dir.clone();
    given.unwrap_or_else(|| folder().join("cases"))
}

/// The cases that are named, or all that are expected to pass.
fn chosen(options: &Options, expectations: &Expectations, all: Vec<Case>) -> Result<Vec<Case>> {
    let globs: Vec<Pattern> = options
        .cases
        .iter()
        .map(|glob| Pattern::glob(glob))
        .collect::<Result<_>>()?;
    let is_chosen = |case: &Case| match globs.is_empty() {
        true => !expectations.not_yet.contains_key(&case.id),
        false => patterns::any(&globs, &case.id),
    };
    let chosen: Vec<_> = all.into_iter().filter(is_chosen).collect();
    ensure!(
        !chosen.is_empty(),
        "no case is called {}: --list shows all",
        options.cases.join(" or ")
    );
    Ok(chosen)
}

fn given(options: &Options, url: &str) -> Target {
    Target {
        connect: url.trim_end_matches('/').to_owned(),
        bootstrap: options.bootstrap.clone(),
        postgres: options.pg_address.clone(),
        user: options.pg_user.clone(),
    }
}

/// A worker with its own PostgreSQL and Kafka. The worker ends first.
fn own(pg_version: u8) -> Result<(Target, (Worker, Lab))> {
    let lab = Lab::builder("conformance").postgres(pg_version).kafka();
    let lab = lab.start()?;
    let worker = Worker::start(&lab, "worker", "conformance", false)?;
    let target = Target {
        connect: worker.url().to_owned(),
        bootstrap: lab.kafka().bootstrap.clone(),
        postgres: HostPort {
            host: "127.0.0.1".into(),
            port: lab.postgres().port,
        },
        user: "postgres".into(),
    };
    Ok((target, (worker, lab)))
}

fn play(
    options: &Options,
    target: Target,
    expectations: &Expectations,
    chosen: Vec<Case>,
    left_out: usize,
) -> Result<Counts> {
    let major = runtime()?.block_on(major(&target))?;
    let hall = Hall {
        target,
        major,
        limits: Limits {
            case: Duration::from_secs(options.timeout.into()),
            missing: Duration::from_secs(options.quiet_timeout.into()),
        },
        is_same_engine: options.same_engine,
        save: options.save.clone(),
        expectations,
    };
    let holds = |case: &Case| case.options.pg.contains(&major);
    let (waiting, others): (Vec<_>, Vec<_>) = chosen.into_iter().partition(holds);
    let waiting = Mutex::new(VecDeque::from(waiting));
    let mut report = Report::new(io::stdout());
    let other_version = format!("do not hold for PostgreSQL {major}");
    report.left_out(others.len(), &other_version)?;
    report.left_out(left_out, "are not expected to pass yet: --list says why")?;
    thread::scope(|scope| {
        let (send, verdicts) = sync_channel(1);
        for _ in 0..options.jobs() {
            let (send, waiting, hall) = (send.clone(), &waiting, &hall);
            scope.spawn(move || hall.check_all(waiting, &send));
        }
        drop(send);
        verdicts
            .iter()
            .try_for_each(|verdict| report.verdict(&verdict?).map_err(Error::from))
    })?;
    Ok(report.end()?)
}

/// What all cases share.
struct Hall<'a> {
    target: Target,
    major: u32,
    limits: Limits,
    is_same_engine: bool,
    save: Option<PathBuf>,
    expectations: &'a Expectations,
}

impl Hall<'_> {
    /// Checks waiting cases, one after the other, until there are none or nobody listens. Each thread
    /// has its own runtime, so that comparing a large case does not hold up the others.
    fn check_all(&self, waiting: &Mutex<VecDeque<Case>>, verdicts: &SyncSender<Result<Verdict>>) {
        let next = || {
            waiting
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .pop_front()
        };
        while let Some(case) = next() {
            let verdict = runtime().map(|runtime| runtime.block_on(self.check(&case)));
            if verdicts.send(verdict).is_err() {
                return;
            }
        }
    }

    async fn check(&self, case: &Case) -> Verdict {
        let words = self.expectations.own_words.get(&case.id);
        let words = words.filter(|_| !self.is_same_engine);
        let own_words = OwnWords {
            version: !self.is_same_engine,
            trace: words.is_some(),
        };
        let kept = self.expectations.kept.get(&case.id);
        let judge = Judge {
            target: &self.target,
            major: self.major,
            limits: self.limits,
            own_words,
            kept: kept.filter(|_| !self.is_same_engine),
            names: words.map_or(&[], |words| words.names.as_slice()),
            save: self.save.as_deref(),
        };
        judge.check(case).await
    }
}

fn runtime() -> Result<Runtime> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build();
    runtime.context("start a runtime")
}

/// PostgreSQL's major version.
async fn major(target: &Target) -> Result<u32> {
    let number = sql::run(target, "postgres", "show server_version_num").await?;
    let number: u32 = number
        .parse()
        .with_context(|| format!("version {number}"))?;
    Ok(number / 10_000)
}
