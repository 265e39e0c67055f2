# SPDX-License-Identifier: Apache-2.0
"""Rows of the table that are ratios of one server to itself: more partitions, slow readers, age."""
import os
import pathlib
import random
import re
import socket
import struct
import subprocess
import threading
import time

MILLION = 1e6
SLOW_READERS, SLOW_BYTES, SLOW_PIECE = 4, 100_000, 10_000
POINT_SECONDS = 15
PARTITIONS, PARTITION_EVENTS = 256, 1_000_000
SEALS, SEALS_BEFORE = 10_000, 1_000  # both beyond what the pool of open files holds
RUN_KEYS, POINT_READS = 1_000, 20_000


class SlowReader(threading.Thread):
    """A client that asks for everything and takes 100 KB of it a second; keeps what refused it."""

    def __init__(self, address, statement):
        super().__init__(daemon=True)
        self.refused, self.taken, self.stopping = "", 0, threading.Event()
        self._socket = socket.create_connection(address, timeout=60)
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, SLOW_PIECE)
        words = b"user\0braid\0database\0braid\0\0"
        self._socket.sendall(struct.pack("!ii", 8 + len(words), 196608) + words)
        self._statement = statement.encode() + b"\0"

    def run(self):
        with self._socket:
            while (kind := self._message()[0]) != b"Z":
                assert kind != b"E", "the connection was refused"
            self._socket.sendall(b"Q" + struct.pack("!i", 4 + len(self._statement)) + self._statement)
            taken = time.monotonic()
            while not self.stopping.is_set():
                kind, body = self._message()
                if kind == b"E":
                    self.refused = body.decode(errors="replace").replace("\0", " ")
                if kind in (b"E", b"Z"):
                    return
                self.taken += 5 + len(body)
                ahead = self.taken / SLOW_BYTES - (time.monotonic() - taken)
                if ahead > SLOW_PIECE / SLOW_BYTES:
                    time.sleep(ahead)

    def _message(self):
        kind, length = struct.unpack("!ci", self._exactly(5))
        return kind, self._exactly(length - 4)

    def _exactly(self, size):
        data = b""
        while len(data) < size:
            piece = self._socket.recv(size - len(data))
            if not piece:
                raise ConnectionError("the server closed the connection")
            data += piece
        return data


def slow_scans(braid, connection, keys):
    """p99 of point reads in ms beside the slow readers, and what refused any of these."""
    readers = [SlowReader(braid.pg, "SELECT * FROM sums") for _ in range(SLOW_READERS)]
    for reader in readers:
        reader.start()
    delays, ended = [], time.monotonic() + POINT_SECONDS
    while time.monotonic() < ended:
        began = time.monotonic()
        connection.execute("SELECT n FROM sums WHERE k = %s", (len(delays) * 7919 % keys,),
                           prepare=True).fetchall()
        delays.append((time.monotonic() - began) * 1000)
        time.sleep(0.002)
    refused = [reader.refused for reader in readers if reader.refused]
    stalled = [reader for reader in readers if not reader.refused and reader.taken < SLOW_PIECE]
    for reader in readers:
        reader.stopping.set()
    for reader in readers:
        reader.join(60)
    delays.sort()
    return delays[len(delays) * 99 // 100], refused + ["a reader got nothing"] * len(stalled)


def cpu_seconds(process):
    """User and system time of a process and its threads."""
    fields = pathlib.Path(f"/proc/{process}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def fill_runs(braid, runs, keys):
    """So many seals, each a run with random keys; a seed of their own."""
    choice = random.Random(8)
    while seals_of(braid) < runs:
        before = seals_of(braid)
        braid.post("t", [{"k": choice.randrange(keys), "v": 1} for _ in range(RUN_KEYS)])
        while seals_of(braid) == before:
            time.sleep(0.001)


def point_read_cost(braid, script, cores):
    """CPU seconds of the server for a prepared point read."""
    words = ["pgbench", "-n", "-M", "prepared", "-c", "1", "-t", str(POINT_READS), "-f", script,
             "-h", braid.pg[0], "-p", str(braid.pg[1]), "-U", "braid", "braid"]
    before = cpu_seconds(braid.process.pid)
    subprocess.run(words, capture_output=True, check=True,
                   preexec_fn=lambda: os.sched_setaffinity(0, cores))
    return (cpu_seconds(braid.process.pid) - before) / POINT_READS


def files_and_mappings(process):
    """How many files a process has open, and how many mappings."""
    maps = pathlib.Path(f"/proc/{process}/maps").read_text(encoding="utf-8")
    return len(os.listdir(f"/proc/{process}/fd")), maps.count("\n")


def seals_of(braid):
    """How many seals a server has committed since it started."""
    text = braid.http("GET", "/metrics").text()
    found = re.search(r"^braid_speed_seals_total\{[^}]*\} ([0-9.e+]+)", text, re.MULTILINE)
    return int(float(found[1])) if found else 0
