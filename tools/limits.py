#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Holds that every limit names its tests, and that they are there: limits.py [ROOT].

The limits are the rows of the table "Limits" of ARCHITECTURE.md. docs/operating/limits.md has a row
for each, with the same name, and in its last cell the tests: `Suite.Name` of a unit test, or
`file_test.py::test_name` of one in tests/system; or "none: " and why.
"""

import re
import sys
from pathlib import Path

import fault_files
import source_tree

TABLE = Path("ARCHITECTURE.md")
TESTS = Path("docs/operating/limits.md")
NAME = re.compile(r"`([^`]+)`")
SYSTEM_TEST = re.compile(r"^    def (test_\w+)\(", re.MULTILINE)


def rows(text: str) -> list[list[str]]:
    """The cells of the first table behind a heading that speaks of limits, without its head."""
    lines = iter(text.splitlines())
    for line in lines:
        if line.startswith("#") and "limits" in line.lower():
            break
    found = []
    for line in lines:
        if line.startswith("|"):
            found.append([cell.strip() for cell in line.strip("|\n").split("|")])
        elif found:
            break
    return found[2:]


def tests_of(root: Path) -> set[str]:
    names = fault_files.tests_of(root)
    for path in source_tree.files(root):
        if path.parent == Path("tests/system") and path.suffix == ".py":
            names |= {f"{path.name}::{name}"
                      for name in SYSTEM_TEST.findall((root / path).read_text())}
    return names


def check(root: Path) -> list[str]:
    if not (root / TABLE).is_file():
        return []
    limits = [row[0] for row in rows((root / TABLE).read_text())]
    described = rows((root / TESTS).read_text()) if (root / TESTS).is_file() else []
    tests = tests_of(root)
    faults = [f"{TESTS}:1: the limit \"{limit}\" of {TABLE} is not there"
              for limit in limits if limit not in [row[0] for row in described]]
    for row in described:
        if row[0] not in limits:
            faults.append(f"{TESTS}:1: {TABLE} has no limit \"{row[0]}\"")
        names = NAME.findall(row[-1])
        if not names and not row[-1].startswith("none: "):
            faults.append(f"{TESTS}:1: the limit \"{row[0]}\" names no test")
        faults += [f"{TESTS}:1: no test is called {name}" for name in names if name not in tests]
    return faults


if __name__ == "__main__":
    sys.exit(source_tree.tell_faults(check, "limits: every limit has its tests"))
