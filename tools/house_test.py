#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Each check of the house passes a clean tree and fails one with a planted violation."""

import subprocess
import tempfile
import unittest
from pathlib import Path

import fault_files
import floors
import limits
import locks
import source_tree
import tidy

TAG = "// SPDX-License-Identifier: Apache-2.0\n"
TABLE = ("base | | fmt |\ncolumnar | base | arrow |\nsql | base | pg_query |\n"
         "log | base | | . disk\n")
CLEAN = {
    "src/base/README.md": "# base\n",
    "src/base/clock.h": TAG + "#pragma once\n#include <sys/stat.h>\n#include <vector>\n",
    "src/base/clock.cc": TAG + '#include "base/clock.h"\n#include <fmt/format.h>\n'
                         "int now() { return std::chrono::system_clock::now(); }  // throw\n",
    "src/base/clock_test.cc": TAG + '#include <gtest/gtest.h>\n#include "base/clock.h"\n'
                              "TEST(Clock, NeverStepsBack) {}\n",
    "src/log/README.md": "# log\n",
    "src/log/extent.cc": TAG + '#include "base/clock.h"\n'
                         'const char* text = "assert(1); throw";\n'
                         "static_assert(sizeof(int) == 4);\n",
    "src/columnar/README.md": "# columnar\n",
    "src/columnar/batch.cc": TAG + "#include <arrow/api.h>\n",
}


def code(body: str) -> dict[str, str]:
    return {"src/log/extent.cc": TAG + '#include "base/clock.h"\n' + body + "\n"}


FLOORS = {  # what is planted: (files, part of the message)
    "a floor that the row does not name": (
        code('#include "columnar/batch.h"') | {"src/columnar/batch.h": TAG},
        "log may not include columnar"),
    "an upward include": (
        {"src/base/clock.cc": TAG + '#include "log/extent.h"\n', "src/log/extent.h": TAG},
        "base may not include log"),
    "a header that is not there": (code('#include "extent.h"'), "is no file under src/"),
    "Arrow outside its floors": (code("#include <arrow/api.h>"), "log may not include arrow"),
    "libpg_query outside sql/parse": (
        {"src/sql/bind/bind.cc": TAG + "#include <pg_query.h>\n"}, "for src/sql/parse/ alone"),
    "a third party nobody chose": (code("#include <folly/F14.h>"), "no known third party"),
    "gtest in the program": (code("#include <gtest/gtest.h>"), "only for files *_test"),
    "test support in the program": (
        code('#include "base/test_support.h"') | {"src/base/test_support.h": TAG},
        "for tests only"),
    "a room that includes one above it": (
        code('#include "log/disk/file.h"') | {"src/log/disk/file.h": TAG},
        "log/. may not include log/disk"),
    "a room that its line does not name": (
        {"src/log/cloud/a.cc": TAG + '#include "log/extent.h"\n', "src/log/extent.h": TAG},
        "no room cloud"),
    "a folder that is no floor": ({"src/util/x.cc": TAG}, "util is no floor"),
}

LONG = "\n".join(["    x();"] * 70)
TIDY = {
    "no SPDX line": ({"src/base/clock.cc": '#include "base/clock.h"\n'}, "the first line is"),
    "no pragma once": ({"src/base/clock.h": TAG}, "no #pragma once"),
    "using namespace in a header": (
        {"src/base/clock.h": TAG + "#pragma once\nusing namespace std;\n"}, "using namespace"),
    "a thread": (code("std::thread t;"), "Worker"),
    "a mutex of the standard library": (code("mutable std::mutex mutex_;"), "base/mutex.h"),
    "a lock of the standard library": (code("std::unique_lock<M> lock(mutex_);"), "base/mutex.h"),
    "a condition of the standard library": (
        code("#include <condition_variable>"), "base/mutex.h"),
    "a clock": (code("auto t = std::chrono::steady_clock::now();"), "Clock"),
    "a random number": (code("int x = rand();"), "Random"),
    "a random engine": (code("std::mt19937 engine(1);"), "Random"),
    "a system call on files": (code("int f = ::open(path, 0);"), "FileSystem"),
    "a stream on a file": (code("std::ofstream f(path);"), "FileSystem"),
    "a sleep": (code("std::this_thread::sleep_for(1s);"), "not for time"),
    "standard output": (code("std::cout << 1;"), "Trace"),
    "printf": (code("void f() { printf(x); }"), "Trace"),
    "assert": (code("void f() { assert(x); }"), "CHECK"),
    "throw": (code("void f() { throw 1; }"), "Result"),
    "try": (code("void f() { try { g(); } catch (...) {} }"), "Result"),
    "a parser of the C locale": (code("int x = std::stoi(text);"), "from_chars"),
    "a banned type name": (code("class LogManager {};"), "LogManager"),
    "a banned file name": ({"src/log/log_utils.cc": TAG}, "log_utils"),
    "a banned folder name": ({"src/log/common/a.cc": TAG}, "the name common"),
    "work without an issue": (code("// TO" "DO: later"), "name its issue"),
    "a mark": (code("// FIX" "ME"), "finish it"),
    "a test switched off": (
        {"src/base/clock_test.cc": TAG + "TEST(Clock, DISA" "BLED_NeverStops) {}\n"},
        "switched off"),
    "a blob": ({"tests/data.bin": "x" * (256 * 1024 + 1)}, "bytes"),
    "no README": ({"src/base/README.md": None}, "missing"),
    "a long README": ({"src/base/README.md": "line\n" * 61}, "61 lines"),
    "a long line": (code("// " + "x" * 100), "103 columns"),
    "a long header": ({"src/base/clock.h": TAG + "#pragma once\n" + "\n" * 400}, "402 lines"),
    "a long source": (code("\n" * 800), "lines"),
    "a long test": ({"src/base/clock_test.cc": TAG + "\n" * 1000}, "1001 lines"),
    "a long function": (code("int Log::f(int a) const {\n" + LONG + "\n}"), "72 function"),
    "a long method": (code("class A : B {\n void f() {\n" + LONG + "\n}\n};"), "72 function"),
    "a full folder": ({f"src/log/f{i}.cc": TAG for i in range(41)}, "42 files"),
    "a header that nobody includes": (
        {"src/log/extent.h": TAG + "#pragma once\n"}, "nobody includes"),
    "a test name that is no fact": (
        {"src/base/clock_test.cc": TAG + "TEST(Clock, Works) {}\n"}, "is a fact"),
    "a test name with underscores": (
        {"src/base/clock_test.cc": TAG + "TEST(Clock, never_stops) {}\n"}, "PascalCase"),
    "a registry's address": ({"web/lock.json": "https://registry." "example/x"}, "registry"),
    "an exception that is too small": (
        code("\n" * 900) | {"tools/tidy_exceptions.txt": "src/log/extent.cc lines 850\n"},
        "at most 850"),
    "an exception that is not needed": (
        {"tools/tidy_exceptions.txt": "src/log/extent.cc lines 850\n"}, "no longer needed"),
}


FAULT = ("title: clock stands\npromise: time passes\nfile: src/base/clock.cc\ntarget: base_test\n"
         "test: Clock.NeverStepsBack\n--- old\nint now()\n--- new\nint then()\n--- end\n")


def fault(before: str, after: str) -> dict[str, str]:
    assert before in FAULT
    return {"tests/faults/01_clock.fault": FAULT.replace(before, after)}


CLOCK = {"src/base/clock.cc": TAG + "int now()\n"}
FAULTS = {
    "old lines that are gone": (CLOCK | fault("int now()", "int never()"), "occur 0 times"),
    "old lines that are not one place": (
        {"src/base/clock.cc": TAG + "int now()\nint now()\n"} | fault("", ""), "occur 2 times"),
    "a source that is gone": (CLOCK | fault("clock.cc", "sundial.cc"), "is not there"),
    "a test that is gone": (CLOCK | fault("StepsBack", "Stops"), "no test is called"),
    "a fault that is none": (CLOCK | fault("int then()", "int now()"), "changes nothing"),
    "a field too few": (CLOCK | fault("title: clock stands\n", ""), "fields are not"),
    "no end": (CLOCK | fault("--- end\n", ""), "has not the form"),
}


LIMITS_HEAD = "# Limits\n\n| what | limit |\n| --- | --- |\n"
LIMITS = {
    "ARCHITECTURE.md": "# How it stands\n| a | b |\n| --- | --- |\n| c | d |\n"
                       "#" + LIMITS_HEAD + "| a record | 1 MiB |\n| a wait | 1 s |\n",
    "docs/operating/limits.md": LIMITS_HEAD + "| a record | `Clock.NeverStepsBack`, "
                                "`door_test.py::test_records` |\n| a wait | none: it is long |\n",
    "tests/system/door_test.py": "class T:\n    def test_records(self):\n        pass\n",
}


def limit(before: str, after: str, path: str = "docs/operating/limits.md") -> dict[str, str]:
    assert before in LIMITS[path]
    return LIMITS | {path: LIMITS[path].replace(before, after)}


UNTESTED = {
    "a limit that nothing is said of": (limit("| a wait | none: it is long |\n", ""),
                                        "\"a wait\" of ARCHITECTURE.md is not there"),
    "a limit that is gone": (limit("| a wait | 1 s |\n", "", "ARCHITECTURE.md"),
                             "has no limit \"a wait\""),
    "a limit without a test": (limit("none: it is long", "by hand"), "names no test"),
    "a unit test that is gone": (limit("StepsBack", "Stops"), "no test is called Clock.NeverStops"),
    "a system test that is gone": (
        limit("test_records", "test_nothing", "tests/system/door_test.py"),
        "no test is called door_test.py::test_records"),
}


COUNTER_H = TAG + """#pragma once
#include "base/mutex.h"
namespace braid::log {
class Counter {
  public:
    int add() EXCLUDES(mutex_);

  private:
    int add_locked() REQUIRES(mutex_);
    Mutex mutex_;
    int count_ GUARDED_BY(mutex_) = 0;
};
}
"""
COUNTER_CC = TAG + """#include "log/counter.h"
namespace braid::log {
int Counter::add() {
    const ScopedLock lock(mutex_);
    return add_locked();
}
int Counter::add_locked() { return ++count_; }
}
"""
SILENT_H = (COUNTER_H.replace(" EXCLUDES(mutex_)", "").replace(" REQUIRES(mutex_)", "")
            .replace(" GUARDED_BY(mutex_)", ""))
LOCKS = {  # what is planted: (header, source, part of the message)
    "a lock that is not taken": (
        COUNTER_H, COUNTER_CC.replace("    const ScopedLock lock(mutex_);\n", ""),
        "requires holding mutex"),
    "a field that is read without its lock": (
        COUNTER_H, COUNTER_CC.replace("const ScopedLock lock(mutex_);\n    return add_locked();",
                                      "return count_;"), "requires holding mutex"),
    "a lock that is taken twice": (
        COUNTER_H, COUNTER_CC.replace("++count_", "add() + ++count_"), "cannot call function 'add'"),
    "a lock that guards nothing": (SILENT_H, COUNTER_CC, "mutex_ guards nothing"),
}


class House(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.root = Path(folder.name)
        subprocess.run(["git", "init", "-q"], cwd=self.root, check=True)

    def grow(self, planted: dict) -> Path:
        """A clean tree in a folder of its own, with the planted files in place of its own."""
        for path in source_tree.files(self.root):
            (self.root / path).unlink()
        for name, text in (CLEAN | planted).items():
            if text is not None:
                (self.root / name).parent.mkdir(parents=True, exist_ok=True)
                (self.root / name).write_text(text)
        return self.root

    def test_a_clean_tree_passes(self):
        root = self.grow({})
        self.assertEqual(floors.check(root, TABLE), [])
        self.assertEqual(tidy.Tidy(root).run(), [])

    def test_floors_finds_what_is_planted(self):
        for what, (planted, message) in FLOORS.items():
            with self.subTest(what):
                faults = floors.check(self.grow(planted), TABLE)
                self.assertEqual(len(faults), 1, faults)
                self.assertIn(message, faults[0])

    def test_tidy_finds_what_is_planted(self):
        for what, (planted, message) in TIDY.items():
            with self.subTest(what):
                faults = tidy.Tidy(self.grow(planted)).run()
                self.assertTrue(any(message in fault for fault in faults), faults)

    def test_fault_files_finds_what_is_planted(self):
        self.assertEqual(fault_files.check(self.grow(CLOCK | fault("", ""))), [])
        for what, (planted, message) in FAULTS.items():
            with self.subTest(what):
                faults = fault_files.check(self.grow(planted))
                self.assertEqual(len(faults), 1, faults)
                self.assertIn(message, faults[0])

    def test_limits_finds_what_is_planted(self):
        self.assertEqual(limits.check(self.grow({})), [])
        self.assertEqual(limits.check(self.grow(LIMITS)), [])
        for what, (planted, message) in UNTESTED.items():
            with self.subTest(what):
                faults = limits.check(self.grow(planted))
                self.assertEqual(len(faults), 1, faults)
                self.assertIn(message, faults[0])

    def plant_counter(self, header: str = COUNTER_H, source: str = COUNTER_CC) -> Path:
        tree = Path(__file__).parent.parent / "src/base"
        names = ("mutex.h", "thread_annotations.h", "turns.h")
        own = {f"src/base/{name}": (tree / name).read_text() for name in names}
        return self.grow(own | {"src/log/counter.h": header, "src/log/counter.cc": source})

    def test_locks_finds_what_is_planted(self):
        self.assertEqual(locks.check(self.plant_counter()), [])
        for what, (header, source, message) in LOCKS.items():
            with self.subTest(what):
                faults = locks.check(self.plant_counter(header, source))
                self.assertTrue(any(message in fault for fault in faults), faults)

    def test_locks_remembers_only_what_is_unchanged_and_clean(self):
        with tempfile.TemporaryDirectory() as build:
            for _ in range(2):
                self.assertEqual(locks.check(self.plant_counter(), Path(build)), [])
            self.assertEqual(len(list((Path(build) / "locks").iterdir())), 1)
            header, source, message = LOCKS["a lock that is not taken"]
            for _ in range(2):
                faults = locks.check(self.plant_counter(header, source), Path(build))
                self.assertIn(message, faults[0])

    def test_an_exception_excuses(self):
        planted = code("\n" * 800) | {"tools/tidy_exceptions.txt": "src/log/extent.cc lines 850\n"}
        self.assertEqual(tidy.Tidy(self.grow(planted)).run(), [])

    def test_an_adapter_may_catch(self):
        body = "void f() { try { g(); } catch (...) {} }"
        planted = {"src/log/yaml_adapter.cc": TAG + body + "\n"}
        self.assertEqual(tidy.Tidy(self.grow(planted)).run(), [])

    def test_only_functions_are_measured(self):
        lengths = list(tidy._function_lengths(
            "namespace a {\nint f() {\n if (x) {\n }\n}\n}\n"
            "const auto table = to_array<Row>({\n {f(1)},\n});\n"
            "template <class T> requires(a<T>)\nstruct S {\n bool operator==(S) const {\n }\n};\n"))
        self.assertEqual(lengths, [(4, 2), (2, 12)])


if __name__ == "__main__":
    unittest.main()
