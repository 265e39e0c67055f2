#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Clients with ways of their own: asyncpg (describes everything, binary only, pipelines), SQLAlchemy over it, pg8000,
and libpq's pipeline mode. None may wait for an answer that was not sent."""
import asyncio
import datetime
import decimal
import pathlib
import sys
import unittest

import asyncpg
import pg8000.dbapi
import psycopg
from psycopg import pq
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import create_async_engine

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))

from harness import checks  # noqa: E402
from harness.server import Braid  # noqa: E402


class ClientTest(unittest.IsolatedAsyncioTestCase):
    """One program for all; each test has connections of its own."""

    @classmethod
    def setUpClass(cls):
        cls.braid = cls.enterClassContext(Braid(init=(
            "CREATE TABLE t (a int, b text);\n"
            "CREATE MATERIALIZED VIEW v AS SELECT b, count(*) AS n, sum(a) AS s FROM t GROUP BY b;\n"
            "INSERT INTO t VALUES (1, 'x'), (2, 'y'), (3, 'x');\n")))

    def address(self):
        """Where to connect, and as whom."""
        host, port = self.braid.pg
        return {"host": host, "port": port, "user": "braid", "database": "braid"}


class AsyncpgTest(ClientTest):
    """asyncpg."""

    async def asyncSetUp(self):
        self.connection = await asyncpg.connect(**self.address())

    async def asyncTearDown(self):
        await self.connection.close()

    async def test_errors_come_at_once(self):
        for statement, wanted in (("SELEC 1", asyncpg.PostgresSyntaxError),
                                  ("SELECT nothing FROM t", asyncpg.UndefinedColumnError),
                                  ("SELECT * FROM nothing", asyncpg.UndefinedTableError)):
            with self.assertRaises(wanted):
                await self.connection.fetch(statement)
        with self.assertRaises(asyncpg.DivisionByZeroError):
            await self.connection.fetch("SELECT 1 / $1::int", 0)
        self.assertEqual(await self.connection.fetchval("SELECT $1::int + 1", 41), 42)

    async def test_executemany(self):
        connection = self.connection
        await connection.execute("CREATE TABLE many (a int, b text)")
        rows = [(i, "b" * (i % 50)) for i in range(5000)]
        await connection.executemany("INSERT INTO many VALUES ($1, $2)", rows)
        self.assertEqual(tuple(await connection.fetchrow("SELECT count(*), sum(a) FROM many")), (5000, 12497500))
        # One row in the middle is refused: nothing of it is kept, and nobody waits.
        with self.assertRaises(asyncpg.PostgresError):
            await connection.executemany("INSERT INTO many VALUES (10 / $1, 'x')", [(1,), (2,), (0,), (4,)] * 500)
        self.assertEqual(await connection.fetchval("SELECT count(*) FROM many"), 5000)
        await connection.execute("DROP TABLE many")

    async def test_executemany_with_rows(self):
        await self.connection.executemany("SELECT b, n FROM v WHERE b = $1", [("x",), ("y",), ("z",)] * 2000)
        found = await self.connection.fetchmany("SELECT n FROM v WHERE b = $1", [("x",), ("y",), ("z",)])
        self.assertEqual([row["n"] for row in found], [2, 1])
        with self.assertRaises(asyncpg.DivisionByZeroError):
            await self.connection.fetchmany("SELECT 1 / $1::int", [(1,), (0,), (1,)])
        self.assertEqual(await self.connection.fetchval("SELECT 5"), 5)

    async def test_statements_whose_types_have_changed(self):
        connection = self.connection
        other = await asyncpg.connect(**self.address())
        await connection.execute("CREATE TABLE changing (a int)")
        await connection.execute("INSERT INTO changing VALUES (7)")
        statement = await connection.prepare("SELECT a FROM changing")
        self.assertEqual(await statement.fetchval(), 7)
        await other.execute("DROP TABLE changing")
        await other.execute("CREATE TABLE changing (a double precision)")
        await other.execute("INSERT INTO changing VALUES (1.5)")
        for _ in range(3):
            with self.assertRaises(asyncpg.FeatureNotSupportedError):
                await statement.fetchval()
        again = await connection.prepare("SELECT a FROM changing WHERE true")
        self.assertEqual(await again.fetchval(), 1.5)
        await other.execute("DROP TABLE changing")
        await other.close()

    async def test_arrays(self):
        # asyncpg asks the catalog for a type of arrays by itself, with a recursive query, and sends and reads binary.
        connection = self.connection
        for element, values in (("int2", [1, None, -2]), ("int4", [1, None, -2]), ("int8", [1 << 40, None]),
                                ("text", ["a", None, "", "NULL", '"q"\\,{} ', "é"]), ("float8", [1.5, None, -0.1]),
                                ("bool", [True, None, False]), ("numeric", [decimal.Decimal("1.50"), None]),
                                ("date", [datetime.date(2020, 2, 29), None]), ("int4", [[1, 2], [3, None]]),
                                ("timestamptz", [datetime.datetime(2020, 1, 1, 1, tzinfo=datetime.UTC), None])):
            for value in (values, [], [None], None):
                self.assertEqual(await connection.fetchval(f"SELECT $1::{element}[]", value), value, element)
        find = "SELECT a FROM t WHERE a = ANY($1) ORDER BY a"
        for wanted, found in (([1, 3], [1, 3]), ([2, None, 9], [2]), ([], []), ([None], []), (None, [])):
            self.assertEqual([row["a"] for row in await connection.fetch(find, wanted)], found)
        self.assertEqual(await connection.fetchval("SELECT count(*) FROM t WHERE b = ANY($1)", ["x", None]), 2)
        self.assertEqual(await connection.fetchval("SELECT array_agg(a ORDER BY a DESC) FROM t"), [3, 2, 1])
        rows = await connection.fetch("SELECT x FROM unnest($1::int[]) AS x", [5, None, 6])
        self.assertEqual([row["x"] for row in rows], [5, None, 6])

    async def test_transactions_and_cursors(self):
        async with self.connection.transaction():
            self.assertEqual([row["g"] async for row in self.connection.cursor(
                "SELECT g FROM generate_series(1, 500) AS g", prefetch=7)], list(range(1, 501)))
        with self.assertRaises(asyncpg.DivisionByZeroError):
            async with self.connection.transaction():
                await self.connection.fetch("SELECT 1 / 0")
        self.assertEqual(await self.connection.fetchval("SELECT 5"), 5)


class SqlalchemyTest(ClientTest):
    """SQLAlchemy over asyncpg."""

    async def asyncSetUp(self):
        host, port = self.braid.pg
        self.engine = create_async_engine(f"postgresql+asyncpg://braid@{host}:{port}/braid")

    async def asyncTearDown(self):
        await self.engine.dispose()

    async def test_statements(self):
        async with self.engine.connect() as connection:
            self.assertEqual((await connection.execute(text("SELECT b, n FROM v ORDER BY b"))).all(),
                             [("x", 2), ("y", 1)])
            self.assertEqual((await connection.execute(text("SELECT n FROM v WHERE b = :b"), {"b": "x"})).scalar(), 2)
            await connection.rollback()
            for statement in ("SELEC 1", "SELECT nothing FROM t", "SELECT 1 / 0"):
                with self.assertRaises(DBAPIError):
                    await connection.execute(text(statement))
                await connection.rollback()
            self.assertEqual((await connection.execute(text("SELECT 5"))).scalar(), 5)

    async def test_many_rows(self):
        async with self.engine.begin() as connection:
            await connection.execute(text("CREATE TABLE alchemy (a int, b text)"))
        async with self.engine.begin() as connection:
            await connection.execute(text("INSERT INTO alchemy VALUES (:a, :b)"),
                                     [{"a": i, "b": str(i)} for i in range(1000)])
        with self.assertRaises(DBAPIError):
            async with self.engine.begin() as connection:
                await connection.execute(text("INSERT INTO alchemy VALUES (1 / CAST(:a AS int))"),
                                         [{"a": i} for i in (1, 1, 0, 1)])
        async with self.engine.begin() as connection:
            found = await connection.execute(text("SELECT count(*), sum(a) FROM alchemy"))
            self.assertEqual(found.one(), (1000, 499500))
            await connection.execute(text("DROP TABLE alchemy"))


class Pg8000Test(ClientTest):
    """pg8000."""

    def test_statements(self):
        connection = pg8000.dbapi.connect(**self.address())
        self.addCleanup(connection.close)
        cursor = connection.cursor()
        cursor.execute("SELECT b, n FROM v WHERE b = %s", ("x",))
        self.assertEqual([tuple(row) for row in cursor.fetchall()], [("x", 2)])
        for statement in ("SELEC 1", "SELECT nothing FROM t", "SELECT 1 / 0"):
            with self.assertRaises(pg8000.dbapi.DatabaseError):
                cursor.execute(statement)
            connection.rollback()
        cursor.execute("SELECT %s::date, %s::numeric", (datetime.date(2020, 2, 29), decimal.Decimal("1.50")))
        self.assertEqual(tuple(cursor.fetchone()), (datetime.date(2020, 2, 29), decimal.Decimal("1.50")))


class LibpqTest(ClientTest):
    """libpq's pipeline mode, with and without a Sync behind what fails."""

    def connect(self):
        """A connection that ends with the test."""
        return self.enterContext(self.braid.connect(True))

    def test_flush_requests_are_obeyed(self):
        raw = self.connect().pgconn
        raw.enter_pipeline_mode()
        for statement, wanted in ((b"SELECT 1", pq.ExecStatus.TUPLES_OK), (b"SELECT 1 / 0", pq.ExecStatus.FATAL_ERROR),
                                  (b"SELECT 2", pq.ExecStatus.PIPELINE_ABORTED)):
            raw.send_query_params(statement, None)
            raw.send_flush_request()
            raw.flush()
            self.assertEqual(raw.get_result().status, wanted)
            self.assertIsNone(raw.get_result())
        raw.pipeline_sync()
        self.assertEqual(raw.get_result().status, pq.ExecStatus.PIPELINE_SYNC)
        raw.exit_pipeline_mode()

    def test_executemany_returning_rows(self):
        cursor = self.connect().cursor()
        cursor.executemany("SELECT n FROM v WHERE b = %s", [("x",), ("y",), ("z",)] * 500, returning=True)
        counts = [len(cursor.fetchall())]
        while cursor.nextset():
            counts.append(len(cursor.fetchall()))
        self.assertEqual(counts, [1, 1, 0] * 500)
        with self.assertRaises(psycopg.errors.DivisionByZero):
            cursor.executemany("SELECT 1 / %s::int", [(1,), (0,), (1,)], returning=True)
        self.assertEqual(cursor.execute("SELECT 5").fetchone(), (5,))


if __name__ == "__main__":
    checks.main()
