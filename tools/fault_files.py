#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Reads the planted faults of tests/faults, and holds that each still applies: fault_files.py [ROOT].

A fault is one small edit of one source file, as text that outlives what happens around it:

    title: acknowledge before sync
    promise: what the place in the code upholds
    file: src/log/extent_writer.cc
    target: log_test
    test: CrashTest.NothingAcknowledgedIsLostAtAnyPoint
    --- old
    lines that occur exactly once in the file
    --- new
    lines that stand in their place
    --- end
"""

import re
import sys
from dataclasses import dataclass
from pathlib import Path

import source_tree

FOLDER = Path("tests/faults")
FIELDS = ("title", "promise", "file", "target", "test")
FORM = re.compile(r"(?P<head>.*?)^--- old\n(?P<old>.*?)^--- new\n(?P<new>.*?)^--- end\n\Z",
                  re.DOTALL | re.MULTILINE)
TEST = re.compile(r"^(?:TYPED_)?TEST(?:_[FP])?\(\s*(\w+),\s*(\w+)\s*\)", re.MULTILINE)


class FaultError(Exception):
    """A fault file that is malformed or does not apply."""


@dataclass
class Fault:
    name: str  # of its file, without the ending
    title: str
    promise: str
    file: Path
    target: str  # a test program
    test: str    # Suite.Name of the test that catches it
    old: str
    new: str

    @property
    def gtest_filter(self) -> str:
        """Also with every parameter that the test may have."""
        return f"{self.test}:*/{self.test}/*"

    def plant(self, text: str) -> str:
        """The source with the fault in it."""
        count = text.count(self.old)
        if count != 1:
            raise FaultError(f"its old lines occur {count} times in {self.file}, not once")
        return text.replace(self.old, self.new)


def read(path: Path) -> Fault:
    form = FORM.fullmatch(path.read_text())
    if not form:
        raise FaultError("it has not the form: fields, --- old, --- new, --- end")
    fields = dict(line.split(": ", 1) for line in form["head"].splitlines() if ": " in line)
    if tuple(fields) != FIELDS:
        raise FaultError(f"its fields are not {', '.join(FIELDS)}")
    fields["file"] = Path(fields["file"])
    fault = Fault(path.stem, **fields, old=form["old"], new=form["new"])
    if not fault.old.strip() or fault.old == fault.new:
        raise FaultError("it changes nothing")
    return fault


def paths(root: Path) -> list[Path]:
    return [path for path in source_tree.files(root)
            if path.parent == FOLDER and path.suffix == ".fault"]


def tests_of(root: Path) -> set[str]:
    """Suite.Name of each test in C++."""
    tests = set()
    for path in source_tree.files(root):
        if path.suffix == ".cc" and source_tree.kind(path) == "test":
            tests |= {f"{suite}.{name}" for suite, name in TEST.findall((root / path).read_text())}
    return tests


def check(root: Path) -> list[str]:
    tests = tests_of(root)
    faults = []
    for path in paths(root):
        try:
            fault = read(root / path)
            if not (root / fault.file).is_file():
                raise FaultError(f"{fault.file} is not there")
            fault.plant((root / fault.file).read_text())
            if fault.test not in tests:
                raise FaultError(f"no test is called {fault.test}")
        except FaultError as error:
            faults.append(f"{path}:1: {error}")
    return faults


if __name__ == "__main__":
    sys.exit(source_tree.tell_faults(check, "fault_files: every planted fault applies"))
