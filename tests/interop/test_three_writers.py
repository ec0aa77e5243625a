# SPDX-License-Identifier: Apache-2.0
"""Daypart, Spark and PyIceberg write one table in turn and at the same time: 200 commits in seeded order.

All of them add, rename, widen and drop columns too. Of 100 more in format version 3, which PyIceberg reads
but does not write, Daypart and Spark are the writers. A plain model of the table is held here: columns with
an identity, rows as dictionaries. Every 20 commits, and at the end, Daypart, Spark, PyIceberg and DuckDB must
see exactly its rows. One step in four has two writers at work at once, on different rows; who loses the race
and does not retry by itself is asked again. Daypart has to find its own way: a refused commit of Daypart
fails the test. A failure prints the seed; DAYPART_SEED runs another one.
"""

import concurrent.futures
import csv
import io
import itertools
import os
import random

import pyarrow
import pyarrow.ipc
import pytest
from pyiceberg.exceptions import CommitFailedException, ValidationException
from pyiceberg.types import IntegerType, LongType, StringType
from test_readers import duckdb_reader

TABLE = "media.shared"
COMMITS = {2: 200, 3: 100}  # by format version
TYPES = {"int": (IntegerType(), "INT"), "bigint": (LongType(), "BIGINT"), "string": (StringType(), "STRING")}
LOST_RACES = ("ValidationException", "CommitFailedException", "Cannot commit", "CommitStateUnknown",
              "Found conflicting files", "has been concurrently modified")


class Column:
    def __init__(self, name, kind):
        self.name, self.kind = name, kind


class Model:
    """What the table must hold. A row has its values by Column, so that a rename changes no row."""

    def __init__(self, chance):
        self.chance = chance
        self.columns = [Column("id", "bigint"), Column("grp", "int"), Column("name", "string"),
                        Column("amount", "bigint")]
        self.rows = {}
        self.next_id = 0
        self.names = (f"extra_{n}" for n in itertools.count())

    def value(self, column):
        if self.chance.random() < 0.15:
            return None
        number = self.chance.randrange(-10**9, 10**9)
        return f"v'{number},é" if column.kind == "string" else number

    def row(self, key):
        values = {column: self.value(column) for column in self.columns}
        values[self.columns[0]], values[self.columns[1]] = key, key % 3
        return values

    def new_rows(self, count):
        keys = range(self.next_id, self.next_id + count)
        self.next_id += count
        return [self.row(key) for key in keys]

    def table_rows(self):
        return sorted((tuple(row.get(column) for column in self.columns) for row in self.rows.values()),
                      key=lambda row: row[0])

    def put(self, rows):
        for row in rows:
            self.rows[row[self.columns[0]]] = row


def literal(value):
    if value is None:
        return "NULL"
    return "'" + value.replace("'", "\\'") + "'" if isinstance(value, str) else str(value)


class DaypartWriter:
    name = "daypart"

    def __init__(self, lake):
        self.lake = lake
        self.files = itertools.count()

    def load(self, columns, rows, *options):
        text = io.StringIO()
        writer = csv.writer(text, lineterminator="\n")
        writer.writerow([column.name for column in columns])
        writer.writerows([["" if row[c] is None else row[c] for c in columns] for row in rows])
        done = self.lake.load(TABLE, text.getvalue(), *options, name=f"rows{next(self.files)}.csv")
        assert done.returncode == 0, done.stderr

    def append(self, columns, rows):
        self.load(columns, rows)

    def merge(self, columns, rows):
        self.load(columns, rows, "--mode", "merge", "--key", "id")

    def delete(self, keys):
        self.lake.must("query", "--write", f"DELETE FROM {TABLE} WHERE id IN ({', '.join(map(str, keys))})")

    def update(self, keys, column, value):
        text = "NULL" if value is None else "'" + value.replace("'", "''") + "'"
        self.lake.must("query", "--write", f"UPDATE {TABLE} SET {column.name} = {text} "
                                           f"WHERE id IN ({', '.join(map(str, keys))})")

    def compact(self, kind):
        self.lake.must("maintain", TABLE, "manifests" if kind == "manifests" else "compact")

    def alter(self, change):
        self.lake.must("query", "--write", f"ALTER TABLE {TABLE} {change}")

    def add(self, name, kind):
        self.alter(f"ADD COLUMN {name} {TYPES[kind][1]}")

    def rename(self, old, new):
        self.alter(f"RENAME COLUMN {old} TO {new}")

    def drop(self, name):
        self.alter(f"DROP COLUMN {name}")

    def widen(self, name):
        self.alter(f"ALTER COLUMN {name} TYPE BIGINT")


class SparkWriter:
    name = "spark"

    def __init__(self, lake):
        self.sql = lake.spark.sql

    @staticmethod
    def values(columns, rows):
        lines = ", ".join("(" + ", ".join(literal(row[c]) for c in columns) + ")" for row in rows)
        casts = ", ".join(f"CAST(c{i} AS {TYPES[c.kind][1]}) AS {c.name}" for i, c in enumerate(columns))
        names = ", ".join(f"c{i}" for i in range(len(columns)))
        return f"SELECT {casts} FROM VALUES {lines} AS v({names})"

    def append(self, columns, rows):
        self.sql(f"INSERT INTO {TABLE} {self.values(columns, rows)}")

    def merge(self, columns, rows):
        self.sql(f"MERGE INTO {TABLE} t USING ({self.values(columns, rows)}) s ON t.id = s.id "
                 "WHEN MATCHED THEN UPDATE SET * WHEN NOT MATCHED THEN INSERT *")

    def delete(self, keys):
        self.sql(f"DELETE FROM {TABLE} WHERE id IN ({', '.join(map(str, keys))})")

    def update(self, keys, column, value):
        self.sql(f"UPDATE {TABLE} SET {column.name} = {literal(value)} "
                 f"WHERE id IN ({', '.join(map(str, keys))})")

    def compact(self, kind):
        if kind == "manifests":
            self.sql(f"CALL daypart.system.rewrite_manifests('{TABLE}', false)")
        else:
            self.sql(f"CALL daypart.system.rewrite_data_files(table => '{TABLE}', "
                     "options => map('min-input-files', '2', 'delete-file-threshold', '1'))")

    def add(self, name, kind):
        self.sql(f"ALTER TABLE {TABLE} ADD COLUMN {name} {TYPES[kind][1]}")

    def rename(self, old, new):
        self.sql(f"ALTER TABLE {TABLE} RENAME COLUMN {old} TO {new}")

    def drop(self, name):
        self.sql(f"ALTER TABLE {TABLE} DROP COLUMN {name}")

    def widen(self, name):
        self.sql(f"ALTER TABLE {TABLE} ALTER COLUMN {name} TYPE BIGINT")


class PyIcebergWriter:
    name = "pyiceberg"

    def __init__(self, lake):
        self.lake = lake

    def table(self):
        return self.lake.catalog().load_table(TABLE)

    @staticmethod
    def arrow(table, columns, rows):
        schema = table.schema().as_arrow()
        by_name = {column.name: column for column in columns}
        return pyarrow.table([pyarrow.array([row[by_name[field.name]] for row in rows], field.type)
                              for field in schema], schema=schema)

    def append(self, columns, rows):
        table = self.table()
        table.append(self.arrow(table, columns, rows))

    def merge(self, columns, rows):
        table = self.table()
        given = self.arrow(table, columns, rows)
        if table.current_snapshot().schema_id == table.schema().schema_id:
            table.upsert(given, join_cols=["id"])
        else:  # upsert compares with rows in the snapshot's schema and fails after a change of columns
            keys = given["id"].to_pylist()
            table.overwrite(given, f"id in ({', '.join(map(str, [*keys, -1]))})")

    def delete(self, keys):
        self.table().delete(f"id in ({', '.join(map(str, keys))})" if len(keys) > 1 else f"id = {keys[0]}")

    def add(self, name, kind):
        with self.table().update_schema() as update:
            update.add_column(name, TYPES[kind][0])

    def rename(self, old, new):
        with self.table().update_schema() as update:
            update.rename_column(old, new)

    def drop(self, name):
        with self.table().update_schema() as update:
            update.delete_column(name)

    def widen(self, name):
        with self.table().update_schema() as update:
            update.update_column(name, LongType())


def attempt(writer, act):
    """Runs one write; False if it lost a race and changed nothing. Daypart must not lose."""
    try:
        act()
        return True
    except (CommitFailedException, ValidationException):
        return False
    except Exception as error:
        if writer.name != "daypart" and any(word in str(error) for word in LOST_RACES):
            return False
        raise


class Steps:
    """Draws writes for the writers and keeps the model up with them."""

    def __init__(self, lake, seed, version):
        self.lake = lake
        self.chance = random.Random(seed)
        self.model = Model(self.chance)
        daypart, spark, pyiceberg = DaypartWriter(lake), SparkWriter(lake), PyIcebergWriter(lake)
        self.writers = [daypart, daypart, spark]
        self.schema_writers = [daypart, spark]
        if version < 3:
            self.writers.append(pyiceberg)
            self.schema_writers.append(pyiceberg)
        self.commits, self.races_lost, self.done = 0, 0, {}

    def pick_keys(self, half=None):
        keys = [key for key in self.model.rows if half is None or key // 3 % 2 == half]
        return sorted(self.chance.sample(keys, min(len(keys), self.chance.randrange(1, 12))))

    def draw(self, half=None):
        """A write on rows of one half (key // 3 is even or odd): writer, name, what to do, model's part."""
        model, columns = self.model, list(self.model.columns)
        writer = self.chance.choice(self.writers)
        kind = self.chance.choices(["append", "merge", "delete", "update", "compact"], [8, 5, 4, 3, 2])[0]
        if kind in ("update", "compact") and writer.name == "pyiceberg":
            kind = "append"  # PyIceberg has neither
        keys = self.pick_keys(half)
        if kind == "append" or not keys:
            rows = model.new_rows(self.chance.randrange(1, 20))
            return writer, "append", lambda: writer.append(columns, rows), lambda: model.put(rows)
        if kind == "merge":
            rows = [model.row(key) for key in keys] + model.new_rows(self.chance.randrange(4))
            return writer, kind, lambda: writer.merge(columns, rows), lambda: model.put(rows)
        if kind == "delete":
            return (writer, kind, lambda: writer.delete(keys),
                    lambda: [model.rows.pop(key) for key in keys])
        if kind == "update":
            column = next(column for column in columns if column.name == "name")
            value = model.value(column)
            return (writer, kind, lambda: writer.update(keys, column, value),
                    lambda: [model.rows[key].update({column: value}) for key in keys])
        what = self.chance.choice(["files", "files", "manifests"])
        return writer, kind, lambda: writer.compact(what), lambda: None

    def draw_schema_change(self):
        model, writer = self.model, self.chance.choice(self.schema_writers)
        extras = model.columns[4:]
        kind = self.chance.choice(["add", "add", "rename", "drop", "widen"] if extras else ["add"])
        column = self.chance.choice(extras) if extras else None
        if kind == "widen" and column.kind != "int":
            kind = "rename"
        if kind == "rename":
            name = next(model.names)
            return (writer, kind, lambda: writer.rename(column.name, name),
                    lambda: setattr(column, "name", name))
        if kind == "drop":
            return writer, kind, lambda: writer.drop(column.name), lambda: model.columns.remove(column)
        if kind == "widen":
            return writer, kind, lambda: writer.widen(column.name), lambda: setattr(column, "kind", "bigint")
        added = Column(next(model.names), self.chance.choice(["int", "bigint", "string"]))
        return (writer, "add", lambda: writer.add(added.name, added.kind),
                lambda: model.columns.append(added))

    def run(self, steps):
        """The writes at the same time if there are several; then those again that lost the race."""
        before = self.lake.catalog().load_table(TABLE).metadata_location
        with concurrent.futures.ThreadPoolExecutor(len(steps)) as pool:
            outcomes = list(pool.map(lambda step: attempt(step[0], step[2]), steps))
        for outcome, (writer, kind, act, _) in zip(outcomes, steps):
            for _ in range(5):
                if outcome:
                    break
                self.races_lost += 1
                outcome = attempt(writer, act)
            assert outcome, f"{writer.name}: {kind} never came through"
        for writer, kind, _, note in steps:
            note()
            changed = kind != "compact" or self.lake.catalog().load_table(TABLE).metadata_location != before
            self.commits += changed
            self.done[writer.name, kind] = self.done.get((writer.name, kind), 0) + changed


def rows_by_reader(lake, names):
    """Reader -> rows as tuples in the model's column order, sorted by id."""
    query = f"SELECT {', '.join(names)} FROM {TABLE}"
    printed = lake.folder / "rows.arrow"
    printed.write_bytes(lake.must_bytes("query", query, "--format", "arrow"))
    with pyarrow.ipc.open_stream(printed) as stream:
        daypart = stream.read_all().to_pylist()
    table = lake.catalog().load_table(TABLE)
    assert [field.name for field in table.schema().fields] == names
    found = {"daypart": daypart, "spark": lake.spark.sql(query),
             "pyiceberg": table.scan().to_arrow().to_pylist()}
    rows = {reader: [tuple(row[name] for name in names) for row in those] for reader, those in found.items()}
    rows["duckdb"] = duckdb_reader().execute(
        f"SELECT {', '.join(names)} FROM iceberg_scan('{table.metadata_location}')").fetchall()
    return {reader: sorted(those, key=lambda row: row[0]) for reader, those in rows.items()}


@pytest.mark.parametrize("version", [2, 3])
def test_three_writers_interleave_their_commits(lake, version):
    seed = int(os.environ.get("DAYPART_SEED", 4))
    print(f"seed {seed}: DAYPART_SEED={seed} runs it again")
    steps = Steps(lake, seed, version)
    model = steps.model
    lake.spark.sql(f"CREATE TABLE {TABLE} (id BIGINT, grp INT, name STRING, amount BIGINT) USING iceberg "
                   f"PARTITIONED BY (grp) TBLPROPERTIES ('format-version'='{version}', "
                   "'write.delete.mode'='merge-on-read', 'write.update.mode'='merge-on-read', "
                   "'write.merge.mode'='copy-on-write', 'commit.retry.num-retries'='10')")

    def check():
        for reader, rows in rows_by_reader(lake, [column.name for column in model.columns]).items():
            assert rows == model.table_rows(), (
                f"seed {seed}: {reader} differs from the model after {steps.commits} commits")

    checked = 0
    while steps.commits < COMMITS[version]:
        if steps.chance.random() < 0.1:
            steps.run([steps.draw_schema_change()])
        elif steps.chance.random() < 0.25:
            steps.run([steps.draw(0), steps.draw(1)])
        else:
            steps.run([steps.draw()])
        if steps.commits - checked >= 20:
            checked = steps.commits
            check()
            print(f"{checked} commits: {len(model.rows)} rows seen by all", flush=True)
    check()
    print(f"{steps.commits} commits, {steps.races_lost} lost races, {len(model.rows)} rows; "
          + ", ".join(f"{who} {what} {n}" for (who, what), n in sorted(steps.done.items())))
    for who in {writer.name for writer in steps.writers}:
        kinds = {what: n for (writer, what), n in steps.done.items() if writer == who}
        assert sum(kinds.values()) >= COMMITS[version] // 7
        assert sum(kinds.get(what, 0) for what in ("add", "rename", "widen", "drop")) >= 2
