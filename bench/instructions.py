# SPDX-License-Identifier: Apache-2.0
"""Instructions that rows 1 to 8 and 12 cost, counted by valgrind, for one build or for two of them.

They hold still where seconds do not: on a machine that does other work too, and over years. A figure is of what
comes after a head: kernel rows on two cuts of an input, servers after a first load of the same kind.
"""
import contextlib
import dataclasses
import http.client
import itertools
import pathlib
import re
import statistics
import subprocess
import tempfile
import typing

import psycopg
from harness.server import Braid

VALGRIND = ["valgrind", "--tool=callgrind", "--fair-sched=yes"]
CUTS = (25_000, 100_000)  # lines
MEMORY_KEYS = (250_000, 1_000_000)
RECORDS, PROBES, READS = (20_000, 100_000), (100, 500), (500, 2_500)  # the first ones are the head
KEYS, TAILS, TRIES = 1_000_000, (50_000, 250_000), 100


@dataclasses.dataclass
class Bench:
    """What the table of seconds lends: its folder, statements and configuration, and its client."""
    folder: pathlib.Path
    ysb: str
    keys: str
    quiet: str
    send: typing.Callable


class Counted(Braid):
    """A server of a build, below valgrind. Killed in the end, not stopped."""

    def __init__(self, build, data=None, *, counted=True, **more):
        super().__init__(data, **more)
        self._out = self.folder.parent / (self.folder.name + ".callgrind")
        self._prefix = [*VALGRIND, f"--callgrind-out-file={self._out}"] if counted else []
        self._program, self._dumps = build / "braid", 0

    def command(self):
        return [*self._prefix, self._program, *super().command()[1:]]

    def instructions(self):
        """How many since it started or was last asked."""
        subprocess.run(["vgdb", f"--pid={self.process.pid}", "dump"], check=True, capture_output=True)
        self._dumps += 1
        return self._total(f".{self._dumps}")

    def instructions_of_stop(self):
        """How many from when it was last asked until it has ended."""
        self.stop_cleanly()
        return self._total("")

    def _total(self, ending):
        text = pathlib.Path(f"{self._out}{ending}").read_text(encoding="utf-8")
        return int(re.search(r"^totals: (\d+)", text, re.MULTILINE)[1])

    def __exit__(self, kind, error, trace):
        if self.process:
            self.kill()
        super().__exit__(kind, error, trace)

    def remove(self):
        super().remove()
        for dump in self._out.parent.glob(self._out.name + "*"):
            dump.unlink()


def cut(path, lines):
    """The first lines of an input as a file of their own."""
    into = path.parent / "instructions" / f"{path.stem}_{lines}{path.suffix}"
    if not into.exists():
        into.parent.mkdir(exist_ok=True)
        with open(path, "rb") as file, open(into, "wb") as made:
            made.writelines(itertools.islice(file, lines))
    return into


def count(words):
    """Instructions of a program that must succeed; it may wait for one line of input."""
    done = subprocess.run([str(word) for word in (*VALGRIND, "--callgrind-out-file=/dev/null", *words)],
                          input="\n", capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return int(re.search(r"Collected : (\d+)", done.stderr)[1])


def marginal(small, large, cost):
    """What one more costs."""
    return (cost(large) - cost(small)) / (large - small)


def kernel(build, *words):
    """A call of braid_kernel_bench."""
    return [build / "bin/braid_kernel_bench", *words]


def fold_row(bench, kind, file, *words):
    """Rows 1, 2 and 12: a kernel on an input."""
    def row(build):
        return marginal(*CUTS, lambda lines: count(kernel(build, kind, cut(bench.folder / file, lines), *words)))
    return row


def batch_row(bench, file):
    """Row 4: from segments that the same build has written."""
    def row(build):
        def cost(lines):
            with tempfile.TemporaryDirectory() as segments:
                words = kernel(build, "batch", cut(bench.folder / file, lines), segments, bench.folder / "cache",
                               "/dev/null")
                subprocess.run(words, check=True, capture_output=True)
                return count(words)
        return marginal(*CUTS, cost)
    return row


def memory_row(build):
    """Row 8."""
    return marginal(*MEMORY_KEYS, lambda keys: count(kernel(build, "memory", keys)))


def after_head(braid, head, more, load):
    """What each of `more` costs a server that has had the head."""
    load(head)
    braid.instructions()
    load(more)
    return braid.instructions() / more


def ingest(bench, braid, records):
    """One connection, a thousand records to a request, all folded at the end; nothing is sealed."""
    bench.send(braid, "ingest", "ysb", bench.folder / "ysb.json", 1, records)
    braid.sql("SELECT views FROM views WHERE ad_id = 'none' AND span = 0")


def ingest_row(bench):
    """Row 3."""
    def row(build):
        with Counted(build, init=bench.ysb, config=bench.quiet) as braid:
            return after_head(braid, *RECORDS, lambda records: ingest(bench, braid, records))
    return row


def seal_row(bench):
    """Row 3b: what a stop seals."""
    def row(build):
        def cost(records):
            with Counted(build, init=bench.ysb, config=bench.quiet) as braid:
                ingest(bench, braid, records)
                braid.instructions()
                return braid.instructions_of_stop()
        return marginal(*RECORDS, cost)
    return row


def visible_row(bench):
    """Row 5: a record and the read that sees it, nothing beside."""
    def row(build):
        keys = itertools.count(1)
        with Counted(build, init=bench.keys, config=bench.quiet) as braid, braid.connect() as connection:
            post = http.client.HTTPConnection(*braid.http_address)

            def load(probes):
                for key in itertools.islice(keys, probes):
                    post.request("POST", "/v1/tables/t/records", f'{{"k": {key}, "v": 1}}')
                    post.getresponse().read()
                    answer = connection.execute("SELECT n FROM sums WHERE k = %s", (key,), prepare=True)
                    assert answer.fetchall() == [(1,)], f"key {key} cannot be seen"
            return after_head(braid, *PROBES, load)
    return row


def first_answer(braid, statement):
    """A value of a server that is slow to fold what was acknowledged: whoever waits is told to try again."""
    for _ in range(TRIES):
        with contextlib.suppress(psycopg.InternalError):
            return braid.value(statement)
    raise AssertionError("the events of the tail are not folded")


@contextlib.contextmanager
def killed_with_tail(bench, build, tail):
    """A server that has started again on a million keys in batch and so many events since, and has answered."""
    seen = 1 if tail == 0 else 2
    with tempfile.TemporaryDirectory() as folder:
        data = pathlib.Path(folder, "data")
        with Counted(build, data, counted=False, init=bench.keys, config=bench.quiet) as braid:
            bench.send(braid, "keys", "t", 0, KEYS, KEYS, 0)
            braid.sql("REFRESH MATERIALIZED VIEW sums")
            bench.send(braid, "keys", "t", KEYS, tail, KEYS, 0)
            braid.kill()
        with Counted(build, data, config=bench.quiet) as braid:
            assert first_answer(braid, "SELECT n FROM sums WHERE k = 0") == seen, "the first answer is wrong"
            yield braid


def point_row(bench):
    """Row 6: pgbench on one connection, keys from a seed."""
    def row(build):
        with (killed_with_tail(bench, build, TAILS[1]) as braid,
              tempfile.NamedTemporaryFile("w", suffix=".sql") as script):
            script.write(f"\\set k random(0, {KEYS - 1})\nSELECT n, s FROM sums WHERE k = :k;\n")
            script.flush()

            def cost(reads):
                braid.instructions()
                subprocess.run(["pgbench", "-n", "-M", "prepared", "-c", "1", "-t", str(reads), "--random-seed=1",
                                "-f", script.name, "-h", braid.pg[0], "-p", str(braid.pg[1]), "-U", "braid", "braid"],
                               check=True, capture_output=True)
                return braid.instructions()
            return marginal(*READS, cost)
    return row


def restart_row(bench):
    """Row 7: what an event of the tail costs from start to the first answer."""
    def row(build):
        def cost(tail):
            with killed_with_tail(bench, build, tail) as braid:
                return braid.instructions()
        return marginal(*TAILS, cost)
    return row


def start_row(bench):
    """Row 7b: all that comes before the first answer where there is no tail."""
    def row(build):
        with killed_with_tail(bench, build, 0) as braid:
            return braid.instructions()
    return row


def rows(bench):
    """Row number: what one of which is counted, whether rounds differ, function of a build."""
    cache, campaigns = bench.folder / "cache", bench.folder / "campaigns.tsv"
    dense, thin = "combined_dense.log", "combined.log"
    return {
        "1": ("an event", False, fold_row(bench, "ysb", "ysb_dense.json", campaigns, "/dev/null")),
        "1s": ("an event", False, fold_row(bench, "ysb", "ysb.json", campaigns, "/dev/null")),
        "2a": ("a line", False, fold_row(bench, "combined", dense, "1m", cache, "/dev/null")),
        "2b": ("a line", False, fold_row(bench, "combined", dense, "all", cache, "/dev/null")),
        "2as": ("a line", False, fold_row(bench, "combined", thin, "1m", cache, "/dev/null")),
        "2bs": ("a line", False, fold_row(bench, "combined", thin, "all", cache, "/dev/null")),
        "3": ("a record", True, ingest_row(bench)),
        "3b": ("sealing a record", True, seal_row(bench)),
        "4": ("a line", False, batch_row(bench, dense)),
        "4s": ("a line", False, batch_row(bench, thin)),
        "5": ("a record and its read", True, visible_row(bench)),
        "6": ("a read", True, point_row(bench)),
        "7": ("an event of the tail", True, restart_row(bench)),
        "7b": ("a start without a tail", True, start_row(bench)),
        "8": ("a key", False, memory_row),
        "12a": ("an event, one thread", True, fold_row(bench, "speed", "ysb_dense.json", "ysb", cache, 1)),
        "12b": ("a line, one thread", True, fold_row(bench, "speed", dense, "1m", cache, 1)),
        "12c": ("a line, one thread", True, fold_row(bench, "speed", dense, "all", cache, 1)),
    }


def figure(counts):
    """The median, and where others lie."""
    text = f"{statistics.median(counts):,.0f}"
    return text if len(counts) == 1 else f"{text} ({min(counts):,.0f} to {max(counts):,.0f})"


def measure(bench, builds, wanted, rounds):
    """Prints the table; gives its lines. The ratio is the first build's to the second's."""
    table = ["| row | instructions for | here | there | ratio |", "| --- " * 5 + "|"]
    print("\n".join(table), flush=True)
    for number, (what, rounds_differ, function) in rows(bench).items():
        if wanted and number not in wanted:
            continue
        counts = [[] for _ in builds]
        for _ in range(rounds if rounds_differ else 1):
            for build, seen in zip(builds, counts):
                seen.append(function(build))
        cells = [figure(seen) for seen in counts]
        if len(builds) == 2:
            cells.append(f"{statistics.median(counts[0]) / statistics.median(counts[1]):.3f}x")
        table.append(f"| {number} | {what} | {' | '.join(cells + [''] * (3 - len(cells)))} |")
        print(table[-1], flush=True)
    return table
