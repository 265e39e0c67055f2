#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Files that are rotated in every way, cut, copied, linked and written anew, while the node is killed: each line that
was written completely and could be read for long enough is counted exactly once, and no other is counted twice.

A round has several writers, each with a folder and a stream of its own, and a journal of each line it wrote: a line
*must* be counted once; or it *may* be, since what held it was destroyed before anyone could be sure that it was read.
"""
import contextlib
import gzip
import json
import os
import pathlib
import shutil
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))

from harness.server import Braid  # noqa: E402
from prove import campaign  # noqa: E402

WRITERS = 8
STEPS = 6
KILLS_PERCENT = 70  # of the steps of a round
SETTLE_SECONDS = 120
PAUSE_SECONDS = 0.05
LOOK_SECONDS = 2.5  # in so long every new name was found, and what changed was looked at
LOG = "x.log"


class Writer:
    """One program that logs, and whatever rotates its files. It has the log open, as programs have."""

    def __init__(self, folder, table, random):
        folder.mkdir()
        self.folder, self.table, self._random = folder, table, random
        self.is_linked = random.random() < 0.2
        self.is_wide = not self.is_linked and random.random() < 0.6
        self.appends = random.random() < 0.8
        self.must, self.may, self.done = set(), set(), []
        self.has_new_copy = False
        self._next, self._files = 0, 0
        self._unsettled = {}  # lines by file, until they are counted
        self._known = set()   # files of which something is counted
        self._open = self._late = None
        self._file = self._create()

    def pattern(self):
        """The path of the stream."""
        return self.folder / (LOG + "*" if self.is_wide else LOG)

    def _tell(self, text):
        self.done.append(text)

    # Files have keys of their own, since names and inodes change.

    def _create(self):
        self._files += 1
        key = f"file {self._files}"
        path = self.folder / LOG
        if self.is_linked:
            target = self.folder / f"real.{self._files}"
            self._open = open(target, "ab" if self.appends else "wb", buffering=0)
            link = self.folder / "next"
            link.symlink_to(target)
            os.replace(link, path)
        else:
            self._open = open(path, "ab" if self.appends else "wb", buffering=0)
        self._unsettled[key] = set()
        return key

    def _line(self):
        number = self._next
        self._next += 1
        return number, json.dumps({"a": number, "b": "x" * self._random.randrange(200)}).encode() + b"\n"

    def write(self, count=None, file=None, handle=None):
        """Some lines; now and then one of them comes in two parts."""
        file, handle = file or self._file, handle or self._open
        for _ in range(self._random.randrange(1, 40) if count is None else count):
            number, line = self._line()
            if self._random.random() < 0.05:
                cut = self._random.randrange(1, len(line))
                handle.write(line[:cut])
                time.sleep(PAUSE_SECONDS)
                handle.write(line[cut:])
            else:
                handle.write(line)
            self.must.add(number)
            self._unsettled[file].add(number)

    def _destroy(self, file):
        """What was in it may have been read, or not."""
        lost = self._unsettled.pop(file, set())
        self.must -= lost
        self.may |= lost
        self._known.discard(file)

    def settled(self):
        """Every line that must be counted is."""
        for file, numbers in self._unsettled.items():
            if numbers:
                self._known.add(file)
            numbers.clear()

    def _name(self, ending=""):
        return self.folder / f"{LOG}.{self._files}{ending}"

    # What a rotation may be. Each gives the name of what it did.

    def rename(self):
        """The writer goes on with the old file for a while; now and then it is in the middle of a line."""
        old, handle, old_path = self._file, self._open, self.folder / LOG
        number, line = self._line()
        cut = self._random.randrange(len(line))
        handle.write(line[:cut])
        if not self.is_linked:
            os.rename(old_path, self._name())
        self._file = self._create()
        self.write(self._random.randrange(3))
        handle.write(line[cut:])
        self.must.add(number)
        self._unsettled[old].add(number)
        self.write(self._random.randrange(3), old, handle)
        if not self.is_wide and old not in self._known:
            # After a kill nothing leads to a file of which nothing was read.
            self._destroy(old)
        handle.close()

    def copy_and_cut(self):
        """copytruncate; the copy is matched or not."""
        self.write()
        shutil.copyfile(self.folder / LOG, self._name())
        old = self._file
        os.truncate(self.folder / LOG, 0)
        self._files += 1
        self._file = f"file {self._files}"
        self._unsettled[self._file] = set()
        if not self.is_wide:
            self._destroy(old)
        self.write(self._random.randrange(5))

    def copy_and_keep(self):
        """A copy beside its original. Nothing more is written before it can be found: a short copy that ends before
        what was read cannot be known once its original was cut while the node was down."""
        shutil.copyfile(self.folder / LOG, self._name(f".copy{self._next}"))
        self.has_new_copy = True

    def write_anew(self):
        """In place, to any size."""
        self._destroy(self._file)
        self._open.close()
        self._files += 1
        self._file = f"file {self._files}"
        self._unsettled[self._file] = set()
        self._open = open(self.folder / LOG, "wb", buffering=0)
        self.write(self._random.randrange(1, 80))
        if self.appends:
            self._open.close()
            self._open = open(self.folder / LOG, "ab", buffering=0)

    def remove(self):
        """Removed and made anew, perhaps with the same inode."""
        self._destroy(self._file)
        self._open.close()
        os.unlink(self.folder / LOG)
        self._file = self._create()
        self.write(self._random.randrange(1, 80))

    def compress(self):
        """Renamed, and compressed at once."""
        old, path = self._file, self._name()
        self._open.close()
        if self.is_linked:
            path = (self.folder / LOG).resolve()
        else:
            os.rename(self.folder / LOG, path)
        self._file = self._create()
        with gzip.open(str(path) + ".gz", "wb") as packed:
            packed.write(path.read_bytes())
        os.unlink(path)
        self._destroy(old)
        self.write(self._random.randrange(5))

    def link(self):
        """Another name of the same file."""
        if not self.is_linked:
            os.link(self.folder / LOG, self._name(f".hard{self._next}"))
        self.write(self._random.randrange(5))

    def rotate(self, is_up):
        """One of them."""
        how = self._random.choice([self.rename, self.rename, self.rename, self.copy_and_cut, self.copy_and_cut,
                                   self.copy_and_keep, self.write_anew, self.remove, self.compress, self.link])
        self._tell(how.__name__ + ("" if is_up else " while down"))
        how()
        return how not in (self.copy_and_keep, self.link)

    # The verdict.

    def missing(self, counts):
        """Lines that must be counted and are not."""
        return self.must - counts.keys()

    def judge(self, counts, bad):
        """What is wrong with what is counted, or nothing."""
        doubled = {number for number, count in counts.items() if count > 1}
        unknown = counts.keys() - self.must - self.may
        wrong = [f"{len(numbers)} {what}: {sorted(numbers)[:10]}"
                 for what, numbers in (("missing", self.missing(counts)), ("counted twice", doubled),
                                       ("never written", unknown)) if numbers]
        if bad:
            wrong.append(f"{len(bad)} quarantined: {bad[:3]}")
        if not wrong:
            return None
        return (f"{self.table} ({self.pattern().name}, {'linked, ' if self.is_linked else ''}"
                f"{'appending' if self.appends else 'not appending'}): {'; '.join(wrong)}\n  " + ", ".join(self.done))

    def close(self):
        """The program ends."""
        self._open.close()


class FilesProver:
    """Rounds of rotations, with kills."""

    name, unit, short, long = "files", "rotations", 60, 2000

    def __init__(self):
        self._kills = 0

    def __enter__(self):
        return self

    def __exit__(self, kind, error, trace):
        pass

    def facts(self):
        """For the closing line."""
        return f"{self._kills} kills"

    def round(self, _, random):
        """Some steps of all writers, settled now and then."""
        node = Braid()
        logs = node.folder / "logs"
        logs.mkdir()
        writers = [Writer(logs / f"w{index}", f"w{index}", random) for index in range(WRITERS)]
        node.init = "".join(
            f"CREATE TABLE {writer.table} (a bigint) WITH (connector = 'file', path = '{writer.pattern()}', "
            "format = 'json', partitions = 2, rotate_wait = '20 s');\n" for writer in writers)
        with contextlib.ExitStack() as stack:
            stack.enter_context(node)
            for writer in writers:
                stack.callback(writer.close)
            rotations = sum(self._step(node, writers, random) for _ in range(STEPS))
            return rotations, self._verdict(node, writers)

    def _step(self, node, writers, random):
        rotations = 0
        if any(writer.has_new_copy for writer in writers):
            settle(node, writers)
            time.sleep(LOOK_SECONDS)
        for writer in writers:
            writer.has_new_copy = False
            writer.write()
        if random.random() < 0.5:
            settle(node, writers)
        is_killed = random.randrange(100) < KILLS_PERCENT
        moment = random.choice(["before", "between", "after"]) if is_killed else None
        for place, writer in enumerate(writers):
            if is_killed and node.process and moment != "after" and (moment == "before" or place == WRITERS // 2):
                node.kill()
            rotations += writer.rotate(node.process is not None)
        if is_killed:
            if node.process:
                time.sleep(random.random() / 2)
                node.kill()
            self._kills += 1
            node.start()
        if random.random() < 0.6:
            settle(node, writers)
        return rotations

    def _verdict(self, node, writers):
        settle(node, writers)
        time.sleep(LOOK_SECONDS)
        findings = [writer.judge(counts_of(node, writer), bad_of(node, writer)) for writer in writers]
        node.crash()
        time.sleep(LOOK_SECONDS)
        findings += [finding and "after another kill: " + finding for finding in
                     (writer.judge(counts_of(node, writer), bad_of(node, writer)) for writer in writers)]
        found = [finding for finding in findings if finding]
        if found:
            found.append("what the node said:\n" + node.trace()[-6000:])
        return found


def counts_of(node, writer):
    """How often each line is counted."""
    return dict(node.sql(f"SELECT a, count(*) FROM {writer.table} GROUP BY a"))


def bad_of(node, writer):
    """What lies in quarantine."""
    return node.sql("SELECT _raw, _error FROM braid.quarantine WHERE stream = %s", (writer.table,))


def settle(node, writers):
    """Waits until every line that must be counted is; those that are not in time are found by the verdict."""
    deadline = time.monotonic() + SETTLE_SECONDS
    for writer in writers:
        while writer.missing(counts_of(node, writer)) and time.monotonic() < deadline:
            time.sleep(PAUSE_SECONDS)
        writer.settled()


if __name__ == "__main__":
    campaign.main(FilesProver)
