#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The data directory is for its owner alone, and one of its streams that is ill does not make the others ill."""
import os
import pathlib
import shutil
import stat
import sys
import tempfile
import unittest

import psycopg

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))

from harness import checks  # noqa: E402
from harness.server import ROOT, Braid, StartFailure  # noqa: E402

RULES = """user_agent_parsers:
  - regex: '(Firefox)/(\\d+)'
os_parsers:
  - regex: '(Linux)'
"""
SCHEMA = """
CREATE TABLE well (a int);
CREATE MATERIALIZED VIEW well_sum AS SELECT sum(a) AS total FROM well;
CREATE TABLE ill (ip text, agent text);
CREATE MATERIALIZED VIEW places AS SELECT region(ip) AS region, count(*) AS n FROM ill GROUP BY 1;
"""


def open_to_others(folder):
    """Names below a folder, itself included, that group or others may do something with."""
    found = [] if stat.S_IMODE(folder.stat().st_mode) == 0o700 else ["."]
    for path in folder.rglob("*"):
        wanted = 0o700 if path.is_dir() else 0o600
        if stat.S_IMODE(path.stat().st_mode) != wanted:
            found.append(str(path.relative_to(folder)))
    return found


class DataDirectoryTest(unittest.TestCase):
    """Every test has a folder of its own."""

    def setUp(self):
        self.folder = pathlib.Path(self.enterContext(tempfile.TemporaryDirectory()))
        self.rules, self.regions = self.folder / "rules.yaml", self.folder / "regions.mmdb"
        self.rules.write_text(RULES)
        shutil.copy(ROOT / "tests/data/regions.mmdb", self.regions)
        self.config = (f"[function_data]\nuser_agent_rules = \"{self.rules}\"\n"
                       f"regions_ipv4 = \"{self.regions}\"\nregions_ipv6 = \"\"\n"
                       "[speed]\nseal_interval_ms = 600000\n")

    def node(self, init=None):
        """A node on data/ that is gone at the end."""
        braid = Braid(self.folder / "data", init=init, config=self.config)
        self.addCleanup(braid.remove)
        return braid

    def filled(self):
        """A node with both streams, one row in each."""
        braid = self.node(SCHEMA).start()
        braid.sql("INSERT INTO well VALUES (1)")
        braid.sql("INSERT INTO ill VALUES ('81.2.69.160', 'Firefox/9')")
        self.assertEqual(braid.sql("SELECT * FROM places"), [("England", 1)])
        return braid

    def state(self, braid):
        """What braid.streams says of each."""
        return dict(braid.sql("SELECT name, state FROM braid.streams"))

    def sqlstate(self, braid, text):
        """How a statement is refused."""
        with self.assertRaises(psycopg.Error) as caught:
            braid.sql(text)
        self.error = str(caught.exception)
        return caught.exception.sqlstate

    def test_local_and_store_may_lie_apart(self):
        local, store = self.folder / "nvme", self.folder / "large" / "store"
        apart = self.config
        self.config += f"[local]\npath = \"{local}\"\n[store]\npath = \"{store}\"\n"
        braid = self.filled()
        braid.sql("REFRESH MATERIALIZED VIEW places")
        with self.assertRaises(StartFailure) as second:
            # The logs of a store's tables are in one place only.
            Braid(self.folder / "other", config=apart + f"[store]\npath = \"{store}\"\n").start()
        self.assertIn("locked by another process", str(second.exception))
        braid.stop()
        names = {path.name for path in local.iterdir() if not path.name.startswith("OWNER-")}
        self.assertLessEqual(names, {"LOCK", "_tmp", "cache", "log", "redo", "spill"})
        names = {path.name for path in store.iterdir()}
        self.assertLessEqual(names, {"LOCK", "_tmp", "dataset", "function_data", "manifest", "runs",
                                     "unlisted"})
        self.assertFalse((self.folder / "data").exists())
        self.assertEqual(open_to_others(local), [])
        self.assertEqual(open_to_others(store), [])
        braid.start()
        self.check_well(braid)
        self.assertEqual(braid.sql("SELECT * FROM places"), [("England", 1)])
        braid.stop()
        # Another place for both, told by the configuration alone.
        shutil.move(local, self.folder / "moved")
        self.config = self.config.replace(str(local), str(self.folder / "moved"))
        moved = self.node().start()
        self.assertEqual(moved.sql("SELECT * FROM places"), [("England", 1)])

    def check_well(self, braid):
        """The other stream answers and takes events."""
        before = braid.value("SELECT total FROM well_sum")
        braid.sql("INSERT INTO well VALUES (1)")
        self.assertEqual(braid.value("SELECT total FROM well_sum"), before + 1)
        braid.sql("REFRESH MATERIALIZED VIEW well_sum")

    # Who may read it.

    def test_all_that_is_made_is_for_its_owner(self):
        before = os.umask(0)
        try:
            braid = self.filled()
            braid.sql("REFRESH MATERIALIZED VIEW places")
            braid.restart()
        finally:
            os.umask(before)
        self.assertEqual(open_to_others(braid.data), [])

    def test_a_directory_that_others_may_enter_is_closed(self):
        braid = self.filled()
        braid.stop()
        for path in (braid.data, *braid.data.rglob("*")):
            path.chmod(0o755 if path.is_dir() else 0o644)
        braid.start()
        self.assertEqual(open_to_others(braid.data), [])

    def test_a_directory_with_files_of_others_is_refused(self):
        (self.folder / "data").mkdir(mode=0o755)
        (self.folder / "data" / "letter").write_text("private")
        (self.folder / "data").chmod(0o755)
        with self.assertRaises(StartFailure) as caught:
            self.node().start()
        self.assertEqual(caught.exception.status, 1)
        self.assertIn("42501", caught.exception.text)
        self.assertIn(str(self.folder / "data"), caught.exception.text)

    # One stream is ill.

    def check_ill(self, braid):
        """The stream says what ails it, by whatever way it is asked; the other one goes on."""
        self.assertEqual(self.state(braid), {"well": "open", "ill": "failed"})
        self.check_well(braid)
        for text in ("SELECT * FROM ill", "SELECT * FROM places", "INSERT INTO ill VALUES ('a', 'b')",
                     "REFRESH MATERIALIZED VIEW places",
                     "CREATE MATERIALIZED VIEW more AS SELECT count(*) AS n FROM ill"):
            self.assertEqual(self.sqlstate(braid, text), "XX001", text)
        self.assertEqual(braid.post("ill", [{"ip": "1.2.3.4"}]).status, 500)
        braid.post("well", ["no record"])
        told = braid.sql("SELECT _partition, _error FROM braid.quarantine WHERE stream = 'ill'")
        self.assertEqual([(partition, "XX001" in error) for partition, error in told], [(None, True)])
        self.assertLess(0, braid.value("SELECT count(*) FROM braid.quarantine WHERE stream = 'well'"))

    def test_damage_of_a_log_is_of_its_stream_alone(self):
        braid = self.filled()
        braid.stop()
        log = max((braid.data / "log").glob("[0-9]*"), key=lambda path: int(path.name))
        extent = next(log.rglob("*.extent"))
        extent.write_bytes(b"x" * extent.stat().st_size)
        braid.start()
        self.check_ill(braid)
        self.assertIn(extent.name, braid.value("SELECT error FROM braid.streams WHERE name = 'ill'") +
                      braid.trace())
        braid.sql("DROP MATERIALIZED VIEW places")
        braid.sql("DROP TABLE ill")
        self.assertEqual(self.state(braid), {"well": "open"})
        braid.restart()
        self.check_well(braid)

    def test_function_data_that_are_not_what_was_copied_in_are_not_used(self):
        braid = self.filled()
        braid.stop()
        copy = braid.data / "function_data" / "geo-1" / "ipv4.mmdb"
        whole = copy.read_bytes()
        for content in (whole[:-3] + b"\0\0\0", whole[:1000], RULES.encode(), None):
            with self.subTest(content=content and content[:10]):
                copy.unlink(missing_ok=True)
                if content is not None:
                    copy.write_bytes(content)
                braid.start()
                self.check_ill(braid)
                self.assertIn("function_data/geo-1", self.error)
                braid.stop()
        copy.write_bytes(whole)
        braid.start()
        self.assertEqual(braid.sql("SELECT * FROM places"), [("England", 1)])

    def test_a_stream_is_well_again_without_the_view_that_ails_it(self):
        braid = self.filled()
        braid.stop()
        (braid.data / "function_data" / "geo-1" / "ipv4.mmdb").unlink()
        braid.start()
        self.assertEqual(self.state(braid)["ill"], "failed")
        braid.sql("DROP MATERIALIZED VIEW places")
        self.assertEqual(self.state(braid)["ill"], "open")
        self.assertEqual(braid.value("SELECT count(*) FROM ill"), 1)
        braid.sql("INSERT INTO ill VALUES ('a', 'b')")
        self.assertEqual(braid.value("SELECT count(*) FROM ill"), 2)

    def test_function_data_that_cannot_be_used_make_no_view(self):
        self.regions.write_bytes(b"garbage" * 100)
        self.rules.write_text("user_agent_parsers:\n  - regex: '((('\nos_parsers:\n  - regex: x\n")
        braid = self.node("CREATE TABLE well (a int); CREATE TABLE ill (ip text, agent text);"
                          "CREATE MATERIALIZED VIEW well_sum AS SELECT sum(a) AS total FROM well").start()
        braid.sql("INSERT INTO well VALUES (1)")
        for call, path in (("region(ip)", self.regions), ("client(agent)", self.rules)):
            state = self.sqlstate(
                braid, f"CREATE MATERIALIZED VIEW v AS SELECT {call} AS c, count(*) AS n FROM ill GROUP BY 1")
            self.assertEqual(state, "F0000")
            self.assertIn(str(path), self.error)
        self.assertEqual(braid.sql("SELECT name FROM braid.views"), [("well_sum",)])
        braid.sql("INSERT INTO ill VALUES ('a', 'b')")
        self.assertEqual(braid.value("SELECT count(*) FROM ill"), 1)
        self.check_well(braid)
        self.rules.write_text(RULES)
        self.assertEqual(self.sqlstate(braid, "SELECT region(ip) FROM ill"), "F0000")
        self.assertEqual(braid.sql("SELECT client(agent) FROM ill"), [("Other",)])
        braid.restart()
        self.check_well(braid)

    def test_a_view_keeps_its_function_data_when_what_is_configured_is_ill(self):
        braid = self.filled()
        braid.stop()
        self.regions.write_bytes(b"garbage")
        braid.start()
        braid.sql("INSERT INTO ill VALUES ('202.108.22.5', 'x')")
        self.assertEqual(sorted(braid.sql("SELECT * FROM places")), [("Beijing", 1), ("England", 1)])


if __name__ == "__main__":
    checks.main()
