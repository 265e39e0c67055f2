#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""`./dev services`: real servers come up on the loopback, come back after a kill with what they held, and go."""
import json
import os
import pathlib
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))

from harness import checks  # noqa: E402

PROGRAM = pathlib.Path(__file__).resolve().parents[2] / "tools" / "services" / "services.py"
NAMES = ["kafka", "redis", "postgres"]
LISTENS = "0A"


def process_tree(root):
    """A process and all below it."""
    children = {}
    for folder in pathlib.Path("/proc").iterdir():
        if folder.name.isdigit():
            try:
                fields = (folder / "stat").read_text(encoding="utf-8").rpartition(")")[2].split()
            except OSError:
                continue
            children.setdefault(int(fields[1]), []).append(int(folder.name))
    tree = [root]
    for process in tree:
        tree += children.get(process, [])
    return tree


def listening(processes):
    """Addresses, as /proc/net writes them, on which any of them listens."""
    inodes = set()
    for process in processes:
        for link in pathlib.Path(f"/proc/{process}/fd").iterdir():
            try:
                inodes |= set(re.findall(r"socket:\[(\d+)\]", os.readlink(link)))
            except OSError:
                continue
    found = set()
    for table in ("tcp", "tcp6"):
        for line in pathlib.Path("/proc/net", table).read_text(encoding="utf-8").splitlines()[1:]:
            fields = line.split()
            if fields[3] == LISTENS and fields[9] in inodes:
                found.add(fields[1].rpartition(":")[0])
    return found


class ServicesTest(unittest.TestCase):
    def setUp(self):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="braid-services-"))
        self.folder.chmod(0o755)  # PostgreSQL's own user goes through it
        self.addCleanup(shutil.rmtree, self.folder, ignore_errors=True)
        self.addCleanup(self.call, "remove")

    def call(self, *words):
        """Exit status, and all that was printed."""
        done = subprocess.run([sys.executable, "-B", PROGRAM, *words], stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                              text=True, check=False, env=dict(os.environ, BRAID_SERVICES=str(self.folder)))
        return done.returncode, done.stdout

    def states(self):
        """Of each service."""
        status, text = self.call("status")
        self.assertEqual(status, 0, text)
        return {line.split()[0]: line.split()[1] for line in text.splitlines()}

    def kept(self, name):
        """Ports and processes of a service."""
        return json.loads((self.folder / name / "service.json").read_text(encoding="utf-8"))

    def processes(self, name):
        """Process ids by part."""
        return {part: process for part, (process, _) in self.kept(name)["processes"].items()}

    def sql(self, statement):
        """What PostgreSQL answers."""
        port = str(self.kept("postgres")["ports"]["postgres"])
        words = ["psql", "-h", "127.0.0.1", "-p", port, "-U", "braid", "-d", "postgres", "-XAtc", statement]
        return subprocess.run(words, stdout=subprocess.PIPE, text=True, check=True).stdout.strip()

    def test_they_come_up_come_back_and_go(self):
        status, text = self.call("up", *NAMES)
        self.assertEqual(status, 0, text)
        for name in NAMES:
            self.assertIn("ready after", next(line for line in text.splitlines()[::-1] if line.startswith(name)))
        self.assertEqual({name: self.states()[name] for name in NAMES}, dict.fromkeys(NAMES, "up"))
        self.assertEqual(self.states()["hdfs"], "down")

        for name in NAMES:
            tree = [each for process in self.processes(name).values() for each in process_tree(process)]
            addresses = listening(tree)
            self.assertTrue(addresses, name)
            self.assertTrue(all(each.endswith("0100007F") for each in addresses), (name, addresses))

        before = {name: self.kept(name) for name in NAMES}
        status, text = self.call("up", *NAMES)
        self.assertEqual((status, text.count("is up: ")), (0, len(NAMES)), text)
        self.assertEqual({name: self.kept(name) for name in NAMES}, before, "what is up stays")

        self.sql("CREATE TABLE kept AS SELECT 42 AS n")
        self.sql("CHECKPOINT")
        for name in ("kafka", "postgres"):
            for process in self.processes(name).values():
                os.kill(process, signal.SIGKILL)
        self.assertEqual([self.states()[name] for name in NAMES], ["dead", "up", "dead"])
        status, text = self.call("up", "kafka", "postgres")
        self.assertEqual(status, 0, text)
        self.assertNotIn("formats", text)
        self.assertEqual(self.sql("SELECT n FROM kept"), "42")
        self.assertEqual({name: self.kept(name)["ports"] for name in NAMES},
                         {name: before[name]["ports"] for name in NAMES})

        gone = [process for name in NAMES for process in self.processes(name).values()]
        status, text = self.call("down")
        self.assertEqual(status, 0, text)
        self.assertEqual([process for process in gone if pathlib.Path(f"/proc/{process}/exe").exists()], [])
        self.assertEqual(set(self.states().values()), {"down"})
        self.assertTrue((self.folder / "postgres" / "data").exists(), "down keeps what was written")
        self.assertEqual(self.call("remove")[0], 0)
        self.assertEqual(list(self.folder.iterdir()), [])

    def test_a_name_that_is_none_is_told(self):
        status, text = self.call("up", "kavka")
        self.assertEqual(status, 2)
        self.assertIn("no service is called kavka", text)
        self.assertEqual(self.call("up")[0], 2)

    def test_who_does_not_start_says_why(self):
        self.assertEqual(self.call("up", "redis")[0], 0)
        self.assertEqual(self.call("down")[0], 0)
        kept = self.kept("redis")
        kept["ports"]["redis"] = 1 << 20
        (self.folder / "redis" / "service.json").write_text(json.dumps(kept), encoding="utf-8")
        status, text = self.call("up", "redis")
        self.assertEqual(status, 1)
        self.assertIn("redis did not get ready", text)
        self.assertIn("redis.log: ", text)
        self.assertEqual(self.states()["redis"], "down")


if __name__ == "__main__":
    checks.main()
