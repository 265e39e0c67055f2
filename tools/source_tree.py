# SPDX-License-Identifier: Apache-2.0
"""What the checks of the house read: the files of the tree, and C++ without its words."""

import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

CODE = (".h", ".cc")


def files(root: Path) -> list[Path]:
    """Paths below root that are tracked, or new and not ignored, sorted."""
    listing = subprocess.run(
        ["git", "-c", "safe.directory=*", "ls-files", "-z", "--cached", "--others",
         "--exclude-standard"],
        cwd=root, check=True, capture_output=True).stdout.decode()
    paths = sorted({Path(name) for name in listing.split("\0") if name})
    return [path for path in paths if (root / path).is_file()]


def is_foreign(path: Path) -> bool:
    return path.parts[0] == "third_party"


def kind(path: Path) -> str:
    """test, fuzz, bench or test_support by the end of the name, else code."""
    for ending in ("test", "fuzz", "bench", "test_support"):
        if path.stem == ending or path.stem.endswith("_" + ending):
            return ending
    return "code"


_WORDS = re.compile(
    r"""//[^\n]*
      | /\*.*?\*/
      | R"(?P<mark>[^()\s]*)\(.*?\)(?P=mark)"
      | "(?:\\.|[^"\\\n])*"
      | (?<![0-9a-fA-F])'(?:\\.|[^'\\\n])*'
    """, re.VERBOSE | re.DOTALL)


def without_words(text: str) -> str:
    """C++ with comments and literals emptied; every line keeps its number."""
    def empty(match: re.Match) -> str:
        quotes = '""' if match[0][0] in "\"'R" else " "
        return quotes + "\n" * match[0].count("\n")
    return _WORDS.sub(empty, text)


def tell_faults(check: Callable[[Path], list[str]], all_well: str) -> int:
    """The end of a check: it is run on the tree that the command line names, or this one; its faults, or that there
    are none, are printed. The exit status."""
    root = Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).parent.parent
    faults = check(root)
    print("\n".join(faults) or all_well)
    return 1 if faults else 0
