#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""`braid fold` and `braid merge`: processes that each fold a split of the dataset make up what REFRESH published."""
import pathlib
import re
import subprocess
import sys
import tempfile
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))

from harness import checks  # noqa: E402
from harness.server import Braid, program  # noqa: E402

CONFIG = "[archive]\nsegment_rows = 150\n"
SCHEMA = """
CREATE TABLE t (k text, v bigint) WITH (partitions = 2);
CREATE MATERIALIZED VIEW v AS SELECT k, count(*) AS n, sum(100 / v) AS s, count(DISTINCT v) AS d,
    mode() WITHIN GROUP (ORDER BY v) AS m FROM t WHERE v >= 0 GROUP BY k;
CREATE MATERIALIZED VIEW other AS SELECT count(*) AS n FROM t;
"""
EVENTS = 2000


def run(*words):
    """Runs the program to its end: status, output, errors."""
    done = subprocess.run([program(), *map(str, words)], capture_output=True, text=True, timeout=300,
                          check=False)
    return done.returncode, done.stdout, done.stderr


class FoldMergeTest(unittest.TestCase):
    """One node with a published answer goes on while commands read its store."""

    @classmethod
    def setUpClass(cls):
        cls.braid = Braid(init=SCHEMA, config=CONFIG).start()
        cls.addClassCleanup(cls.braid.remove)
        for partition in (0, 1):
            records = [{"k": f"key {at % 97}", "v": at % 11 - 1} for at in range(EVENTS // 2)]
            records[5] = b"nonsense"
            for at in range(0, len(records), 100):
                cls.braid.post("t", records[at:at + 100], partition=partition)
        cls.braid.sql("REFRESH MATERIALIZED VIEW v")
        columns = "rows, digest, counted, filtered, quarantined, failed, expired, erased"
        cls.published = cls.braid.sql(f"SELECT {columns} FROM braid.runs WHERE view = 'v'")[0]

    def setUp(self):
        self.folder = pathlib.Path(self.enterContext(tempfile.TemporaryDirectory()))

    def command(self, name, out, *words):
        """What a command says of the run that it put there: as braid.runs does."""
        status, text, errors = run(name, "v", "--data", self.braid.data, "--out", self.folder / out, *words)
        self.assertEqual((status, errors), (0, ""))
        said = re.fullmatch(r"rows=(\d+) digest=(\w+) counted=(\d+) filtered=(\d+) quarantined=(\d+) "
                            r"failed=(\d+) expired=(\d+) erased=(\d+)\n", text)
        self.assertTrue(said, text)
        return tuple(word if at == 1 else int(word) for at, word in enumerate(said.groups()))

    def folded(self, count, *words):
        """Files of runs of so many splits."""
        files = []
        for number in range(1, count + 1):
            self.command("fold", f"{number}of{count}", "--split", f"{number}/{count}", *words)
            files.append(self.folder / f"{number}of{count}")
        return files

    def test_splits_make_up_what_was_published(self):
        self.assertEqual(self.published[2:], (1634, 182, 184, 182, 0, 0))
        for count in (1, 3, 7):
            with self.subTest(count):
                files = self.folded(count)
                self.assertEqual(self.command("merge", f"all{count}", *files), self.published)
        self.assertEqual(self.command("fold", "whole"), self.published)
        left = {path.name for path in self.folder.iterdir() if not path.name[0].isdigit()}
        self.assertEqual(left, {f"{name}{end}" for name in ("all1", "all3", "all7", "whole")
                                for end in ("", ".json")})

    def test_threads_and_spills_change_nothing(self):
        self.assertEqual(self.command("fold", "whole", "--threads", 3, "--memory-mib", 1), self.published)

    def test_ranges_of_keys_make_up_the_whole(self):
        files = self.folded(4)
        parts = [self.command("merge", f"range{number}", "--range", f"{number}/3", *files)
                 for number in (1, 2, 3)]
        self.assertEqual(sum(part[0] for part in parts), self.published[0])
        ranges = [self.folder / f"range{number}" for number in (1, 2, 3)]
        self.assertEqual(self.command("merge", "all", *ranges), self.published)

    def test_offsets_may_be_chosen(self):
        below = self.command("fold", "below", "--to", "0:400,1:7")
        self.assertEqual(sum(below[2:5]), 407)
        self.command("fold", "above", "--from", "0:400,1:7")
        both = self.command("merge", "both", self.folder / "below", self.folder / "above")
        self.assertEqual(both, self.published)
        empty = self.command("fold", "empty", "--to", "0:0,1:0")
        self.assertEqual(empty[0], 0)
        self.assertFalse((self.folder / "empty").exists())
        self.assertEqual(self.command("merge", "again", self.folder / "both", self.folder / "empty"),
                         self.published)

    def test_refusals(self):
        self.command("fold", "here", "--split", "1/2")
        data = ("--data", self.braid.data)
        here = self.folder / "here"
        other = self.folder / "other"
        self.assertEqual(run("fold", "other", *data, "--out", other)[0], 0)
        for words, said in ((("fold", "v", *data, "--out", here), "is there already"),
                            (("fold", "w", *data, "--out", self.folder / "w"), '"w" does not exist'),
                            (("fold", "v", "--data", self.folder, "--out", self.folder / "x"),
                             "holds no manifest"),
                            (("fold", "v", *data, "--out", self.folder / "x", "--from", "2:1"),
                             "not a vector of offsets"),
                            (("fold", "v", *data, "--out", self.folder / "x", "--from", "0:5", "--to",
                              "0:4"), "ends before it begins"),
                            (("fold", "v", *data, "--out", self.folder / "x", "--to", "0:5000"),
                             "lacks offset"),
                            (("merge", "v", *data, "--out", self.folder / "x", other),
                             "of another view version")):
            with self.subTest(words):
                status, _, errors = run(*words)
                self.assertEqual(status, 1)
                self.assertIn(said, errors)
        for words in (("fold", "v", "--out", "x", "--split", "3/2"), ("merge", "v", "--out", "x"),
                      ("fold", "v")):
            self.assertEqual(run(*words)[0], 2, words)

    def test_damage_is_refused_by_name(self):
        for file in ("run", "run.json"):
            self.command("fold", file.split(".", maxsplit=1)[0] if file == "run" else "run2")
            path = self.folder / (file if file == "run" else "run2.json")
            bytes_ = bytearray(path.read_bytes())
            bytes_[len(bytes_) // 3] ^= 1
            path.write_bytes(bytes_)
            status, _, errors = run("merge", "v", "--data", self.braid.data, "--out", self.folder / "m",
                                    path.with_suffix(""))
            self.assertEqual(status, 1)
            self.assertIn(path.name, errors)


if __name__ == "__main__":
    checks.main()
