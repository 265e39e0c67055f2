# SPDX-License-Identifier: Apache-2.0
"""A running `braid serve`: start, stop, kill, restart, and both ways to talk to it.

The program is what the environment names as BRAID, else the release build. It listens on free ports.
"""
import http.client
import json
import os
import pathlib
import re
import shutil
import signal
import subprocess
import tempfile

import psycopg

from harness.child import first_line, spawn

ROOT = pathlib.Path(__file__).resolve().parents[2]
START_SECONDS = 180
STOP_SECONDS = 60
HTTP_SECONDS = 60
TROUBLE = re.compile(r"^\S+Z error |AddressSanitizer|runtime error: |check failed: ")


def program():
    """Path of the program under test."""
    return pathlib.Path(os.environ.get("BRAID") or ROOT / "build/release/braid").resolve()


class StartFailure(AssertionError):
    """The program ended instead of getting ready: its exit status and what it said."""

    def __init__(self, status, text):
        super().__init__(f"braid did not get ready, exit status {status}:\n{text}")
        self.status, self.text = status, text


class Answer:
    """An HTTP answer."""

    def __init__(self, response, body):
        self.status, self.headers, self.body = response.status, response.headers, body

    def json(self):
        """The body as JSON."""
        return json.loads(self.body)

    def text(self):
        """The body as text."""
        return self.body.decode()


class Braid:
    """One data directory and the program on it. A context manager: stopped at the end, and checked to have
    stopped well; a temporary directory goes with it."""

    def __init__(self, data=None, *, init=None, config=None, files=()):
        self._owned = None if data else tempfile.mkdtemp(prefix="braid-test-")
        self.folder = pathlib.Path(data) if data else pathlib.Path(self._owned)
        self.data = self.folder / "data" if self._owned else self.folder
        self.init, self.config, self.files = init, config, files
        self.trace_path = self.folder.parent / (self.folder.name + ".trace")
        self.process, self.pg, self.http_address = None, None, None

    # Life and death.

    def command(self):
        """The command line."""
        words = [program(), "serve", "--data", self.data, "--pg", "127.0.0.1:0",
                 "--http", "127.0.0.1:0"]
        for directory in self.files:
            words += ["--files", directory]
        if self.init is not None:
            path = self.folder.parent / (self.folder.name + ".init.sql")
            path.write_text(self.init)
            words += ["--init", path]
        if self.config is not None:
            path = self.folder.parent / (self.folder.name + ".toml")
            path.write_text(self.config)
            words += ["--config", path]
        return words

    def start(self):
        """Returns when the ready line is there; StartFailure if the program ends before."""
        assert self.process is None
        with open(self.trace_path, "ab") as trace:
            before = trace.tell()
            process = spawn(self.command(), stdout=subprocess.PIPE, stderr=trace)
        line = first_line(process, START_SECONDS)
        words = line.split()
        if words[:2] != ["braid", "ready"]:
            process.kill()
            status = process.wait()
            process.stdout.close()
            raise StartFailure(status, line + self.trace()[before:])
        addresses = dict(word.split("=", 1) for word in words[2:])
        self.process, self.pg = process, _address(addresses["pg"])
        self.http_address = _address(addresses["http"])
        return self

    def kill(self):
        """kill -9."""
        self.process.send_signal(signal.SIGKILL)
        self._reap(STOP_SECONDS)

    def stop(self):
        """SIGTERM; gives the exit status."""
        self.process.send_signal(signal.SIGTERM)
        return self._reap(STOP_SECONDS)

    def restart(self):
        """A clean stop and a start."""
        self.stop_cleanly()
        return self.start()

    def stop_sealed(self, *views):
        """A clean stop after which nothing is left to fold in the streams of these views: a stop seals what was
        folded by then, and whoever reads a view waits until all that was acknowledged is."""
        for view in views:
            self.value(f"SELECT count(*) FROM {view}")
        self.stop_cleanly()

    def stop_cleanly(self):
        """SIGTERM; the program must end well."""
        status = self.stop()
        assert status == 0, f"exit status {status} after SIGTERM:\n{self.trace()[-4000:]}"

    def crash(self):
        """kill -9 and a start."""
        self.kill()
        return self.start()

    def _reap(self, seconds):
        process, self.process = self.process, None
        try:
            status = process.wait(seconds)
        except subprocess.TimeoutExpired as slow:
            process.kill()
            process.wait()
            raise AssertionError(f"braid still ran after {seconds} s\n{self.trace()[-4000:]}") from slow
        finally:
            process.stdout.close()
        return status

    def __enter__(self):
        try:
            return self.start()
        except BaseException:
            self.remove()
            raise

    def __exit__(self, kind, error, trace):
        try:
            status = self.stop() if self.process else 0
            if kind is None:
                assert status == 0, f"exit status {status}:\n{self.trace()[-4000:]}"
                self.check_trace()
            elif self.trace():
                print("what braid said:\n" + self.trace()[-4000:])
        finally:
            self.remove()

    def remove(self):
        """Takes away what belongs to the test."""
        if self.process:
            self.kill()
        if self._owned:
            shutil.rmtree(self._owned, ignore_errors=True)
        for ending in (".trace", ".init.sql", ".toml"):
            (self.folder.parent / (self.folder.name + ending)).unlink(missing_ok=True)

    def trace(self):
        """What the program has written to standard error so far."""
        return self.trace_path.read_text(errors="replace") if self.trace_path.exists() else ""

    def check_trace(self):
        """No line of the trace is an error: a test that expects one does not call this."""
        bad = [line for line in self.trace().splitlines() if TROUBLE.search(line)]
        assert not bad, "unexpected in the trace:\n" + "\n".join(bad[:20])

    # Talking.

    def conninfo(self, **more):
        """A libpq connection string."""
        values = {"host": self.pg[0], "port": self.pg[1], "user": "braid", "dbname": "braid", **more}
        return psycopg.conninfo.make_conninfo(**values)

    def connect(self, autocommit=True, **more):
        """A psycopg connection."""
        return psycopg.connect(self.conninfo(**more), autocommit=autocommit)

    def sql(self, text, params=None):
        """All rows of one statement, or [] if it gives none, over a connection of its own."""
        with self.connect() as connection:
            cursor = connection.execute(text, params)
            return cursor.fetchall() if cursor.description else []

    def value(self, text, params=None):
        """The one value of a statement."""
        return self.sql(text, params)[0][0]

    def http(self, method, path, body=None, headers=None, seconds=HTTP_SECONDS):
        """One HTTP exchange on a connection of its own."""
        connection = http.client.HTTPConnection(*self.http_address, timeout=seconds)
        try:
            data = body.encode() if isinstance(body, str) else body
            connection.request(method, path, data, headers or {})
            response = connection.getresponse()
            return Answer(response, response.read())
        finally:
            connection.close()

    def post(self, table, records, key=None, partition=None):
        """Sends records (dicts, or bytes as they are) to a table."""
        lines = [record if isinstance(record, bytes) else json.dumps(record).encode()
                 for record in records]
        headers = {"Idempotency-Key": key} if key else {}
        query = "" if partition is None else f"?partition={partition}"
        return self.http("POST", f"/v1/tables/{table}/records{query}", b"\n".join(lines) + b"\n",
                         headers)


def _address(text):
    host, port = text.rsplit(":", 1)
    return host, int(port)
