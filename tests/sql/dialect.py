# SPDX-License-Identifier: Apache-2.0
r"""The test language: sqllogictest, with SQLSTATEs for errors and PostgreSQL's types for columns.

    # a comment
    statement ok                   a statement that must succeed
    CREATE TABLE t (a int)

    statement error 22012          one that must fail with this SQLSTATE
    SELECT 1 / 0

    query IT rowsort label         TYPES, then nosort (the default), rowsort or valuesort, then a label:
    SELECT a, b FROM t             queries of one label must give the same rows
    ----
    1<tab>one

    skipif postgres                the record below runs on the other engine only; also `onlyif`
    restart                        Braid is stopped and started; PostgreSQL is left alone
    crash                          the same with kill -9

A record ends with an empty line. A row is a line, its values are separated by tabs: NULL, (empty) for an
empty text, \t \n \r \\ for what would break a line, and \s for a space at its end. TYPES has one letter a
column:

    B boolean    I integer    L bigint    N numeric    F double precision    T text
    D date    S timestamp    Z timestamptz    V interval    O another
"""
import dataclasses

ENGINES = ("postgres", "braid")
SORT_MODES = ("nosort", "rowsort", "valuesort")
TYPE_LETTERS = {16: "B", 23: "I", 20: "L", 1700: "N", 701: "F", 25: "T", 1043: "T", 19: "T", 705: "T",
                1082: "D", 1114: "S", 1184: "Z", 1186: "V"}


class Malformed(Exception):
    """A file that is not in the language: place and reason."""


@dataclasses.dataclass
class Record:
    """One command of a file, with the lines it came from."""
    kind: str  # statement, query, restart, crash
    line: int
    sql: str = ""
    sqlstate: str = ""  # of an expected error
    types: str = ""
    sort: str = "nosort"
    label: str = ""
    rows: list = dataclasses.field(default_factory=list)
    skipped: set = dataclasses.field(default_factory=set)
    lead: list = dataclasses.field(default_factory=list)  # comments and conditions above it

    def runs_on(self, engine):
        """Whether the conditions above the record let this engine run it."""
        return engine not in self.skipped


def letter_of(type_oid):
    """The letter of a column's type."""
    return TYPE_LETTERS.get(type_oid, "O")


def show_value(value):
    """Bytes of a value, or None, as the files write it."""
    if value is None:
        return "NULL"
    if value == b"":
        return "(empty)"
    text = value.decode()
    for plain, escaped in (("\\", "\\\\"), ("\t", "\\t"), ("\n", "\\n"), ("\r", "\\r")):
        text = text.replace(plain, escaped)
    return text[:-1] + "\\s" if text.endswith(" ") else text


def show_rows(rows, sort):
    """Rows of values as the lines that a file would hold."""
    shown = [[show_value(value) for value in row] for row in rows]
    if sort == "valuesort":
        return sorted(value for row in shown for value in row)
    lines = ["\t".join(row) for row in shown]
    return sorted(lines) if sort == "rowsort" else lines


def parse(path):
    """The records of a file, and the lines behind the last."""
    lines = path.read_text().split("\n")
    records, lead, at = [], [], 0
    while at < len(lines):
        line = lines[at]
        if not line.strip() or line.startswith("#") or line.split()[0] in ("skipif", "onlyif"):
            lead.append(line)
            at += 1
            continue
        end = at
        while end < len(lines) and lines[end].strip():
            end += 1
        record = _record(lines[at:end], at + 1, path)
        record.lead, record.skipped = lead, _skipped(lead, path, at)
        records.append(record)
        lead, at = [], end
    return records, lead


def _skipped(lead, path, at):
    skipped = set()
    for words in (line.split() for line in lead if not line.startswith("#")):
        if not words:
            continue
        if len(words) < 2 or words[1] not in ENGINES:
            raise Malformed(f"{path}:{at}: {' '.join(words)}: one of {', '.join(ENGINES)}")
        skipped |= {words[1]} if words[0] == "skipif" else set(ENGINES) - {words[1]}
    return skipped


def _record(lines, number, path):
    words = lines[0].split()
    record = Record(words[0], number)
    if words[0] in ("restart", "crash") and len(lines) == 1:
        return record
    body = lines[1:]
    if words[0] == "statement" and words[1:2] == ["error"] and len(words) == 3:
        record.sqlstate = words[2]
    elif words[0] == "query":
        record.types = words[1] if len(words) > 1 else ""
        record.sort = words[2] if len(words) > 2 else "nosort"
        record.label = words[3] if len(words) > 3 else ""
        if "----" in body:
            split = body.index("----")
            record.rows, body = body[split + 1:], body[:split]
    elif words != ["statement", "ok"]:
        raise Malformed(f"{path}:{number}: {lines[0]}: not a record")
    if record.sort not in SORT_MODES or not body:
        raise Malformed(f"{path}:{number}: {lines[0]}: no SQL, or an unknown sort mode")
    record.sql = "\n".join(body)
    return record


def write(path, records, tail):
    """Writes a file anew; comments, conditions and order stay."""
    out = []
    for record in records:
        out += record.lead
        if record.kind == "statement":
            out.append(f"statement error {record.sqlstate}" if record.sqlstate else "statement ok")
            out.append(record.sql)
        elif record.kind == "query":
            mode = record.sort if record.sort != "nosort" or record.label else ""
            out.append(" ".join(w for w in ("query", record.types, mode, record.label) if w))
            out += [record.sql, "----", *record.rows]
        else:
            out.append(record.kind)
    path.write_text("\n".join(out + tail).rstrip("\n") + "\n")
