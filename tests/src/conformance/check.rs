//! Passed or failed: what a run made, against what a real Debezium made.

use std::fs::{self, File};
use std::io::{BufWriter, Write};
use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use serde_json::{Value, json};

use super::case::{Case, Expected};
use super::compare::{Groups, compare, digests, group};
use super::expectations::Kept;
use super::normalise::Normalise;
use super::patterns::Pattern;
use super::plain::{self, OwnWords};
use super::record::Record;
use super::run::{Awaited, Limits, Outcome, run};
use super::target::Target;

/// How a case is judged.
pub(super) struct Judge<'a> {
    pub(super) target: &'a Target,
    /// PostgreSQL's major version.
    pub(super) major: u32,
    pub(super) limits: Limits,
    /// What of the answers may differ from Debezium's.
    pub(super) own_words: OwnWords,
    /// What each trace in the engine's own words must name.
    pub(super) names: &'a [Pattern],
    /// Records that Debezium loses.
    pub(super) kept: Option<&'a Kept>,
    /// Where what the engine made is kept.
    pub(super) save: Option<&'a Path>,
}

/// What became of a case.
#[derive(Debug)]
pub(super) struct Verdict {
    pub(super) id: String,
    pub(super) took: Duration,
    /// Why it failed; empty if it passed.
    pub(super) lines: Vec<String>,
    /// What is worth telling in any case.
    pub(super) notes: Vec<String>,
}

impl Judge<'_> {
    /// Runs `case` and compares.
    pub(super) async fn check(&self, case: &Case) -> Verdict {
        let begin = Instant::now();
        let (lines, notes) = match self.lines(case).await {
            Ok(found) => found,
            Err(error) => (vec![format!("{error:#}")], Vec::new()),
        };
        Verdict {
            id: case.id.clone(),
            took: begin.elapsed(),
            lines,
            notes,
        }
    }

    async fn lines(&self, case: &Case) -> Result<(Vec<String>, Vec<String>)> {
        let expected = case.expected(self.major)?;
        let awaited = Awaited {
            outcome: &expected.outcome,
            own_words: self.own_words,
        };
        let mut outcome = run(case, self.target, awaited, self.limits).await;
        if let Some(folder) = self.save {
            save(&folder.join(&case.id), &outcome)?;
        }
        let notes = std::mem::take(&mut outcome.left_over);
        let kept = self.kept;
        let lost = kept.and_then(|kept| kept.take(&mut outcome.collected.records));
        let mut lines = differences(case, &expected, &outcome, self.own_words);
        lines.extend(lost);
        lines.extend(unnamed(&outcome, self.names));
        if !lines.is_empty() {
            lines.append(&mut outcome.collected.unread);
        }
        Ok((lines, notes))
    }
}

/// The traces that do not name what they must.
pub(super) fn unnamed(outcome: &Outcome, names: &[Pattern]) -> Vec<String> {
    let traces = plain::traces(&outcome.recordings, &outcome.last);
    let unnamed = traces.into_iter().flat_map(|trace| {
        let missing = names.iter().filter(move |name| !name.matches(trace));
        missing.map(move |name| {
            let name = name.as_str();
            format!("trace: expected words that match {name} got {trace}")
        })
    });
    unnamed.collect()
}

/// What differs from what was expected, as lines; empty if nothing does.
pub(super) fn differences(
    case: &Case,
    expected: &Expected,
    outcome: &Outcome,
    own: OwnWords,
) -> Vec<String> {
    let reason = outcome.error.iter().map(|error| format!("reason: {error}"));
    let mut lines: Vec<String> = reason.collect();
    lines.extend(record_differences(case, expected, outcome, own));
    for want in &expected.outcome.recordings {
        let mut made = outcome.recordings.iter();
        let id = want["id"].as_str().unwrap_or_default();
        let path = format!("recording[{id}]");
        // Of a repeated name the last counts, as in the recording.
        match made.rfind(|recording| recording["id"] == want["id"]) {
            Some(got) => plain::compare(&own.hidden(want), &own.hidden(got), &path, &mut lines),
            None => lines.push(format!("{path}: missing (step not reached)")),
        }
    }
    if outcome.error.is_none() {
        let states = |states| own.hidden_states(states);
        let (want, got) = (states(&expected.outcome.last), states(&outcome.last));
        plain::compare(&want, &got, "final connector/task states", &mut lines);
    }
    if !case.options.ignore_topic_list {
        let (want, got) = (&expected.outcome.topics, &outcome.collected.topics);
        plain::compare(&json!(want), &json!(got), "topics(partitions)", &mut lines);
    }
    lines
}

fn record_differences(
    case: &Case,
    expected: &Expected,
    outcome: &Outcome,
    own: OwnWords,
) -> Vec<String> {
    let actual = groups(case, &outcome.collected.records, outcome.window, own);
    if case.options.digest {
        let mut lines = Vec::new();
        let (want, got) = (&expected.outcome.digest, digests(&actual));
        plain::compare(want, &got, "digest", &mut lines);
        return lines;
    }
    let expected = groups(case, &expected.records, expected.outcome.window, own);
    compare(&expected, &actual)
}

/// Records as they are compared.
fn groups(case: &Case, records: &[Record], window: [i64; 2], own: OwnWords) -> Groups {
    let normalise = Normalise {
        window,
        rules: &case.options.volatile,
        // A digest cannot be taken apart, so none of them has the version in it.
        any_version: own.version || case.options.digest,
    };
    group(&case.options, normalise.all(records))
}

/// Keeps what the engine made, in the form of the expected files.
fn save(folder: &Path, outcome: &Outcome) -> Result<()> {
    fs::create_dir_all(folder).with_context(|| format!("create {}", folder.display()))?;
    let mut file = BufWriter::new(File::create(folder.join("actual.jsonl"))?);
    for record in &outcome.collected.records {
        writeln!(file, "{}", serde_json::to_string(record)?)?;
    }
    file.flush()?;
    let whole: Value = json!({
        "window": outcome.window,
        "final": outcome.last,
        "topics": outcome.collected.topics,
        "recordings": outcome.recordings,
        "count": outcome.collected.records.len(),
    });
    fs::write(folder.join("actual.json"), format!("{whole:#}\n")).context("write actual.json")
}

#[cfg(test)]
mod tests;
