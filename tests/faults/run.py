#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Plants each fault in a copy of the tree and demands that its test catches it: run.py [NAME…].

The copy lies in build/faults/tree, with a build folder of its own; the work tree is only read. The
named tests must first pass without any fault. README.md says what counts as caught.
"""

import argparse
import json
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tools"))

import fault_files  # noqa: E402
import source_tree  # noqa: E402

TEST_SECONDS_MAX = 600  # of one test; a test that hangs has caught nothing


class Copy:
    """The tree's sources as they are now, with third_party and the compiler cache shared."""

    def __init__(self, folder: Path):
        self.tree = folder / "tree"
        # As deep as where everybody builds: the compiler cache then knows the commands.
        self.build_folder = self.tree / "build" / "dev"
        self.report = folder / "report.json"
        self.log = folder / "log.txt"
        self.tree.mkdir(parents=True, exist_ok=True)

    def refresh(self) -> None:
        """Files that did not change keep their times, so that little is built again."""
        wanted = {path for path in source_tree.files(ROOT) if not source_tree.is_foreign(path)}
        for found in [path for path in self.tree.rglob("*") if path.is_file()]:
            path = found.relative_to(self.tree)
            if path.parts[0] not in ("build", "third_party") and path not in wanted:
                found.unlink()
        for path in wanted:
            source, copy = ROOT / path, self.tree / path
            if copy.is_file() and copy.read_bytes() == source.read_bytes():
                continue
            copy.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(source, copy)
        if not (self.tree / "third_party").exists():
            (self.tree / "third_party").symlink_to(ROOT / "third_party")

    def configure(self) -> None:
        self._run(["cmake", "--preset", "dev", "-B", str(self.build_folder), "-Wno-dev"], check=True)

    def build(self, targets: list[str]) -> bool:
        command = ["cmake", "--build", str(self.build_folder), "-j", str(os.cpu_count()),
                   "--target", *targets]
        return self._run(command).returncode == 0

    def test(self, fault: fault_files.Fault) -> str:
        """What became of the fault's test: passed, failed, crashed, hung, or not there."""
        self.report.unlink(missing_ok=True)
        command = [str(self.build_folder / "bin" / fault.target),
                   f"--gtest_filter={fault.gtest_filter}", f"--gtest_output=json:{self.report}"]
        try:
            ended = self._run(command, timeout=TEST_SECONDS_MAX)
        except subprocess.TimeoutExpired:
            return "hung"
        if not self.report.is_file():
            return "crashed"  # nothing but the end of all tests writes the report
        report = json.loads(self.report.read_text())
        if report["tests"] == 0:
            return "not there"
        return "failed" if ended.returncode == 1 and report["failures"] > 0 else "passed"

    def _run(self, command: list[str], **options) -> subprocess.CompletedProcess:
        with self.log.open("a") as log:
            log.write(f"$ {' '.join(command)}\n")
            log.flush()
            return subprocess.run(command, cwd=self.tree, stdout=log, stderr=subprocess.STDOUT,
                                  **options)


def judge(copy: Copy, fault: fault_files.Fault) -> str:
    """CAUGHT, or why not. The copy is afterwards as it was."""
    place = copy.tree / fault.file
    sound = place.read_text()
    place.write_text(fault.plant(sound))
    try:
        if not copy.build([fault.target]):
            return "NOT CAUGHT: does not build"
        outcome = copy.test(fault)
    finally:
        place.write_text(sound)
    return "CAUGHT" if outcome == "failed" else f"NOT CAUGHT: test {outcome}"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("names", nargs="*", help="beginnings or parts of the names of faults")
    names = parser.parse_args().names
    chosen = [fault_files.read(ROOT / path) for path in fault_files.paths(ROOT)
              if not names or any(name in path.stem for name in names)]
    if not chosen:
        print(f"no fault is called {' or '.join(names)}", file=sys.stderr)
        return 2
    copy = Copy(ROOT / "build" / "faults")
    copy.log.write_text("")
    copy.refresh()
    copy.configure()
    if not copy.build(sorted({fault.target for fault in chosen})):
        print(f"the tree does not build without a fault: {copy.log}", file=sys.stderr)
        return 1
    # All of them before the first fault is planted: afterwards programs are as it left them.
    before = {fault.name: copy.test(fault) for fault in chosen}
    missed = 0
    print(f"{'fault':34} {'test':68} verdict", flush=True)
    for fault in chosen:
        started = time.monotonic()
        is_sound = before[fault.name] == "passed"
        verdict = judge(copy, fault) if is_sound else f"BROKEN: without it {before[fault.name]}"
        missed += verdict != "CAUGHT"
        seconds = time.monotonic() - started
        print(f"{fault.name:34} {fault.target + ' ' + fault.test:68} {verdict} ({seconds:.0f} s)",
              flush=True)
    print(f"{len(chosen) - missed} of {len(chosen)} faults are caught; what ran: {copy.log}")
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
