# SPDX-License-Identifier: Apache-2.0
"""Random tables, and random expressions over their columns, typed so that most of them bind.

Types go by PostgreSQL's names. Values keep away from what Braid documents as different: numerics stay short,
doubles are multiples of 1/8, so that their sums are exact in any order.
"""
import re

TYPES = ("int", "bigint", "numeric", "float8", "text", "bool", "date", "timestamp", "timestamptz", "interval")
COLUMNS = {"id": "int", "i": "int", "j": "int", "b": "bigint", "n": "numeric", "f": "float8", "s": "text",
           "u": "text", "p": "bool", "q": "bool", "d": "date", "ts": "timestamp", "tz": "timestamptz",
           "v": "interval"}
INTEGERS = (0, 0, 1, 1, 2, -1, 3, 5, -7, 10, 40, 400, 401, 1000, 32767, 2147483647, -2147483648)
BIGINTS = (0, 1, -1, 2, 7, 400, 4294967296, 9223372036854775807, -9223372036854775808)
NUMERICS = ("0", "1", "-1", "1.50", "-2.25", "0.001", "100", "99.9", "12345.6789", "-0.5")
FLOATS = ("0", "1", "-1", "0.125", "2.5", "-3.75", "1000", "'NaN'", "'Infinity'", "'-Infinity'", "1e10")
TEXTS = ("", "a", "b", "ab", "abc", "A", "Hello World", "  pad ", "x,y,z", "12", "a%b", "日本", "_", "it''s")
DATES = ("2000-01-01", "1999-12-31", "2024-02-29", "2015-05-17", "1970-01-01", "infinity")
STAMPS = ("2000-01-01 00:00:00", "2024-02-29 23:59:59.5", "2015-05-17 10:05:03", "1969-07-20 20:17:40", "-infinity")
SPANS = ("0", "1 day", "-1 mon", "01:30:00", "1 year 2 days", "36:00:00", "-00:00:01.5")
PATTERNS = ("a%", "%b", "_", "%", "a_c", "%o%", "")
REGEXES = ("a", "^a", "b$", "a*", "[a-c]+", "^$", "x|y", "o.w", "(a)(b)?")
PARTS = ("year", "month", "day", "hour", "minute", "second", "dow", "doy", "quarter", "week", "epoch")
_BEGIN, _END, _FIRST, _LAST = "\x01", "\x02", "\x03", "\x04"
UNITS = ("year", "month", "week", "day", "hour", "minute", "quarter")


def literal(kind, random):
    """A constant as SQL; NULL now and then."""
    if random.random() < 0.08:
        return f"NULL::{kind}"
    value = {"int": INTEGERS, "bigint": BIGINTS, "numeric": NUMERICS, "float8": FLOATS, "text": TEXTS,
             "bool": ("true", "false"), "date": DATES, "timestamp": STAMPS, "timestamptz": STAMPS,
             "interval": SPANS}[kind]
    value = random.choice(value)
    if kind == "int":
        return str(value) if value > -2147483648 and value >= 0 else f"({value})"
    if kind in ("bigint", "numeric", "float8"):
        return f"{value}::{kind}" if str(value).startswith("'") or value != "x" and str(value)[0].isdigit() \
            else f"'{value}'::{kind}"
    if kind == "bool":
        return value
    if kind == "text":
        return f"'{value}'" if random.random() < 0.7 else f"'{value}'::text"
    return f"{kind} '{value}'"


def constant(kind, random):
    """A literal that hide_constants can find; show_constants gives the statement to run."""
    return f"{_BEGIN}{literal(kind, random)}{_END}"


def where(condition):
    """A WHERE clause whose conditions hide_constants keeps in the order in which they are written."""
    return f" WHERE {_FIRST}{condition}{_LAST}"


def show_constants(marked):
    """The SQL text."""
    for mark in (_BEGIN, _END, _FIRST, _LAST):
        marked = marked.replace(mark, "")
    return marked


def hide_constants(marked, nulls=True):
    """The same, but the planner learns no constant (or none but NULLs): it can neither compute ahead of the rows nor
    leave out what a constant makes needless (`x + NULL`), nor ask cheap conditions first."""
    if not nulls:
        marked = re.sub(f"{_BEGIN}(NULL::[^{_END}]*){_END}", r"\1", marked)
    shown = {_BEGIN: "(SELECT ", _END: " OFFSET 0)", _FIRST: "CASE WHEN (", _LAST: ") AND random() >= 0 THEN true END"}
    for mark, text in shown.items():
        marked = marked.replace(mark, text)
    return marked


def hidden(marked):
    """The statement as PostgreSQL may take it without its constants, each a fair reading."""
    return [hide_constants(marked), hide_constants(marked, nulls=False)]


def plain_value(kind, random):
    """A value for INSERT, as text or None."""
    if random.random() < 0.12:
        return None
    pool = {"int": INTEGERS, "bigint": BIGINTS, "numeric": NUMERICS, "float8": FLOATS, "text": TEXTS,
            "bool": ("true", "false"), "date": DATES, "timestamp": STAMPS, "timestamptz": STAMPS,
            "interval": SPANS}[kind]
    return str(random.choice(pool)).strip("'").replace("''", "'")


def table(name, random, rows):
    """The statements that make a table of all columns and fill it."""
    columns = ", ".join(f"{column} {kind}" for column, kind in COLUMNS.items())
    yield f"CREATE TABLE {name} ({columns})"
    if not rows:
        return
    lines = []
    for number in range(rows):
        values = [str(number + 1)]
        for kind in list(COLUMNS.values())[1:]:
            value = plain_value(kind, random)
            values.append("NULL" if value is None else "'" + value.replace("'", "''") + "'")
        lines.append("(" + ", ".join(values) + ")")
    yield f"INSERT INTO {name} VALUES {', '.join(lines)}"


class Expressions:
    """Makes expressions over the columns of one relation alias (or bare names when it is empty)."""

    def __init__(self, random, alias="", columns=None):
        self.random = random
        self._prefix = f"{alias}." if alias else ""
        self._columns = columns if columns is not None else COLUMNS
        self._made = {}  # kind → expressions made so far: repeating one is what finds shared steps

    def of(self, kind, depth=3):
        """An expression of a type."""
        random = self.random
        if depth <= 0 or random.random() < 0.22:
            return self._leaf(kind)
        if self._made.get(kind) and random.random() < 0.12:
            return random.choice(self._made[kind])
        made = getattr(self, f"_{kind}")(depth - 1) if random.random() < 0.75 else self._any(kind, depth - 1)
        self._made.setdefault(kind, []).append(made)
        return made

    def condition(self, depth=3):
        """A boolean expression."""
        return self.of("bool", depth)

    def _leaf(self, kind):
        fitting = [name for name, each in self._columns.items() if each == kind]
        if fitting and self.random.random() < 0.7:
            return self._prefix + self.random.choice(fitting)
        return constant(kind, self.random)

    def _any(self, kind, depth):
        """Forms that every type has."""
        random = self.random
        form = random.randrange(7)
        if form == 0:
            whens = " ".join(f"WHEN {self.of('bool', depth)} THEN {self.of(kind, depth)}"
                             for _ in range(random.randint(1, 2)))
            otherwise = f" ELSE {self.of(kind, depth)}" if random.random() < 0.7 else ""
            return f"CASE {whens}{otherwise} END"
        if form == 1:
            other = random.choice(("int", "text", "bool"))
            return (f"CASE {self.of(other, depth)} WHEN {self.of(other, depth)} THEN {self.of(kind, depth)} "
                    f"ELSE {self.of(kind, depth)} END")
        if form == 2:
            return f"coalesce({self.of(kind, depth)}, {self.of(kind, depth)})"
        if form == 3:
            return f"nullif({self.of(kind, depth)}, {self.of(kind, depth)})"
        if form == 4:
            return f"{random.choice(('greatest', 'least'))}({self.of(kind, depth)}, {self.of(kind, depth)})"
        if form == 5 and kind in ("int", "bigint", "numeric", "float8"):
            return f"({self.of(kind, depth)} {random.choice('+-*')} {self.of(kind, depth)})"
        return f"({self.of(kind, depth)})"

    def _int(self, depth):
        random = self.random
        return random.choice((
            lambda: f"({self.of('int', depth)} {random.choice('+-*/%')} {self.of('int', depth)})",
            lambda: f"(- {self.of('int', depth)})",
            lambda: f"abs({self.of('int', depth)})",
            lambda: f"length({self.of('text', depth)})",
            lambda: f"strpos({self.of('text', depth)}, {self.of('text', depth)})",
            lambda: f"({self.of('date', depth)} - {self.of('date', depth)})",
            lambda: f"ascii({self.of('text', depth)})",
            lambda: f"{self.of('bool', depth)}::int" if random.random() < .5 else f"({self.of('bool', depth)})::int",
            lambda: f"mod({self.of('int', depth)}, {self.of('int', depth)})",
            lambda: f"octet_length({self.of('text', depth)})",
        ))()

    def _bigint(self, depth):
        random = self.random
        return random.choice((
            lambda: f"({self.of('bigint', depth)} {random.choice('+-*/%')} {self.of('int', depth)})",
            lambda: f"({self.of('int', depth)})::bigint",
            lambda: f"abs({self.of('bigint', depth)})",
            lambda: f"({self.of('int', depth)} {random.choice('+-*')} {self.of('bigint', depth)})",
        ))()

    def _numeric(self, depth):
        random = self.random
        return random.choice((
            lambda: f"({self.of('numeric', depth)} {random.choice('+-*')} {self.of('numeric', depth)})",
            lambda: f"({self.of('numeric', depth)} / {self.of('numeric', depth)})",
            lambda: f"round({self.of('numeric', depth)}, {random.randint(0, 3)})",
            lambda: f"{random.choice(('floor', 'ceil', 'abs', 'sign', 'trunc', 'round'))}({self.of('numeric', depth)})",
            lambda: f"({self.of('int', depth)})::numeric",
            lambda: f"({self.of('numeric', depth)} % {self.of('numeric', depth)})",
            lambda: f"extract({random.choice(PARTS)} from {self.of('timestamp', depth)})",
            lambda: f"({self.of('numeric', depth)})::numeric(12,{random.randint(0, 4)})",
        ))()

    def _float8(self, depth):
        random = self.random
        return random.choice((
            lambda: f"({self.of('float8', depth)} {random.choice('+-*/')} {self.of('float8', depth)})",
            lambda: f"abs({self.of('float8', depth)})",
            lambda: f"({self.of('int', depth)})::float8",
            lambda: f"{random.choice(('floor', 'ceil', 'sign', 'trunc', 'round'))}({self.of('float8', depth)})",
            lambda: f"sqrt(abs({self.of('float8', depth)}))",
        ))()

    def _text(self, depth):
        random = self.random
        text = lambda: self.of("text", depth)  # noqa: E731
        return random.choice((
            lambda: f"({text()} || {text()})",
            lambda: f"({text()} || {self.of('int', depth)})",
            lambda: f"{random.choice(('upper', 'lower', 'reverse', 'btrim', 'initcap', 'ltrim', 'rtrim'))}({text()})",
            lambda: f"{random.choice(('left', 'right'))}({text()}, {random.randint(-2, 3)})",
            lambda: f"substr({text()}, {random.randint(-1, 3)}, {random.randint(0, 3)})",
            lambda: f"replace({text()}, {text()}, {text()})",
            lambda: f"split_part({text()}, ',', {random.choice((1, 2, 3, -1))})",
            lambda: f"concat({text()}, {self.of('int', depth)}, {self.of('bool', depth)})",
            lambda: f"({self.of(random.choice(TYPES), depth)})::text",
            lambda: f"substring({text()} from '{random.choice(REGEXES)}')",
            lambda: f"regexp_replace({text()}, '{random.choice(REGEXES)}', '-', 'g')",
            lambda: f"{random.choice(('lpad', 'rpad'))}({text()}, {random.randint(0, 6)}, 'xy')",
            lambda: f"repeat({text()}, {random.randint(0, 3)})",
            lambda: f"to_char({self.of('timestamp', depth)}, 'YYYY-MM-DD HH24:MI')",
            lambda: f"concat_ws('-', {text()}, {text()})",
            lambda: f"translate({text()}, 'abc', 'x')",
        ))()

    def _bool(self, depth):
        random = self.random
        flag = lambda: self.of("bool", depth)  # noqa: E731
        return random.choice((
            lambda: self._comparison(depth),
            lambda: self._comparison(depth),
            lambda: f"({flag()} AND {flag()})",
            lambda: f"({flag()} OR {flag()})",
            lambda: self._chain(depth),
            lambda: f"(NOT {flag()})",
            lambda: f"({flag()} IS {random.choice(('TRUE', 'NOT TRUE', 'FALSE', 'NOT FALSE', 'UNKNOWN'))})",
            lambda: f"({self.of(random.choice(TYPES), depth)} IS {random.choice(('NULL', 'NOT NULL'))})",
            lambda: f"({self.of('text', depth)} {random.choice(('LIKE', 'NOT LIKE', 'ILIKE'))} "
                    f"'{random.choice(PATTERNS)}')",
            lambda: f"({self.of('text', depth)} {random.choice(('~', '!~', '~*'))} '{random.choice(REGEXES)}')",
            lambda: self._among(depth),
        ))()

    def _comparison(self, depth):
        random = self.random
        kind = random.choice(TYPES)
        sign = random.choice(("=", "<>", "<", "<=", ">", ">=", "IS DISTINCT FROM", "IS NOT DISTINCT FROM"))
        if random.random() < 0.12:
            return f"({self.of(kind, depth)} BETWEEN {self.of(kind, depth)} AND {self.of(kind, depth)})"
        if kind in ("int", "bigint", "numeric") and random.random() < 0.3:
            return f"({self.of(kind, depth)} {sign} {self.of(random.choice(('int', 'numeric', 'bigint')), depth)})"
        return f"({self.of(kind, depth)} {sign} {self.of(kind, depth)})"

    def _chain(self, depth):
        """AND and OR of several, the first repeated: equal operands share a step."""
        random = self.random
        parts = [self.of("bool", depth) for _ in range(random.randint(2, 4))]
        if random.random() < 0.6:
            parts.insert(random.randrange(len(parts) + 1), random.choice(parts))
        return "(" + random.choice((" AND ", " OR ")).join(parts) + ")"

    def _among(self, depth):
        random = self.random
        kind = random.choice(("int", "text", "date", "numeric"))
        values = ", ".join(self.of(kind, 0) for _ in range(random.randint(1, 4)))  # which are computed is open
        if random.random() < 0.3:
            sign = random.choice(("= ANY", "<> ALL", "< ANY"))
            return f"({self.of(kind, depth)} {sign} (ARRAY[{values}]))"
        return f"({self.of(kind, depth)} {random.choice(('IN', 'NOT IN'))} ({values}))"

    def _date(self, depth):
        random = self.random
        return random.choice((
            lambda: f"({self.of('date', depth)} + {random.randint(-40, 400)})",
            lambda: f"({self.of('timestamp', depth)})::date",
            lambda: f"({self.of('date', depth)} - {random.randint(0, 9)})",
        ))()

    def _timestamp(self, depth):
        random = self.random
        return random.choice((
            lambda: f"({self.of('timestamp', depth)} {random.choice('+-')} {self.of('interval', depth)})",
            lambda: f"date_trunc('{random.choice(UNITS)}', {self.of('timestamp', depth)})",
            lambda: f"({self.of('date', depth)})::timestamp",
            lambda: f"date_bin('15 minutes', {self.of('timestamp', depth)}, timestamp '2000-01-01')",
            lambda: f"({self.of('timestamptz', depth)} AT TIME ZONE '{random.choice(('UTC', 'Asia/Shanghai'))}')",
        ))()

    def _timestamptz(self, depth):
        random = self.random
        return random.choice((
            lambda: f"({self.of('timestamptz', depth)} {random.choice('+-')} {self.of('interval', depth)})",
            lambda: f"date_trunc('{random.choice(UNITS)}', {self.of('timestamptz', depth)})",
            lambda: f"({self.of('timestamp', depth)} AT TIME ZONE 'Europe/Berlin')",
            lambda: f"to_timestamp({random.choice((0, 1e9, -1.5, 1715))})",
        ))()

    def _interval(self, depth):
        random = self.random
        return random.choice((
            lambda: f"({self.of('interval', depth)} {random.choice('+-')} {self.of('interval', depth)})",
            lambda: f"({self.of('timestamp', depth)} - {self.of('timestamp', depth)})",
            lambda: f"({self.of('interval', depth)} * {random.randint(-2, 3)})",
            lambda: f"(- {self.of('interval', depth)})",
        ))()

    def aggregate(self, depth=2, in_view=False):
        """An aggregate call, with FILTER and DISTINCT now and then."""
        random = self.random
        call = random.choice((
            lambda: "count(*)",
            lambda: f"count({self.of(random.choice(TYPES), depth)})",
            lambda: f"sum({self.of(random.choice(('int', 'bigint', 'numeric')), depth)})",
            lambda: f"sum({self._leaf('float8')})",
            lambda: f"avg({self.of(random.choice(('int', 'bigint', 'numeric')), depth)})",
            lambda: f"{random.choice(('min', 'max'))}({self.of(random.choice(TYPES), depth)})",
            lambda: f"{random.choice(('bool_and', 'bool_or'))}({self.of('bool', depth)})",
            lambda: f"{random.choice(('bit_and', 'bit_or'))}({self.of('int', depth)})",
            lambda: f"count(DISTINCT {self.of(random.choice(('int', 'text', 'date', 'numeric', 'bool')), depth)})",
            lambda: f"mode() WITHIN GROUP (ORDER BY {self.of(random.choice(('int', 'text', 'date', 'bool')), depth)})",
            lambda: f"{random.choice(('sum', 'avg', 'min'))}(DISTINCT {self.of('int', depth)})"
                    if not in_view else f"count({self.of('int', depth)})",
        ))()
        if random.random() < 0.3:
            call += f" FILTER (WHERE {self.of('bool', depth)})"
        return call
