#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""PostgreSQL 15's own psql: its describe commands, -c, -f, variables, formats, and errors with a caret."""
import json
import pathlib
import subprocess
import sys
import tempfile
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))

from harness import checks  # noqa: E402
from harness.postgres import binaries  # noqa: E402
from harness.server import Braid  # noqa: E402

SCHEMA = """
CREATE TABLE hits (path text, status int, bytes bigint, at timestamptz, price numeric(8,2),
                   ratio double precision, ok boolean, day date, note varchar(20));
CREATE MATERIALIZED VIEW per_path AS
    SELECT path, count(*) AS visits, sum(bytes) AS bytes FROM hits WHERE status < 400 GROUP BY path;
CREATE VIEW top_paths AS SELECT path, visits FROM per_path WHERE visits > 1;
CREATE TABLE "Odd ""name" ("a b" int);
INSERT INTO hits (path, status, bytes) VALUES ('/a', 200, 10), ('/a', 304, NULL), ('/b', 200, 5);
"""


class PsqlTest(unittest.TestCase):
    """Each test is a run of psql."""

    @classmethod
    def setUpClass(cls):
        cls.braid = cls.enterClassContext(Braid(init=SCHEMA))

    def psql(self, *words, stdin=None):
        """Runs psql without a start-up file; gives exit status, output and errors."""
        host, port = self.braid.pg
        done = subprocess.run(
            [binaries() / "psql", "-X", "-h", host, "-p", str(port), "-U", "braid", "-d", "braid",
             *words], input=stdin, capture_output=True, text=True, timeout=120, check=False)
        return done.returncode, done.stdout, done.stderr

    def output(self, *words):
        """The output of a run that must succeed and say nothing else."""
        status, out, err = self.psql(*words)
        self.assertEqual((status, err), (0, ""), out)
        return out

    def test_select(self):
        self.assertEqual(self.output("-A", "-t", "-c", "SELECT * FROM per_path ORDER BY path"),
                         "/a|2|10\n/b|1|5\n")

    def test_aligned_output(self):
        self.assertEqual(self.output("-c", "SELECT path, visits FROM per_path ORDER BY 1"),
                         " path | visits \n------+--------\n /a   |      2\n /b   |      1\n"
                         "(2 rows)\n\n")

    def test_list_of_tables(self):
        out = self.output("-c", "\\dt")
        self.assertIn("hits", out)
        self.assertIn('Odd "name', out)
        self.assertNotIn("per_path", out)
        self.assertNotIn("quarantine", out)

    def test_list_of_materialized_views(self):
        out = self.output("-c", "\\dm")
        self.assertIn("per_path", out)
        self.assertIn("materialized view", out)
        self.assertNotIn("hits", out)

    def test_list_of_views(self):
        out = self.output("-c", "\\dv")
        self.assertIn("top_paths", out)
        self.assertNotIn("per_path", out)

    def test_list_of_all_relations(self):
        out = self.output("-c", "\\d")
        for name in ("hits", "per_path", "top_paths"):
            self.assertIn(name, out)
        self.assertIn("per_path", self.output("-c", "\\d+"))

    def test_relations_of_the_schema_braid(self):
        out = self.output("-c", "\\d braid.*")
        for name in ("streams", "views", "runs", "audits", "receipts", "quarantine"):
            self.assertIn(f"braid.{name}", out)

    def test_describe_table(self):
        out = self.output("-c", "\\d hits")
        self.assertIn('Table "public.hits"', out)
        for column, name in (("path", "text"), ("status", "integer"), ("bytes", "bigint"),
                             ("at", "timestamp with time zone"), ("price", "numeric(8,2)"),
                             ("ratio", "double precision"), ("ok", "boolean"), ("day", "date"),
                             ("note", "character varying(20)")):
            self.assertRegex(out, rf"(?m)^ {column} +\| {name.replace('(', '.').replace(')', '.')} ")

    def test_describe_materialized_view(self):
        out = self.output("-c", "\\d per_path")
        self.assertIn('Materialized view "public.per_path"', out)
        self.assertRegex(out, r"(?m)^ visits +\| bigint ")
        self.assertRegex(out, r"(?m)^ bytes +\| numeric ")
        self.assertIn("GROUP BY", self.output("-c", "\\d+ per_path"))

    def test_describe_view(self):
        out = self.output("-c", "\\d+ top_paths")
        self.assertIn('View "public.top_paths"', out)
        self.assertIn("per_path", out)

    def test_a_view_that_keeps_its_groups_for_a_time(self):
        def lines(sql):
            return self.output("-A", "-t", "-q", "-c", sql).splitlines()

        lines("CREATE TABLE calls (who text, at timestamptz) WITH (event_time = 'at')")
        self.addCleanup(lines, "DROP TABLE calls")
        status, _, err = self.psql("-c", "CREATE MATERIALIZED VIEW recent WITH (retention = '1 hour')"
                                   " AS SELECT who, count(*) FROM calls GROUP BY 1")
        self.assertEqual(status, 1)
        self.assertIn("must be grouped by the event time", err)
        self.assertIn("HINT:  Group by \"at\" itself", err)
        lines("CREATE MATERIALIZED VIEW recent WITH (retention = '1 hour') AS"
              " SELECT who, date_trunc('minute', at) AS minute, count(*) AS calls FROM calls GROUP BY 1, 2")
        self.addCleanup(lines, "DROP MATERIALIZED VIEW recent")
        lines("INSERT INTO calls VALUES ('now', now()), ('older', now() - interval '3 hours')")
        lines("REFRESH MATERIALIZED VIEW recent")  # it seals, and so the horizon moves
        self.assertEqual(lines("SELECT who, calls FROM recent"), ["now|1"])
        lines("INSERT INTO calls VALUES ('late', now() - interval '2 hours'), ('again', now()),"
              " ('far', now() + interval '2 days')")
        for _ in range(2):
            self.assertEqual(lines("SELECT who FROM recent ORDER BY 1"), ["again", "far", "now"])
            lines("REFRESH MATERIALIZED VIEW recent")
        self.assertEqual(lines("SELECT counted, expired, retention, horizon < now() FROM braid.views"
                               " WHERE name = 'recent'"), ["4|1|01:00:00|t"])
        self.assertEqual(lines("SELECT count(*) FROM calls"), ["5"])
        receipt = json.loads(lines("SELECT * FROM recent; SHOW braid.receipt")[-1])
        self.assertEqual(receipt["expired"], 1)
        self.assertIn("horizon", receipt["views"]["recent"])

    def test_describe_odd_name(self):
        self.assertIn('"public.Odd "name"', self.output("-c", '\\d "Odd ""name"'))

    def test_describe_what_is_not_there(self):
        status, _, err = self.psql("-c", "\\d nothing")
        self.assertEqual(status, 1)
        self.assertIn('Did not find any relation named "nothing"', err)

    def test_lists_of_databases_schemas_and_roles(self):
        self.assertIn("braid", self.output("-l"))
        self.assertIn("braid", self.output("-c", "\\l"))
        schemas = self.output("-c", "\\dn")
        self.assertIn("public", schemas)
        self.assertIn("braid", self.output("-c", "\\du"))

    def test_lists_that_are_empty(self):
        for command in ("\\di", "\\ds", "\\df", "\\dx", "\\dT", "\\dp", "\\db", "\\dE"):
            with self.subTest(command):
                status, _, err = self.psql("-c", command)
                self.assertEqual(status, 0, err)
                self.assertNotIn("ERROR", err)

    def test_error_with_a_caret(self):
        status, _, err = self.psql("-c", "SELECT nothing FROM hits")
        self.assertEqual(status, 1)
        self.assertEqual(err, 'ERROR:  column "nothing" does not exist\n'
                              "LINE 1: SELECT nothing FROM hits\n"
                              "               ^\n")

    def test_error_on_a_later_line_with_its_hint(self):
        _, _, err = self.psql("-c", "SELECT path,\n  'é', lower(status)\nFROM hits")
        self.assertEqual(err, "ERROR:  function lower(integer) does not exist\n"
                              "LINE 2:   'é', lower(status)\n"
                              "               ^\n"
                              "HINT:  No function matches the given name and argument types. "
                              "You might need to add explicit type casts.\n")

    def test_error_verbose(self):
        _, _, err = self.psql("-v", "VERBOSITY=verbose", "-c", "SELECT 1/0")
        self.assertIn("ERROR:  22012: division by zero", err)

    def test_file_stops_at_the_first_error_when_told_so(self):
        with tempfile.NamedTemporaryFile("w", suffix=".sql") as file:
            file.write("SELECT 1 AS first;\nSELECT bad;\nSELECT 3 AS third;\n")
            file.flush()
            status, out, err = self.psql("-v", "ON_ERROR_STOP=1", "-f", file.name)
            self.assertEqual(status, 3)
            self.assertIn("first", out)
            self.assertNotIn("third", out)
            self.assertIn(f"psql:{file.name}:2: ERROR:", err)
            status, out, _ = self.psql("-f", file.name)
            self.assertEqual(status, 0)
            self.assertIn("third", out)

    def test_one_transaction_for_a_file(self):
        status, _, err = self.psql("-1", "-v", "ON_ERROR_STOP=1", "-c",
                                   "INSERT INTO hits (path) VALUES ('/undone')", "-c", "SELECT 1/0")
        self.assertEqual((status, err), (1, "ERROR:  division by zero\n"))
        self.assertEqual(self.output("-A", "-t", "-c",
                                     "SELECT count(*) FROM hits WHERE path = '/undone'"), "0\n")

    def test_variables_csv_and_gexec(self):
        _, out, err = self.psql("--csv", "-v", "p=/a", "-f", "-", stdin=(
            "SELECT path, visits FROM per_path WHERE path = :'p';\n"
            "SELECT 'SELECT ' || visits || ' AS n' FROM per_path ORDER BY path \\gexec\n"
            "SELECT count(*) AS c FROM hits \\gset\n\\echo :c\n"))
        self.assertEqual((out, err), ("path,visits\n/a,2\nn\n2\nn\n1\n3\n", ""))

    def test_many_statements_in_one_string(self):
        out = self.output("-A", "-t", "-c", "SELECT 1; SELECT 2; SELECT 3")
        self.assertEqual(out, "1\n2\n3\n")

    def test_connection_information(self):
        self.assertIn('You are connected to database "braid" as user "braid"',
                      self.output("-c", "\\conninfo"))
        self.assertIn("UTF8", self.output("-c", "\\encoding"))

    def test_notice(self):
        status, _, err = self.psql("-c", "DROP TABLE IF EXISTS nothing")
        self.assertEqual((status, err),
                         (0, 'NOTICE:  table "nothing" does not exist, skipping\n'))

    def test_timing_and_expanded_output(self):
        out = self.output("-x", "-c", "SELECT path, visits FROM per_path WHERE path = '/b'")
        self.assertEqual(out, "-[ RECORD 1 ]\npath   | /b\nvisits | 1\n\n")


if __name__ == "__main__":
    checks.main()
