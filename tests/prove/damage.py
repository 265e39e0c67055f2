#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Damages copies of a data directory at rest, starts the node on each and asks it everything.

Every outcome must be a refusal to start that names what is damaged, the right answer, or an error for just what
is affected. The oracle: a stream's rows are those that were sent, and a view's rows are what the stream's rows
give. One loss cannot be told from a power cut and is allowed: of a log that was not closed, the newest groups
behind the sealed frontier may be gone, and then streams and views lack exactly these.
"""
import collections
import os
import pathlib
import shutil
import signal
import subprocess
import sys
import tempfile

import psycopg

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))

from harness.server import ROOT, Braid, StartFailure  # noqa: E402
from prove import campaign  # noqa: E402

PAGE = 4096
ASK_SECONDS = 60
SCHEMA = """
CREATE TABLE t (k int, v bigint, s text) WITH (partitions = 2);
CREATE MATERIALIZED VIEW by_key AS
    SELECT k, count(*) AS n, sum(v) AS total, count(DISTINCT s) AS texts FROM t GROUP BY k;
CREATE TABLE visits (ip text, agent text);
CREATE MATERIALIZED VIEW places AS
    SELECT client(agent) AS client, region(ip) AS region, count(*) AS n FROM visits GROUP BY 1, 2;
CREATE TABLE calm (a int);
CREATE MATERIALIZED VIEW calm_sum AS SELECT count(*) AS n, sum(a) AS total FROM calm;
CREATE VIEW keys AS SELECT k, total FROM by_key WHERE n > 1;
"""
VIEWS = ("by_key", "places", "calm_sum")
RULES = """user_agent_parsers:
  - regex: '(Firefox)/(\\d+)'
  - regex: '(curl)/'
os_parsers:
  - regex: '(Linux)'
"""
AGENTS = {"Mozilla/5.0 (X11; Linux) Firefox/9": "Firefox", "curl/8": "curl", "something": "Other"}
ADDRESSES = {"81.2.69.160": "England", "202.108.22.5": "Beijing", "10.0.0.1": None}
FILES = ("manifest/*", "log/*/*/*", "redo/*", "dataset/**/*.parquet", "runs/**/*.run",
         "function_data/*/*")
FOLDERS = ("log/*/*", "log/*", "dataset/*/*", "dataset/*", "runs/*", "function_data/*")
# What damage, a missing file or what follows from either may be called.
CLEAR = {"XX001", "XX002", "58030", "58P01", "XB001", "XB003"}
# Without its newest version the manifest is what it was before the last statement, which nothing else knows of.
UNDEFINED = "42P01"
# How a view says that it needs a batch answer which nobody has given yet.
NOT_READY = "55000"
QUESTIONS = {
    "t": "SELECT _partition, _offset, k, v, s FROM t ORDER BY 1, 2",
    "by_key": "SELECT k, n, total, texts FROM by_key ORDER BY k",
    "distinct": "SELECT combine(texts), sum(n) FROM by_key",
    "keys": "SELECT k, total FROM keys ORDER BY k",
    "one": "SELECT n, total FROM by_key WHERE k = 3",
    "visits": "SELECT _partition, _offset, ip, agent FROM visits ORDER BY 1, 2",
    "places": "SELECT client, region, n FROM places ORDER BY 1, 2",
    "ad_hoc": "SELECT client(agent), count(*) FROM visits GROUP BY 1 ORDER BY 1",
    "calm": "SELECT _partition, _offset, a FROM calm ORDER BY 1, 2",
    "calm_sum": "SELECT n, total FROM calm_sum",
}
STREAM_OF = {"by_key": "t", "distinct": "t", "keys": "t", "one": "t", "places": "visits", "ad_hoc": "visits",
             "calm_sum": "calm"}
# Never of one stream: they must answer whatever is damaged.
ALWAYS = ("SELECT name, state, error FROM braid.streams", "SELECT * FROM braid.views",
          "SELECT * FROM braid.runs", "SELECT * FROM braid.audits",
          "SELECT relname FROM pg_catalog.pg_class")


def expected(question, rows):
    """What a question must give when its stream has these rows."""
    if question in ("t", "visits", "calm"):
        return rows
    groups = collections.defaultdict(list)
    if STREAM_OF[question] == "t":
        for _, _, key, value, text in rows:
            groups[key].append((value, text))
        if question == "by_key":
            return [(key, len(of), sum(v for v, _ in of), len({s for _, s in of}))
                    for key, of in sorted(groups.items())]
        if question == "distinct":
            return [(len({row[4] for row in rows}), len(rows) or None)]
        if question == "one":
            return [(len(of), sum(v for v, _ in of)) for key, of in groups.items() if key == 3]
        return [(key, sum(v for v, _ in of)) for key, of in sorted(groups.items()) if len(of) > 1]
    if question == "calm_sum":
        return [(len(rows), sum(row[2] for row in rows) if rows else None)]
    for _, _, address, agent in rows:
        place = (AGENTS[agent],) if question == "ad_hoc" else (AGENTS[agent], ADDRESSES[address])
        groups[place].append(1)
    ordered = sorted(groups, key=lambda place: tuple((part is None, part or "") for part in place))
    return [(*place, len(groups[place])) for place in ordered]


def config(folder):
    """The configuration; the function data it names are never damaged."""
    (folder / "rules.yaml").write_text(RULES)
    return ("[speed]\nseal_interval_ms = 600000\n[archive]\ninterval_s = 600\n[log]\nextent_mib = 1\n"
            f"[function_data]\nuser_agent_rules = \"{folder / 'rules.yaml'}\"\n"
            f"regions_ipv4 = \"{ROOT / 'tests/data/regions.mmdb'}\"\nregions_ipv6 = \"\"\n")


class Original:
    """A directory, what its streams hold, and what of it may be lost without a trace."""

    def __init__(self, folder, is_closed, older=None):
        self.folder, self.is_closed, self.older = folder, is_closed, older
        self.rows, self.sealed, self.log_of = {}, {}, {}

    def learn(self, braid):
        """Takes the answers of a node on it as the truth."""
        for stream in ("t", "visits", "calm"):
            self.rows[stream] = braid.sql(QUESTIONS[stream])
        for question, stream in STREAM_OF.items():
            got, wanted = braid.sql(QUESTIONS[question]), expected(question, self.rows[stream])
            assert got == wanted, f"{question}: {got[:5]} instead of {wanted[:5]}"
        for name, frontier in braid.sql("SELECT name, sealed_frontier FROM braid.streams"):
            self.sealed[name] = dict(map(int, part.split(":")) for part in frontier.split(","))


def fill_t(braid, first, last, pad=0):
    """Rows of stream t; `pad` makes them long, so that the log has several files."""
    braid.sql(f"INSERT INTO t SELECT g % 40, g, 'text ' || g % 13 || repeat('x', {pad}) "
              f"FROM generate_series({first}, {last}) AS g")


def fill_others(braid, count):
    """Rows of the other streams."""
    with braid.connect() as connection:
        for number in range(count):
            connection.execute("INSERT INTO visits VALUES (%s, %s)",
                               (list(ADDRESSES)[number % 3], list(AGENTS)[number // 3 % 3]))
            connection.execute("INSERT INTO calm VALUES (%s)", (number,))


class Damage:
    """One change of one copy, drawn at random. `text` tells it, `place` is what was hit."""

    def __init__(self, draw, data, older):
        self.draw, self.data, self.older = draw, data, older
        pattern = draw.choice(self.patterns())
        self.files = sorted(path for path in data.glob(pattern) if path.is_file())
        while not self.files:
            self.files = sorted(path for path in data.glob(draw.choice(self.patterns())) if path.is_file())
        # The newest files are the most interesting ones.
        self.path = self.files[-1] if draw.random() < 0.3 else draw.choice(self.files)
        self.text = draw.choice(self.kinds())()
        self.places = [str(self.path.relative_to(data))]

    def kinds(self):
        """What may happen to a file."""
        return [self.flip, self.flip, self.scribble, self.truncate, self.extend, self.swap, self.remove,
                self.duplicate, self.old_copy, self.zero_page, self.empty, self.remove_folder]

    def patterns(self):
        """Where files are."""
        return FILES

    def name(self, path=None):
        """A path as it is told."""
        return str((path or self.path).relative_to(self.data))

    def edit(self, change):
        """Rewrites the file by a function of its bytes."""
        content = bytearray(self.path.read_bytes())
        change(content)
        self.path.write_bytes(content)

    def flip(self):
        """A few bits."""
        count = self.draw.choice((1, 1, 1, 4, 16))

        def change(content):
            for _ in range(count if content else 0):
                content[self.draw.randrange(len(content))] ^= 1 << self.draw.randrange(8)
        self.edit(change)
        return f"flips {count} bits of {self.name()}"

    def scribble(self):
        """A stretch of other bytes."""
        def change(content):
            if content:
                at = self.draw.randrange(len(content))
                end = min(len(content), at + self.draw.choice((1, 8, 64, 512)))
                content[at:end] = self.draw.randbytes(end - at)
        self.edit(change)
        return f"scribbles over {self.name()}"

    def truncate(self):
        """Any end."""
        size = self.draw.randrange(self.path.stat().st_size + 1)
        os.truncate(self.path, size)
        return f"cuts {self.name()} to {size} bytes"

    def extend(self):
        """Something behind the end."""
        more = self.draw.choice((bytes(self.draw.randrange(1, 5000)), self.draw.randbytes(300),
                                 self.path.read_bytes()))
        self.edit(lambda content: content.extend(more))
        return f"appends {len(more)} bytes to {self.name()}"

    def swap(self):
        """Two files of a kind."""
        other = self.draw.choice(self.files)
        content = other.read_bytes()
        other.write_bytes(self.path.read_bytes())
        self.path.write_bytes(content)
        return f"swaps {self.name()} and {self.name(other)}"

    def remove(self):
        """No file."""
        self.path.unlink()
        return f"removes {self.name()}"

    def duplicate(self):
        """The same content under a name that could be one."""
        other = self.draw.choice(self.files)
        number = "".join(c for c in other.name if c.isdigit())[-20:] or "0"
        name = other.name.replace(number, f"{int(number) + self.draw.choice((1, 2, 100)):0{len(number)}}")
        target = other.with_name(name if name != other.name else other.name + ".0")
        if not target.exists():
            shutil.copy2(self.path, target)
        return f"copies {self.name()} to {self.name(target)}"

    def old_copy(self):
        """One file as it was some time ago."""
        before = self.older / self.name() if self.older else self.path
        if before.is_file() and before.read_bytes() != self.path.read_bytes():
            shutil.copy2(before, self.path)
            return f"brings back an older {self.name()}"
        return self.swap()

    def zero_page(self):
        """A lost sector."""
        def change(content):
            at = self.draw.randrange(len(content) // PAGE + 1) * PAGE
            end = min(len(content), at + PAGE)
            content[at:end] = bytes(end - at)
        self.edit(change)
        return f"zeroes a page of {self.name()}"

    def empty(self):
        """A file whose content never arrived."""
        size = self.path.stat().st_size
        self.path.write_bytes(bytes(self.draw.choice((0, size))))
        return f"empties {self.name()}"

    def remove_folder(self):
        """A whole folder."""
        folders = sorted(path for pattern in FOLDERS for path in self.data.glob(pattern) if path.is_dir())
        self.path = self.draw.choice(folders)
        shutil.rmtree(self.path)
        return f"removes {self.name()}/"


class DamageProver:
    """One round, one damaged copy."""

    name = "damage"
    unit = "copies"
    short, long = 30, 1000

    def __enter__(self):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="braid-damage-"))
        self.config = config(self.folder)
        self.outcomes = collections.Counter()
        self.older = self.folder / "older"
        self.originals = self.make_originals()
        return self

    def __exit__(self, *_):
        shutil.rmtree(self.folder, ignore_errors=True)

    def facts(self):
        """How often each outcome came, for the closing line."""
        return ", ".join(f"{count} {outcome}" for outcome, count in sorted(self.outcomes.items()))

    def make_originals(self):
        """The same events three times: cut off, closed, and with everything still in the log."""
        made = self.folder / "made"
        with Braid(made, init=SCHEMA, config=self.config) as braid:
            fill_t(braid, 1, 1500)
            fill_others(braid, 40)
            early = self.folder / "early"
            braid.kill()
            shutil.copytree(made, early)
            braid.start()
            for view in VIEWS:
                braid.sql(f"REFRESH MATERIALIZED VIEW {view}")
            fill_t(braid, 1501, 2000)
            braid.stop_sealed(*VIEWS)
            braid.start()
            braid.sql("REFRESH MATERIALIZED VIEW by_key")
            fill_t(braid, 2001, 3500, pad=900)
            fill_others(braid, 20)
            braid.kill()
            shutil.copytree(made, self.older)
            braid.start()
            braid.stop_sealed(*VIEWS)
            braid.start()
            for first in range(3501, 3801, 100):
                fill_t(braid, first, first + 99)
            fill_others(braid, 10)
            braid.kill()
            cut_off = Original(self.folder / "cut_off", False, self.older)
            shutil.copytree(made, cut_off.folder)
            braid.start()
            cut_off.learn(braid)
            braid.stop_sealed(*VIEWS)
            closed = Original(self.folder / "closed", True, self.older)
            shutil.copytree(made, closed.folder)
            closed.rows = cut_off.rows
        early = Original(early, False)
        again = self.folder / "again"
        shutil.copytree(early.folder, again)
        with Braid(again, config=self.config) as braid:
            early.learn(braid)
        return [cut_off, closed, early]

    def round(self, number, draw):
        """Damages one copy and asks."""
        original = draw.choice(self.originals)
        data = self.folder / f"copy-{number}"
        shutil.copytree(original.folder, data)
        newest = max(path for path in (data / "manifest").iterdir() if path.name.isdigit())
        damage = Damage(draw, data, original.older)
        trial = Trial(original, data, self.config, draw)
        if damage.path == newest and not newest.exists():
            trial.clear |= {UNDEFINED}
        try:
            trial.run()
        finally:
            trial.braid.remove()
            for ending in (".trace", ".toml"):
                data.with_name(data.name + ending).unlink(missing_ok=True)
            shutil.rmtree(data, ignore_errors=True)
        self.outcomes[trial.outcome()] += 1
        before = f"{original.folder.name}: {damage.text}"
        return 1, [f"{before}\n{finding}" for finding in trial.findings]


class Trial:
    """The node on one damaged copy."""

    def __init__(self, original, data, configuration, draw):
        self.original, self.draw = original, draw
        self.braid = Braid(data, config=configuration)
        self.findings, self.errors, self.refused = [], 0, False
        self.added, self.clear = [], set(CLEAR)
        self.kept = dict(original.rows)

    def outcome(self):
        """In a word."""
        if self.findings:
            return "findings"
        return "refused" if self.refused else "answered in part" if self.errors else "right"

    def run(self):
        """Starts, asks, computes anew, adds a row, and starts once more."""
        if not self.start():
            return
        steps = [self.ask, self.refresh, self.insert, self.restart, self.ask]
        for step in steps:
            if self.braid.process is None:
                return
            try:
                step()
            except (psycopg.OperationalError, ConnectionError, OSError) as error:
                self.dead(f"{step.__name__}: {error}")
                return
        status = self.braid.stop() if self.braid.process else 0
        if status not in (0, 1):
            self.findings.append(f"exit status {status} after SIGTERM\n{self.braid.trace()[-1500:]}")

    def start(self):
        """False if the node refuses, which must be for a reason that is told."""
        try:
            self.braid.start()
            return True
        except StartFailure as failure:
            self.refused = True
            text = failure.text
            told = any(word in text for word in ("manifest/", "log/", "dataset/", "runs/", "function_data/"))
            if failure.status != 1 or not told or not any(code in text for code in CLEAR):
                self.findings.append(f"refused without a clear reason, status {failure.status}: {text[-1500:]}")
            return False

    def dead(self, what):
        """The node went away, or a connection did."""
        process = self.braid.process
        status = process.poll() if process else None
        if status is None and process is not None:
            self.findings.append(f"no answer: {what}")
            process.send_signal(signal.SIGABRT)
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                process.kill()
        else:
            self.findings.append(f"died with {status}: {what}\n{self.braid.trace()[-2500:]}")

    def sql(self, text):
        """Rows, or the SQLSTATE of an error. Connection trouble is raised."""
        options = f"-c statement_timeout={ASK_SECONDS * 1000}"
        with self.braid.connect(connect_timeout=ASK_SECONDS, options=options) as connection:
            try:
                cursor = connection.execute(text)
                return cursor.fetchall() if cursor.description else []
            except psycopg.Error as error:
                if error.sqlstate is None:
                    raise
                self.judge_error(text, error)
                return error

    def judge_error(self, text, error):
        """Only what is clear may be said."""
        self.errors += 1
        if error.sqlstate not in self.clear:
            self.findings.append(f"{text}: {error.sqlstate} {error}")

    def ask(self):
        """Every question against its stream's rows, and those against what was sent."""
        rows = {stream: self.sql(QUESTIONS[stream]) for stream in ("t", "visits", "calm")}
        for stream, got in rows.items():
            if not isinstance(got, psycopg.Error):
                self.judge_rows(stream, got)
        for question, stream in STREAM_OF.items():
            got = self.sql(QUESTIONS[question])
            if isinstance(got, psycopg.Error):
                continue
            of = self.kept[stream] if isinstance(rows[stream], psycopg.Error) else rows[stream]
            if got != expected(question, of) and not isinstance(rows[stream], psycopg.Error):
                self.findings.append(f"{question}: {got[:4]} instead of {expected(question, of)[:4]}")
            elif got != expected(question, of) and not self.is_of_prefix(question, stream, got):
                self.findings.append(f"{question}: {got[:4]} instead of {expected(question, of)[:4]} (stream fails)")
        for text in ALWAYS:
            if isinstance(self.sql(text), psycopg.Error):
                self.findings.append(f"{text} fails")

    def is_of_prefix(self, question, stream, got):
        """A view of a stream that cannot be read itself: some allowed loss may explain it."""
        whole = self.kept[stream]
        return any(got == expected(question, whole[:end]) for end in range(len(whole)))

    def judge_rows(self, stream, got):
        """The rows that were sent, but for an end that looks as if it had never been acknowledged."""
        wanted = self.kept[stream]
        if got == wanted:
            return
        if not self.original.is_closed and not self.added:
            for partition in {row[0] for row in wanted}:
                old = [row for row in wanted if row[0] == partition]
                new = [row for row in got if row[0] == partition]
                if new != old[:len(new)] or len(new) < self.original.sealed[stream].get(partition, 0):
                    break
            else:
                self.kept[stream] = got
                return
        lost = [row for row in wanted if row not in got][:3]
        more = [row for row in got if row not in wanted][:3]
        self.findings.append(f"stream {stream}: {len(got)} rows of {len(wanted)}; lost {lost}, new {more}")

    def refresh(self):
        """Computes one stream anew, where it can be; what differs waits for a person."""
        got = self.sql("REFRESH MATERIALIZED VIEW " + self.draw.choice(("by_key", "places", "calm_sum")))
        if isinstance(got, psycopg.Error) and got.sqlstate == "XB001":
            for number, in self.sql("SELECT number FROM braid.audits WHERE verdict = 'pending' ORDER BY 1"):
                word = self.draw.choice(("accept", "reject"))
                self.sql(f"CALL braid.{word}_audit({number})")
        self.ask()

    def insert(self):
        """A new row, if it is taken, stays."""
        got = self.sql("INSERT INTO calm VALUES (1000000)")
        if not isinstance(got, psycopg.Error):
            at = max((row[1] for row in self.kept["calm"]), default=-1) + 1
            self.added.append(1)
            self.kept["calm"] = self.kept["calm"] + [(0, at, 1000000)]

    def restart(self):
        """Once more from the disk, after a kill or a clean end."""
        if self.draw.random() < 0.5:
            self.braid.kill()
        else:
            self.braid.stop()
        self.start()


if __name__ == "__main__":
    campaign.main(DamageProver)
