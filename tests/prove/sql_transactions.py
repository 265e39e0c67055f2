# SPDX-License-Identifier: Apache-2.0
"""Random sessions, two at a time, on Braid and on PostgreSQL: blocks, savepoints, inserts, reads of streams and views,
declarations, errors, messages of several statements and pipelines. After each message all of it must be equal: what
each statement gave (rows, or SQLSTATE) and the status of the transaction."""
import psycopg
from psycopg import pq

MESSAGES = 40  # of one round
ISOLATION = ("", "", " ISOLATION LEVEL READ COMMITTED", " ISOLATION LEVEL REPEATABLE READ",
             " ISOLATION LEVEL REPEATABLE READ READ ONLY", " ISOLATION LEVEL SERIALIZABLE READ ONLY", " READ ONLY")


class Sentences:
    """What one session may say. Each has a table of its own to make and drop, so that nobody waits for a lock."""

    def __init__(self, random, session):
        self._random, self._session = random, session

    def statement(self):
        """Any statement."""
        kinds = ((self._begin, 5), (self._end, 6), (self._savepoint, 6), (self._insert, 10), (self._read, 12),
                 (self._declare, 4), (self._fault, 2))
        kind = self._random.choices([kind for kind, _ in kinds], [weight for _, weight in kinds])[0]
        return kind()

    def _begin(self):
        return "BEGIN" + self._random.choice(ISOLATION)

    def _end(self):
        return self._random.choice(("COMMIT", "COMMIT", "END", "ROLLBACK", "COMMIT AND CHAIN", "ROLLBACK AND CHAIN"))

    def _savepoint(self):
        name = self._random.choice("pq")
        return self._random.choice(("SAVEPOINT ", "SAVEPOINT ", "ROLLBACK TO ", "ROLLBACK TO ", "RELEASE ")) + name

    def _insert(self):
        table = self._random.choice(("t", "t", "u", f"own{self._session}"))
        value = self._random.randrange(100)
        return self._random.choice((
            f"INSERT INTO {table} VALUES ({value})", f"INSERT INTO {table} VALUES ({value}), ({value + 1}), (NULL)",
            f"INSERT INTO {table} SELECT a + 1 FROM t WHERE a < 3",
            f"INSERT INTO {table} SELECT count(*) FROM {table}"))

    def _read(self):
        table = self._random.choice(("t", "t", "u", f"own{self._session}"))
        return self._random.choice((
            f"SELECT count(*), sum(a), min(a), count(DISTINCT a) FROM {table}", f"SELECT a FROM {table} ORDER BY a",
            "SELECT k, n, s FROM v ORDER BY k", "SELECT k, n FROM v WHERE k = 1", "SELECT sum(n), sum(s) FROM v",
            "SELECT count(*) FROM t JOIN u ON t.a = u.a", "SELECT (SELECT sum(n) FROM v), (SELECT count(*) FROM u)",
            "SHOW transaction_isolation"))

    def _declare(self):
        own = f"own{self._session}"
        return self._random.choice((f"CREATE TABLE {own} (a int)", f"CREATE TABLE IF NOT EXISTS {own} (a int)",
                                    f"DROP TABLE {own}", f"DROP TABLE IF EXISTS {own}"))

    def _fault(self):
        return self._random.choice(("SELECT 1 / 0", "SELECT nothing FROM t", "SELECT * FROM nowhere", "SELEC 1",
                                    "INSERT INTO t VALUES ('x')"))


def outcome(result):
    """What one result says, for comparing."""
    if result.status == pq.ExecStatus.TUPLES_OK:
        return [[result.get_value(row, column) for column in range(result.nfields)] for row in range(result.ntuples)]
    if result.status in (pq.ExecStatus.FATAL_ERROR, pq.ExecStatus.NONFATAL_ERROR):
        return (result.error_field(pq.DiagnosticField.SQLSTATE) or b"").decode()
    return f"{pq.ExecStatus(result.status).name} {(result.command_status or b'').decode()}"


def send(connection, kind, statements):
    """Says a message, and gives what came of it."""
    raw = connection.pgconn
    if kind == "simple":
        raw.send_query("; ".join(statements).encode())
        found = []
        while (result := raw.get_result()) is not None:
            found.append(outcome(result))
        return found, pq.TransactionStatus(raw.transaction_status).name
    raw.enter_pipeline_mode()
    for statement in statements:
        raw.send_query_params(statement.encode(), None)
    raw.pipeline_sync()
    found, ended = [], False
    while not ended:
        while (result := raw.get_result()) is not None:
            ended = result.status == pq.ExecStatus.PIPELINE_SYNC
            if ended:
                break
            found.append(outcome(result))
    raw.exit_pipeline_mode()
    return found, pq.TransactionStatus(raw.transaction_status).name


def _clean(connection, view):
    for statement in ("ROLLBACK", "DROP TABLE IF EXISTS own0", "DROP TABLE IF EXISTS own1",
                      "DROP TABLE IF EXISTS t CASCADE", "DROP TABLE IF EXISTS u CASCADE", "CREATE TABLE t (a int)",
                      "CREATE TABLE u (a int)"):
        send(connection, "simple", [statement])
    made, _ = send(connection, "simple", [f"CREATE {view} v AS SELECT a % 3 AS k, count(*) AS n, sum(a) AS s "
                                          "FROM t GROUP BY 1"])
    assert made[0].startswith("COMMAND_OK"), made


def transactions(pair, random):
    """Two sessions on each side, from their begin to their end."""
    sessions = [(psycopg.connect(pair.postgres_server.conninfo(), autocommit=True), pair.braid_server.connect())
                for _ in range(2)]
    done, said, findings = 0, [], []
    try:
        _clean(sessions[0][0], "VIEW")
        _clean(sessions[0][1], "MATERIALIZED VIEW")
        for _ in range(MESSAGES):
            who = random.randrange(2)
            sentences = Sentences(random, who)
            statements = [sentences.statement() for _ in range(random.choice((1, 1, 1, 2, 4)))]
            kind = random.choice(("simple", "pipeline"))
            said.append(f"{who} {kind}: {'; '.join(statements)}")
            wanted, found = (send(connection, kind, statements) for connection in sessions[who])
            done += len(statements)
            if wanted != found:
                findings.append("\n".join([*said, f"wanted {wanted}", f"found  {found}"]))
                break
        for connection in (*sessions[0], *sessions[1]):
            send(connection, "simple", ["ROLLBACK"])
        for engine in (0, 1):
            send(sessions[0][engine], "simple", ["DROP TABLE t, u CASCADE"])
    finally:
        for connection in (*sessions[0], *sessions[1]):
            connection.close()
    return done, findings
