#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Tells many stories of whole nodes: tests/sim/node_sim_test with seeds that CI does not run.

A round is some neighbouring seeds, shared by all cores. A finding is the story of its seed, with the
command that tells it again.
"""
import concurrent.futures
import os
import pathlib
import re
import subprocess
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))

from prove import campaign  # noqa: E402

PROGRAM = campaign.ROOT / "build" / "release" / "bin" / "node_sim_test"
SEEDS_OF_A_ROUND = 80
SEEDS_OF_A_PROCESS = 20
END_SECONDS = 1800  # of a process; one that does not end is a finding
STORY = re.compile(r"^seed \d+\n.*?^again: .*?$", re.MULTILINE | re.DOTALL)


def tell(first):
    """Runs seeds from `first` on; gives what was found."""
    name = f"BRAID_SIM_FIRST={first} BRAID_SIM_SEEDS={SEEDS_OF_A_PROCESS} {PROGRAM.relative_to(campaign.ROOT)}"
    environment = dict(os.environ, BRAID_SIM_FIRST=str(first), BRAID_SIM_SEEDS=str(SEEDS_OF_A_PROCESS))
    try:
        ended = subprocess.run([PROGRAM, "--gtest_filter=*HoldsForManySeeds"], cwd=campaign.ROOT, env=environment,
                               capture_output=True, text=True, errors="replace", timeout=END_SECONDS, check=False)
    except subprocess.TimeoutExpired:
        return [f"{name} does not end"]
    if ended.returncode == 0:
        return []
    return STORY.findall(ended.stdout) or [f"{name} ended with {ended.returncode}\n{ended.stderr[-4000:]}"]


class SimProver:
    """One round, some neighbouring seeds."""

    name = "sim"
    unit = "seeds"
    short, long = 300, 20_000

    def __enter__(self):
        return self

    def __exit__(self, *_):
        pass

    def round(self, _number, random):
        """Seeds far from those of CI."""
        first = random.randrange(1 << 20, 1 << 40)
        firsts = range(first, first + SEEDS_OF_A_ROUND, SEEDS_OF_A_PROCESS)
        with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
            return SEEDS_OF_A_ROUND, [text for found in pool.map(tell, firsts) for text in found]


if __name__ == "__main__":
    campaign.main(SimProver)
