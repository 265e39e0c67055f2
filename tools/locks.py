#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Holds the locks: locks.py BUILD [ROOT].

Every lock of src/ says what it guards, with the words of base/thread_annotations.h, and clang's
thread-safety analysis reads each source that can see such words of its own floor, without compiling
it. What was clean is remembered in BUILD/locks by the hash of all that it was read from. Locks that
are still silent stand in tools/locks_exceptions.txt, one `path name` a line; none may be added.
"""

import hashlib
import json
import os
import re
import shlex
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from pathlib import Path

import source_tree

CLANG = "clang++-19"
MARKS_KEPT = 2000
ANALYSIS = ["-fsyntax-only", "-Wno-everything", "-Wthread-safety", "-Werror=thread-safety"]
FLAGS = ["-std=c++23", "-march=x86-64-v3"]  # where no build has told others
KEPT = re.compile(r"-(D|I|std=|march=).*|-isystem")
WORDS = re.compile(r"\b(GUARDED_BY|REQUIRES|EXCLUDES|ACQUIRE|RELEASE)\s*\(")
DEFINED = {Path("src/base/thread_annotations.h")}  # only the words themselves
INCLUDE = re.compile(r'^\s*#\s*include\s*"([^"]+)"', re.MULTILINE)
LOCK = re.compile(r"^\s*(?:static\s+|mutable\s+)*Mutex\s+(\w+)\s*(?:;|\{)", re.MULTILINE)


class Sources:
    """The sources of src/, what each includes of them, and which of them must be read."""

    def __init__(self, root: Path):
        self.root = root
        self.paths = {path for path in source_tree.files(root)
                      if path.parts[0] == "src" and path.suffix in source_tree.CODE}

    @cache
    def text(self, path: Path) -> str:
        return (self.root / path).read_text()

    @cache
    def code(self, path: Path) -> str:
        return source_tree.without_words(self.text(path))

    @cache
    def includes(self, path: Path) -> list[Path]:
        named = (Path("src") / name for name in INCLUDE.findall(self.text(path)))
        return [each for each in named if each in self.paths]

    @cache
    def seen_from(self, path: Path, floor: str = "") -> frozenset[Path]:
        """The file and all that it includes; of one floor only, if that is named."""
        seen, waiting = {path}, [path]
        while waiting:
            for each in self.includes(waiting.pop()):
                if each not in seen and (not floor or each.parts[1] == floor):
                    seen.add(each)
                    waiting.append(each)
        return frozenset(seen)

    def to_read(self) -> list[Path]:
        def has_words(path: Path) -> bool:
            return path not in DEFINED and bool(WORDS.search(self.code(path)))
        return sorted(path for path in self.paths
                      if path.suffix == ".cc" and source_tree.kind(path) in ("code", "test_support")
                      and any(map(has_words, self.seen_from(path, path.parts[1]))))

    def silent_locks(self) -> list[str]:
        """Locks that nothing is said to be under."""
        exceptions = self.root / "tools/locks_exceptions.txt"
        excused = set(exceptions.read_text().splitlines()) if exceptions.exists() else set()
        faults = []
        for path in sorted(self.paths):
            if source_tree.kind(path) in ("test", "bench", "fuzz"):
                continue
            code = self.code(path)
            for found in LOCK.finditer(code):
                name = found[1]
                if f"{path} {name}" in excused:
                    continue
                if not re.search(rf"(GUARDED_BY|REQUIRES|EXCLUDES)\([^)]*\b{name}\b", code):
                    line = code.count("\n", 0, found.start(1)) + 1
                    faults.append(f"{path}:{line}: {name} guards nothing · say what, by GUARDED_BY "
                                  "or REQUIRES (base/thread_annotations.h)")
        return faults

    def hash(self, path: Path, flags: list[str]) -> str:
        digest = hashlib.sha256(repr((flags, ANALYSIS, clang_version())).encode())
        for each in sorted(self.seen_from(path)):
            digest.update(f"{each}\0{self.text(each)}\0".encode())
        return digest.hexdigest()


@cache
def clang_version() -> str:
    return subprocess.run([CLANG, "--version"], check=True, capture_output=True, text=True).stdout


def flags_of_build(build: Path | None) -> dict[str, list[str]]:
    """By source, what of its flags decides what it says."""
    commands = build / "compile_commands.json" if build else None
    if commands is None or not commands.exists():
        return {}
    flags = {}
    for entry in json.loads(commands.read_text()):
        words, kept = iter(shlex.split(entry["command"])), []
        for word in words:
            if KEPT.fullmatch(word):
                kept.append(word)
                if word == "-isystem":
                    kept.append(next(words))
        flags[entry["file"]] = kept
    return flags


def read(root: Path, path: Path, flags: list[str]) -> str:
    """What clang has to say against a source; nothing if it is clean."""
    done = subprocess.run([CLANG, *flags, f"-I{root}/src", *ANALYSIS, str(root / path)],
                          capture_output=True, text=True)
    return "" if done.returncode == 0 else done.stderr


def check(root: Path, build: Path | None = None) -> list[str]:
    sources = Sources(root)
    flags = flags_of_build(build)
    memory = build / "locks" if build else None
    if memory:
        memory.mkdir(parents=True, exist_ok=True)

    def judge(path: Path) -> str:
        own = flags.get(str(root.resolve() / path), FLAGS)
        mark = memory / sources.hash(path, own) if memory else None
        if mark and mark.exists():
            mark.touch()
            return ""
        said = read(root, path, own)
        if mark and not said:
            mark.touch()
        return said

    paths = sources.to_read()
    with ThreadPoolExecutor(os.cpu_count() or 1) as pool:
        said = [each for each in pool.map(judge, paths) if each]
    if memory:
        forget_old(memory)
    return sources.silent_locks() + said


def forget_old(memory: Path) -> None:
    marks = sorted(memory.iterdir(), key=lambda mark: mark.stat().st_mtime)
    for mark in marks[:-MARKS_KEPT]:
        mark.unlink()


def main() -> int:
    build = Path(sys.argv[1])
    root = Path(sys.argv[2]) if len(sys.argv) > 2 else Path(__file__).parent.parent
    faults = check(root, build)
    print("\n".join(faults) or f"locks: {len(Sources(root).to_read())} sources hold theirs")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
