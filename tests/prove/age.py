#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Leads a node through months in fast motion (braid_age) and judges whether age is to be seen in it.

Each row of gauges goes to build/prove/age/<name>.csv as it comes; --resume goes on behind the last one, with
the arguments that the run began with. At the end two processes open two directories: the aged one, and a young
one that holds the same events in six seals.
"""
import argparse
import csv
import json
import math
import os
import pathlib
import shutil
import statistics
import subprocess
import sys
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
FOLDER = ROOT / "build" / "prove" / "age"
PROGRAM = pathlib.Path(os.environ.get("BRAID", ROOT / "build/release/braid")).parent / "bin" / "braid_age"
DAY_SECONDS = 86_400
PROGRESS_SECONDS = 10
MIB = 1 << 20

FLAT = 1.2  # what is flat may be so much more at the end than on the first judged day
# These must be flat: the value, and what it may rise by in any case.
FLAT_COLUMNS = {"cpu_us_per_event": 0.5, "rss_mb": 50, "open_files": 8, "mappings": 64, "log_files": 8,
                "log_bytes": 128 * MIB, "runs_files": 64, "manifest_files": 64, "manifest_bytes": MIB, "runs_max": 12,
                "other_files": 8}
# These too with a retention, which ends what grows with what was sent.
RETAINED_COLUMNS = {"dataset_files": 64, "dataset_bytes": 64 * MIB, "runs_bytes": 32 * MIB}
MANIFEST_BYTES_MAX = 5 * MIB
RUNS_MAX = 40
TIMES_YOUNG = {"point_us": 1.5, "scan_ms": 1.5}
START_MS_MAX = 1000
RSS_MB_MORE = 50
YOUNG_SEALS = 6
OPENINGS = 5  # of each directory: what else the machine does only adds, so the least counts


class Life:
    """One directory, from its beginning to the wanted day."""

    def __init__(self, name, options):
        self.csv = FOLDER / f"{name}.csv"
        self.data = pathlib.Path(options.data) / name if options.data else FOLDER / f"{name}.data"
        self._told = time.monotonic()
        self._options, self._name = options, name

    def arguments(self, **changed):
        """As the program wants them."""
        options = vars(self._options) | changed
        words = ["--data", str(self.data)]
        for word in ("days", "rate", "seal_every", "batch_every", "full_every", "sample_every", "retention"):
            if options[word] is not None:
                words += ["--" + word.replace("_", "-"), str(options[word])]
        return words

    def begin(self):
        """Nothing is left of an earlier run."""
        shutil.rmtree(self.data, ignore_errors=True)
        self.csv.unlink(missing_ok=True)

    def rows(self):
        """All so far; a stop may have cut the last line."""
        if not self.csv.exists():
            return []
        with self.csv.open(newline="") as lines:
            read = [row for row in csv.DictReader(lines) if all(value not in (None, "") for value in row.values())]
        return [{key: float(value) for key, value in row.items()} for row in read]

    def live(self, **changed):
        """Until the last day."""
        self.data.mkdir(parents=True, exist_ok=True)
        rows = self.rows()
        words = self.arguments(**changed)
        if rows and rows[-1]["day"] >= changed.get("days", self._options.days):
            return
        if rows:
            # What was done behind the last row is in the log: the clock must not stand before it.
            since = max(float(changed.get("sample_every") or self._options.sample_every),
                        float(changed.get("seal_every") or self._options.seal_every))
            words += ["--from", repr(rows[-1]["day"] + since / DAY_SECONDS)]
        with subprocess.Popen([PROGRAM, *words], stdout=subprocess.PIPE, text=True) as program, \
                self.csv.open("a") as out:
            for number, line in enumerate(program.stdout):
                if number == 0 and rows:
                    continue  # the header
                out.write(line)
                out.flush()
                self._tell(line)
        if program.returncode != 0:
            sys.exit(f"age: braid_age {' '.join(words)} ended with {program.returncode}")

    def opened(self):
        """What a process weighs that only opens the directory."""
        last = self.rows()[-1]
        words = self.arguments(days=last["day"], sample_every=DAY_SECONDS)
        # A day later: no step runs, whatever is due.
        ended = subprocess.run([PROGRAM, *words, "--from", repr(last["day"] + 1)], stdout=subprocess.PIPE,
                               text=True, check=True)
        row = next(csv.DictReader(ended.stdout.splitlines()))
        return {key: float(value) for key, value in row.items()}

    def _tell(self, line):
        if time.monotonic() - self._told < PROGRESS_SECONDS or not line[0].isdigit():
            return
        self._told = time.monotonic()
        row = self.rows()[-1]
        print(f"age {self._name}: day {row['day']:.2f} of {self._options.days}, {row['events']:.0f} events, "
              f"{row['cpu_us_per_event']:.1f} µs an event, {row['rss_mb']:.0f} MB, {row['runs_max']:.0f} runs, "
              f"{row['point_us']:.0f} µs a point read", flush=True)


class Judge:
    """Prints each figure with what it must reach."""

    def __init__(self):
        self.missed = 0

    def at_most(self, what, figure, bound):
        """Whether it holds is counted."""
        holds = figure <= bound
        self.missed += not holds
        print(f"  {'holds ' if holds else 'MISSED'}  {what}: {figure:,.1f}, at most {bound:,.1f}")

    def flat(self, rows, first_day, retains):
        """The last day against the first judged one."""
        length = min(1.0, (rows[-1]["day"] - first_day) / 2)
        first = [row for row in rows if first_day < row["day"] <= first_day + length]
        last = [row for row in rows if row["day"] > rows[-1]["day"] - length]
        print(f"age: medians of the last {length:.2f} days against those from day {first_day:g} on")
        for column, slack in (FLAT_COLUMNS | RETAINED_COLUMNS).items():
            before = statistics.median(row[column] for row in first)
            after = statistics.median(row[column] for row in last)
            if column in RETAINED_COLUMNS and not retains:
                print(f"  grows   {column}: {before:,.0f} → {after:,.0f} (no retention)")
            else:
                self.at_most(f"{column} ({before:,.1f} before)", after, max(before * FLAT, before + slack))

    def bounds(self, rows):
        """What holds at any age."""
        self.at_most("manifest bytes, the most of any row", max(row["manifest_bytes"] for row in rows),
                     MANIFEST_BYTES_MAX)
        self.at_most("runs of a version, the most of any row", max(row["runs_max"] for row in rows), RUNS_MAX)

    def against_young(self, aged, young):
        """Two processes that have just opened their directory."""
        print(f"age: opened after {aged['events']:,.0f} events in many seals, and in {YOUNG_SEALS}")
        for column, times in TIMES_YOUNG.items():
            self.at_most(f"{column} ({young[column]:,.1f} young)", aged[column], times * young[column])
        self.at_most(f"start_ms ({young['start_ms']:,.1f} young)", aged["start_ms"], START_MS_MAX)
        self.at_most(f"rss_mb ({young['rss_mb']:,.1f} young)", aged["rss_mb"], young["rss_mb"] + RSS_MB_MORE)


def least_of(pairs):
    """Column by column, of the first of all and of the second of all."""
    return [{column: min(row[column] for row in rows) for column in rows[0]} for rows in zip(*pairs)]


def short():
    """As CI does: an hour and a half, stopped in the middle. Counts are judged, no times and no memory."""
    options = parse(["--days", "0.0625", "--rate", "5", "--sample-every", "900", "--batch-every", "1200",
                     "--full-every", "2400"])
    life = Life("short", options)
    life.begin()
    life.live(days=0.03125)
    life.live()
    rows = life.rows()
    judge = Judge()
    judge.bounds(rows)
    judge.at_most("open files", rows[-1]["open_files"], rows[1]["open_files"] + FLAT_COLUMNS["open_files"])
    judge.at_most("events that are missing", options.days * DAY_SECONDS * options.rate - rows[-1]["events"], 0)
    judge.at_most("events that are missing after a start", rows[-1]["events"] - life.opened()["events"], 0)
    shutil.rmtree(life.data)
    print(f"{0 if judge.missed else 1} passed, {1 if judge.missed else 0} failed")
    return judge.missed == 0


def parse(words):
    """The arguments of a run."""
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--days", type=float, default=30)
    arguments.add_argument("--rate", type=float, default=50, help="events a second of virtual time")
    arguments.add_argument("--seal-every", type=float, default=5, help="seconds, as all that follow")
    arguments.add_argument("--batch-every", type=float, default=3600, help="0: none")
    arguments.add_argument("--full-every", type=float, default=86_400, help="a batch that computes all again; 0: each")
    arguments.add_argument("--sample-every", type=float, default=3540,
                           help="a row of gauges; not the hour of the batches, just behind which all is at its best")
    arguments.add_argument("--retention", help="as in WITH (retention = …)")
    arguments.add_argument("--judge-from", type=float, help="day that the last one is held against (8, or a third)")
    arguments.add_argument("--data", help="where the directories are made (default: build/prove/age)")
    arguments.add_argument("--name", default="age", help="of the files in build/prove/age")
    arguments.add_argument("--resume", action="store_true", help="go on where the run of this name stopped")
    arguments.add_argument("--short", action="store_true", help="as CI does")
    return arguments.parse_args(words)


def main():
    """One run, from whatever beginning, and its verdict."""
    options = parse(sys.argv[1:])
    FOLDER.mkdir(parents=True, exist_ok=True)
    if options.short:
        sys.exit(0 if short() else 1)
    kept = FOLDER / f"{options.name}.json"
    goes_on = options.resume
    if goes_on:
        options = argparse.Namespace(**json.loads(kept.read_text()))
    else:
        kept.write_text(json.dumps(vars(options)))
    aged, young = Life(options.name, options), Life(options.name + "-young", options)
    if not goes_on:
        aged.begin()
    aged.live()
    young.begin()
    whole = options.days * DAY_SECONDS
    young.live(seal_every=math.ceil(whole / YOUNG_SEALS), batch_every=0, sample_every=whole)
    judge = Judge()
    rows = aged.rows()
    first_day = options.judge_from if options.judge_from is not None else 8 if options.days > 10 else options.days / 3
    judge.flat(rows, first_day, options.retention is not None)
    judge.bounds(rows)
    judge.against_young(*least_of([(aged.opened(), young.opened()) for _ in range(OPENINGS)]))
    print(f"age: {options.days:g} days at {options.rate:g} events/s, a seal each {options.seal_every:g} s, no sync "
          f"waited for; {judge.missed} missed")
    sys.exit(1 if judge.missed else 0)


if __name__ == "__main__":
    main()
