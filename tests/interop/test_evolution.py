# SPDX-License-Identifier: Apache-2.0
"""A table evolved step by step in SQL: after every step PyIceberg, DuckDB and Daypart see the model."""

import datetime
import importlib.util
import json
import pathlib

import pytest
from pyiceberg.schema import Schema
from pyiceberg.partitioning import PartitionField, PartitionSpec
from pyiceberg.transforms import BucketTransform, DayTransform, IdentityTransform, VoidTransform
from pyiceberg.types import (DoubleType, FloatType, IntegerType, LongType, NestedField, StringType,
                             StructType)


def duckdb_reader():
    import duckdb
    connection = duckdb.connect()
    for name in ("avro", "iceberg"):
        package = importlib.util.find_spec(f"duckdb_extension_{name}")
        folder = pathlib.Path(package.submodule_search_locations[0])
        extension = next(folder.glob(f"extensions/*/{name}.duckdb_extension"))
        connection.execute(f"LOAD '{extension}'")
    return connection


def plain(value):
    """Values of three readers in one form."""
    if isinstance(value, dict):
        return {key: plain(part) for key, part in value.items()}
    if isinstance(value, list):
        return [plain(part) for part in value]
    if isinstance(value, (datetime.date, datetime.datetime)):
        return value.isoformat()
    return value


def ordered(rows):
    return sorted((plain(row) for row in rows), key=lambda row: row["id"])


def write(lake, sql):
    result = lake.run("--json", "query", "--write", sql)
    assert result.returncode == 0, f"{sql}: {result.stderr}"
    return json.loads(result.stdout)


def refused(lake, sql, words):
    before = lake.metadata_location("media.t")
    result = lake.run("query", "--write", sql)
    assert result.returncode == 1 and words in result.stderr, (sql, result.stderr)
    assert lake.metadata_location("media.t") == before


class Reader:
    def __init__(self, lake):
        self.lake, self.connection = lake, duckdb_reader()

    def check(self, model, duckdb=True):
        """All readers against the model's rows, columns in order."""
        expected = ordered(model)
        ours = self.lake.query("SELECT * FROM media.t ORDER BY id")
        assert ours == expected
        if expected:
            assert [list(row) for row in ours] == [list(row) for row in model][:len(ours)]
        table = self.lake.catalog().load_table("media.t")
        assert ordered(table.scan().to_arrow().to_pylist()) == expected
        if duckdb:
            names = [field.name for field in table.schema().fields]
            rows = self.connection.execute(
                f"SELECT * FROM iceberg_scan('{table.metadata_location}')").fetchall()
            assert ordered(dict(zip(names, row)) for row in rows) == expected
        return table


@pytest.mark.parametrize("version", [1, 2, 3])
def test_columns_evolve_as_the_model_does(lake, version):
    write(lake, "CREATE TABLE media.t (id bigint NOT NULL COMMENT 'which', n int, "
                "place struct<city: string, zip: int>, tags array<struct<word: string>>) "
                f"TBLPROPERTIES ('format-version' = '{version}', 'write.delete.mode' = 'copy-on-write')")
    reader = Reader(lake)
    write(lake, "INSERT INTO media.t VALUES (1, 10, {'city': 'a', 'zip': 1}, [{'word': 'w'}])")
    model = [{"id": 1, "n": 10, "place": {"city": "a", "zip": 1}, "tags": [{"word": "w"}]}]
    assert reader.check(model).format_version == version

    write(lake, "ALTER TABLE media.t ADD COLUMN note string COMMENT 'free' AFTER id")
    model = [{"id": row["id"], "note": None, **row} for row in model]
    reader.check(model)
    write(lake, "ALTER TABLE media.t ADD COLUMNS (place.land string FIRST, tags.element.score double)")
    for row in model:
        row["place"] = {"land": None, **row["place"]}
        row["tags"] = [{**tag, "score": None} for tag in row["tags"]]
    reader.check(model, duckdb=False)  # DuckDB refuses fields added within a list
    write(lake, "INSERT INTO media.t VALUES (2, 'x', 20, {'land': 'l', 'city': 'b', 'zip': 2}, "
                "[{'word': 'v', 'score': 0.5}])")
    model.append({"id": 2, "note": "x", "n": 20, "place": {"land": "l", "city": "b", "zip": 2},
                  "tags": [{"word": "v", "score": 0.5}]})
    reader.check(model, duckdb=False)

    write(lake, "ALTER TABLE media.t RENAME COLUMN n TO amount")
    write(lake, "ALTER TABLE media.t RENAME COLUMN place.zip TO code")
    model = [{"id": row["id"], "note": row["note"], "amount": row["n"],
              "place": {"land": row["place"]["land"], "city": row["place"]["city"],
                        "code": row["place"]["zip"]}, "tags": row["tags"]} for row in model]
    reader.check(model, duckdb=False)
    write(lake, "ALTER TABLE media.t ALTER COLUMN amount TYPE bigint")
    write(lake, "ALTER TABLE media.t ALTER COLUMN place.code TYPE bigint")
    # The list is empty rather than null, because PyIceberg reads a null list of structs as empty.
    write(lake, f"INSERT INTO media.t VALUES (3, NULL, {2**40}, "
                f"{{'land': NULL, 'city': 'c', 'code': {2**41}}}, [])")
    model.append({"id": 3, "note": None, "amount": 2**40,
                  "place": {"land": None, "city": "c", "code": 2**41}, "tags": []})
    reader.check(model, duckdb=False)

    write(lake, "ALTER TABLE media.t DROP COLUMN tags.element.score")
    for row in model:
        row["tags"] = [{"word": tag["word"]} for tag in row["tags"]]
    reader.check(model, duckdb=False)
    write(lake, "ALTER TABLE media.t DROP COLUMN tags, note")
    for row in model:
        del row["tags"], row["note"]
    reader.check(model)
    # A new column of an old name does not see the old column's values.
    write(lake, "ALTER TABLE media.t ADD COLUMN note string")
    write(lake, "ALTER TABLE media.t ALTER COLUMN amount FIRST")
    model = [{"amount": row["amount"], "id": row["id"], "place": row["place"], "note": None}
             for row in model]
    reader.check(model)
    write(lake, "DELETE FROM media.t WHERE amount = 20")
    write(lake, "UPDATE media.t SET note = 'u' WHERE id = 3")
    model = [row for row in model if row["id"] != 2]
    model[-1]["note"] = "u"
    table = reader.check(model)
    assert table.schema().find_field("id").doc == "which"
    write(lake, "ALTER TABLE media.t ALTER COLUMN id DROP NOT NULL")
    assert not lake.catalog().load_table("media.t").schema().find_field("id").required


def test_what_would_change_rows_is_refused(lake):
    write(lake, "CREATE TABLE media.t (id bigint NOT NULL, n int, region string, s struct<a: int>) "
                "PARTITIONED BY (region)")
    write(lake, "INSERT INTO media.t VALUES (1, 1, 'r', {'a': 1})")
    refused(lake, "ALTER TABLE media.t ALTER COLUMN id TYPE int", "cannot become")
    refused(lake, "ALTER TABLE media.t ADD COLUMN N int", "is taken")
    refused(lake, "ALTER TABLE media.t ADD COLUMN x int NOT NULL", "no value for a NOT NULL")
    refused(lake, "ALTER TABLE media.t ADD COLUMN x int DEFAULT 1", "format version 3")
    refused(lake, "ALTER TABLE media.t ADD COLUMN x timestamp_ns", "format version 3")
    refused(lake, "ALTER TABLE media.t DROP COLUMN region", "partitioned by region")
    refused(lake, "ALTER TABLE media.t DROP COLUMN s.a", "only one")
    refused(lake, "ALTER TABLE media.t RENAME COLUMN nothing TO x", "there are: id, n, region, s")
    refused(lake, "ALTER TABLE media.t ALTER COLUMN n SET NOT NULL", "cannot become NOT NULL")
    refused(lake, "ALTER TABLE media.t SET IDENTIFIER FIELDS n", "required")
    refused(lake, "ALTER TABLE media.t SET TBLPROPERTIES ('format-version' = '1')", "cannot go back")
    refused(lake, "ALTER TABLE media.t SET TBLPROPERTIES ('format-version' = '9')", "not known")
    refused(lake, "ALTER TABLE media.t SET TBLPROPERTIES ('current-snapshot-id' = '9')", "cannot be set")
    refused(lake, "ALTER TABLE media.t ADD PARTITION FIELD region", "already")
    refused(lake, "ALTER TABLE media.t ADD PARTITION FIELD s.a", "nested")
    refused(lake, "ALTER TABLE media.t ADD PARTITION FIELD day(id)", "day")
    refused(lake, "ALTER TABLE media.t DROP PARTITION FIELD n", "there are: region")
    refused(lake, "ALTER TABLE media.t FLY", "is expected")
    refused(lake, "CREATE TABLE media.t (id int)", "already")
    write(lake, "ALTER TABLE media.t DROP PARTITION FIELD region")
    refused(lake, "ALTER TABLE media.t DROP COLUMN region", "older spec 0")


def files_read(lake, where):
    """Files that the plan leaves, of all; the rows are checked by the caller."""
    note = lake.run("query", f"SELECT * FROM media.t WHERE {where}").stderr
    read, total = note.split(", ")[-1].split(" files")[0].split(" of ")
    return int(read), int(total)


@pytest.mark.parametrize("version", [1, 2, 3])
def test_partition_specs_evolve_and_prune(lake, version):
    write(lake, "CREATE TABLE media.t (id int, region string, seen timestamp with time zone) "
                f"PARTITIONED BY (region, id) TBLPROPERTIES ('format-version' = '{version}')")
    reader = Reader(lake)
    model = []

    def insert(*rows):
        values = ", ".join(f"({i}, '{r}', TIMESTAMPTZ '2026-01-0{d} 00:00:00Z')" for i, r, d in rows)
        write(lake, f"INSERT INTO media.t VALUES {values}")
        model.extend({"id": i, "region": r, "seen": f"2026-01-0{d}T00:00:00Z"} for i, r, d in rows)

    def check():
        ours = lake.query("SELECT * FROM media.t ORDER BY id")
        assert ours == sorted(model, key=lambda row: row["id"])
        table = lake.catalog().load_table("media.t")
        theirs = sorted(table.scan().to_arrow()["id"].to_pylist())
        assert theirs == [row["id"] for row in ours]
        for where, keep in (("region = 'n'", lambda row: row["region"] == "n"),
                            ("id = 2", lambda row: row["id"] == 2),
                            ("id > 4", lambda row: row["id"] > 4),
                            ("id IN (1, 5, 7)", lambda row: row["id"] in (1, 5, 7)),
                            ("seen < '2026-01-03'", lambda row: row["seen"] < "2026-01-03")):
            kept = {row["id"] for row in model if keep(row)}
            assert {row["id"] for row in lake.query(f"SELECT id FROM media.t WHERE {where}")} == kept
            assert files_read(lake, where)[0] <= max(len(kept), 1)
        return table

    insert((1, "n", 1), (2, "s", 2))
    check()
    write(lake, "ALTER TABLE media.t DROP PARTITION FIELD id")
    write(lake, "ALTER TABLE media.t ADD PARTITION FIELD day(seen)")
    insert((3, "n", 3), (4, "s", 4))
    table = check()
    names = [(field.name, type(field.transform)) for field in table.spec().fields]
    if version == 1:
        assert names == [("region", IdentityTransform), ("id", VoidTransform), ("seen_day", DayTransform)]
        assert [field.field_id for field in table.spec().fields] == [1000, 1001, 1002]
    else:
        assert names == [("region", IdentityTransform), ("seen_day", DayTransform)]
        assert [field.field_id for field in table.spec().fields] == [1000, 1002]
    # Values that lie in old manifests as int are compared as long.
    write(lake, "ALTER TABLE media.t ALTER COLUMN id TYPE bigint")
    check()
    write(lake, "ALTER TABLE media.t REPLACE PARTITION FIELD seen_day WITH bucket(4, id) AS shard")
    insert((5, "n", 5), (2**40, "s", 6))
    table = check()
    shard = table.spec().fields[-1]
    assert (shard.name, shard.field_id, shard.transform) == ("shard", 1003, BucketTransform(4))
    # Back to an earlier spec: no new one is stored, and ids are those of then.
    specs = len(table.specs())
    if version > 1:
        write(lake, "ALTER TABLE media.t REPLACE PARTITION FIELD shard WITH day(seen)")
        again = lake.catalog().load_table("media.t")
        assert len(again.specs()) == specs and again.spec().fields[-1].field_id == 1002
    insert((7, "n", 7))
    write(lake, "DELETE FROM media.t WHERE id IN (2, 3)")
    model[:] = [row for row in model if row["id"] not in (2, 3)]
    check()
    write(lake, "UPDATE media.t SET region = 'w' WHERE id = 1")
    next(row for row in model if row["id"] == 1)["region"] = "w"
    check()
    live = lake.query("SELECT spec_id, SUM(record_count) AS n FROM media.t$files "
                      "WHERE content = 0 GROUP BY ALL")
    assert sum(row["n"] for row in live) == len(model) and len(live) > 1
    assert reader.lake is lake


def test_deletes_reach_files_of_a_widened_partition(lake):
    write(lake, "CREATE TABLE media.t (id int, name string) PARTITIONED BY (id) "
                "TBLPROPERTIES ('write.delete.mode' = 'merge-on-read')")
    write(lake, "INSERT INTO media.t SELECT 1, 'n' || range FROM range(10)")
    write(lake, "ALTER TABLE media.t ALTER COLUMN id TYPE bigint")
    write(lake, "DELETE FROM media.t WHERE id = 1 AND name = 'n3'")
    write(lake, "DELETE FROM media.t WHERE name = 'n4'")
    assert lake.query("SELECT COUNT(*) AS n FROM media.t WHERE id = 1") == [{"n": 8}]
    rows = lake.catalog().load_table("media.t").scan().to_arrow().to_pylist()
    assert sorted(row["name"] for row in rows) == sorted(f"n{i}" for i in range(10) if i not in (3, 4))


def test_deletes_of_a_widened_partition_are_not_taken_for_dangling(lake):
    write(lake, "CREATE TABLE media.t (id int, name string) PARTITIONED BY (id) "
                "TBLPROPERTIES ('write.delete.mode' = 'merge-on-read')")
    for first in (0, 10):  # two files, so that the delete file is about the partition
        write(lake, f"INSERT INTO media.t SELECT 1, 'n' || range FROM range({first}, {first + 10})")
    write(lake, "ALTER TABLE media.t ALTER COLUMN id TYPE bigint")
    write(lake, "DELETE FROM media.t WHERE name IN ('n3', 'n14')")
    told = json.loads(lake.must("--json", "maintain", "media.t", "deletes"))[0]
    assert (told["delete_files"], told["removed"]) == (1, 0)
    rows = lake.catalog().load_table("media.t").scan().to_arrow().to_pylist()
    assert sorted(row["name"] for row in rows) == sorted(f"n{i}" for i in range(20) if i not in (3, 14))


def test_a_v1_table_is_upgraded_on_the_way(lake):
    write(lake, "CREATE TABLE media.t (id bigint, name string) TBLPROPERTIES ('format-version' = '1')")
    reader = Reader(lake)
    model = []
    for version in (1, 2, 3):
        if version > 1:
            write(lake, f"ALTER TABLE media.t SET TBLPROPERTIES ('format-version' = '{version}', "
                        "'write.delete.mode' = 'merge-on-read')")
        rows = [{"id": version * 10 + i, "name": f"v{version}"} for i in range(5)]
        write(lake, "INSERT INTO media.t VALUES " +
              ", ".join(f"({row['id']}, '{row['name']}')" for row in rows))
        model += rows
        gone = version * 10 + 1
        write(lake, f"DELETE FROM media.t WHERE id = {gone} OR id = {10 + version}")
        model = [row for row in model if row["id"] not in (gone, 10 + version)]
        assert reader.check(model).format_version == version
    properties = lake.catalog().load_table("media.t").properties
    assert properties["write.delete.mode"] == "merge-on-read" and "format-version" not in properties
    write(lake, "ALTER TABLE media.t UNSET TBLPROPERTIES ('write.delete.mode')")
    assert "write.delete.mode" not in lake.catalog().load_table("media.t").properties


def test_defaults_of_v3(lake):
    write(lake, "CREATE TABLE media.t (id bigint) TBLPROPERTIES ('format-version' = '3')")
    write(lake, "INSERT INTO media.t VALUES (1)")
    write(lake, "ALTER TABLE media.t ADD COLUMN region string NOT NULL DEFAULT 'north'")
    write(lake, "ALTER TABLE media.t ALTER COLUMN region SET DEFAULT 'south'")
    write(lake, "INSERT INTO media.t (id) VALUES (2)")
    expected = [{"id": 1, "region": "north"}, {"id": 2, "region": "south"}]
    assert lake.query("SELECT * FROM media.t ORDER BY id") == expected
    table = lake.catalog().load_table("media.t")
    assert ordered(table.scan().to_arrow().to_pylist()) == expected


def test_order_and_identifier(lake):
    write(lake, "CREATE TABLE media.t (id bigint NOT NULL, part bigint NOT NULL, name string)")
    write(lake, "ALTER TABLE media.t WRITE ORDERED BY name DESC NULLS FIRST, id")
    write(lake, "ALTER TABLE media.t SET IDENTIFIER FIELDS id, part")
    write(lake, "INSERT INTO media.t VALUES (1, 1, 'a'), (2, 1, 'c'), (3, 1, NULL), (4, 1, 'c')")
    table = lake.catalog().load_table("media.t")
    assert table.schema().identifier_field_names() == {"id", "part"}
    assert table.sort_order().order_id == 1
    assert table.scan().to_arrow()["id"].to_pylist() == [3, 2, 4, 1]
    write(lake, "ALTER TABLE media.t DROP IDENTIFIER FIELDS part")
    write(lake, "ALTER TABLE media.t WRITE UNORDERED")
    table = lake.catalog().load_table("media.t")
    assert table.schema().identifier_field_names() == {"id"} and table.sort_order().is_unsorted
    assert table.sort_order().order_id == 0


def test_tables_are_made_renamed_and_dropped(lake):
    write(lake, "CREATE TABLE media.t PARTITIONED BY (bucket(4, id)) AS "
                "SELECT range AS id, MAP {'k': range} AS m FROM range(100)")
    write(lake, "CREATE TABLE IF NOT EXISTS media.t (other int)")
    table = lake.catalog().load_table("media.t")
    rows = table.scan().to_arrow().to_pylist()
    assert sorted(row["id"] for row in rows) == list(range(100))
    assert all(row["m"] == [("k", row["id"])] for row in rows)
    write(lake, "ALTER TABLE media.t RENAME TO u")
    assert lake.query("SELECT COUNT(*) AS n FROM media.u") == [{"n": 100}]
    failed = lake.run("query", "--write", "CREATE TABLE media.w AS SELECT 1 // 0 AS x, error('no') AS y")
    assert failed.returncode == 1
    assert lake.run("query", "SELECT * FROM media.w").returncode == 1
    assert not list(lake.folder.glob("lake/media/w/**/*.parquet"))
    write(lake, "DROP TABLE media.u")
    assert list(lake.folder.glob("lake/**/*.parquet"))
    write(lake, "CREATE TABLE media.p AS SELECT 1 AS id")
    assert list(lake.folder.glob("lake/media/p/**/*.parquet"))
    write(lake, "DROP TABLE media.p PURGE")
    assert not [path for path in lake.folder.glob("lake/media/p/**/*") if path.is_file()]
    write(lake, "DROP TABLE IF EXISTS media.p")
    assert lake.run("query", "--write", "DROP TABLE media.p").returncode == 1


def test_a_table_evolved_by_pyiceberg_is_read(lake):
    catalog = lake.catalog()
    catalog.create_namespace_if_not_exists("media")
    import pyarrow
    table = catalog.create_table("media.t", Schema(
        NestedField(1, "id", IntegerType(), required=False),
        NestedField(2, "name", StringType(), required=False),
        NestedField(3, "place", StructType(NestedField(4, "zip", IntegerType(), required=False)),
                    required=False),
        NestedField(5, "rate", FloatType(), required=False)),
        partition_spec=PartitionSpec(PartitionField(1, 1000, IdentityTransform(), "id")))

    def append(**columns):
        table.append(pyarrow.table(columns, schema=table.schema().as_arrow()))

    def check():
        theirs = ordered(table.scan().to_arrow().to_pylist())
        assert lake.query("SELECT * FROM media.t ORDER BY id") == theirs and theirs
        for row in theirs:
            assert lake.query(f"SELECT * FROM media.t WHERE id = {row['id']}") == [row]

    append(id=[1, 2], name=["a", "b"], place=[{"zip": 1}, None], rate=[0.5, None])
    check()
    with table.update_schema() as change:
        change.rename_column("name", "title")
        change.add_column(("place", "city"), StringType())
        change.add_column("extra", LongType())
        change.move_first("extra")
        change.update_column("id", field_type=LongType())
        change.update_column(("place", "zip"), field_type=LongType())
        change.update_column("rate", field_type=DoubleType())
    check()
    append(extra=[7], id=[2**40], title=["c"], place=[{"zip": 2**41, "city": "x"}], rate=[0.25])
    check()
    with table.update_spec() as change:
        change.remove_field("id")
        change.add_field("title", IdentityTransform(), "title")
    append(extra=[8], id=[5], title=["c"], place=[{"zip": 3, "city": None}], rate=[None])
    check()
    with table.update_schema() as change:
        change.delete_column("extra")
    check()
    first = table.history()[0].snapshot_id
    table.manage_snapshots().create_branch(first, "old").create_tag(first, "tag").commit()
    write(lake, "INSERT INTO media.t.branch_old SELECT 9, 'branch', NULL, NULL")
    table = catalog.load_table("media.t")
    check()
    branch = sorted(table.scan().use_ref("old").to_arrow()["id"].to_pylist())
    assert branch == [1, 2, 9]
    assert [row["id"] for row in lake.query(
        "SELECT id FROM media.t FOR VERSION AS OF 'old' ORDER BY id")] == branch
    write(lake, "DELETE FROM media.t WHERE id IN (1, 5)")
    table = catalog.load_table("media.t")
    assert sorted(table.scan().to_arrow()["id"].to_pylist()) == [2, 2**40]
    check()
