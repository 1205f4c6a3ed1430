//! How many tests passed and failed, from the closing lines of the tools.

use std::fmt;
use std::ops::AddAssign;

/// Tests, or checks that pass or fail as a whole.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Counts {
    pub(crate) passed: u64,
    pub(crate) failed: u64,
}

impl Counts {
    /// The sum of all closing lines in a tool's output, or `None` when there is none.
    pub(crate) fn of(output: &str) -> Option<Self> {
        let mut lines = output.lines().filter_map(Self::of_line).peekable();
        lines.peek()?;
        Some(lines.fold(Self::default(), |mut sum, counts| {
            sum += counts;
            sum
        }))
    }

    /// `test result: ok. 5 passed; 0 failed; 1 ignored; …`, or `5 passed, 0 failed`.
    pub(crate) fn of_line(line: &str) -> Option<Self> {
        let (text, separator) = match line.strip_prefix("test result: ") {
            Some(rest) => (rest.split_once(". ")?.1, "; "),
            None => (line, ", "),
        };
        let mut parts = text.split(separator);
        let passed = parts.next()?.strip_suffix(" passed")?.parse().ok()?;
        let failed = parts.next()?.strip_suffix(" failed")?.parse().ok()?;
        Some(Self { passed, failed })
    }
}

impl AddAssign for Counts {
    fn add_assign(&mut self, other: Self) {
        self.passed += other.passed;
        self.failed += other.failed;
    }
}

impl fmt::Display for Counts {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{} passed, {} failed", self.passed, self.failed)
    }
}

#[cfg(test)]
mod tests {
    use super::Counts;

    #[test]
    fn closing_lines_are_summed_and_other_lines_are_not() {
        let output = "running 2 tests\n\
            test result: FAILED. 1 passed; 1 failed; 0 ignored; 0 measured; 0 filtered out; finished in 0.00s\n\
            3 passed, 2 failed\nabout 9 passed, 9 failed\n4 passed\n";
        assert_eq!(
            Counts::of(output),
            Some(Counts {
                passed: 4,
                failed: 3
            })
        );
        assert_eq!(Counts::of("nothing"), None);
    }
}
