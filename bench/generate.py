#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Makes the inputs of the benchmark from a seed, the same bytes on every machine.

    generate.py FOLDER [--events 2000000] [--lines 1000000]

ysb.json       events of the Yahoo Streaming Benchmark: its keys, order and spacing, 10 ms apart,
               so that 1,000 ads share the 333 views of a window
ysb_dense.json the same 10 us apart, as in a run of many events a second
campaigns.tsv  ad and campaign: 1,000 ads, 100 campaigns
combined.log   the real log of the reference job, repeated; each repetition begins after the last: some
               two lines a minute, as they were recorded
combined_dense.log  the same lines a thousandth of a second apart, as on a busy site
*_head.*       the first quarter of each of them, for costs without start-up
hashes.json    SHA-256 of each
"""
import argparse
import datetime
import hashlib
import itertools
import json
import lzma
import pathlib
import random
import re

SEED = 20261122
ADS, ADS_PER_CAMPAIGN = 1000, 10
FIRST_EVENT_MS = 1_430_000_000_000
STEPS_US = {"ysb.json": 10_000, "ysb_dense.json": 10}
AD_TYPES = ["banner", "modal", "sponsored-search", "mail", "mobile"]
EVENT_TYPES = ["view", "click", "purchase"]
REAL_LOG = pathlib.Path(__file__).resolve().parents[1] / "examples/reference_job/access.log.xz"
DAY = re.compile(rb"\[(\d{2}/[A-Z][a-z]{2}/\d{4}):")
DAY_FORMAT = "%d/%b/%Y"
LOG_DAYS = 4  # what the real log covers
SECOND = re.compile(rb"\[\d{2}/[A-Z][a-z]{2}/\d{4}:\d\d:\d\d:\d\d ")
FIRST_SECOND = datetime.datetime(2015, 5, 17, 10, 5, 3)
DENSE_LINES_A_SECOND = 1000
CHUNK = 10_000
HEAD_SHARE = 4  # a head is one part in so many


def uuid(text):
    """32 hexadecimal digits in the form of a UUID."""
    return f"{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:]}"


def write_ysb(path, campaigns, events, step_us):
    """Events in catch-up mode: a fresh user and page each."""
    source = random.Random(SEED)
    ads = [uuid(source.randbytes(16).hex()) for _ in range(ADS)]
    names = [uuid(source.randbytes(16).hex()) for _ in range(ADS // ADS_PER_CAMPAIGN)]
    campaigns.write_text("".join(
        f"{ad}\t{names[index // ADS_PER_CAMPAIGN]}\n" for index, ad in enumerate(ads)))
    with open(path, "wb") as file:
        for first in range(0, events, CHUNK):
            count = min(CHUNK, events - first)
            digits = source.randbytes(32 * count).hex()
            drawn = source.choices(range(ADS), k=count)
            lines = [
                f'{{"user_id": "{uuid(digits[64 * i:64 * i + 32])}", '
                f'"page_id": "{uuid(digits[64 * i + 32:64 * i + 64])}", '
                f'"ad_id": "{ads[drawn[i]]}", "ad_type": "{AD_TYPES[ad_type]}", '
                f'"event_type": "{EVENT_TYPES[event_type]}", '
                f'"event_time": "{FIRST_EVENT_MS + step_us * (first + i) // 1000}", '
                '"ip_address": "1.2.3.4"}\n'
                for i, (ad_type, event_type) in enumerate(zip(
                    source.choices(range(len(AD_TYPES)), k=count),
                    source.choices(range(len(EVENT_TYPES)), k=count)))]
            file.write("".join(lines).encode())


def write_log(path, lines):
    """The real lines with their days moved on at each repetition."""
    real = lzma.decompress(REAL_LOG.read_bytes()).splitlines(keepends=True)
    with open(path, "wb") as file:
        for repetition in range((lines + len(real) - 1) // len(real)):
            moved = {}

            def later(match, repetition=repetition, moved=moved):
                if match[1] not in moved:
                    day = datetime.datetime.strptime(match[1].decode(), DAY_FORMAT)
                    day += datetime.timedelta(days=LOG_DAYS * repetition)
                    moved[match[1]] = b"[" + day.strftime(DAY_FORMAT).encode() + b":"
                return moved[match[1]]

            file.write(b"".join(DAY.sub(later, line, count=1) for line in real))


def write_dense_log(path, lines):
    """The real lines again and again, a fixed number of them a second."""
    real = lzma.decompress(REAL_LOG.read_bytes()).splitlines(keepends=True)
    with open(path, "wb") as file:
        for first in range(0, lines, DENSE_LINES_A_SECOND):
            now = FIRST_SECOND + datetime.timedelta(seconds=first // DENSE_LINES_A_SECOND)
            stamp = b"[" + now.strftime(DAY_FORMAT + ":%H:%M:%S ").encode()
            file.write(b"".join(SECOND.sub(stamp, real[number % len(real)], count=1)
                                for number in range(first, min(first + DENSE_LINES_A_SECOND, lines))))


def head_of(path):
    """Where the first lines of an input lie."""
    return path.with_name(f"{path.stem}_head{path.suffix}")


def write_head(path, lines):
    """The first lines as a file of their own."""
    with open(path, "rb") as file, open(head_of(path), "wb") as head:
        head.writelines(itertools.islice(file, lines))


def hash_of(path):
    """SHA-256 of a file."""
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def generate(folder, events, lines):
    """Writes what is missing or of another size; gives the hashes."""
    folder.mkdir(parents=True, exist_ok=True)
    made = folder / "hashes.json"
    wish = {"events": events, "lines": lines, "seed": SEED, "steps_us": STEPS_US,
            "head_share": HEAD_SHARE, "dense_lines_a_second": DENSE_LINES_A_SECOND}
    if made.exists() and json.loads(made.read_text())["made"] == wish:
        return json.loads(made.read_text())["sha256"]
    for name, step_us in STEPS_US.items():
        write_ysb(folder / name, folder / "campaigns.tsv", events, step_us)
        write_head(folder / name, events // HEAD_SHARE)
    for name, write in (("combined.log", write_log), ("combined_dense.log", write_dense_log)):
        write(folder / name, lines)
        write_head(folder / name, lines // HEAD_SHARE)
    names = [*STEPS_US, "campaigns.tsv", "combined.log", "combined_dense.log"]
    hashes = {name: hash_of(folder / name) for name in names}
    made.write_text(json.dumps({"made": wish, "sha256": hashes}, indent=1) + "\n")
    return hashes


def main():
    """See the top of the file."""
    arguments = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    arguments.add_argument("folder", type=pathlib.Path)
    arguments.add_argument("--events", type=int, default=2_000_000)
    arguments.add_argument("--lines", type=int, default=1_000_000)
    options = arguments.parse_args()
    print(json.dumps(generate(options.folder, options.events, options.lines), indent=1))


if __name__ == "__main__":
    main()
