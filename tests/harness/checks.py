# SPDX-License-Identifier: Apache-2.0
"""Runs the test cases of a script and gives its verdict: `N passed, M failed`, and the exit status."""
import argparse
import sys
import time
import unittest


class _Result(unittest.TextTestResult):
    """Prints one line a test with its time."""

    def startTest(self, test):
        self.started = time.monotonic()
        super().startTest(test)

    def addSuccess(self, test):
        unittest.TestResult.addSuccess(self, test)
        self.stream.writeln(f"ok ({time.monotonic() - self.started:.1f} s)")


def main():
    """Runs every TestCase of the calling script, or with -k those whose name holds a word."""
    arguments = argparse.ArgumentParser()
    arguments.add_argument("-k", action="append", metavar="WORD", help="only tests with this name")
    options = arguments.parse_args()
    loader = unittest.TestLoader()
    if options.k:
        loader.testNamePatterns = [f"*{word}*" for word in options.k]
    suite = loader.loadTestsFromModule(sys.modules["__main__"])
    runner = unittest.TextTestRunner(stream=sys.stdout, verbosity=2, resultclass=_Result)
    result = runner.run(suite)
    failed = len(result.failures) + len(result.errors)
    passed = result.testsRun - len(result.skipped) - failed
    print(f"{max(passed, 0)} passed, {failed} failed")
    sys.exit(1 if failed or passed <= 0 else 0)
