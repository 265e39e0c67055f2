#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Random statements beside PostgreSQL: each must give the same types, rows and errors, or say 0A000."""
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

    def round(self, number, random):
        """See campaign.py."""
        return TOPICS[number % len(TOPICS)](self, random)

    def facts(self):
        """For the closing line."""
        return self.outcomes.text()


if __name__ == "__main__":
    campaign.main(SqlProver)
