# SPDX-License-Identifier: Apache-2.0
"""A Braid and a PostgreSQL side by side: the same statement on both, and what may differ."""
import dataclasses
import decimal
import re

import psycopg
from psycopg import pq

from harness.postgres import Postgres
from harness.server import Braid
from prove.sql_expressions import hidden, show_constants
from sql.engines import execute, without_options

FLOAT_LETTER, NUMERIC_LETTER = "F", "N"
# Which of several equal numerics (1.5, 1.50) these give depends on the order of rows there.
EXTREME = re.compile(r"\b(min|max)\(")
FLOAT_ERROR = 1e-12  # sums of doubles are rounded once here, at each step there
NUMERIC_LIMIT = "22003"
REFUSED = "0A000"
BROKEN = "XX000"
STATEMENT_SECONDS = 30
ROW = "<the row>"  # stands for a row's id


@dataclasses.dataclass
class Encoded:
    """A value in one of the wire's two formats."""
    value: bytes | None
    oid: int


class Outcomes:
    """How often what came, for the closing line."""

    def __init__(self):
        self.same, self.errors, self.refused, self.beyond, self.folded = 0, 0, 0, 0, 0

    def text(self):
        """One line."""
        return (f"{self.same} equal answers, {self.errors} errors on both sides, {self.refused} refused (0A000), "
                f"{self.beyond} beyond 38 digits, {self.folded} as PostgreSQL says without its constant folding")


class Pair:
    """Both servers with one connection each. A context manager."""

    def __init__(self):
        self.braid_server, self.postgres_server = Braid(), Postgres()
        self.braid, self.postgres = None, None
        self.outcomes = Outcomes()

    def __enter__(self):
        self.postgres_server.__enter__()
        self.braid_server.__enter__()
        self.connect()
        return self

    def __exit__(self, *reason):
        for connection in (self.braid, self.postgres):
            if connection:
                connection.close()
        self.braid_server.__exit__(*reason)
        self.postgres_server.__exit__(*reason)

    def connect(self):
        """New sessions on both, in UTC."""
        self.braid = self.braid_server.connect()
        self.postgres = psycopg.connect(self.postgres_server.conninfo(), autocommit=True)
        for statement in (f"SET statement_timeout = '{STATEMENT_SECONDS}s'", "SET TimeZone = 'UTC'"):
            for connection in (self.braid, self.postgres):
                execute(connection, statement)

    def define(self, statement):
        """Runs a statement that both must take; WITH (…) is Braid's alone."""
        for connection, sql in ((self.braid, statement), (self.postgres, without_options(statement))):
            outcome = execute(connection, sql)
            assert not outcome.sqlstate, f"{outcome.sqlstate} {outcome.message}\n{sql}"

    def drop(self, *tables):
        """Takes tables away with what stands on them."""
        for table in tables:
            self.define(f"DROP TABLE IF EXISTS {table} CASCADE")

    def compare(self, marked, in_order=False, protocol="simple", sides=()):
        """None if both say the same, else what differs. The statement's constants may be marked. Of a set operation
        with these sides it may be one alone that fails, and an engine may leave it out when the other is empty."""
        sql = show_constants(marked)
        ours = self._on_braid(lambda connection: execute(connection, sql, protocol))
        theirs = execute(self.postgres, sql, protocol)
        finding = self._judge(marked, ours, theirs, in_order)
        if not finding or not sides or not _is_of_a_value(ours, theirs):
            return finding
        if not any(self.run_on_postgres(text).sqlstate[:2] == "22" for side in sides for text in hidden(side)):
            return finding
        return next(filter(None, (self.compare(side) for side in sides)), None)

    def compare_parameters(self, sql, values, oids, formats, result_format):
        """The same with parameters: encoded values, their types, and formats (0 text, 1 binary)."""
        def run(connection):
            return connection.pgconn.exec_params(sql.encode(), values, oids, formats, result_format)
        ours, theirs = self._on_braid(lambda c: Binary(run(c))), Binary(run(self.postgres))
        shown = f"{sql}\n  with {values} as {oids} in {formats}, answers in {result_format}"
        return self._judge(shown, ours, theirs, False)

    def run_on_braid(self, sql):
        """One statement on Braid alone."""
        return self._on_braid(lambda connection: execute(connection, sql))

    def run_on_postgres(self, sql):
        """One statement on PostgreSQL alone."""
        return execute(self.postgres, sql)

    def encode(self, sql, binary):
        """PostgreSQL's bytes of a statement's one value, and its type."""
        result = self.postgres.pgconn.exec_params(sql.encode(), None, result_format=int(binary))
        assert result.status == pq.ExecStatus.TUPLES_OK, f"{sql}: {result.error_message}"
        return Encoded(result.get_value(0, 0), result.ftype(0))

    def compare_view(self, name, select, by_row, table, mode):
        """None if a view holds what PostgreSQL's SELECT gives over the rows that it can be computed for."""
        self.run_on_braid(f"SET braid.read_mode = {'final' if mode == 'final' else 'live'}")
        ours = self.run_on_braid(f"SELECT * FROM {name}")
        self.run_on_braid("SET braid.read_mode = live")
        for whole, one_row in zip(hidden(select), hidden(by_row)):
            failing = self._failing_rows(one_row, table)
            kept = f"(SELECT * FROM {table} WHERE id <> ALL ('{{{','.join(failing)}}}') OFFSET 0) AS {table}"
            theirs = self.run_on_postgres(re.sub(rf" FROM {table}\b", f" FROM {kept}", whole, count=1))
            shown = f"{mode}: CREATE MATERIALIZED VIEW {name} AS {select}\n  without rows {failing}"
            finding = self._judge(shown, ours, theirs, False)
            if not finding:
                break
        return finding

    def _failing_rows(self, by_row, table):
        """Row by row, and no constant fails on its own: only what a row asks for is computed."""
        ids = [row[0].decode() for row in self.run_on_postgres(f"SELECT id FROM {table} ORDER BY id").rows]
        return [each for each in ids if self.run_on_postgres(by_row.replace(ROW, each)).sqlstate]

    def _on_braid(self, run):
        outcome = run(self.braid)
        if self.braid.pgconn.status != pq.ConnStatus.OK:
            outcome.sqlstate, outcome.message = BROKEN, "the connection was lost: " + outcome.message
            self.braid = self.braid_server.connect()
        return outcome

    def _judge(self, marked, ours, theirs, in_order):
        """None if the two outcomes may stand beside each other."""
        tally, sql = self.outcomes, show_constants(marked)
        if ours.sqlstate == BROKEN:
            return _finding(sql, ours, theirs)
        if ours.sqlstate == REFUSED:
            tally.refused += 1
            return None
        if ours.sqlstate and theirs.sqlstate:
            # Which of several faults of a statement is met first is nobody's promise.
            if ours.sqlstate == theirs.sqlstate or ours.sqlstate[:2] == theirs.sqlstate[:2] == "22":
                tally.errors += 1
                return None
            return _finding(sql, ours, theirs)
        if ours.sqlstate == NUMERIC_LIMIT and "numeric" in ours.message:
            tally.beyond += 1
            return None
        by_value = EXTREME.search(sql) is not None
        if not ours.sqlstate and not theirs.sqlstate and same_rows(ours, theirs, in_order, by_value):
            tally.same += 1
            return None
        if _is_of_a_value(ours, theirs) and (ours.sqlstate or self._fails_in_planning(sql)):
            # What the planner computed, or left out, because of a constant that no row needs.
            for by_rows in map(self.run_on_postgres, hidden(marked)):
                if by_rows.sqlstate[:2] == ours.sqlstate[:2] and (
                        ours.sqlstate or same_rows(ours, by_rows, in_order, by_value)):
                    tally.folded += 1
                    return None
        return _finding(sql, ours, theirs)

    def _fails_in_planning(self, sql):
        return self.run_on_postgres(f"EXPLAIN {sql}").sqlstate[:2] == "22"


def _is_of_a_value(ours, theirs):
    """One of the two failed, at a value."""
    return {ours.sqlstate[:2], theirs.sqlstate[:2]} == {"", "22"}


class Binary:
    """The outcome of a statement whose answer may be in the binary format: bytes are compared as they are."""

    def __init__(self, result):
        self.rows, self.types, self.sqlstate, self.message = None, "", "", ""
        if result.status == pq.ExecStatus.TUPLES_OK:
            self.types = ",".join(f"{result.ftype(i)}" for i in range(result.nfields))
            self.rows = [[result.get_value(row, column) for column in range(result.nfields)]
                         for row in range(result.ntuples)]
        elif result.status not in (pq.ExecStatus.COMMAND_OK, pq.ExecStatus.EMPTY_QUERY):
            self.sqlstate = (result.error_field(pq.DiagnosticField.SQLSTATE) or b"").decode()
            self.message = (result.error_message or b"").decode().strip()


def same_rows(ours, theirs, in_order, by_value=False):
    """Whether types and rows agree; doubles to a dozen digits, numerics by value where one of several equal ones
    stands for all."""
    if ours.types != theirs.types or (ours.rows is None) != (theirs.rows is None):
        return False
    if ours.rows is None or ours.rows == theirs.rows:
        return True
    if len(ours.rows) != len(theirs.rows):
        return False
    left, right = ours.rows, theirs.rows
    if not in_order:
        left, right = sorted(left, key=_sort_key), sorted(right, key=_sort_key)
    return all(_same_value(a, b, letter, by_value) for one, two in zip(left, right)
               for a, b, letter in zip(one, two, ours.types))


def _sort_key(row):
    return [(value is None, value or b"") for value in row]


def _same_value(ours, theirs, letter, by_value):
    if ours == theirs:
        return True
    if letter == NUMERIC_LETTER and by_value and ours and theirs:
        return decimal.Decimal(ours.decode()) == decimal.Decimal(theirs.decode())
    if letter != FLOAT_LETTER or ours is None or theirs is None:
        return False
    one, two = float(ours), float(theirs)
    return abs(one - two) <= FLOAT_ERROR * max(abs(one), abs(two))


def _show(outcome):
    if outcome.sqlstate:
        return f"{outcome.sqlstate} {outcome.message[:300]}"
    if outcome.rows is None:
        return "done"
    lines = [f"({outcome.types}) {len(outcome.rows)} rows"]
    lines += ["  " + " | ".join("NULL" if v is None else repr(v)[2:-1] for v in row) for row in outcome.rows[:12]]
    return "\n".join(lines)


def _finding(sql, ours, theirs):
    return f"{sql}\nPostgreSQL: {_show(theirs)}\nBraid: {_show(ours)}"
