#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Damages files of a data directory under a running node that has read them before.

Each round starts a node on a whole copy, asks it everything, changes one file in its place, and asks again: every
answer must be right, or an error for just what is affected. Half of the nodes keep nothing of what they read in
memory, so that every answer reads the files again.
"""
import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))

from prove import campaign, damage  # noqa: E402

FILES = ("runs/**/*.run", "runs/**/*.run", "dataset/**/*.parquet", "dataset/**/*.parquet", "log/*/*/*",
         "manifest/*", "function_data/*/*")


class DamageInPlace(damage.Damage):
    """One change of a file that somebody may have open."""

    def kinds(self):
        return [self.flip, self.flip, self.flip, self.scribble, self.truncate, self.truncate, self.extend,
                self.zero_page, self.empty, self.swap]

    def patterns(self):
        return FILES


class RunningTrial(damage.Trial):
    """The node on a copy that is damaged under it."""

    def run(self, damage_it):  # pylint: disable=arguments-differ
        """Asks, lets the damage happen, and asks again, with a recomputation in between."""
        if not self.start():
            self.findings.append("a whole copy was refused")
            return
        steps = [self.ask, damage_it, self.ask, self.refresh, self.ask]
        for step in steps:
            try:
                step()
            except (damage.psycopg.OperationalError, ConnectionError, OSError) as error:
                self.dead(f"{step.__name__}: {error}")
                return
            if step == self.ask and step is steps[0] and self.errors:
                self.findings.append("a whole copy gave errors")
                return
        if self.braid.process is None or self.braid.process.poll() is not None:
            self.dead("it is gone")


class RunningDamageProver(damage.DamageProver):
    """One round, one copy that is damaged while it is read."""

    name = "damage_running"
    short, long = 15, 1000

    def round(self, number, draw):
        """Damages one copy under its node."""
        original = draw.choice(self.originals)
        data = self.folder / f"copy-{number}"
        damage.shutil.copytree(original.folder, data)
        cache_mib = draw.choice((0, 256))
        trial = RunningTrial(original, data, f"{self.config}[read]\ncache_mib = {cache_mib}\n", draw)
        told = []
        try:
            trial.run(lambda: told.append(DamageInPlace(draw, data, original.older).text))
        finally:
            trial.braid.remove()
            for ending in (".trace", ".toml"):
                data.with_name(data.name + ending).unlink(missing_ok=True)
            damage.shutil.rmtree(data, ignore_errors=True)
        self.outcomes[trial.outcome()] += 1
        before = f"{original.folder.name}, cache {cache_mib} MiB: {' '.join(told)}"
        return 1, [f"{before}\n{finding}" for finding in trial.findings]


if __name__ == "__main__":
    campaign.main(RunningDamageProver)
