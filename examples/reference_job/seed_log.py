#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Writes the seeded log: the lines of a combined log with minute and second drawn from a seed.

    seed_log.py < access.log > seeded.log

The same seed and input give the same bytes on every machine.
"""
import re
import sys

SEED = 20261122
MASK = (1 << 64) - 1
TIME = re.compile(rb"(\[\d{2}/[A-Z][a-z]{2}/\d{4}:\d{2}:)\d{2}:\d{2}( [+-]\d{4}\])")


def splitmix64(value):
    """Steele, Lea and Flood, 2014: one well-mixed number for each input."""
    value = (value + 0x9E3779B97F4A7C15) & MASK
    value = ((value ^ (value >> 30)) * 0xBF58476D1CE4E5B9) & MASK
    value = ((value ^ (value >> 27)) * 0x94D049BB133111EB) & MASK
    return value ^ (value >> 31)


def spread(lines, seed=SEED):
    """Yields the lines with another minute and second; a line without a time stays as it is."""
    for number, line in enumerate(lines):
        drawn = splitmix64(seed ^ number)
        clock = b"%02d:%02d" % (drawn % 60, (drawn >> 32) % 60)
        yield TIME.sub(lambda match: match[1] + clock + match[2], line, count=1)


if __name__ == "__main__":
    for out in spread(sys.stdin.buffer):
        sys.stdout.buffer.write(out)
