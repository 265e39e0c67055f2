#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""kill -9 under load: what was acknowledged is there once, in the stream and in every view.

    kill_test.py [--cycles 30] [--seed N]

HTTP writers send records of their own numbers under idempotency keys and retry whatever has an unknown outcome;
a file grows; views are made and refreshed; the program is killed at random moments. At each restart, and at
the end, nothing acknowledged may be missing, nothing may be there twice, and the views must agree.
"""
import argparse
import collections
import http.client
import json
import pathlib
import random
import sys
import threading
import time

import psycopg

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))

from harness.server import Braid, StartFailure  # noqa: E402
from harness.waiting import eventually  # noqa: E402

WRITERS = 3
BATCH_RECORDS = 40
UP_SECONDS_MIN, UP_SECONDS_MAX = 0.05, 0.9
FILE_LINES = 25
# What each of them writes as fast as it can after a kill; then it goes on, a little at a time, so that how much
# there is to compare does not grow with the machine's speed.
BRISK_REQUESTS, BRISK_APPENDS = 300, 100
EASY_SECONDS = 0.05
CATCH_UP_SECONDS = 120
ONE_SNAPSHOT = psycopg.IsolationLevel.REPEATABLE_READ

SCHEMA = """
CREATE TABLE sent (writer int, number bigint, payload text) WITH (partitions = 2);
CREATE TABLE grown (number bigint, payload text)
    WITH (connector = 'file', path = '@LOG@', format = 'json');
CREATE MATERIALIZED VIEW sent_totals AS SELECT writer, count(*) AS n, sum(number) AS total,
    count(DISTINCT number) AS numbers, min(number) AS low, max(number) AS high FROM sent GROUP BY writer;
CREATE MATERIALIZED VIEW grown_totals AS SELECT number % 10 AS digit, count(*) AS n, sum(number) AS total
    FROM grown GROUP BY 1;
"""
CONFIG = """
[speed]
seal_interval_ms = 150
[archive]
interval_s = 1
segment_rows = 2000
[log]
extent_mib = 1
"""


class Writer(threading.Thread):
    """Sends batches of its own numbers over HTTP, each again and again until it is acknowledged."""

    def __init__(self, number, address):
        super().__init__(daemon=True)
        self.number, self.address = number, address
        self.acknowledged = []  # ranges of numbers
        self.brisk_until = 0  # requests
        self.unknown = 0  # how often an outcome was not known
        self.trouble = []
        self.stopping = threading.Event()

    def run(self):
        first = 0
        while not self.stopping.is_set():
            numbers = range(first, first + BATCH_RECORDS)
            body = "\n".join(json.dumps({"writer": self.number, "number": number,
                                         "payload": "x" * (number % 97)}) for number in numbers)
            if not self.send_until_known(body, f"{self.number}-{first}"):
                return
            self.acknowledged.append(numbers)
            first += BATCH_RECORDS
            if len(self.acknowledged) > self.brisk_until:
                time.sleep(EASY_SECONDS)

    def be_brisk(self):
        """From now on, for a while."""
        self.brisk_until = len(self.acknowledged) + BRISK_REQUESTS

    def send_until_known(self, body, key):
        """False if the thread is to stop before it knows."""
        while not self.stopping.is_set():
            try:
                connection = http.client.HTTPConnection(*self.address(), timeout=30)
                connection.request("POST", "/v1/tables/sent/records", body, {"Idempotency-Key": key})
                response = connection.getresponse()
                text = response.read()
                if response.status == 200 and json.loads(text)["records"] == BATCH_RECORDS:
                    return True
                if response.status < 500 and response.status != 429:
                    self.trouble.append((response.status, text[:200]))
                    return False
            except (OSError, http.client.HTTPException, ValueError):
                self.unknown += 1
            time.sleep(0.02)  # the server is away: ask again soon
        return False


class FileWriter(threading.Thread):
    """Appends lines to a log, also in pieces and also while the server is away."""

    def __init__(self, path, seed):
        super().__init__(daemon=True)
        self.path, self.random = path, random.Random(seed)
        self.written = 0
        self.brisk_until = 0  # lines
        self.stopping = threading.Event()

    def run(self):
        with open(self.path, "ab", buffering=0) as file:
            while not self.stopping.is_set():
                numbers = range(self.written, self.written + FILE_LINES)
                data = b"".join(json.dumps({"number": number, "payload": "é" * (number % 31)}).encode()
                                + b"\n" for number in numbers)
                cut = self.random.randrange(len(data))
                file.write(data[:cut])
                file.write(data[cut:])
                self.written += FILE_LINES
                time.sleep(0.005 if self.written < self.brisk_until else EASY_SECONDS)

    def be_brisk(self):
        """From now on, for a while."""
        self.brisk_until = self.written + BRISK_APPENDS * FILE_LINES


class KillTest:
    """The cycles, and what must hold after each."""

    def __init__(self, cycles, seed):
        self.cycles, self.random = cycles, random.Random(seed)
        self.braid = Braid(config=CONFIG)
        self.log = self.braid.folder / "grown.log"
        self.log.touch()
        self.braid.init = SCHEMA.replace("@LOG@", str(self.log))
        self.writers = [Writer(number, lambda: self.braid.http_address) for number in range(WRITERS)]
        self.file_writer = FileWriter(self.log, seed)
        self.views_made, self.views_acknowledged = 0, {"sent_totals"}
        self.passed, self.failures = 0, []
        self.done_while_up = collections.Counter()

    def run(self):
        """All cycles; gives whether every check held."""
        self.braid.start()
        for thread in (*self.writers, self.file_writer):
            thread.start()
        try:
            for cycle in range(self.cycles):
                for thread in (*self.writers, self.file_writer):
                    thread.be_brisk()
                self.disturb(self.random.uniform(UP_SECONDS_MIN, UP_SECONDS_MAX))
                self.braid.kill()
                self.braid.start()
                self.check(f"cycle {cycle + 1}", lambda: self.after_a_kill())
            for thread in (*self.writers, self.file_writer):
                thread.stopping.set()
                thread.join(60)
            self.check("at the end", self.at_the_end)
            self.check("after a clean stop", lambda: (self.braid.restart(), self.at_the_end()))
            self.check("no error in the trace", self.braid.check_trace)
        finally:
            for thread in (*self.writers, self.file_writer):
                thread.stopping.set()
            if self.failures:
                print(self.braid.trace()[-4000:])
            self.braid.remove()
        return not self.failures

    def check(self, what, holds):
        """Runs a check and keeps its verdict."""
        try:
            holds()
            self.passed += 1
        except (AssertionError, StartFailure, psycopg.Error) as error:
            self.failures.append(f"{what}: {type(error).__name__}: {error}")
            print(f"FAIL {self.failures[-1]}", flush=True)
            if isinstance(error, StartFailure):
                raise

    def disturb(self, seconds):
        """Refreshes and new views in another thread; the kill comes when it comes."""
        kind = self.random.choice(["nothing", "refresh", "view", "both"])
        thread = threading.Thread(target=self.work_of_a_user, args=(kind,), daemon=True)
        thread.start()
        time.sleep(seconds)  # how long it lives is what the test varies

    def work_of_a_user(self, kind):
        """May be cut off anywhere."""
        try:
            with self.braid.connect() as connection:
                if kind in ("view", "both"):
                    self.views_made += 1
                    name = f"extra_{self.views_made}"
                    connection.execute(
                        f"CREATE MATERIALIZED VIEW {name} AS "
                        "SELECT writer, count(*) AS n, sum(number) AS total FROM sent GROUP BY writer")
                    self.views_acknowledged.add(name)
                    self.done_while_up["view"] += 1
                if kind in ("refresh", "both"):
                    connection.execute("REFRESH MATERIALIZED VIEW sent_totals")
                    connection.execute("REFRESH MATERIALIZED VIEW grown_totals")
                    self.done_while_up["refresh"] += 1
        except (psycopg.Error, OSError):
            self.done_while_up["cut off"] += 1

    def after_a_kill(self):
        """With the writers still at work: one snapshot must hold all that was acknowledged before."""
        acknowledged = [list(writer.acknowledged) for writer in self.writers]
        # A CREATE that was cut off goes on: its view has no rows yet, and then all of them.
        eventually(lambda: not self.braid.sql("SELECT name FROM braid.views WHERE NOT is_populated"),
                   "a view waits for its history", CATCH_UP_SECONDS)
        with self.braid.connect(autocommit=False) as connection:
            connection.isolation_level = ONE_SNAPSHOT
            self.compare_views(connection)
            rows = connection.execute("SELECT writer, number, count(*) FROM sent GROUP BY 1, 2").fetchall()
            grown = connection.execute("SELECT count(*), count(DISTINCT number), max(number) "
                                       "FROM grown").fetchone()
        stored = collections.defaultdict(set)
        for writer, number, count in rows:
            assert count == 1, f"number {number} of writer {writer} is there {count} times"
            stored[writer].add(number)
        for writer, ranges in enumerate(acknowledged):
            for numbers in ranges:
                lost = [number for number in numbers if number not in stored[writer]]
                assert not lost, f"acknowledged numbers of writer {writer} are lost: {lost[:5]}"
            parts = len(stored[writer]) % BATCH_RECORDS
            assert parts == 0, f"a request of writer {writer} is there in part"
        assert grown[0] == grown[1] == (grown[2] if grown[2] is not None else -1) + 1, \
            f"lines of the file: {grown[0]} rows, {grown[1]} distinct, highest {grown[2]}"
        self.check_writers()

    def check_writers(self):
        """No writer met an answer that it should not meet."""
        for writer in self.writers:
            assert not writer.trouble, f"writer {writer.number}: {writer.trouble[:3]}"

    def compare_views(self, connection):
        """Every view of a stream says the same as the stream itself, in this one snapshot."""
        ask = "SELECT writer, count(*), sum(number) FROM sent GROUP BY writer ORDER BY writer"
        stream = connection.execute(ask).fetchall()
        names = {name for (name,) in connection.execute(
            "SELECT name FROM braid.views WHERE stream = 'sent'").fetchall()}
        missing = self.views_acknowledged - names
        assert not missing, f"views that were acknowledged are not there: {missing}"
        for name in sorted(names):
            view = connection.execute(f"SELECT writer, n, total FROM {name} ORDER BY writer").fetchall()
            assert view == stream, f"view {name}: {view}, stream: {stream}"
        view = connection.execute("SELECT n, numbers, high - low + 1 FROM sent_totals").fetchall()
        assert all(n == numbers == span for n, numbers, span in view), f"sent_totals: {view}"
        view = connection.execute("SELECT sum(n), sum(total) FROM grown_totals").fetchall()
        stream = connection.execute("SELECT count(*), sum(number) FROM grown").fetchall()
        # Over no rows a count is 0 and a sum of counts NULL.
        assert [(row[0] or 0, row[1]) for row in view] == stream, f"grown_totals: {view} {stream}"

    def at_the_end(self):
        """With all writers stopped the numbers are known, but for requests without an answer."""
        eventually(lambda: self.braid.value("SELECT count(*) FROM grown") >= self.file_writer.written,
                   lambda: f"{self.file_writer.written} lines, "
                   f"{self.braid.value('SELECT count(*) FROM grown')} collected", CATCH_UP_SECONDS)
        assert self.braid.value("SELECT count(*) FROM grown") == self.file_writer.written
        assert self.braid.value("SELECT count(*) FROM braid.quarantine") == 0
        self.after_a_kill()
        self.braid.sql("REFRESH MATERIALIZED VIEW sent_totals")
        with self.braid.connect(options="-c braid.read_mode=final", autocommit=False) as connection:
            connection.isolation_level = ONE_SNAPSHOT
            self.compare_views(connection)
        audits = self.braid.sql("SELECT * FROM braid.audits WHERE NOT matched")
        assert not audits, f"audits: {audits[:3]}"


def main():
    """See the top of the file."""
    arguments = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    arguments.add_argument("--cycles", type=int, default=30)
    arguments.add_argument("--seed", type=int, default=20261122)
    options = arguments.parse_args()
    started = time.monotonic()
    test = KillTest(options.cycles, options.seed)
    test.run()
    sent = sum(len(writer.acknowledged) for writer in test.writers) * BATCH_RECORDS
    print(f"{options.cycles} kills in {time.monotonic() - started:.0f} s, seed {options.seed}: {sent} records "
          f"acknowledged, {sum(writer.unknown for writer in test.writers)} unknown outcomes, "
          f"{test.file_writer.written} lines, {dict(test.done_while_up)}")
    print(f"{test.passed} passed, {len(test.failures)} failed")
    sys.exit(1 if test.failures or not test.passed else 0)


if __name__ == "__main__":
    main()
