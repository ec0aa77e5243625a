# SPDX-License-Identifier: Apache-2.0
"""MERGE INTO against a plain model of the table, read back by PyIceberg and by DuckDB."""

import json
import random
import re

import duckdb
import pytest

MODES = [({}, 2), ({"write.merge.mode": "merge-on-read"}, 2), ({}, 3),
         ({"write.merge.mode": "merge-on-read"}, 3)]
NAMES = ["copy-v2", "deletes-v2", "copy-v3", "vectors-v3"]


def csv(rows):
    return "id,name,amount,region\n" + "".join(
        f"{i},{n},{a},{r}\n" for i, (n, a, r) in sorted(rows.items()))


def make(lake, rows, properties=None, version=2, partition=None, table="media.t"):
    words = [word for key, value in (properties or {}).items()
             for word in ("--set", f"{key}={value}")]
    if partition:
        words += ["--partition", partition]
    loaded = lake.load(table, csv(rows), "--format-version", version, *words)
    assert loaded.returncode == 0, loaded.stderr
    return dict(rows)


def write(lake, sql):
    result = lake.run("--json", "query", "--write", sql)
    assert result.returncode == 0, result.stderr
    return json.loads(result.stdout)


def as_model(rows):
    rows = list(rows)
    model = {row["id"]: (row["name"], row["amount"], row["region"]) for row in rows}
    assert len(model) == len(rows), "a row is there twice"
    return model


def by_daypart(lake):
    return as_model(lake.query("SELECT * FROM media.t"))


def by_pyiceberg(lake):
    return as_model(lake.catalog().load_table("media.t").scan().to_arrow().to_pylist())


def by_duckdb(lake):
    connection = duckdb.connect()
    connection.execute("LOAD iceberg")
    rows = connection.execute(
        f"SELECT * FROM iceberg_scan('{lake.metadata_location('media.t')}')").fetch_arrow_table()
    return as_model(rows.to_pylist())


def can_read_iceberg():
    try:
        duckdb.connect().execute("LOAD iceberg")
        return True
    except duckdb.Error:
        return False


def check(lake, model, version):
    assert by_daypart(lake) == model
    if version < 3:
        assert by_pyiceberg(lake) == model
        if can_read_iceberg():
            assert by_duckdb(lake) == model


def values(rows):
    return "VALUES " + ", ".join(f"({i}, '{n}', {a}, '{r}')" for i, (n, a, r) in rows.items())


def source(rows):
    return f"(SELECT * FROM ({values(rows)}) AS v(id, name, amount, region)) AS s"


REGIONS = ["north", "south", "east"]


def model_merge(model, rows, limit):
    """The statement of test_random_merges_match_a_model, in Python."""
    after, counts = {}, {"inserted": 0, "updated": 0, "deleted": 0}
    for i, old in model.items():
        new = rows.get(i)
        if new is not None and new[1] < 10:
            counts["deleted"] += 1
        elif new is not None and old[1] % 2 == 0:
            after[i] = (old[0], old[1] + new[1], new[2])
            counts["updated"] += 1
        elif new is not None:
            after[i] = new
            counts["updated"] += 1
        elif i < limit and old[2] == "east":
            counts["deleted"] += 1
        elif i < limit:
            after[i] = ("lost", old[1], old[2])
            counts["updated"] += 1
        else:
            after[i] = old
    for i, new in rows.items():
        if i in model:
            continue
        if new[1] > 80:
            after[i] = ("big", new[1], None)
            counts["inserted"] += 1
        elif new[1] > 20:
            after[i] = new
            counts["inserted"] += 1
    return after, counts


@pytest.mark.parametrize("partition", [None, "region"])
@pytest.mark.parametrize("properties, version", MODES, ids=NAMES)
def test_random_merges_match_a_model(lake, properties, version, partition):
    chance = random.Random(f"{properties} {version} {partition}")

    def row():
        return (f"n{chance.randrange(9)}", chance.randrange(100), chance.choice(REGIONS))

    model = make(lake, {i: row() for i in range(300)}, properties, version, partition)
    for _ in range(5):
        low = chance.randrange(400)
        rows = {i: row() for i in range(low, low + 60) if chance.random() < 0.7}
        limit = chance.choice([0, 40])
        lost = (f"WHEN NOT MATCHED BY SOURCE AND t.id < {limit} AND t.region = 'east' THEN DELETE "
                f"WHEN NOT MATCHED BY SOURCE AND t.id < {limit} THEN UPDATE SET name = 'lost'")
        done = write(lake, f"""MERGE INTO media.t AS t USING {source(rows)} ON t.id = s.id
            WHEN MATCHED AND s.amount < 10 THEN DELETE
            WHEN MATCHED AND t.amount % 2 = 0 THEN
                UPDATE SET amount = t.amount + s.amount, region = s.region
            WHEN MATCHED THEN UPDATE SET *
            WHEN NOT MATCHED AND s.amount > 80 THEN INSERT (amount, id, name)
                VALUES (s.amount, id, 'big')
            WHEN NOT MATCHED BY TARGET AND s.amount > 20 THEN INSERT *
            {lost if limit else ''}""")
        model, counts = model_merge(model, rows, limit)
        assert {key: done[f"rows_{key}"] for key in counts} == counts
        check(lake, model, version)


def test_a_merge_touches_only_files_that_match(lake):
    make(lake, {i: ("a", i, "north") for i in range(100)})
    for start in (100, 200, 300):
        assert lake.load("media.t", csv({i: ("a", i, "north") for i in range(start, start + 100)})
                         ).returncode == 0
    files = {task.file.file_path
             for task in lake.catalog().load_table("media.t").scan().plan_files()}
    write(lake, "MERGE INTO media.t USING (SELECT 250 AS id) AS s ON t.id = s.id "
                "WHEN MATCHED THEN UPDATE SET name = 'b'")
    after = {task.file.file_path
             for task in lake.catalog().load_table("media.t").scan().plan_files()}
    assert len(files - after) == 1 and len(files & after) == 3
    assert by_pyiceberg(lake)[250] == ("b", 250, "north")


def test_a_source_may_read_the_target_and_other_tables(lake):
    model = make(lake, {i: ("a", i, "north") for i in range(10)})
    make(lake, {3: ("u", 30, "south"), 40: ("u", 40, "east")}, table="media.u")
    write(lake, "MERGE INTO media.t USING media.u ON t.id = u.id WHEN MATCHED AND u.amount > "
                "(SELECT min(amount) FROM media.t) THEN UPDATE SET * WHEN NOT MATCHED THEN INSERT *")
    model |= {3: ("u", 30, "south"), 40: ("u", 40, "east")}
    assert by_daypart(lake) == model == by_pyiceberg(lake)
    write(lake, "MERGE INTO media.t AS t USING (SELECT id, amount FROM media.t WHERE id < 2) AS s "
                "ON t.id = s.id + 1 WHEN MATCHED THEN UPDATE SET amount = s.amount - 100")
    model |= {1: ("a", -100, "north"), 2: ("a", -99, "north")}
    assert by_daypart(lake) == model == by_pyiceberg(lake)


def test_null_keys_match_nothing_unless_asked_to(lake):
    make(lake, {1: ("a", 1, "north")})
    write(lake, "INSERT INTO media.t VALUES (NULL, 'null', 0, 'x')")
    one = "(SELECT CAST(NULL AS BIGINT) AS id) AS s"
    done = write(lake, f"MERGE INTO media.t USING {one} ON t.id = s.id WHEN MATCHED THEN DELETE")
    assert done["rows_deleted"] == 0 and done["snapshot_id"] is None
    done = write(lake, f"MERGE INTO media.t USING {one} ON t.id IS NOT DISTINCT FROM s.id "
                       "WHEN MATCHED THEN DELETE")
    assert done["rows_deleted"] == 1
    assert by_pyiceberg(lake) == {1: ("a", 1, "north")}


def test_an_empty_table_takes_a_merge(lake):
    make(lake, {1: ("a", 1, "north")})
    write(lake, "DELETE FROM media.t")
    write(lake, "MERGE INTO media.t USING (SELECT 7 AS id, 'x' AS name) AS s ON t.id = s.id "
                "WHEN NOT MATCHED THEN INSERT (id, name) VALUES (s.id, s.name)")
    assert by_pyiceberg(lake) == {7: ("x", None, None)}


@pytest.mark.parametrize("properties, version", MODES, ids=NAMES)
def test_a_row_matched_twice_is_refused_when_changed(lake, properties, version):
    model = make(lake, {i: ("a", i, "north") for i in range(5)}, properties, version)
    twice = "(SELECT * FROM (VALUES (1, 5), (1, 6), (2, 7)) AS v(id, amount)) AS s"
    before = lake.metadata_location("media.t")
    for action in ("UPDATE SET amount = s.amount", "UPDATE SET name = 'x'"):
        result = lake.run("query", "--write", f"MERGE INTO media.t USING {twice} ON t.id = s.id "
                                              f"WHEN MATCHED THEN {action}")
        assert result.returncode == 1
        assert "two or more" in result.stderr and "unique" in result.stderr
    result = lake.run("query", "--write", f"MERGE INTO media.t USING {twice} ON t.id = s.id "
                                          "WHEN MATCHED AND s.amount > 0 THEN DELETE")
    assert result.returncode == 1
    assert lake.metadata_location("media.t") == before and by_daypart(lake) == model
    # A row that no clause changes may be matched as often as it likes, and a deleted one is gone.
    write(lake, f"MERGE INTO media.t USING {twice} ON t.id = s.id "
                "WHEN MATCHED AND s.amount = 6 THEN UPDATE SET amount = 60")
    assert by_daypart(lake) == model | {1: ("a", 60, "north")}
    done = write(lake, f"MERGE INTO media.t USING {twice} ON t.id = s.id WHEN MATCHED THEN DELETE")
    assert done["rows_deleted"] == 2
    assert set(by_daypart(lake)) == {0, 3, 4}


@pytest.mark.parametrize("sql, words", [
    ("MERGE INTO media.none USING media.t ON TRUE WHEN MATCHED THEN DELETE", "media.none"),
    ("MERGE INTO media.t USING media.none AS s ON t.id = s.id WHEN MATCHED THEN DELETE",
     "media.none"),
    ("MERGE INTO media.t USING media.t ON t.id = t.id WHEN MATCHED THEN DELETE",
     "different names"),
    ("MERGE INTO media.t USING (SELECT 1 AS id) AS s ON t.id = s.id "
     "WHEN MATCHED THEN UPDATE SET *", "name"),
    ("MERGE INTO media.t USING (SELECT 1 AS id) AS s ON t.id = s.id "
     "WHEN MATCHED THEN UPDATE SET nope = 1", "nope"),
    ("MERGE INTO media.t USING (SELECT 1 AS id, 'x' AS a) AS s ON t.id = s.id "
     "WHEN MATCHED THEN UPDATE SET amount = s.a", "'x'"),
    ("MERGE INTO media.t USING (SELECT 1 AS id, 1e30 AS a) AS s ON t.id = s.id "
     "WHEN MATCHED THEN UPDATE SET amount = s.a", "amount|out of range|INT64"),
])
def test_a_refused_merge_changes_nothing(lake, sql, words):
    model = make(lake, {1: ("a", 1, "north")})
    before = lake.metadata_location("media.t")
    files = sorted((lake.folder / "lake").rglob("*.parquet"))
    result = lake.run("query", "--write", sql)
    assert result.returncode == 1 and re.search(words, result.stderr), result.stderr
    assert lake.metadata_location("media.t") == before
    assert sorted((lake.folder / "lake").rglob("*.parquet")) == files
    assert by_daypart(lake) == model


def test_insert_overwrite_replaces_the_partitions_that_rows_fall_into(lake):
    model = make(lake, {i: ("a", i, REGIONS[i % 3]) for i in range(9)}, partition="region")
    done = write(lake, "INSERT OVERWRITE media.t SELECT id + 100 AS id, name, amount, region "
                       "FROM media.t WHERE region = 'east' AND id < 5")
    assert done["rows_inserted"] == 1 and done["rows_deleted"] == 3
    model = {i: row for i, row in model.items() if row[2] != "east"} | {102: ("a", 2, "east")}
    check(lake, model, 2)
    assert write(lake, "INSERT OVERWRITE TABLE media.t SELECT * FROM media.t WHERE FALSE"
                 )["snapshot_id"] is None
    loaded = lake.load("media.t", csv({7: ("b", 7, "west"), 8: ("b", 8, "south")}),
                       "--mode", "overwrite-partitions")
    assert loaded.returncode == 0, loaded.stderr
    model = {i: row for i, row in model.items() if row[2] != "south"}
    model |= {7: ("b", 7, "west"), 8: ("b", 8, "south")}
    check(lake, model, 2)
    snapshot = lake.catalog().load_table("media.t").current_snapshot()
    assert snapshot.summary["replace-partitions"] == "true"


def test_insert_overwrite_replaces_a_table_without_partitions(lake):
    make(lake, {i: ("a", i, "north") for i in range(9)})
    write(lake, "INSERT OVERWRITE INTO media.t SELECT * FROM media.t WHERE id < 2")
    check(lake, {i: ("a", i, "north") for i in range(2)}, 2)
    write(lake, "INSERT OVERWRITE media.t SELECT * FROM media.t WHERE FALSE")
    check(lake, {}, 2)


LINEAGE = "SELECT id, _row_id, _last_updated_sequence_number AS updated FROM media.t ORDER BY id"


def lineage(lake):
    return {row["id"]: (row["_row_id"], row["updated"]) for row in lake.query(LINEAGE)}


@pytest.mark.parametrize("mode", ["copy-on-write", "merge-on-read"])
def test_rows_keep_their_ids(lake, mode):
    properties = {f"write.{kind}.mode": mode for kind in ("merge", "update", "delete")}
    make(lake, {i: ("a", i, "north") for i in range(6)}, properties, 3)
    model = {i: (i, 1) for i in range(6)}
    assert lineage(lake) == model == by_spark_lineage(lake)
    write(lake, "UPDATE media.t SET name = 'u' WHERE id = 2")
    model[2] = (2, 2)
    assert lineage(lake) == model == by_spark_lineage(lake)
    write(lake, "DELETE FROM media.t WHERE id = 0")
    del model[0]
    assert lineage(lake) == model == by_spark_lineage(lake)
    write(lake, "MERGE INTO media.t USING (SELECT * FROM (VALUES (3, 'm'), (9, 'm')) AS v(id, name)) "
                "AS s ON t.id = s.id WHEN MATCHED THEN UPDATE SET name = s.name "
                "WHEN NOT MATCHED THEN INSERT (id, name) VALUES (s.id, s.name)")
    found = lineage(lake)
    model[3] = (3, 4)
    new = found.pop(9)
    assert found == model and new[1] == 4 and new[0] not in {i for i, _ in model.values()}
    lake.must("maintain", "media.t", "compact")
    model[9] = new
    assert lineage(lake) == model == by_spark_lineage(lake)
    # Spark updates one row of what Daypart wrote; ids go on from where they were.
    lake.spark.sql("UPDATE media.t SET name = 's' WHERE id = 4")
    found = lineage(lake)
    assert found == by_spark_lineage(lake)
    assert {i: row[0] for i, row in found.items()} == {i: row[0] for i, row in model.items()}
    assert [row for row in lake.query("SELECT * FROM media.t WHERE id = 9")
            ] == [{"id": 9, "name": "m", "amount": None, "region": None}]


def by_spark_lineage(lake):
    return {row["id"]: (row["_row_id"], row["updated"]) for row in lake.spark.sql(LINEAGE)}


@pytest.mark.parametrize("properties, version", MODES, ids=NAMES)
def test_a_merge_has_the_result_that_spark_has(lake, properties, version):
    rows = {i: (f"n{i % 4}", i * 7 % 50, REGIONS[i % 3]) for i in range(60)}
    make(lake, rows, properties, version, "region")
    make(lake, rows, properties, version, "region", table="media.twin")
    make(lake, {i: (f"s{i % 5}", i * 3 % 40, REGIONS[i % 2]) for i in range(30, 90)},
         table="media.s")
    text = """MERGE INTO media.{} AS t USING (SELECT * FROM media.s WHERE amount <> 9) AS s
        ON t.id = s.id AND t.region = s.region
        WHEN MATCHED AND s.amount < 8 THEN DELETE
        WHEN MATCHED AND t.amount > 20 THEN UPDATE SET name = concat(t.name, s.name)
        WHEN MATCHED THEN UPDATE SET *
        WHEN NOT MATCHED AND s.id % 2 = 0 THEN INSERT (id, name) VALUES (s.id, s.name)
        WHEN NOT MATCHED AND s.id % 3 = 0 THEN INSERT *
        WHEN NOT MATCHED BY SOURCE AND t.id < 5 THEN UPDATE SET amount = -1
        WHEN NOT MATCHED BY SOURCE AND t.id < 10 THEN DELETE"""
    write(lake, text.format("t"))
    lake.spark.sql(text.format("twin"))
    expected = sorted(map(str, lake.spark.sql("SELECT * FROM media.twin")))
    assert sorted(map(str, lake.spark.sql("SELECT * FROM media.t"))) == expected
    assert sorted(map(str, lake.query("SELECT * FROM media.t"))) == expected
    assert sorted(map(str, lake.query("SELECT * FROM media.twin"))) == expected
