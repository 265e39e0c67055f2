# SPDX-License-Identifier: Apache-2.0
"""The reference job computed another way: no line of Braid's code, only the raw text, the same user-agent
rules through ua-parser, and the same mmdb through maxminddb.

answers(lines, ...) gives, per window width, {(window start, module, client, region): (visits, visitors,
bytes)}, and the lines that are not in combined format.
"""
import ipaddress
import re
from datetime import datetime, timedelta, timezone

import maxminddb
from ua_parser import Parser
from ua_parser.basic import Resolver
from ua_parser.loaders import load_yaml

WINDOWS = {"1h": 3600, "10m": 600, "1m": 60, "10s": 10, "1s": 1}
EPOCH = datetime(2000, 1, 1, tzinfo=timezone.utc)
MONTHS = {name: number + 1 for number, name in enumerate(
    "Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec".split())}

# host ident user [time] "request" status bytes "referer" "agent"; a quote inside is written \".
QUOTED = r'"((?:[^"\\]|\\.)*)"'
LINE = re.compile(
    r"(\S+) (\S+) (\S+) \[(\d\d)/([A-Z][a-z][a-z])/(\d{4}):(\d\d):(\d\d):(\d\d) ([+-])(\d\d)(\d\d)\] "
    + QUOTED + r" (\d{3}|-) (\d+|-) " + QUOTED + " " + QUOTED)


class Event:
    """One line that is in the format; fields are None where the log has '-'."""

    def __init__(self, match):
        day, month, year = int(match[4]), MONTHS[match[5]], int(match[6])
        local = datetime(year, month, day, int(match[7]), int(match[8]), int(match[9]),
                         tzinfo=timezone.utc)
        offset = timedelta(hours=int(match[11]), minutes=int(match[12]))
        self.at = local - offset if match[10] == "+" else local + offset
        self.ip = None if match[1] == "-" else match[1]
        request = match[13].split(" ")
        self.path = request[1] if len(request) == 3 else None
        self.status = None if match[14] == "-" else int(match[14])
        self.bytes = None if match[15] == "-" else int(match[15])
        self.agent = None if match[17] == "-" else match[17]


def parse(line):
    """An Event, or None for a line that is not in combined format."""
    match = LINE.fullmatch(line)
    if match is None or match[5] not in MONTHS:
        return None
    try:
        return Event(match)
    except ValueError:
        return None


class Enricher:
    """client(agent) and region(ip), each distinct value looked up once."""

    def __init__(self, rules, mmdb4, mmdb6=None):
        self.parser = Parser(Resolver(load_yaml(rules)))
        self.places = {4: maxminddb.open_database(str(mmdb4))}
        self.places[6] = maxminddb.open_database(str(mmdb6)) if mmdb6 else None
        self.clients, self.regions = {None: None}, {None: None}

    def client(self, agent):
        if agent not in self.clients:
            found = self.parser.parse_user_agent(agent)
            self.clients[agent] = found.family if found else "Other"
        return self.clients[agent]

    def region(self, ip):
        if ip not in self.regions:
            try:
                version = ipaddress.ip_address(ip).version
                database = self.places[version]
                place = database.get(ip) if database else None
            except ValueError:
                place = None
            self.regions[ip] = (place or {}).get("state1") or None
        return self.regions[ip]


def module_of(path):
    """split_part(path, '/', 2)"""
    if path is None:
        return None
    parts = path.split("/")
    return parts[1] if len(parts) > 1 else ""


def answers(lines, enricher):
    """See above. `lines` are bytes without line ends."""
    groups = {name: {} for name in WINDOWS}
    malformed = []
    for raw in lines:
        try:
            event = parse(raw.decode("utf-8"))
        except UnicodeDecodeError:
            event = None
        if event is None:
            malformed.append(raw)
            continue
        if event.status is None or event.status >= 400:
            continue
        seconds = int((event.at - EPOCH).total_seconds())
        key = (module_of(event.path), enricher.client(event.agent), enricher.region(event.ip))
        for name, width in WINDOWS.items():
            start = EPOCH + timedelta(seconds=seconds - seconds % width)
            group = groups[name].setdefault((start, *key), [0, set(), None])
            group[0] += 1
            if event.ip is not None:
                group[1].add(event.ip)
            if event.bytes is not None:
                group[2] = (group[2] or 0) + event.bytes
    finished = {name: {key: (visits, len(visitors), total)
                       for key, (visits, visitors, total) in group.items()}
                for name, group in groups.items()}
    return finished, malformed
