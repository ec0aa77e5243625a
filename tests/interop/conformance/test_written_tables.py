# SPDX-License-Identifier: Apache-2.0
"""Tables that Daypart writes are read row by row by Spark, PyIceberg and DuckDB after every operation.

A model in this file says what the rows are; Daypart is not asked. Spark also plans the scan of one row, so
that bounds and partition values that lie would lose it.
"""

import decimal
import random

import pytest
from pyiceberg.transforms import BucketTransform
from pyiceberg.types import LongType
from test_readers import duckdb_reader


class Table:
    """media.t and what it must hold: id -> the other values."""

    def __init__(self, lake, version, mode, partition):
        self.lake, self.rows, self.partition = lake, {}, partition
        self.columns = ["id", "name", "price", "score", "kind"]
        self.chance = random.Random(f"{version} {mode} {partition}")
        self.options = ["--format-version", version, *(["--partition", partition] if partition else [])]
        for operation in ("delete", "update", "merge"):
            self.options += ["--set", f"write.{operation}.mode={mode}"]
        self.next_id = 0
        self.has_vectors, self.is_read_by_duckdb = version == 3 and mode == "merge-on-read", True

    def new_rows(self, keys):
        choose = self.chance.choice
        return {key: (choose(["a", "über allen Gipfeln ist Ruh", "x" * 40, None, f"n{key}"]),
                      choose([None, decimal.Decimal(key * 37 - 500).scaleb(-2)]),
                      choose([None, key / 4, -0.5]), f"k{key % 4}", *self.extras(choose([None, key << 40])))
                for key in keys}

    def extras(self, value=None):
        """Values of the columns that came later."""
        return (value,) * (len(self.columns) - 5)

    def place(self, key, values):
        """The partition of a row by the table's first spec."""
        if self.partition == "kind":
            return values[3]
        return BucketTransform(3).transform(LongType())(key) if self.partition else None

    def load(self, rows, *options):
        def cell(value):
            return "" if value is None else str(value)
        lines = [",".join(self.columns)]
        lines += [",".join([str(key), *map(cell, values)]) for key, values in rows.items()]
        done = self.lake.load("media.t", "\n".join(lines) + "\n", *options)
        assert done.returncode == 0, done.stderr

    def write(self, sql):
        self.lake.must("query", "--write", sql)

    def check(self, after):
        expected = [(key, *values) for key, values in sorted(self.rows.items())]
        columns, names = self.columns, ", ".join(self.columns)
        table = self.lake.catalog().load_table("media.t")
        found = {
            "spark": [tuple(row[name] for name in columns) for row in self.lake.spark.rows("media.t", names)],
            "pyiceberg": [tuple(row[name] for name in columns) for row in table.scan().to_arrow().to_pylist()]}
        if self.is_read_by_duckdb:
            found["duckdb"] = duckdb_reader().execute(
                f"SELECT {names} FROM iceberg_scan('{table.metadata_location}')").fetchall()
        for reader, rows in found.items():
            assert sorted(rows, key=lambda row: row[0]) == expected, f"{reader} after {after}"
        counted = self.lake.spark.sql("SELECT count(*) AS n FROM media.t")  # by statistics, where they serve
        assert counted == [{"n": len(expected)}], after
        for key, name, _, _, kind, *_ in self.chance.sample(expected, min(1, len(expected))):
            where = f"id = {key} AND kind = '{kind}' AND name " + (f"= '{name}'" if name else "IS NULL")
            assert [row["id"] for row in self.lake.spark.rows("media.t", where=where)] == [key], (after, where)
            filtered = table.scan(row_filter=where.replace("IS NULL", "is null")).to_arrow()
            assert filtered["id"].to_pylist() == [key], (after, where)


def drop(table, condition):
    table.rows = {key: values for key, values in table.rows.items() if not condition(key, values)}


def append(table):
    added = table.new_rows(range(table.next_id, table.next_id + 60))
    table.next_id += 60
    table.load(added, *table.options)
    table.options = []
    table.rows |= added


def insert(table):
    others = ", ".join(table.columns[2:])
    table.write(f"INSERT INTO media.t SELECT id + {table.next_id}, 'i', {others} FROM media.t WHERE id < 20")
    copies = {key + table.next_id: ("i", *values[1:]) for key, values in table.rows.items() if key < 20}
    table.rows |= copies
    table.next_id += 20


def delete(table):
    table.write("DELETE FROM media.t WHERE id % 7 = 2 OR name IS NULL AND id % 2 = 0")
    drop(table, lambda key, values: key % 7 == 2 or (values[0] is None and key % 2 == 0))


def delete_partition(table):
    table.write("DELETE FROM media.t WHERE kind = 'k2'")
    drop(table, lambda key, values: values[3] == "k2")


def update(table):
    table.write("UPDATE media.t SET name = 'new', kind = 'k9', price = price + 1 WHERE id % 5 = 1")
    for key, (_, price, score, _, *extras) in list(table.rows.items()):
        if key % 5 == 1:
            table.rows[key] = ("new", None if price is None else price + 1, score, "k9", *extras)


def merge_by_key(table):
    keys = table.chance.sample(sorted(table.rows), 15)
    changed = table.new_rows([*keys, *range(table.next_id, table.next_id + 5)])
    table.next_id += 5
    table.load(changed, "--mode", "merge", "--key", "id")
    table.rows |= changed


def merge_into(table):
    table.write("MERGE INTO media.t t USING (SELECT id, id % 3 AS part FROM media.t WHERE id % 4 = 1 "
                f"UNION ALL SELECT {table.next_id}, 9) s ON t.id = s.id "
                "WHEN MATCHED AND s.part = 0 THEN DELETE "
                "WHEN MATCHED THEN UPDATE SET name = 'merged' "
                "WHEN NOT MATCHED THEN INSERT (id, name, kind) VALUES (s.id, 'inserted', 'k1')")
    drop(table, lambda key, values: key % 4 == 1 and key % 3 == 0)
    for key, values in table.rows.items():
        if key % 4 == 1:
            table.rows[key] = ("merged", *values[1:])
    table.rows[table.next_id] = ("inserted", None, None, "k1", *table.extras())
    table.next_id += 1


def compact(table):
    table.lake.must("maintain", "media.t", "compact")


def expire(table):
    table.lake.must("maintain", "media.t", "expire", "--older-than-hours", "0")
    table.lake.must("maintain", "media.t", "orphans", "--older-than-hours", "0", "--force")


def overwrite(table):
    table.rows = table.new_rows(range(10))
    table.load(table.rows, "--mode", "overwrite")


def overwrite_partitions(table):
    added = table.new_rows(range(table.next_id, table.next_id + 6))
    table.next_id += 6
    places = {table.place(key, values) for key, values in added.items()}
    table.load(added, "--mode", "overwrite-partitions")
    drop(table, lambda key, values: table.place(key, values) in places)
    table.rows |= added


def evolve_schema(table):
    table.write("ALTER TABLE media.t ADD COLUMN extra int")
    table.write("UPDATE media.t SET extra = id * 2 WHERE id % 2 = 0")
    table.write("ALTER TABLE media.t ALTER COLUMN extra TYPE bigint")
    table.write("ALTER TABLE media.t RENAME COLUMN score TO rating")
    table.columns = ["id", "name", "price", "rating", "kind", "extra"]
    table.rows = {key: (*values, None if key % 2 else key * 2) for key, values in table.rows.items()}


def evolve_spec(table):
    table.write("ALTER TABLE media.t ADD PARTITION FIELD bucket(2, id) AS half")
    # DuckDB's extension then gives a data file the deletion vector of another one, of tables that Spark alone
    # wrote as well. Spark, which reads by the offsets of the manifest, and PyIceberg, which reads by the Puffin
    # footer, see the same rows.
    table.is_read_by_duckdb = not table.has_vectors


def roll_back(table):
    before = table.lake.catalog().load_table("media.t").current_snapshot().snapshot_id
    table.write("DELETE FROM media.t WHERE id % 2 = 0")
    table.write(f"CALL system.rollback_to_snapshot('media.t', {before})")


STEPS = [append, append, delete, update, merge_by_key, overwrite_partitions, insert, evolve_schema, merge_into,
         evolve_spec, append, delete, compact, update, roll_back, delete_partition, merge_into, expire,
         merge_by_key, overwrite, append]


@pytest.mark.parametrize("version, mode, partition", [
    (2, "copy-on-write", ""), (2, "merge-on-read", "kind"), (3, "copy-on-write", "bucket(3, id)"),
    (3, "merge-on-read", "kind")])
def test_readers_agree_after_every_operation(lake, version, mode, partition):
    table = Table(lake, version, mode, partition)
    for step in STEPS:
        step(table)
        table.check(step.__name__)
