# SPDX-License-Identifier: Apache-2.0
"""uuid, fixed[n] and NaN in queries and writes: one type and one order whoever reads the file.

PyIceberg writes the tables or reads them back; DuckDB over the same values in memory is the model.
"""

import json
import math
import uuid

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from pyiceberg.schema import Schema
from pyiceberg.types import FixedType, LongType, NestedField, UUIDType

MIDDLE = "80000000-0000-0000-0000-000000000000"  # where a signed order would break
UUIDS = {1: uuid.UUID(int=1), 2: uuid.UUID(MIDDLE), 3: uuid.UUID(int=2**128 - 1)}
UUID_CONDITIONS = [f"u = '{MIDDLE}'", f"u <> '{MIDDLE}'", f"u < '{MIDDLE}'", f"u >= '{MIDDLE}'",
                   f"u IN ('{MIDDLE}', '{UUIDS[3]}')", "u IS NULL", f"u::VARCHAR = '{MIDDLE}'"]
MODES = ["copy-on-write", "merge-on-read"]


def write(lake, sql):
    result = lake.run("--json", "query", "--write", sql)
    assert result.returncode == 0, result.stderr
    return json.loads(result.stdout)


def ids(rows):
    return sorted(row["id"] for row in rows)


def by_pyiceberg(lake, table="media.t"):
    return lake.catalog().load_table(table).scan().to_arrow().to_pylist()


def make_uuids(lake, mode="copy-on-write"):
    """A table of PyIceberg's with three uuids and a null."""
    assert lake.run("query", "--write", "CREATE TABLE media.first (a int)").returncode == 0
    table = lake.catalog().create_table(
        "media.t", Schema(NestedField(1, "id", LongType()), NestedField(2, "u", UUIDType())),
        properties={f"write.{verb}.mode": mode for verb in ("delete", "update", "merge")})
    table.append(pa.table({
        "id": pa.array([*UUIDS, 4], pa.int64()),
        "u": pa.array([u.bytes for u in UUIDS.values()] + [None], pa.binary(16))}))


def model(condition):
    rows = ", ".join(f"({i}, '{u}'::UUID)" for i, u in UUIDS.items())
    return sorted(i for i, in duckdb.sql(
        f"SELECT id FROM (VALUES {rows}, (4, NULL)) t(id, u) WHERE {condition}").fetchall())


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("condition", UUID_CONDITIONS)
def test_delete_by_uuid_takes_what_select_finds(lake, mode, condition):
    make_uuids(lake, mode)
    found = model(condition)
    assert ids(lake.query(f"SELECT id FROM media.t WHERE {condition}")) == found
    assert write(lake, f"DELETE FROM media.t WHERE {condition}")["rows_deleted"] == len(found)
    assert ids(by_pyiceberg(lake)) == sorted({1, 2, 3, 4} - set(found))


def test_uuids_stay_uuids_after_a_delete_on_read(lake):
    make_uuids(lake, "merge-on-read")
    write(lake, "DELETE FROM media.t WHERE id = 1")
    assert lake.query("SELECT id, u, typeof(u) AS t FROM media.t WHERE u IS NOT NULL ORDER BY u") == [
        {"id": i, "u": str(UUIDS[i]), "t": "UUID"} for i in (2, 3)]
    assert ids(lake.query(f"SELECT id FROM media.t WHERE u = '{MIDDLE}'")) == [2]


@pytest.mark.parametrize("mode", MODES)
def test_merge_by_uuid(lake, mode):
    make_uuids(lake, mode)
    write(lake, f"MERGE INTO media.t USING (SELECT '{MIDDLE}'::UUID AS u UNION ALL "
                f"SELECT '{uuid.UUID(int=7)}') s ON t.u = s.u "
                "WHEN MATCHED THEN UPDATE SET id = 20 "
                "WHEN NOT MATCHED THEN INSERT (id, u) VALUES (70, s.u) "
                "WHEN NOT MATCHED BY SOURCE AND t.u IS NOT NULL THEN DELETE")
    assert {row["id"]: row["u"] for row in by_pyiceberg(lake)} == {
        4: None, 20: UUIDS[2], 70: uuid.UUID(int=7)}


@pytest.mark.parametrize("mode", MODES)
def test_rows_with_uuids_are_written(lake, mode):
    make_uuids(lake, mode)
    write(lake, "INSERT INTO media.t SELECT id + 10, u FROM media.t")
    write(lake, f"INSERT INTO media.t VALUES (30, '{uuid.UUID(int=30)}')")
    write(lake, "INSERT INTO media.t VALUES (31, uuid())")
    assert write(lake, "UPDATE media.t SET id = id + 100")["rows_updated"] == 10
    rows = {row["id"]: row["u"] for row in by_pyiceberg(lake)}
    fresh = rows.pop(131)
    assert fresh.version == 4
    expected = {i + more: u for i, u in {**UUIDS, 4: None}.items() for more in (100, 110)}
    assert rows == {**expected, 130: uuid.UUID(int=30)}
    shown = {row["id"]: row["u"] for row in lake.query("SELECT * FROM media.t")}
    assert shown == {i: u and str(u) for i, u in {**rows, 131: fresh}.items()}


def test_files_have_the_logical_type_and_tables_of_queries_the_column_type(lake):
    make_uuids(lake)
    write(lake, "CREATE TABLE media.copy AS SELECT * FROM media.t")
    table = lake.catalog().load_table("media.copy")
    assert table.schema().find_field("u").field_type == UUIDType()
    (task,) = table.scan().plan_files()
    column = pq.ParquetFile(task.file.file_path.removeprefix("file://")).schema.column(1)
    assert column.logical_type.type == "UUID"
    assert {row["id"]: row["u"] for row in by_pyiceberg(lake, "media.copy")} == {**UUIDS, 4: None}
    refused = lake.run("query", "--write", "INSERT INTO media.t VALUES (1, 'no uuid')")
    assert refused.returncode != 0 and "no uuid" in refused.stderr


def test_uuids_and_fixed_in_nested_columns(lake):
    write(lake, "CREATE TABLE media.t (id int, s struct<u: uuid, f: fixed[2]>, l list<uuid>, "
                "m map<string, uuid>)")
    one, two = UUIDS[1], UUIDS[2]
    write(lake, "INSERT INTO media.t VALUES "
                f"(1, {{'u': '{one}', 'f': 'ab'::BLOB}}, ['{two}', NULL], MAP {{'a': '{two}'}}), "
                "(2, NULL, NULL, NULL)")
    write(lake, f"UPDATE media.t SET id = 5 WHERE s.u = '{one}' AND l[1] = '{two}'")
    rows = {row["id"]: row for row in by_pyiceberg(lake)}
    assert sorted(rows) == [2, 5]
    assert (rows[5]["s"]["u"], rows[5]["s"]["f"]) == (one, b"ab")
    assert rows[5]["l"] == [two, None] and dict(rows[5]["m"]) == {"a": two}
    assert rows[2]["s"] is None and rows[2]["l"] is None


@pytest.mark.parametrize("mode", MODES)
def test_fixed_columns_are_written(lake, mode):
    assert lake.run("query", "--write", "CREATE TABLE media.first (a int)").returncode == 0
    lake.catalog().create_table(
        "media.t", Schema(NestedField(1, "id", LongType()), NestedField(2, "f", FixedType(4)),
                          NestedField(3, "g", FixedType(16))),
        properties={"write.delete.mode": mode, "write.update.mode": mode})
    write(lake, r"INSERT INTO media.t VALUES (1, 'abcd'::BLOB, repeat('x', 16)::BLOB), "
                r"(2, '\x00\xFF\x80\x01'::BLOB, NULL), (3, NULL, NULL)")
    assert write(lake, "UPDATE media.t SET id = id + 10 WHERE f = 'abcd'::BLOB")["rows_updated"] == 1
    write(lake, "DELETE FROM media.t WHERE id = 3")
    assert {row["id"]: (row["f"], row["g"]) for row in by_pyiceberg(lake)} == {
        11: (b"abcd", b"x" * 16), 2: (b"\x00\xff\x80\x01", None)}
    types = lake.query("SELECT DISTINCT typeof(f) AS f, typeof(g) AS g FROM media.t")
    assert types == [{"f": "BLOB", "g": "BLOB"}]
    refused = lake.run("query", "--write", "INSERT INTO media.t (id, f) VALUES (9, 'abc'::BLOB)")
    assert refused.returncode != 0
    assert "column f: a value of 4 bytes is expected, found 3" in refused.stderr
    assert ids(by_pyiceberg(lake)) == [2, 11]


NAN_CONDITIONS = ["d > 5", "d = 'NaN'", "d >= 'NaN'", "d IN ('NaN')", "d > 'inf'::DOUBLE",
                  "d <> 0", "d < 5", "NOT d < 5", "d BETWEEN 1 AND 'NaN'", "isnan(d)", "f > 5",
                  "f = 'NaN'::FLOAT"]
NAN_VALUES = "(1, 'NaN'::DOUBLE, 'NaN'::FLOAT), (2, 0.0, 0.0), (3, NULL, NULL), (4, 6.5, 6.5)"


@pytest.mark.parametrize("writer", ["daypart", "pyiceberg"])
def test_nan_is_above_all_in_every_condition(lake, writer):
    write(lake, "CREATE TABLE media.t (id int, d double, f float)")
    if writer == "daypart":
        write(lake, f"INSERT INTO media.t VALUES {NAN_VALUES}")
    else:  # which writes no counts of NaN
        rows = duckdb.sql(f"SELECT id::INT AS id, d, f FROM (VALUES {NAN_VALUES}) t(id, d, f)")
        lake.catalog().load_table("media.t").append(rows.to_arrow_table())
    for condition in NAN_CONDITIONS:
        expected = sorted(i for i, in duckdb.sql(
            f"SELECT id FROM (VALUES {NAN_VALUES}) t(id, d, f) WHERE {condition}").fetchall())
        found = ids(lake.query(f"SELECT id FROM media.t WHERE {condition}"))
        assert found == expected, condition
    joined = lake.query("SELECT id FROM media.t JOIN (SELECT 'NaN'::DOUBLE AS d) s USING (d)")
    assert ids(joined) == [1]
    top = lake.query("SELECT id, d FROM media.t WHERE d IS NOT NULL ORDER BY d DESC LIMIT 1")
    assert top[0]["id"] == 1
    assert write(lake, "DELETE FROM media.t WHERE d > 5")["rows_deleted"] == 2
    left = {row["id"]: row["d"] for row in by_pyiceberg(lake)}
    assert left == {2: 0.0, 3: None}


def test_negated_twice_a_number_is_what_it_was(lake):
    write(lake, "CREATE TABLE media.t (id int, d double)")
    values = [-0.0, 0.0, 5e-324, -1.7976931348623157e308, math.inf, -math.inf, 0.1, math.nan]
    lake.catalog().load_table("media.t").append(pa.table({
        "id": pa.array(range(len(values)), pa.int32()), "d": pa.array(values, pa.float64())}))
    rows = lake.query("SELECT id, d::VARCHAR AS d FROM media.t ORDER BY id")
    expected = [duckdb.execute("SELECT ?::DOUBLE::VARCHAR", [v]).fetchone()[0] for v in values]
    assert [row["d"] for row in rows] == expected
