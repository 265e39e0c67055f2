#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Runs tests/sql/**/*.test against a real PostgreSQL 15 and against Braid; each must give what the files say.

    runner.py [--against postgres|braid|both] [--rewrite] [--protocol simple|extended]
              [--read-mode live|final] [FILE or FOLDER …]

PostgreSQL does not see the WITH (…) of CREATE TABLE, and its materialized views are refreshed before each
read. --rewrite puts what PostgreSQL answers into the files (what it skips comes from Braid): read the diff.
`*.slow.test` runs only when it is named. The language is in dialect.py.
"""
import argparse
import contextlib
import pathlib
import sys

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent))

from sql import dialect, engines  # noqa: E402


class Run:
    """One pass over files; counts, and prints what differs."""

    def __init__(self, rewrite):
        self.rewrite = rewrite
        self.passed, self.failed, self.queries = 0, 0, 0
        self._labels = {}

    def file(self, path, engine):
        """Runs all records of a file on one engine."""
        records, tail = dialect.parse(path)
        engine.fresh()
        self._labels = {}
        for record in records:
            if not record.runs_on(engine.name):
                continue
            if record.kind in ("restart", "crash"):
                engine.restart(record.kind)
                continue
            outcome = engine.run(record)
            if self.rewrite and self._may_rewrite(record, engine):
                self._take(record, outcome, path)
            self._judge(record, outcome, f"{_shown(path)}:{record.line}", engine)
        if self.rewrite:
            dialect.write(path, records, tail)

    @staticmethod
    def _may_rewrite(record, engine):
        return engine.name == "postgres" or not record.runs_on("postgres")

    def _take(self, record, outcome, path):
        if record.kind == "query" and outcome.rows is not None:
            record.types = outcome.types
            record.rows = dialect.show_rows(outcome.rows, record.sort)
        elif record.kind == "statement" and record.sqlstate and outcome.sqlstate:
            if record.sqlstate != outcome.sqlstate:
                print(f"{path}:{record.line}: {record.sqlstate} becomes {outcome.sqlstate}")
            record.sqlstate = outcome.sqlstate
        elif outcome.sqlstate and not record.sqlstate:
            print(f"{path}:{record.line}: cannot rewrite: {outcome.sqlstate} {outcome.message}")

    def _judge(self, record, outcome, place, engine):
        fault = self._fault(record, outcome)
        if fault is None:
            self.passed += 1
            self.queries += record.kind == "query"
            return
        self.failed += 1
        print(f"{place}: {engine.name}\n{_indent(record.sql)}\n{_indent(fault)}\n")

    def _fault(self, record, outcome):
        """None if the outcome is the expected one, else the difference."""
        if outcome.sqlstate != record.sqlstate:
            wanted = f"error {record.sqlstate}" if record.sqlstate else "no error"
            found = f"error {outcome.sqlstate}: {outcome.message}" if outcome.sqlstate else "no error"
            return f"wanted {wanted}\nfound {found}"
        if record.kind == "statement":
            return None
        if outcome.rows is None:
            return "a query without rows"
        rows = dialect.show_rows(outcome.rows, record.sort)
        if record.types != outcome.types:
            return f"wanted types {record.types}\nfound types {outcome.types}"
        if rows != record.rows:
            return "wanted\n" + "\n".join(record.rows) + "\nfound\n" + "\n".join(rows)
        if record.label and self._labels.setdefault(record.label, rows) != rows:
            return f"not the rows of the first query with label {record.label}"
        return None


def _indent(text):
    return "\n".join("    " + line for line in text.splitlines())


def _shown(path):
    return path.relative_to(HERE.parent.parent) if path.is_relative_to(HERE.parent.parent) else path


def find_files(names):
    """The test files of these files and folders, sorted."""
    found = []
    for path in [pathlib.Path(name).resolve() for name in names] or [HERE]:
        if path.is_dir():
            found += [each for each in path.rglob("*.test") if not each.name.endswith(".slow.test")]
        else:
            found.append(path)
    return sorted(found)


def make_engines(options):
    """PostgreSQL first, so that a rewritten file is compared with Braid in the same run."""
    if options.against in ("postgres", "both"):
        yield engines.PostgresEngine(options.protocol)
    if options.against in ("braid", "both"):
        yield engines.BraidEngine(options.protocol, options.read_mode)


def main():
    """See the top of the file."""
    arguments = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    arguments.add_argument("--against", choices=[*dialect.ENGINES, "both"], default="both")
    arguments.add_argument("--protocol", choices=["simple", "extended"], default="simple")
    arguments.add_argument("--read-mode", choices=["live", "final"], default="live")
    arguments.add_argument("--rewrite", action="store_true")
    arguments.add_argument("paths", nargs="*")
    options = arguments.parse_args()
    files = find_files(options.paths)
    passed, failed = 0, 0
    for engine in make_engines(options):
        run = Run(options.rewrite)
        with contextlib.ExitStack() as stack:
            stack.enter_context(engine)
            for path in files:
                run.file(path, engine)
        print(f"{engine.name}: {len(files)} files, {run.passed} records as expected "
              f"({run.queries} queries), {run.failed} not")
        passed, failed = passed + run.passed, failed + run.failed
    print(f"{passed} passed, {failed} failed")
    sys.exit(1 if failed or not passed else 0)


if __name__ == "__main__":
    main()
