# SPDX-License-Identifier: Apache-2.0
"""Rows of the table about bounds: much history, many views, streams, files and groups, and little memory.

Each checks its answers against what was sent, and says a figure only then.
"""
import contextlib
import os
import pathlib
import re
import sys
import tempfile
import time

import psycopg
import server_rows

MILLION = 1_000_000
TABLE = "CREATE TABLE t (k bigint, v bigint) WITH (connector = 'http', format = 'json'{options});"
VIEW = "CREATE MATERIALIZED VIEW {name} AS SELECT {key} AS k, count(*) AS n, sum(v) AS s FROM t GROUP BY 1;"
LOADED_SECONDS = 3600
HISTORIES, NEW_EVENTS, NEW_KEYS = (1, 50), MILLION, 100_000
VIEWS, VIEW_EVENTS, VIEW_SEALS = (4, 64), 2 * MILLION, 6  # fewer than are joined
STREAMS, FILES, IDLE_SECONDS = 1_000, 10_000, 30
FILES_QUIET_SECONDS = 120  # what has been quiet for a minute is looked at more seldom
LIMIT_GIB = 2
GROUPS, DISTINCT, WIDE_KEYS, WIDE_VIEWS = 20 * MILLION, 10 * MILLION, 3 * MILLION, 7
REFRESH_EVENTS, REFRESH_KEYS, REFRESH_GIB = 100 * MILLION, 10 * MILLION, 1
UNBOUNDED = 'memory_limit = "14GiB"\n[batch]\nmemory_mib = 8192\n'


def say(*words):
    """Progress, beside the table."""
    print("  ", *words, file=sys.stderr, flush=True)


def status_mib(process, name):
    """A line of /proc/PROCESS/status that is in kB, in MiB."""
    text = pathlib.Path(f"/proc/{process}/status").read_text(encoding="utf-8")
    return int(re.search(rf"^{name}:\s+(\d+) kB", text, re.MULTILINE)[1]) / 1024


def threads_cpu(process, prefix):
    """CPU seconds of the threads whose names begin so, of those that live."""
    ticks = 0
    for task in pathlib.Path(f"/proc/{process}/task").iterdir():
        with contextlib.suppress(OSError):
            if (task / "comm").read_text(encoding="utf-8").startswith(prefix):
                fields = (task / "stat").read_text(encoding="utf-8").rpartition(")")[2].split()
                ticks += int(fields[11]) + int(fields[12])
    return ticks / os.sysconf("SC_CLK_TCK")


def wait_until(what, done, seconds=LOADED_SECONDS):
    """Looks ten times a second; says what it has waited for in vain."""
    ends = time.monotonic() + seconds
    while not done():
        assert time.monotonic() < ends, f"{what}: not in {seconds} s"
        time.sleep(0.1)


def answer(braid, statement):
    """Rows of a statement that waits until all that was acknowledged is folded."""
    ends = time.monotonic() + LOADED_SECONDS
    while True:
        try:
            return braid.sql(statement)
        except psycopg.Error as error:
            if error.sqlstate != "XB002" or time.monotonic() > ends:
                raise
        time.sleep(0.1)


def lines_of_keys(keys, folder):
    """A file with a line for each key, in an order that jumps; v is k modulo 1,000."""
    path = pathlib.Path(folder, f"keys_{keys}.ndjson")
    if not path.exists():
        say(f"writes {path.name}")
        with open(path.with_suffix(".new"), "w", encoding="utf-8") as file:
            for first in range(0, keys, 100_000):
                scattered = (number * 2_654_435_761 % keys for number in range(first, min(first + 100_000, keys)))
                file.write("".join(f'{{"k":{key},"v":{key % 1000}}}\n' for key in scattered))
        path.with_suffix(".new").rename(path)
    return path


def batch_of_what_is_new(server, ingest, folder, _):
    """CPU seconds of the scheduled batch over a million new events, by how long its history is."""
    spent = {}
    lines = lines_of_keys(NEW_KEYS, folder)
    for millions in HISTORIES:
        init = TABLE.format(options=", batch_interval = '2 seconds'") + VIEW.format(name="sums", key="k")
        with server(init, "[batch]\nthreads = 1\n") as braid:
            sent = 0

            def caught_up(braid=braid):
                return braid.value("SELECT cut = durable_end FROM braid.streams")
            for _ in range(millions):
                ingest(braid, lines, MILLION)
                sent += MILLION
            wait_until("the history's batch", caught_up)
            began = threads_cpu(braid.process.pid, "long")
            ingest(braid, lines, NEW_EVENTS)
            wait_until("the batch of what is new", caught_up)
            spent[millions] = threads_cpu(braid.process.pid, "long") - began
            sent += NEW_EVENTS
            found = answer(braid, "SELECT count(*), sum(n), min(n), max(n) FROM sums")
            assert found == [(NEW_KEYS, sent, sent // NEW_KEYS, sent // NEW_KEYS)], f"the answer is {found}"
            say(f"history of {millions} M: {spent[millions]:.2f} CPU seconds")
    return [f"{spent[HISTORIES[1]] / spent[HISTORIES[0]]:.2f}x of {spent[HISTORIES[0]]:.2f} s", "", ""]


def views_row(server, ingest, folder, _):
    """CPU of the server for an event in one more view, and files of runs for a seal of them all."""
    spent, files = {}, 0
    lines = lines_of_keys(NEW_KEYS, folder)
    for count in VIEWS:
        views = "".join(VIEW.format(name=f"v{number}", key=f"k % {100 + number}") for number in range(count))
        with server(TABLE.format(options="") + views, "[speed]\nseal_interval_ms = 3600000\n") as braid:
            began = server_rows.cpu_seconds(braid.process.pid)
            ingest(braid, lines, VIEW_EVENTS)
            for number in (0, count - 1):
                found = answer(braid, f"SELECT count(*), sum(n) FROM v{number}")
                assert found == [(100 + number, VIEW_EVENTS)], f"the answer is {found}"
            spent[count] = server_rows.cpu_seconds(braid.process.pid) - began
    with server(TABLE.format(options="") + views, "[speed]\nseal_interval_ms = 1\n") as braid:
        while server_rows.seals_of(braid) < VIEW_SEALS:
            braid.post("t", [{"k": 1, "v": 1}])
        files = sum(len(names) for _, _, names in os.walk(braid.data / "runs")) / server_rows.seals_of(braid)
    more = (spent[VIEWS[1]] - spent[VIEWS[0]]) / (VIEWS[1] - VIEWS[0]) / VIEW_EVENTS
    return [f"{more * 1e9:.1f} ns, {files:.2f} files", "", ""]


def idle(process, quiet_seconds):
    """Share of a core, in percent, that a process takes when nothing has happened for so long; MiB; threads."""
    time.sleep(quiet_seconds)
    before = server_rows.cpu_seconds(process)
    time.sleep(IDLE_SECONDS)
    cpu = 100 * (server_rows.cpu_seconds(process) - before) / IDLE_SECONDS
    return cpu, status_mib(process, "VmRSS"), len(os.listdir(f"/proc/{process}/task"))


def streams_row(server, *_):
    """A thousand streams with a view each that nobody writes to."""
    init = "".join(TABLE.format(options="").replace(" t ", f" t{number} ") +
                   VIEW.format(name=f"v{number}", key="k").replace(" t ", f" t{number} ") for number in range(STREAMS))
    with server(init) as braid:
        began = time.monotonic()
        braid.stop_cleanly()
        stopped = time.monotonic()
        braid.start()
        started = time.monotonic()
        cpu, mib, threads = idle(braid.process.pid, 10)
        for number in (0, STREAMS - 1):
            braid.post(f"t{number}", [{"k": 1, "v": 1}])
            assert braid.value(f"SELECT n FROM v{number} WHERE k = 1") == 1, "an idle stream does not wake"
    return [f"{threads} threads, {mib:.0f} MiB, {cpu:.2f} %, start {started - stopped:.2f} s, "
            f"stop {stopped - began:.2f} s", "", ""]


def files_row(server, *_):
    """Ten thousand files that are followed and do not grow."""
    with tempfile.TemporaryDirectory() as folder:
        for number in range(FILES):
            pathlib.Path(folder, f"{number:05}.log").write_text(f'{{"k":{number},"v":1}}\n', encoding="utf-8")
        init = (f"CREATE TABLE t (k bigint, v bigint) WITH (connector = 'file', path = '{folder}/*.log', "
                "format = 'json');" + VIEW.format(name="sums", key="k"))
        with server(init) as braid:
            wait_until("all files", lambda: answer(braid, "SELECT sum(n) FROM sums") == [(FILES,)], 300)
            cpu, mib, _ = idle(braid.process.pid, FILES_QUIET_SECONDS)
            braid.restart()
            cpu_again, mib_again, _ = idle(braid.process.pid, FILES_QUIET_SECONDS)
            say(f"{cpu:.2f} %, {mib:.0f} MiB; after a restart {cpu_again:.2f} %, {mib_again:.0f} MiB")
    return [f"{max(cpu, cpu_again):.2f} %, {max(mib, mib_again):.0f} MiB", "", ""]


def many_groups(braid, ingest, folder):
    """20 M groups: LIVE, after REFRESH, and FINAL."""
    ingest(braid, lines_of_keys(GROUPS, folder), GROUPS)
    wants = [(GROUPS, GROUPS, 1, GROUPS // 1000 * 499_500)]
    ask = "SELECT count(*), sum(n), max(n), sum(s) FROM sums"
    yield "live", wants == answer(braid, ask)
    braid.sql("REFRESH MATERIALIZED VIEW sums")
    yield "refreshed", wants == answer(braid, ask)
    yield "a point", answer(braid, "SELECT n, s FROM sums WHERE k = 777777") == [(1, 777)]


def many_distinct(braid, ingest, folder):
    """10 M distinct values in one group, and spread over a thousand."""
    ingest(braid, lines_of_keys(DISTINCT, folder), DISTINCT)
    wants = [(DISTINCT, DISTINCT)]
    yield "live", answer(braid, "SELECT d, n FROM whole") == wants
    yield "parts", answer(braid, "SELECT sum(d), sum(n) FROM parts") == wants
    braid.sql("REFRESH MATERIALIZED VIEW whole")
    yield "refreshed", answer(braid, "SELECT d, n FROM whole") == wants


def wide(braid, ingest, folder):
    """3 M keys in seven views."""
    ingest(braid, lines_of_keys(WIDE_KEYS, folder), WIDE_KEYS)

    def all_right():
        asks = (f"SELECT count(*), sum(n) FROM v{number}" for number in range(WIDE_VIEWS))
        return all(answer(braid, ask) == [(WIDE_KEYS, WIDE_KEYS)] for ask in asks)
    yield "live", all_right()
    braid.sql("REFRESH MATERIALIZED VIEW v0")
    yield "refreshed", all_right()


SIZES = {
    "groups": (VIEW.format(name="sums", key="k"), many_groups),
    "distinct": ("CREATE MATERIALIZED VIEW whole AS SELECT count(DISTINCT k) AS d, count(*) AS n FROM t;"
                 "CREATE MATERIALIZED VIEW parts AS SELECT k % 1000 AS g, count(DISTINCT k) AS d, count(*) AS n "
                 "FROM t GROUP BY 1;", many_distinct),
    "wide": ("".join(VIEW.format(name=f"v{number}", key=f"k + {number}") for number in range(WIDE_VIEWS)), wide),
}


def size_row(which):
    """A row of peak memory under `memory_limit`."""
    def row(server, ingest, folder, _):
        views, steps = SIZES[which]
        with server(TABLE.format(options="") + views, f'memory_limit = "{LIMIT_GIB}GiB"\n') as braid:
            for what, right in steps(braid, ingest, folder):
                say(f"{which}, {what}: {'right' if right else 'WRONG'}, "
                    f"peak {status_mib(braid.process.pid, 'VmHWM') / 1024:.2f} GiB")
                assert right, f"{what}: the answer is wrong"
            return [f"exact, {status_mib(braid.process.pid, 'VmHWM') / 1024:.2f} GiB", "", ""]
    return row


def refresh_row(server, ingest, folder, _):
    """REFRESH of 100 M events in 10 M groups with 1 GiB, against the same with as much as it wants."""
    bounded = f'memory_limit = "{REFRESH_GIB}GiB"\n'
    with tempfile.TemporaryDirectory() as data:
        spent, peak = {}, 0
        with server(TABLE.format(options="") + VIEW.format(name="sums", key="k"), bounded, data) as braid:
            ingest(braid, lines_of_keys(REFRESH_KEYS, folder), REFRESH_EVENTS)
            for config in (bounded, UNBOUNDED):
                if config is not bounded:
                    braid.stop_cleanly()
                    braid.config = config
                    braid.start()
                answer(braid, "SELECT sum(n) FROM sums")
                began = server_rows.cpu_seconds(braid.process.pid)
                braid.sql("REFRESH MATERIALIZED VIEW sums")
                spent[config] = server_rows.cpu_seconds(braid.process.pid) - began
                found = answer(braid, "SELECT count(*), sum(n), min(n), max(n) FROM sums")
                each = REFRESH_EVENTS // REFRESH_KEYS
                assert found == [(REFRESH_KEYS, REFRESH_EVENTS, each, each)], f"the answer is {found}"
                if config is bounded:
                    peak = status_mib(braid.process.pid, "VmHWM") / 1024
                say(f"REFRESH of {REFRESH_EVENTS // MILLION} M: {spent[config]:.1f} CPU seconds, peak {peak:.2f} GiB")
    return [f"{spent[bounded] / spent[UNBOUNDED]:.2f}x of {spent[UNBOUNDED]:.0f} s, {peak:.2f} GiB", "", ""]


def rows():
    """Row number: measure, floor, function of: server's maker, client that sends lines, folder for inputs, options."""
    gib = f"{LIMIT_GIB} GiB: "
    return {
        "14": ("scheduled batch of 1 M new events, history of 50 M against 1 M: CPU", "1.3x", batch_of_what_is_new),
        "15": ("one more view on a stream: CPU an event; 64 views: files a seal", "15 ns, 1", views_row),
        "16": ("1,000 idle streams", "40 threads, 150 MB, 0.5 %, start 3 s", streams_row),
        "17": ("10,000 quiet files", "1 %, 100 MB", files_row),
        "18a": (gib + "20 M groups", "2.2 GiB", size_row("groups")),
        "18b": (gib + "10 M distinct values", "2.2 GiB", size_row("distinct")),
        "18c": (gib + "3 M keys in seven views", "2.2 GiB", size_row("wide")),
        "19": ("REFRESH of 100 M events, 10 M groups, 1 GiB against unbounded: CPU", "1.3x", refresh_row),
    }
