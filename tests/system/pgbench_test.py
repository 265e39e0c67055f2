#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""pgbench with scripts of its own, by the simple, the extended and the prepared protocol, from four clients."""
import pathlib
import re
import subprocess
import sys
import tempfile
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))

from harness import checks  # noqa: E402
from harness.postgres import binaries  # noqa: E402
from harness.server import Braid  # noqa: E402

SCHEMA = """
CREATE TABLE events (k int, v bigint);
CREATE MATERIALIZED VIEW totals AS SELECT k, count(*) AS n, sum(v) AS total FROM events GROUP BY k;
INSERT INTO events SELECT g % 100, g FROM generate_series(1, 1000) AS g;
"""
READ = """\\set key random(0, 99)
SELECT n, total FROM totals WHERE k = :key;
SELECT count(*) FROM totals WHERE k BETWEEN :key AND :key + 10;
"""
WRITE = """\\set key random(0, 99)
BEGIN;
INSERT INTO events VALUES (:key, 1);
INSERT INTO events VALUES (:key, -1);
END;
"""


class PgbenchTest(unittest.TestCase):
    """A run is good when no transaction failed and what it wrote is there."""

    @classmethod
    def setUpClass(cls):
        cls.braid = cls.enterClassContext(Braid(init=SCHEMA))

    def pgbench(self, protocol, script, transactions):
        """Runs a script so often from each of 4 clients."""
        host, port = self.braid.pg
        with tempfile.NamedTemporaryFile("w", suffix=".sql") as file:
            file.write(script)
            file.flush()
            done = subprocess.run(
                [binaries() / "pgbench", "-n", "-f", file.name, "-M", protocol, "-c", "4", "-j", "2",
                 "-t", str(transactions), "-h", host, "-p", str(port), "-U", "braid", "braid"],
                capture_output=True, text=True, timeout=300, check=False)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        self.assertNotIn("ERROR", done.stderr)
        self.assertIn("number of failed transactions: 0 ", done.stdout)
        processed = re.search(r"actually processed: (\d+)/(\d+)", done.stdout)
        self.assertEqual((processed[1], processed[2]), (str(4 * transactions),) * 2)

    def test_reading(self):
        for protocol in ("simple", "extended", "prepared"):
            with self.subTest(protocol):
                self.pgbench(protocol, READ, 100)

    def test_writing(self):
        for protocol in ("simple", "extended", "prepared"):
            with self.subTest(protocol):
                before = self.braid.sql("SELECT count(*), sum(v) FROM events")[0]
                self.pgbench(protocol, WRITE, 20)
                after = self.braid.sql("SELECT count(*), sum(v) FROM events")[0]
                self.assertEqual(after, (before[0] + 2 * 4 * 20, before[1]))
                self.assertEqual(self.braid.sql("SELECT sum(n), sum(total) FROM totals"), [after])


if __name__ == "__main__":
    checks.main()
