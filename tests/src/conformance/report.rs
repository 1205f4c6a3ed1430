//! What a reader sees: a line per case, what differs, and the count.

use std::io::{self, Write};

use super::case::Case;
use super::check::Verdict;
use super::expectations::Expectations;

/// How many cases passed and failed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Counts {
    pub(super) passed: usize,
    pub(super) failed: usize,
}

/// Lines to a writer; all numbers come from what it was told.
pub(super) struct Report<W> {
    out: W,
    counts: Counts,
}

impl<W: Write> Report<W> {
    pub(super) fn new(out: W) -> Self {
        let counts = Counts::default();
        Self { out, counts }
    }

    /// Cases that do not run, and why.
    pub(super) fn left_out(&mut self, number: usize, why: &str) -> io::Result<()> {
        match number {
            0 => Ok(()),
            number => writeln!(self.out, "{number} cases are not run: they {why}"),
        }
    }

    /// One case.
    pub(super) fn verdict(&mut self, verdict: &Verdict) -> io::Result<()> {
        let passed = verdict.lines.is_empty();
        let word = if passed { "PASS" } else { "FAIL" };
        let seconds = verdict.took.as_secs_f64();
        writeln!(self.out, "{word} {} ({seconds:.1}s)", verdict.id)?;
        for line in verdict.lines.iter().chain(&verdict.notes) {
            writeln!(self.out, "    {line}")?;
        }
        if passed {
            self.counts.passed += 1;
        } else {
            self.counts.failed += 1;
        }
        self.out.flush()
    }

    /// The last line.
    pub(super) fn end(mut self) -> io::Result<Counts> {
        let Counts { passed, failed } = self.counts;
        writeln!(self.out, "{passed} passed, {failed} failed")?;
        self.out.flush()?;
        Ok(self.counts)
    }

    /// A list of cases.
    pub(super) fn list(mut self, cases: &[Case], expectations: &Expectations) -> io::Result<()> {
        for case in cases {
            let not_yet = expectations.not_yet.get(&case.id);
            let not_yet = not_yet.map(|reason| format!(" (not yet: {reason})"));
            let words = expectations.own_words.get(&case.id);
            let words = words.map(|words| format!(" (own words: {})", words.reason));
            let kept = expectations.kept.get(&case.id);
            let kept = kept.map(|kept| format!(" (keeps more: {})", kept.reason));
            let notes = [not_yet, words, kept]
                .into_iter()
                .flatten()
                .collect::<String>();
            writeln!(self.out, "{:<45} {}{notes}", case.id, case.title())?;
        }
        writeln!(self.out, "{} cases", cases.len())
    }
}
