#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The HTTP interface: records and their idempotency, statements in JSON and CSV, views, receipts, health."""
import csv
import io
import json
import pathlib
import socket
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))

from harness import checks  # noqa: E402
from harness.server import Braid  # noqa: E402

SCHEMA = """
CREATE TABLE events (k text, v bigint, n numeric(10,2), at timestamptz, ok boolean);
CREATE TABLE parted (a int) WITH (partitions = 4);
CREATE TABLE logged (ip text) WITH (connector = 'file', path = '/nonexistent/braid/*.log',
                                    format = 'combined');
CREATE MATERIALIZED VIEW totals AS SELECT k, count(*) AS n, sum(v) AS total, avg(n) AS mean
FROM events GROUP BY k;
CREATE VIEW big AS SELECT k, total FROM totals WHERE total > 10;
"""
RECORD_BYTES_MAX = 1 << 20


class HttpTest(unittest.TestCase):
    """One program for all; each test uses keys of its own."""

    @classmethod
    def setUpClass(cls):
        cls.braid = cls.enterClassContext(Braid(init=SCHEMA))

    def sql(self, body, headers=None, query=""):
        """POST /v1/sql."""
        if isinstance(body, dict):
            body, headers = json.dumps(body), {"Content-Type": "application/json", **(headers or {})}
        return self.braid.http("POST", "/v1/sql" + query, body, headers)

    def rows(self, body, query=""):
        """The rows of a statement that must succeed."""
        answer = self.sql(body, query=query)
        self.assertEqual(answer.status, 200, answer.text())
        return answer.json()["rows"]

    def count(self, key):
        """How many records of a key are stored."""
        return self.rows({"query": "SELECT count(*) FROM events WHERE k = $1", "params": [key]})[0][0]

    # Records.

    def test_records_are_acknowledged_with_their_offsets(self):
        first = self.braid.post("events", [{"k": "ack", "v": i} for i in range(3)])
        self.assertEqual(first.status, 200, first.text())
        answer = first.json()
        self.assertEqual((answer["partition"], answer["records"], answer["durability"]), (0, 3, "disk"))
        self.assertEqual(answer["last_offset"] - answer["first_offset"], 2)
        second = self.braid.post("events", [{"k": "ack", "v": 3}]).json()
        self.assertGreater(second["first_offset"], answer["last_offset"])
        self.assertEqual(self.rows("SELECT n, total FROM totals WHERE k = 'ack'"), [[4, "6"]])

    def test_lines_may_end_with_carriage_returns_and_be_blank(self):
        body = b'{"k": "crlf", "v": 1}\r\n\r\n\n   \n{"k": "crlf", "v": 2}'
        answer = self.braid.http("POST", "/v1/tables/events/records", body)
        self.assertEqual((answer.status, answer.json()["records"]), (200, 2))
        self.assertEqual(self.rows("SELECT sum(v) FROM events WHERE k = 'crlf'"), [["3"]])

    def test_a_byte_order_mark_is_no_data(self):
        answer = self.braid.http("POST", "/v1/tables/events/records",
                                 b'\xef\xbb\xbf{"k": "bom", "v": 1}\n{"k": "bom", "v": 2}\n')
        self.assertEqual((answer.status, answer.json()["records"]), (200, 2))
        self.assertEqual(self.rows("SELECT sum(v) FROM events WHERE k = 'bom'"), [["3"]])

    def test_a_bad_record_is_accepted_and_quarantined(self):
        lines = [b'{"k": "bad", "v": 1}', b"{nonsense", b'{"k": "bad", "v": "many"}',
                 b'{"k": "bad", "v": 99999999999999999999}', b'{"k": "bad\xff"}', b"[1]", b"17"]
        answer = self.braid.post("events", lines)
        self.assertEqual((answer.status, answer.json()["records"]), (200, len(lines)))
        self.assertEqual(answer.json()["quarantined"], len(lines) - 1)
        self.assertEqual(self.count("bad"), 1)
        found = self.rows("SELECT _offset, _error, _raw FROM braid.quarantine WHERE stream = 'events' "
                          f"AND _offset >= {answer.json()['first_offset']} ORDER BY _offset")
        self.assertEqual(len(found), len(lines) - 1)
        self.assertTrue(all(error for _, error, _ in found), found)
        self.assertEqual([[each["offset"], each["reason"]] for each in answer.json()["reasons"]],
                         [row[:2] for row in found[:5]])

    def test_records_that_are_all_good_say_so(self):
        answer = self.braid.post("events", [{"k": "fine"}] * 3).json()
        self.assertEqual((answer["records"], answer["quarantined"]), (3, 0))
        self.assertNotIn("reasons", answer)
        large = self.braid.post("events", [{"k": "fine"}] * 5000 + [b"{"]).json()
        self.assertEqual((large["records"], large["checked"]), (5001, 1000))

    def test_types_of_bodies(self):
        for kind, status in (("text/csv", 415), ("application/msgpack", 415), ("multipart/form-data", 415),
                             ("application/json; charset=latin1", 415), ("application/x-ndjson", 200)):
            with self.subTest(kind):
                answer = self.braid.http("POST", "/v1/tables/events/records", b'{"k": "typed"}',
                                         {"Content-Type": kind})
                self.assertEqual(answer.status, status, answer.text())
        self.assertEqual(self.count("typed"), 1)
        for coding in ("gzip", "br", "identity, gzip"):
            answer = self.braid.http("POST", "/v1/tables/events/records", b'{"k": "typed"}',
                                     {"Content-Encoding": coding})
            self.assertEqual(answer.status, 415)
        self.assertEqual(self.sql("SELECT 1", {"Content-Type": "text/csv"}).status, 415)

    def test_unknown_fields_and_missing_ones(self):
        self.braid.post("events", [{"k": "fields", "other": [1, {"x": 2}]}, {"K": "fields"}, {"k": None}])
        self.assertEqual(self.count("fields"), 1)

    def test_partitions(self):
        used = {self.braid.post("parted", [{"a": i}]).json()["partition"] for i in range(8)}
        self.assertEqual(used, {0, 1, 2, 3})
        self.assertEqual(self.braid.post("parted", [{"a": 9}], partition=2).json()["partition"], 2)
        for wrong in (4, -1, "x"):
            self.assertEqual(self.braid.post("parted", [{"a": 9}], partition=wrong).status, 400)
        self.assertEqual(self.rows("SELECT count(*) FROM parted WHERE a < 10"), [[9]])

    def test_idempotency(self):
        records = [{"k": "idem", "v": 1}, {"k": "idem", "v": 2}]
        first = self.braid.post("events", records, key="key-1")
        again = self.braid.post("events", records, key="key-1")
        self.assertEqual((first.status, again.status), (200, 200))
        self.assertEqual(again.json(), first.json())
        self.assertEqual(self.count("idem"), 2)
        other = self.braid.post("events", [{"k": "idem", "v": 3}], key="key-1")
        self.assertEqual(other.status, 422, other.text())
        self.assertEqual(self.count("idem"), 2)
        self.assertEqual(self.braid.post("parted", [{"a": 77}], key="key-1").status, 200)
        for wrong in ("", "x" * 256):
            answer = self.braid.http("POST", "/v1/tables/events/records", b'{"k": "idem"}',
                                     {"Idempotency-Key": wrong})
            self.assertEqual(answer.status, 400)

    def test_idempotency_across_restart_crash_and_trimmed_log(self):
        records = [{"k": "kept", "v": 5}]
        first = self.braid.post("events", records, key="key-kept")
        for happen in (self.braid.restart, self.braid.crash):
            happen()
            self.assertEqual(self.braid.post("events", records, key="key-kept").json(), first.json())
        self.braid.sql("REFRESH MATERIALIZED VIEW totals")  # archived, sealed: the log may be trimmed
        self.braid.crash()
        self.assertEqual(self.braid.post("events", records, key="key-kept").json(), first.json())
        self.assertEqual(self.braid.post("events", [{"k": "z"}], key="key-kept").status, 422)
        self.assertEqual(self.count("kept"), 1)

    def test_where_records_cannot_go(self):
        self.assertEqual(self.braid.post("nothing", [{"k": 1}]).status, 404)
        for name in ("totals", "big", "logged"):
            self.assertEqual(self.braid.post(name, [{"k": "x"}]).status, 409)
        self.assertEqual(self.braid.http("POST", "/v1/tables/events/records", b"").status, 400)
        self.assertEqual(self.braid.http("POST", "/v1/tables/events/records", b'[{"k": 1}]').status, 400)
        self.assertEqual(self.braid.http("GET", "/v1/tables/events/records").status, 405)

    def test_size_limits(self):
        large = b'{"k": "%s"}' % (b"x" * RECORD_BYTES_MAX)
        answer = self.braid.post("events", [b'{"k": "large"}', large])
        self.assertEqual(answer.status, 413)
        self.assertEqual(self.count("large"), 0)
        allowed = b'{"k": "large", "rest": "%s"}' % (b"x" * (RECORD_BYTES_MAX - 100))
        self.assertEqual(self.braid.post("events", [allowed]).status, 200)
        self.assertEqual(self.count("large"), 1)
        many = [b'{"k": "large", "rest": "%s"}' % (b"x" * 1_000_000)] * 17
        self.assertEqual(self.braid.post("events", many).status, 413)
        self.assertEqual(self.count("large"), 1)

    # Statements.

    def test_json_answer(self):
        answer = self.sql("SELECT 1 AS a, 2::bigint AS b, 1.50 AS c, 0.5::float8 AS d, 'x' AS e, NULL AS f, "
                          "true AS g, '2020-01-01'::date AS h, '2020-01-01Z'::timestamptz AS i")
        self.assertEqual(answer.headers["Content-Type"], "application/json")
        found = answer.json()
        self.assertEqual(found["rows"], [[1, 2, "1.50", 0.5, "x", None, True, "2020-01-01",
                                          "2020-01-01 00:00:00+00"]])
        self.assertEqual(found["columns"][:3], [{"name": "a", "type": "integer"},
                                                {"name": "b", "type": "bigint"},
                                                {"name": "c", "type": "numeric"}])
        self.assertEqual(found["tag"], "SELECT 1")

    def test_csv_answer(self):
        answer = self.sql("SELECT x AS \"a,b\", y FROM (VALUES ('p\"q', 1), (NULL, 2), ('', 3), "
                          "('two\nlines', NULL)) AS v(x, y)", {"Accept": "text/csv"})
        self.assertTrue(answer.headers["Content-Type"].startswith("text/csv"))
        self.assertEqual(list(csv.reader(io.StringIO(answer.text(), newline=""))),
                         [["a,b", "y"], ['p"q', "1"], ["", "2"], ["", "3"], ["two\nlines", ""]])
        self.assertIn('\r\n"",3\r\n', answer.text())

    def test_parameters(self):
        query = "SELECT $1::int + 1, $2 || '!', $3::timestamptz IS NULL"
        self.assertEqual(self.rows({"query": query, "params": [41, "it's", None]}), [[42, "it's!", True]])
        for params, sqlstate in (([1], "42601"), (["x", "y", "2020"], "22P02")):
            answer = self.sql({"query": query, "params": params})
            self.assertEqual((answer.status, answer.json()["code"]), (400, sqlstate))

    def test_long_answers_are_sent_while_they_are_made(self):
        answer = self.sql("SELECT repeat('x', 1000000) FROM generate_series(1, 80)")
        self.assertEqual(answer.status, 200)
        self.assertIsNone(answer.headers["Content-Length"])
        self.assertEqual(answer.headers["Transfer-Encoding"], "chunked")
        self.assertEqual(len(answer.json()["rows"]), 80)

    def test_several_statements(self):
        self.assertEqual(self.rows("INSERT INTO parted VALUES (1000); "
                                   "SELECT count(*) FROM parted WHERE a = 1000"), [[1]])
        answer = self.sql("INSERT INTO parted VALUES (2000); INSERT INTO parted VALUES ('x')")
        self.assertEqual(answer.status, 400)
        self.assertEqual(self.rows("SELECT count(*) FROM parted WHERE a = 2000"), [[0]])

    def test_definitions_and_commands(self):
        answer = self.sql("CREATE TABLE by_http (a int)")
        self.assertEqual((answer.status, answer.json()["tag"]), (200, "CREATE TABLE"))
        self.assertEqual(self.sql("CREATE TABLE by_http (a int)").status, 409)
        self.assertEqual(self.sql("DROP TABLE by_http").json()["tag"], "DROP TABLE")

    def test_errors(self):
        for query, status, sqlstate in (
                ("SELECT * FROM nothing", 404, "42P01"), ("SELEC 1", 400, "42601"), ("SELECT 1/0", 400, "22012"),
                ("UPDATE parted SET a = 1", 501, "0A000"), ("", 400, "42601")):
            with self.subTest(query):
                answer = self.sql(query)
                self.assertEqual((answer.status, answer.json()["code"]), (status, sqlstate))
        found = self.sql("SELECT 'é', nothing").json()
        self.assertEqual((found["message"], found["position"]), ('column "nothing" does not exist', 13))

    def test_requests_that_are_wrong(self):
        for body in ("{", '{"query": 5}', '{"params": []}', '{"query": "SELECT 1", "more": 2}',
                     '{"query": "SELECT $1", "params": 5}', "[" * 100_000):
            with self.subTest(body[:30]):
                answer = self.sql(body, {"Content-Type": "application/json"})
                self.assertEqual(answer.status, 400, answer.text()[:300])
        self.assertEqual(self.sql("SELECT 1", {"Accept": "image/png"}).status, 406)
        self.assertEqual(self.sql(b"SELECT '\xff'").status, 400)
        self.assertEqual(self.braid.http("GET", "/v1/nothing").status, 404)

    def test_read_modes_and_receipts(self):
        self.braid.sql("CREATE TABLE moded (a int)")
        self.braid.sql("CREATE MATERIALIZED VIEW moded_count AS SELECT count(*) AS n FROM moded")
        self.braid.post("moded", [{"a": 1}])
        query = "SELECT n FROM moded_count"
        refused = self.sql(query, query="?read_mode=final")
        self.assertEqual(refused.json()["code"], "55000")
        self.braid.sql("REFRESH MATERIALIZED VIEW moded_count")
        self.braid.post("moded", [{"a": 2}, {"a": 3}])
        final, live = self.sql(query, query="?read_mode=final"), self.sql(query, query="?read_mode=live")
        self.assertEqual((final.json()["rows"], live.json()["rows"]), ([[1]], [[3]]))
        receipts = [json.loads(answer.headers["Braid-Receipt"]) for answer in (final, live)]
        self.assertEqual([each["mode"] for each in receipts], ["final", "live"])
        self.assertEqual(receipts[0]["speed_share"], 0)
        self.assertGreater(receipts[1]["speed_share"], 0)
        for name in ("manifest", "mode", "cut", "frontier", "speed_share", "views", "runs",
                     "quarantined", "expired"):
            self.assertIn(name, receipts[1])
        cut = self.braid.value("SELECT cut_number FROM braid.streams WHERE name = 'moded'")
        self.braid.sql("REFRESH MATERIALIZED VIEW moded_count")
        self.assertEqual(self.rows(query, f"?read_mode=at_cut&cut={cut}"), [[1]])
        self.assertEqual(self.rows(query, "?read_mode=final"), [[3]])
        self.assertEqual(self.sql(query, query="?read_mode=sideways").status, 400)
        self.assertGreaterEqual(self.sql(query, query="?read_mode=at_cut&cut=99999").status, 400)

    def test_the_status_goes_by_the_sqlstate(self):
        for query, status, sqlstate in (
                ("SELECT nothing FROM events", 400, "42703"), ("SELECT nothing(1)", 400, "42883"),
                ("SELECT 1::nothing", 400, "42704"), ("CREATE TABLE events (a int)", 409, "42P07"),
                ("DROP TABLE nothing", 404, "42P01"), ("DROP TABLE events", 409, "2BP01"),
                ("SELECT * FROM nothing.t", 404, None), ("SELECT 'x'::int", 400, "22P02"),
                ("CREATE TABLE x (a int) WITH (connector = 'file', path = '/etc/passwd')", 403, "42501"),
                ("SELECT repeat('x', 5000000)", 413, "54000")):
            with self.subTest(query):
                answer = self.sql(query)
                self.assertEqual(answer.status, status, answer.text())
                self.assertIn(sqlstate, (None, answer.json()["code"]))

    # Views, health, protocol.

    def test_views(self):
        self.braid.post("events", [{"k": "a view", "v": 20, "n": 1.5}, {"k": "a view", "v": 1}])
        answer = self.braid.http("GET", "/v1/views/totals?k=a%20view")
        self.assertEqual(answer.json()["rows"],
                         [{"k": "a view", "n": 2, "total": "21", "mean": "1.50000000000000000000"}])
        self.assertIn("Braid-Receipt", answer.headers)
        self.assertEqual(self.braid.http("GET", "/v1/views/big?k=a+view&total=21").json()["rows"],
                         [{"k": "a view", "total": "21"}])
        self.assertEqual(self.braid.http("GET", "/v1/views/totals?k=no-such").json()["rows"], [])
        self.assertEqual(len(self.braid.http("GET", "/v1/views/totals?limit=1").json()["rows"]), 1)
        for path, status in (("nothing", 404), ("events", 404), ("totals?nothing=1", 400),
                             ("totals?limit=x", 400), ("totals?n=many", 400)):
            self.assertEqual(self.braid.http("GET", f"/v1/views/{path}").status, status, path)

    def test_pages_of_a_view(self):
        self.braid.sql("CREATE TABLE paged (k text, v double precision)")
        self.braid.sql("CREATE MATERIALIZED VIEW pages AS SELECT k, v, count(*) AS n FROM paged GROUP BY k, v")
        self.braid.post("paged", [{"k": None if i % 7 == 0 else f"a/b&{i % 50}", "v": i / 3} for i in range(2500)])
        rows, target = [], "/v1/views/pages?n=1"
        while target:
            page = self.braid.http("GET", target).json()
            self.assertEqual(page.get("truncated", False), "next" in page)
            rows += page["rows"]
            target = page.get("next")
        self.assertEqual(len(rows), 2500)
        self.assertEqual(len({json.dumps(row) for row in rows}), 2500)
        few = self.braid.http("GET", "/v1/views/pages?limit=3&k=a%2Fb%261").json()
        self.assertTrue(few["truncated"])
        self.assertIn("k=a%2Fb%261", few["next"])
        more = self.braid.http("GET", few["next"]).json()["rows"]
        self.assertEqual([row["k"] for row in few["rows"] + more], ["a/b&1"] * 6)
        exactly = self.braid.http("GET", "/v1/views/pages?limit=2500").json()
        self.assertNotIn("truncated", exactly)

    def test_methods(self):
        for method, path, allowed in (("DELETE", "/v1/sql", "POST, OPTIONS"),
                                      ("POST", "/healthz", "GET, HEAD, OPTIONS"),
                                      ("PUT", "/v1/tables/events/records", "POST, OPTIONS")):
            answer = self.braid.http(method, path)
            self.assertEqual((answer.status, answer.headers["Allow"]), (405, allowed))
        head, get = (self.braid.http(method, "/v1/views/totals?k=nobody") for method in ("HEAD", "GET"))
        self.assertEqual((head.status, head.body), (200, b""))
        self.assertEqual(head.headers["Content-Length"], get.headers["Content-Length"])
        self.assertEqual(self.braid.http("OPTIONS", "/v1/sql").status, 204)

    def test_health_and_metrics(self):
        self.assertEqual(self.braid.http("GET", "/healthz").text(), "ok\n")
        self.assertEqual(self.braid.http("GET", "/readyz").text(), "ready\n")
        self.assertEqual(self.braid.http("GET", "/").status, 200)
        metrics = self.braid.http("GET", "/metrics").text()
        self.assertRegex(metrics, r"(?m)^# TYPE braid_http_requests_total counter$")
        self.assertRegex(metrics, r"(?m)^braid_http_requests_total \d+$")

    def test_security_headers(self):
        headers = self.braid.http("GET", "/healthz").headers
        self.assertEqual(headers["X-Content-Type-Options"], "nosniff")
        self.assertIn("default-src 'none'", headers["Content-Security-Policy"])
        other = self.braid.http("GET", "/healthz", headers={"Host": "evil.example"})
        self.assertEqual(other.status, 421)

    def exchange(self, data):
        """Raw bytes to the server; what it answers until it closes."""
        with socket.create_connection(self.braid.http_address, timeout=30) as connection:
            connection.sendall(data)
            connection.shutdown(socket.SHUT_WR)
            answer = b""
            while piece := connection.recv(65536):
                answer += piece
        return answer

    def test_pipelined_and_chunked_requests(self):
        one = b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n"
        self.assertEqual(self.exchange(one * 3).count(b"200 OK"), 3)
        chunked = (b"POST /v1/sql HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n"
                   b"7\r\nSELECT \r\n4\r\n1+41\r\n0\r\n\r\n")
        self.assertIn(b"[42]", self.exchange(chunked))
        smuggled = (b"POST /v1/sql HTTP/1.1\r\nHost: localhost\r\nContent-Length: 5\r\n"
                    b"Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n")
        self.assertIn(b" 400 ", self.exchange(smuggled))
        for nonsense in (b"\x16\x03\x01\x02\x00\x01", b"GET\r\n\r\n", b"GET / HTTP/1.1\r\nx" * 5000):
            self.assertNotIn(b" 200 ", self.exchange(nonsense))
        self.assertEqual(self.braid.http("GET", "/healthz").status, 200)


if __name__ == "__main__":
    checks.main()
