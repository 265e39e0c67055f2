# SPDX-License-Identifier: Apache-2.0
"""A throwaway PostgreSQL 15 on a unix socket: encoding UTF8, collation C, time zone UTC.

It runs as the user postgres where the tests run as root, whom it would refuse.
"""
import os
import pathlib
import shutil
import signal
import subprocess
import tempfile

import psycopg

from harness.child import spawn
from harness.waiting import eventually

START_SECONDS = 60
SETTINGS = {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off",
            "timezone": "UTC", "shared_buffers": "32MB", "jit": "off", "autovacuum": "off",
            "lc_messages": "C", "log_min_messages": "fatal"}


def binaries():
    """The folder of PostgreSQL 15's programs."""
    for place in (os.environ.get("POSTGRES_BIN"), "/usr/lib/postgresql/15/bin"):
        if place and (pathlib.Path(place) / "initdb").exists():
            return pathlib.Path(place)
    raise FileNotFoundError("PostgreSQL 15 is not installed: run ./dev setup")


class Postgres:
    """A context manager; the cluster is gone at its end."""

    def __init__(self):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="braid-postgres-"))
        self.process = None

    def __enter__(self):
        try:
            self._start()
        except BaseException:
            self.__exit__()
            raise
        return self

    def _as_owner(self):
        """Words that make root give up its rights; the death signal must be set after that."""
        if os.geteuid() != 0:
            return []
        shutil.chown(self.folder, "postgres", "postgres")
        return ["setpriv", "--reuid=postgres", "--regid=postgres", "--clear-groups",
                "--pdeathsig=INT", "--"]

    def _start(self):
        owner = self._as_owner()
        cluster = self.folder / "cluster"
        made = subprocess.run(
            [*owner, binaries() / "initdb", "-D", cluster, "-U", "postgres", "-A", "trust",
             "--locale=C", "-E", "UTF8", "--no-sync", "--no-instructions"],
            capture_output=True, text=True, cwd=self.folder, check=False)
        assert made.returncode == 0, made.stdout + made.stderr
        settings = [word for name, value in SETTINGS.items() for word in ("-c", f"{name}={value}")]
        with open(self.folder / "log", "ab") as log:
            self.process = spawn(
                [*owner, binaries() / "postgres", "-D", cluster, "-k", self.folder,
                 "-c", "listen_addresses=", *settings], stdout=log, stderr=log, cwd=self.folder)
        eventually(self._answers, lambda: (self.folder / "log").read_text(), START_SECONDS)

    def _answers(self):
        assert self.process.poll() is None, (self.folder / "log").read_text()
        try:
            psycopg.connect(self.conninfo()).close()
        except psycopg.OperationalError:
            return False
        return True

    def __exit__(self, *_):
        if self.process:
            self.process.send_signal(signal.SIGINT)  # a fast shut-down
            try:
                self.process.wait(30)
            except subprocess.TimeoutExpired:
                self.process.send_signal(signal.SIGQUIT)
                self.process.wait()
            self.process = None
        shutil.rmtree(self.folder, ignore_errors=True)

    def conninfo(self, **more):
        """A libpq connection string."""
        values = {"host": str(self.folder), "user": "postgres", "dbname": "postgres", **more}
        return psycopg.conninfo.make_conninfo(**values)
