# SPDX-License-Identifier: Apache-2.0
"""What every prover shares: numbered rounds of one seed, progress, resuming, replay and a verdict.

A prover is a class with the attributes `name`, `unit` (what is counted) and `short` (how many of it are
enough for CI), that is a context manager (it starts and stops what it needs), and has

    round(number, random) -> (units done, [finding, …])

Everything that a round does follows from `random`, so the same seed and number do the same again. A finding
is a text: what was done, what was wanted, what came. main(ProverClass) is the whole program of its script.
"""
import argparse
import json
import pathlib
import random
import sys
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
FOLDER = ROOT / "build" / "prove"
SEED = 20261122
PROGRESS_SECONDS = 10
SAVE_SECONDS = 10
SHOWN_MAX = 20  # findings that are printed; all of them are in the file


class Campaign:
    """Rounds of one seed until `count` units are done; what is done is kept in build/prove/."""

    def __init__(self, prover, seed, count):
        self._prover, self._seed, self._count = prover, seed, count
        self._path = FOLDER / f"{prover.name}-{seed}.json"
        self._next, self._done, self._findings = 0, 0, []
        self._told = self._saved = self._began = time.monotonic()
        self._done_before = 0

    def resume(self):
        """Goes on where an earlier run of this seed stopped, if one did."""
        if self._path.exists():
            kept = json.loads(self._path.read_text())
            self._next, self._done, self._findings = kept["next"], kept["done"], kept["findings"]
            self._done_before = self._done

    def run(self):
        """True if nothing was found."""
        while self._done < self._count:
            units, findings = one_round(self._prover, self._seed, self._next)
            for text in findings:
                self._findings.append({"round": self._next, "text": text})
                if len(self._findings) <= SHOWN_MAX:
                    print(f"-- finding in round {self._next} ({self._replay(self._next)})\n{text}\n", flush=True)
            self._next, self._done = self._next + 1, self._done + units
            self._tell()
        self._save()
        return not self._findings

    def _replay(self, number):
        return f"./dev prove {self._prover.name} --seed {self._seed} --round {number}"

    def _tell(self):
        now = time.monotonic()
        if now - self._saved >= SAVE_SECONDS:
            self._save()
            self._saved = now
        if now - self._told >= PROGRESS_SECONDS:
            speed = (self._done - self._done_before) / (now - self._began)
            print(f"{self._prover.name}: {self._done} of {self._count} {self._prover.unit}, "
                  f"{len(self._findings)} findings, {speed:.0f}/s", flush=True)
            self._told = now

    def _save(self):
        self._path.parent.mkdir(parents=True, exist_ok=True)
        part = self._path.with_suffix(".part")
        part.write_text(json.dumps({"next": self._next, "done": self._done, "findings": self._findings}))
        part.replace(self._path)

    def verdict(self):
        """The closing lines."""
        facts = getattr(self._prover, "facts", lambda: "")()
        print(f"{self._prover.name}: seed {self._seed}, {self._next} rounds, {self._done} {self._prover.unit}, "
              f"{len(self._findings)} findings{facts and '; ' + facts}")
        failed = len({finding["round"] for finding in self._findings})
        print(f"{self._next - failed} passed, {failed} failed")


def one_round(prover, seed, number):
    """A round by itself."""
    return prover.round(number, random.Random(f"{seed}/{number}"))


def main(make_prover):
    """The program of a prover's script."""
    arguments = argparse.ArgumentParser()
    arguments.add_argument("--seed", type=int, default=SEED)
    arguments.add_argument("--count", type=int, help=f"how many {make_prover.unit} (default: {make_prover.long})")
    arguments.add_argument("--short", action="store_true", help=f"{make_prover.short} {make_prover.unit}, as CI does")
    arguments.add_argument("--resume", action="store_true", help="go on where this seed stopped")
    arguments.add_argument("--round", type=int, help="do only this round again")
    options = arguments.parse_args()
    with make_prover() as prover:
        if options.round is not None:
            _, findings = one_round(prover, options.seed, options.round)
            print("\n\n".join(findings) or "nothing found")
            print(f"{0 if findings else 1} passed, {1 if findings else 0} failed")
            sys.exit(1 if findings else 0)
        count = options.count or (prover.short if options.short else prover.long)
        campaign = Campaign(prover, options.seed, count)
        if options.resume:
            campaign.resume()
        good = campaign.run()
        campaign.verdict()
    sys.exit(0 if good else 1)
