#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Whose directory it is: a second process takes it over, an old manifest is put back, the clock is told of.

What was acknowledged by whichever process is there, once, in the one that has the directory; the other ends and
says why."""
import http.client
import pathlib
import shutil
import sys
import threading
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))

from harness.server import Braid, StartFailure  # noqa: E402
from harness.waiting import eventually  # noqa: E402

END_SECONDS = 60
LOST_STATUS = 3
SCHEMA = """
CREATE TABLE t (writer int, number bigint);
CREATE MATERIALIZED VIEW v AS SELECT writer, count(*) AS n, count(DISTINCT number) AS numbers FROM t GROUP BY writer;
"""
CONFIG = """
[speed]
seal_interval_ms = 100
[archive]
interval_s = 1
[log]
extent_mib = 1
"""


class OwnershipTest(unittest.TestCase):
    """Each test has a directory of its own."""

    def setUp(self):
        self.first = Braid(init=SCHEMA, config=CONFIG)
        self.addCleanup(self.first.remove)
        self.first.start()

    def second(self):
        """Another process on the same directory."""
        second = Braid(self.first.data, config=CONFIG)
        second.trace_path = self.first.folder.parent / (self.first.folder.name + ".second")
        self.addCleanup(second.remove)
        return second

    def write(self, braid, writer, acknowledged):
        """Until the process is gone."""
        try:
            while True:
                number = len(acknowledged)
                if braid.post("t", [{"writer": writer, "number": number}]).status != 200:
                    return
                acknowledged.append(number)
        except (OSError, http.client.HTTPException):
            return

    def test_whoever_removes_the_lock_takes_the_directory_over(self):
        acknowledged = {0: [], 1: []}
        threads = [threading.Thread(target=self.write, args=(self.first, writer, acknowledged[writer]))
                   for writer in acknowledged]
        for thread in threads:
            thread.start()
        eventually(lambda: all(len(each) > 20 for each in acknowledged.values()), "nothing was acknowledged")
        (self.first.data / "LOCK").unlink()
        second = self.second()
        second.start()
        for thread in threads:
            thread.join(END_SECONDS)
        status = self.first.process.wait(END_SECONDS)
        self.first.process.stdout.close()
        self.first.process = None
        self.assertEqual(status, LOST_STATUS, self.first.trace())
        self.assertIn("belongs to another process", self.first.trace())
        self.assertEqual(second.post("t", [{"writer": 2, "number": 0}]).status, 200)
        second.restart()
        for writer, numbers in acknowledged.items():
            stored = {number for (number,) in second.sql(f"SELECT number FROM t WHERE writer = {writer}")}
            lost = set(numbers) - stored
            self.assertFalse(lost, f"acknowledged by the first, not in the second: {sorted(lost)[:5]}")
        self.assertEqual(second.sql("SELECT * FROM v WHERE n <> numbers"), [])
        self.assertEqual(second.sql("SELECT n FROM v WHERE writer = 2"), [(1,)])

    def test_a_process_with_nothing_to_write_ends_too(self):
        (self.first.data / "LOCK").unlink()
        status = self.first.process.wait(END_SECONDS)
        self.first.process.stdout.close()
        self.first.process = None
        self.assertEqual(status, LOST_STATUS)
        with self.second() as second:
            self.assertEqual(second.value("SELECT count(*) FROM t"), 0)

    def test_an_old_manifest_over_a_trimmed_log_is_refused(self):
        self.assertEqual(self.first.stop(), 0)
        old = self.first.folder / "old-manifest"
        shutil.copytree(self.first.data / "manifest", old)
        self.first.start()
        extents = self.first.data / "log"
        before = {path.name for path in extents.glob("*/0/*.extent")}

        def is_trimmed():
            body = [{"writer": 0, "number": number, "filler": "x" * 1000} for number in range(700)]
            self.assertEqual(self.first.post("t", body).status, 200)
            return not before & {path.name for path in extents.glob("*/0/*.extent")}

        eventually(is_trimmed, "the log was not trimmed", END_SECONDS)
        self.assertEqual(self.first.stop(), 0)
        shutil.rmtree(self.first.data / "manifest")
        shutil.copytree(old, self.first.data / "manifest")
        with self.assertRaises(StartFailure) as caught:
            self.first.start()
        self.assertEqual(caught.exception.status, 1)
        self.assertIn("manifest is older than the log", caught.exception.text)


if __name__ == "__main__":
    unittest.main()
