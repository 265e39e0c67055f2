#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The door: which files tables may read, which pages may call, and what the node says when a part of it is ill."""
import os
import pathlib
import signal
import socket
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))

import psycopg  # noqa: E402

from harness import checks  # noqa: E402
from harness.server import Braid, StartFailure  # noqa: E402
from harness.waiting import eventually  # noqa: E402

WAIT_SECONDS = 60


def create(name, path):
    """A file table that keeps each line of a file."""
    return f"CREATE TABLE {name} (line text) WITH (connector = 'file', path = '{path}', format = 'json')"


class FilesTest(unittest.TestCase):
    """Each test has a program, a folder that it may read and one that it may not."""

    def setUp(self):
        self.braid = Braid()
        self.allowed, self.secret = self.braid.folder / "allowed", self.braid.folder / "secret"
        for folder in (self.allowed, self.secret):
            folder.mkdir()
            (folder / "a.log").write_text('{"line": "%s"}\n' % folder.name)
        self.braid.files = [self.allowed]

    def start(self):
        """Starts it."""
        self.enterContext(self.braid)

    def refused(self, path, name="refused"):
        """CREATE TABLE must fail with 42501; what the client is told."""
        with self.assertRaises(psycopg.errors.InsufficientPrivilege) as caught:
            self.braid.sql(create(name, path))
        return caught.exception.diag

    def rows(self, name):
        """What a table holds."""
        return sorted(line for line, in self.braid.sql(f"SELECT line FROM {name}"))

    def expect(self, name, lines):
        """Waits for exactly these lines."""
        eventually(lambda: len(self.rows(name)) >= len(lines), lambda: f"{lines}, found {self.rows(name)}",
                   WAIT_SECONDS)
        self.assertEqual(self.rows(name), lines)

    def settle(self, name):
        """Until what was in the folder before this call would have been read."""
        marker = self.allowed / f"{name}.marker"
        marker.write_text('{"line": "marker"}\n')
        eventually(lambda: "marker" in self.rows(name), lambda: self.rows(name), WAIT_SECONDS)
        return [line for line in self.rows(name) if line != "marker"]

    def test_nothing_is_read_unless_it_is_named(self):
        self.braid.files = []
        self.start()
        for path in ("/etc/passwd", "/etc/*", "/*", f"{self.allowed}/a.log", "/proc/self/environ",
                     "/proc/*/root/proc/*/root/etc/passwd", f"{self.braid.data}/manifest/*"):
            told = self.refused(path)
            self.assertIn("permission denied", told.message_primary)
        told = self.refused(f"{self.allowed}/*.log")
        self.assertIn(f'allow = ["{self.allowed}"]', told.message_hint)
        self.assertIn(f"--files {self.allowed}", told.message_hint)
        answer = self.braid.http("POST", "/v1/sql", create("t", "/etc/passwd"))
        self.assertEqual((answer.status, answer.json()["code"]), (403, "42501"))

    def test_directories_of_the_command_line(self):
        self.start()
        self.braid.sql(create("t", f"{self.allowed}/*.log"))
        self.expect("t", ["allowed"])
        self.refused(f"{self.secret}/*.log")
        self.refused(f"{self.allowed}2/x.log")
        self.refused(f"{self.allowed.parent}/*/a.log")

    def test_the_data_directory_is_closed_even_inside(self):
        self.braid.files = [self.braid.folder]
        self.start()
        self.refused(f"{self.braid.data}/manifest/*")
        self.refused(f"{self.braid.data}/manifest/00000001")
        (self.allowed / "door").symlink_to(self.braid.data / "manifest")
        self.refused(f"{self.allowed}/door/*")
        self.braid.sql(create("t", f"{self.braid.folder}/*/a.log"))
        self.expect("t", ["allowed", "secret"])
        self.braid.sql(create("all_of_it", f"{self.braid.folder}/*/*/*"))
        self.assertEqual(self.braid.sql("SELECT * FROM all_of_it"), [])

    def test_links_are_judged_by_where_they_lead(self):
        (self.allowed / "b.log").symlink_to(self.secret / "a.log")
        (self.allowed / "c.log").symlink_to(self.allowed / "a.log")
        (self.allowed / "deep").symlink_to(self.secret)
        self.start()
        self.refused(f"{self.allowed}/b.log")
        self.refused(f"{self.allowed}/deep/a.log")
        self.refused(f"{self.allowed}/deep/*.log")
        self.braid.sql(create("t", f"{self.allowed}/*"))
        self.braid.sql(create("below", f"{self.allowed}/*/*"))
        self.assertEqual(self.settle("t"), ["allowed"])
        self.assertEqual(self.rows("below"), [])

    def test_a_file_that_becomes_a_link_is_read_no_further(self):
        self.start()
        self.braid.sql(create("t", f"{self.allowed}/*"))
        self.expect("t", ["allowed"])
        (self.allowed / "new").symlink_to(self.secret / "a.log")
        (self.allowed / "new").rename(self.allowed / "a.log")
        self.assertEqual(self.settle("t"), ["allowed"])

    def test_what_init_declares_stays_allowed(self):
        self.braid.files, self.braid.init = [], create("t", f"{self.allowed}/a.*")
        self.start()
        self.expect("t", ["allowed"])
        self.refused(f"{self.secret}/*")
        self.braid.crash()
        self.braid.sql(create("u", f"{self.allowed}/*.log"))
        self.expect("u", ["allowed"])
        self.refused(f"{self.secret}/*")

    def test_init_cannot_declare_the_data_directory(self):
        self.braid.init = create("t", f"{self.braid.data}/manifest/*")
        with self.assertRaises(StartFailure) as caught:
            self.braid.start()
        self.assertIn("42501", caught.exception.text)
        self.braid.remove()

    def test_the_list_is_read_again_on_sighup(self):
        self.braid.files, self.braid.config = [], f'[files]\nallow = ["{self.allowed}"]\n'
        self.start()
        self.braid.sql(create("t", f"{self.allowed}/*"))
        self.expect("t", ["allowed"])
        config = self.braid.folder.parent / (self.braid.folder.name + ".toml")
        config.write_text(f'[files]\nallow = ["{self.secret}"]\n')
        self.braid.process.send_signal(signal.SIGHUP)
        eventually(lambda: self.is_accepted(f"{self.secret}/*.log"), lambda: "the new list", WAIT_SECONDS)
        self.refused(f"{self.allowed}/*")
        parts = self.braid.http("GET", "/readyz").json()["parts"]
        self.assertEqual([part["stream"] for part in parts if part["state"] == "degraded"], ["t"])
        with open(self.allowed / "a.log", "a", encoding="utf-8") as file:
            file.write('{"line": "later"}\n')
        self.expect("made", ["secret"])
        self.assertEqual(self.rows("t"), ["allowed"])
        config.write_text(f'[files]\nallow = ["{self.allowed}", "{self.secret}"]\n')
        self.braid.process.send_signal(signal.SIGHUP)
        self.expect("t", ["allowed", "later"])

    def is_accepted(self, path):
        """Whether CREATE TABLE made took that path."""
        try:
            self.braid.sql(create("made", path))
        except psycopg.errors.InsufficientPrivilege:
            return False
        return True

    def test_a_mistake_in_the_file_changes_nothing_on_sighup(self):
        self.braid.config = "[files]\nallow = []\n"
        self.start()
        config = self.braid.folder.parent / (self.braid.folder.name + ".toml")
        config.write_text("[files]\nallow = 5\n")
        self.braid.process.send_signal(signal.SIGHUP)
        eventually(lambda: "files.allow" in self.braid.trace(), self.braid.trace, WAIT_SECONDS)
        self.braid.sql(create("t", f"{self.allowed}/*.log"))
        self.assertEqual(self.braid.stop(), 0)

    def test_a_glob_without_end_stops_nobody(self):
        here = self.allowed
        for name in "abcdefgh":
            (here / name).symlink_to(here)
        self.start()
        self.braid.sql(create("endless", f"{here}" + "/*" * 40))
        self.braid.sql(create("t", f"{here}/*.log"))
        self.expect("t", ["allowed"])
        self.braid.sql("DROP TABLE endless")
        self.braid.sql(create("endless", f"{here}" + "/*" * 40))
        self.assertEqual(self.braid.stop(), 0)

    def test_the_roots_of_all_processes(self):
        self.braid.files = ["/"]
        self.start()
        self.braid.sql(create("endless", "/proc/*/root/proc/*/root/proc/*/root/nothing"))
        self.assertEqual(self.braid.value("SELECT count(*) FROM endless"), 0)
        self.braid.sql("DROP TABLE endless")
        self.braid.sql(create("endless", "/proc/*/root/proc/*/root/proc/*/root/nothing"))
        self.assertEqual(self.braid.stop(), 0)

    def test_pipes_and_devices_are_passed_over(self):
        os.mkfifo(self.allowed / "pipe")
        (self.allowed / "zero").symlink_to("/dev/zero")
        self.start()
        self.braid.sql(create("t", f"{self.allowed}/*"))
        self.assertEqual(self.settle("t"), ["allowed"])


class PagesTest(unittest.TestCase):
    """What a browser sends for pages of others."""

    @classmethod
    def setUpClass(cls):
        cls.braid = cls.enterClassContext(Braid(
            init="CREATE TABLE t (a int); CREATE MATERIALIZED VIEW v AS SELECT count(*) AS n FROM t",
            config='http_origins = ["http://dash.example:3000"]\nhttp_hosts = ["braid.example"]\n'))

    REQUESTS = (("POST", "/v1/sql", b"CREATE TABLE stolen (a int)"),
                ("POST", "/v1/tables/t/records", b'{"a": 1}'), ("GET", "/v1/views/v", None),
                ("GET", "/", None), ("GET", "/metrics", None), ("GET", "/healthz", None), ("GET", "/readyz", None),
                ("HEAD", "/v1/views/v", None), ("OPTIONS", "/v1/sql", None), ("DELETE", "/v1/sql", None),
                ("GET", "/nothing", None))

    def test_pages_of_other_origins_are_refused_everywhere(self):
        port = self.braid.http_address[1]
        for headers in ({"Origin": "http://localhost:3000"}, {"Origin": "null"}, {"Origin": "http://localhost"},
                        {"Origin": f"https://localhost:{port}"}, {"Origin": f"http://evil.example:{port}"},
                        {"Sec-Fetch-Site": "cross-site"}, {"Sec-Fetch-Site": "same-site"}):
            for method, path, body in self.REQUESTS:
                with self.subTest(f"{method} {path} {headers}"):
                    answer = self.braid.http(method, path, body, {"Content-Type": "text/plain", **headers})
                    self.assertEqual(answer.status, 403)
                    self.assertNotIn("Access-Control-Allow-Origin", answer.headers)
        self.assertEqual(self.braid.sql("SELECT * FROM t"), [])
        self.assertEqual(self.braid.sql("SELECT name FROM braid.streams"), [("t",)])

    def test_own_pages_and_listed_ones_are_answered(self):
        port = self.braid.http_address[1]
        for origin in (f"http://localhost:{port}", f"http://127.0.0.1:{port}", f"http://braid.example:{port}"):
            answer = self.braid.http("GET", "/v1/views/v", headers={"Origin": origin, "Sec-Fetch-Site": "same-origin"})
            self.assertEqual(answer.status, 200, origin)
        answer = self.braid.http("POST", "/v1/sql", "SELECT 1", {"Origin": "http://dash.example:3000",
                                                                "Sec-Fetch-Site": "cross-site"})
        self.assertEqual(answer.status, 200)
        self.assertEqual(answer.headers["Access-Control-Allow-Origin"], "http://dash.example:3000")

    def test_every_host_and_origin_counts(self):
        port = self.braid.http_address[1]
        for headers in (f"Host: localhost\r\nOrigin: http://localhost:{port}\r\nOrigin: http://localhost:3000",
                        f"Host: localhost\r\nOrigin: http://localhost:3000\r\nOrigin: http://localhost:{port}"):
            self.assertIn(b" 403 ", self.exchange(self.braid.http_address, headers))
        for headers in ("Host: evil.example", f"Host: evil.example:{port}", "Host: localhost:80@evil.example"):
            self.assertIn(b" 421 ", self.exchange(self.braid.http_address, headers))
        self.assertIn(b" 200 ", self.exchange(self.braid.http_address, "Host: braid.example"))

    def test_the_port_of_postgresql_understands_no_request_of_a_page(self):
        for start in (b"POST", b"GET ", b"OPTI", b"PUT ", b"X\0\0\0"):
            answer = self.exchange(self.braid.pg, "Host: localhost\r\nContent-Type: text/plain", start,
                                   b"Q\0\0\0\x20CREATE TABLE stolen (a int)\0")
            self.assertTrue(answer == b"" or answer[:1] == b"E", answer)
        self.assertEqual(self.braid.sql("SELECT name FROM braid.streams"), [("t",)])

    def exchange(self, address, headers, method=b"GET", body=b""):
        """Raw bytes; what is answered until the end."""
        with socket.create_connection(address, timeout=30) as connection:
            connection.sendall(method + b" /healthz HTTP/1.1\r\n" + headers.encode() +
                               b"\r\nConnection: close\r\n\r\n" + body)
            connection.shutdown(socket.SHUT_WR)
            answer = b""
            try:
                while piece := connection.recv(65536):
                    answer += piece
            except ConnectionResetError:
                pass
        return answer


class HealthTest(unittest.TestCase):
    """A node whose directories are taken away under it."""

    CONFIG = "[speed]\nseal_interval_ms = 100\nunsealed_mib = 1\n"
    SCHEMA = ("CREATE TABLE t (a int, b text); CREATE TABLE other (a int);"
              "CREATE MATERIALIZED VIEW v AS SELECT a, count(*) AS n FROM t GROUP BY a")

    def setUp(self):
        self.braid = Braid(init=self.SCHEMA, config=self.CONFIG)
        self.addCleanup(self.braid.remove)
        self.braid.start()

    def ill_parts(self):
        """Which parts the probes call ill; both say the same."""
        answers = [self.braid.http("GET", probe) for probe in ("/healthz", "/readyz")]
        if answers[1].status == 200:
            return set()
        found = answers[1].json()
        self.assertEqual(found["status"], "ill")
        return {(part["part"], part.get("stream")) for part in found["parts"] if part["state"] == "ill"}

    def test_seals_that_fail_are_told_and_bound_what_is_taken(self):
        moved = self.braid.data / "runs-moved"
        (self.braid.data / "runs").mkdir(mode=0o700, exist_ok=True)
        (self.braid.data / "runs").rename(moved)
        (self.braid.data / "runs").write_text("in the way")
        self.assertEqual(self.braid.post("t", [{"a": 1}]).status, 200)
        eventually(lambda: ("seal", "t") in self.ill_parts(), self.ill_parts, WAIT_SECONDS)
        part = [each for each in self.braid.http("GET", "/healthz").json()["parts"]
                if (each["part"], each.get("stream")) == ("seal", "t")][0]
        self.assertIn("runs", part["reason"])
        self.assertEqual(self.braid.http("GET", "/healthz").status, 503)
        self.assertIn('braid_part_state{part="seal",table="t"} 2', self.braid.http("GET", "/metrics").text())
        sent = 1
        while (answer := self.braid.post("t", [{"a": 1, "b": "x" * 100_000}])).status == 200:
            sent += 1
            self.assertLess(sent, 100)
        self.assertEqual(answer.status, 503)
        self.assertEqual(answer.json()["code"], "57P03")
        self.assertIn("seal", answer.json()["detail"])
        with self.assertRaises(psycopg.Error) as caught:
            self.braid.sql("INSERT INTO t VALUES (1, %s)", ["x" * 100_000])
        self.assertEqual(caught.exception.sqlstate, "57P03")
        self.assertEqual(self.braid.post("other", [{"a": 1}]).status, 200)
        self.assertEqual(self.braid.value("SELECT n FROM v"), sent)
        (self.braid.data / "runs").unlink()
        moved.rename(self.braid.data / "runs")
        eventually(lambda: not self.ill_parts(), self.ill_parts, WAIT_SECONDS)
        self.assertEqual(self.braid.http("GET", "/readyz").text(), "ready\n")
        self.assertEqual(self.braid.post("t", [{"a": 1}]).status, 200)
        self.assertEqual(self.braid.value("SELECT n FROM v"), sent + 1)


if __name__ == "__main__":
    checks.main()
