#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""DELETE through psql on a running node: what is seen afterwards, in both read modes and after a restart, and that not
a byte of what was erased is left in the data directory."""
import pathlib
import re
import subprocess
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))

import pyarrow.parquet

from harness.postgres import binaries  # noqa: E402
from harness.server import Braid  # noqa: E402
from harness.waiting import eventually  # noqa: E402

SCHEMA = """
CREATE TABLE people (name text, town text, n int) WITH (partitions = 2);
CREATE MATERIALIZED VIEW per_name AS
    SELECT name, count(*) AS events, sum(n) AS sum, max(town) AS town FROM people GROUP BY name;
"""

# Whoever is to be forgotten; of letters that no other text here is of, so that nothing compresses it away.
NAME = "qzxvjkwq"


class ErasureTest(unittest.TestCase):
    """Each test is a node of its own."""

    def psql(self, braid, *statements):
        """Runs statements one by one; the unaligned output."""
        host, port = braid.pg
        words = [word for each in statements for word in ("-c", each)]
        done = subprocess.run(
            [binaries() / "psql", "-X", "-A", "-t", "-v", "ON_ERROR_STOP=1", "-h", host, "-p", str(port), "-U", "braid",
             "-d", "braid", *words], capture_output=True, text=True, timeout=300, check=False)
        self.assertEqual((done.returncode, done.stderr), (0, ""), done.stdout)
        return done.stdout.splitlines()

    def files_with(self, braid, text):
        """Paths in the data directory whose bytes hold the text, or its hex digits as the manifest writes keys."""
        forms = (text.encode(), text.encode().hex().encode())
        root = pathlib.Path(braid.data)
        return sorted(str(path.relative_to(root)) for path in root.rglob("*")
                      if path.is_file() and any(form in path.read_bytes() for form in forms))

    def test_not_a_byte_is_left(self):
        with Braid(init=SCHEMA) as braid:
            self.psql(braid,
                      f"INSERT INTO people VALUES ('{NAME}', 'Bonn', 1), ('other', 'Ulm', 2), ('{NAME}', 'Bonn', 3)",
                      "REFRESH MATERIALIZED VIEW per_name",
                      f"INSERT INTO people VALUES ('{NAME}', 'Köln', 4), ('other', 'Ulm', 5)")
            self.assertEqual(self.psql(braid, "SELECT * FROM per_name ORDER BY name"),
                             ["other|2|7|Ulm", f"{NAME}|3|8|Köln"])
            before = self.files_with(braid, NAME)
            for place in ("log/", "manifest/"):
                self.assertTrue(any(path.startswith(place) for path in before), before)
            self.assertEqual(self.psql(braid, f"DELETE FROM people WHERE name = '{NAME}'"), ["DELETE 3"])
            self.assertEqual(self.files_with(braid, NAME), [])
            self.check(braid)
            braid.restart()
            self.assertEqual(self.files_with(braid, NAME), [])
            self.check(braid)
            self.assertEqual(self.psql(braid, f"DELETE FROM people WHERE name = '{NAME}'"), ["DELETE 0"])

    def parquet_with(self, braid, text):
        """Segments, listed or not, of which a record or a column says it, however it is packed."""
        root = pathlib.Path(braid.data)
        return sorted(str(path.relative_to(root)) for folder in ("dataset", "unlisted")
                      for path in (root / folder).rglob("*.parquet")
                      if text in str(pyarrow.parquet.read_table(path).to_pylist()))

    def test_nor_in_what_merges_have_left(self):
        with Braid(init=SCHEMA) as braid:
            rows = 0

            def is_merged():
                """One more segment; true once some are merged."""
                nonlocal rows
                rows += 1
                self.psql(braid, f"INSERT INTO people VALUES ('{NAME}', 'Bonn', {rows}), ('other', 'Ulm', {rows})",
                          "REFRESH MATERIALIZED VIEW per_name")
                metrics = braid.http("GET", "/metrics").text()
                return int(re.search(r"(?m)^braid_segment_merges_total (\d+)$", metrics).group(1)) > 0

            eventually(is_merged, "segments are merged", seconds=120)
            before = self.parquet_with(braid, NAME)
            self.assertTrue(any(path.startswith("unlisted/") for path in before), before)
            self.assertEqual(self.psql(braid, f"DELETE FROM people WHERE name = '{NAME}'"), [f"DELETE {rows}"])
            self.assertEqual(self.files_with(braid, NAME), [])
            self.assertEqual(self.parquet_with(braid, NAME), [])
            self.assertEqual(list((pathlib.Path(braid.data) / "unlisted").rglob("*.parquet")), [])
            sums = [f"other|{rows}|{rows * (rows + 1) // 2}|Ulm"]
            for restarts in (True, False):
                self.assertEqual(self.psql(braid, "SELECT * FROM per_name"), sums)
                self.assertEqual(self.psql(braid, "SET braid.read_mode = final", "SELECT * FROM per_name"),
                                 ["SET", *sums])
                self.assertEqual(self.psql(braid, "SELECT count(*) FROM people"), [str(rows)])
                if restarts:
                    braid.restart()
            self.assertEqual(self.files_with(braid, NAME), [])

    def check(self, braid):
        """What is left, live and of batch."""
        self.assertEqual(self.psql(braid, "SELECT * FROM per_name"), ["other|2|7|Ulm"])
        self.assertEqual(self.psql(braid, "SET braid.read_mode = final", "SELECT * FROM per_name"),
                         ["SET", "other|2|7|Ulm"])
        self.assertEqual(self.psql(braid, "SELECT name, n FROM people ORDER BY n"), ["other|2", "other|5"])
        self.assertEqual(self.psql(braid, "SELECT stream, number, events, done_at IS NOT NULL FROM braid.erasures"),
                         ["people|1|3|t"])


if __name__ == "__main__":
    unittest.main()
