# SPDX-License-Identifier: Apache-2.0
"""Statistics of Daypart's files against PyIceberg's own and against the values themselves; sketches.

Compaction reads files that PyIceberg wrote and writes them anew, so that every type that PyIceberg can make
gets Daypart's statistics. They are compared with what PyIceberg computes for the same rows, and with the rows.
"""

import datetime
import decimal
import json
import math
import uuid

import pyarrow
import pyarrow.parquet
import pytest
from pyiceberg.conversions import from_bytes
from pyiceberg.io.pyarrow import (compute_statistics_plan, data_file_statistics_from_parquet_metadata,
                                  parquet_path_to_id_mapping)
from pyiceberg.schema import Schema
from pyiceberg.types import (BinaryType, BooleanType, DateType, DecimalType, DoubleType, FixedType, FloatType,
                             IntegerType, ListType, LongType, MapType, NestedField, StringType, StructType,
                             TimestampType, TimestamptzType, TimeType, UUIDType)

UTC = datetime.timezone.utc
SCHEMA = Schema(
    NestedField(1, "id", LongType()), NestedField(2, "small", IntegerType()),
    NestedField(3, "flag", BooleanType()), NestedField(4, "real", FloatType()),
    NestedField(5, "wide", DoubleType()), NestedField(6, "price", DecimalType(18, 4)),
    NestedField(7, "day", DateType()), NestedField(8, "clock", TimeType()),
    NestedField(9, "at", TimestampType()), NestedField(10, "at_utc", TimestamptzType()),
    NestedField(11, "name", StringType()), NestedField(12, "code", BinaryType()),
    NestedField(13, "key", UUIDType()), NestedField(14, "fixed", FixedType(4)),
    # Ids as PyIceberg gives them to a new table: a level at a time.
    NestedField(15, "user", StructType(NestedField(18, "city", StringType()),
                                       NestedField(19, "age", IntegerType()))),
    NestedField(16, "tags", ListType(20, StringType(), element_required=False)),
    NestedField(17, "counts", MapType(21, StringType(), 22, LongType(), value_required=False)))
LEAVES = [*range(1, 15), 18, 19]
REPEATED = [20, 21, 22]


def rows():
    made = []
    for i in range(60):
        made.append({
            "id": i - 30, "small": None if i % 7 == 0 else i * 1000, "flag": i % 2 == 0,
            "real": [1.5, -2.25, math.nan, None][i % 4], "wide": [0.0, -0.0, 1e300, None][i % 4],
            "price": decimal.Decimal(i * 12345 - 300000) / 10000,
            "day": datetime.date(1960 + i, 1 + i % 12, 1), "clock": datetime.time(i % 24, i, 1, i),
            "at": datetime.datetime(1960 + i, 3, 1, 1, 2, 3, i),
            "at_utc": datetime.datetime(1960 + i, 3, 1, 1, 2, 3, i, UTC),
            "name": ["", "a", "é" * 30, "zebra crossing at noon"][i % 4],
            "code": bytes([i, 255] * 20), "key": uuid.UUID(int=i * (1 << 121)).bytes,
            "fixed": bytes([i, 0, 255, i]),
            "user": None if i % 5 == 0 else {"city": f"city {i}", "age": i},
            "tags": [None, [], ["x", None], ["y"]][i % 4],
            "counts": [None, [], [("k", 1)], [("k", None), ("l", 3)]][i % 4]})
    return made


def load(lake, properties):
    catalog = lake.catalog()
    catalog.create_namespace_if_not_exists("media")
    table = catalog.create_table("media.wide", SCHEMA, properties=properties)
    data = pyarrow.Table.from_pylist(rows(), schema=table.schema().as_arrow())
    table.append(data.slice(0, 25))
    table.append(data.slice(25))
    lake.must("maintain", "media.wide", "compact")
    table = catalog.load_table("media.wide")
    (task,) = table.scan().plan_files()
    assert len(table.scan().to_arrow()) == 60
    return table, task.file


def by_pyiceberg(table, file, properties):
    footer = pyarrow.parquet.read_metadata(file.file_path.removeprefix("file://"))
    computed = data_file_statistics_from_parquet_metadata(
        footer, compute_statistics_plan(table.schema(), properties), parquet_path_to_id_mapping(table.schema()))
    return computed


@pytest.mark.parametrize("properties", [
    {}, {"write.metadata.metrics.default": "counts", "write.metadata.metrics.column.user.age": "full"},
    {"write.metadata.metrics.default": "none", "write.metadata.metrics.column.name": "truncate(3)"},
    {"write.metadata.metrics.default": "full"}], ids=["default", "counts", "none", "full"])
def test_statistics_are_those_pyiceberg_computes(lake, properties):
    table, file = load(lake, properties)
    theirs = by_pyiceberg(table, file, table.properties)
    assert file.column_sizes == theirs.column_sizes
    assert file.value_counts == theirs.value_counts
    assert file.null_value_counts == theirs.null_value_counts
    assert file.record_count == 60
    # PyIceberg takes its bounds from the Parquet footer, which has no -0.0 and NaN rules for all.
    # Of nested columns it takes none, whatever the properties ask.
    # Of a binary it keeps the bytes after the one that it counted up, so its upper bound is looser.
    apart = {4, 5, 12, 18, 19}
    ours = {"lower": file.lower_bounds or {}, "upper": file.upper_bounds or {}}
    serialized = theirs.to_serialized_dict()
    other = {"lower": serialized["lower_bounds"], "upper": serialized["upper_bounds"]}
    highest = max(row["code"] for row in rows())
    assert 12 not in other["upper"] or highest <= file.upper_bounds[12] <= other["upper"][12]
    for side in ours:
        assert {k: v for k, v in ours[side].items() if k not in apart} == {
            k: v for k, v in other[side].items() if k not in apart}, side


def leaf_values(field_id):
    for row in rows():
        if field_id in (18, 19):
            yield None if row["user"] is None else row["user"]["city" if field_id == 18 else "age"]
        else:
            yield row[SCHEMA.find_column_name(field_id)]


def test_statistics_are_true_of_the_rows(lake):
    _, file = load(lake, {"write.metadata.metrics.default": "full"})
    for field_id in LEAVES:
        values = list(leaf_values(field_id))
        known = [v for v in values if v is not None]
        numbers = [v for v in known if not (isinstance(v, float) and math.isnan(v))]
        kind = SCHEMA.find_type(field_id)
        lower = from_bytes(kind, file.lower_bounds[field_id])
        upper = from_bytes(kind, file.upper_bounds[field_id])
        if field_id == 13:
            lower, upper = file.lower_bounds[13], file.upper_bounds[13]
        elif field_id in (7, 8, 9, 10):
            lower, upper = lower, upper  # in days or microseconds, as are the values below
            numbers = [int(pyarrow.array([v], SCHEMA.as_arrow().field(field_id - 1).type)
                           .cast(pyarrow.int32() if field_id == 7 else pyarrow.int64())[0].as_py())
                       for v in numbers]
        assert (lower, upper) == (min(numbers), max(numbers)), field_id
        assert file.value_counts[field_id] == 60
        assert file.null_value_counts[field_id] == len(values) - len(known)
        if field_id in (4, 5):
            assert file.nan_value_counts[field_id] == len(known) - len(numbers)
    assert math.copysign(1, from_bytes(DoubleType(), file.lower_bounds[5])) == -1
    for field_id in REPEATED:
        assert field_id not in file.lower_bounds and file.value_counts[field_id] > 0


@pytest.mark.parametrize("row_filter, count", [
    ("real is nan", 15), ("user.age > 55", 4), ("user.city is null", 12), ("name > 'z'", 30),
    ("price < 0", 25), ("day < '1970-01-01'", 10), ("id = 29", 1), ("id = 1000", 0)])
def test_filters_on_rewritten_files_find_every_row(lake, row_filter, count):
    table, _ = load(lake, {})
    assert len(table.scan(row_filter=row_filter).to_arrow()) == count


def test_theta_sketches_are_read_by_datasketches(lake):
    import datasketches
    from pyiceberg.table.puffin import PuffinFile
    text = "id,name,day\n" + "".join(
        f"{i},n{i % 100},{datetime.date(2026, 1, 1) + datetime.timedelta(days=i % 3)}\n" for i in range(30000))
    assert lake.load("media.t", text).returncode == 0
    told = json.loads(lake.must("--json", "maintain", "media.t", "statistics"))[0]
    assert told["distinct_counts"]["name"] == 100 and told["distinct_counts"]["day"] == 3
    assert abs(told["distinct_counts"]["id"] - 30000) < 1800
    table = lake.catalog().load_table("media.t")
    (registered,) = table.metadata.statistics
    assert registered.snapshot_id == table.current_snapshot().snapshot_id
    with open(registered.statistics_path.removeprefix("file://"), "rb") as file:
        content = file.read()
    assert len(content) == registered.file_size_in_bytes
    puffin = PuffinFile(content)
    kinds = {f.field_id: f for f in table.schema().fields}
    for blob in puffin.footer.blobs:
        assert blob.type == "apache-datasketches-theta-v1"
        sketch = datasketches.compact_theta_sketch.deserialize(content[blob.offset:blob.offset + blob.length])
        name = kinds[blob.fields[0]].name
        assert round(sketch.get_estimate()) == told["distinct_counts"][name] == int(blob.properties["ndv"])
    # The same values through DataSketches' own sketch have the same hashes: what is kept below both
    # thetas is equal. Strings are hashed as their UTF-8 bytes.
    own = datasketches.update_theta_sketch(12)
    for i in range(100):
        own.update(f"n{i}")
    blob = next(b for b in puffin.footer.blobs if kinds[b.fields[0]].name == "name")
    ours = datasketches.compact_theta_sketch.deserialize(content[blob.offset:blob.offset + blob.length])
    assert sorted(ours) == sorted(own.compact())
    described = json.loads(lake.must("--json", "describe", "media.t"))
    assert {c["name"]: c["distinct_count"] for c in described["columns"]} == told["distinct_counts"]


def test_a_statistics_file_lives_as_long_as_its_snapshot(lake):
    assert lake.load("media.t", "id\n1\n2\n").returncode == 0
    lake.must("maintain", "media.t", "statistics", "--columns", "id")
    location = lake.catalog().load_table("media.t").metadata.statistics[0].statistics_path
    path = lake.folder / location.removeprefix(f"file://{lake.folder}/")
    lake.must("maintain", "media.t", "orphans", "--older-than-hours", "0", "--force")
    assert path.exists()
    assert lake.load("media.t", "id\n3\n").returncode == 0
    lake.must("maintain", "media.t", "expire", "--older-than-hours", "0")
    assert not path.exists()
    assert lake.catalog().load_table("media.t").metadata.statistics == []


def test_statistics_of_a_column_that_is_not_there_are_refused(lake):
    assert lake.load("media.t", "id\n1\n").returncode == 0
    before = lake.metadata_location("media.t")
    result = lake.run("maintain", "media.t", "statistics", "--columns", "nope")
    assert result.returncode == 1 and "nope" in result.stderr
    assert lake.metadata_location("media.t") == before
