#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A batch answer that differs from speed's: the old one stays until somebody says which is right."""
import pathlib
import sys
import unittest

import psycopg

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))

from harness import checks, manifest_files  # noqa: E402
from harness.server import Braid  # noqa: E402

CONFIG = "[speed]\nseal_interval_ms = 600000\n[archive]\ninterval_s = 600\n"
SCHEMA = """
CREATE TABLE t (k int, v bigint);
CREATE MATERIALIZED VIEW sums AS SELECT k, sum(v) AS total FROM t GROUP BY k;
CREATE MATERIALIZED VIEW counts AS SELECT k, count(*) AS n FROM t GROUP BY k;
"""


def put_one_run_in_place_of_another(data):
    """What a speed layer that miscounts would leave: of the two seals of view sums the second has the first's
    rows, all files whole."""
    runs, paths = [], []
    for path in manifest_files.versions(data):
        version = manifest_files.read(path)
        for change in version["changes"]:
            if "seal" in change and change["seal"]["runs"]:
                runs.append(change["seal"]["runs"][0])
                paths.append((path, version))
    first, second = runs[-2:]
    for field in ("rows", "digest", "parts"):
        second[field] = first[field]
    manifest_files.write(*paths[-1])


class AuditTest(unittest.TestCase):
    """Each test begins with a REFRESH that found a difference."""

    def setUp(self):
        self.braid = Braid(init=SCHEMA, config=CONFIG).start()
        self.addCleanup(self.braid.remove)
        self.braid.sql("INSERT INTO t VALUES (1, 10), (3, 0)")
        self.braid.stop_sealed("sums")
        self.braid.start()
        self.braid.sql("INSERT INTO t VALUES (1, 1), (2, 100)")
        self.braid.stop_sealed("sums")
        put_one_run_in_place_of_another(self.braid.data)
        self.braid.start()
        self.assertEqual(self.sums(), [(1, 20), (3, 0)])
        self.assertEqual(self.refused(), "XB001")

    def sums(self):
        """The view's answer."""
        return self.braid.sql("SELECT k, total FROM sums ORDER BY k")

    def refused(self):
        """REFRESH is refused with this SQLSTATE."""
        with self.assertRaises(psycopg.Error) as caught:
            self.braid.sql("REFRESH MATERIALIZED VIEW sums")
        self.assertIn("k=2", caught.exception.diag.message_detail)
        return caught.exception.sqlstate

    def pending(self):
        """Numbers of the audits that wait."""
        return [number for number, in self.braid.sql(
            "SELECT number FROM braid.audits WHERE verdict = 'pending'")]

    def mismatches(self):
        """The metric."""
        lines = self.braid.http("GET", "/metrics").text().splitlines()
        return [line for line in lines if line.startswith("braid_audit_mismatches")]

    def test_the_old_answer_stays_and_the_difference_is_shown(self):
        self.assertEqual(self.sums(), [(1, 20), (3, 0)])
        rows = self.braid.sql("SELECT view, matched, difference FROM braid.audits ORDER BY view")
        self.assertEqual([(view, matched) for view, matched, _ in rows],
                         [("counts", True), ("sums", False)])
        self.assertIn("k=2", rows[1][2])
        self.assertEqual(self.mismatches(), ["braid_audit_mismatches 1"])

    def test_it_waits_through_a_restart_and_is_published_when_accepted(self):
        self.braid.crash()
        self.assertEqual(self.refused(), "XB001")
        self.assertEqual(self.mismatches(), ["braid_audit_mismatches 1"])
        number, = self.pending()
        self.braid.sql("INSERT INTO t VALUES (2, 5)")
        self.braid.sql("CALL braid.accept_audit(%s)", (number,))
        self.assertEqual(self.sums(), [(1, 11), (2, 105), (3, 0)])
        self.assertEqual(self.pending(), [])
        self.assertEqual(self.mismatches(), ["braid_audit_mismatches 0"])
        self.assertEqual(self.braid.value("SELECT count(*) FROM braid.audits WHERE verdict = 'accepted'"), 1)
        self.braid.sql("REFRESH MATERIALIZED VIEW sums")
        self.braid.restart()
        self.assertEqual(self.sums(), [(1, 11), (2, 105), (3, 0)])

    def test_it_is_dropped_when_rejected(self):
        number, = self.pending()
        self.braid.sql(f"CALL braid.reject_audit({number})")
        self.assertEqual(self.sums(), [(1, 20), (3, 0)])
        self.assertEqual(self.mismatches(), ["braid_audit_mismatches 0"])
        self.assertEqual(self.refused(), "XB001")
        self.assertNotEqual(self.pending(), [number])

    def test_only_an_audit_that_waits_can_be_judged(self):
        for number, state in ((99, "42704"), (1, "55000")):
            if number in self.pending():
                number = next(n for n in (1, 2) if n not in self.pending())
            with self.assertRaises(psycopg.Error) as caught:
                self.braid.sql(f"CALL braid.accept_audit({number})")
            self.assertEqual(caught.exception.sqlstate, state)


if __name__ == "__main__":
    checks.main()
