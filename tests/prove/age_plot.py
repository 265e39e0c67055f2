#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Draws the rows of an aged node: age_plot.py build/prove/age/age.csv docs/age.svg."""
import csv
import html
import sys

# What is drawn: the column, its title, what one of it is divided by.
PANELS = [("cpu_us_per_event", "CPU an event, µs", 1), ("rss_mb", "resident memory, MB", 1),
          ("point_us", "CPU of a point read, µs", 1), ("scan_ms", "CPU of a scan, ms", 1),
          ("runs_max", "runs of a version, most", 1), ("open_files", "open files", 1),
          ("manifest_bytes", "manifest, MB", 1e6), ("runs_bytes", "runs, MB", 1e6),
          ("runs_files", "run files", 1), ("log_bytes", "log, MB", 1e6),
          ("dataset_files", "files of the dataset", 1), ("dataset_bytes", "dataset, MB", 1e6)]
COLUMNS = 3
WIDTH, HEIGHT = 300, 150  # of a panel
LEFT, TOP, RIGHT, BOTTOM = 48, 26, 10, 22  # around its curve


def panel(rows, column, title, unit):
    """One curve from 0 on, with its highest value and its last day."""
    values = [(float(row["day"]), float(row[column]) / unit) for row in rows]
    days, top = values[-1][0] or 1, max(value for _, value in values) or 1
    wide, high = WIDTH - LEFT - RIGHT, HEIGHT - TOP - BOTTOM
    points = " ".join(f"{LEFT + wide * day / days:.1f},{TOP + high * (1 - value / top):.1f}" for day, value in values)
    return f"""<text x="{LEFT}" y="16" font-weight="bold">{html.escape(title)}</text>
<path d="M{LEFT} {TOP}V{TOP + high}H{LEFT + wide}" fill="none" stroke="#888"/>
<text x="{LEFT - 4}" y="{TOP + 8}" text-anchor="end">{top:.3g}</text>
<text x="{LEFT - 4}" y="{TOP + high}" text-anchor="end">0</text>
<text x="{LEFT + wide}" y="{HEIGHT - 8}" text-anchor="end">day {days:.3g}</text>
<polyline points="{points}" fill="none" stroke="#06c" stroke-width="1.2"/>"""


def main():
    """The whole page."""
    with open(sys.argv[1], newline="", encoding="utf-8") as lines:
        rows = [row for row in csv.DictReader(lines) if row["events"] != "0"]
    height = HEIGHT * -(-len(PANELS) // COLUMNS)
    parts = [f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH * COLUMNS}" height="{height}" '
             'font-family="sans-serif" font-size="11">', '<rect width="100%" height="100%" fill="white"/>']
    for number, (column, title, unit) in enumerate(PANELS):
        x, y = WIDTH * (number % COLUMNS), HEIGHT * (number // COLUMNS)
        parts.append(f'<g transform="translate({x} {y})">{panel(rows, column, title, unit)}</g>')
    with open(sys.argv[2], "w", encoding="utf-8") as out:
        out.write("\n".join(parts + ["</svg>\n"]))


if __name__ == "__main__":
    main()
