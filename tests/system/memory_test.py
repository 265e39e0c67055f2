#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""memory_limit is kept whatever clients send, keep or ask for; who asks for too much is refused, all others go on."""
import contextlib
import pathlib
import re
import socket
import sys
import threading
import unittest

import psycopg

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))

from harness import checks  # noqa: E402
from harness.server import Braid  # noqa: E402
from harness.waiting import eventually  # noqa: E402

MEBIBYTE = 1 << 20
LIMIT_MIB = 512
CLIENTS = 60
BODY_BYTES = 15 * MEBIBYTE
ROWS = 60_000
SECONDS = 120
SCHEMA = """
CREATE TABLE t (a bigint, b text);
CREATE MATERIALIZED VIEW v AS SELECT a, b, count(*) AS n FROM t GROUP BY 1, 2;
"""


def holds_resident(process):
    """The most memory that a process ever had, in MiB."""
    status = pathlib.Path(f"/proc/{process.pid}/status").read_text()
    return int(re.search(r"VmHWM:\s+(\d+) kB", status)[1]) >> 10


class MemoryTest(unittest.TestCase):
    def setUp(self):
        config = f'memory_limit = "{LIMIT_MIB}MiB"\n[connections]\naddress_max = 190\n'
        self.braid = self.enterContext(Braid(init=SCHEMA, config=config))

    def tearDown(self):
        """What clients held is given back when they have gone, others were served, and the limit was kept."""
        eventually(lambda: self.held() == 0, lambda: f"clients hold {self.held()}", SECONDS)
        self.assertEqual(self.braid.value("SELECT 1"), 1)
        self.assertEqual(self.braid.post("t", [{"a": 1}]).status, 200)
        self.assertLessEqual(holds_resident(self.braid.process), LIMIT_MIB * 11 // 10)

    def metric(self, name, share="clients"):
        """Of a share of memory."""
        text = self.braid.http("GET", "/metrics").text()
        return int(re.search(rf'^braid_memory_{name}{{share="{share}"}} (\d+)$', text, re.M)[1])

    def held(self):
        """What clients hold."""
        return self.metric("bytes")

    def connect_raw(self, address):
        """A connection that is closed at the end of the test."""
        connection = socket.create_connection(address, timeout=SECONDS)
        self.addCleanup(connection.close)
        return connection

    def side_by_side(self, work):
        """Runs work(number) in as many threads as there are clients; what each gave."""
        given = [None] * CLIENTS

        def run(number):
            given[number] = work(number)
        threads = [threading.Thread(target=run, args=[number]) for number in range(CLIENTS)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        return given

    def test_bodies_that_never_end(self):
        """Each client sends all of a large body but its last byte."""
        def send(number):
            connection = self.connect_raw(self.braid.http_address)
            head = f"POST /v1/tables/t/records HTTP/1.1\r\nHost: localhost\r\nContent-Length: {BODY_BYTES}\r\n\r\n"
            with contextlib.suppress(ConnectionError):
                connection.sendall(head.encode() + b" " * (BODY_BYTES - 1))
            return connection
        connections = self.side_by_side(send)
        self.assertGreater(self.metric("refusals_total"), 0)
        self.assertLessEqual(self.held(), self.metric("limit_bytes"))
        self.assertEqual(self.braid.value("SELECT 1"), 1)
        for connection in connections:
            connection.close()
        eventually(lambda: self.braid.post("t", [{"a": 1}]).status == 200, "a record is taken", SECONDS)

    def test_refused_bodies_say_when_to_come_back(self):
        """While others hold all of the share."""
        holder = self.connect_raw(self.braid.http_address)
        size = 16 * MEBIBYTE
        head = f"POST /v1/tables/t/records HTTP/1.1\r\nHost: localhost\r\nContent-Length: {size}\r\n\r\n"
        holder.sendall(head.encode() + b" " * (size - 1))
        eventually(lambda: self.held() >= size, "the first is held", SECONDS)
        others = []
        while self.metric("limit_bytes") - self.held() > 8 * MEBIBYTE:
            others.append(self.connect_raw(self.braid.http_address))
            before = self.held()
            others[-1].sendall(head.replace(str(size), str(8 * MEBIBYTE)).encode() + b" " * (8 * MEBIBYTE - 1))
            eventually(lambda: self.held() > before + 7 * MEBIBYTE, "one more is held", SECONDS)
        answer = self.braid.http("POST", "/v1/tables/t/records", b"\n" * size)
        self.assertEqual(answer.status, 429)
        self.assertEqual(answer.headers["Retry-After"], "1")
        holder.sendall(b"\n")
        self.assertIn(b" 400 ", holder.recv(100))
        for connection in others:
            connection.close()

    def test_transactions_that_keep_inserting(self):
        """Each session inserts until it is refused, and keeps what it has."""
        def insert(number):
            with self.braid.connect(autocommit=False) as connection:
                row = "x" * 900_000
                for count in range(60):
                    try:
                        connection.execute("INSERT INTO t VALUES (%s, %s)", [number, row])
                    except psycopg.Error as error:
                        connection.rollback()
                        return error.sqlstate
                connection.rollback()
            return None
        self.assertIn("53200", self.side_by_side(insert))

    def test_sessions_that_prepare_and_bind_without_end(self):
        """Prepared statements and parameters of each session."""
        def prepare(number):
            with self.braid.connect(autocommit=True) as connection:
                text = "SELECT '" + "x" * 20_000 + "' || %s"
                try:
                    for count in range(200):
                        connection.execute(f"PREPARE p{count} AS SELECT '{'x' * 20_000}'")
                        connection.execute(text, ["y" * MEBIBYTE])
                except psycopg.Error as error:
                    self.assertEqual(connection.execute("SELECT 1").fetchone(), (1,))
                    return error.sqlstate
            return None
        self.assertIn("53200", self.side_by_side(prepare))

    def test_answers_that_nobody_takes(self):
        """Long answers over both protocols stand where they are; none is held whole."""
        batch = 2_000
        for start in range(0, ROWS, batch):
            self.braid.post("t", [{"a": a, "b": "x" * 2_000} for a in range(start, start + batch)])
        self.assertEqual(self.braid.value("SELECT count(*) FROM v"), ROWS)
        answer = self.braid.http("POST", "/v1/sql", b"SELECT * FROM v", {"Accept": "text/csv"})
        self.assertEqual(answer.body.count(b"\n"), ROWS + 1)
        before = holds_resident(self.braid.process)
        body = b"SELECT * FROM v"
        connections = []
        for _ in range(CLIENTS):
            connection = self.connect_raw(self.braid.http_address)
            connection.sendall(b"POST /v1/sql HTTP/1.1\r\nHost: localhost\r\nContent-Length: %d\r\n\r\n%s"
                               % (len(body), body))
            connections.append(connection)
        heads = [connection.recv(15) for connection in connections]
        # Together they merge what all statements may hold: the last ones may be refused.
        self.assertLessEqual(set(heads), {b"HTTP/1.1 200 OK", b"HTTP/1.1 429 To"})
        self.assertGreater(heads.count(b"HTTP/1.1 200 OK"), CLIENTS // 4)
        print(f"{CLIENTS} answers of {len(answer.body) >> 20} MiB under way: {before} -> "
              f"{holds_resident(self.braid.process)} MiB")
        for connection in connections:
            connection.close()

    def test_statements_that_compute_long_texts(self):
        """Together they have no more than their share."""
        self.braid.post("t", [{"a": a, "b": "x"} for a in range(1000)])

        def compute(number):
            with self.braid.connect(autocommit=True) as connection:
                try:
                    connection.execute("SELECT length(rpad(b, 2000000) || a) FROM v").fetchall()
                except psycopg.Error as error:
                    return error.sqlstate
            return None
        outcomes = set(self.side_by_side(compute))
        self.assertLessEqual(outcomes, {None, "53200"})


if __name__ == "__main__":
    checks.main()
