# SPDX-License-Identifier: Apache-2.0
"""Golden tables that PyIceberg makes; maker: what make_golden.py asks the questions with."""

import datetime
import decimal
import os

import pyarrow as pa
import pyarrow.parquet
from pyiceberg.transforms import IdentityTransform
from pyiceberg.types import LongType, StringType

UTC = datetime.timezone.utc
SCHEMA = pa.schema([
    pa.field("id", pa.int64(), nullable=False), ("flag", pa.bool_()), ("f", pa.float32()), ("d", pa.float64()),
    ("price", pa.decimal128(20, 4)), ("day", pa.date32()), ("time", pa.time64("us")),
    ("at", pa.timestamp("us", "UTC")), ("local_at", pa.timestamp("us")), ("s", pa.string()),
    ("b", pa.binary()), ("fixed", pa.binary(4)), ("list", pa.list_(pa.int32())),
    ("map", pa.map_(pa.string(), pa.float64())),
    ("struct", pa.struct([("x", pa.int32()), ("deep", pa.list_(pa.struct([("y", pa.string())])))]))])
ROWS = [
    {"id": 1, "flag": True, "f": 0.5, "d": float("nan"), "price": decimal.Decimal("1.2345"),
     "day": datetime.date(2026, 11, 24), "time": datetime.time(23, 59, 59, 999999),
     "at": datetime.datetime(2026, 11, 24, 10, tzinfo=UTC), "local_at": datetime.datetime(1, 1, 1),
     "s": "ü" * 40, "b": b"\x00\xff", "fixed": b"abcd", "list": [1, None], "map": [("k", 1.0)],
     "struct": {"x": 1, "deep": [{"y": "z"}, None]}},
    {"id": 2, "flag": False, "f": -0.0, "d": float("-inf"), "price": decimal.Decimal("-9999999999999999.9999"),
     "day": datetime.date(1, 1, 1), "time": datetime.time(0), "at": datetime.datetime(1900, 1, 1, tzinfo=UTC),
     "local_at": datetime.datetime(9999, 12, 31, 23, 59, 59), "s": "", "b": b"", "fixed": b"\x00\x00\x00\x00",
     "list": [], "map": [], "struct": {"x": None, "deep": []}},
    {"id": 3},
]


def types(catalog, maker):
    check = maker.check_by_pyiceberg  # Spark has no type for times of day
    for version in ["1", "2"]:
        name = f"media.py_types_v{version}"
        table = catalog.create_table(name, SCHEMA, properties={"format-version": version})
        for row in ROWS:
            table.append(pa.Table.from_pylist([row], SCHEMA))
        check(name)
        for where in ["id = 2", "d < 0", "s = ''", "flag = false", "day < DATE'1900-01-01'", "price < 0",
                      "s IS NULL", "struct.x = 1"]:
            check(name, where)


def changes(catalog, maker):
    check = maker.check
    schema = pa.schema([("id", pa.int64()), ("kind", pa.string()), ("amount", pa.int32())])

    def rows(start, stop, amount=0):
        return pa.table([list(range(start, stop)), [f"k{i % 3}" for i in range(start, stop)],
                         [amount + i for i in range(start, stop)]], schema=schema)

    table = catalog.create_table("media.py_changed", schema)
    with table.update_spec() as spec:
        spec.add_field("kind", IdentityTransform())
    table.append(rows(0, 30))
    table.delete("id in (3, 4)")
    table.overwrite(rows(5, 8, 100), "id >= 5 and id < 8")
    table.upsert(rows(28, 35, 200), join_cols=["id"])
    check("media.py_changed")
    check("media.py_changed", "kind = 'k1'")
    check("media.py_changed", "amount > 200")
    table.dynamic_partition_overwrite(rows(60, 61))
    check("media.py_changed")
    with table.update_schema() as update:
        update.rename_column("amount", "total")
    with table.update_schema() as update:
        update.update_column("total", LongType())
        update.add_column("note", StringType())
        update.move_first("note")
    table.append(pa.table({"note": ["new"], "id": pa.array([500], pa.int64()), "kind": ["k9"],
                           "total": pa.array([2**40], pa.int64())}))
    check("media.py_changed")
    check("media.py_changed", "total = 128")
    check("media.py_changed", "note IS NULL")
    with table.update_spec() as spec:
        spec.remove_field("kind")
    table.append(pa.table({"note": [None], "id": pa.array([501], pa.int64()), "kind": ["k1"],
                           "total": pa.array([1], pa.int64())}, schema=table.schema().as_arrow()))
    check("media.py_changed", "kind = 'k1'")


def foreign_files(catalog, maker):
    """Parquet files without field ids, taken in by name mapping; columns later renamed."""
    check = maker.check
    schema = pa.schema([("id", pa.int64()), ("name", pa.string())])
    table = catalog.create_table("media.py_mapped", schema)
    folder = table.location().removeprefix("file://") + "/data"
    os.makedirs(folder, exist_ok=True)
    paths = []
    for number in range(2):
        path = f"{folder}/foreign-{number}.parquet"
        pyarrow.parquet.write_table(pa.table([[number * 2, number * 2 + 1], [f"a{number}", None]],
                                             schema=schema), path)
        paths.append("file://" + path)
    table.add_files(paths)
    check("media.py_mapped")
    check("media.py_mapped", "id > 1")
    with table.update_schema() as update:
        update.rename_column("name", "title")
    table.append(pa.table({"id": pa.array([9], pa.int64()), "title": ["nine"]}))
    check("media.py_mapped")
    check("media.py_mapped", "title = 'a0'")


SUBJECTS = [types, changes, foreign_files]
