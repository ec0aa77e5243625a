# SPDX-License-Identifier: Apache-2.0
"""Tables written by Daypart, read by PyIceberg and by DuckDB's iceberg extension.

What a table must hold is computed here from the CSV text with Python's csv module and decimal; neither
Daypart nor the readers are asked for it.
"""

import csv
import datetime
import decimal
import importlib.util
import io
import math
import pathlib

import pytest

SPECIAL = """id,name,score,price,day,at,flag
1,north,1.5,12.3400,2026-11-24,2026-11-24T10:00:00Z,true
2,"",-0.0,0.0100,1969-12-31,1969-12-31T23:59:59.999999Z,false
3,,NaN,-999999.9999,1970-01-01,1970-01-01T00:00:00Z,
4,"a, quoted ""name"" of more than sixteen letters",0.0,,1800-02-28,,true
5,ééééééééééééééééééé,,5.0000,,2026-11-24T12:30:00.5+02:00,false
"""


def expected_rows(text):
    rows = []
    for row in csv.DictReader(io.StringIO(text)):
        def parsed(key, parse):
            return parse(row[key]) if row[key] != "" else None
        rows.append({
            "id": int(row["id"]),
            # csv drops the difference between an empty cell and a quoted empty one: only row 2 has quotes.
            "name": row["name"] if row["name"] != "" or row["id"] == "2" else None,
            "score": parsed("score", float),
            "price": parsed("price", decimal.Decimal),
            "day": parsed("day", datetime.date.fromisoformat),
            "at": parsed("at", lambda t: datetime.datetime.fromisoformat(t.replace("Z", "+00:00"))
                         .astimezone(datetime.timezone.utc)),
            "flag": parsed("flag", lambda t: t == "true"),
        })
    return rows


def same(left, right):
    if isinstance(left, float) and isinstance(right, float):
        both_nan = math.isnan(left) and math.isnan(right)
        return both_nan or (left == right and math.copysign(1, left) == math.copysign(1, right))
    return left == right


def assert_rows(found, expected):
    found = sorted(found, key=lambda row: row["id"])
    assert len(found) == len(expected)
    for got, want in zip(found, expected):
        for key, value in want.items():
            assert same(got[key], value), (key, got, want)


def duckdb_reader():
    """DuckDB with its iceberg extension, which a wheel ships as a file."""
    import duckdb
    connection = duckdb.connect()
    for name in ["avro", "iceberg"]:
        package = importlib.util.find_spec(f"duckdb_extension_{name}")
        folder = pathlib.Path(package.submodule_search_locations[0])
        extension = next(folder.glob(f"extensions/*/{name}.duckdb_extension"))
        connection.execute(f"LOAD '{extension}'")
    return connection


def test_pyiceberg_reads_special_values(lake):
    assert lake.load("media.special", SPECIAL).returncode == 0
    table = lake.catalog().load_table("media.special")
    assert_rows(table.scan().to_arrow().to_pylist(), expected_rows(SPECIAL))


@pytest.mark.parametrize("row_filter,ids", [
    ("id = 3", [3]), ("price < 0", [3]), ("day < '1970-01-01'", [2, 4]), ("name is null", [3]),
    ("at >= '2026-01-01T00:00:00+00:00'", [1, 5]), ("flag = true", [1, 4]), ("id > 99", []),
    ("name = 'ééééééééééééééééééé'", [5]),
])
def test_pyiceberg_finds_rows_by_filters_that_prune(lake, row_filter, ids):
    assert lake.load("media.special", SPECIAL).returncode == 0
    header, *lines = SPECIAL.splitlines(keepends=True)
    for number, line in enumerate(lines):  # a file a row, so that each filter prunes
        mode = "overwrite" if number == 0 else "append"
        assert lake.load("media.special", header + line, "--mode", mode).returncode == 0
    table = lake.catalog().load_table("media.special")
    found = table.scan(row_filter=row_filter).to_arrow().to_pylist()
    assert sorted(row["id"] for row in found) == ids
    assert len(list(table.scan().plan_files())) == 5
    assert len(list(table.scan(row_filter=row_filter).plan_files())) < 5


def test_duckdb_reads_the_same_rows(lake):
    connection = duckdb_reader()
    assert lake.load("media.special", SPECIAL).returncode == 0
    location = lake.metadata_location("media.special")
    rows = connection.execute(
        f"SELECT id, name, score, price, day, flag FROM iceberg_scan('{location}') ORDER BY id"
    ).fetchall()
    names = ["id", "name", "score", "price", "day", "flag"]
    expected = [{k: v for k, v in row.items() if k != "at"} for row in expected_rows(SPECIAL)]
    assert_rows([dict(zip(names, row)) for row in rows], expected)


def test_rows_after_append_overwrite_and_merge(lake):
    assert lake.load("media.ads", "ad_id,clicks\n1,10\n2,20\n").returncode == 0
    assert lake.load("media.ads", "ad_id,clicks\n3,30\n").returncode == 0
    assert lake.load("media.ads", "ad_id,clicks\n2,21\n4,40\n", "--mode", "merge", "--key",
                     "ad_id").returncode == 0
    catalog = lake.catalog()

    def rows():
        found = catalog.load_table("media.ads").scan().to_arrow().to_pylist()
        return sorted((row["ad_id"], row["clicks"]) for row in found)

    assert rows() == [(1, 10), (2, 21), (3, 30), (4, 40)]
    assert lake.load("media.ads", "ad_id,clicks\n9,90\n", "--mode", "overwrite").returncode == 0
    assert rows() == [(9, 90)]
    assert len(catalog.load_table("media.ads").snapshots()) == 4


def test_pyiceberg_appends_and_daypart_goes_on(lake):
    import pyarrow
    assert lake.load("media.ads", "ad_id,clicks\n1,10\n").returncode == 0
    table = lake.catalog().load_table("media.ads")
    table.append(pyarrow.table({"ad_id": pyarrow.array([2], pyarrow.int32()),
                                "clicks": pyarrow.array([20], pyarrow.int32())}))
    assert lake.load("media.ads", "ad_id,clicks\n2,22\n3,30\n", "--mode", "merge", "--key",
                     "ad_id").returncode == 0
    assert lake.query("SELECT ad_id, clicks FROM media.ads ORDER BY ad_id") == [
        {"ad_id": 1, "clicks": 10}, {"ad_id": 2, "clicks": 22}, {"ad_id": 3, "clicks": 30}]


def test_partitioned_table_is_pruned_by_pyiceberg(lake):
    text = "id,at\n" + "".join(f"{n},2026-11-{1 + n % 10:02d}T00:00:00Z\n" for n in range(100))
    assert lake.load("media.days", text, "--partition", "day(at)").returncode == 0
    table = lake.catalog().load_table("media.days")
    assert len(list(table.scan().plan_files())) == 10
    one_day = table.scan(row_filter="at < '2026-11-02T00:00:00+00:00'")
    assert len(list(one_day.plan_files())) == 1
    assert one_day.to_arrow().num_rows == 10


def test_every_column_of_generated_data_adds_up(lake):
    """Counts, sums, minima, maxima, distinct values and nulls of each column, straight from the CSV."""
    lake.must("generate", "--out", "data", "--events", "20000", "--viewers", "500", "--seed", "3")
    for name in ["channel_metadata", "demographics", "ad_revenue", "viewership_logs"]:
        path = pathlib.Path(lake.folder, "data", f"{name}.csv")
        lake.must("load", f"media.{name}", path)
        table = lake.catalog().load_table(f"media.{name}").scan().to_arrow()
        with open(path, newline="") as file:
            rows = list(csv.DictReader(file))
        assert table.num_rows == len(rows)
        for column in table.column_names:
            cells = [row[column] for row in rows if row[column] != ""]
            values = [value for value in table[column].to_pylist() if value is not None]
            assert len(values) == len(cells), (name, column)
            assert len(set(values)) == len(set(cells)), (name, column)
            if isinstance(values[0], (int, float, decimal.Decimal)) and values[0] not in (True, False):
                truth = [decimal.Decimal(cell) for cell in cells]
                exact = [decimal.Decimal(str(value)) for value in values]
                assert (sum(truth), min(truth), max(truth)) == (sum(exact), min(exact), max(exact))


def test_duckdb_follows_each_commit(lake):
    connection = duckdb_reader()

    def read():
        location = lake.metadata_location("media.ads")
        return dict(connection.execute(f"SELECT ad_id, clicks FROM iceberg_scan('{location}')").fetchall())

    assert lake.load("media.ads", "ad_id,clicks\n1,10\n2,20\n").returncode == 0
    assert read() == {1: 10, 2: 20}
    assert lake.load("media.ads", "ad_id,clicks\n3,30\n").returncode == 0
    assert read() == {1: 10, 2: 20, 3: 30}
    merged = lake.load("media.ads", "ad_id,clicks\n2,21\n4,40\n", "--mode", "merge", "--key", "ad_id")
    assert merged.returncode == 0 and read() == {1: 10, 2: 21, 3: 30, 4: 40}
    lake.must("query", "--write", "DELETE FROM media.ads WHERE ad_id = 1")
    assert read() == {2: 21, 3: 30, 4: 40}
    assert lake.load("media.ads", "ad_id,clicks\n9,90\n", "--mode", "overwrite").returncode == 0
    assert read() == {9: 90}


@pytest.mark.parametrize("version", [2, 3], ids=["deletes", "vectors"])
def test_duckdb_applies_row_level_deletes(lake, version):
    text = "id,name\n" + "".join(f"{i},n{i}\n" for i in range(1000))
    assert lake.load("media.t", text, "--format-version", version,
                     "--set", "write.delete.mode=merge-on-read").returncode == 0
    lake.must("query", "--write", "DELETE FROM media.t WHERE id % 3 = 0")
    lake.must("query", "--write", "DELETE FROM media.t WHERE id < 100")
    location = lake.metadata_location("media.t")
    rows = duckdb_reader().execute(f"SELECT id FROM iceberg_scan('{location}') ORDER BY id").fetchall()
    assert [row[0] for row in rows] == [i for i in range(100, 1000) if i % 3]


def test_duckdb_reads_every_table_of_the_pipeline(lake):
    lake.must("generate", "--out", "data", "--events", "20000", "--viewers", "500")
    lake.must("--quiet", "upload", "-r", "data", "raw/")
    assert lake.run("crawl", "raw/").returncode == 0
    lake.must("run")
    connection = duckdb_reader()
    files = {"ad_revenue": ["ad_revenue.csv"], "channel_metadata": ["channel_metadata.csv"],
             "demographics": ["demographics.csv"],
             "viewership": sorted(str(p.relative_to(lake.folder / "data"))
                                  for p in (lake.folder / "data").rglob("viewership_logs.csv"))}
    sums = {"ad_revenue": "impressions", "channel_metadata": "channel_id", "demographics": "age",
            "viewership": "watch_seconds"}
    for table, names in files.items():
        rows, total = 0, 0
        for name in names:
            with open(lake.folder / "data" / name, newline="") as file:
                for row in csv.DictReader(file):
                    rows += 1
                    total += int(row[sums[table]] or 0)
        location = lake.metadata_location(f"media.{table}")
        found = connection.execute(
            f"SELECT count(*), sum({sums[table]}) FROM iceberg_scan('{location}')").fetchone()
        assert found == (rows, total), table


def test_files_without_field_ids_are_read_by_the_name_mapping(lake):
    import pyarrow
    import pyarrow.parquet
    rows = pyarrow.table({"id": pyarrow.array([1, 2], pyarrow.int64()), "name": ["a", "b"]})
    path = lake.folder / "foreign.parquet"
    pyarrow.parquet.write_table(rows, path)
    catalog = lake.catalog()
    catalog.create_namespace_if_not_exists("media")
    catalog.create_table("media.foreign", rows.schema).add_files([f"file://{path}"])
    assert lake.query("SELECT id, name FROM media.foreign ORDER BY id") == [
        {"id": 1, "name": "a"}, {"id": 2, "name": "b"}]
    assert lake.query("SELECT id FROM media.foreign WHERE name = 'b'") == [{"id": 2}]
