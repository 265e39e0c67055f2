#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What no program likes to be given: each has the outcome that docs/operating/bad-input.md promises, and the
program goes on answering."""
import json
import pathlib
import random
import socket
import struct
import sys
import threading
import time
import unittest
import urllib.parse

import psycopg

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))

from harness import checks  # noqa: E402
from harness.server import Braid  # noqa: E402
from harness.waiting import eventually  # noqa: E402

SCHEMA = """
CREATE TABLE t (k text, small int, big bigint, n numeric(6,2), w numeric, x double precision, d date, at timestamptz,
        ok boolean)
    WITH (event_time = 'at');
CREATE MATERIALIZED VIEW per_day AS SELECT date_trunc('day', at, 'UTC') AS day, count(*) AS n FROM t GROUP BY 1;
"""
NASTY = ["o'brien", 'say "x"', "semi;colon", "--dash", "/*c*/", "back\\slash", "dollar$1$$", "new\nline",
         "%s{}", "名字", " lead", "a" * 63]
DEEP = 100_000


class BadInputTest(unittest.TestCase):
    """One program for all; after each test it must still answer."""

    @classmethod
    def setUpClass(cls):
        cls.braid = cls.enterClassContext(Braid(init=SCHEMA))

    def tearDown(self):
        self.assertEqual(self.braid.value("SELECT 1"), 1)
        self.assertEqual(self.braid.http("GET", "/readyz").status, 200)

    def quarantined(self, record):
        """Sends one record that must be stored as bad; its reason."""
        sent = self.braid.post("t", [record])
        self.assertEqual(sent.status, 200, sent.text())
        rows = self.braid.sql("SELECT _error, _raw FROM braid.quarantine WHERE stream = 't' AND _offset = %s",
                              (sent.json()["first_offset"],))
        self.assertEqual(len(rows), 1, record)
        return rows[0][0]

    def test_values_out_of_range(self):
        for record, column in (({"small": 2147483648}, "small"), ({"small": -2147483649}, "small"),
                               ({"big": 9223372036854775808}, "big"), ({"n": 10000}, "n"),
                               ({"n": "9999.995"}, "n"), ({"w": 10**38}, "w"), ({"w": "0." + 39 * "1"}, "w"),
                               ({"w": "1e38"}, "w"), ({"x": "1e400"}, "x"), ({"d": "2023-02-29"}, "d"),
                               ({"at": "2023-01-01 25:00"}, "at"), ({"at": "infinite"}, "at"),
                               ({"ok": "maybe"}, "ok"), ({"small": 1.5}, "small"), ({"k": ["list"]}, None)):
            with self.subTest(record=record):
                if column is None:  # a nested value in a text column is its JSON text
                    sent = self.braid.post("t", [record]).json()
                    rows = self.braid.sql("SELECT k FROM t WHERE _offset = %s", (sent["first_offset"],))
                    self.assertEqual(rows, [('["list"]',)])
                else:
                    self.assertIn(column, self.quarantined(record))

    def test_edges_of_the_ranges_are_good(self):
        records = [{"k": "edge", "small": 2147483647, "big": 9223372036854775807, "n": "9999.994",
                    "w": 10**38 - 1, "x": 1.7976931348623157e308},
                   {"k": "edge", "small": -2147483648, "big": -9223372036854775808, "n": -9999.99,
                    "w": "-0." + 38 * "9", "x": 5e-324}]
        self.assertEqual(self.braid.post("t", records).status, 200)
        rows = self.braid.sql("SELECT small, big, n::text, w::text, x FROM t WHERE k = 'edge' ORDER BY small")
        self.assertEqual(rows, [(-2147483648, -9223372036854775808, "-9999.99", "-0." + 38 * "9", 5e-324),
                                (2147483647, 9223372036854775807, "9999.99", 38 * "9", 1.7976931348623157e308)])

    def test_texts_that_are_too_much_for_a_statement(self):
        self.assertEqual(self.braid.post("t", [{"k": f"much {n}"} for n in range(2000)]).status, 200)
        with self.braid.connect() as connection, self.assertRaises(psycopg.errors.OutOfMemory) as caught:
            connection.execute("SET statement_timeout = 0")  # a busy machine takes long to make them
            connection.execute("SELECT sum(length(rpad(k, 4000000))) FROM t WHERE k LIKE 'much %'")
        self.assertIn("query.statement_memory_mib", caught.exception.diag.message_hint)

    def test_one_vector_of_a_function_that_takes_long(self):
        self.assertEqual(self.braid.post("t", [{"k": f"long {n}"} for n in range(20)]).status, 200)
        codes = []

        def run(call):
            with self.braid.connect() as connection:
                connection.execute("SET statement_timeout = '1s'")
                try:
                    connection.execute(f"SELECT count({call}) FROM t WHERE k LIKE 'long %'")
                except psycopg.Error as error:
                    codes.append(error.sqlstate)

        # Hours for a row; all texts together are less than a statement may hold.
        for call in ("repeat('a', 4000000) LIKE '%' || repeat('a', 2000000) || k || '_b%'",
                     "regexp_count(repeat('a', 4000000), 'a*' || k || '|a')"):
            with self.subTest(call=call):
                codes.clear()
                thread = threading.Thread(target=run, args=(call,))
                thread.start()
                answers = 0
                while thread.is_alive():
                    self.assertEqual(self.braid.value("SELECT 1"), 1)
                    answers += 1
                self.assertEqual(codes, ["57014"])
                self.assertGreater(answers, 0)

    def test_no_statement_timeout_is_for_ever(self):
        with self.braid.connect() as connection:
            connection.execute("SET statement_timeout = 0")
            self.assertEqual(connection.execute("SELECT count(*) FROM t WHERE false").fetchone(), (0,))

    def test_invalid_utf8(self):
        for raw in (b'{"k": "\xff"}', b'{"k": "\xc0\x80"}', b'{"k": "\xed\xa0\x80"}', b'{"k\xf5": 1}',
                    b'{"k": "\xe2\x82"}', b'{"k": "\\ud800"}'):
            with self.subTest(raw=raw):
                self.assertTrue(self.quarantined(raw))

    def test_null_bytes_in_records(self):
        self.assertTrue(self.quarantined(b'{"k": "a\\u0000b"}'))
        self.assertTrue(self.quarantined(b'{"k": "a\x00b"}'))

    def test_events_of_1970_and_2099(self):
        records = [{"k": "far", "at": at} for at in ("1970-01-01T00:00:00Z", "1969-12-31T23:59:59.999999Z",
                                                     "2099-12-31T23:59:59.999999Z")]
        self.assertEqual(self.braid.post("t", records).status, 200)
        days = "SELECT day::text, n FROM per_day WHERE day < '1980-01-01' OR day > '2090-01-01' ORDER BY day"
        expected = [("1969-12-31 00:00:00+00", 1), ("1970-01-01 00:00:00+00", 1), ("2099-12-31 00:00:00+00", 1)]
        self.assertEqual(self.braid.sql(days), expected)
        self.braid.sql("REFRESH MATERIALIZED VIEW per_day")
        self.braid.restart()
        with self.braid.connect(options="-c braid.read_mode=final") as connection:
            self.assertEqual(connection.execute(days).fetchall(), expected)
        self.assertEqual(self.braid.value("SELECT count(*) FROM t WHERE k = 'far'"), 3)

    def test_nonsense_for_sql(self):
        generator = random.Random(3)
        words = ["SELECT", "FROM", "t", "(", ")", "'", '"', ",", "WHERE", "1", "$1", ";", "::", "GROUP BY", "*", "\\"]
        with self.braid.connect() as connection:
            for _ in range(300):
                text = " ".join(generator.choices(words, k=generator.randrange(1, 12)))
                try:
                    connection.execute(text.encode())
                except psycopg.Error as error:
                    self.assertTrue(error.sqlstate, text)
                    self.assertNotEqual(error.sqlstate[:2], "XX", text)
        answer = self.braid.http("POST", "/v1/sql", bytes(range(256)))
        self.assertEqual(answer.status // 100, 4, answer.text())

    def test_deeply_nested_sql(self):
        for text in ("SELECT " + "(" * DEEP + "1" + ")" * DEEP, "SELECT " + "- " * DEEP + "1",
                     "SELECT " + "NOT " * DEEP + "true", "SELECT " + "abs(" * DEEP + "1" + ")" * DEEP,
                     "SELECT * FROM " + "(SELECT * FROM " * 10_000 + "t" + ") x" * 10_000,
                     "SELECT 1" + " + 1" * DEEP, "SELECT 1" + " UNION SELECT 1" * 20_000,
                     "SELECT " + "CASE WHEN true THEN " * 10_000 + "1" + " END" * 10_000):
            with self.subTest(text=text[:40]), self.braid.connect() as connection:
                try:
                    connection.execute(text)
                except psycopg.Error as error:
                    self.assertIn(error.sqlstate, ("54001", "54000", "42601"), str(error)[:200])

    def test_quotes_in_every_name_and_literal(self):
        with self.braid.connect() as connection:
            for number, name in enumerate(NASTY):
                with self.subTest(name=name):
                    quoted = '"' + name.replace('"', '""') + '"'
                    literal = "'" + name.replace("'", "''") + "'"
                    view, plain = f'"v{number}{quoted[1:][:60]}', f'"p{number}{quoted[1:][:60]}'
                    view, plain = (text if text.endswith('"') and len(text) > 3 else text + '"'
                                   for text in (view, plain))
                    connection.execute(f"CREATE TABLE {quoted} ({quoted} text, n int)")
                    connection.execute(f"INSERT INTO {quoted} VALUES ({literal}, 1), ({literal}, 2)".encode())
                    connection.execute(f"CREATE MATERIALIZED VIEW {view} AS SELECT {quoted} AS {quoted}, "
                                       f"count(*) AS n FROM {quoted} GROUP BY 1")
                    connection.execute(f"CREATE VIEW {plain} AS SELECT * FROM {view} WHERE {quoted} = {literal}")
                    for relation in (view, plain):
                        self.assertEqual(connection.execute(f"SELECT * FROM {relation}".encode()).fetchall(),
                                         [(name, 2)])
                    # Through joins and sorts, which DuckDB does.
                    self.assertEqual(connection.execute(
                        f"SELECT a.{quoted}, b.n FROM {view} a JOIN {plain} b USING ({quoted}) "
                        f"WHERE a.{quoted} = {literal} ORDER BY 1".encode()).fetchall(), [(name, 2)])
                    path = urllib.parse.quote(name, safe="")
                    self.assertEqual(self.braid.http("POST", f"/v1/tables/{path}/records",
                                                     json.dumps({name: name})).status, 200)
        self.braid.restart()
        for name in NASTY:
            quoted = '"' + name.replace('"', '""') + '"'
            with self.braid.connect() as connection:
                rows = connection.execute(f"SELECT {quoted} FROM {quoted}".encode()).fetchall()
                self.assertEqual(rows, [(name,)] * 3)

    def test_null_bytes_in_names_and_parameters(self):
        for path in ("/v1/tables/%00/records", "/v1/tables/t%00/records"):
            self.assertEqual(self.braid.http("POST", path, b"{}").status // 100, 4)
        self.assertEqual(self.braid.http("GET", "/v1/views/per_day%00").status // 100, 4)
        for body in ({"query": "SELECT 'a\0b'"}, {"query": "SELECT $1::text", "params": ["a\0b"]}):
            answer = self.braid.http("POST", "/v1/sql", json.dumps(body), {"Content-Type": "application/json"})
            self.assertEqual(answer.status, 400, answer.text())
        state = self.raw_bind(b"a\0b")
        self.assertEqual(state, "22021")

    def raw_bind(self, value):
        """SQLSTATE of SELECT $1::text over the extended protocol with a parameter of any bytes."""
        with socket.create_connection(self.braid.pg, timeout=60) as client:
            self.start_up(client)

            def message(kind, body):
                return kind + struct.pack("!i", len(body) + 4) + body
            client.sendall(message(b"P", b"\0SELECT $1::text\0" + struct.pack("!h", 0))
                           + message(b"B", b"\0\0" + struct.pack("!hh", 0, 1)
                                     + struct.pack("!i", len(value)) + value + struct.pack("!h", 0))
                           + message(b"E", b"\0" + struct.pack("!i", 0)) + message(b"S", b""))
            answer = b""
            while b"Z\0\0\0\5" not in answer:
                answer += client.recv(4096)
        place = answer.find(b"\0C")
        return answer[place + 2:place + 7].decode() if b"E" in answer[:1] or place >= 0 else ""

    @staticmethod
    def start_up(client):
        """Logs on and reads up to ReadyForQuery."""
        body = struct.pack("!i", 196608) + b"user\0braid\0database\0braid\0\0"
        client.sendall(struct.pack("!i", len(body) + 4) + body)
        seen = b""
        while b"Z\0\0\0\5I" not in seen:
            seen += client.recv(4096)

    def test_clients_that_vanish(self):
        half = b"POST /v1/tables/t/records HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n{\"k\": \"half"
        for _ in range(20):
            with socket.create_connection(self.braid.http_address) as client:
                client.sendall(half)
                client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        for rest in (b"", b"\0\0", b"Q\0\0\0\x20SEL", b"\xff" * 64, b"Q\x7f\xff\xff\xff"):
            with socket.create_connection(self.braid.pg) as client:
                self.start_up(client)
                client.sendall(rest)
                client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        for rest in (b"\0", b"\0\0\0\x04", b"GET / HTTP/1.1\r\n\r\n", b"\x7f\xff\xff\xff\0\3\0\0"):
            with socket.create_connection(self.braid.pg) as client:
                client.sendall(rest)
        # In the middle of a long answer, and of a statement that runs for ever.
        for text in (b"SELECT n FROM generate_series(1, 10000000) n\0",
                     b"SELECT count(*) FROM generate_series(1, 100000000) a, generate_series(1, 1000) b\0"):
            with socket.create_connection(self.braid.pg) as client:
                self.start_up(client)
                client.sendall(b"Q" + struct.pack("!i", len(text) + 4) + text)
                time.sleep(0.2)  # so that it has begun
        self.assertEqual(self.braid.value("SELECT count(*) FROM t WHERE k LIKE 'half%'"), 0)
        eventually(lambda: self.braid.value("SELECT count(*) FROM pg_stat_activity WHERE state = 'active'") <= 1,
                   lambda: str(self.braid.sql("SELECT state, query FROM pg_stat_activity")), 60)


class FullDiskTest(unittest.TestCase):
    """No space is left for the log: appends are refused, nothing that was acknowledged goes, reads go on."""

    def test_appends_are_refused_and_reads_go_on(self):
        with Braid(init=SCHEMA) as braid:
            self.assertEqual(braid.post("t", [{"k": "before", "at": "2024-01-01Z"}]).status, 200)
            braid.config = "[log]\nkeep_free_mib = 1000000000\n"
            braid.restart()
            refused = braid.post("t", [{"k": "after"}])
            self.assertEqual((refused.status, refused.headers["Retry-After"]), (429, "1"), refused.text())
            self.assertIn("53100", refused.text())
            with braid.connect() as connection, self.assertRaises(psycopg.errors.DiskFull):
                connection.execute("INSERT INTO t (k) VALUES ('after')")
            self.assertEqual(braid.sql("SELECT k FROM t"), [("before",)])
            self.assertEqual(braid.value("SELECT sum(n) FROM per_day"), 1)
            braid.config = "[log]\nkeep_free_mib = 1\n"
            braid.restart()
            self.assertEqual(braid.post("t", [{"k": "after"}]).status, 200)
            self.assertEqual(braid.value("SELECT count(*) FROM t"), 2)


if __name__ == "__main__":
    checks.main()
