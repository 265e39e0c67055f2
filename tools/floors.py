#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Holds the include table: floors.py BUILD/floors.txt [ROOT].

The table is what the lines braid_floor(NAME MAY … THIRD_PARTY … ROOMS …) say; CMake writes it out.
A file may include its own folder, the floors of its row and the third parties of its row, nothing
else. Where the row has rooms, a file that is no test may include its own room and those before it.
"""

import re
import sys
from pathlib import Path
from typing import NamedTuple

import source_tree

# Whose header it is, by the beginning of its name.
OWNERS = {
    "CLI/": "cli11", "absl/": "absl", "arrow/": "arrow", "boost/": "boost",
    "duckdb.h": "duckdb", "fmt/": "fmt", "hs.h": "hyperscan", "hs/": "hyperscan",
    "maxminddb": "maxminddb", "parquet/": "parquet", "pg_query.h": "pg_query", "re2/": "re2",
    "simdjson": "simdjson", "toml++/": "tomlplusplus", "xxhash.h": "xxhash",
    "yaml-cpp/": "yaml_cpp", "zstd": "zstd",
    "gtest/": "gtest", "gmock/": "gtest", "benchmark/": "benchmark",
}
SYSTEM = re.compile(r"[a-z0-9_]+(\.h)?|(sys|linux|netinet|arpa)/\w+\.h")
EVERYWHERE = {"fmt"}
KINDS = {"gtest": ("test", "test_support"), "benchmark": ("bench",)}  # only in files of these kinds
NARROWER = {"pg_query": "src/sql/parse/", "duckdb": "src/read/adhoc/"}  # one folder of the floor

INCLUDE = re.compile(r'^\s*#\s*include\s*(?:"(?P<own>[^"]+)"|<(?P<outer>[^>]+)>)', re.MULTILINE)


class Row(NamedTuple):
    may: set[str]
    libraries: set[str]
    rooms: list[str]


def read_table(text: str) -> dict[str, Row]:
    rows = (line.split("|") for line in text.splitlines())
    return {name.strip(): Row(set(may.split()), set(libraries.split()), rooms.split())
            for name, may, libraries, rooms in rows}


def room_of(path: Path) -> str:
    """The folder in the floor; path is below src/."""
    return path.parts[1] if len(path.parts) > 2 else "."


def room_fault(path: Path, target: Path, rooms: list[str]) -> str | None:
    own, other = room_of(path.relative_to("src")), room_of(target)
    for room in (own, other):
        if room not in rooms:
            return f"{path.parts[1]} has no room {room} in its line"
    if rooms.index(other) > rooms.index(own):
        return f"{path.parts[1]}/{own} may not include {path.parts[1]}/{other}"
    return None


def own_fault(path: Path, name: str, row: Row, root: Path) -> str | None:
    floor = path.parts[1]
    target = Path(name).parts[0]
    if not (root / "src" / name).is_file():
        return f'"{name}" is no file under src/ (includes start there)'
    if target != floor and target not in row.may:
        return f"{floor} may not include {target}"
    if source_tree.kind(Path(name)) == "test_support" and source_tree.kind(path) == "code":
        return f'"{name}" is for tests only'
    if row.rooms and target == floor and source_tree.kind(path) == "code":
        return room_fault(path, Path(name), row.rooms)
    return None


def outer_fault(path: Path, name: str, libraries: set[str]) -> str | None:
    owner = next((OWNERS[begin] for begin in OWNERS if name.startswith(begin)), None)
    if owner is None:
        return None if SYSTEM.fullmatch(name) else f"<{name}> is of no known third party"
    if owner in KINDS:
        wrong = source_tree.kind(path) not in KINDS[owner]
        return f"{owner} is only for files *_{KINDS[owner][0]}" if wrong else None
    if owner not in libraries | EVERYWHERE:
        return f"{path.parts[1]} may not include {owner}"
    folder = NARROWER.get(owner)
    if folder and not str(path).startswith(folder):
        return f"{owner} is for {folder} alone"
    return None


def check(root: Path, table_text: str) -> list[str]:
    table = read_table(table_text)
    faults = []
    for path in source_tree.files(root):
        if path.parts[0] != "src" or path.suffix not in source_tree.CODE:
            continue
        if path.parts[1] not in table:
            faults.append(f"{path}:1: {path.parts[1]} is no floor")
            continue
        row = table[path.parts[1]]
        text = (root / path).read_text()
        for found in INCLUDE.finditer(text):
            fault = (own_fault(path, found["own"], row, root) if found["own"]
                     else outer_fault(path, found["outer"], row.libraries))
            if fault:
                line = text.count("\n", 0, found.start(found.lastgroup)) + 1
                faults.append(f"{path}:{line}: {fault}")
    return faults


def main() -> int:
    root = Path(sys.argv[2]) if len(sys.argv) > 2 else Path(__file__).parent.parent
    faults = check(root, Path(sys.argv[1]).read_text())
    print("\n".join(faults) or "floors: every include is allowed")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
