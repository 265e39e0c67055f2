#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Random statements beside PostgreSQL: each must give the same types, rows and errors, or say 0A000."""
import collections
import pathlib
import sys

sys.path[0] = str(pathlib.Path(__file__).resolve().parents[1])  # this script must not hide the package sql

from prove import campaign, sql_subqueries, sql_topics  # noqa: E402
from prove.sql_pair import Pair  # noqa: E402
from prove.sql_transactions import transactions  # noqa: E402

TOPICS = (sql_topics.ad_hoc, sql_topics.views, sql_topics.parameters, transactions, sql_subqueries.subqueries)


class SqlProver(Pair):
    """Each round is one topic over tables of its own."""
    name, unit, short, long = "sql", "statements", 1500, 100_000

    def __init__(self):
        super().__init__()
        self._of_topic = collections.Counter()

    def round(self, number, random):
        """See campaign.py."""
        topic = TOPICS[number % len(TOPICS)]
        done, findings = topic(self, random)
        self._of_topic[topic.__name__] += done
        return done, findings

    def facts(self):
        """For the closing line."""
        topics = ", ".join(f"{count} of {name}" for name, count in self._of_topic.items())
        return f"{topics}; {self.outcomes.text()}"


if __name__ == "__main__":
    campaign.main(SqlProver)
