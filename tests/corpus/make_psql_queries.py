#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Writes psql_queries/NAME.sql: the queries that psql 15 sends for its backslash commands.

usage: make_psql_queries.py HOST PORT USER DATABASE    (the database has a table t with an index t_b, a
materialized view totals and a view modules)
"""
import pathlib
import re
import subprocess
import sys

COMMANDS = [
    r"\d", r"\d+", r"\dt", r"\dt+", r"\dm", r"\dm+", r"\dv", r"\dv+", r"\di", r"\ds", r"\dE", r"\dS",
    r"\d t", r"\d+ t", r"\d totals", r"\d+ totals", r"\d modules", r"\d+ modules", r"\d t*", r"\d t_b", r"\dt t*",
    r"\dt public.*", r"\l", r"\l+", r"\dn", r"\dn+", r"\du", r"\du+", r"\dg", r"\df", r"\df+", r"\df pg_*",
    r"\da", r"\dT", r"\dT+", r"\dx", r"\dp", r"\z", r"\dRp", r"\dRs", r"\dy", r"\db", r"\dc", r"\dC",
    r"\dd", r"\dD", r"\do", r"\dO", r"\des", r"\det", r"\dew", r"\dF", r"\dL", r"\dA", r"\drds", r"\dX",
    r"\dP", r"\sv modules", r"\dconfig",
]
host, port, user, database = sys.argv[1:5]
folder = pathlib.Path(__file__).with_name("psql_queries")
folder.mkdir(exist_ok=True)
for old in folder.glob("*.sql"):
    old.unlink()
for command in COMMANDS:
    out = subprocess.run(
        ["psql", "-X", "-E", "-h", host, "-p", port, "-U", user, "-d", database, "-c", command],
        capture_output=True, text=True).stdout
    queries = re.findall(r"\*+ QUERY \*+\n(.*?)\n\*{10,}", out, re.S)
    if not queries:
        continue
    name = re.sub(r"[^a-zA-Z_]+", "_", command.replace("+", " plus").replace("*", " star")).strip("_")
    (folder / f"{name}.sql").write_text("\n".join(q.strip().rstrip(";") + ";\n" for q in queries))
