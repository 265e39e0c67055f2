#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Writes tests/corpus/functions/*.tsv: what PostgreSQL 15 answers for calls of every function,
operator and cast of src/plan/function_*.cc.

    make_functions.py 'host=/tmp/pg port=5432 user=postgres dbname=postgres'

The database must have encoding UTF8 and locale C. A line is: key, zone, answer, arguments, separated
by tabs and escaped as COPY does. An answer is =text (by the type's output function), NULL, or
!SQLSTATE. An argument is text for the type that the key names, \\N is NULL; where the key says "any",
it is type:text.
"""

import itertools
import re
import subprocess
import sys
from pathlib import Path

from functions_pools import ANY_TEXT, BY_KEY, POOLS, ZONES

ROOT = Path(__file__).resolve().parents[2]
OUT = Path(__file__).resolve().parent / "functions"
CASES_MAX = 48
COMPARE_CASES_MAX = 16
FILES = {
    "compare": re.compile(r"^(=|<>|<|<=|>|>=)\("),
    "cast": re.compile(r"^(cast:|output:)"),
    "to_char": re.compile(r"^to_char\("),
    "extract": re.compile(r"^(extract|date_part)\("),
    "instant": re.compile(r"timestamptz"),
    "time": re.compile(r"date|time|interval|age\(|justify"),
    "number": re.compile(r"int4|int8|numeric|float8"),
    "text": re.compile(r""),
}
TRY = r"""
create temp table cases (id int, zone text, query text);
create function pg_temp.attempt(zone text, query text) returns text language plpgsql as $$
declare answer text;
begin
    perform set_config('timezone', zone, true);
    execute query into answer;
    return answer;
exception when others then
    return '!' || sqlstate;
end $$;
"""


def table_keys() -> list[str]:
    """Keys of all functions that views may use and PostgreSQL has, from the sources."""
    keys = []
    row = re.compile(r'\{"([^"\s]+\([^"]*\))",\s*"\w+"([^}]*)\}')
    for path in sorted((ROOT / "src/plan").glob("function_*.cc")):
        for key, rest in row.findall(path.read_text()):
            if "kSession" not in rest and "kMemoised" not in rest:
                keys.append(key)
    cast = re.compile(r'\{"(\w+)",\s*"(\w+)",\s*k(?:Implicit|Assignment|Explicit)')
    for source, target in cast.findall((ROOT / "src/plan/function_cast.cc").read_text()):
        keys.append(f"cast:{target}({source})")
    keys += ["cast:numeric(numeric,int4,int4)", "cast:varchar(text,int4)"]
    plain = [
        "bool",
        "int4",
        "int8",
        "numeric",
        "float8",
        "date",
        "timestamp",
        "timestamptz",
        "interval",
    ]
    for kind in plain + ["int2", "oid"]:
        keys += [f"cast:text({kind})", f"cast:{kind}(text)"]
        if kind not in ("int2", "oid"):
            keys += [f"output:text({kind})", f"||({kind},text)", f"||(text,{kind})"]
    pairs = [(kind, kind) for kind in plain + ["text", "oid"]] + [
        ("int4", "int8"),
        ("int8", "int4"),
    ]
    times = ["date", "timestamp", "timestamptz"]
    pairs += [(a, b) for a in times for b in times if a != b]
    keys += [f"{sign}({a},{b})" for sign in ("=", "<>", "<", "<=", ">", ">=") for a, b in pairs]
    return list(dict.fromkeys(keys))


def literal(value: str | None, kind: str) -> str:
    if kind == "any":
        kind, value = value.split(":", 1) if value is not None else ("text", None)
        value = None if value == "\\N" else value
    if value is None:
        return f"NULL::{kind}"
    return "'" + value.replace("'", "''") + "'::" + kind


def query_of(key: str, args: tuple) -> str:
    name, kinds = key[:-1].split("(", 1)
    variadic = kinds.endswith("...")
    kinds = kinds.removesuffix("...").split(",")
    if variadic:
        kinds += [kinds[-1]] * (len(args) - len(kinds))
    texts = [literal(value, kind) for value, kind in zip(args, kinds, strict=True)]
    if key == "cast:numeric(numeric,int4,int4)":
        call = f"{texts[0]}::numeric({args[1]},{args[2]})"
    elif key == "cast:varchar(text,int4)":
        call = f"{texts[0]}::varchar({args[1]})"
    elif name.startswith("output:"):
        call = f"pg_catalog.format('%s', {texts[0]})" if args[0] is not None else "NULL::text"
    elif name.startswith("cast:"):
        target = name.removeprefix("cast:")
        call = f'CAST({texts[0]} AS "{target}")'
    elif not re.match(r"[a-z]", name):
        call = f"({texts[0]} {name} {texts[1]})" if len(texts) == 2 else f"({name} {texts[0]})"
    else:
        call = f"pg_catalog.\"{name}\"({', '.join(texts)})"
    return (
        "SELECT CASE WHEN x IS NULL THEN 'NULL' ELSE '=' || pg_catalog.format('%s', x) END "
        f"FROM (SELECT {call} AS x OFFSET 0) q"
    )


def spread(items: list, count: int) -> list:
    """At most `count` of the items, evenly over all of them."""
    if len(items) <= count:
        return items
    return [items[i * len(items) // count] for i in range(count)]


def cases_of(key: str) -> list[tuple]:
    if key in BY_KEY:
        cases = list(BY_KEY[key])
        count = len(cases[0])
    else:
        kinds = key[:-1].split("(", 1)[1].removesuffix("...").split(",")
        pools = [ANY_TEXT if kind == "any" else POOLS[kind] for kind in kinds]
        limit = COMPARE_CASES_MAX if FILES["compare"].match(key) else CASES_MAX
        cases = spread(list(itertools.product(*pools)), limit)
        count = len(kinds)
    # NULL in each place once.
    if key not in ("cast:numeric(numeric,int4,int4)", "cast:varchar(text,int4)"):
        for i in range(count):
            cases.append(tuple(None if k == i else value for k, value in enumerate(cases[0])))
    return cases


def zones_of(key: str) -> list[str]:
    kinds = key.split("(", 1)[1]
    is_compared_alike = FILES["compare"].match(key) and kinds == "timestamptz,timestamptz)"
    return ZONES if "timestamptz" in key and not is_compared_alike else ["UTC"]


def quoted(text: str) -> str:
    for raw, escaped in (("\\", "\\\\"), ("\t", "\\t"), ("\n", "\\n"), ("\r", "\\r")):
        text = text.replace(raw, escaped)
    return text


def ask(connection: str, cases: list[tuple[str, str]]) -> list[str]:
    rows = "".join(f"{i}\t{zone}\t{quoted(query)}\n" for i, (zone, query) in enumerate(cases))
    script = (
        TRY + "copy cases from stdin;\n" + rows + "\\.\n"
        "copy (select pg_temp.attempt(zone, query) from cases order by id) to stdout;\n"
    )
    done = subprocess.run(
        ["psql", "-X", "-q", "-v", "ON_ERROR_STOP=1", connection],
        input=script,
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout.splitlines()


def main() -> None:
    lines: dict[str, list[str]] = {name: [] for name in FILES}
    cases = []
    for key in table_keys():
        for args in cases_of(key):
            for zone in zones_of(key):
                cases.append((key, zone, args))
    answers = ask(sys.argv[1], [(zone, query_of(key, args)) for key, zone, args in cases])
    for (key, zone, args), answer in zip(cases, answers, strict=True):
        if answer in ("!42601", "!42883") and not key.startswith("to_char"):
            raise SystemExit(f"PostgreSQL does not know {key} with {args}")
        name = next(name for name, pattern in FILES.items() if pattern.search(key))
        shown = ["\\N" if value is None else quoted(value) for value in args]
        lines[name].append("\t".join([quoted(key), zone, answer, *shown]))
    OUT.mkdir(exist_ok=True)
    for name, rows in lines.items():
        (OUT / f"{name}.tsv").write_text("\n".join(rows) + "\n")
        print(name, len(rows))


if __name__ == "__main__":
    main()
