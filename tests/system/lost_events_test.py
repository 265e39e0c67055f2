#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A stream that keeps its events for a time: old ones leave the answers, the dataset and the disk; views keep what
they have counted of them."""
import datetime
import pathlib
import sys
import unittest

import pyarrow.dataset

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))

from harness import checks  # noqa: E402
from harness.server import Braid  # noqa: E402
from harness.waiting import eventually  # noqa: E402

CONFIG = "[batch]\nundo_window_s = 1\n"
SCHEMA = """
CREATE TABLE t (k text, at timestamptz) WITH (event_time = 'at', retention = '7 days');
CREATE MATERIALIZED VIEW v AS SELECT k, count(*) AS n FROM t GROUP BY k;
"""
NOW = datetime.datetime.now(datetime.timezone.utc)
READ_MODES = ("live", "at_cut", "final")


class StreamRetentionTest(unittest.TestCase):
    """What is eight days old has gone, by a REFRESH."""

    def setUp(self):
        self.braid = Braid(init=SCHEMA, config=CONFIG).start()
        self.addCleanup(self.braid.remove)
        for key, days in (("old", 8), ("kept", 6), ("now", 0)):
            self.braid.sql(f"INSERT INTO t VALUES ('{key}', '{NOW - datetime.timedelta(days=days)}')")
            # Each lies in a segment of its own.
            self.braid.sql("REFRESH MATERIALIZED VIEW v")

    def raw(self):
        """The stream."""
        return [key for (key,) in self.braid.sql("SELECT k FROM t ORDER BY k")]

    def check_answers(self):
        """Those of the view, by both layers."""
        for mode in READ_MODES:
            with self.subTest(mode=mode), self.braid.connect() as session:
                session.execute(f"SET braid.read_mode = {mode}")
                found = session.execute("SELECT k, n FROM v ORDER BY k").fetchall()
                self.assertEqual(found, [("kept", 1), ("now", 1), ("old", 1)])

    def files(self):
        """Parquet files, listed or not."""
        return list(self.braid.data.rglob("*.parquet"))

    def test_old_events_leave_the_stream_and_views_keep_what_they_counted(self):
        self.assertEqual(self.raw(), ["kept", "now"])
        self.check_answers()
        self.assertEqual(self.braid.sql("SELECT retention, removed_rows FROM braid.streams"), [("7 days", 1)])
        self.braid.sql("CREATE MATERIALIZED VIEW w AS SELECT k, count(*) AS n FROM t GROUP BY k")
        self.assertEqual(self.braid.sql("SELECT k, n FROM w ORDER BY k"), [("kept", 1), ("now", 1)])
        self.assertEqual(self.braid.sql("SELECT name, complete_since FROM braid.views ORDER BY name"),
                         [("v", "0:0"), ("w", "0:1")])

    def test_files_leave_the_disk(self):
        eventually(lambda: len(self.files()) == 2, "the files of what has gone")
        folder = next((self.braid.data / "dataset").iterdir())
        rows = pyarrow.dataset.dataset(folder, format="parquet", partitioning="hive").to_table()
        self.assertEqual(sorted(rows["k"].to_pylist()), ["kept", "now"])
        self.check_answers()

    def test_delete_tells_what_it_does_not_reach(self):
        notices = []
        with self.braid.connect() as session:
            session.add_notice_handler(lambda notice: notices.append((notice.sqlstate, notice.message_detail)))
            deleted = session.execute("DELETE FROM t WHERE k <> 'now'")
            self.assertEqual(deleted.statusmessage, "DELETE 1")
        self.assertEqual(notices, [("01000", 'View "v" still has what it counted of them below 0:1.')])
        self.assertEqual(self.raw(), ["now"])
        self.assertEqual(self.braid.sql("SELECT k, n FROM v ORDER BY k"), [("now", 1), ("old", 1)])

    def test_a_killed_node_goes_on_at_the_same_place(self):
        self.braid.kill()
        self.braid.start()
        self.assertEqual(self.raw(), ["kept", "now"])
        self.check_answers()
        self.braid.sql("REFRESH MATERIALIZED VIEW v")
        self.check_answers()
        self.assertEqual(self.braid.sql("SELECT count(*) FROM braid.audits WHERE NOT matched"), [(0,)])


if __name__ == "__main__":
    checks.main()
