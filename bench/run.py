#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Measures the rows of the performance table and writes build/bench/table.md.

    run.py [--rows 1,2,3] [--rounds 3] [--instructions [--against BUILD]]

Rows 1, 2 and 4 run Braid and DuckDB on the same bytes with one thread each, in turns, and count
only when both give the same answer; the figure is events per CPU second, what starting costs taken
out (README.md). Row 12 takes both cores, the kernel alone or servers. The others measure a server on core 0
with its clients on core 1. A row that fails says why.

With --instructions it counts those of rows 1 to 8 and 12 and writes build/bench/instructions.md; beside them
those of another build, whose folder is as build/release.
"""
import argparse
import hashlib
import http.client
import json
import os
import pathlib
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT / "tests"), str(ROOT / "bench")]
import core_rows  # pylint: disable=wrong-import-position
import generate  # pylint: disable=wrong-import-position
import instructions  # pylint: disable=wrong-import-position
import server_rows  # pylint: disable=wrong-import-position
import size_rows  # pylint: disable=wrong-import-position
import psycopg  # pylint: disable=wrong-import-position
from harness.server import Braid  # pylint: disable=wrong-import-position

FOLDER = ROOT / "build/bench"
KERNEL = ROOT / "build/release/bin/braid_kernel_bench"
PEER = ROOT / "bench/peer.py"
SERVER_CORE, CLIENT_CORE = {0}, {1}
KEYS, TAIL = 1_000_000, 250_000
INGEST_EVENTS, INGEST_CONNECTIONS = 4_000_000, 64
RATE, PROBES = 50_000, 400
MILLION = 1e6
KEY_VIEW = ("CREATE TABLE t (k bigint, v bigint) WITH (connector = 'http', format = 'json');"
            "CREATE MATERIALIZED VIEW sums AS SELECT k, count(*) AS n, sum(v) AS s FROM t "
            "GROUP BY 1;")
YSB_TABLE = ("CREATE TABLE ysb (user_id text, page_id text, ad_id text, ad_type text, "
             "event_type text, event_time bigint, ip_address text) "
             "WITH (connector = 'http', format = 'json');"
             "CREATE MATERIALIZED VIEW views AS SELECT ad_id, event_time / 10000 AS span, "
             "count(*) AS views FROM ysb WHERE event_type = 'view' GROUP BY 1, 2;")
ACCESS = ("CREATE TABLE access (ip text, at timestamptz, method text, path text, status int, bytes bigint, "
          "referer text, agent text) WITH (connector = 'http', format = 'combined', event_time = 'at');"
          "CREATE MATERIALIZED VIEW access_1m AS SELECT date_bin('1 minute', at, '2000-01-01Z') AS since, "
          "split_part(path, '/', 2) AS module, client(agent) AS client, region(ip) AS region, "
          "count(*) AS visits, count(DISTINCT ip) AS visitors, sum(bytes) AS bytes "
          "FROM access WHERE status < 400 GROUP BY 1, 2, 3, 4;")
# Nothing seals by itself: what is in speed and what in batch is chosen by the row.
QUIET = "[speed]\nseal_interval_ms = 3600000\n[archive]\ninterval_s = 3600\n"


class Failed(Exception):
    """Why a row was not measured."""


def call(words):
    """The JSON line of a child that must succeed."""
    done = subprocess.run([str(word) for word in words], capture_output=True, text=True,
                          check=False)
    if done.returncode != 0:
        raise Failed((done.stderr.strip().splitlines() or ["ended without a word"])[-1])
    return json.loads(done.stdout)


def digest(path):
    """Hash of an answer whatever the order of its rows, and how many there are."""
    heading, lines = "", []
    for line in path.read_text(encoding="utf-8").splitlines():
        if line.startswith("# "):
            heading = line
        else:
            lines.append(heading + line)
    return hashlib.sha256("\n".join(sorted(lines)).encode()).hexdigest(), len(lines)


def marginal_rate(whole, head):
    """M events per CPU second of what the whole input has beyond its head; lists of (events, CPU
    seconds)."""
    seconds = [statistics.median(used for _, used in runs) for runs in (whole, head)]
    if seconds[0] <= seconds[1]:
        raise Failed("the whole input took no longer than its head")
    return (whole[0][0] - head[0][0]) / (seconds[0] - seconds[1]) / MILLION


def against_duckdb(name, inputs, ours, theirs, rounds):
    """Rounds A B B A …, each on the head and on the whole input: M events per CPU second of both,
    and whether the answers agree. `ours` and `theirs` give the commands for an input."""
    mine, peer = FOLDER / f"{name}.braid", FOLDER / f"{name}.duckdb"
    runs = {(is_ours, path): [] for is_ours in (True, False) for path in inputs}
    events = {}
    for number in range(rounds):
        for is_ours in ((True, False) if number % 2 == 0 else (False, True)):
            for path in reversed(inputs):  # the answer that stays is the whole one's
                result = call([*ours(path), mine] if is_ours else [*theirs(path), peer])
                events.setdefault(path, result.get("events"))
                runs[is_ours, path].append((events[path], result["cpu_seconds"]))
    rates = [marginal_rate(*(runs[is_ours, path] for path in inputs)) for is_ours in (True, False)]
    if digest(mine) != digest(peer):
        raise Failed(f"answers differ: {digest(mine)[1]} rows here, {digest(peer)[1]} in DuckDB, "
                     f"{rates[0]:.2f} M/s here")
    return [f"{rates[0]:.2f} M/s/core", f"{rates[1]:.2f} M/s/core", f"{rates[0] / rates[1]:.1f}x",
            rates[0]]


def harness_share(inputs, rate, rounds):
    """How much of a rate's CPU time goes to reading the file and finding its lines, in percent."""
    runs = {path: [] for path in inputs}
    for _ in range(rounds):
        for path in inputs:
            result = call([KERNEL, "lines", path])
            runs[path].append((result["events"], result["cpu_seconds"]))
    return 100 * rate / marginal_rate(*(runs[path] for path in inputs))


def kernel_row(name, measure, floor, kind, file, words):
    """A row of M events per CPU second beside DuckDB: braid_kernel_bench KIND INPUT words."""
    def row(options):
        inputs = [FOLDER / file, generate.head_of(FOLDER / file)]
        figure, peer, ratio, rate = against_duckdb(
            name, inputs, lambda path: [KERNEL, kind, path, *words],
            lambda path: [sys.executable, PEER, words[0] if kind == "combined" else kind, path],
            options.rounds)
        share = harness_share(inputs, rate, options.rounds)
        return [f"{figure}, {share:.1f} % of it reading lines", peer, ratio]
    return measure, floor, row


def batch_row(name, measure, file):
    """As kernel_row, from segments that the first call writes, outside its figures."""
    def row(options):
        log = FOLDER / file
        logs = {FOLDER / name: log, FOLDER / f"{name}_head": generate.head_of(log)}
        for directory in logs:
            shutil.rmtree(directory, ignore_errors=True)
            directory.mkdir()
        return against_duckdb(
            name, list(logs),
            lambda path: [KERNEL, "batch", logs[path], path, FOLDER / "cache"],
            lambda path: [sys.executable, PEER, "batch", path], options.rounds)[:3]
    return measure, "5 M/s/core, 0.5x", row


def pin(process, cores):
    """All threads of a process, and those to come, on these cores."""
    for task in os.listdir(f"/proc/{process}/task"):
        os.sched_setaffinity(int(task), cores)


class Pinned(Braid):
    """A server on its core. A directory of its own goes with it."""

    def start(self):
        """As Braid's."""
        super().start()
        pin(self.process.pid, SERVER_CORE)
        return self


def server(init, config=None, data=None):
    """A server for a `with`."""
    return Pinned(data, init=init, config=config)


def fold_row(file, view):
    """Row 12: decode and fold in the speed layer."""
    def row(options):
        return core_rows.fold_row(KERNEL, FOLDER / file, view, FOLDER / "cache", options.rounds)
    return row


def statement_row(init, fill, statement):
    """Row 12: a statement of a server."""
    def row(options):
        with core_rows.one_and_copies(Pinned, pin, init, fill) as (one, copies):
            return core_rows.statement_row(one, copies, statement, options.rounds)
    return row


def fill_access(braid):
    """The combined log, as row 4 has it, and its segments."""
    finish(load(braid, "ingest", "access", FOLDER / "combined_dense.log", INGEST_CONNECTIONS, KEYS))
    braid.sql("REFRESH MATERIALIZED VIEW access_1m")


def fill_keys(braid):
    """A view of many keys, in the batch layer."""
    finish(load(braid, "keys", "t", 0, core_rows.VIEW_KEYS, core_rows.VIEW_KEYS, 0))
    braid.sql("REFRESH MATERIALIZED VIEW sums")


def runs_row(_):
    """Row 13: CPU of the server for a point read, by how many runs of random keys there are."""
    costs = {}
    for runs in (1, 40, 1000):
        with (server(KEY_VIEW, "[speed]\nseal_interval_ms = 1\nseal_events = 0\n") as braid,
              tempfile.NamedTemporaryFile("w", suffix=".sql") as script):
            server_rows.fill_runs(braid, runs, KEYS)
            script.write(f"\\set k random(0, {KEYS - 1})\nSELECT n, s FROM sums WHERE k = :k;\n")
            script.flush()
            costs[runs] = server_rows.point_read_cost(braid, script.name, CLIENT_CORE)
    return [f"{costs[40] / costs[1]:.2f}x, {costs[1000] / costs[1]:.2f}x of {costs[1] * MILLION:.1f} us", "", ""]


def load(braid, *words):
    """A client of a running server on the other core."""
    command = [KERNEL, words[0], *braid.http_address, *words[1:]]
    return subprocess.Popen([str(word) for word in command], stdout=subprocess.PIPE, text=True,
                            preexec_fn=lambda: os.sched_setaffinity(0, CLIENT_CORE))


def finish(client):
    """The figures of a client."""
    out, _ = client.communicate()
    if client.returncode != 0:
        raise Failed("a client was refused; its reason is above")
    return json.loads(out)


def ingest_row(_):
    """Row 3: YSB records over keep-alive connections, from the first request to the last answer."""
    with server(YSB_TABLE) as braid:
        done = finish(load(braid, "ingest", "ysb", FOLDER / "ysb.json", INGEST_CONNECTIONS,
                           INGEST_EVENTS))
        if braid.value("SELECT count(*) FROM ysb") != INGEST_EVENTS:
            raise Failed("acknowledged events are missing")
    return [f"{INGEST_EVENTS / done['seconds'] / MILLION:.3f} M/s", "", ""]


def probe(post, connection, key):
    """Milliseconds from the acknowledgement of an event until it is in the answer."""
    post.request("POST", "/v1/tables/t/records", json.dumps({"k": key, "v": 1}))
    answer = post.getresponse()
    answer.read()
    if answer.status // 100 != 2:
        raise Failed(f"a probe was answered with {answer.status}")
    durable = time.monotonic()
    while not connection.execute("SELECT n FROM sums WHERE k = %s", (key,),
                                 prepare=True).fetchall():
        pass
    return (time.monotonic() - durable) * 1000


def accepted(post):
    """Records that the server has acknowledged over HTTP."""
    post.request("GET", "/metrics")
    text = post.getresponse().read().decode()
    return float(re.search(r"^braid_http_records_total ([0-9.e+]+)", text, re.MULTILINE)[1])


def visible_row(_):
    """Row 5: probes under load, seals as they come; each waits until its own event is answered."""
    with server(KEY_VIEW) as braid, braid.connect() as connection:
        # More than the probes need; ended when they are through.
        client = load(braid, "keys", "t", 0, RATE * 600, KEYS, RATE)
        try:
            post = http.client.HTTPConnection(*braid.http_address, timeout=30)
            time.sleep(2)
            began, before = time.monotonic(), accepted(post)
            delays = []
            for number in range(PROBES):
                delays.append(probe(post, connection, -1 - number))
                time.sleep(0.05)
            rate = (accepted(post) - before) / (time.monotonic() - began)
            if client.poll() is not None or rate < 0.95 * RATE:
                raise Failed(f"the load was {rate:.0f} events/s")
        finally:
            client.kill()
            client.communicate()
    delays.sort()
    return [f"p50 {delays[len(delays) // 2]:.2f} ms, "
            f"p99 {delays[len(delays) * 99 // 100]:.2f} ms", "", ""]


def fill(braid, batch):
    """A million keys, in the batch layer or as sealed, and what comes after them in speed."""
    finish(load(braid, "keys", "t", 0, KEYS, KEYS, 0))
    if batch:
        braid.sql("REFRESH MATERIALIZED VIEW sums")
    finish(load(braid, "keys", "t", KEYS, TAIL, KEYS, 0))


def point_row(_):
    """Row 6."""
    with (server(KEY_VIEW, QUIET) as braid,
          tempfile.NamedTemporaryFile("w", suffix=".sql") as script):
        fill(braid, batch=True)
        script.write(f"\\set k random(0, {KEYS - 1})\nSELECT n, s FROM sums WHERE k = :k;\n")
        script.flush()
        done = subprocess.run(
            ["pgbench", "-n", "-M", "prepared", "-c", "1", "-T", "10", "-f", script.name,
             "-h", braid.pg[0], "-p", str(braid.pg[1]), "-U", "braid", "braid"],
            capture_output=True, text=True, check=False,
            preexec_fn=lambda: os.sched_setaffinity(0, CLIENT_CORE))
        found = re.search(r"^tps = ([0-9.]+)", done.stdout, re.MULTILINE)
        if not found:
            raise Failed((done.stderr.strip().splitlines() or ["pgbench said nothing"])[-1])
    return [f"{float(found[1]) / 1000:.1f} k/s", "", ""]


def restart_row(_):
    """Row 7: start of the process to the first answer, which is then checked in full."""
    with server(KEY_VIEW, QUIET) as braid:
        fill(braid, batch=True)
        braid.kill()
        started = time.monotonic()
        braid.start()
        with braid.connect() as connection:
            n = connection.execute("SELECT n FROM sums WHERE k = 0").fetchall()
            seconds = time.monotonic() - started
            if n != [(2,)]:
                raise Failed(f"the first answer is {n}")
            total = connection.execute("SELECT sum(n), count(*) FROM sums").fetchall()
            if total != [(KEYS + TAIL, KEYS)]:
                raise Failed(f"the whole answer is {total}")
    return [f"{seconds:.2f} s", "", ""]


def memory_row(_):
    """Row 8."""
    return [f"{call([KERNEL, 'memory', KEYS])['bytes_per_key']:.0f} B", "", ""]


def slow_scans_row(_):
    """Row 9: clients that read 100 KB/s of a view of three million rows, under ingest, and point reads beside them."""
    count = 3 * KEYS
    with server(KEY_VIEW) as braid, braid.connect() as connection:
        finish(load(braid, "keys", "t", 0, count, count, 0))
        client = load(braid, "keys", "t", count, RATE * 600, count, RATE)
        try:
            p99, refused = server_rows.slow_scans(braid, connection, count)
        finally:
            client.kill()
            client.communicate()
    if refused:
        raise Failed(f"{len(refused)} of {server_rows.SLOW_READERS} slow readers: {refused[0]}")
    return [f"p99 {p99:.2f} ms", "", ""]


def partitions_row(_):
    """Row 10: CPU of the server for events and for REFRESH with 256 partitions, against one."""
    spent = {}
    for count in (1, server_rows.PARTITIONS):
        table = KEY_VIEW.replace("format = 'json'", f"format = 'json', partitions = {count}")
        with server(table) as braid:
            began = server_rows.cpu_seconds(braid.process.pid)
            events = server_rows.PARTITION_EVENTS
            finish(load(braid, "keys", "t", 0, events, KEYS, 0))
            if braid.value("SELECT sum(n) FROM sums") != events:
                raise Failed("acknowledged events are missing")
            stored = server_rows.cpu_seconds(braid.process.pid)
            braid.sql("REFRESH MATERIALIZED VIEW sums")
            spent[count] = (stored - began, server_rows.cpu_seconds(braid.process.pid) - stored)
    events, refresh = (many / one for many, one in zip(spent[server_rows.PARTITIONS], spent[1]))
    return [f"{events:.2f}x, {refresh:.2f}x", "", ""]


def age_row(_):
    """Row 11: open files and mappings after many seals and a scan, less those after a few."""
    with server(KEY_VIEW, "[speed]\nseal_interval_ms = 1\nseal_events = 0\n") as braid, braid.connect() as connection:
        found = []
        for seals in (server_rows.SEALS_BEFORE, server_rows.SEALS):
            while (done := server_rows.seals_of(braid)) < seals:
                for _ in range(min(100, seals - done)):
                    braid.post("t", [{"k": 1, "v": 1}])
            connection.execute("SELECT count(*), sum(n) FROM sums").fetchall()
            found.append(server_rows.files_and_mappings(braid.process.pid))
    more = [after - before for before, after in zip(*found)]
    return [f"{more[0]:+d} files, {more[1]:+d} mappings", "", ""]


def size_row(function):
    """Rows 14 to 19, which bring no other tools than these."""
    def ingest(braid, lines, count):
        finish(load(braid, "ingest", "t", lines, INGEST_CONNECTIONS, count))

    return lambda options: function(server, ingest, FOLDER, options)


def rows():
    """Row number: measure, floor, function that gives figure, peer's figure and ratio."""
    cache = FOLDER / "cache"
    two_cores = "two threads against two copies: "
    return {
        "1": kernel_row("ysb_dense", "YSB JSON, 100,000 events a second", "6 M/s/core, 2x",
                        "ysb", "ysb_dense.json", [FOLDER / "campaigns.tsv"]),
        "1s": kernel_row("ysb", "YSB JSON, 100 events a second", "6 M/s/core, 2x",
                         "ysb", "ysb.json", [FOLDER / "campaigns.tsv"]),
        "2a": kernel_row("1m_dense", "combined log, 1,000 lines a second, view at 1 m",
                         "1.5 M/s/core, 3x", "combined", "combined_dense.log", ["1m", cache]),
        "2b": kernel_row("all_dense", "combined log, 1,000 lines a second, five windows",
                         "0.8 M/s/core, 3x", "combined", "combined_dense.log", ["all", cache]),
        "2as": kernel_row("1m", "combined log, 2 lines a minute, view at 1 m", "1.5 M/s/core, 3x",
                          "combined", "combined.log", ["1m", cache]),
        "2bs": kernel_row("all", "combined log, 2 lines a minute, five windows",
                          "0.8 M/s/core, 3x", "combined", "combined.log", ["all", cache]),
        "3": ("durable ingest over HTTP", "0.5 M/s", ingest_row),
        "4": batch_row("batch_dense", "batch from Parquet, 1,000 lines a second, view at 1 m",
                       "combined_dense.log"),
        "4s": batch_row("batch", "batch from Parquet, 2 lines a minute, view at 1 m",
                        "combined.log"),
        "5": ("durable to visible at 50 k/s", "p50 5 ms, p99 20 ms", visible_row),
        "6": ("prepared point reads, 1 M keys", "8 k/s", point_row),
        "7": ("restart after kill -9, tail of 250,000", "2 s", restart_row),
        "8": ("resident bytes per key, 1 M keys", "150 B", memory_row),
        "9": ("point reads beside four slow scans of 3 M rows", "p99 5 ms", slow_scans_row),
        "10": ("256 partitions against 1: CPU of events, of REFRESH", "1.3x, 2x", partitions_row),
        "11": ("after 10,000 seals and a scan, against 1,000", "+0, +0", age_row),
        "12a": (two_cores + "row 1", "0.9x", fold_row("ysb_dense.json", "ysb")),
        "12b": (two_cores + "row 2a", "0.9x", fold_row("combined_dense.log", "1m")),
        "12c": (two_cores + "row 2b", "0.9x", fold_row("combined_dense.log", "all")),
        "12d": (two_cores + "REFRESH of row 4", "0.9x",
                statement_row(ACCESS, fill_access, "REFRESH MATERIALIZED VIEW access_1m")),
        "12e": (two_cores + "sums over 5 M keys", "0.9x",
                statement_row(KEY_VIEW, fill_keys, "SELECT sum(n), max(s), count(*) FROM sums")),
        "12f": (two_cores + "GROUP BY over 5 M keys", "0.9x",
                statement_row(KEY_VIEW, fill_keys, "SELECT k % 1000, sum(n) FROM sums GROUP BY 1")),
        "13": ("a point read over 40 and 1,000 runs against 1: CPU", "1.5x, 10x", runs_row),
    } | {number: (what, floor, size_row(function)) for number, (what, floor, function) in size_rows.rows().items()}


def measure(function, options):
    """The figures of a row, or why there are none."""
    try:
        return function(options)
    except (Failed, AssertionError, OSError, psycopg.Error) as error:
        reason = (str(error).strip().splitlines() or [type(error).__name__])[0]
        return [f"not measured: {reason}", "", ""]


def count_instructions(options):
    """What --instructions does."""
    if shutil.which("valgrind") is None:
        sys.exit("--instructions counts with valgrind, which is not installed")
    bench = instructions.Bench(FOLDER, YSB_TABLE, KEY_VIEW, QUIET, lambda *words: finish(load(*words)))
    builds = [ROOT / "build/release"] + ([options.against.resolve()] if options.against else [])
    wanted = options.rows.split(",") if options.rows else None
    table = instructions.measure(bench, builds, wanted, options.rounds)
    (FOLDER / "instructions.md").write_text("\n".join(table) + "\n")


def main():
    """See the top of the file."""
    arguments = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    arguments.add_argument("--rows", default="")
    arguments.add_argument("--rounds", type=int, default=3)
    arguments.add_argument("--instructions", action="store_true")
    arguments.add_argument("--against", type=pathlib.Path)
    options = arguments.parse_args()
    hashes = generate.generate(FOLDER, 2_000_000, 1_000_000)
    (FOLDER / "cache").mkdir(exist_ok=True)
    if options.instructions:
        count_instructions(options)
        return
    if not (FOLDER / "lookups.duckdb").exists():
        call_prepare = [sys.executable, ROOT / "bench/peer.py", "prepare", FOLDER]
        subprocess.run(call_prepare, check=True)
    table = ["| row | measure | figure | floor | DuckDB | ratio |", "| --- " * 6 + "|"]
    print("\n".join(table), flush=True)
    wanted = options.rows.split(",") if options.rows else None
    for number, (what, floor, function) in rows().items():
        if wanted and number not in wanted:
            continue
        figure, peer, ratio = measure(function, options)
        table.append(f"| {number} | {what} | {figure} | {floor} | {peer} | {ratio} |")
        print(table[-1], flush=True)
    table += ["", f"{time.strftime('%Y-%m-%d %H:%M')}, load average "
              f"{os.getloadavg()[0]:.1f} at the end, {options.rounds} rounds. Inputs, SHA-256:"]
    table += [f"- {name}: {value}" for name, value in hashes.items()]
    (FOLDER / "table.md").write_text("\n".join(table) + "\n")


if __name__ == "__main__":
    main()
