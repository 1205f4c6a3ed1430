"""Runs test cases and prints each of their methods as a stage with its time.

In: `unittest.TestCase`s, whose methods run in the order of their names. Out: one line a stage, the failures' traces, and last
`N passed, N failed`.
"""

import time
import unittest


def run(*cases):
    """Runs the cases' stages; returns the process's exit code: 0 when all passed."""
    result = _Stages()
    suite = unittest.TestSuite(unittest.defaultTestLoader.loadTestsFromTestCase(case) for case in cases)
    began = time.monotonic()
    suite.run(result)
    for stage, trace in result.errors + result.failures:
        print(f"\n{stage}\n{trace}")
    failed = len(result.errors) + len(result.failures)
    skipped = f", {len(result.skipped)} skipped" if result.skipped else ""
    print(f"\n{time.monotonic() - began:.2f} s\n{result.passed} passed, {failed} failed{skipped}")
    return 1 if failed else 0


class _Stages(unittest.TestResult):
    passed = 0
    _began = 0.0

    def startTest(self, test):
        super().startTest(test)
        self._began = time.monotonic()

    def addSuccess(self, test):
        super().addSuccess(test)
        self.passed += 1
        self._line("ok  ", test)

    def addFailure(self, test, err):
        super().addFailure(test, err)
        self._line("FAIL", test)

    def addError(self, test, err):
        super().addError(test, err)
        self._line("FAIL", test)

    def addSkip(self, test, reason):
        super().addSkip(test, reason)
        print(f"skip               {_name(test)}: {reason}", flush=True)

    def _line(self, word, test):
        elapsed_ms = (time.monotonic() - self._began) * 1000 if self._began else 0.0
        note = getattr(test, "note", "")
        print(f"{word} {elapsed_ms:9.1f} ms  {_name(test)}{': ' + note if note else ''}", flush=True)


def _name(test):
    """The method's description; a whole class, when its set-up failed or was skipped, has only its name."""
    return (test.shortDescription() if isinstance(test, unittest.TestCase) else None) or str(test)
