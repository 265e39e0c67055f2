#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Runs the reference job: starts Braid, replays two logs into it while it answers, runs the batch layer,
prints the answers with their receipt, and stays up (or ends, with --once).

    run.py --braid build/release/braid [--once] [--folder build/reference_job] [--pg H:P] [--http H:P]
"""
import argparse
import json
import lzma
import pathlib
import shutil
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request

import seed_log

HERE = pathlib.Path(__file__).resolve().parent
WINDOWS = ["1h", "10m", "1m", "10s", "1s"]
STREAMS = {"access": "the real log", "seeded": "the same log spread over all minutes"}
CHUNK_LINES = 250
CHUNK_SECONDS = 0.1


class Server:
    """A running `braid serve`."""

    def __init__(self, command):
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        ready = self.process.stdout.readline()
        if not ready.startswith("braid ready "):
            self.process.wait()
            sys.exit("braid did not start; its reason is above")
        self.addresses = dict(part.split("=", 1) for part in ready.split()[2:])

    def query(self, sql):
        """Rows of a statement, and the receipt of the answer."""
        request = urllib.request.Request(f"http://{self.addresses['http']}/v1/sql", sql.encode(),
                                         {"Content-Type": "text/plain"})
        try:
            with urllib.request.urlopen(request) as answer:
                receipt = answer.headers.get("Braid-Receipt")
                body = answer.read()
                return json.loads(body)["rows"] if body else [], json.loads(receipt or "{}")
        except urllib.error.HTTPError as error:
            sys.exit(f"{sql}\n{error.read().decode()}")

    def stop(self):
        """SIGTERM, and its exit status."""
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait()


def prepare(folder):
    """Lays out logs to be grown and the definitions; gives per stream the lines to replay."""
    shutil.rmtree(folder, ignore_errors=True)
    (folder / "logs").mkdir(parents=True)
    real = lzma.decompress((HERE / "access.log.xz").read_bytes()).splitlines(keepends=True)
    lines = {"access": real, "seeded": list(seed_log.spread(real))}
    template = (HERE / "job.sql.in").read_text()
    definitions = ""
    for name in STREAMS:
        path = folder / "logs" / f"{name}.log"
        path.touch()
        definitions += template.replace("@TABLE@", name).replace("@PATH@", str(path))
    (folder / "job.sql").write_text(definitions)
    return lines


def replay(server, folder, lines):
    """Grows both logs while asking for the live totals."""
    total = sum(len(each) for each in lines.values())
    files = {name: open(folder / "logs" / f"{name}.log", "ab", buffering=0) for name in lines}
    sent = 0
    for at in range(0, max(len(each) for each in lines.values()), CHUNK_LINES):
        for name, each in lines.items():
            chunk = each[at:at + CHUNK_LINES]
            files[name].write(b"".join(chunk))
            sent += len(chunk)
        time.sleep(CHUNK_SECONDS)
        visits = [server.query(f"SELECT sum(visits) FROM {name}_1s")[0][0][0] for name in lines]
        print(f"\rreplaying: {sent:6d} of {total} lines written, visits counted live: "
              + ", ".join(f"{name} {count or 0}" for name, count in zip(lines, visits)),
              end="", flush=True)
    for file in files.values():
        file.close()
    # Every line is an event or in the quarantine; wait until the last has been collected.
    while True:
        seen = sum(int(server.query(f"SELECT count(*) FROM {name}")[0][0][0]) for name in lines)
        seen += int(server.query("SELECT count(*) FROM braid.quarantine")[0][0][0])
        if seen >= total:
            break
        time.sleep(CHUNK_SECONDS)
    print(f"\n{total} lines collected: {seen} events and quarantined records")


def all_rows(server, mode):
    """Every key of every view, in one read mode."""
    rows = {}
    for name in STREAMS:
        for window in WINDOWS:
            found, _ = server.query(
                f"SET braid.read_mode = {mode}; SELECT * FROM {name}_{window} ORDER BY 1, 2, 3, 4")
            rows[name, window] = found
    return rows


def show(title, header, rows):
    """A small table."""
    cells = [header] + [["" if cell is None else str(cell) for cell in row] for row in rows]
    widths = [max(len(row[column]) for row in cells) for column in range(len(header))]
    print(f"\n{title}")
    for row in cells:
        print("  " + "  ".join(cell.ljust(width) for cell, width in zip(row, widths)).rstrip())


def report(server):
    """The top results and the receipt."""
    for name, what in STREAMS.items():
        rows, receipt = server.query(
            f"SELECT module, sum(visits), combine(visitors), sum(bytes) FROM {name}_1h "
            "GROUP BY 1 ORDER BY 2 DESC, 1 LIMIT 5")
        show(f"{what}: modules", ["module", "visits", "visitors", "bytes"], rows)
    rows, _ = server.query("SELECT client, sum(visits) FROM seeded_1m GROUP BY 1 ORDER BY 2 DESC, 1 LIMIT 5")
    show("clients", ["client", "visits"], rows)
    rows, _ = server.query("SELECT region, sum(visits) FROM seeded_1m WHERE region IS NOT NULL "
                           "GROUP BY 1 ORDER BY 2 DESC, 1 LIMIT 5")
    show("regions", ["region", "visits"], rows)
    rows, _ = server.query("SELECT * FROM braid.quarantine")
    show("quarantine", ["", "", "", "", ""][:len(rows[0])] if rows else [""], [
        [str(cell)[:60] for cell in row] for row in rows])
    print("\nreceipt of the last module answer:\n  " + json.dumps(receipt)[:1500])


def main():
    """See the top of the file."""
    arguments = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    arguments.add_argument("--braid", required=True, type=pathlib.Path)
    arguments.add_argument("--folder", default="build/reference_job", type=pathlib.Path)
    arguments.add_argument("--once", action="store_true")
    arguments.add_argument("--pg", default="127.0.0.1:5433")
    arguments.add_argument("--http", default="127.0.0.1:8080")
    options = arguments.parse_args()
    folder = options.folder.resolve()
    lines = prepare(folder)
    server = Server([options.braid, "serve", "--data", folder / "data", "--init", folder / "job.sql",
                     "--pg", "127.0.0.1:0" if options.once else options.pg,
                     "--http", "127.0.0.1:0" if options.once else options.http])
    try:
        replay(server, folder, lines)
        live = all_rows(server, "live")
        for name in STREAMS:
            started = time.monotonic()
            server.query(f"REFRESH MATERIALIZED VIEW {name}_1h")
            print(f"batch: {name} recomputed from its Parquet history and published "
                  f"in {time.monotonic() - started:.2f} s")
        if all_rows(server, "final") != live:
            sys.exit("the batch answer differs from the live one")
        keys = sum(len(rows) for rows in live.values())
        print(f"batch and live agree on all {keys} keys of {len(live)} views")
        report(server)
        print(f"\npsql -h {server.addresses['pg'].replace(':', ' -p ')} -U braid braid"
              f"\nhttp://{server.addresses['http']}/")
        if not options.once:
            print("Ctrl-C ends it.")
            server.process.wait()
    except KeyboardInterrupt:
        pass
    finally:
        status = server.stop() if server.process.poll() is None else server.process.returncode
    sys.exit(status)


if __name__ == "__main__":
    main()
