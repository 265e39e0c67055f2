#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Many streams: no threads of their own, nothing done for those that are idle, and each is woken by what comes."""
import pathlib
import re
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))

from harness import checks  # noqa: E402
from harness.server import Braid  # noqa: E402
from harness.waiting import eventually  # noqa: E402

STREAMS = 200
BUSY = 5
THREADS_MAX = 40
LOOKS = 40  # of the steps that watch, a few times a second
STEPS_MAX = 60  # of all others meanwhile: housekeeping looks about once a second
SECONDS = 120


class IdleStreamsTest(unittest.TestCase):
    def setUp(self):
        self.braid = self.enterContext(Braid(config="[speed]\nseal_interval_ms = 100\n[archive]\ninterval_s = 1\n"))
        with self.braid.connect() as connection:
            for number in range(STREAMS):
                connection.execute(f"CREATE TABLE t{number} (a bigint)")
            for number in range(BUSY):
                connection.execute(f"CREATE MATERIALIZED VIEW v{number} AS SELECT count(*) AS n FROM t{number}")

    def metrics(self, name):
        """The values of a metric by their labels."""
        text = self.braid.http("GET", "/metrics").text()
        return {labels: int(value) for labels, value in re.findall(rf"^{name}\{{(.*)\}} (\d+)$", text, re.M)}

    def steps(self):
        """How many steps were run that watch, and that do the rest."""
        steps = self.metrics("braid_steps_total")
        watching = steps.pop('kind="watch"')
        return watching, sum(steps.values())

    def expect_nothing_is_done(self):
        """While what watches looks many times, hardly anything else runs."""
        def is_quiet():
            watching, others = self.steps()
            eventually(lambda: self.steps()[0] >= watching + LOOKS, f"{LOOKS} looks", SECONDS)
            return self.steps()[1] - others <= STEPS_MAX
        eventually(is_quiet, lambda: f"idle streams rest: {self.metrics('braid_steps_total')}", SECONDS)

    def expect_woken(self, turn):
        """Records that come to a stream that rests are sealed and archived; no statement reads them before."""
        sealed = sum(self.metrics("braid_speed_seals_total").values())
        for number in range(BUSY):
            self.braid.post(f"t{number}", [{"a": turn}])
        eventually(lambda: sum(self.metrics("braid_archive_rows_total").values()) == BUSY * turn,
                   "all records are archived", SECONDS)
        eventually(lambda: sum(self.metrics("braid_speed_seals_total").values()) == sealed + BUSY,
                   "all streams are sealed", SECONDS)
        for number in range(BUSY):
            self.assertEqual(self.braid.value(f"SELECT n FROM v{number}"), turn)

    def test_idle_streams_cost_nothing_and_are_woken(self):
        threads = len(list(pathlib.Path(f"/proc/{self.braid.process.pid}/task").iterdir()))
        self.assertLessEqual(threads, THREADS_MAX)
        for turn in (1, 2):
            self.expect_nothing_is_done()
            self.expect_woken(turn)
        self.braid.restart()
        self.expect_nothing_is_done()


if __name__ == "__main__":
    checks.main()
