#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""psycopg 3: simple and extended protocol, prepared statements, text and binary values of every type, errors,
transactions that see one snapshot, pipelines, cancelling, time-outs."""
import datetime
import decimal
import ipaddress
import pathlib
import sys
import threading
import time
import unittest
import uuid

import psycopg
from psycopg import errors, pq

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))

from harness import checks  # noqa: E402
from harness.server import Braid  # noqa: E402
from harness.waiting import eventually  # noqa: E402

UTC = datetime.timezone.utc
VALUES = {
    "boolean": [True, False],
    "integer": [0, 1, -1, 2**31 - 1, -2**31],
    "bigint": [0, 2**63 - 1, -2**63],
    "numeric": [decimal.Decimal(text) for text in (
        "0", "1.50", "-0.000001", "12345678901234567890.123456789", "10000000000", "NaN", "100", "0.00",
        "1000000000000000000000000000000", "-99999.99999")],
    "double precision": [0.0, 0.1, -1.5e300, 5e-324, float("inf"), float("-inf")],
    "text": ["", "plain", "née ☂ 𝄞", "a'b\"c\\d\te\nf", "x" * 10_000],
    "date": [datetime.date(1970, 1, 1), datetime.date(1, 1, 1), datetime.date(9999, 12, 31),
             datetime.date(2020, 2, 29)],
    "timestamp": [datetime.datetime(2020, 2, 29, 12, 34, 56, 789012),
                  datetime.datetime(1969, 12, 31, 23, 59, 59, 999999)],
    "timestamptz": [datetime.datetime(2020, 2, 29, 12, 34, 56, 789012, UTC),
                    datetime.datetime(2099, 12, 31, 23, 59, 59, tzinfo=UTC)],
    "interval": [datetime.timedelta(0), datetime.timedelta(days=-3, seconds=5, microseconds=7),
                 datetime.timedelta(days=400, hours=5)],
}
ENDLESS = "SELECT count(*) FROM generate_series(1, 100000) a, generate_series(1, 100000) b"


class PsycopgTest(unittest.TestCase):
    """One program for all; each test has connections of its own."""

    @classmethod
    def setUpClass(cls):
        cls.braid = cls.enterClassContext(Braid(init=(
            "CREATE TABLE t (a int, b text);\n"
            "CREATE MATERIALIZED VIEW v AS SELECT b, count(*) AS n, sum(a) AS s FROM t GROUP BY b;\n"
            "INSERT INTO t VALUES (1, 'x'), (2, 'y'), (3, 'x');\n")))

    def connect(self, autocommit=True, **more):
        """A connection that ends with the test."""
        return self.enterContext(self.braid.connect(autocommit, **more))

    def round_trip(self, placeholder, binary):
        """Sends each value of each type and wants it back."""
        cursor = self.connect().cursor(binary=binary)
        for name, values in VALUES.items():
            for value in [*values, None]:
                with self.subTest(type=name, value=value):
                    found = cursor.execute(f"SELECT {placeholder}::{name}", [value]).fetchone()[0]
                    self.assertEqual(str(found), str(value))
                    self.assertIs(type(found), type(value))

    def test_text_parameters_and_results(self):
        self.round_trip("%t", False)

    def test_binary_parameters_and_results(self):
        self.round_trip("%b", True)

    def test_text_parameters_and_binary_results(self):
        self.round_trip("%t", True)

    def test_binary_results_of_a_table(self):
        connection = self.connect()
        columns = ", ".join(f'"{name}" {name}' for name in VALUES if name != "interval")
        connection.execute(f"CREATE TABLE every_type ({columns})")
        row = [values[-1] for name, values in VALUES.items() if name != "interval"]
        marks = ", ".join(["%s"] * len(row))
        connection.execute(f"INSERT INTO every_type VALUES ({marks})", row)
        connection.execute("INSERT INTO every_type (text) VALUES (NULL)")
        for binary in (False, True):
            cursor = connection.cursor(binary=binary)
            found = cursor.execute("SELECT * FROM every_type ORDER BY boolean").fetchall()
            self.assertEqual(found, [tuple(row), (None,) * len(row)])
            names = [column.name for column in cursor.description]
            self.assertEqual(names, [name for name in VALUES if name != "interval"])
        connection.execute("DROP TABLE every_type")

    def test_nan_and_infinity(self):
        for binary in (False, True):
            cursor = self.connect().cursor(binary=binary)
            row = cursor.execute("SELECT 'NaN'::float8::text, %s::float8", [float("nan")]).fetchone()
            self.assertEqual([str(value) for value in row], ["NaN", "nan"])

    def test_prepared_statements(self):
        connection = self.connect()
        connection.prepare_threshold = 1
        for value in (1, 2, None, 3):
            rows = connection.execute("SELECT a, b FROM t WHERE a = %s", [value]).fetchall()
            self.assertEqual(rows, [] if value is None else [(value, "xyx"[value - 1])])
        rows = connection.execute("SELECT n, s FROM v WHERE b = %s", ["x"], prepare=True).fetchall()
        self.assertEqual(rows, [(2, 4)])
        prepared = connection.execute("SELECT count(*) FROM pg_prepared_statements").fetchone()
        self.assertGreaterEqual(prepared[0], 0)

    def test_prepared_statement_after_its_view_has_changed(self):
        connection = self.connect()
        connection.execute("CREATE TABLE changing (a int)")
        connection.execute("CREATE VIEW shown AS SELECT a FROM changing")
        connection.execute("INSERT INTO changing VALUES (7)")
        query = "SELECT a FROM shown WHERE a > %s"
        self.assertEqual(connection.execute(query, [1], prepare=True).fetchall(), [(7,)])
        connection.execute("CREATE OR REPLACE VIEW shown AS SELECT a * 2 AS a FROM changing")
        self.assertEqual(connection.execute(query, [1], prepare=True).fetchall(), [(14,)])
        connection.execute("DROP TABLE changing CASCADE")
        with self.assertRaises(errors.UndefinedTable):
            connection.execute(query, [1], prepare=True)

    def test_parameter_types_are_inferred(self):
        connection = self.connect()
        described = connection.pgconn.prepare(b"q", b"SELECT a + $1, b || $2, $3::date FROM t "
                                                    b"WHERE a < $4 AND b = $5")
        self.assertEqual(described.status, pq.ExecStatus.COMMAND_OK)
        described = connection.pgconn.describe_prepared(b"q")
        self.assertEqual([described.param_type(i) for i in range(5)], [23, 25, 1082, 23, 25])
        self.assertEqual([described.ftype(i) for i in range(3)], [23, 25, 1082])

    def test_executemany_and_returning_nothing(self):
        connection = self.connect()
        connection.execute("CREATE TABLE many (a int)")
        connection.cursor().executemany("INSERT INTO many VALUES (%s)", [(i,) for i in range(50)])
        self.assertEqual(connection.execute("SELECT count(*), sum(a) FROM many").fetchone(), (50, 1225))
        connection.execute("DROP TABLE many")

    def test_pipeline(self):
        connection = self.connect()
        with connection.pipeline() as pipeline:
            first = connection.execute("SELECT %s + 1", [41])
            second = connection.execute("SELECT b FROM t ORDER BY a")
            pipeline.sync()
            self.assertEqual(first.fetchone(), (42,))
            self.assertEqual(second.fetchall(), [("x",), ("y",), ("x",)])
        after = None
        with self.assertRaises(errors.DivisionByZero), connection.pipeline() as pipeline:
            connection.execute("SELECT 1/0")
            after = connection.execute("SELECT 1")  # an error is told at once, perhaps here already
            pipeline.sync()
        if after:
            with self.assertRaises(psycopg.Error):
                after.fetchone()
        self.assertEqual(connection.execute("SELECT 5").fetchone(), (5,))

    def test_stream_of_many_rows(self):
        cursor = self.connect().cursor()
        total = sum(row[0] for row in cursor.stream("SELECT g FROM generate_series(1, 100000) AS g"))
        self.assertEqual(total, 5000050000)

    def test_errors_have_their_fields(self):
        with self.assertRaises(errors.UndefinedColumn) as caught:
            self.connect().execute("SELECT 'é', nothing FROM t")
        diagnosis = caught.exception.diag
        self.assertEqual((diagnosis.severity, diagnosis.sqlstate, diagnosis.statement_position),
                         ("ERROR", "42703", "13"))
        self.assertEqual(diagnosis.message_primary, 'column "nothing" does not exist')

    def test_statements_that_are_refused_by_name(self):
        connection = self.connect()
        for statement, name in (("UPDATE t SET a = 1", "UPDATE"), ("DELETE FROM t", "DELETE"),
                                ("COPY t FROM STDIN", "COPY"), ("COPY t TO STDOUT", "COPY"),
                                ("CREATE TRIGGER x AFTER INSERT ON t FOR EACH ROW EXECUTE FUNCTION f()",
                                 "CREATE TRIGGER"),
                                ("ALTER TABLE t ADD COLUMN c int", "ALTER TABLE"),
                                ("CREATE INDEX ON t (a)", "CREATE INDEX"), ("VACUUM", "VACUUM"),
                                ("DECLARE c CURSOR FOR SELECT 1", "DECLARE CURSOR")):
            with self.subTest(statement):
                with self.assertRaises(errors.FeatureNotSupported) as caught:
                    connection.execute(statement)
                self.assertIn(name, str(caught.exception))

    def test_copy_is_refused_and_the_connection_lives(self):
        connection = self.connect()
        with self.assertRaises(errors.FeatureNotSupported):
            with connection.cursor().copy("COPY t FROM STDIN") as copy:
                copy.write_row((1, "x"))
        self.assertEqual(connection.execute("SELECT 1").fetchone(), (1,))

    def test_notices_and_warnings(self):
        connection = self.connect()
        heard = []
        connection.add_notice_handler(lambda diagnosis: heard.append(diagnosis.message_primary))
        connection.execute("DROP TABLE IF EXISTS nothing")
        self.assertEqual(heard, ['table "nothing" does not exist, skipping'])
        connection.execute("CREATE MATERIALIZED VIEW distinct_b AS SELECT a, count(DISTINCT b) AS d "
                           "FROM t GROUP BY a")
        connection.execute("SELECT sum(d) FROM distinct_b")
        self.assertIn("combine(d)", heard[-1])
        connection.execute("DROP MATERIALIZED VIEW distinct_b")

    def test_each_statement_sees_what_was_acknowledged_before_it(self):
        other = self.connect()
        other.execute("CREATE TABLE going (a int)")
        other.execute("CREATE MATERIALIZED VIEW gone AS SELECT count(*) AS n FROM going")
        reader = self.connect(autocommit=False)
        for number in range(3):
            self.assertEqual(reader.execute("SELECT (SELECT n FROM gone), (SELECT count(*) FROM going)").fetchone(),
                             (number, number))
            self.assertEqual(reader.execute("SHOW transaction_isolation").fetchone(), ("read committed",))
            other.execute("INSERT INTO going VALUES (1)")
        reader.rollback()
        other.execute("DROP TABLE going CASCADE")

    def test_a_repeatable_transaction_sees_one_snapshot(self):
        other = self.connect()
        other.execute("CREATE TABLE moving (a int)")
        other.execute("CREATE MATERIALIZED VIEW moved AS SELECT count(*) AS n FROM moving")
        other.execute("INSERT INTO moving VALUES (1)")
        reader = self.connect(autocommit=False)
        reader.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
        ask = "SELECT (SELECT n FROM moved), (SELECT count(*) FROM moving)"
        self.assertEqual(reader.execute(ask).fetchone(), (1, 1))
        other.execute("INSERT INTO moving VALUES (2)")
        other.execute("REFRESH MATERIALIZED VIEW moved")
        self.assertEqual(other.execute(ask).fetchone(), (2, 2))
        self.assertEqual(reader.execute(ask).fetchone(), (1, 1))
        self.assertEqual(reader.execute("SELECT n FROM moved").fetchone(), (1,))
        reader.commit()
        self.assertEqual(reader.execute(ask).fetchone(), (2, 2))
        reader.rollback()
        other.execute("DROP TABLE moving CASCADE")

    def test_rows_of_a_transaction_are_stored_at_its_commit(self):
        other = self.connect()
        other.execute("CREATE TABLE pending (a int)")
        other.execute("CREATE MATERIALIZED VIEW sums AS SELECT a % 2 AS k, count(*) AS n FROM pending GROUP BY 1")
        writer = self.connect(autocommit=False)
        writer.execute("INSERT INTO pending VALUES (1), (2)")
        self.assertEqual(other.execute("SELECT count(*) FROM pending").fetchone(), (0,))
        self.assertEqual(writer.execute("SELECT a, _partition, _offset, _ingested_at FROM pending").fetchall(),
                         [(1, None, None, None), (2, None, None, None)])
        for _ in range(3):  # prepared from some time on
            self.assertEqual(writer.execute("SELECT n FROM sums WHERE k = %s", [0], prepare=True).fetchall(), [(1,)])
        self.assertEqual(writer.execute("SELECT k, n FROM sums ORDER BY k").fetchall(), [(0, 1), (1, 1)])
        self.assertIn('"kind":"own","box":[]', writer.execute("SHOW braid.receipt").fetchone()[0].replace(" ", ""))
        writer.rollback()
        writer.execute("INSERT INTO pending VALUES (3)")
        with self.assertRaises(errors.DivisionByZero), writer.transaction():
            writer.execute("INSERT INTO pending VALUES (4)")
            writer.execute("SELECT 1/0")
        writer.commit()
        self.assertEqual(other.execute("SELECT a FROM pending").fetchall(), [(3,)])
        self.assertEqual(other.execute("SELECT k, n FROM sums").fetchall(), [(1, 1)])
        other.execute("DROP TABLE pending CASCADE")

    def test_declarations_are_undone_by_rollback(self):
        other = self.connect()
        writer = self.connect(autocommit=False)
        for end in (writer.rollback, writer.commit):
            writer.execute("CREATE TABLE declared (a int)")
            writer.execute("INSERT INTO declared VALUES (1), (2)")
            writer.execute("CREATE MATERIALIZED VIEW total AS SELECT sum(a) AS s FROM declared")
            writer.execute("CREATE VIEW plain AS SELECT a FROM declared")
            self.assertEqual(writer.execute("SELECT count(*) FROM plain").fetchone(), (2,))
            with self.assertRaises(errors.UndefinedTable):
                other.execute("SELECT * FROM declared")
            end()
        self.assertEqual(other.execute("SELECT s FROM total").fetchone(), (3,))
        writer.execute("DROP TABLE declared CASCADE")
        with self.assertRaises(errors.UndefinedTable):
            writer.execute("SELECT * FROM total")
        writer.rollback()
        self.assertEqual(other.execute("SELECT s FROM total").fetchone(), (3,))
        other.execute("DROP TABLE declared CASCADE")

    def test_a_failed_message_or_pipeline_keeps_nothing(self):
        connection = self.connect()
        connection.execute("CREATE TABLE one (a int)")
        connection.execute("CREATE TABLE two (a int)")
        count = "SELECT (SELECT count(*) FROM one), (SELECT count(*) FROM two)"
        connection.pgconn.exec_(b"INSERT INTO one VALUES (1); SELECT * FROM one; INSERT INTO two VALUES (1); "
                                b"SELECT 1/0")
        self.assertEqual(connection.execute(count).fetchone(), (0, 0))
        with self.assertRaises(psycopg.Error), connection.pipeline():
            connection.execute("INSERT INTO one VALUES (1)")
            connection.execute("INSERT INTO two VALUES (1)")
            connection.execute("SELECT 1/0")
        self.assertEqual(connection.execute(count).fetchone(), (0, 0))
        connection.pgconn.exec_(b"INSERT INTO one VALUES (1); INSERT INTO two VALUES (1); CREATE TABLE three (a int)")
        self.assertEqual(connection.execute(count + ", (SELECT count(*) FROM three)").fetchone(), (1, 1, 0))
        connection.execute("DROP TABLE one, two, three")

    def test_arrays_of_every_type(self):
        connection = self.connect()
        for name, values in VALUES.items():
            values = [value for value in values if value == value]
            for binary in (False, True):
                cursor = connection.cursor(binary=binary)
                mark = "%b" if binary and name != "interval" else "%t"
                for given in (values, [*values, None], [], [[values[0], None], [None, values[-1]]]):
                    with self.subTest(type=name, binary=binary, given=given):
                        found = cursor.execute(f"SELECT {mark}::{name}[]", [given]).fetchone()[0]
                        self.assertEqual(str(found), str(given))
                some = [*values, None]
                one, all_of = f"{mark}::{name}", f"{mark}::{name}[]"
                row = cursor.execute(f"SELECT {one} = ANY({all_of}), {one} <> ALL({all_of})",
                                     [values[0], some, values[0], some]).fetchone()
                self.assertEqual(row, (True, False), (name, binary))

    def test_any_and_all_of_parameters(self):
        connection = self.connect()
        ask = connection.execute
        self.assertEqual(ask("SELECT a FROM t WHERE a = ANY(%s) ORDER BY a", [[1, 3, 9]]).fetchall(), [(1,), (3,)])
        self.assertEqual(ask("SELECT a FROM t WHERE a <> ALL(%s) ORDER BY a", [[1, 3]]).fetchall(), [(2,)])
        self.assertEqual(ask("SELECT a FROM t WHERE a <> ALL(%s)", [[1, None]]).fetchall(), [])
        self.assertEqual(ask("SELECT a FROM t WHERE a > ALL(%s)", [[1, 2]]).fetchall(), [(3,)])
        self.assertEqual(ask("SELECT a FROM t WHERE a < ANY(%s) ORDER BY a", [[2, None]]).fetchall(), [(1,)])
        self.assertEqual(ask("SELECT n FROM v WHERE b = ANY(%s) ORDER BY n", [["x", "y"]]).fetchall(), [(1,), (2,)])
        self.assertEqual(ask("SELECT 9 = ANY(%s), 9 = ANY(%s), 9 = ANY(%s::int[])", [[10], [None, 10], []]).fetchone(),
                         (False, None, False))
        self.assertEqual(ask("SELECT 1.0 = ANY(%s::numeric[])", [[decimal.Decimal("1.00")]]).fetchone(), (True,))
        self.assertEqual(ask("SELECT count(*) FROM v WHERE n = ANY(%s)", [[1, 2, 2**40]]).fetchone(), (2,))
        self.assertEqual(ask("SELECT x + 1 FROM unnest(%s::int[]) AS x", [[1, 2]]).fetchall(), [(2,), (3,)])
        described = connection.pgconn.prepare(b"a", b"SELECT a FROM t WHERE a = ANY($1) AND b <> ALL($2)")
        self.assertEqual(described.status, pq.ExecStatus.COMMAND_OK)
        described = connection.pgconn.describe_prepared(b"a")
        self.assertEqual([described.param_type(i) for i in range(2)], [1007, 1009])

    def test_values_of_types_that_braid_has_not(self):
        connection = self.connect()
        known = uuid.UUID("A0EEBC99-9C0B-4EF8-BB6D-6BB9BD380A11")
        for mark in ("%t", "%b"):
            self.assertEqual(connection.execute(f"SELECT {mark}", [known]).fetchone()[0], str(known))
            row = connection.execute(f"SELECT {mark} = ANY({mark})", [str(known), [known]]).fetchone()
            self.assertEqual(row, (True,))
            self.assertEqual(connection.execute(f"SELECT {mark}", [ipaddress.ip_address("10.1.2.3")]).fetchone()[0],
                             "10.1.2.3")
            self.assertEqual(connection.execute(f"SELECT {mark}", [b"a\xff"]).fetchone()[0], "\\x61ff")
            self.assertEqual(connection.execute(f"SELECT {mark}", [datetime.time(1, 2, 3, 4000)]).fetchone()[0],
                             "01:02:03.004000" if mark == "%t" else "01:02:03.004")

    def test_transaction_status(self):
        connection = self.connect(autocommit=False)
        status = pq.TransactionStatus
        self.assertEqual(connection.pgconn.transaction_status, status.IDLE)
        connection.execute("SELECT 1")
        self.assertEqual(connection.pgconn.transaction_status, status.INTRANS)
        with self.assertRaises(errors.UndefinedTable):
            connection.execute("SELECT * FROM nothing")
        self.assertEqual(connection.pgconn.transaction_status, status.INERROR)
        with self.assertRaises(errors.InFailedSqlTransaction):
            connection.execute("SELECT 1")
        connection.rollback()
        with connection.transaction():
            with self.assertRaises(errors.DivisionByZero), connection.transaction():
                connection.execute("SELECT 1/0")
            self.assertEqual(connection.execute("SELECT 2").fetchone(), (2,))

    def test_cancel(self):
        connection = self.connect()
        done = []

        def run():
            try:
                connection.execute(ENDLESS)
            except psycopg.Error as error:
                done.append(error.sqlstate)

        thread = threading.Thread(target=run)
        thread.start()

        def cancelled():
            connection.cancel_safe(timeout=10)
            return done
        self.assertEqual(eventually(cancelled, "the statement is cancelled"), ["57014"])
        thread.join()
        self.assertEqual(connection.execute("SELECT 1").fetchone(), (1,))

    def test_statement_timeout(self):
        connection = self.connect(options="-c statement_timeout=300")
        started = time.monotonic()
        with self.assertRaises(errors.QueryCanceled) as caught:
            connection.execute(ENDLESS)
        self.assertIn("statement timeout", str(caught.exception))
        self.assertLess(time.monotonic() - started, 20)
        self.assertEqual(connection.execute("SELECT 1").fetchone(), (1,))

    def test_settings_of_the_connection(self):
        connection = self.connect(options="-c TimeZone=Asia/Tokyo", application_name="my test")
        row = connection.execute("SELECT '2020-01-01 00:00Z'::timestamptz::text").fetchone()
        self.assertEqual(row, ("2020-01-01 09:00:00+09",))
        self.assertEqual(connection.execute("SHOW application_name").fetchone(), ("my test",))
        self.assertEqual(connection.info.parameter_status("TimeZone"), "Asia/Tokyo")
        self.assertEqual(connection.info.server_version // 10000, 15)

    def test_wrong_database_and_user(self):
        for words, sqlstate in (({"dbname": "nothing"}, "3D000"), ({"user": "stranger"}, "28000")):
            with self.subTest(words), self.assertRaises(psycopg.OperationalError) as caught:
                self.braid.connect(**words)
            self.assertIn("stranger" if "user" in words else "nothing", str(caught.exception), sqlstate)

    def test_encodings(self):
        connection = self.connect()
        with self.assertRaises(psycopg.Error) as caught:
            connection.execute("SET client_encoding = 'LATIN1'")
        self.assertIn(caught.exception.sqlstate, ("0A000", "22023"))
        result = connection.pgconn.exec_(b"SELECT '\xff\xfe'")
        self.assertEqual(result.error_field(pq.DiagnosticField.SQLSTATE), b"22021")


if __name__ == "__main__":
    checks.main()
