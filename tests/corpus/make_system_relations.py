#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Writes system_relations.tsv: the columns of PostgreSQL 15's system relations, with Braid's types.

usage: make_system_relations.py 'host=127.0.0.1 port=15432 user=braid dbname=postgres'
"""
import pathlib
import sys

import psycopg

# Types that Braid does not have stand as the nearest that it has.
TYPES = {
    "float4": "float8", "pg_node_tree": "text", "anyarray": "_text", "oidvector": "_oid", "bytea": "text",
    "pg_lsn": "text", "inet": "text", "regnamespace": "oid", "pg_ndistinct": "text",
    "pg_dependencies": "text", "pg_mcv_list": "text", "xid8": "int8", "json": "text", "cid": "xid",
    "pg_brin_bloom_summary": "text", "int8": "int8", "_float4": "_text", "_float8": "_text",
    "_regtype": "_text", "_int4": "_text", "cardinal_number": "int4", "character_data": "varchar",
    "sql_identifier": "name", "time_stamp": "timestamptz", "yes_or_no": "varchar", "_bool": "_text",
    "_pg_statistic": "_text", "regprocedure": "regproc", "tid": "text", "_int8": "_text",
}
QUERY = """
SELECT n.nspname || '.' || c.relname, a.attname, t.typname
FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace JOIN pg_attribute a ON a.attrelid = c.oid
     JOIN pg_type t ON t.oid = a.atttypid
WHERE n.nspname IN ('pg_catalog', 'information_schema') AND c.relkind IN ('r', 'v')
      AND a.attnum > 0 AND NOT a.attisdropped
ORDER BY 1, a.attnum
"""
relations = {}
with psycopg.connect(sys.argv[1]) as connection:
    for relation, column, type_name in connection.execute(QUERY):
        relations.setdefault(relation, []).append(f"{column} {TYPES.get(type_name, type_name)}")
path = pathlib.Path(__file__).with_name("system_relations.tsv")
path.write_text("".join(f"{name}\t{', '.join(columns)}\n" for name, columns in relations.items()))
