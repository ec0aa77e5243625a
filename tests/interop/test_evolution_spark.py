# SPDX-License-Identifier: Apache-2.0
"""Tables that Daypart evolves, read by Spark after each step and written by Spark in their new shape.

The rows are those of a plain model; Daypart must see Spark's rows as Spark sees Daypart's.
"""

from decimal import Decimal

import pyarrow
import pyarrow.ipc
import pytest
from test_evolution import ordered, write


def same(lake, model):
    """Spark and Daypart both see the model, columns in its order."""
    expected = ordered(model)
    by_spark = lake.spark.sql("SELECT * FROM media.t")
    assert ordered(by_spark) == expected
    assert [list(row) for row in by_spark[:1]] == [list(row) for row in model[:1]]
    assert ordered(lake.query("SELECT * FROM media.t")) == expected


@pytest.mark.parametrize("version", [1, 3])
def test_spark_follows_columns(lake, version):
    write(lake, "CREATE TABLE media.t (id bigint, n int, place struct<city: string, zip: int>, "
                "tags array<struct<word: string>>, notes map<string, struct<t: string>>, ratio float, "
                f"price decimal(5,2)) TBLPROPERTIES ('format-version' = '{version}', "
                "'write.delete.mode' = 'copy-on-write', 'write.update.mode' = 'copy-on-write')")
    write(lake, "INSERT INTO media.t VALUES (1, 10, {'city': 'a', 'zip': 1}, [{'word': 'w'}], "
                "MAP {'k': {'t': 'x'}}, 0.5, 1.25)")
    for change in ["ADD COLUMNS (place.land string FIRST, tags.element.score double, notes.value.u int)",
                   "ADD COLUMN name string COMMENT 'free' AFTER id", "RENAME COLUMN n TO amount",
                   "RENAME COLUMN place.zip TO code", "ALTER COLUMN amount TYPE bigint",
                   "ALTER COLUMN place.code TYPE bigint", "ALTER COLUMN ratio TYPE double",
                   "ALTER COLUMN price TYPE decimal(12,2)", "ALTER COLUMN price FIRST"]:
        write(lake, f"ALTER TABLE media.t {change}")
        lake.spark.sql("SELECT * FROM media.t")
    old = {"price": Decimal("1.25"), "id": 1, "name": None, "amount": 10,
           "place": {"land": None, "city": "a", "code": 1}, "tags": [{"word": "w", "score": None}],
           "notes": [("k", {"t": "x", "u": None})], "ratio": 0.5}
    assert lake.spark.sql("SELECT * FROM media.t") == [old]
    lake.spark.sql(
        "INSERT INTO media.t VALUES (22222.25, 2, 'zwei', 1099511627776, named_struct('land', 'l', 'city', 'b',"
        " 'code', 2199023255552), array(named_struct('word', 'v', 'score', 0.25D)),"
        " map('m', named_struct('t', 'y', 'u', 7)), 0.1D)")
    lake.spark.sql("UPDATE media.t SET name = 'eins', place.land = 'q' WHERE amount = 10")
    names = "id, name, amount, place.land AS land, place.code AS code, tags[{0}].score AS score, ratio, price"
    by_spark = lake.spark.sql(f"SELECT {names.format(0)}, notes['m'].u AS u FROM media.t ORDER BY id")
    ours = lake.must_bytes("query", f"SELECT {names.format(1)}, notes['m'].u AS u FROM media.t ORDER BY id",
                           "--format", "arrow")
    assert pyarrow.ipc.open_stream(ours).read_all().to_pylist() == by_spark == [
        {"id": 1, "name": "eins", "amount": 10, "land": "q", "code": 1, "score": None, "ratio": 0.5,
         "price": Decimal("1.25"), "u": None},
        {"id": 2, "name": "zwei", "amount": 2**40, "land": "l", "code": 2**41, "score": 0.25, "ratio": 0.1,
         "price": Decimal("22222.25"), "u": 7}]
    write(lake, "ALTER TABLE media.t DROP COLUMN place.land")
    write(lake, "ALTER TABLE media.t DROP COLUMN tags, notes, price, ratio")
    write(lake, "ALTER TABLE media.t ADD COLUMN price string")  # not the old column of that name
    same(lake, [{"id": 1, "name": "eins", "amount": 10, "place": {"city": "a", "code": 1}, "price": None},
                {"id": 2, "name": "zwei", "amount": 2**40, "place": {"city": "b", "code": 2**41},
                 "price": None}])


def test_spark_follows_specs_order_and_versions(lake):
    write(lake, "CREATE TABLE media.t (id int, kind string) PARTITIONED BY (kind) "
                "TBLPROPERTIES ('format-version' = '1')")
    model, first = [], 0
    changes = ["", "ADD PARTITION FIELD bucket(2, id) AS half", "SET TBLPROPERTIES ('format-version' = '2', "
               "'write.delete.mode' = 'merge-on-read', 'write.update.mode' = 'merge-on-read')",
               "DROP PARTITION FIELD kind", "WRITE ORDERED BY kind DESC NULLS FIRST, id",
               "REPLACE PARTITION FIELD half WITH truncate(10, id) AS tens",
               "SET TBLPROPERTIES ('format-version' = '3')", "WRITE UNORDERED", "DROP PARTITION FIELD tens"]
    for change in changes:
        if change:
            write(lake, f"ALTER TABLE media.t {change}")
        for insert in (lambda text: write(lake, text), lake.spark.sql):
            rows = [{"id": first + i, "kind": f"k{i % 3}"} for i in range(6)]
            insert("INSERT INTO media.t VALUES " + ", ".join(f"({row['id']}, '{row['kind']}')" for row in rows))
            model += rows
            first += 6
        gone = {first - 1, first - 7, 2}  # of this spec's files and of the first ones
        text = f"DELETE FROM media.t WHERE id IN ({', '.join(map(str, gone))})"
        if len(model) % 24 == 0:
            write(lake, text)
        else:
            lake.spark.sql(text)
        model = [row for row in model if row["id"] not in gone]
        same(lake, model)
    write(lake, "UPDATE media.t SET kind = 'u' WHERE id % 5 = 0")
    lake.spark.sql("UPDATE media.t SET kind = 's' WHERE id % 7 = 0")
    for row in model:
        row["kind"] = "s" if row["id"] % 7 == 0 else "u" if row["id"] % 5 == 0 else row["kind"]
    same(lake, model)
    lake.spark.sql("CALL daypart.system.rewrite_data_files(table => 'media.t', options => "
                   "map('rewrite-all', 'true'))")
    same(lake, model)
    lake.must("maintain", "media.t", "compact", "--strategy", "sort", "--columns", "id")
    same(lake, model)
    table = lake.spark.table("media.t")
    assert table.specs().size() >= 4 and table.spec().isUnpartitioned()
    assert table.operations().current().formatVersion() == 3


def test_spark_follows_branches_and_tags(lake):
    write(lake, "CREATE TABLE media.t (id int, name string)")
    write(lake, "INSERT INTO media.t VALUES (1, 'a'), (2, 'b')")
    write(lake, "ALTER TABLE media.t CREATE TAG first RETAIN 90 DAYS")
    write(lake, "ALTER TABLE media.t CREATE BRANCH work")
    write(lake, "INSERT INTO media.t.branch_work VALUES (3, 'w')")
    write(lake, "INSERT INTO media.t VALUES (4, 'm')")

    def ids(reference, expected):
        text = f"SELECT id FROM media.t FOR VERSION AS OF '{reference}' ORDER BY id"
        assert [row["id"] for row in lake.spark.sql(text)] == expected
        assert [row["id"] for row in lake.query(text)] == expected

    ids("first", [1, 2])
    ids("work", [1, 2, 3])
    ids("main", [1, 2, 4])
    lake.spark.sql("INSERT INTO media.t.branch_work VALUES (5, 's')")
    lake.spark.sql("DELETE FROM media.t.branch_work WHERE id = 1")
    ids("work", [2, 3, 5])
    write(lake, "UPDATE media.t.branch_work SET name = 'x' WHERE id = 5")
    ids("work", [2, 3, 5])
    ids("main", [1, 2, 4])
    before = lake.catalog().load_table("media.t").current_snapshot().snapshot_id
    lake.spark.sql("DELETE FROM media.t")
    write(lake, f"CALL system.rollback_to_snapshot('media.t', {before})")
    ids("main", [1, 2, 4])
    lake.spark.sql("ALTER TABLE media.t CREATE TAG second")
    write(lake, "ALTER TABLE media.t DROP BRANCH work")
    write(lake, "INSERT INTO media.t VALUES (6, 'n')")
    ids("second", [1, 2, 4])
    ids("main", [1, 2, 4, 6])
    assert sorted(row["name"] for row in lake.spark.sql("SELECT name FROM media.t.refs")) == [
        "first", "main", "second"]
