#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A thousand followed files cost little when nothing is new, and lose nothing when something is."""
import json
import pathlib
import re
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))

from harness import checks  # noqa: E402
from harness.server import Braid  # noqa: E402
from harness.waiting import eventually  # noqa: E402

FILES = 1000
LINES = 100
KIB_MAX = 10  # a file
COLLECT_SECONDS = 120


class ManyFilesTest(unittest.TestCase):
    """One program, two streams: of a thousand files, and of none."""

    def setUp(self):
        self.braid = Braid()
        self.logs = self.braid.folder / "logs"
        self.logs.mkdir()
        self.braid.init = (
            f"CREATE TABLE t (a bigint) WITH (connector = 'file', path = '{self.logs}/*.log', "
            "format = 'json');\n")
        self.enterContext(self.braid)

    def write(self, turn):
        """A hundred lines to each file."""
        for number in range(FILES):
            first = (turn * FILES + number) * LINES
            with open(self.logs / f"{number}.log", "ab") as file:
                file.write(b"".join(json.dumps({"a": first + line, "b": "x" * 50}).encode() + b"\n"
                                    for line in range(LINES)))

    def expect(self, turns):
        """Every line once, and nothing left."""
        wanted = turns * FILES * LINES

        def counts():
            return self.braid.sql("SELECT count(*), count(DISTINCT a) FROM t")[0]
        eventually(lambda: counts()[0] >= wanted, lambda: f"{wanted} rows, {counts()} found", COLLECT_SECONDS)
        self.assertEqual(counts(), (wanted, wanted))
        eventually(lambda: self.braid.sql("SELECT state, count(*), sum(lag) FROM braid.sources GROUP BY state")
                   == [("following", FILES, 0)], "all files are at their end", COLLECT_SECONDS)

    def facts(self, process):
        """What the system says of the program: KiB of memory of its own, open descriptors."""
        status = pathlib.Path(f"/proc/{process}/status").read_text()
        descriptors = list(pathlib.Path(f"/proc/{process}/fd").iterdir())
        return int(re.search(r"RssAnon:\s+(\d+)", status).group(1)), len(descriptors)

    def test_files_with_nothing_new_cost_little(self):
        with Braid(init="CREATE TABLE t (a bigint) WITH (connector = 'file', path = '/nothing/*', format = 'json');"
                   ) as other:
            other.value("SELECT count(*) FROM t")
            other.restart()
            other.value("SELECT count(*) FROM braid.sources")
            alone, _ = self.facts(other.process.pid)
        self.write(0)
        self.expect(1)
        self.braid.restart()
        # Files are at their end once each was read through: no statement reads the stream.
        eventually(lambda: self.braid.sql("SELECT state, count(*), sum(lag) FROM braid.sources GROUP BY state")
                   == [("following", FILES, 0)], "all files are at their end", COLLECT_SECONDS)
        many, descriptors = self.facts(self.braid.process.pid)
        each = (many - alone) / FILES
        print(f"{each:.1f} KiB a file, {descriptors} descriptors", end=" ")
        self.assertLessEqual(each, KIB_MAX)
        self.assertLess(descriptors, FILES / 2)
        self.write(1)
        self.expect(2)


if __name__ == "__main__":
    checks.main()
