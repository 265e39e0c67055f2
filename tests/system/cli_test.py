#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The command line: help, check, sql, serve's refusals, exit statuses, signals, configuration."""
import pathlib
import signal
import subprocess
import sys
import tempfile
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))

from harness import checks  # noqa: E402
from harness.server import ROOT, Braid, StartFailure, program  # noqa: E402


def run(*words, **options):
    """Runs the program to its end: status, output, errors."""
    done = subprocess.run([program(), *map(str, words)], capture_output=True, text=True, timeout=120,
                          check=False, **options)
    return done.returncode, done.stdout, done.stderr


class CommandTest(unittest.TestCase):
    """Commands that need no running node."""

    def setUp(self):
        self.folder = pathlib.Path(self.enterContext(tempfile.TemporaryDirectory()))

    def check(self, text):
        """Runs `braid check` on a file of this text; what it says without the folder's name."""
        path = self.folder / "file.sql"
        path.write_text(text)
        status, out, err = run("check", path)
        return status, out.replace(f"{self.folder}/", ""), err.replace(f"{self.folder}/", "")

    def test_help(self):
        status, out, _ = run("--help")
        self.assertEqual(status, 0)
        self.assertIn("--files", run("serve", "--help")[1])
        for word in ("serve", "check", "sql", "fold", "merge", "psql -h 127.0.0.1", "docs/operating"):
            self.assertIn(word, out)
        for command in ("serve", "check", "sql", "fold", "merge"):
            self.assertEqual(run(command, "--help")[0], 0)
        self.assertRegex(run("--version")[1], r"^braid \d+\.\d+")

    def test_wrong_use(self):
        for words in ((), ("nothing",), ("serve", "--nothing"), ("check",), ("sql",), ("fold",), ("merge",)):
            with self.subTest(words):
                status, _, err = run(*words)
                self.assertEqual(status, 2)
                self.assertTrue(err)

    def test_check_of_a_good_file(self):
        job = (ROOT / "examples/reference_job/job.sql.in").read_text()
        job = job.replace("@TABLE@", "access").replace("@PATH@", "/var/log/access.log")
        status, out, err = self.check(job)
        self.assertEqual((status, out, err), (0, "file.sql: 6 statements are valid\n", ""))

    def test_check_points_at_each_mistake(self):
        status, out, err = self.check("CREATE TABLE t (a int);\n"
                                      "CREATE VIEW v AS\n  SELECT 'é', b FROM t;\n"
                                      "SELECT a FROM t;\n\n  SELECT lower(a) FROM t;\n"
                                      "CREATE TABLE t (b int);\n")
        self.assertEqual((status, out), (1, ""))
        found = [line for line in err.splitlines() if line.startswith("file.sql:")]
        self.assertEqual(found, [
            'file.sql:3:15: error: column "b" does not exist (42703)',
            "file.sql:6:10: error: function lower(integer) does not exist (42883)",
            'file.sql:7:1: error: relation "t" already exists (42P07)'])

    def test_check_of_settings(self):
        path = self.folder / "braid.toml"
        path.write_text('[speed]\nseal_mib = 64\n')
        self.assertEqual(run("check", "--config", path), (0, f"{path}: valid\n", ""))
        path.write_text('data = "/srv/braid"\n[store]\npath = "/mnt/large/braid"\n')
        self.assertEqual(run("check", "--config", path), (
            0, f"{path}: valid\n  local: /srv/braid\n  store: /mnt/large/braid\n", ""))
        path.write_text('[store]\npath = "/mnt/large/braid"\n')
        status, _, err = run("check", "--config", path)
        self.assertEqual(status, 1)
        self.assertIn("no data directory is given", err)
        for threads, status in (0, 0), (1, 0), (256, 0), (257, 1), (-1, 1):
            path.write_text(f'[query]\nthreads = {threads}\n[speed]\nfold_threads = {threads}\n')
            self.assertEqual(run("check", "--config", path)[0], status, threads)
        path.write_text('[store]\nroot = "/mnt"\n')
        status, _, err = run("check", "--config", path)
        self.assertEqual(status, 1)
        self.assertIn('braid.toml:2: unknown key "store.root"', err)

    def test_check_of_a_syntax_error(self):
        status, _, err = self.check("SELECT 1;\nSELEC 2;\n")
        self.assertEqual(status, 1)
        self.assertIn('file.sql:2:1: error: syntax error at or near "SELEC" (42601)', err)

    def test_check_of_options_and_of_what_does_not_merge(self):
        for text, word in (("CREATE TABLE t (a int) WITH (connector = 'pigeon')", "pigeon"),
                           ("CREATE TABLE t (a int) WITH (connector = 'file', path = 'relative.log')", "path"),
                           ("CREATE TABLE t (a int);CREATE MATERIALIZED VIEW v AS "
                            "SELECT a FROM t ORDER BY a", "ORDER BY")):
            with self.subTest(text):
                status, _, err = self.check(text)
                self.assertEqual(status, 1)
                self.assertIn(word, err)

    def test_check_of_a_file_in_this_folder(self):
        (self.folder / "here.sql").write_text("CREATE TABLE t (a int);")
        self.assertEqual(run("check", "here.sql", cwd=self.folder), (0, "here.sql: 1 statement is valid\n", ""))

    def test_check_of_a_file_that_is_not_there(self):
        status, _, err = run("check", self.folder / "nothing.sql")
        self.assertEqual(status, 1)
        self.assertIn("nothing.sql", err)

    def test_serve_refuses(self):
        for words, reason in (
                (("serve",), "--data"),
                (("serve", "--data", self.folder / "a", "--pg", "0.0.0.0:0"), "0.0.0.0"),
                (("serve", "--data", self.folder / "b", "--http", "[::]:0"), "::"),
                (("serve", "--data", self.folder / "c", "--pg", "nonsense"), "nonsense"),
                (("serve", "--data", self.folder / "d", "--config", self.folder / "none"), "none"),
                (("serve", "--data", "/proc/nothing"), "/proc"),
                (("serve", "--data", self.folder / "e", "--init", self.folder / "no.sql"), "no.sql")):
            with self.subTest(words):
                status, out, err = run(*words)
                self.assertEqual((status, out), (1, ""), err)
                self.assertIn(reason, err)

    def test_configuration_names_the_line_of_a_mistake(self):
        path = self.folder / "braid.toml"
        for text, place in (("[speed]\nseal_interval_ms = 'soon'\n", "2"), ("a = 1\n", "1"),
                            ("[speed\n", "1"), ("\n[log]\nextent_mib = -5\n", "3"),
                            ("[files]\nallow = '/var/log'\n", "2"), ("\nhttp_hosts = [1]\n", "2")):
            path.write_text(text)
            status, _, err = run("serve", "--data", self.folder / "x", "--config", path)
            self.assertEqual(status, 1)
            self.assertIn(f"{path}:{place}", err)


    def test_configuration_refuses_an_origin_that_is_none(self):
        path = self.folder / "braid.toml"
        for origin in ("localhost:3000", "null", "http://localhost:3000/", "*"):
            path.write_text(f'http_origins = ["{origin}"]\n')
            status, _, err = run("serve", "--data", self.folder / "x", "--config", path)
            self.assertEqual(status, 1)
            self.assertIn(origin, err)


class RunningTest(unittest.TestCase):
    """Commands and signals at a running node."""

    def test_sql(self):
        with Braid() as braid:
            address = f"{braid.http_address[0]}:{braid.http_address[1]}"
            self.assertEqual(run("sql", "SELECT 1 AS a, 'x,y' AS b", "--http", address),
                             (0, 'a,b\n1,"x,y"\n', ""))
            status, out, _ = run("sql", "--http", address, "--format", "json", "SELECT 1 AS a")
            self.assertEqual(status, 0)
            self.assertIn('"rows":[\n[1]\n]', out)
            status, out, err = run("sql", "SELECT nothing", "--http", address)
            self.assertEqual((status, out), (1, ""))
            self.assertIn("42703", err)
        status, _, err = run("sql", "SELECT 1", "--http", address)
        self.assertEqual(status, 1)
        self.assertIn("braid serve", err)

    def test_signals_stop_it_cleanly(self):
        for number in (signal.SIGTERM, signal.SIGINT):
            with Braid(init="CREATE TABLE t (a int)") as braid:
                braid.sql("INSERT INTO t VALUES (1)")
                idle = braid.connect()
                braid.process.send_signal(number)
                self.assertEqual(braid.process.wait(30), 0)
                idle.close()
                braid.process.stdout.close()
                braid.process = None
                braid.start()
                self.assertEqual(braid.value("SELECT count(*) FROM t"), 1)

    def test_init_runs_once(self):
        with Braid(init="CREATE TABLE t (a int); INSERT INTO t VALUES (1)") as braid:
            braid.restart()
            braid.crash()
            self.assertEqual(braid.value("SELECT count(*) FROM t"), 1)

    def test_a_failed_init_closes_the_directory(self):
        braid = Braid(init="CREATE TABLE t (a int);\nSELECT nothing FROM t;")
        self.addCleanup(braid.remove)
        with self.assertRaises(StartFailure) as caught:
            braid.start()
        self.assertEqual(caught.exception.status, 1)
        self.assertIn('column "nothing" does not exist', caught.exception.text)
        for init in (braid.init, None):
            braid.init = init
            with self.assertRaises(StartFailure) as caught:
                braid.start()
            self.assertEqual(caught.exception.status, 1)
            self.assertIn("--init", caught.exception.text)

    def test_configuration_is_read(self):
        with tempfile.TemporaryDirectory() as folder:
            with Braid(config=f'data = "{folder}/ignored"\n[batch]\ninterval_s = 1\n') as braid:
                braid.sql("CREATE TABLE t (a int)")
                self.assertFalse(pathlib.Path(folder, "ignored").exists())


if __name__ == "__main__":
    checks.main()
