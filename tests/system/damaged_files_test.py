#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Damaged files: a flipped byte in any file of the data directory is a clear error or no matter at all, never a
wrong answer; a torn end of the log is cut off; two processes never share a directory."""
import pathlib
import random
import shutil
import sys
import tempfile
import unittest

import psycopg

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))

from harness import checks  # noqa: E402
from harness.server import Braid, StartFailure  # noqa: E402

SEED = 20261122
FLIPS = 6
SCHEMA = """
CREATE TABLE t (k int, v bigint, s text);
CREATE MATERIALIZED VIEW by_key AS
    SELECT k, count(*) AS n, sum(v) AS total, count(DISTINCT s) AS texts FROM t GROUP BY k;
"""
# Small groups and few seals, so that each class of file is there and used.
CONFIG = "[speed]\nseal_interval_ms = 600000\n[archive]\ninterval_s = 600\n"
FILL = ("INSERT INTO t SELECT g % 50, g, 'text ' || g % 13 "
        "FROM generate_series({first}, {last}) AS g")
QUESTIONS = ("SELECT count(*), sum(v), sum(length(s)) FROM t",
             "SELECT count(*), sum(n), sum(total), sum(texts), combine(texts) FROM by_key",
             "SELECT k, n, total, texts FROM by_key ORDER BY k")
CLASSES = {"manifest": "manifest/*", "log": "log/*/*/*.extent", "segment": "dataset/**/*.parquet",
           "run": "runs/**/*.run"}
# What a damaged file may be called by: corruption, or that something is not there any more.
CLEAR = ("XX001", "58030")
REFUSED = (*CLEAR, "XB003")  # the last: the manifest is older than the log


def last_extent(data):
    """The newest file of the log."""
    return sorted(data.glob(CLASSES["log"]))[-1]


def flip(path, at, bit):
    """Changes one bit of a file."""
    with open(path, "r+b") as file:
        file.seek(at)
        before = file.read(1)
        file.seek(at)
        file.write(bytes([before[0] ^ bit]))


class DamagedFilesTest(unittest.TestCase):
    """A directory with batch runs, sealed runs, segments and a tail of the log is made once and copied."""

    @classmethod
    def setUpClass(cls):
        folder = pathlib.Path(cls.enterClassContext(tempfile.TemporaryDirectory()))
        cls.original, cls.closed = folder / "original", folder / "closed"
        with Braid(cls.original, init=SCHEMA, config=CONFIG) as braid:
            braid.sql(FILL.format(first=1, last=2000))
            braid.sql("REFRESH MATERIALIZED VIEW by_key")
            braid.sql(FILL.format(first=2001, last=3000))
            braid.stop_sealed("by_key")
            braid.start()
            for first in range(3001, 3401, 100):
                braid.sql(FILL.format(first=first, last=first + 99))
            cls.without_last_group = [braid.sql(question) for question in QUESTIONS]
            cls.last_group_at = last_extent(cls.original).stat().st_size
            braid.sql(FILL.format(first=3401, last=3500))
            cls.answers = [braid.sql(question) for question in QUESTIONS]
            braid.kill()  # the last rows are in the log alone
            shutil.copytree(cls.original, cls.closed)
        with Braid(cls.closed, config=CONFIG) as braid:
            braid.stop_sealed("by_key")
        assert cls.answers[0][0][0] == 3500

    def copy(self, of=None):
        """A directory of its own for one damage."""
        place = pathlib.Path(self.enterContext(tempfile.TemporaryDirectory())) / "data"
        shutil.copytree(of or self.original, place)
        return place

    def outcome(self, data, answers=None):
        """Starts on the directory and asks; gives what every answer was: right, or a clear error."""
        braid = Braid(data, config=CONFIG)
        found = []
        try:
            braid.start()
            for question, wanted in zip(QUESTIONS, answers or self.answers):
                try:
                    rows = braid.sql(question)
                    self.assertEqual(rows, wanted, f"a wrong answer to {question}")
                    found.append("right")
                except psycopg.Error as error:
                    self.assertIn(error.sqlstate, CLEAR, f"{question}: {error}")
                    found.append(error.sqlstate)
        except StartFailure as failure:
            self.assertEqual(failure.status, 1, failure.text)
            self.assertRegex(failure.text, "|".join(REFUSED), "no clear reason")
            found.append("refused")
        finally:
            braid.remove()
        return found

    def test_without_damage(self):
        self.assertEqual(self.outcome(self.copy()), ["right"] * len(QUESTIONS))

    def flip_everywhere(self, kind, of=None):
        """Flips bytes at both ends and at drawn places of the files of one class."""
        original = of or self.original
        draw = random.Random(f"{SEED}{kind}")
        names = sorted(path.relative_to(original) for path in original.glob(CLASSES[kind])
                       if path.is_file() and path.stat().st_size)
        self.assertTrue(names, f"no {kind}")
        for number in range(FLIPS):
            name = names[-1] if number < 2 else draw.choice(names)
            size = (original / name).stat().st_size
            at = {0: 0, 1: size - 1}.get(number, draw.randrange(size))
            with self.subTest(file=str(name), byte=at, size=size):
                data = self.copy(original)
                flip(data / name, at, 1 << draw.randrange(8))
                self.outcome(data)

    def test_flipped_bytes_in_the_manifest(self):
        self.flip_everywhere("manifest")

    def test_flipped_bytes_in_the_log(self):
        self.flip_everywhere("log", self.closed)

    def test_flipped_bytes_in_the_log_after_a_crash(self):
        draw = random.Random(SEED)
        name = last_extent(self.original).relative_to(self.original)
        for at in (0, self.last_group_at - 1, *draw.sample(range(self.last_group_at), 3)):
            with self.subTest(byte=at, last_group_at=self.last_group_at):
                data = self.copy()
                flip(data / name, at, 1 << draw.randrange(8))
                self.outcome(data)

    def test_damage_to_the_last_group_after_a_crash_looks_torn(self):
        # The one damage that cannot be told from a write that nobody was told of: docs/formats/log.md.
        data = self.copy()
        flip(last_extent(data), last_extent(data).stat().st_size - 5, 1)
        self.assertEqual(self.outcome(data, self.without_last_group), ["right"] * len(QUESTIONS))

    def test_flipped_bytes_in_segments(self):
        self.flip_everywhere("segment")

    def test_flipped_bytes_in_runs(self):
        self.flip_everywhere("run")

    def test_files_that_are_gone_or_empty(self):
        for kind in ("manifest", "segment", "run"):
            path = sorted(path for path in self.original.glob(CLASSES[kind])
                          if path.is_file())[-1].relative_to(self.original)
            for damage in ("gone", "empty"):
                with self.subTest(kind=kind, damage=damage):
                    data = self.copy()
                    if damage == "gone":
                        (data / path).unlink()
                    else:
                        (data / path).write_bytes(b"")
                    self.outcome(data)

    def test_files_that_change_under_a_node_that_has_read_them(self):
        # ./dev prove damage_running does it 1,000 times; here each class of file once, whole and cut short.
        draw = random.Random(SEED)
        for cache_mib in (0, 64):
            for kind in ("segment", "run"):
                with Braid(self.copy(), config=f"{CONFIG}[read]\ncache_mib = {cache_mib}\n") as braid:
                    self.assertEqual([braid.sql(question) for question in QUESTIONS], self.answers)
                    refusals = 0
                    for path in sorted(braid.data.glob(CLASSES[kind])):
                        whole = path.read_bytes()
                        for damage in ("flip", "cut"):
                            at = draw.randrange(len(whole))
                            if damage == "flip":
                                flip(path, at, 1 << draw.randrange(8))
                            else:
                                with open(path, "r+b") as file:
                                    file.truncate(at)
                            with self.subTest(file=path.name, kind=kind, damage=damage, at=at, cache=cache_mib):
                                for question, wanted in zip(QUESTIONS, self.answers):
                                    try:
                                        self.assertEqual(braid.sql(question), wanted, question)
                                    except psycopg.Error as error:
                                        refusals += 1
                                        self.assertEqual(error.sqlstate, "XX001")
                                        self.assertIn(path.name, str(error))
                            with open(path, "r+b") as file:
                                file.write(whole)
                    self.assertEqual(refusals > 0, kind == "segment" or cache_mib == 0)
                    self.assertEqual([braid.sql(question) for question in QUESTIONS], self.answers)

    def test_a_torn_end_of_the_log_is_cut_off(self):
        for torn in (b"\0" * 100, b"\xff" * 3, bytes(range(256)) * 40):
            with self.subTest(torn=torn[:4]):
                data = self.copy()
                with open(last_extent(data), "ab") as file:
                    file.write(torn)
                self.assertEqual(self.outcome(data), ["right"] * len(QUESTIONS))

    def test_half_of_the_last_block_is_cut_off(self):
        with Braid(self.copy(), config=CONFIG) as braid:
            self.assertEqual(braid.post("t", [{"k": 1, "v": 10**6, "s": "new"}]).status, 200)
            braid.kill()
            extent = last_extent(braid.data)
            # As if the machine had failed before the block was whole: then nobody was told of it.
            with open(extent, "r+b") as file:
                file.truncate(extent.stat().st_size - 7)
            braid.start()
            self.assertEqual([braid.sql(question) for question in QUESTIONS], self.answers)
            self.assertEqual(braid.post("t", [{"k": 1, "v": 5, "s": "text 1"}]).status, 200)
            self.assertEqual(braid.value("SELECT count(*) FROM t"), 3501)

    def test_a_second_process_is_refused(self):
        with Braid(self.copy(), config=CONFIG) as braid:
            second = Braid(braid.folder, config=CONFIG)
            second.trace_path = braid.folder.parent / "second.trace"
            with self.assertRaises(StartFailure) as caught:
                second.start()
            self.assertEqual(caught.exception.status, 1)
            self.assertIn("locked by another process", caught.exception.text)
            self.assertEqual(braid.sql(QUESTIONS[0]), self.answers[0])
            braid.kill()
            second.trace_path.unlink()
            braid.start()  # a dead process holds nothing

    def test_a_leftover_segment_is_no_proof_of_what_came_in(self):
        # As a copy that was not made at one moment would have it: the same stream, whose archive has gone another
        # way than its log.
        folder = pathlib.Path(self.enterContext(tempfile.TemporaryDirectory()))
        begun, other, data = folder / "begun", folder / "other", folder / "data"
        with Braid(begun, init=SCHEMA, config=CONFIG) as braid:
            braid.sql("INSERT INTO t VALUES (1, 1, 'both')")
            braid.kill()
            shutil.copytree(begun, other)
            shutil.copytree(begun, data)
        with Braid(other, config=CONFIG) as braid:
            braid.sql("INSERT INTO t SELECT 2, g, 'other' FROM generate_series(1, 9) AS g")
            braid.sql("REFRESH MATERIALIZED VIEW by_key")
        with Braid(data, config=CONFIG) as braid:
            braid.sql("INSERT INTO t VALUES (3, 3, 'mine'), (4, 4, 'mine')")
            braid.kill()
            for path in other.glob("dataset/*"):
                shutil.copytree(path, data / "dataset" / path.name)
            braid.start()
            wanted = [(0, 1, 1, "both"), (1, 3, 3, "mine"), (2, 4, 4, "mine")]
            rows = "SELECT _offset, k, v, s FROM t ORDER BY 1"
            self.assertEqual(braid.sql(rows), wanted)
            braid.sql("REFRESH MATERIALIZED VIEW by_key")
            self.assertEqual(braid.sql(rows), wanted)
            self.assertEqual(braid.sql("SELECT k, n, total FROM by_key ORDER BY k"),
                             [(1, 1, 1), (3, 1, 3), (4, 1, 4)])
            braid.restart()
            self.assertEqual(braid.sql(rows), wanted)

    def test_files_that_nobody_names_do_no_harm(self):
        data = self.copy()
        for folder in ("manifest", "runs", "dataset", "log", "."):
            (data / folder / "stranger.tmp").write_bytes(b"anything")
        (data / "_tmp" / "half.parquet").write_bytes(b"PAR1")
        self.outcome(data)


if __name__ == "__main__":
    checks.main()
