# SPDX-License-Identifier: Apache-2.0
"""What random statements are about. A topic is a function (pair, random) → (statements, findings)."""
from prove.sql_expressions import COLUMNS, TYPES, Expressions, literal, show_constants, table, where
from prove.sql_pair import ROW

OIDS = {"int": 23, "bigint": 20, "numeric": 1700, "float8": 701, "text": 25, "bool": 16, "date": 1082,
        "timestamp": 1114, "timestamptz": 1184, "interval": 1186}
AD_HOC_STATEMENTS, VIEWS, PARAMETER_STATEMENTS = 60, 4, 30
TABLE = "t"
SET_OPERATORS = (" UNION ALL ", " UNION ", " INTERSECT ", " EXCEPT ")
# Keys that are equal and look different (1.5 and 1.50, 30 days and 1 mon) have one form, not the first one's; the
# manual says so.
KEYS = ("int", "bigint", "text", "bool", "date", "timestamp", "timestamptz")


def _fill(pair, random, name=TABLE):
    """A fresh table. Rows come in several messages, so that they lie in several slices and ticks."""
    pair.drop(name)
    create, *inserts = table(name, random, random.choice((0, 1, 3, 8, 14)))
    pair.define(create)
    for insert in inserts:
        pair.define(insert)


def ad_hoc(pair, random):
    """SELECTs over one table: lists, filters, groups, DISTINCT, ORDER BY, LIMIT, set operations, joins."""
    _fill(pair, random)
    findings = []
    for _ in range(AD_HOC_STATEMENTS):
        make = random.choice((_list, _list, _grouped, _grouped, _ordered, _set_operation, _join, _over))
        sql, in_order = make(random)
        findings.append(pair.compare(sql, in_order, random.choice(("simple", "extended")), _sides(sql)))
    return AD_HOC_STATEMENTS, [finding for finding in findings if finding]


def _list(random):
    made = Expressions(random)
    distinct = "DISTINCT " if random.random() < 0.1 else ""
    kinds = KEYS if distinct else TYPES
    outputs = ", ".join(made.of(random.choice(kinds)) for _ in range(random.randint(1, 3)))
    return f"SELECT {distinct}{outputs} FROM {TABLE}{where(made.condition()) if random.random() < 0.7 else ''}", False


def _ordered(random):
    made = Expressions(random)
    kind = random.choice(TYPES)
    descending = random.choice(("", " DESC", " NULLS FIRST", " DESC NULLS LAST"))
    limit = f" LIMIT {random.randint(0, 5)} OFFSET {random.randint(0, 3)}" if random.random() < 0.5 else ""
    return (f"SELECT id, {made.of(random.choice(TYPES))} FROM {TABLE}{where(made.condition())} "
            f"ORDER BY {made.of(kind)}{descending}, id{limit}"), True


def _grouped(random):
    made = Expressions(random)
    keys = [made.of(random.choice(KEYS), 2) for _ in range(random.randint(0, 2))]
    outputs = keys + [made.aggregate() for _ in range(random.randint(1, 3))]
    filtered = where(made.condition()) if random.random() < 0.5 else ""
    group = f" GROUP BY {', '.join(str(n + 1) for n in range(len(keys)))}" if keys else ""
    having = f" HAVING {made.aggregate(1)} IS NOT NULL" if random.random() < 0.2 else ""
    return f"SELECT {', '.join(outputs)} FROM {TABLE}{filtered}{group}{having}", False


def _set_operation(random):
    made, kinds = Expressions(random), [random.choice(KEYS) for _ in range(random.randint(1, 2))]
    sides = [f"SELECT {', '.join(made.of(kind, 2) for kind in kinds)} FROM {TABLE}{where(made.condition(2))}"
             for _ in range(2)]
    return random.choice(SET_OPERATORS).join(sides), False


def _sides(sql):
    """The statements that a set operation is made of; none of any other."""
    for operator in SET_OPERATORS:
        if operator in sql:
            return sql.split(operator)
    return []


def _join(random):
    left, right = Expressions(random, "a"), Expressions(random, "b")
    # What cannot fail: which rows a condition of ON is computed for is nobody's promise.
    kind = random.choice(TYPES)
    on = f"{left.of(kind, 0)} {random.choice(('=', '=', '<', '<>'))} {right.of(kind, 0)}"
    if random.random() < 0.4:
        on += f" AND {random.choice((left, right)).condition(0)}"
    join = random.choice(("JOIN", "LEFT JOIN", "RIGHT JOIN", "FULL JOIN"))
    if join == "FULL JOIN":  # PostgreSQL does only what it can hash or merge
        on = f"a.id = b.{random.choice(('id', 'i', 'j'))}"
    return (f"SELECT a.id, b.id, {left.of(random.choice(TYPES), 2)} FROM {TABLE} a {join} {TABLE} b ON {on}"
            f"{where(random.choice((left, right)).condition(2))}"), False


def _over(random):
    made = Expressions(random)
    call = random.choice((
        "row_number()", "rank()", "dense_rank()", f"count({made.of('int', 1)})", f"sum({made.of('int', 1)})",
        "lag(u)", f"lead({made.of('int', 0)}, 2)", f"first_value(s || {made.of('text', 1)})",
        f"max({made.of('date', 1)})", "ntile(3)"))
    partition = f"PARTITION BY {made.of(random.choice(('int', 'text', 'bool')), 2)} " if random.random() < 0.6 else ""
    frame = ""
    if random.random() < 0.3 and "sum" in call:
        frame = " ROWS BETWEEN 1 PRECEDING AND CURRENT ROW"
    return f"SELECT id, {call} OVER ({partition}ORDER BY {made.of('int', 1)}, id{frame}) FROM {TABLE}", False


def views(pair, random):
    """Materialized views: live, after the batch layer, and final must each be PostgreSQL's SELECT over the
    events that the view could compute; the others stand in its quarantine."""
    pair.drop(TABLE)
    create, *inserts = table(TABLE, random, random.choice((3, 8, 14)))
    pair.define(create)
    after = random.random() < 0.5  # fed live, or filled from history
    findings, made = [], []
    if after:
        for insert in inserts:
            pair.define(insert)
    for number in range(VIEWS):
        select, by_row = _view(random)
        name = f"v{number}"
        outcome = pair.run_on_braid(f"CREATE MATERIALIZED VIEW {name} AS {show_constants(select)}")
        if outcome.sqlstate:
            findings.append(_refused_view(pair, select, outcome))
        else:
            made.append((name, select, by_row))
    if not after:
        for insert in inserts:
            pair.define(insert)
    for mode in ("live", "refresh", "final"):
        if mode == "refresh" and made:
            outcome = pair.run_on_braid(f"REFRESH MATERIALIZED VIEW {made[0][0]}")
            if outcome.sqlstate:
                findings.append(f"REFRESH: {outcome.sqlstate} {outcome.message}")
        for name, select, by_row in made:
            findings.append(pair.compare_view(name, select, by_row, TABLE, mode))
    return VIEWS * 3, [finding for finding in findings if finding]


def _view(random):
    """A view's SELECT, and the SELECT of what it computes for a single row."""
    made = Expressions(random)
    keys = [made.of(random.choice(KEYS), 2) for _ in range(random.randint(0, 2))]
    calls = [made.aggregate(2, in_view=True) for _ in range(random.randint(1, 3))]
    condition = made.condition() if random.random() < 0.6 else ""
    outputs = [f"{text} AS c{number}" for number, text in enumerate(keys + calls)]
    group = f" GROUP BY {', '.join(str(n + 1) for n in range(len(keys)))}" if keys else ""
    head = f"SELECT {', '.join(outputs)} FROM {TABLE}"
    one_row = f"id = {ROW} AND ({condition})" if condition else f"id = {ROW}"
    return f"{head}{where(condition) if condition else ''}{group}", f"{head}{where(one_row)}{group}"


def _refused_view(pair, select, outcome):
    """A refused view: fine where Braid says that it does not have it, or where PostgreSQL fails too."""
    if outcome.sqlstate == "0A000":
        pair.outcomes.refused += 1
        return None
    theirs = pair.run_on_postgres(show_constants(select))
    if theirs.sqlstate and outcome.sqlstate != "XX000":
        pair.outcomes.errors += 1
        return None
    if outcome.sqlstate[:2] == "22":  # a constant that fails may be met by no row there
        pair.outcomes.errors += 1
        return None
    return f"CREATE MATERIALIZED VIEW … AS {select}\nPostgreSQL: fine\nBraid: {outcome.sqlstate} {outcome.message}"


def parameters(pair, random):
    """Expressions whose constants are parameters, in text and binary, with answers in both formats."""
    _fill(pair, random)
    findings = []
    for _ in range(PARAMETER_STATEMENTS):
        findings.append(_with_parameters(pair, random))
    return PARAMETER_STATEMENTS, [finding for finding in findings if finding]


def _with_parameters(pair, random):
    kind = random.choice(TYPES)
    column = random.choice([name for name, each in COLUMNS.items() if each == kind])
    array = random.random() < 0.5
    suffix = "[]" if array else ""
    count = random.choice((0, 1, 2, 3)) if array else 1
    values = [literal(kind, random) for _ in range(count)]
    source = f"ARRAY[{', '.join(values)}]::{kind}[]" if array else values[0]
    binary = random.random() < 0.5
    encoded = pair.encode(f"SELECT ({source})::{kind}{suffix}", binary)
    oid = encoded.oid if random.random() < 0.6 else 0
    sign = random.choice(("= ANY", "<> ALL", "< ANY", ">= ALL")) if array else random.choice(("=", "<", "<>"))
    test = f"{column} {sign} ($1)" if array else f"{column} {sign} $1"
    form = random.randrange(3)
    if form == 0:
        sql = f"SELECT id FROM {TABLE} WHERE {test}"
    elif form == 1:
        sql = f"SELECT id, {test}, {column} FROM {TABLE}"
    else:
        sql = f"SELECT id, coalesce({column}::text, 'x'), $1::{kind}{suffix} FROM {TABLE} WHERE NOT {test}"
    return pair.compare_parameters(sql, [encoded.value], [oid], [int(binary)], random.randrange(2))
