"""Runs the test methods of one case in order and prints each as a stage with its time.

In: a `unittest.TestCase` whose methods build on each other. Out: one line a stage, the failures, and last `N passed, N failed`.
Once a stage has failed, those after it are failed too, as not reached: they would only say the same again.
"""

import time
import unittest


def run(case):
    """Runs `case`'s stages; returns the process's exit code: 0 when all passed."""
    result = _Stages()
    suite = unittest.defaultTestLoader.loadTestsFromTestCase(case)
    began = time.monotonic()
    suite.run(result)
    for stage, trace in result.errors + result.failures:
        print(f"\n{stage}\n{trace}")
    failed = len(result.errors) + len(result.failures)
    print(f"\n{time.monotonic() - began:.2f} s\n{result.passed} passed, {failed} failed")
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

    def _line(self, word, test):
        elapsed_ms = (time.monotonic() - self._began) * 1000
        what = test.shortDescription() if isinstance(test, unittest.TestCase) else str(test)
        note = getattr(test, "note", "")
        print(f"{word} {elapsed_ms:9.1f} ms  {what}{': ' + note if note else ''}", flush=True)
