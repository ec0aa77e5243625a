# SPDX-License-Identifier: Apache-2.0
"""Equality deletes as Flink writes them, made with Iceberg's Java library: read, rewritten, merged over.

The spec's rules: a delete concerns rows of older commits only, rows of its own partition unless its
partition spec has no fields, and takes null for equal to null.
"""

import pytest


def delete_equal(lake, columns, rows, partition=None, spec_id=None):
    """Commits an equality delete file of the rows over the columns."""
    jvm = lake.spark.jvm
    table = lake.spark.table("media.t")
    spec = table.spec() if spec_id is None else table.specs().get(spec_id)
    schema = table.schema().select(list(columns))
    gateway = lake.spark.session.sparkContext._gateway
    ids = gateway.new_array(jvm.int, len(columns))
    for i, column in enumerate(columns):
        ids[i] = table.schema().findField(column).fieldId()
    factory = jvm.org.apache.iceberg.data.GenericAppenderFactory(
        table.schema(), spec, ids, schema, None)
    path = f"{table.location()}/data/{jvm.java.util.UUID.randomUUID().toString()}-deletes.parquet"
    output = jvm.org.apache.iceberg.encryption.EncryptedFiles.plainAsEncryptedOutput(
        table.io().newOutputFile(path))
    place = jvm.org.apache.iceberg.DataFiles.data(spec, partition) if partition else None
    writer = factory.newEqDeleteWriter(output, jvm.org.apache.iceberg.FileFormat.PARQUET, place)
    for row in rows:
        record = jvm.org.apache.iceberg.data.GenericRecord.create(schema)
        for column, value in zip(columns, row):
            record.setField(column, value)
        writer.write(record)
    writer.close()
    table.newRowDelta().addDeletes(writer.toDeleteFile()).commit()


def make(lake, partition=""):
    lake.spark.sql("CREATE TABLE media.t (id BIGINT, name STRING, code INT, region STRING) "
                   f"USING iceberg {partition} TBLPROPERTIES ('format-version'='2')")


def ids(lake):
    """By Daypart, after a look that Spark sees the same."""
    found = [row["id"] for row in lake.query("SELECT id FROM media.t ORDER BY id")]
    assert found == [row["id"] for row in lake.spark.sql("SELECT id FROM media.t ORDER BY id")]
    return found


def test_only_older_rows_go_and_null_equals_null(lake):
    make(lake)
    lake.must("query", "--write", "INSERT INTO media.t VALUES (1, 'a', 1, 'n'), (2, 'b', 1, 'n'), "
              "(3, NULL, 1, 'n'), (4, 'a', 2, 'n'), (5, NULL, NULL, 'n')")
    delete_equal(lake, ["name"], [("b",)])
    assert ids(lake) == [1, 3, 4, 5]
    lake.must("query", "--write", "INSERT INTO media.t VALUES (6, 'b', 1, 'n'), (7, 'a', 1, 'n')")
    assert ids(lake) == [1, 3, 4, 5, 6, 7]
    delete_equal(lake, ["name", "code"], [("a", 1), (None, None)])
    assert ids(lake) == [3, 4, 6]
    delete_equal(lake, ["name"], [(None,)])
    assert ids(lake) == [4, 6]


@pytest.mark.parametrize("change", ["maintain", "update", "merge", "load"])
def test_rewritten_files_do_not_bring_rows_back(lake, change):
    make(lake)
    for first in (0, 10):
        rows = ", ".join(f"({i}, 'n{i % 5}', {i}, 'r')" for i in range(first, first + 10))
        lake.must("query", "--write", f"INSERT INTO media.t VALUES {rows}")
    delete_equal(lake, ["name"], [("n1",), ("n3",)])
    expected = [i for i in range(20) if i % 5 not in (1, 3)]
    assert ids(lake) == expected
    if change == "maintain":
        lake.must("maintain", "media.t", "compact")
    elif change == "update":
        lake.must("query", "--write", "UPDATE media.t SET code = 100 WHERE id < 15")
    elif change == "merge":
        lake.must("query", "--write", "MERGE INTO media.t USING (SELECT 2 AS id UNION ALL SELECT 3) "
                  "AS s ON t.id = s.id WHEN MATCHED THEN UPDATE SET code = 7 "
                  "WHEN NOT MATCHED THEN INSERT (id) VALUES (s.id)")
        expected = sorted([*expected, 3])
    else:
        assert lake.load("media.t", "id,name,code,region\n2,x,1,r\n", "--mode", "merge", "--key",
                         "id").returncode == 0
    assert ids(lake) == expected


def test_a_delete_stays_in_its_partition(lake):
    make(lake, "PARTITIONED BY (region)")
    lake.must("query", "--write", "INSERT INTO media.t VALUES (1, 'a', 1, 'north'), "
              "(2, 'a', 1, 'south'), (3, 'b', 1, 'north')")
    delete_equal(lake, ["name"], [("a",)], partition="region=north")
    assert ids(lake) == [2, 3]


def test_a_delete_of_a_spec_without_fields_is_for_all_partitions(lake):
    make(lake)
    lake.spark.sql("ALTER TABLE media.t ADD PARTITION FIELD region")
    lake.must("query", "--write", "INSERT INTO media.t VALUES (1, 'a', 1, 'north'), "
              "(2, 'a', 1, 'south'), (3, 'b', 1, 'north')")
    delete_equal(lake, ["name"], [("a",)], spec_id=0)
    assert ids(lake) == [3]
