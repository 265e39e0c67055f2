#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Writes tests/corpus/user_agents.tsv: browser and system of many user agents, by walking the rules
of uap-core's regexes.yaml one after another with Python's regular expressions.

    make_user_agents.py REGEXES_YAML TEST_YAML...

The agents come from uap-core's own test files (tests/test_ua.yaml, tests/test_os.yaml; Apache-2.0),
as Debian's package uap-core has them. A line is: browser, system, agent, separated by tabs.
"""

import re
import sys
from pathlib import Path

import yaml

BYTES_MAX = 230_000


def compiled(rules: list[dict], replacement: str) -> list[tuple]:
    return [(re.compile(rule["regex"]), rule.get(replacement)) for rule in rules]


def family(rules: list[tuple], agent: str) -> str:
    for pattern, replacement in rules:
        found = pattern.search(agent)
        if not found:
            continue
        if replacement is None:
            return found.group(1) or "Other"
        def group(match: re.Match) -> str:
            number = int(match[1])
            return (found.group(number) or "") if number <= pattern.groups else ""
        return re.sub(r"\$(\d)", group, replacement).strip() or "Other"
    return "Other"


def main() -> None:
    rules = yaml.load(Path(sys.argv[1]).read_text(), yaml.CSafeLoader)
    browsers = compiled(rules["user_agent_parsers"], "family_replacement")
    systems = compiled(rules["os_parsers"], "os_replacement")
    agents = {}
    for path in sys.argv[2:]:
        for case in yaml.load(Path(path).read_text(), yaml.CSafeLoader)["test_cases"]:
            agent = case["user_agent_string"]
            if not re.search(r"[\t\n\\]", agent):
                agents[agent] = None
    lines = [f"{family(browsers, a)}\t{family(systems, a)}\t{a}\n" for a in agents]
    step = max(1.0, sum(len(line) for line in lines) / BYTES_MAX)
    kept = [lines[int(i * step)] for i in range(int(len(lines) / step))]
    Path(__file__).with_name("user_agents.tsv").write_text("".join(kept))
    print(len(kept), "of", len(lines))


if __name__ == "__main__":
    main()
