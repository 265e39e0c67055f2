# SPDX-License-Identifier: Apache-2.0
"""Rows of the table about two cores: one process with two threads against two copies with one each.

The figure is what two threads do in a second of wall time, as a part of what the copies do together.
"""
import contextlib
import json
import os
import pathlib
import shutil
import statistics
import subprocess
import tempfile
import threading
import time

CORES = ({0}, {1})
BOTH = CORES[0] | CORES[1]
VIEW_KEYS = 5_000_000


def config(threads):
    """A server that uses so many threads for everything and seals nothing by itself."""
    return (f"[speed]\nseal_interval_ms = 3600000\nfold_threads = {threads}\n"
            f"[batch]\nthreads = {threads}\n[query]\nthreads = {threads}\n[archive]\ninterval_s = 3600\n")


def part_of_two(run_one, run_pair, rounds):
    """Both give seconds; in turns. Of the medians."""
    ones, pairs = [], []
    for number in range(rounds):
        for run, seconds in ((run_one, ones), (run_pair, pairs))[::1 if number % 2 == 0 else -1]:
            seconds.append(run())
    one, pair = statistics.median(ones), statistics.median(pairs)
    return [f"{pair / (2 * one):.2f}x ({one:.2f} s; {pair:.2f} s for both copies)", "", ""]


def fold_row(kernel, file, view, cache, rounds):
    """The speed layer folds a file that lies in a log in memory."""
    def fold(all_cores, threads):
        words = [str(word) for word in (kernel, "speed", file, view, cache, threads)]
        children = [subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
                                     preexec_fn=lambda cores=cores: os.sched_setaffinity(0, cores))
                    for cores in all_cores]
        for child in children:
            assert child.stdout.readline() == "ready\n", "the kernel did not get ready"
        for child in children:
            child.stdin.write("\n")
            child.stdin.flush()
        told = [child.communicate()[0] for child in children]
        assert all(child.returncode == 0 for child in children), "the kernel failed; its reason is above"
        return max(json.loads(each)["seconds"] for each in told)
    return part_of_two(lambda: fold([BOTH], 2), lambda: fold(CORES, 1), rounds)


@contextlib.contextmanager
def one_and_copies(server, pin, init, fill):
    """A server with two threads, and two with one on a core each, on copies of what `fill` makes of it."""
    with contextlib.ExitStack() as stack:
        one = stack.enter_context(server(init=init, config=config(2)))
        pin(one.process.pid, BOTH)
        fill(one)
        one.stop_cleanly()
        copies = []
        for core in CORES:
            folder = pathlib.Path(stack.enter_context(tempfile.TemporaryDirectory()), "data")
            shutil.copytree(one.data, folder)
            copies.append(stack.enter_context(server(folder, config=config(1))))
            pin(copies[-1].process.pid, core)
        pin(one.start().process.pid, BOTH)
        yield one, copies


def statement_row(one, copies, statement, rounds):
    """Seconds of a statement."""
    def run(braids):
        connections = [braid.connect() for braid in braids]
        threads = [threading.Thread(target=connection.execute, args=(statement,)) for connection in connections]
        began = time.monotonic()
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        seconds = time.monotonic() - began
        for connection in connections:
            connection.close()
        return seconds
    for braid in (one, *copies):
        run([braid])  # touched once
    return part_of_two(lambda: run([one]), lambda: run(copies), rounds)
