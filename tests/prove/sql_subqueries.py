# SPDX-License-Identifier: Apache-2.0
"""Random statements with correlated subqueries, semi and anti joins, lateral joins, windows and set operations.

schema() makes and fills three small tables with NULLs and doubles, one of them empty. statements(random) never
ends; each statement gives the same rows in any engine, in any order: nothing in it fails, a window or LIMIT is
always ordered down to a unique column, and no sum depends on the order of its terms.
"""
import itertools

TABLES = {
    "p": {"id": "int", "k": "int", "i": "int", "n": "num", "s": "text", "d": "date", "b": "bool"},
    "q": {"id": "int", "k": "int", "i": "int", "s": "text", "d": "date"},
    "e": {"id": "int", "k": "int", "s": "text"},
}
TYPE_NAMES = {"int": "int", "num": "numeric(6,2)", "text": "text", "date": "date", "bool": "boolean"}
ROWS = {"p": 14, "q": 11, "e": 0}
COMPARISONS = ("=", "=", "<>", "<", "<=", ">", ">=", "IS DISTINCT FROM", "IS NOT DISTINCT FROM")
ORDERED = ("int", "num", "text", "date")
SCALARS = {"int": ("min", "max", "count", "sum"), "num": ("min", "max", "sum"), "text": ("min", "max"),
           "date": ("min", "max")}
JOINS = ("JOIN", "LEFT JOIN", "RIGHT JOIN", "FULL JOIN")
DEPTH_MAX = 3
STATEMENTS = 60


def constant(random, kind):
    """A literal of a type, out of few values, so that they meet."""
    if random.random() < 0.06:
        return f"NULL::{TYPE_NAMES[kind]}"
    if kind == "int":
        return str(random.randint(-1, 6))
    if kind == "num":
        return f"{random.randint(-2, 4)}.{random.choice(('00', '50', '25'))}::numeric(6,2)"
    if kind == "text":
        return random.choice(("'a'", "'b'", "'ab'", "''", "'c'"))
    if kind == "date":
        return f"date '2020-01-0{random.randint(1, 6)}'"
    return random.choice(("true", "false"))


def schema(random):
    """Statements that create and fill the tables."""
    for table, columns in TABLES.items():
        declared = ", ".join(f"{name} {TYPE_NAMES[kind]}" for name, kind in columns.items())
        yield f"CREATE TABLE {table} ({declared})"
        for row in range(ROWS[table]):
            values = [str(row + 1)]
            for name, kind in list(columns.items())[1:]:
                values.append("NULL" if random.random() < 0.2 else constant(random, kind))
            yield f"INSERT INTO {table} VALUES ({', '.join(values)})"


def subqueries(pair, random):
    """The topic of the prover: see sql_topics.py."""
    pair.drop(*TABLES)
    for statement in schema(random):
        pair.define(statement)
    findings = [pair.compare(sql) for sql in itertools.islice(statements(random), STATEMENTS)]
    return STATEMENTS, [finding for finding in findings if finding]


def statements(random):
    """SELECT after SELECT."""
    while True:
        yield Statement(random).text()


class Statement:
    """One statement being written."""

    def __init__(self, random):
        self._random, self._aliases = random, 0

    def text(self):
        """Its text."""
        roll = self._random.random()
        if roll < 0.25:
            return self._grouped([])
        if roll < 0.42:
            return self._windowed([])
        if roll < 0.5:
            return self._set_operation()
        return self._plain([], 0)

    # Choosing.

    def _chance(self, share):
        return self._random.random() < share

    def _pick(self, items):
        return self._random.choice(items)

    def _column(self, scopes, kind, near=0.7):
        """A column of a type; of the innermost query more often than of those around it."""
        order = [scopes[-1]] if self._chance(near) else scopes[:-1] or [scopes[-1]]
        for scope in (self._pick(order), *reversed(scopes)):
            found = [name for name, own in scope if own == kind]
            if found:
                return self._pick(found)
        return None

    def _kind(self, scopes, kinds=ORDERED):
        present = {kind for _, kind in scopes[-1]} & set(kinds)
        return self._pick(sorted(present)) if present else "int"

    # FROM.

    def _table(self):
        self._aliases += 1
        alias = f"t{self._aliases}"
        name = self._pick(("p", "p", "p", "q", "q", "q", "e"))
        return f"{name} {alias}", [(f"{alias}.{column}", kind) for column, kind in TABLES[name].items()]

    def _derived(self, outer, depth, is_lateral):
        self._aliases += 1
        alias = f"t{self._aliases}"
        text, kinds = self._query(outer if is_lateral else outer[:-1], depth + 1, self._random.randint(1, 3), True)
        names = [f"c{at}" for at in range(len(kinds))]
        word = "LATERAL " if is_lateral else ""
        return f"{word}({text}) {alias}({', '.join(names)})", list(
            zip((f"{alias}.{name}" for name in names), kinds))

    def _from(self, outer, depth):
        """FROM items and the columns that they give."""
        text, columns = self._table()
        while self._chance(0.35) and len(columns) < 20:
            if depth < DEPTH_MAX and self._chance(0.3):
                is_lateral = self._chance(0.6)
                more, added = self._derived([*outer, columns], depth, is_lateral)
            else:
                is_lateral = False
                more, added = self._table()
            word = self._pick(["JOIN", "LEFT JOIN"] if is_lateral else JOINS)
            if outer and self._chance(0.85):
                word = "JOIN"  # others are mostly refused in a correlated subquery (0A000)
            both = [*columns, *added]
            if word == "FULL JOIN" or is_lateral:  # PostgreSQL joins fully only on equality
                on = self._equality(columns, added)
            else:
                on = self._predicate([*outer, both], depth + 2) if self._chance(0.4) else self._equality(columns, added)
            if on is None:
                word, on = "CROSS JOIN", None
            text += f" {word} {more}" + (f" ON {on}" if on else "")
            columns = both
        return text, columns

    def _equality(self, left, right):
        kinds = sorted({kind for _, kind in left} & {kind for _, kind in right} & set(ORDERED))
        if not kinds:
            return None
        kind = self._pick(kinds)
        one = self._pick([name for name, own in left if own == kind])
        other = self._pick([name for name, own in right if own == kind])
        return f"{one} = {other}"

    # Expressions.

    def _value(self, scopes, kind, depth):
        roll = self._random.random()
        if roll < 0.12:
            return constant(self._random, kind)
        if roll < 0.22 and depth < DEPTH_MAX and kind in SCALARS:
            return self._scalar(scopes, kind, depth)
        column = self._column(scopes, kind)
        if column is None:
            return constant(self._random, kind)
        if roll < 0.3:
            return f"coalesce({column}, {constant(self._random, kind)})"
        if roll < 0.36:
            return (f"CASE WHEN {self._predicate(scopes, depth + 1)} THEN {column} "
                    f"ELSE {constant(self._random, kind)} END")
        if roll < 0.44 and kind == "int":
            return f"({column} + {constant(self._random, kind)})"
        return column

    def _scalar(self, scopes, kind, depth):
        """A scalar subquery: an aggregate, or the first row of a total order."""
        source, columns = self._from(scopes, depth + 1)
        inner = [*scopes, columns]
        where = self._where(inner, depth + 1)
        if self._chance(0.25):
            column = self._column([columns], kind)
            if column is not None:
                order = self._total_order(columns)
                return f"(SELECT {column} FROM {source}{where} ORDER BY {order} LIMIT 1)"
        if self._chance(0.02):
            # Of columns around it alone it is an aggregate of the query around it, and this query may have many rows:
            # whether an engine that needs none of them computes it is nobody's promise.
            return f"(SELECT {self._aggregate(inner, inner, kind, depth)} FROM {source}{where} LIMIT 1)"
        return f"(SELECT {self._aggregate(inner, [columns], kind, depth)} FROM {source}{where})"

    def _aggregate(self, scopes, inside, kind, depth):
        """Its argument is of the columns of the scopes `inside`."""
        function = self._pick(SCALARS[kind])
        if function == "count":
            text = f"count({self._pick(('*', '*', self._value(inside, 'text', depth + 2)))})"
        else:
            distinct = "DISTINCT " if function == "sum" and self._chance(0.2) else ""
            text = f"{function}({distinct}{self._value(inside, kind, depth + 2)})"
        if self._chance(0.25):
            text += f" FILTER (WHERE {self._predicate(scopes, depth + 2)})"
        return f"{text}::{TYPE_NAMES[kind]}"

    def _total_order(self, columns):
        parts = [f"{name}{self._pick(('', ' DESC'))}" for name, _ in columns]
        self._random.shuffle(parts)
        return ", ".join(parts)

    # Conditions.

    def _where(self, scopes, depth, share=0.8):
        if not self._chance(share):
            return ""
        return f" WHERE {self._predicate(scopes, depth)}"

    def _predicate(self, scopes, depth):
        roll = self._random.random()
        if roll < 0.2:
            word = self._pick((" AND ", " AND ", " OR "))
            parts = [self._predicate(scopes, depth + 1) for _ in range(self._random.randint(2, 3))]
            return "(" + word.join(parts) + ")"
        if roll < 0.26:
            return f"NOT ({self._predicate(scopes, depth + 1)})"
        if roll < 0.55 and depth < DEPTH_MAX:
            return self._subquery_test(scopes, depth)
        kind = self._kind(scopes)
        if roll < 0.63:
            return f"{self._value(scopes, kind, depth + 1)} IS {self._pick(('', 'NOT '))}NULL"
        if roll < 0.69 and any(own == "bool" for _, own in scopes[-1]):
            return self._column(scopes, "bool", 1)
        return self._comparison(scopes, kind, depth)

    def _comparison(self, scopes, kind, depth):
        """Of this query's column with one of a query around it, more often than not."""
        left = self._column([scopes[-1]], kind) or constant(self._random, kind)
        if len(scopes) > 1 and self._chance(0.65):
            right = self._column(scopes, kind, 0)
        else:
            right = self._value(scopes, kind, depth + 1)
        return f"{left} {self._pick(COMPARISONS)} {right or constant(self._random, kind)}"

    def _subquery_test(self, scopes, depth):
        roll = self._random.random()
        if roll < 0.5:
            source, columns = self._from(scopes, depth + 1)
            inner = [*scopes, columns]
            parts = [self._comparison(inner, self._kind(inner), depth + 1)
                     for _ in range(self._random.randint(1, 3))]
            if self._chance(0.3):
                parts.append(self._predicate(inner, depth + 1))
            return (f"{self._pick(('', 'NOT '))}EXISTS (SELECT {self._pick(('1', '*', columns[0][0]))} "
                    f"FROM {source} WHERE {' AND '.join(parts)})")
        kind = self._kind(scopes)
        value = self._value(scopes, kind, depth + 1)
        inner = self._one_column(scopes, kind, depth)
        if roll < 0.8:
            return f"{value} {self._pick(('', 'NOT '))}IN ({inner})"
        return f"{value} {self._pick(('=', '<>', '<', '>='))} {self._pick(('ANY', 'ALL'))} ({inner})"

    def _one_column(self, scopes, kind, depth):
        source, columns = self._from(scopes, depth + 1)
        inner = [*scopes, columns]
        text = f"SELECT {self._value(inner, kind, depth + 1)} FROM {source}{self._where(inner, depth + 1)}"
        if self._chance(0.12):
            more, added = self._from(scopes, depth + 2)
            word = self._pick(("UNION", "UNION ALL", "EXCEPT", "INTERSECT"))
            text += f" {word} SELECT {self._value([*scopes, added], kind, depth + 2)} FROM {more}"
        return text

    # Queries.

    def _plain(self, outer, depth):
        return self._query(outer, depth, self._random.randint(1, 4), False)[0]

    def _query(self, outer, depth, width, may_group):
        """Text and the types of its columns."""
        if may_group and self._chance(0.3):
            return self._group_query(outer, depth, width)
        source, columns = self._from(outer, depth)
        scopes = [*outer, columns]
        kinds = [self._kind(scopes) for _ in range(width)]
        targets = [self._value(scopes, kind, depth + 1) for kind in kinds]
        distinct = "DISTINCT " if self._chance(0.12) else ""
        text = f"SELECT {distinct}{', '.join(targets)} FROM {source}{self._where(scopes, depth)}"
        if may_group and not distinct and self._chance(0.3):
            text += f" ORDER BY {self._total_order(columns)} LIMIT {self._random.randint(1, 3)}"
        return text, kinds

    def _set_operation(self):
        kinds = [self._pick(ORDERED) for _ in range(self._random.randint(1, 2))]
        arms = []
        for _ in range(self._random.randint(2, 3)):
            source, columns = self._from([], 0)
            targets = [f"{self._value([columns], kind, 1)}::{TYPE_NAMES[kind]}" for kind in kinds]
            arms.append(f"SELECT {', '.join(targets)} FROM {source}{self._where([columns], 1)}")
        text = arms[0]
        for arm in arms[1:]:
            text += f" {self._pick(('UNION', 'UNION ALL', 'EXCEPT', 'EXCEPT ALL', 'INTERSECT', 'INTERSECT ALL'))} {arm}"
        return text

    def _grouped(self, outer):
        return self._group_query(outer, 0, self._random.randint(1, 3))[0]

    def _group_query(self, outer, depth, width):
        source, columns = self._from(outer, depth)
        scopes = [*outer, columns]
        keys = self._random.sample([column for column in columns if column[1] != "bool"], self._random.randint(0, 2))
        kinds = [kind for _, kind in keys]
        targets = [name for name, _ in keys]
        for _ in range(width):
            kind = self._pick(sorted(SCALARS))
            kinds.append(kind)
            targets.append(self._aggregate(scopes, [scopes[-1]], kind, depth + 1))
        text = f"SELECT {', '.join(targets)} FROM {source}{self._where(scopes, depth)}"
        if keys:
            text += f" GROUP BY {', '.join(name for name, _ in keys)}"
        if self._chance(0.3):
            text += f" HAVING {self._having(outer, keys, columns, depth)}"
        return text, kinds

    def _having(self, outer, keys, columns, depth):
        """On aggregates, also from within a subquery over other rows."""
        number = self._pick([name for name, kind in columns if kind == "int"] or ["1"])
        whole = f"{self._pick(('min', 'max', 'count'))}({number})"
        if depth >= DEPTH_MAX or self._chance(0.4):
            return f"{whole} {self._pick(('<', '>', '='))} {constant(self._random, 'int')}"
        source, inner = self._from([*outer, keys], depth + 1)
        own = self._column([inner], "int") or "1"
        return (f"{self._pick(('', 'NOT '))}EXISTS (SELECT 1 FROM {source} "
                f"WHERE {own} {self._pick(('<', '>=', '=', '<>'))} {whole})")

    def _windowed(self, outer):
        source, columns = self._from(outer, 0)
        scopes = [*outer, columns]
        targets = [self._value(scopes, self._kind(scopes), 1)]
        targets += [self._window(scopes, columns) for _ in range(self._random.randint(1, 2))]
        text = f"SELECT {', '.join(targets)} FROM {source}{self._where(scopes, 0)}"
        if self._chance(0.3):
            names = ", ".join(f"w{at}" for at in range(len(targets)))
            return f"SELECT w0, w1 FROM ({text}) w({names}) WHERE w1 IS NOT NULL"
        return text

    def _window(self, scopes, columns):
        partition = ""
        if self._chance(0.6):
            partition = f"PARTITION BY {self._value(scopes, self._kind(scopes), 2)} "
        order = f"ORDER BY {self._total_order(columns)}"
        roll = self._random.random()
        if roll < 0.25:
            return f"{self._pick(('row_number', 'rank', 'dense_rank'))}() OVER ({partition}{order})"
        if roll < 0.45:
            kind = self._kind(scopes)
            column = self._column([columns], kind)
            call = self._pick((f"lag({column})", f"lead({column}, 2)", f"first_value({column})",
                               f"last_value({column})"))
            return f"{call} OVER ({partition}{order})"
        if roll < 0.6:
            key = self._column([columns], self._kind([columns]))
            key += self._pick(("", " DESC", " NULLS FIRST"))
            return f"{self._pick(('rank', 'dense_rank'))}() OVER ({partition}ORDER BY {key})"
        frame = self._pick(("", "", f" ROWS BETWEEN {self._random.randint(0, 2)} PRECEDING AND "
                                    f"{self._random.randint(0, 2)} FOLLOWING",
                            " ROWS BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING",
                            " ROWS BETWEEN CURRENT ROW AND UNBOUNDED FOLLOWING"))
        number = self._column([columns], "int")
        if number is None:
            number = "1"
        function = self._pick(("sum", "count", "min", "max"))
        only = f" FILTER (WHERE {self._predicate(scopes, 2)})" if self._chance(0.25) else ""
        where = order if frame or self._chance(0.6) else ""
        return f"{function}({number}){only} OVER ({partition}{where}{frame})"
