#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Holds the rules of STYLE.md that a machine can hold: tidy.py [ROOT].

Sizes above their limit stand in tools/tidy_exceptions.txt, one `path rule value` a line; such an
entry may only shrink, and it must go when it is no longer needed.
"""

import re
import sys
from pathlib import Path

import source_tree

SPDX = "SPDX-License-Identifier: Apache-2.0"
TAGGED = {".h", ".cc", ".py", ".sh", ".cmake", ".ts", ".svelte"}
BLOB_BYTES_MAX = 256 * 1024
COLUMNS_MAX = {".py": 120}  # other sources: 100, as clang-format has it
COLUMNS_MAX_ELSE = 100
FUNCTION_LINES_MAX = 70
FOLDER_FILES_MAX = 40
README_LINES_MAX = 60
LINES_MAX = {"header": 400, "source": 800, "test": 1000}

# What is not called, where it still may be, and what stands in its place.
BANNED = [
    (r"\bstd::(j?thread|async)\b(?!::)", ("base",), "Worker (base/worker.h)"),
    (r"\bstd::((recursive_|timed_|shared_)*mutex|condition_variable(_any)?|"
     r"(scoped|unique|shared)_lock|lock_guard)\b|#include <(mutex|shared_mutex|condition_variable)>",
     ("base",), "Mutex, CondVar (base/mutex.h): a simulation must be able to interleave them"),
    (r"\b(system|steady|high_resolution)_clock::now\b", ("base",), "Clock (base/clock.h)"),
    (r"\b(s?rand|d?rand48|random_device|mt19937(_64)?)\b(?=\s*[({;]|\s+\w)", ("base",),
     "Random (base/random.h)"),
    (r"(?<![\w>])::(open|openat|creat|p?write|rename|renameat2?|unlink|f(data)?sync)\s*\(",
     ("base",), "FileSystem (base/file_system.h)"),
    (r"\bfopen\s*\(|\bstd::[io]?fstream\b", ("base",), "FileSystem (base/file_system.h)"),
    (r"\b(u|nano)?sleep\s*\(|\bsleep_(for|until)\b", ("base",),
     "Clock and Worker: wait for a fact, not for time"),
    (r"\bstd::(cout|cerr|clog)\b|(?<![\w:])(printf|puts)\s*\(|\bstd::(printf|puts)\s*\(",
     ("base", "app"), "Trace (base/trace.h)"),
    (r"\bassert\s*\(", (), "CHECK (base/check.h)"),
    (r"\bthrow\b|\btry\s*\{|\bcatch\s*\(", (), "Result (base/result.h), or a file *_adapter.cc "
     "around the library that throws"),
    (r"\bstd::regex\b", (), "RE2, in operators"),
    (r"\b(ato[ifl]|atoll|strto(u?ll?|[fd]|ld)|std::sto(u?ll?|[ifd]|ld))\s*\(", (),
     "std::from_chars"),
    (r"\b(localtime|gmtime|mktime|strftime)(_r)?\s*\(", ("base",), "columnar/time_zone.h"),
    (r"\bgetenv\s*\(", ("app",), "configuration, read in app"),
    (r"\bfor \(.*:.*\bhead\(\)->", (), "a StatePtr beside it: what a range is taken from ends before "
     "the loop (until C++23's P2718), and so may the state"),
]
BANNED = [(re.compile(pattern), floors, instead) for pattern, floors, instead in BANNED]
# Tests read corpora of the tree, are told by the environment to rewrite them, and use plain threads as
# a program's clients would.
IN_TESTS_TOO = re.compile(r"std::(j?thread|async|[io]?fstream)|getenv")
TEST_FILE = re.compile(r"_(test|testing|test_support|bench)$|^test_support$")
DRAWER = r"(utils?|helpers?|common|manager|impl)"
DRAWER_FILE = re.compile(rf"(^|_){DRAWER}(_(test|fuzz|bench))?$")
DRAWER_TYPE = re.compile(
    r"\b(?:class|struct|enum|using)\s+(\w*(?:Utils?|Helpers?|Common|Manager|Impl))\b")
TEST = re.compile(r"^(?:TYPED_)?TEST(?:_[FP])?\(\s*(\w+)\s*,\s*(\w+)\s*\)", re.MULTILINE)
TEST_WORD = re.compile(r"[A-Z][A-Za-z0-9]*")
TEST_EMPTY = re.compile(r"Test.*|Basics?|.*Works?|Simple\d*")
UNFINISHED = re.compile(r"FIX" r"ME|\bXX" r"X\b|\bHA" r"CK\b|\bTO" r"DO\b(?!\(#\d+\))")
SKIPPED = re.compile(r"\bDISA" r"BLED_|GTEST_" r"SKIP")
ADDRESS = re.compile(r"\b(registry\.\w|pypi\.org|npmjs\.(org|com)|crates\.io|deb\.debian\.org)")


class Tidy:
    """One look over a tree. Each check adds its faults, as path:line: what · what instead."""

    def __init__(self, root: Path):
        self.root = root
        self.files = source_tree.files(root)
        self.faults: list[str] = []
        self.exceptions = self._read_exceptions()
        self.needed: set[tuple[str, str]] = set()

    def run(self) -> list[str]:
        for path in self.files:
            self.limit(path, "bytes", (self.root / path).stat().st_size, BLOB_BYTES_MAX)
            text = self._text(path)
            if text is None or source_tree.is_foreign(path):
                continue
            self.check_text(path, text)
            if path.suffix in source_tree.CODE:
                code = source_tree.without_words(text)
                self.check_code(path, code)
                self.check_header(path, code)
                self.check_functions(path, code)
                self.check_tests(path, text, code)
        self.check_folders()
        self.check_dead_headers()
        for key in self.exceptions.keys() - self.needed:
            self.faults.append(f"tools/tidy_exceptions.txt:1: no longer needed: {' '.join(key)}")
        return sorted(self.faults)

    def check_text(self, path: Path, text: str) -> None:
        lines = text.splitlines()
        script = text.startswith("#!")
        if (path.suffix in TAGGED or script) and SPDX not in "".join(lines[script:script + 1]):
            self.fault(path, 1, f"the first line is // {SPDX}")
        if path.suffix not in TAGGED and path.name != "dev":
            if found := ADDRESS.search(text):
                self.fault(path, _line(text, found.start()), "a registry's address · leave it out")
            return
        for number, line in enumerate(lines, 1):
            most = COLUMNS_MAX.get(path.suffix, COLUMNS_MAX_ELSE)
            if len(line) > most:
                self.fault(path, number, f"{len(line)} columns · at most {most}")
            if found := UNFINISHED.search(line):
                self.fault(path, number, f"{found[0]} · finish it, or name its issue as (#1)")
            if SKIPPED.search(line) and not re.search(r"#\d+", line):
                self.fault(path, number, "a test is switched off · name its issue as #1")

    def check_code(self, path: Path, code: str) -> None:
        floor = path.parts[1] if path.parts[0] == "src" else ""
        for number, line in enumerate(code.splitlines(), 1):
            for pattern, floors, instead in BANNED:
                found = pattern.search(line)
                adapter = path.stem.endswith("_adapter") and "_adapter.cc" in instead
                of_test = TEST_FILE.search(path.stem) and found and IN_TESTS_TOO.search(found[0])
                if found and floor and floor not in floors and not adapter and not of_test:
                    self.fault(path, number, f"{found[0].strip()} · {instead}")
            if found := DRAWER_TYPE.search(line):
                self.fault(path, number, f"{found[1]} · name what it is for")
        for part in (*path.parts[:-1], path.stem):
            if DRAWER_FILE.search(part):
                self.fault(path, 1, f"the name {part} · name what it is for")

    def check_header(self, path: Path, code: str) -> None:
        if path.suffix == ".h":
            if not re.search(r"^#pragma once$", code, re.MULTILINE):
                self.fault(path, 1, "no #pragma once")
            if found := re.search(r"\busing namespace\b", code):
                self.fault(path, _line(code, found.start()), "using namespace in a header")
            self.limit(path, "lines", code.count("\n"), LINES_MAX["header"])
        else:
            of = "source" if source_tree.kind(path) == "code" else "test"
            self.limit(path, "lines", code.count("\n"), LINES_MAX[of])

    def check_functions(self, path: Path, code: str) -> None:
        longest = max(_function_lengths(code), default=(0, 0))
        self.limit(path, "function", longest[0], FUNCTION_LINES_MAX, longest[1])

    def check_tests(self, path: Path, text: str, code: str) -> None:
        for suite, name in TEST.findall(code):
            for word in (suite, name):
                bare = word.removeprefix("DISA" "BLED_")
                if not TEST_WORD.fullmatch(bare):
                    self.fault(path, _line(text, text.find(word)), f"{word} · PascalCase")
            if TEST_EMPTY.fullmatch(name):
                self.fault(path, _line(text, text.find(name)),
                           f"{name} · a test's name is a fact, as DropsTornTail")

    def check_folders(self) -> None:
        counts: dict[Path, int] = {}
        for path in self.files:
            if path.parts[0] == "src" and path.suffix in source_tree.CODE:
                counts.setdefault(Path(*path.parts[:2]), 0)
                if source_tree.kind(path) == "code":
                    counts[path.parent] = counts.get(path.parent, 0) + 1
        for folder, count in counts.items():
            self.limit(folder, "files", count, FOLDER_FILES_MAX)
            if len(folder.parts) == 2:
                readme = folder / "README.md"
                text = self._text(readme) if readme in self.files else None
                if text is None:
                    self.fault(readme, 1, "missing · purpose, reading order, laws, how to test")
                else:
                    self.limit(readme, "lines", text.count("\n"), README_LINES_MAX)

    def check_dead_headers(self) -> None:
        included = set()
        for path in self.files:
            if path.suffix in source_tree.CODE and not source_tree.is_foreign(path):
                included |= set(re.findall(r'#include "([^"]+)"', self._text(path) or ""))
        for path in self.files:
            if path.parts[0] == "src" and path.suffix == ".h":
                if str(path.relative_to("src")) not in included:
                    self.fault(path, 1, "nobody includes this header · delete it")

    def limit(self, path: Path, rule: str, value: int, most: int, line: int = 1) -> None:
        if value <= most:
            return
        key = (str(path), rule)
        self.needed.add(key)
        allowed = self.exceptions.get(key, most)
        if value > allowed:
            self.fault(path, line, f"{value} {rule} · at most {allowed}")

    def fault(self, path: Path, line: int, what: str) -> None:
        self.faults.append(f"{path}:{line}: {what}")

    def _read_exceptions(self) -> dict[tuple[str, str], int]:
        path = self.root / "tools/tidy_exceptions.txt"
        lines = path.read_text().splitlines() if path.exists() else []
        entries = (line.split() for line in lines if line and not line.startswith("#"))
        return {(path, rule): int(value) for path, rule, value in entries}

    def _text(self, path: Path) -> str | None:
        try:
            return (self.root / path).read_text(encoding="utf-8")
        except UnicodeDecodeError:
            return None


def _block(head: str) -> str:
    """What a brace after this head opens: a scope (namespace, class), a function, or data."""
    head = re.sub(r"^\s*#.*$", "", head, flags=re.MULTILINE)
    head = re.sub(r"\boperator\s*[^\w\s(]+", "operator", head)
    before = None
    while before != head:
        before, head = head, re.sub(r"\([^()]*\)", "@", re.sub(r"<[^<>]*>", "", head))
    if re.search(r"\b(namespace|class|struct|union|enum|extern)\b", head):
        return "scope"
    return "function" if "@" in head and "=" not in head else "data"


def _function_lengths(code: str):
    """Yields (lines, line where it begins) of each function body, by its braces."""
    stack: list[tuple[str, int]] = []  # what it is, line where it opens
    begin, line = 0, 1
    for position, char in enumerate(code):
        if char == "\n":
            line += 1
        elif char == "{":
            outside = all(block == "scope" for block, _ in stack)
            stack.append((_block(code[begin:position]) if outside else "data", line))
        elif char == "}" and stack:
            block, opened = stack.pop()
            if block == "function":
                yield line - opened + 1, opened
        if char in "{};":
            begin = position + 1


def _line(text: str, position: int) -> int:
    return text.count("\n", 0, position) + 1


if __name__ == "__main__":
    sys.exit(source_tree.tell_faults(lambda root: Tidy(root).run(), "tidy: nothing to mend"))
