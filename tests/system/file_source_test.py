#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A file source loses and repeats nothing: growth, rotation while up and while down, restarts in the middle,
files that shrink, long lines, bytes that are not UTF-8, empty files, a last line without its end."""
import gzip
import json
import os
import pathlib
import shutil
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))

from harness import checks  # noqa: E402
from harness.server import Braid  # noqa: E402
from harness.waiting import eventually  # noqa: E402

COLLECT_SECONDS = 60
PREFIX_BYTES = 64 * 1024


def lines(numbers):
    """One JSON record a number."""
    return b"".join(json.dumps({"a": number}).encode() + b"\n" for number in numbers)


class FileSourceTest(unittest.TestCase):
    """Each test has a program and a folder of logs of its own."""

    def setUp(self):
        self.braid = Braid()
        self.logs = self.braid.folder / "logs"
        self.logs.mkdir()
        self.braid.files = [self.braid.folder]
        self.braid.init = (
            f"CREATE TABLE t (a bigint) WITH (connector = 'file', path = '{self.logs}/*.log', "
            "format = 'json');\n"
            "CREATE MATERIALIZED VIEW v AS SELECT a, count(*) AS n FROM t GROUP BY a;\n")
        self.enterContext(self.braid)

    def append(self, name, data):
        """Adds bytes to a log."""
        with open(self.logs / name, "ab") as file:
            file.write(data)

    def expect(self, numbers, bad=0):
        """Waits until as much is collected, and checks that it is each number as often as it should be."""
        wanted = {}
        for number in numbers:
            wanted[number] = wanted.get(number, 0) + 1

        def counts():
            return self.braid.sql("SELECT (SELECT count(*) FROM t), "
                                  "(SELECT count(*) FROM braid.quarantine)")[0]
        eventually(lambda: counts() >= (sum(wanted.values()), bad),
                   lambda: f"{sum(wanted.values())} rows and {bad} bad ones, {counts()} found",
                   COLLECT_SECONDS)
        self.assertEqual(counts(), (sum(wanted.values()), bad))
        self.assertEqual(dict(self.braid.sql("SELECT a, count(*) FROM t GROUP BY a")), wanted)
        self.assertEqual(dict(self.braid.sql("SELECT a, n FROM v")), wanted)

    def test_growth(self):
        for start in range(0, 500, 50):
            self.append("x.log", lines(range(start, start + 50)))
        self.expect(range(500))
        self.append("y.log", lines(range(500, 600)))
        self.append("ignored.txt", lines(range(900, 910)))
        self.expect(range(600))

    def test_a_line_that_comes_in_pieces(self):
        self.append("x.log", b'{"a"')
        self.append("x.log", b': 1')
        self.append("y.log", lines([5]))
        self.expect([5])
        self.append("x.log", b"7}\n" + lines([18]))
        self.expect([5, 17, 18])

    def impatient(self):
        """The same table with short waits."""
        self.braid.sql("DROP MATERIALIZED VIEW v")
        self.braid.sql("DROP TABLE t")
        self.braid.sql(f"CREATE TABLE t (a bigint) WITH (connector = 'file', path = '{self.logs}/*.log', "
                       "format = 'json', line_wait = '100 ms', rotate_wait = '100 ms')")
        self.braid.sql("CREATE MATERIALIZED VIEW v AS SELECT a, count(*) AS n FROM t GROUP BY a")

    def test_last_line_without_its_end_is_taken_after_a_while(self):
        self.impatient()
        self.append("x.log", lines([1]) + b'{"a": 2}')
        self.expect([1, 2])
        self.append("x.log", b"\n" + lines([3]))
        self.expect([1, 2, 3])

    def test_the_rest_of_a_line_names_its_first_part(self):
        self.impatient()
        self.append("x.log", lines([1]) + b'{"a": 12')
        self.expect([1], bad=1)
        self.braid.restart()
        self.append("x.log", b'345}\n' + lines([3]))
        self.expect([1, 3], bad=2)
        rows = self.braid.sql("SELECT _partition, _offset, _raw, _error FROM braid.quarantine ORDER BY _offset")
        partition, offset, raw, _ = rows[0]
        self.assertEqual(raw, '{"a": 12')
        self.assertEqual(rows[1][2], "345}")
        self.assertIn(f"{partition}:{offset}", rows[1][3])

    def test_a_line_that_pauses_in_its_middle_is_one_line(self):
        self.append("x.log", b'{"a": 12')
        self.append("y.log", lines([1]))
        self.expect([1])
        os.rename(self.logs / "x.log", self.logs / "x.log.1")
        self.append("x.log", lines([2]))
        self.expect([1, 2])
        self.append("x.log.1", b'345}\n')
        self.expect([1, 2, 12345])

    def test_a_byte_order_mark(self):
        self.append("x.log", b"\xef\xbb\xbf" + lines([1, 2]))
        self.expect([1, 2])

    def test_sources_that_give_nothing_are_told(self):
        (self.logs / "folder.log").mkdir()
        self.append("packed.log", gzip.compress(lines([1])))
        self.append("plain.log.gz", lines([2]))
        os.mkfifo(self.logs / "pipe.log")
        notices = []
        with self.braid.connect() as connection:
            connection.add_notice_handler(lambda notice: notices.append((notice.severity, notice.message_primary)))
            for table, path in (("u", "nothing*"), ("w", ""), ("x", "packed.log"), ("y", "plain.log.gz")):
                connection.execute(f"CREATE TABLE {table} (a bigint) WITH (connector = 'file', "
                                   f"path = '{self.logs / path}', format = 'json')")
        self.assertEqual([severity for severity, _ in notices], ["WARNING"] * 3, notices)
        for (_, text), part in zip(notices, ("matches no file", "is a folder", "compressed (gzip)")):
            self.assertIn(part, text)

        def states():
            return {(stream, os.path.basename(source)): (state, position, size, error is not None)
                    for stream, source, state, position, size, error in self.braid.sql(
                        "SELECT stream, source, state, position, size, last_error FROM braid.sources")}
        size = (self.logs / "packed.log").stat().st_size
        wanted = {("t", "packed.log"): ("compressed", 0, size, True),
                  ("t", "pipe.log"): ("unreadable", None, None, True),
                  ("u", "nothing*"): ("missing", None, None, True),
                  ("t", "folder.log"): ("folder", None, None, True),
                  ("w", "logs"): ("folder", None, None, True),
                  ("x", "packed.log"): ("compressed", 0, size, True),
                  ("y", "plain.log.gz"): ("following", 9, 9, False)}
        eventually(lambda: states() == wanted, lambda: f"{wanted}, but {states()}", COLLECT_SECONDS)
        self.braid.restart()
        eventually(lambda: states() == wanted, lambda: f"{wanted}, but {states()}", COLLECT_SECONDS)
        self.assertRegex(self.braid.trace(), r'warning .*"u": path ".*nothing\*" matches 0 files')

    def test_restarts_in_the_middle(self):
        self.append("x.log", lines(range(1000)))
        self.braid.restart()
        self.append("x.log", lines(range(1000, 2000)))
        self.braid.crash()
        self.expect(range(2000))
        self.braid.kill()
        self.append("x.log", lines(range(2000, 2100)))
        self.braid.start()
        self.expect(range(2100))

    def test_rotation_while_up(self):
        self.append("x.log", lines(range(100)))
        self.expect(range(100))
        self.append("x.log", lines(range(100, 150)))
        os.rename(self.logs / "x.log", self.logs / "x.log.1")
        # The writer still has the old file open for a while.
        self.append("x.log.1", lines(range(150, 200)))
        self.append("x.log", lines(range(200, 300)))
        self.expect(range(300))
        self.append("x.log.1", lines(range(300, 310)))
        self.expect(range(310))
        self.braid.kill()
        self.append("x.log.1", lines(range(310, 320)))
        self.braid.start()
        self.expect(range(320))

    def test_rotation_while_down(self):
        self.append("x.log", lines(range(100)))
        self.expect(range(100))
        self.braid.stop()
        self.append("x.log", lines(range(100, 150)))
        os.rename(self.logs / "x.log", self.logs / "y.log")
        self.append("x.log", lines(range(200, 250)))
        self.braid.start()
        self.expect([*range(150), *range(200, 250)])

    def test_a_file_that_goes_away(self):
        self.append("x.log", lines(range(10)))
        self.expect(range(10))
        (self.logs / "x.log").unlink()
        self.append("y.log", lines(range(10, 20)))
        self.expect(range(20))
        self.braid.restart()
        self.expect(range(20))

    def test_a_file_that_shrinks_is_a_new_one(self):
        self.append("x.log", lines(range(100)))
        self.expect(range(100))
        (self.logs / "x.log").write_bytes(lines([7, 8]))
        self.expect([*range(100), 7, 8])
        self.assertRegex(self.braid.trace(), r"warning .*(shrank|shorter|truncated)")
        self.braid.restart()
        self.append("x.log", lines([9]))
        self.expect([*range(100), 7, 8, 9])

    def test_a_file_that_is_written_anew_in_place(self):
        self.append("x.log", lines(range(100, 200)))
        self.expect(range(100, 200))
        (self.logs / "x.log").write_bytes(lines(range(200, 300)))
        self.expect(range(100, 300))
        (self.logs / "x.log").write_bytes(lines(range(300, 500)))
        self.expect(range(100, 500))
        self.assertRegex(self.braid.trace(), r"warning .*written anew")
        self.braid.crash()
        self.expect(range(100, 500))
        self.braid.kill()
        (self.logs / "x.log").write_bytes(lines(range(500, 700)))
        self.braid.start()
        self.expect(range(100, 700))

    def test_a_copy_before_a_cut_is_not_counted_twice(self):
        for rotation in range(3):
            start = 100 * rotation
            self.append("x.log", lines(range(start, start + 60)))
            self.expect(range(start + 60))
            self.append("x.log", lines(range(start + 60, start + 100)))
            shutil.copy(self.logs / "x.log", self.logs / f"x.{rotation}.log")
            os.truncate(self.logs / "x.log", 0)
            if rotation == 1:
                self.braid.crash()
            self.expect(range(start + 100))

    def test_lines_that_are_no_records(self):
        self.append("x.log", lines([1]) + b"nonsense\n" + b'{"a": "\xff\xfe"}\n\r\n\n   \n'
                    + b'{"a": 99999999999999999999}\r\n' + lines([2]))
        self.expect([1, 2], bad=3)
        rows = self.braid.sql("SELECT _raw, _error FROM braid.quarantine ORDER BY _offset")
        self.assertEqual(rows[0][0], "nonsense")
        self.assertTrue(all(error for _, error in rows), rows)

    def test_a_line_of_ten_megabytes(self):
        self.append("x.log", lines([1]) + b"x" * 10_000_000 + b"\n" + lines([2]))
        self.expect([1, 2], bad=1)
        raw, error = self.braid.sql("SELECT _raw, _error FROM braid.quarantine")[0]
        self.assertEqual(raw[:10], "x" * 10)
        self.assertLessEqual(len(raw), PREFIX_BYTES)
        self.assertIn("10000000", error)
        self.braid.restart()
        self.expect([1, 2], bad=1)

    def test_empty_files_and_odd_names(self):
        for name in ("empty.log", "with space.log", "quote'.log", "naïve.log"):
            (self.logs / name).touch()
        self.append("with space.log", lines([1]))
        self.append("quote'.log", lines([2]))
        self.append("naïve.log", lines([3]))
        (self.logs / "folder.log").mkdir()
        os.mkfifo(self.logs / "pipe.log")
        self.expect([1, 2, 3])
        self.append("empty.log", lines([4]))
        self.expect([1, 2, 3, 4])

    def test_equal_files_are_different_files(self):
        self.append("x.log", lines([1, 2]))
        self.append("y.log", lines([1, 2]))
        self.expect([1, 1, 2, 2])


if __name__ == "__main__":
    checks.main()
