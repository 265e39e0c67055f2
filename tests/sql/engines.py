# SPDX-License-Identifier: Apache-2.0
"""The two engines that a file runs on, behind one face: fresh() before each file, run() for a record."""
import re

import psycopg
from psycopg import pq

from harness.postgres import Postgres
from harness.server import Braid
from sql.dialect import letter_of

ROWS, DONE = pq.ExecStatus.TUPLES_OK, (pq.ExecStatus.COMMAND_OK, pq.ExecStatus.EMPTY_QUERY)
IN_FAILED_BLOCK = pq.TransactionStatus.INERROR


class Outcome:
    """What a statement gave: an error, or rows in the text format, or nothing."""

    def __init__(self, result):
        self.rows, self.types, self.sqlstate, self.message = None, "", "", ""
        if result.status == ROWS:
            self.types = "".join(letter_of(result.ftype(i)) for i in range(result.nfields))
            self.rows = [[result.get_value(row, column) for column in range(result.nfields)]
                         for row in range(result.ntuples)]
        elif result.status not in DONE:
            self.sqlstate = (result.error_field(pq.DiagnosticField.SQLSTATE) or b"").decode()
            self.message = (result.error_message or b"").decode().strip()


def execute(connection, sql, protocol="simple"):
    """Sends one statement by the simple or the extended protocol."""
    if protocol == "extended":
        return Outcome(connection.pgconn.exec_params(sql.encode(), None))
    return Outcome(connection.pgconn.exec_(sql.encode()))


def without_options(sql):
    """CREATE TABLE without its WITH (…), which is Braid's."""
    if not re.match(r"\s*CREATE\s+TABLE\b", sql, re.IGNORECASE):
        return sql
    return re.sub(r"\)\s*WITH\s*\(.*\)\s*;?\s*$", ")", sql, flags=re.IGNORECASE | re.DOTALL)


class PostgresEngine:
    """PostgreSQL, where materialized views are brought up to date before each read."""
    name = "postgres"

    def __init__(self, protocol):
        self._protocol, self._connection, self._is_stale = protocol, None, True
        self._server = Postgres()

    def __enter__(self):
        self._server.__enter__()
        return self

    def __exit__(self, *exit_reason):
        self.close()
        self._server.__exit__(*exit_reason)

    def close(self):
        """Ends the connection."""
        if self._connection:
            self._connection.close()
            self._connection = None

    def fresh(self):
        """An empty schema and a new session."""
        self.close()
        self._connection = psycopg.connect(self._server.conninfo(), autocommit=True)
        for statement in ("SET client_min_messages = error", "DROP SCHEMA IF EXISTS public CASCADE",
                          "CREATE SCHEMA public", "SET client_min_messages = notice"):
            execute(self._connection, statement)

    def run(self, record):
        """Runs the SQL of a statement or query record."""
        if record.kind == "query" and self._is_stale:
            self._refresh()
        self._is_stale = self._is_stale or record.kind == "statement"
        return execute(self._connection, without_options(record.sql), self._protocol)

    def _refresh(self):
        if self._connection.pgconn.transaction_status == IN_FAILED_BLOCK:
            return
        found = execute(self._connection, "SELECT matviewname FROM pg_matviews "
                        "WHERE schemaname = 'public' AND ispopulated")
        for (name,) in found.rows or []:
            quoted = name.decode().replace('"', '""')
            execute(self._connection, f'REFRESH MATERIALIZED VIEW public."{quoted}"')
        self._is_stale = False

    def restart(self, _kind):
        """Nothing: what a restart could lose is Braid's matter."""


class BraidEngine:
    """Braid. With read_mode final each read comes from the batch layer, which ran just before."""
    name = "braid"

    def __init__(self, protocol, read_mode):
        self._protocol, self._read_mode, self._connection = protocol, read_mode, None
        self._server = Braid()

    def __enter__(self):
        self._server.__enter__()
        return self

    def __exit__(self, *exit_reason):
        self.close()
        self._server.__exit__(*exit_reason)

    def close(self):
        """Ends the connection."""
        if self._connection:
            self._connection.close()
            self._connection = None

    def connect(self):
        """A new session."""
        self.close()
        self._connection = self._server.connect()

    def fresh(self):
        """Drops whatever the last file left, in a new session."""
        self.connect()
        for kind, relation in (("TABLE", "streams"), ("VIEW", "views")):
            found = execute(self._connection, f"SELECT name FROM braid.{relation}")
            for (name,) in found.rows:
                quoted = name.decode().replace('"', '""')
                gone = execute(self._connection, f'DROP {kind} IF EXISTS "{quoted}" CASCADE')
                assert not gone.sqlstate, gone.message

    def run(self, record):
        """Runs the SQL of a statement or query record."""
        if self._read_mode == "final" and record.kind == "query":
            self._refresh()
        return execute(self._connection, record.sql, self._protocol)

    def _refresh(self):
        """Runs the batch layer; a stream that no view reads has no cut and can be read live only."""
        if self._connection.pgconn.transaction_status != pq.TransactionStatus.IDLE:
            return
        self._set_mode("live")
        found = execute(self._connection, "SELECT name FROM braid.views "
                        "WHERE kind = 'materialized' AND is_populated")
        for (name,) in found.rows:
            quoted = name.decode().replace('"', '""')
            done = execute(self._connection, f'REFRESH MATERIALIZED VIEW "{quoted}"')
            assert not done.sqlstate, done.message
        without = execute(self._connection, "SELECT name FROM braid.streams WHERE cut IS NULL")
        self._set_mode("live" if without.rows else self._read_mode)

    def _set_mode(self, mode):
        execute(self._connection, f"SET braid.read_mode = {mode}")

    def restart(self, kind):
        """Stops or kills the program and starts it on the same directory."""
        self.close()
        self._server.crash() if kind == "crash" else self._server.restart()
        self.connect()
