#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The dataset is plain Hive-partitioned Parquet: pyarrow and DuckDB read it as it lies, with the rows that a
SELECT gives, also while its segments are merged."""
import pathlib
import re
import sys
import threading
import unittest

import duckdb
import pyarrow as pa
import pyarrow.dataset
import pyarrow.parquet

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))

from harness import checks  # noqa: E402
from harness.server import Braid  # noqa: E402
from harness.waiting import eventually  # noqa: E402

SCHEMA = """
CREATE TABLE kinds (id int, b boolean, l bigint, n numeric(12,3), f double precision, s text, d date,
                    t timestamp, z timestamptz) WITH (partitions = 3);
CREATE MATERIALIZED VIEW counted AS SELECT count(*) AS n, max(id) AS high FROM kinds;
INSERT INTO kinds SELECT g, g % 2 = 0, g::bigint * 10000000000, g / 8.0, g / 4.0, 'text ' || g % 50,
    '2020-01-01'::date + g, '2020-01-01'::timestamp + interval '1 hour' * g,
    '1970-01-01Z'::timestamptz + interval '1 minute' * g FROM generate_series(1, 3000) AS g;
INSERT INTO kinds (id) VALUES (3001), (NULL);
INSERT INTO kinds (id, s) VALUES (3003, 'née ☂ "quoted"'), (3004, '');
"""
BAD_RECORDS = [b"nonsense", b'{"id": "many"}']
COLUMNS = ["id", "b", "l", "n", "f", "s", "d", "t", "z"]
ROWS = 3004


class DatasetTest(unittest.TestCase):
    """One history, archived in two steps by REFRESH."""

    @classmethod
    def setUpClass(cls):
        cls.braid = cls.enterClassContext(Braid(init=SCHEMA))
        cls.braid.sql("REFRESH MATERIALIZED VIEW counted")
        assert cls.braid.post("kinds", BAD_RECORDS).status == 200
        cls.braid.sql("REFRESH MATERIALIZED VIEW counted")
        tables = [path for path in (cls.braid.data / "dataset").iterdir() if path.is_dir()
                  and not path.name.startswith("_")]
        assert len(tables) == 1, tables
        cls.dataset = tables[0]
        cls.expected = cls.braid.sql(f"SELECT {', '.join(COLUMNS)} FROM kinds ORDER BY id")
        assert len(cls.expected) == ROWS

    def test_folder_has_the_name_of_its_table(self):
        self.assertRegex(self.dataset.name, r"^kinds-\d+$")

    def test_layout(self):
        files = list(self.dataset.rglob("*.parquet"))
        self.assertTrue(files)
        for path in files:
            self.assertRegex(str(path.relative_to(self.dataset)),
                             r"^ingest_day=\d{4}-\d\d-\d\d/\w+-\d{20}(-\d+)?\.parquet$")
        stray = [path for path in (self.braid.data / "dataset").rglob("*")
                 if path.is_file() and path.suffix != ".parquet"]
        self.assertEqual(stray, [])

    def read_arrow(self):
        """All rows of the folder, and its schema, as pyarrow finds them."""
        found = pa.dataset.dataset(self.dataset, format="parquet", partitioning="hive")
        return found.to_table()

    def test_pyarrow_reads_the_same_rows(self):
        table = self.read_arrow()
        good = table.filter(pa.compute.is_null(table["_error"])).sort_by(
            [("id", "ascending")]).to_pylist()
        self.assertEqual([tuple(row[name] for name in COLUMNS) for row in good], self.expected)

    def test_columns_and_types(self):
        schema = self.read_arrow().schema
        wanted = {"id": pa.int32(), "b": pa.bool_(), "l": pa.int64(), "f": pa.float64(),
                  "s": pa.string(), "d": pa.date32(), "t": pa.timestamp("us"),
                  "z": pa.timestamp("us", "UTC"), "_offset": pa.int64(),
                  "_ingested_at": pa.timestamp("us", "UTC"), "_error": pa.string()}
        for name, type_ in wanted.items():
            found = schema.field(name).type
            found = found.value_type if pa.types.is_dictionary(found) else found
            self.assertEqual(found, type_, name)
        self.assertEqual((schema.field("n").type.precision, schema.field("n").type.scale), (12, 3))
        self.assertIn("ingest_day", schema.names)

    def test_every_record_is_there_once_with_its_raw_text(self):
        rows = self.read_arrow().select(["_partition", "_offset", "_raw", "_error"]).to_pylist()
        self.assertEqual(len(rows), ROWS + len(BAD_RECORDS))
        places = {(row["_partition"], row["_offset"]) for row in rows}
        self.assertEqual(len(places), len(rows))
        self.assertEqual({row["_partition"] for row in rows}, {0, 1, 2})
        bad = sorted((row["_raw"] for row in rows if row["_error"] is not None), key=bytes_of)
        self.assertEqual([bytes_of(raw) for raw in bad], sorted(BAD_RECORDS))

    def test_duckdb_reads_the_same_rows(self):
        source = f"read_parquet('{self.dataset}/**/*.parquet', hive_partitioning = true)"
        with duckdb.connect() as connection:
            connection.execute("SET TimeZone = 'UTC'")
            rows = connection.execute(f"SELECT {', '.join(COLUMNS[:-1])}, epoch_us(z) FROM {source} "
                                      "WHERE _error IS NULL ORDER BY id NULLS LAST").fetchall()
            wanted = [(*row[:-1], None if row[-1] is None else round(row[-1].timestamp() * 1_000_000))
                      for row in self.expected]
            self.assertEqual(rows, wanted)
            totals = connection.execute(
                "SELECT count(*), count(DISTINCT ingest_day), sum(n)::text FROM "
                f"{source} WHERE _error IS NULL").fetchone()
            self.assertEqual((totals[0], totals[2]),
                             self.braid.sql("SELECT count(*), sum(n)::text FROM kinds")[0])

    def test_system_columns_agree_with_sql(self):
        rows = self.read_arrow().select(["id", "_partition", "_offset", "_ingested_at"]).to_pylist()
        found = {(row["_partition"], row["_offset"]): (row["id"], row["_ingested_at"]) for row in rows}
        for identity, partition, offset, ingested in self.braid.sql(
                "SELECT id, _partition, _offset, _ingested_at FROM kinds"):
            self.assertEqual(found[partition, offset], (identity, ingested))


class Lister(threading.Thread):
    """Lists and reads a folder in a loop, as programs do that know no manifest. Of the records that were there
    before it began to list, each must be found once, and no other twice."""

    def __init__(self, read, known):
        super().__init__(daemon=True)
        self.read, self.known = read, known
        self.ended = threading.Event()
        self.faults, self.readings, self.not_found = [], 0, 0

    def run(self):
        while not self.ended.is_set() and not self.faults:
            before = self.known[0]
            try:
                places = self.read()
            except (FileNotFoundError, duckdb.IOException) as error:
                # Arrow's own look at the paths it is given says no more than the path.
                is_missing = isinstance(error, FileNotFoundError)
                if not is_missing and not re.search("(?i)no such file|not found|no files found", str(error)):
                    self.faults.append(repr(error))
                self.not_found += 1
                continue
            self.readings += 1
            if len(set(places)) != len(places):
                self.faults.append(f"{len(places) - len(set(places))} records are found twice")
            if not before <= set(places):
                self.faults.append(f"{len(before - set(places))} of {len(before)} records are not found")


class MergeTest(unittest.TestCase):
    """Segments are merged under readers that list the dataset."""

    MERGES = 3

    def merges(self, braid):
        text = braid.http("GET", "/metrics").text()
        return int(re.search(r"(?m)^braid_segment_merges_total (\d+)$", text).group(1))

    def test_no_gap_and_no_double_while_segments_are_merged(self):
        schema = """
            CREATE TABLE kinds (id int) WITH (partitions = 3);
            CREATE MATERIALIZED VIEW counted AS SELECT count(*) AS n FROM kinds;
            INSERT INTO kinds SELECT g FROM generate_series(1, 30) AS g"""
        with Braid(init=schema) as braid:
            braid.sql("REFRESH MATERIALIZED VIEW counted")
            folder = next((braid.data / "dataset").iterdir())
            known = [frozenset()]

            def note():
                known[0] = frozenset(braid.sql("SELECT _partition, _offset FROM kinds"))

            def files():
                # Given the folder, Arrow and DuckDB would list it and then leave out in silence what is gone by
                # the time that they look at each file; given the files they say so.
                return [str(path) for path in folder.rglob("*.parquet")]

            def arrow():
                table = pa.dataset.dataset(files(), format="parquet").to_table(columns=["_partition", "_offset"])
                return list(zip(table["_partition"].to_pylist(), table["_offset"].to_pylist()))

            def duck():
                with duckdb.connect() as connection:
                    return connection.execute("SELECT _partition, _offset FROM read_parquet(?)",
                                              [files()]).fetchall()

            note()
            listers = [Lister(arrow, known), Lister(duck, known)]
            for lister in listers:
                lister.start()
            steps = 0

            def step():
                """One more segment; true once some have been merged thrice."""
                nonlocal steps
                steps += 1
                braid.sql(f"INSERT INTO kinds SELECT g FROM generate_series(1, {3 + steps % 5}) AS g")
                braid.sql("REFRESH MATERIALIZED VIEW counted")
                note()
                return self.merges(braid) >= self.MERGES

            try:
                eventually(step, "segments are merged", seconds=120)
                counts = [lister.readings for lister in listers]
                eventually(lambda: all(lister.readings > count or lister.faults
                                       for lister, count in zip(listers, counts)), "all have read once more")
            finally:
                for lister in listers:
                    lister.ended.set()
                    lister.join()
            for lister in listers:
                self.assertEqual(lister.faults, [])
            self.assertLess(len(files()), steps)
            self.assertEqual(len(arrow()), len(known[0]))


def bytes_of(value):
    """Raw records are bytes or text."""
    return value if isinstance(value, bytes) else value.encode()


if __name__ == "__main__":
    checks.main()
