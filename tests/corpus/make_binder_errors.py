#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Asks PostgreSQL 15 for the errors of the statements in binder_errors.tsv and writes them beside.

usage: make_binder_errors.py 'host=127.0.0.1 port=15432 user=braid dbname=postgres'

A line is: statement, SQLSTATE, position, message, hint. Only the first column is read. The statements
see the tables and views of kSampleStatements in src/sql/sql_testing.cc; the connection must be one on
which those may be created (in a schema of their own, which is rolled back).
"""
import pathlib
import sys

import psycopg

SCHEMA = """
CREATE TABLE access (ip text, at timestamptz, method text, path text, status int, bytes bigint,
                     referer text, agent text);
CREATE TABLE orders (id bigint, customer text, price numeric(10,2), quantity int, placed timestamp,
                     due date, is_paid boolean, rating double precision, wait interval,
                     note varchar(20));
CREATE TABLE t (a int, b int, c text);
CREATE TABLE u (a bigint, d text);
CREATE MATERIALIZED VIEW module_visits AS
    SELECT date_bin('1 minute', at, '2000-01-01Z') AS minute, split_part(path, '/', 2) AS module,
           count(*) AS visits, count(DISTINCT ip) AS visitors, sum(bytes) AS bytes,
           avg(bytes) AS mean, min(status) AS lowest, sum(bytes) / count(*) AS per_visit
    FROM access WHERE status < 400 GROUP BY 1, 2;
CREATE MATERIALIZED VIEW totals AS SELECT count(*) AS visits, max(at) AS last FROM access;
CREATE MATERIALIZED VIEW big_customers AS
    SELECT customer, sum(price) AS spent FROM orders GROUP BY customer HAVING sum(price) > 100;
CREATE VIEW modules AS SELECT module, minute, visitors, visits FROM module_visits;
CREATE VIEW big AS SELECT * FROM big_customers WHERE spent > 1000;
"""


def ask(connection, statement):
    try:
        with connection.transaction(force_rollback=True):
            connection.execute(statement.encode())
    except psycopg.Error as error:
        d = error.diag
        return [d.sqlstate or "", d.statement_position or "0", d.message_primary or "",
                d.message_hint or ""]
    return ["00000", "0", "", ""]


def main():
    path = pathlib.Path(__file__).with_name("binder_errors.tsv")
    statements = [line.split("\t")[0] for line in path.read_text().splitlines() if line]
    with psycopg.connect(sys.argv[1], autocommit=True) as connection:
        with connection.transaction(force_rollback=True):
            connection.execute("SET timezone = 'UTC'")
            connection.execute(SCHEMA)
            rows = [[s, *ask(connection, s)] for s in statements]
    path.write_text("".join("\t".join(f.replace("\n", " ") for f in row) + "\n" for row in rows))
    accepted = [row[0] for row in rows if row[1] == "00000"]
    print(f"{len(rows)} statements, {len(accepted)} without an error: {accepted}")


main()
